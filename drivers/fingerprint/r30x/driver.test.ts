import t, { type Test } from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { Counters } from '../../../edge/base/counters.ts'
import { parse } from '../../../edge/base/schema.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { Exchange, type LinkCounter } from '../../kit/exchange.ts'
import { pseudoTerminalsAvailable } from '../../kit/twin.ts'
import { type Packet, packetFramer } from './codec.ts'
import { driver } from './driver.ts'
import { FingerModule } from './module.ts'
import { R30xEmulation, R30xTwin, type R30xTwinOptions, templateOf } from './twin.ts'

const templateText = (identity: string): string => Buffer.from(templateOf(identity)).toString('base64')
const quick = { reply_ms: 500, reconnect_ms: 20, poll_ms: 5, watch_ms: 200, retries: 2 }

/** A started driver and its twin on TCP. */
async function started(t: Test, twinOptions: R30xTwinOptions = {}, options: Record<string, unknown> = {}, secret = '') {
  const twin = new R30xTwin({ tempo: 0, ...twinOptions }, 'tcp')
  const settings = parse(driver.options, { ...await twin.start(), ...quick, ...options }, 'PC-TEST-OPTIONS', 'options')
  const device = driver.create(settings, { ...standaloneContext('finger'), secret: async () => Buffer.from(secret) })
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  return { scanner: device.component, twin, module: twin.device }
}

for (const via of pseudoTerminalsAvailable() ? ['pty', 'tcp'] as const : ['tcp'] as const) {
  void t.test(`conformance over ${via}`, async (t) => {
    conformance(t, {
      driver,
      twin: () => new R30xTwin({ tempo: 0 }, via),
      options: { ...quick, reply_ms: 250, watch_ms: 500 },
      exercise: async (component, twin) => {
        twin.device.setFinger({ identity: 'An' })
        const { outcome } = await component.invoke('verify', { template: templateText('An'), limit_ms: 10_000 })
        if (outcome !== 'match') throw new Error(`it says ${outcome}`)
      },
    })
  })
}

void t.test('1:1: match, another finger, no finger, dry and wet skin', async (t) => {
  const { scanner, module } = await started(t)
  const verify = (limit_ms = 10_000) => scanner.invoke('verify', { template: templateText('An'), limit_ms })
  module.setFinger({ identity: 'An' })
  const match = await verify()
  t.equal(match.outcome, 'match')
  t.ok(match.score > 150)
  module.setFinger({ identity: 'Binh' })
  const other = await verify()
  t.equal(other.outcome, 'no-match')
  t.ok(other.score < 20)
  module.setFinger('none')
  t.strictSame(await verify(100), { outcome: 'no-finger', score: 0 })
  module.setFinger('dry')
  t.strictSame(await verify(), { outcome: 'poor-image', score: 0 })
  module.setFinger({ identity: 'An', skin: 'wet' })
  t.strictSame(await verify(), { outcome: 'poor-image', score: 0 })
})

void t.test('a finger that is poor at first may still be read', async (t) => {
  const { scanner, module } = await started(t, {}, { poor_tries: 10, poll_ms: 300 })
  module.setFinger('dry')
  const reading = scanner.invoke('verify', { template: templateText('An'), limit_ms: 30_000 })
  await until(() => module.pictures > 0, 'a poor picture was taken')
  module.setFinger({ identity: 'An' })
  t.match(await reading, { outcome: 'match' })
})

void t.test('a template that is none is refused before the traveller waits', async (t) => {
  const { scanner } = await started(t)
  for (const template of ['', '####', Buffer.alloc(511).toString('base64'), `${templateText('An')}=`]) {
    await t.rejects(scanner.invoke('verify', { template, limit_ms: 1_000 }), { code: 'PC-FINGER-TEMPLATE' })
  }
})

void t.test('enrolling gives a template that matches, stores it, and refuses two different fingers', async (t) => {
  const { scanner, module } = await started(t)
  module.setFinger({ identity: 'An', lifts: true })
  const enrolled = await scanner.invoke('enrol', { slot: 7, limit_ms: 10_000 })
  t.equal(enrolled.outcome, 'enrolled')
  t.equal(scanner.read('stored'), 1)
  t.equal(Buffer.from(module.library.get(7) ?? []).toString('base64'), enrolled.template)
  t.match(await scanner.invoke('verify', { template: enrolled.template ?? '', limit_ms: 10_000 }), { outcome: 'match' })

  const before = module.pictures
  module.setFinger({ identity: 'An' })
  const twoFingers = scanner.invoke('enrol', { limit_ms: 30_000 })
  await until(() => module.pictures > before, 'the first finger was taken')
  module.setFinger('none')
  const first = module.pictures
  module.setFinger({ identity: 'Binh', lifts: true })
  const outcome = await twoFingers
  t.ok(module.pictures > first)
  t.strictSame(outcome, { outcome: 'not-same' })

  module.setFinger({ identity: 'An' })
  t.strictSame(await scanner.invoke('enrol', { limit_ms: 200 }), { outcome: 'no-finger' }, 'a finger that is never lifted')
  await t.rejects(scanner.invoke('enrol', { slot: 1_000, limit_ms: 200 }), { code: 'PC-FINGER-SLOT' })
})

void t.test('a picture: 256 x 288, 8-bit grey, as the sensor saw it', async (t) => {
  const { scanner, module } = await started(t)
  const seen = Uint8Array.from({ length: 256 * 288 }, (_, index) => (index * 7) % 256)
  module.setFinger({ identity: 'An', picture: seen })
  const { outcome, width, height, grey } = await scanner.invoke('image', { limit_ms: 10_000 })
  t.strictSame({ outcome, width, height }, { outcome: 'taken', width: 256, height: 288 })
  const pixels = Buffer.from(grey, 'base64')
  t.equal(pixels.length, seen.length)
  t.ok(pixels.every((pixel, index) => pixel >>> 4 === (seen[index] ?? 0) >>> 4), 'the upper four bits of every pixel')
  module.setFinger('dry')
  t.match(await scanner.invoke('image', { limit_ms: 10_000 }), { outcome: 'poor-image', width: 256 }, 'a poor one is handed out and marked')
  module.setFinger('none')
  t.strictSame(await scanner.invoke('image', { limit_ms: 100 }), { outcome: 'no-finger', width: 0, height: 0, grey: '' })
})

void t.test('a picture whose packets are damaged on the way is asked for again', async (t) => {
  const { scanner, module, twin } = await started(t)
  module.setFinger({ identity: 'An' })
  const first = await scanner.invoke('image', { limit_ms: 10_000 })
  const again = scanner.invoke('image', { limit_ms: 10_000 })
  await until(() => module.pictures > 1, 'the picture was taken')
  twin.faults.corruptNext = 2
  t.strictSame(await again, first)
})

void t.test('passwords: none, right, wrong, malformed', async (t) => {
  const right = await started(t, { password: 0x1234abcd }, { password: 'credential:finger' }, '1234abcd\n')
  t.equal(right.scanner.health.status, 'ready')
  const raw = await started(t, { password: 0x31323334 }, { password: 'credential:finger' }, '1234')
  t.equal(raw.scanner.health.status, 'ready', 'four bytes')
  const wrong = await started(t, { password: 0x31323334 }, { password: 'credential:finger' }, '4321')
  t.match(wrong.scanner.health, { status: 'failed', code: 'PC-FINGER-PASSWORD' })
  const none = await started(t, { password: 0x1234abcd })
  t.match(none.scanner.health, { status: 'failed', code: 'PC-FINGER-PASSWORD' })
  const malformed = await started(t, {}, { password: 'credential:finger' }, 'secret')
  t.match(malformed.scanner.health, { status: 'failed', code: 'PC-FINGER-PASSWORD-FORM' })
  t.notMatch(JSON.stringify(malformed.scanner.health), 'secret')
})

void t.test('another address does not answer; the right one does', async (t) => {
  const wrong = await started(t, { address: 0x1000_0000 }, { retries: 0, reply_ms: 100 })
  t.match(wrong.scanner.health, { status: 'failed', code: 'PC-LINK-TIMEOUT' })
  const right = await started(t, { address: 0x1000_0000 }, { address: 0x1000_0000 })
  t.equal(right.scanner.health.status, 'ready')
})

void t.test('the packet size is the one that the module says', async (t) => {
  for (const packet_bytes of [32, 256] as const) {
    const { scanner, module } = await started(t, { packet_bytes })
    module.setFinger({ identity: 'An', lifts: true })
    t.match(await scanner.invoke('enrol', { limit_ms: 10_000 }), { outcome: 'enrolled' })
    t.match(await scanner.invoke('verify', { template: templateText('An'), limit_ms: 10_000 }), { outcome: 'match' })
  }
})

void t.test('unplugged while a finger is awaited: an error at once, and ready again after the replug', async (t) => {
  const { scanner, module, twin } = await started(t)
  const waiting = scanner.invoke('verify', { template: templateText('An'), limit_ms: 30_000 })
  const rejected = t.rejects(waiting, { code: /^PC-LINK-(LOST|DOWN|WRITE)$/ })
  await twin.unplug()
  await rejected
  await t.rejects(scanner.invoke('verify', { template: templateText('An'), limit_ms: 100 }), { code: 'PC-LINK-DOWN' })
  await twin.plug()
  await until(() => scanner.health.status === 'ready', 'it is back')
  module.setFinger({ identity: 'An' })
  t.match(await scanner.invoke('verify', { template: templateText('An'), limit_ms: 10_000 }), { outcome: 'match' })
})

void t.test('cancelled while a finger is awaited: the next command has the module to itself', async (t) => {
  const { scanner, module } = await started(t)
  const cancel = new AbortController()
  const waiting = scanner.invoke('verify', { template: templateText('An'), limit_ms: 30_000 }, undefined, cancel.signal)
  const rejected = t.rejects(waiting, { code: 'PC-BASE-CANCELLED' })
  cancel.abort()
  await rejected
  module.setFinger({ identity: 'Binh' })
  t.match(await scanner.invoke('verify', { template: templateText('Binh'), limit_ms: 10_000 }), { outcome: 'match' })
})

void t.test('commands wait for one another, and too many are refused', async (t) => {
  const { scanner, module } = await started(t)
  const asked = Array.from({ length: 6 }, () => scanner.invoke('verify', { template: templateText('An'), limit_ms: 10_000 }))
  const settled = Promise.allSettled(asked)
  module.setFinger({ identity: 'An' })
  const results = await settled
  t.ok(results.every((result) => (result.status === 'fulfilled' ? result.value.outcome === 'match' : result.reason.code === 'PC-FINGER-BUSY')))
  t.ok(results.some((result) => result.status === 'rejected'))
})

void t.test('a module that lost its power is given its password again', async (t) => {
  const { scanner, module } = await started(t, { password: 5 }, { password: 'credential:finger', watch_ms: 30 }, '00000005')
  module.connected()
  await until(() => scanner.read('counters')?.['connects'] === 2 && scanner.health.status === 'ready', 'it was connected anew')
  module.setFinger({ identity: 'An' })
  t.match(await scanner.invoke('verify', { template: templateText('An'), limit_ms: 10_000 }), { outcome: 'match' })
})

/** The module's functions against the emulation, byte by byte in memory; `late` holds answers back. */
function direct(options: R30xTwinOptions = {}, template_bytes = 512) {
  const held: Uint8Array[] = []
  const wire = { late: false, release: () => held.splice(0).forEach(receive) }
  const framer = packetFramer()
  const emulation = new R30xEmulation((bytes) => (wire.late ? held.push(bytes) : receive(bytes)), { tempo: 0, ...options })
  const send = async (bytes: Uint8Array): Promise<void> => {
    await Promise.resolve()
    emulation.receive(bytes)
  }
  const exchange = new Exchange<Packet>({
    component: 'finger', clock: systemClock, limits: { reply_ms: 50, retries: 0 }, send, beforeTry: () => framer.reset(),
    counters: new Counters<LinkCounter>([]),
  })
  const receive = (bytes: Uint8Array): void => framer.push(bytes).forEach((packet) => exchange.receive(packet))
  const settings = { component: 'finger', address: 0xffff_ffff, retries: 2, transfer_ms: 500, template_bytes, onRetry: () => undefined }
  const module = new FingerModule({ request: (...call) => exchange.request(...call), send }, settings)
  return { module, emulation, wire }
}

void t.test('every instruction, and what the module refuses', async (t) => {
  const { module, emulation } = direct({ capacity: 100 })
  emulation.learn(3, 'An')
  emulation.learn(5, 'Binh')
  emulation.setFinger({ identity: 'Binh' })
  t.equal(await module.getImage(), 'taken')
  t.equal(await module.extract(1), true)
  t.match(await module.search(1, 0, 100), { slot: 5 })
  t.equal(await module.search(1, 0, 5), undefined)
  await module.load(2, 5)
  t.match(await module.match(), { same: true })
  await module.load(2, 3)
  t.match(await module.match(), { same: false })
  t.equal(await module.countTemplates(), 2)
  await module.delete(5)
  t.equal(await module.search(1, 0, 100), undefined)
  await t.rejects(module.load(1, 50), { code: 'PC-FINGER-MEMORY' })
  await t.rejects(module.store(1, 100), { code: 'PC-FINGER-SLOT' })
  await t.rejects(module.delete(99, 2), { code: 'PC-FINGER-MEMORY' })
  await module.empty()
  t.equal(await module.countTemplates(), 0)
  await module.setPassword(9)
  emulation.connected()
  await t.rejects(module.countTemplates(), { code: 'PC-FINGER-PASSWORD' })
  await t.rejects(module.verifyPassword(8), { code: 'PC-FINGER-PASSWORD' })
  await module.verifyPassword(9)
  await t.rejects(module.uploadTemplate(1), { code: 'PC-FINGER-TRANSFER' }, 'an empty buffer')
  await t.rejects(module.uploadPicture(), { code: 'PC-FINGER-TRANSFER' }, 'no picture')
})

void t.test('a template of another length than the profile says is refused', async (t) => {
  const { module, emulation } = direct({}, 768)
  emulation.learn(0, 'An')
  await module.load(1, 0)
  await t.rejects(module.uploadTemplate(1), { code: 'PC-FINGER-TRANSFER', message: /512 bytes where 768/ })
})

void t.test('an answer that comes too late is not taken for the answer to the next request', async (t) => {
  const { module, emulation, wire } = direct()
  emulation.setFinger({ identity: 'An' })
  wire.late = true
  await t.rejects(module.getImage(), { code: 'PC-LINK-TIMEOUT' })
  wire.late = false
  emulation.setFinger('none')
  const next = module.getImage()
  wire.release()
  t.equal(await next, 'no-finger', 'the old answer said that a picture was taken')
})

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { parse } from '../../../edge/base/schema.ts'
import { sleep } from '../../../edge/base/wait.ts'
import type { Lidar } from '../../../edge/device/capabilities.ts'
import type { Component } from '../../../edge/device/component.ts'
import type { PointBlock } from '../../../edge/device/points.ts'
import { standaloneContext, until } from '../../kit/conformance.ts'
import { colaFramer, frame, telegram } from './cola.ts'
import { driver } from './driver.ts'
import { type Field, parseField } from './fields.ts'
import { readRecorded } from './recorded.ts'
import { SickTimTwin, type SickTimTwinOptions } from './twin.ts'

type Scanner = Component<typeof Lidar.members>
/** The emulated sensors take no processor to speak of: their tests wait side by side. */
t.jobs = 4
const quick = { reply_ms: 1_000, reconnect_ms: 20, silent_ms: 300, first_ms: 800, well_ms: 100, late_ms: 2_000, reopen_ms: 600 }

async function started(t: Test, options: Record<string, unknown> = {}, twinOptions: SickTimTwinOptions = {}, secret = '') {
  const twin = new SickTimTwin(twinOptions)
  const settings = parse(driver.options, { ...await twin.start(), ...quick, ...options }, 'PC-TEST-OPTIONS', 'options')
  const device = driver.create(settings, { ...standaloneContext('lidar'), secret: async () => Buffer.from(secret) })
  const troubles: string[] = []
  device.component.onEvent('trouble', ({ reason }) => troubles.push(reason))
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  await device.start(new AbortController().signal)
  return { device, lidar: device.component, twin, tim: twin.device, troubles }
}

/** The next so many blocks, by what is asked of each. */
async function scans<T>(lidar: Scanner, count: number, look: (block: PointBlock) => T): Promise<T[]> {
  const seen: T[] = []
  const stop = lidar.onStream('points', (block) => seen.push(look(block)))
  await until(() => seen.length >= count, `${count} scans came`).finally(stop)
  return seen
}

void t.test('it says what it is, how it scans, and where things are', async (t) => {
  const { lidar, tim } = await started(t)
  t.match(lidar.health, { status: 'ready' })
  t.strictSame(lidar.read('identity'), { manufacturer: 'SICK', model: 'TIM781-2174104', serial: '20430001', firmware: 'V3.17-emulated' })
  tim.scene.noise_m = 0
  tim.scene.cylinder({ x: 1.5, y: 0, radius: 0.1, height: 1 })
  await scans(lidar, 2, () => undefined)
  const [seen] = await scans(lidar, 1, (block) => {
    const ahead = 405
    return { columns: block.columns, rings: block.rings, x: block.x[ahead], y: block.y[ahead], first: block.angle[0], lost: block.lost }
  })
  t.match(seen, { columns: 811, rings: 1, lost: 0 })
  t.ok(Math.abs((seen?.x ?? 0) - 1.4) < 0.002 && Math.abs(seen?.y ?? 1) < 0.002, 'the cylinder stands 1.4 m ahead')
  t.ok(Math.abs((seen?.first ?? 0) - 1.25 * Math.PI) < 1e-5, 'the first beam looks back to the right')
  await until(() => (lidar.read('turns') ?? 0) > 5, 'a second has passed')
  t.ok((lidar.read('rate') ?? 0) > 4_000)
  t.ok((lidar.read('returns') ?? 0) > 0.9)
})

void t.test('points come turn by turn; scans that are missing are counted', async (t) => {
  const { lidar, tim } = await started(t)
  const turns = await scans(lidar, 5, (block) => block.turn)
  t.strictSame(turns, turns.map((_, index) => (turns[0] ?? 0) + index))
  tim.faults.loseNext = 2
  const lost: number[] = []
  const stop = lidar.onStream('points', (block) => lost.push(block.lost))
  await until(() => lost.some((count) => count > 0), 'a gap was seen').finally(stop)
  t.strictSame(lost.filter((count) => count > 0), [2])
  await until(() => lidar.read('counters')?.['lost'] === 2, 'it is counted')
})

void t.test('fields: what the sensor\'s own evaluation says, of the set that is active', async (t) => {
  const { lidar, tim } = await started(t)
  t.strictSame(lidar.read('fields'), { 'set1.field1': 'free', 'set1.field2': 'free', 'set1.field3': 'free' }, 'asked for when connected')
  const leave = tim.scene.cylinder({ x: 1.2, y: 0, radius: 0.07, height: 1 })
  await until(() => lidar.read('fields')?.['set1.field3'] === 'infringed', 'the rectangle ahead is infringed')
  t.strictSame(lidar.read('fields'), { 'set1.field1': 'free', 'set1.field2': 'infringed', 'set1.field3': 'infringed' })
  leave()
  await until(() => lidar.read('fields')?.['set1.field3'] === 'free', 'it is free again')
  tim.scene.cylinder({ x: -0.5, y: 0.5, radius: 0.07, height: 1 })
  await until(() => lidar.read('fields')?.['set1.field1'] === 'infringed', 'the near ring is infringed')
  t.match(lidar.read('fields'), { 'set1.field3': 'free' }, 'not ahead')
  tim.inputs = 1
  await until(() => lidar.read('fields')?.['set2.field1'] !== undefined, 'the inputs choose another set')
  t.strictSame(Object.keys(lidar.read('fields') ?? {}), ['set2.field1'])
  await until(() => lidar.read('fields')?.['set2.field1'] === 'free', 'the sensor says so')
})

void t.test('fields: another set whose results are the same tells nothing by itself, and is asked', async (t) => {
  const ring = (index: number, far_mm: number): Field => ({
    index, name: '', incomplete: false, shapes: [{ kind: 'segmented', corners: [{ angle_deg: 0, near_mm: 0, far_mm }, { angle_deg: 90, near_mm: 0, far_mm }, { angle_deg: 180, near_mm: 0, far_mm }] }],
  })
  const { lidar, tim } = await started(t, {}, { fields: [ring(0, 500), ring(3, 700)] })
  t.strictSame(lidar.read('fields'), { 'set1.field1': 'free' })
  tim.inputs = 1
  await until(() => lidar.read('fields')?.['set2.field1'] === 'free', 'what the other set says is known, too')
  t.strictSame(Object.keys(lidar.read('fields') ?? {}), ['set2.field1'])
  tim.inputs = 0
  await until(() => lidar.read('fields')?.['set1.field1'] === 'free', 'and that of the first again')
})

void t.test('a link that is lost: nothing is known of the fields, and the trouble is named', async (t) => {
  const { device, lidar, twin, troubles } = await started(t)
  await twin.unplug()
  await until(() => lidar.health.status === 'failed', 'it is noticed')
  t.strictSame(lidar.read('fields'), { 'set1.field1': 'unknown', 'set1.field2': 'unknown', 'set1.field3': 'unknown' })
  t.strictSame(troubles, ['silent'])
  await twin.plug()
  await until(() => lidar.health.status === 'ready', 'it is back')
  await scans(lidar, 1, () => undefined)
  t.match(lidar.read('fields'), { 'set1.field1': 'free' })
  await device.stop()
  t.strictSame(troubles, ['silent'], 'to be stopped is no trouble')
})

for (const [what, code, reason, fault] of [
  ['the same scan again and again', 'PC-LIDAR-FROZEN', 'frozen', { frozen: true }],
  ['scanning no more', 'PC-LIDAR-SILENT', 'silent', { stopped: true }],
  ['a device error', 'PC-LIDAR-FAULT', 'fault', { status: 1 }],
  ['a device error beside a dirty window', 'PC-LIDAR-FAULT', 'fault', { status: 3 }],
  ['a window that is too dirty', 'PC-LIDAR-DIRTY', 'blinded', { status: 5 }],
  ['a window that is too dirty and nothing else', 'PC-LIDAR-DIRTY', 'blinded', { status: 4 }],
  ['a clock that jumps', 'PC-LIDAR-CLOCK', 'clock', { clockJump_us: -500_000 }],
] as const) {
  void t.test(`${what}: named, and over when it is over`, async (t) => {
    const { lidar, tim, troubles } = await started(t, { reopen_ms: 60_000 })
    await scans(lidar, 8, () => undefined)
    const wells = { ...tim.faults }
    Object.assign(tim.faults, fault)
    await until(() => lidar.health.code === code, `it is ${reason}`)
    t.match(lidar.health, { status: 'failed', says: /^lidar .*\.$/ })
    t.ok(troubles.includes(reason))
    if (reason !== 'clock') Object.assign(tim.faults, wells)
    await until(() => lidar.health.status === 'ready', 'all is well again')
    t.equal(troubles.length, 1, 'it was said once')
  })
}

void t.test('a window that gets dirty is said before it is too late', async (t) => {
  const { lidar, tim, troubles } = await started(t)
  tim.faults.status = 2
  await until(() => lidar.health.code === 'PC-LIDAR-DIRTY', 'it is said')
  t.equal(lidar.health.status, 'degraded')
  t.strictSame(troubles, [])
})

void t.test('a sensor that stands still is started by whom it trusts, and only then', async (t) => {
  const { lidar, tim } = await started(t, { first_ms: 200, password: 'credential:lidar' }, { passwordHash: 0x1234_abcd }, '1234abcd')
  t.equal(lidar.health.status, 'ready')
  tim.faults.stopped = true
  await until(() => lidar.health.status === 'failed', 'it stands still')
  await until(() => lidar.health.status === 'ready', 'it was started again')
  t.equal(tim.faults.stopped, false)

  const stranger = await started(t, { first_ms: 200, password: 'credential:lidar' }, {}, '1234abcd')
  stranger.tim.faults.stopped = true
  await until(() => stranger.lidar.health.code === 'PC-SICK-REFUSED', 'it trusts somebody else')
  stranger.tim.faults.stopped = false
  await until(() => stranger.lidar.health.status === 'ready', 'it scans by itself')

  const wrong = await started(t, { first_ms: 200, password: 'credential:lidar' }, {}, 'no hash')
  wrong.tim.faults.stopped = true
  await until(() => wrong.lidar.health.code === 'PC-SICK-PASSWORD', 'the password has no form')
})

void t.test('the self-test finds an error of the sensor and a covered window', async (t) => {
  const { lidar, tim } = await started(t)
  t.match(await lidar.invoke('selfTest', {}), { passed: true })
  tim.faults.dirty = 1
  await sleep(systemClock, 200)
  const report = await lidar.invoke('selfTest', {})
  t.equal(report.passed, false)
  t.strictSame(report.checks.filter(({ passed }) => !passed).map(({ name }) => name), ['returns'])
  tim.faults.status = 1
  t.match((await lidar.invoke('selfTest', {})).checks[0], { name: 'state', passed: false })
})

const folder = join(process.env['PORTCULLIS_DATA'] ?? '../shared/data', 'lidar/sick-tim')
const recordings = existsSync(folder) ? readdirSync(folder).filter((file) => /\.json(\.gz)?$/.test(file)) : []

/** Answers with what was recorded, and sends the recorded events 15 times a second once it is told to. */
async function player(t: Test, telegrams: readonly Uint8Array[]): Promise<string> {
  const words = (payload: Uint8Array) => Buffer.from(payload).toString('latin1').split(' ', 2)
  const replies = new Map(telegrams.map((payload) => [words(payload).join(' '), payload]))
  const events = telegrams.filter((payload) => words(payload)[0] === 'sSN')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const framer = colaFramer()
    let timer: NodeJS.Timeout | undefined
    socket.on('close', () => clearInterval(timer))
    socket.on('data', (bytes) => {
      for (const payload of framer.push(bytes)) {
        const [kind = '', name = ''] = words(payload)
        const reply = replies.get(`${kind.slice(0, 1)}${kind === 'sRN' ? 'RA' : kind === 'sEN' ? 'EA' : 'AN'} ${name}`)
        socket.write(reply === undefined ? telegram('sFA', Uint8Array.of(0, 3)) : frame(reply))
        let next = 0
        if (name === 'LMDscandata' && kind === 'sEN') timer ??= setInterval(() => socket.write(frame(events[next++ % events.length] as Uint8Array)), 1_000 / 15)
      }
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `tcp://127.0.0.1:${(server.address() as { port: number }).port}`
}

void t.test('recorded conversations, told again', { skip: recordings.length > 0 ? false : `no recordings in ${folder}` }, async (t) => {
  for (const name of recordings) {
    const framer = colaFramer()
    const telegrams = readRecorded(readFileSync(join(folder, name))).flatMap(({ bytes }) => framer.push(bytes)).map((payload) => payload.slice())
    if (!telegrams.some((payload) => Buffer.from(payload).includes('sSN LMDscandata'))) continue
    const settings = parse(driver.options, { port: await player(t, telegrams), ...quick }, 'PC-TEST-OPTIONS', 'options')
    const device = driver.create(settings, standaloneContext('lidar'))
    t.teardown(() => device.stop())
    await device.start(new AbortController().signal)
    t.match(device.component.health, { status: 'ready' }, name)
    const configured = telegrams.map(parseField).filter((field) => field !== undefined && field.shapes.length > 0 && field.index < 3)
    t.equal(Object.keys(device.component.read('fields') ?? {}).length, configured.length, 'the configured fields of the first set')
    t.match(device.component.read('identity'), { manufacturer: 'SICK', serial: /^\d+$/ })
    t.ok((await scans(device.component, 10, (block) => block.columns)).every((columns) => columns === 811))
    await device.stop()
  }
})

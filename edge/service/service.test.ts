import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ManualClock, systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { Listeners } from '../base/listeners.ts'
import { sleep } from '../base/wait.ts'
import { CodeReader, Lidar } from '../device/capabilities.ts'
import { type Caller, Component } from '../device/component.ts'
import { command, contract, event, type SelfTestReport } from '../device/contract.ts'
import { DeviceModel } from '../device/model.ts'
import type { Fact, FactSource, NewFact } from '../journal/fact.ts'
import { DiagnosisService } from './diagnosis.ts'
import { extractJournal } from './journal-extract.ts'
import { LogBook } from './log-book.ts'
import { logsComponent } from './logs.ts'
import { NumberedRing } from './numbered-ring.ts'
import { emptyOverlay } from './overlay.ts'
import { powerFact, PowerService } from './power.ts'
import { SettingsService } from './settings.ts'
import { followThreads, threadLogger } from './thread-logs.ts'
import { TraceService } from './traces.ts'

const technician: Caller = { id: 't.nguyen', role: 'technician' }
const engineer: Caller = { id: 'e.tran', role: 'engineer' }
const viewer: Caller = { id: 'v.li', role: 'viewer' }

const Toy = contract('toy', 'Does nothing.', {})
const good: SelfTestReport = { passed: true, checks: [] }

/** A model with parts of these names. */
function modelOf(...names: string[]): DeviceModel {
  const model = new DeviceModel()
  for (const name of names) model.add(new Component(name, Toy, systemClock, { selfTest: async () => good }))
  return model
}

function bookOf(level: 'info' | 'warn' = 'info'): { book: LogBook; out: string[] } {
  const out: string[] = []
  return { book: new LogBook(level, { write: (line) => void out.push(line) }), out }
}

void t.test('a ring keeps the newest within its limits, and says what was lost', async (t) => {
  fc.assert(fc.property(fc.array(fc.nat(20), { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), fc.nat(50), fc.nat(70), (sizes, items, size, seen) => {
    const ring = new NumberedRing<number>({ items, size })
    for (const [at, each] of sizes.entries()) ring.push(at + 1, each)
    const all = { items: 100, size: 10_000 }
    const { items: read, lost } = ring.after(seen, all)
    const kept = ring.newest(all)
    const last = sizes.length
    if (kept.length > items || kept.reduce((sum, { item }) => sum + (sizes[item - 1] ?? 0), 0) > size) return false
    if (!kept.every(({ seq, item }, at) => seq === item && seq === last - kept.length + 1 + at)) return false
    return read.length + lost === Math.max(0, last - seen) && read.every(({ seq }) => seq > seen)
  }))
  const ring = new NumberedRing<string>({ items: 10, size: 100 })
  for (const each of ['a', 'b', 'c', 'd']) ring.push(each, 10)
  t.strictSame(ring.newest({ items: 2, size: 100 }).map(({ item }) => item), ['c', 'd'])
  t.strictSame(ring.after(1, { items: 2, size: 100 }).items.map(({ item }) => item), ['b', 'c'], 'reading on begins with the oldest')
  t.strictSame(ring.after(0, { items: 9, size: 5 }).items.length, 1, 'one at least')
})

void t.test('the log: the newest lines, by component, and followed', async (t) => {
  const { book, out } = bookOf()
  const clock = new ManualClock()
  const { component: logs, stop } = logsComponent(book, modelOf('camera', 'relays'), clock)
  book.log.info({ component: 'camera' }, 'one')
  book.log.info({ component: 'relays', note: '"component":"camera"' }, 'two')
  book.log.warn({ unit: 'camera' }, 'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<')
  book.log.debug({ component: 'camera' }, 'unheard')
  t.equal(out.length, 3)
  const tail = async (args: Record<string, unknown>) => await logs.invoke('tail', args as never, viewer)
  const { lines } = await tail({})
  t.strictSame(lines.map(({ seq }) => seq), [1, 2, 3])
  t.notMatch(lines.at(-1)?.text, /ERIKSSON/, 'as it was written: redacted')
  t.strictSame((await tail({ component: 'camera' })).lines.map(({ seq }) => seq), [1, 3])
  t.strictSame(await tail({ after: 3 }), { lines: [], lost: 0 })
  for (let more = 0; more < 3_000; more++) book.log.info({ component: 'relays' }, 'more')
  const { lines: later, lost } = await tail({ after: 3, count: 10 })
  t.equal(later.length, 10)
  t.equal((later[0]?.seq ?? 0) - 4, lost, 'what is no longer kept is counted')
  await t.rejects(tail({ count: 0 }), { code: 'PC-DEVICE-ARGS' })
  stop()
  t.equal(clock.pending, 0)
})

void t.test('a component writes more for a while, and then as before by itself', async (t) => {
  const { book, out } = bookOf('warn')
  const clock = new ManualClock()
  const { component: logs, stop } = logsComponent(book, modelOf('camera', 'relays', ...Array.from({ length: 40 }, (_, at) => `p${at}`)), clock)
  const louder = async (args: Record<string, unknown>, caller = technician) => await logs.invoke('setLevel', args as never, caller)
  const written = (): number => {
    out.length = 0
    for (const component of ['camera', 'relays']) {
      book.log.debug({ component }, 'detail')
      book.log.info({ component }, 'news')
    }
    book.log.debug('nobody in particular')
    return out.length
  }
  t.equal(written(), 0)
  await t.rejects(louder({ component: 'camera', level: 'debug' }, viewer), { code: 'PC-DEVICE-ROLE' })
  await t.rejects(louder({ component: 'nobody', level: 'debug' }), { code: 'PC-DEVICE-UNKNOWN' })
  await louder({ component: 'camera', level: 'debug', for_s: 60 })
  t.strictSame(logs.read('louder'), { camera: 'debug' })
  t.equal(written(), 2, 'it alone')
  await louder({ level: 'info', for_s: 30 })
  t.equal(written(), 3, 'all write news, it alone details')
  clock.advance(31_000)
  t.equal(written(), 2)
  await louder({ component: 'camera', level: 'info', for_s: 60 })
  t.equal(written(), 1, 'the newest word counts')
  await louder({ component: 'camera', level: 'error' })
  t.equal(written(), 0, 'no louder than usual: it ends')
  await louder({ component: 'camera', level: 'trace', for_s: 60 })
  clock.advance(60_000)
  t.equal(written(), 0)
  t.strictSame(logs.read('louder'), {})
  t.equal(book.log.level, 'warn', 'the logger turns away again what nobody wants before anything is made of it')
  for (let part = 0; part < 32; part++) await louder({ component: `p${part}`, level: 'debug' })
  await t.rejects(louder({ component: 'p32', level: 'debug' }), { code: 'PC-LOGS-FULL' })
  stop()
  t.equal(clock.pending, 0)
})

void t.test('the lines of a thread come into the same memory, and its level is set from here', async (t) => {
  const { book, out } = bookOf()
  const unfollow = followThreads(book, 'test-log')
  const own: string[] = []
  book.loudness.raise('front', 'debug', 60_000, systemClock)
  const log = threadLogger('info', 'test-log', { write: (line) => void own.push(line) })
  const until = async (holds: () => boolean): Promise<void> => { for (let tries = 0; !holds() && tries < 500; tries++) await sleep(systemClock, 10) }
  await until(() => log.level === 'debug')
  log.debug({ component: 'front' }, 'detail')
  log.debug({ component: 'rear' }, 'unheard')
  await until(() => book.tail(9).lines.length > 0)
  t.equal(own.length, 1)
  t.match(book.tail(9).lines[0]?.item, /"component":"front".*"detail"/)
  t.equal(out.length, 0, 'it went out once, in the thread')
  book.loudness.stop()
  await until(() => log.level === 'info')
  t.equal(log.level, 'info')
  unfollow()
})

void t.test('traces: bytes of a part for a while; what may be personal as lengths', async (t) => {
  const clock = new ManualClock()
  const model = new DeviceModel()
  const wires = ['flap', 'codes', 'lidar', 'a', 'b', 'c'].map((name) => {
    const component = new Component(name, name === 'codes' ? CodeReader : name === 'lidar' ? Lidar : Toy, clock, { selfTest: async () => good })
    component.wire = new Listeners()
    model.add(component)
    return [name, component.wire] as const
  })
  const wire = new Map(wires)
  model.add(new Component('camera', Toy, clock, { selfTest: async () => good }))
  const service = new TraceService({ model, clock, secretive: new Set(['lidar']) })
  const { component: traces } = service
  const say = (part: string, direction: 'in' | 'out', bytes: Uint8Array): void => wire.get(part)?.emit({ direction, bytes })
  const start = async (part: string, for_s = 60) => await traces.invoke('start', { part, for_s }, technician)

  await t.rejects(traces.invoke('start', { part: 'flap', for_s: 60 }, viewer), { code: 'PC-DEVICE-ROLE' })
  await t.rejects(start('camera'), { code: 'PC-TRACE-WIRE' })
  await t.rejects(start('nobody'), { code: 'PC-DEVICE-UNKNOWN' })
  await t.rejects(traces.invoke('read', { part: 'flap' }, technician), { code: 'PC-TRACE-NONE' })
  t.ok(wires.every(([, { size }]) => size === 0), 'nobody listens unless asked')

  for (const part of ['flap', 'codes', 'lidar']) await start(part)
  const sent = Uint8Array.of(1, 3, 0, 64)
  for (const part of ['flap', 'codes', 'lidar']) say(part, 'out', sent)
  say('flap', 'in', new Uint8Array(5_000).fill(7))
  sent.fill(0)
  const read = async (part: string, after = 0) => await traces.invoke('read', { part, after }, technician)
  const [first, second] = (await read('flap')).frames
  t.strictSame(first, { seq: 1, at_ms: clock.wall(), direction: 'out', hex: '01030040', bytes: 4 }, 'the bytes as they were')
  t.match(second, { direction: 'in', bytes: 5_000 })
  t.equal(second?.hex.length, 1_024, 'of a long piece its beginning')
  for (const part of ['codes', 'lidar']) t.match((await read(part)).frames, [{ hex: '', bytes: 4 }], `${part}: the length alone`)

  for (let piece = 0; piece < 2_000; piece++) say('flap', 'in', Uint8Array.of(piece & 255))
  const { frames, lost } = await read('flap', 2)
  t.ok(frames.length <= 250 && lost === (frames[0]?.seq ?? 0) - 3, 'bounded, and what is lost is counted')
  t.equal((await read('flap', 2_000)).frames.length, 2)

  clock.advance(30_000)
  t.strictSame(traces.read('running'), { flap: 30, codes: 30, lidar: 30 })
  await start('a')
  await t.rejects(start('b'), { code: 'PC-TRACE-FULL' })
  await traces.invoke('stop', { part: 'codes' }, technician)
  t.equal(wire.get('codes')?.size, 0)
  t.equal((await read('codes')).frames.length, 1, 'what was kept can still be read')
  await start('b')
  await t.rejects(read('codes'), { code: 'PC-TRACE-NONE' }, 'until another needs the room')
  clock.advance(61_000)
  t.strictSame(traces.read('running'), {})
  t.ok(wires.every(([, { size }]) => size === 0), 'it ends by itself')
  service.stop()
  t.equal(clock.pending, 0)
})

/** A journal in memory. */
class Memory implements FactSource {
  readonly facts: Fact[] = []
  broken = false

  get last(): number {
    return this.facts.length
  }

  after(seq: number, most: number): Fact[] {
    return this.facts.slice(seq, seq + most)
  }

  onAppend = (): (() => void) => () => undefined
  cursor = (): number => 0
  setCursor = (): void => undefined

  append(fact: NewFact): Promise<{ seq: number }> {
    if (this.broken) return new Promise(() => undefined)
    const seq = this.last + 1
    const personal = fact.personal === undefined ? {} : { personal: { day: '2026-01-01', sealed: 'c2VhbGVk' } }
    this.facts.push({ device: 'd', epoch: 1, seq, wall: seq, mono_ms: seq, kind: fact.kind, class: fact.class, body: fact.body, prev: '', hash: '', ...personal })
    return Promise.resolve({ seq })
  }
}

void t.test('an extract of the journal has the newest of every class, and nothing sealed', async (t) => {
  const memory = new Memory()
  await memory.append({ kind: 'a.rare', class: 'audit', body: {} })
  for (let step = 0; step < 1_200; step++) await memory.append({ kind: 'gate.step', class: 'passage', body: { step }, personal: { name: 'ANNA' } })
  const lines = (await extractJournal(memory, 1e6)).trim().split('\n').map((line) => JSON.parse(line) as Fact)
  t.equal(lines.length, 501)
  t.equal(lines[0]?.kind, 'a.rare')
  t.strictSame(lines.at(-1)?.body, { step: 1_199 })
  t.ok(lines.slice(1).every(({ personal }) => personal as unknown === '[sealed]'))
  t.ok((await extractJournal(memory, 10_000)).length <= 10_001, 'bounded')
  t.equal(await extractJournal(new Memory(), 10_000), '\n')
})

const Mover = contract('mover', 'Moves.', {
  go: command({}, 'Goes.', { role: 'engineer', moves: true }),
  seen: event({ content: { type: 'string' } as never }, 'Saw somebody.', { severity: 'info', personal: true }),
})

interface DiagnosisRig {
  diagnosis: DiagnosisService
  model: DeviceModel
  memory: Memory
  state: string
  outbox: string
}

function diagnosisRig(t: Test, components: readonly Component[], clock = systemClock as ManualClock): DiagnosisRig {
  const state = t.testdir()
  const outbox = join(state, 'outbox')
  const model = new DeviceModel()
  for (const component of components) model.add(component)
  const memory = new Memory()
  const { book } = bookOf()
  book.log.info({ component: 'camera' }, 'a line of the log')
  const traces = new TraceService({ model, clock, secretive: new Set() })
  const profile = { parts: { camera: { url: 'http://10.0.0.9/video?token=opensesame' } }, journal: { key: 'credential:journal' } }
  const settings = new SettingsService({
    clock, file: join(state, 'overlay.json'), start: { overlay: emptyOverlay() }, bare: profile, inForce: profile,
    rules: { check: async () => undefined, schemaOf: () => ({}), isGuarded: () => false },
  })
  const diagnosis = new DiagnosisService({ clock, model, journal: memory, book, traces, settings, profile, device: 'site/d-1', version: '1.2.3', state, outbox })
  return { diagnosis, model, memory, state, outbox }
}

void t.test('the self-test of all: movers one by one, the late and the broken named', async (t) => {
  const clock = new ManualClock()
  let moving = 0
  let movingMost = 0
  let free = 0
  let freeMost = 0
  const mover = (name: string): Component => new Component(name, Mover, clock, {
    go: async () => ({}),
    selfTest: async () => {
      movingMost = Math.max(movingMost, ++moving)
      await Promise.resolve()
      moving--
      return good
    },
  })
  const toys = Array.from({ length: 9 }, (_, at) => new Component(`toy${at}`, Toy, clock, {
    selfTest: async () => {
      freeMost = Math.max(freeMost, ++free)
      await Promise.resolve()
      free--
      return good
    },
  }))
  const broken = new Component('broken', Toy, clock, { selfTest: () => Promise.reject(new TypeError('secret words')) })
  const stuck = new Component('stuck', Toy, clock, { selfTest: () => new Promise(() => undefined) })
  const { diagnosis } = diagnosisRig(t, [mover('door'), mover('flap'), ...toys, broken, stuck], clock)
  const done = diagnosis.component.invoke('testAll', {}, technician)
  await t.rejects(diagnosis.component.invoke('testAll', {}, technician), { code: 'PC-DIAG-BUSY' })
  await t.rejects(diagnosis.component.invoke('bundle', {}, viewer), { code: 'PC-DEVICE-ROLE' })
  for (let tick = 0; tick < 120; tick++) {
    clock.advance(500)
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  const { passed, components } = await done
  t.notOk(passed)
  t.equal(movingMost, 1)
  t.ok(freeMost > 1 && freeMost <= 4, 'several at a time')
  t.match(components, { door: { passed: true }, flap: { passed: true }, toy8: { passed: true }, broken: { passed: false }, stuck: { passed: false } })
  t.notMatch(JSON.stringify(components), /secret words/)
  t.match(diagnosis.component.read('progress'), { what: 'self-test', of: 13, done: 13 })
})

void t.test('a bundle: one file with everything and no secret; five are kept', async (t) => {
  const camera = new Component('camera', Toy, systemClock, { selfTest: async () => good })
  camera.publish('counters', { frames: 7 })
  camera.publish('identity', { manufacturer: 'M', model: 'X', serial: 'P<UTOERIKSSON<<ANNA' })
  const { diagnosis, memory, outbox, state } = diagnosisRig(t, [camera])
  await memory.append({ kind: 'gate.passage', class: 'passage', body: { outcome: 'granted' }, personal: { name: 'ANNA' } })
  mkdirSync(join(outbox, '.staging'), { recursive: true })
  writeFileSync(join(outbox, '.staging', 'old'), 'left by a power cut')
  writeFileSync(join(outbox, 'diag-x.tar.gz.part'), 'as that')
  writeFileSync(join(outbox, 'report.pdf'), 'of somebody else')
  for (let old = 0; old < 7; old++) writeFileSync(join(outbox, `diag-d-1-2020010${old}T000000Z.tar.gz`), '')
  const bundle = await diagnosis.component.invoke('bundle', {}, technician)
  const file = join(outbox, bundle.file)
  const bytes = readFileSync(file)
  t.equal(bytes.length, bundle.bytes)
  t.equal(createHash('sha256').update(bytes).digest('hex'), bundle.sha256)
  t.strictSame(readdirSync(outbox).filter((name) => !name.endsWith('.tar.gz')), ['report.pdf'], 'nothing else is left, or touched')
  t.equal(readdirSync(outbox).filter((name) => name.endsWith('.tar.gz')).length, 5)
  t.ok(readdirSync(outbox).includes(bundle.file))

  const out = join(state, 'out')
  mkdirSync(out)
  execFileSync('tar', ['-xzf', file, '-C', out])
  t.strictSame(readdirSync(out).sort(), ['journal.jsonl', 'log.jsonl', 'machine.json', 'manifest.json', 'model.json', 'overlay.json', 'profile.json', 'selftest.json', 'versions.json'])
  const all = readdirSync(out).map((name) => readFileSync(join(out, name), 'utf8')).join('\n')
  for (const expected of ['a line of the log', '"frames": 7', 'gate.passage', 'credential:journal', '1.2.3', 'site/d-1']) t.ok(all.includes(expected), expected)
  for (const hidden of ['opensesame', 'ERIKSSON', 'c2VhbGVk']) t.notOk(all.includes(hidden), hidden)
  t.match(JSON.parse(readFileSync(join(out, 'selftest.json'), 'utf8')), { passed: true, components: { camera: good } })
  t.match(JSON.parse(readFileSync(join(out, 'machine.json'), 'utf8')), { memory_mb: { total: Number }, disk_mb: { free: Number } })
})

void t.test('restart, reboot and shutdown: durable before, not while somebody is in the gate', async (t) => {
  const clock = new ManualClock()
  const memory = new Memory()
  const ran: string[] = []
  let busy: string | undefined = 'a traveller is in the gate.'
  let refuses = false
  const make = (): PowerService => new PowerService({
    clock, log: silent, journal: memory, env: {}, busy: () => busy, end: () => void ran.push('end'),
    runner: async (what) => {
      if (refuses) throw new Error('no rights')
      ran.push(what)
    },
  })
  const power = make().component
  await t.rejects(power.invoke('restart', {}, viewer), { code: 'PC-DEVICE-ROLE' })
  await t.rejects(power.invoke('reboot', {}, technician), { code: 'PC-DEVICE-ROLE' })
  await t.rejects(power.invoke('restart', {}, technician), { code: 'PC-POWER-BUSY', message: 'Not now: a traveller is in the gate.' })
  t.equal(memory.last, 0)
  busy = undefined
  await power.invoke('restart', {}, technician)
  t.match(memory.facts, [{ kind: powerFact, class: 'audit', body: { what: 'restart', by: 't.nguyen' } }])
  t.strictSame(ran, [], 'whoever asked is answered first')
  await t.rejects(power.invoke('restart', {}, technician), { code: 'PC-POWER-BEGUN' })
  clock.advance(1_000)
  t.strictSame(ran, ['end'])

  const other = make().component
  memory.broken = true
  const unrecorded = t.rejects(other.invoke('shutdown', {}, engineer), { code: 'PC-POWER-JOURNAL' })
  await Promise.resolve()
  clock.advance(2_000)
  await unrecorded
  memory.broken = false
  refuses = true
  await t.rejects(other.invoke('reboot', {}, engineer), 'what the system refuses can be asked again')
  refuses = false
  await other.invoke('reboot', {}, engineer)
  t.strictSame(ran, ['end', 'reboot'])
  const third = make().component
  await third.invoke('shutdown', {}, engineer)
  t.strictSame(ran.at(-1), 'poweroff')
})

/** What technicians change, trace and fetch, on real profiles and a real part on its twin. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { Caller } from '../../edge/device/component.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import { roleToChange } from '../../edge/service/changeable.ts'
import { type Change, emptyOverlay, type Overlay, pathOf, readOverlay, valueAt, withChanges } from '../../edge/service/overlay.ts'
import { SettingsService } from '../../edge/service/settings.ts'
import { TraceService } from '../../edge/service/traces.ts'
import { withoutSecrets } from '../../edge/base/without-secrets.ts'
import { driver as turnstile } from '../../drivers/barrier/lot-turnstile/driver.ts'
import { turnstileTwin } from '../../drivers/barrier/lot-turnstile/twin.ts'
import { checkProfile, type LoadedProfile, loadProfile } from '../load.ts'
import { overlayFile, secretiveParts, settingsRules, wholeProfile, withOverlay } from '../overlay.ts'
import type { EgateProfile } from '../profile.ts'

const technician: Caller = { id: 't.nguyen', role: 'technician' }
const engineer: Caller = { id: 'e.tran', role: 'engineer' }
const viewer: Caller = { id: 'v.li', role: 'viewer' }
const egate = join(import.meta.dirname, '..', 'egate.yaml')
const igv = join(import.meta.dirname, '..', 'igv.yaml')

/** The settings of a device, as a start of the program makes them. */
async function started(state: string, bare: LoadedProfile) {
  const { loaded, start } = await withOverlay(bare, state)
  const service = new SettingsService({ clock: systemClock, file: overlayFile(state), start, bare: bare.profile, inForce: wholeProfile(loaded), rules: settingsRules(bare) })
  const { component } = service
  const set = async (path: string, value: unknown, caller = technician) => await component.invoke('set', { path, value: JSON.stringify(value) }, caller)
  const get = async (path: string) => await component.invoke('get', { path }, viewer)
  return { component, loaded, set, get, undo: async (id: number, caller = technician) => await component.invoke('undo', { id }, caller) }
}

const limitsOf = ({ profile }: LoadedProfile): EgateProfile['gate']['limits'] => (profile as EgateProfile).gate.limits

void t.test('a change is checked, kept with who and when, and in force after a start', async (t) => {
  const state = t.testdir()
  const first = await started(state, await loadProfile(egate))
  const told: unknown[] = []
  first.component.onEvent('changed', (data) => told.push(data))
  t.match(await first.get('gate.limits.door_s'), { value: '7', says: /door/, limits: 'number, 0.1 to 60, usually 7' })
  await first.set('gate.limits.door_s', 9)
  await first.set('parts.exitFlap.reply_ms', 800)
  await first.set('parts.passport.expect', { model: 'X' })
  t.match(await first.get('gate.limits.door_s'), { value: '7', says: /With the next start: 9\./ })
  t.notMatch((await first.get('gate.limits.face_s')).says, /next start/)
  t.match(first.component.read('changes'), [
    { id: 1, path: 'gate.limits.door_s', before: '7', value: '9', by: 't.nguyen', active: false },
    { id: 2, path: 'parts.exitFlap.reply_ms', before: '500', value: '800' },
    { id: 3, path: 'parts.passport.expect', before: '', value: '{"model":"X"}' },
  ])
  t.strictSame(told[0], { path: 'gate.limits.door_s', by: 't.nguyen' })

  const second = await started(state, await loadProfile(egate))
  t.equal(limitsOf(second.loaded).door_s, 9)
  t.equal(second.loaded.parts.get('exitFlap')?.options['reply_ms'], 800)
  t.ok(second.component.read('changes')?.every(({ active }) => active))
  await second.undo(1)
  t.match((await second.get('gate.limits.door_s')).says, /With the next start: 7\./)
  await t.rejects(second.undo(1), { code: 'PC-SETTINGS-NONE' })
  t.equal((await second.set('gate.limits.face_s', 8)).id, 4, 'no number is given twice')

  const third = await started(state, await loadProfile(egate))
  t.equal(limitsOf(third.loaded).door_s, 7)
  t.equal(limitsOf(third.loaded).face_s, 8)
  t.match(third.component.health, { status: 'ready' })
  t.equal(limitsOf(await loadProfile(egate)).face_s, 10, 'the profile itself is as it was')
})

void t.test('what is refused, and in plain words', async (t) => {
  const state = t.testdir()
  const device = await started(state, await loadProfile(egate))
  const cases: { path: string; value: unknown; caller?: Caller; code: string; message?: RegExp }[] = [
    { path: 'gate.limits.door_s', value: 900, code: 'PC-SETTINGS-INVALID', message: /gate\.limits\.door_s: it must be <= 60\./ },
    { path: 'gate.limits', value: { door_s: 5, doors: 1 }, code: 'PC-SETTINGS-INVALID', message: /not known here/ },
    { path: 'parts.exitFlap.unit', value: 'one', code: 'PC-SETTINGS-INVALID' },
    { path: 'parts.entryDoor.board', value: 'passport', code: 'PC-SETTINGS-INVALID', message: /io-board is needed/ },
    { path: 'parts.exitFlap.speed', value: 1, code: 'PC-SETTINGS-UNKNOWN' },
    { path: 'parts.nobody.port', value: '/dev/x', code: 'PC-SETTINGS-UNKNOWN' },
    { path: 'parts.exitFlap.use', value: 'barrier/io', code: 'PC-SETTINGS-FIXED' },
    { path: 'parts.exitFlap', value: {}, code: 'PC-SETTINGS-FIXED' },
    { path: 'gate.policy.finger', value: 'never', code: 'PC-SETTINGS-ROLE' },
    { path: 'parts.fireAlarm.line', value: 'power', code: 'PC-SETTINGS-ROLE' },
    { path: 'parts.finger.password', value: 'credential:other', code: 'PC-SETTINGS-ROLE' },
    { path: 'parts.finger.password', value: 'opensesame', caller: engineer, code: 'PC-SETTINGS-INVALID' },
    { path: 'gate.limits.door_s', value: 8, caller: viewer, code: 'PC-DEVICE-ROLE' },
    { path: '', value: {}, caller: engineer, code: 'PC-SETTINGS-FIXED' },
    { path: 'gate..door_s', value: 8, code: 'PC-SETTINGS-PATH' },
    { path: 'parts.__proto__.port', value: 8, code: 'PC-SETTINGS-PATH' },
    ...['device.id', 'journal.key', 'journal.keep.personal', 'uplink.authority', 'uplink.broker', 'lists.authority', 'lists.folder', 'face.models', 'gate.use.reader', 'gate.layout', 'access.accounts']
      .map((path) => ({ path, value: 'x', caller: engineer, code: 'PC-SETTINGS-FIXED' })),
  ]
  for (const { path, value, caller, code, message } of cases) {
    await t.rejects(device.set(path, value, caller), { code, ...(message === undefined ? {} : { message }) }, `${path} = ${JSON.stringify(value)}`)
  }
  await t.rejects(device.component.invoke('set', { path: 'runtime.log', value: 'debug' }, technician), { code: 'PC-SETTINGS-VALUE' })
  await t.rejects(device.component.invoke('set', { path: 'gate.limits.door_s', value: '{"__proto__": {"a": 1}}' }, technician), { code: 'PC-SETTINGS-VALUE' })
  await t.rejects(device.component.invoke('set', { path: 'gate.limits', value: `${'['.repeat(2_000)}${']'.repeat(2_000)}` }, technician), { code: 'PC-SETTINGS-VALUE' })
  await t.rejects(device.get('gate.nothing'), { code: 'PC-SETTINGS-UNKNOWN' })
  t.strictSame(device.component.read('changes'), [])
  t.notOk(existsSync(overlayFile(state)), 'nothing was written')
  await device.set('gate.policy.onListsStale', 'closed', engineer)
  await device.set('parts.finger.password', 'credential:other', engineer)
  t.match(await device.get('journal.key'), { value: '"credential:journal"', says: /not changed at the device/ })
})

void t.test('changes that come together are made one after the other, up to a limit', async (t) => {
  const state = t.testdir()
  const device = await started(state, await loadProfile(egate))
  // Ten at a time: each must be done within the limit of the command, on a busy machine too.
  const all: PromiseSettledResult<unknown>[] = []
  while (all.length < 260) {
    all.push(...await Promise.allSettled(Array.from({ length: 10 }, (_, at) => device.component.invoke('set', { path: 'runtime.lag_ms_max', value: String(100 + all.length + at) }, technician))))
  }
  t.equal(all.filter(({ status }) => status === 'fulfilled').length, 256)
  t.match(all.at(-1), { status: 'rejected', reason: { code: 'PC-SETTINGS-FULL' } })
  t.equal((await started(state, await loadProfile(egate))).loaded.profile.runtime.lag_ms_max, 355, 'the last word counts')
})

void t.test('what is kept can be read again, however much it is', async (t) => {
  const state = t.testdir()
  const bare = await loadProfile(egate)
  const change = { path: ['gate', 'limits', 'door_s'], before: 'x'.repeat(4_096), value: 8, by: 'x', at: 1 }
  const changes = Array.from({ length: 249 }, (_, at) => ({ id: at + 1, ...change }))
  writeFileSync(overlayFile(state), JSON.stringify({ format: 'portcullis-overlay-1', next: 250, changes }))
  const device = await started(state, bare)
  t.match(device.component.health, { status: 'ready' })
  await device.set('parts.camera.url', `http://camera/${'x'.repeat(4_000)}`)
  await t.rejects(device.set('parts.camera.url', `http://camera/${'y'.repeat(4_000)}`), { code: 'PC-SETTINGS-FULL' })
  t.match((await started(state, bare)).component.health, { status: 'ready' })
  await t.rejects(device.set('runtime.log', 'debug', { id: 'x'.repeat(129), role: 'technician' }), { code: 'PC-SETTINGS-STORAGE' }, 'nor is anything kept that would not be read again')
})

void t.test('an overlay that does not fit is left aside as a whole, until the change that is wrong is taken back', async (t) => {
  const state = t.testdir()
  const before = await started(state, await loadProfile(egate))
  await before.set('gate.limits.door_s', 9)
  await before.set('parts.exitFlap.reply_ms', 800)
  const text = readFileSync(egate, 'utf8').replaceAll('exitFlap', 'exitGate')
  const { loaded: newProfile } = await checkProfile(text)
  if (newProfile === undefined) throw new Error('the new profile is not right')
  const device = await started(state, newProfile)
  t.match(device.component.health, { status: 'degraded', code: 'PC-SETTINGS-UNFIT' })
  t.equal(limitsOf(device.loaded).door_s, 7, 'the profile alone')
  t.ok(device.component.read('changes')?.every(({ active }) => !active))
  t.notOk((await device.component.invoke('selfTest', {}, technician)).passed)
  await t.rejects(device.set('gate.limits.face_s', 8), { code: 'PC-SETTINGS-INVALID' })
  await device.undo(2)
  const healed = await started(state, newProfile)
  t.match(healed.component.health, { status: 'ready' })
  t.equal(limitsOf(healed.loaded).door_s, 9)
})

void t.test('a damaged overlay is said, not used, and kept when it is written over', async (t) => {
  const state = t.testdir()
  const long = { format: 'portcullis-overlay-1', next: 2, changes: [{ id: 1, path: ['gate', '__proto__'], value: 1, by: 'x', at: 1 }] }
  for (const damaged of ['', '{', '[]', 'null', '{"format":"portcullis-overlay-2","next":1,"changes":[]}', JSON.stringify(long), '\0'.repeat(2_000_000)]) {
    writeFileSync(overlayFile(state), damaged)
    const { component, loaded } = await started(state, await loadProfile(egate))
    t.match(component.health, { status: 'degraded', code: 'PC-SETTINGS-DAMAGED' }, JSON.stringify(damaged.slice(0, 20)))
    t.equal(limitsOf(loaded).door_s, 7)
  }
  const { set } = await started(state, await loadProfile(egate))
  await set('gate.limits.door_s', 9)
  t.equal(readFileSync(`${overlayFile(state)}.damaged`, 'utf8').length, 2_000_000)
  const { component, loaded } = await started(state, await loadProfile(egate))
  t.match(component.health, { status: 'ready' })
  t.equal(limitsOf(loaded).door_s, 9)
  mkdirSync(`${overlayFile(state)}.new`)
  await t.rejects(set('gate.limits.door_s', 10), { code: 'PC-SETTINGS-STORAGE' })
  t.equal(limitsOf((await started(state, await loadProfile(egate))).loaded).door_s, 9, 'the old one stays')
})

void t.test('every value of every profile can be asked for, with its limits', async (t) => {
  for (const file of [egate, igv]) {
    const { get, component, loaded } = await started(t.testdir(), await loadProfile(file))
    let asked = 0
    const walk = async (value: unknown, path: string): Promise<void> => {
      const { limits } = await get(path)
      t.ok(limits !== '', `${path} has limits`)
      asked++
      if (value !== null && typeof value === 'object') for (const [name, item] of Object.entries(value)) await walk(item, path === '' ? name : `${path}.${name}`)
    }
    await walk(wholeProfile(loaded), '')
    t.ok(asked > 80, `${asked} values`)
    component.publish('health', { status: 'stopped' })
  }
  const vehicle = await started(t.testdir(), await loadProfile(igv))
  await vehicle.set('obstacles.sources.front.mount.yaw', 1.5)
  await t.rejects(vehicle.set('obstacles.fields.0.stop', []), { code: 'PC-SETTINGS-ROLE' })
  await t.rejects(vehicle.set('obstacles.fields.0.stop', [], engineer), { code: 'PC-SETTINGS-INVALID' })
  await t.rejects(vehicle.set('obstacles.latency_ms_max', 10, engineer), { code: 'PC-SETTINGS-FIXED' })
})

void t.test('overlays: any bytes are read or refused, and changes touch their path alone', async (t) => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
    try {
      return readOverlay(Buffer.from(text)).changes.length >= 0
    } catch (error) {
      return (error as { code?: string }).code === 'PC-SETTINGS-DAMAGED'
    }
  }))
  const names = fc.constantFrom('a', 'b', 'c')
  const nested = fc.dictionary(names, fc.oneof(fc.integer(), fc.dictionary(names, fc.integer())))
  fc.assert(fc.property(nested, fc.array(names, { minLength: 1, maxLength: 3 }), fc.integer(), (profile, path, value) => {
    const before = structuredClone(profile)
    const change: Change = { id: 1, path, value, by: 'x', at: 0 }
    const changed = withChanges(profile, [change])
    if (JSON.stringify(profile) !== JSON.stringify(before)) return false
    if (changed === undefined) return path.length > 1
    const others = Object.keys(profile).filter((name) => name !== path[0])
    return valueAt(changed, path) === value && others.every((name) => JSON.stringify((changed as Record<string, unknown>)[name]) === JSON.stringify(profile[name]))
  }))
  const overlay: Overlay = { ...emptyOverlay(), changes: [{ id: 1, path: pathOf('a.b'), value: { c: [1] }, by: 'x', at: 1 }] }
  t.strictSame(readOverlay(Buffer.from(JSON.stringify(overlay))), overlay)
  t.equal(roleToChange(['parts', 'x', 'use']), undefined)
  t.strictSame(withoutSecrets({ a: ['rtsp://user:word@cam/1', 'http://cam/v?token=1#x', 'credential:x', 'udp://0.0.0.0:1'] }), { a: ['rtsp://cam/1', 'http://cam/v?[hidden]', 'credential:x', 'udp://0.0.0.0:1'] })
  t.equal(withoutSecrets('no answer of "rtsp://admin:Admin@123@cam/1", nor of http://a:b@d'), 'no answer of "rtsp://cam/1", nor of http://d')
  const long = `${'a'.repeat(200_000)}://${'b'.repeat(200_000)}`
  t.equal(withoutSecrets(long), long, 'however long a text is')
})

async function withTurnstile(t: Test, work: (traces: TraceService, model: DeviceModel) => Promise<void>): Promise<void> {
  const twin = turnstileTwin()
  const found = await twin.start()
  const model = new DeviceModel()
  const options = { unit: 1, direction: 'entry', baud: 9_600, reply_ms: 500, retries: 2, reconnect_ms: 50, ...found }
  const { loaded } = await checkProfile(readFileSync(egate, 'utf8'))
  const flap = turnstile.create({ ...loaded?.parts.get('exitFlap')?.options, ...options } as never, {
    name: 'exitFlap', clock: systemClock, log: silent, part: () => { throw new Error('none') }, secret: () => Promise.reject(new Error('none')),
  })
  model.add(flap.component)
  await flap.start(new AbortController().signal)
  const traces = new TraceService({ model, clock: systemClock, secretive: secretiveParts(loaded?.parts ?? new Map()) })
  t.teardown(async () => {
    traces.stop()
    await flap.stop()
    await twin.stop()
  })
  await work(traces, model)
}

void t.test('the bytes between the turnstile and its driver, as they are on the wire', async (t) => {
  await withTurnstile(t, async ({ component: traces }, model) => {
    await traces.invoke('start', { part: 'exitFlap', for_s: 60 }, technician)
    const frames = async () => (await traces.invoke('read', { part: 'exitFlap' }, technician)).frames
    for (let tries = 0; (await frames()).length < 6 && tries < 500; tries++) await sleep(systemClock, 10)
    const out = (await frames()).filter(({ direction }) => direction === 'out')
    const back = (await frames()).filter(({ direction }) => direction === 'in').map(({ hex }) => hex).join('')
    // Modbus RTU (Modbus over serial line 2.5.1.2): unit, function, address, count, CRC.
    t.ok(out.length > 1 && out.every(({ hex, bytes }) => hex.length === 2 * bytes && hex.startsWith('0103')), 'requests')
    t.match(back, /0103[0-9a-f]{2}/, 'replies')
    await traces.invoke('stop', { part: 'exitFlap' }, technician)
    t.equal(model.get('exitFlap').wire?.size, 0, 'nothing listens any more')
  })
})

import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Caller } from '../device/component.ts'
import type { Fact } from '../journal/fact.ts'
import { JournalReader } from '../journal/reader.ts'
import { emergencyKind, startKind, stepKind } from './controller.ts'
import { anna, Rig, type RigChoice, telling } from './rig.ts'

const officer: Caller = { id: 'officer-7', role: 'officer' }
const resident = { residents: [{ by: 'document', issuer: 'VNM', number: anna.documentNumber } as const] }

async function rigFor(t: Test, choice: Partial<RigChoice> = {}): Promise<Rig> {
  const rig = await Rig.make({ folder: t.testdir(), enrolled: { document: anna, finger: true }, lists: resident, ...choice })
  t.teardown(() => rig.stop().catch(() => undefined))
  await rig.start()
  t.match(rig.view, { phase: choice.emergency === undefined ? 'idle' : 'emergency' })
  return rig
}

const decide = (rig: Rig, decision: 'grant' | 'refuse' | 'release') => rig.controller.component.invoke('decide', { decision, passage: rig.view?.passage ?? 0 }, officer)
const doors = (rig: Rig): string[] => rig.commands.filter((command) => /^(entry|exit)\./.test(command))
const openings = (rig: Rig): string[] => doors(rig).filter((command) => /\.(open|free)$/.test(command))
const bodies = (facts: readonly Fact[]): string => JSON.stringify(facts.map(({ kind, body }) => ({ kind, body })))

/** No fact's body and no log line tells who passed; the sealed part of the summary does. */
function tellsNobody(t: Test, rig: Rig): void {
  t.notMatch(bodies(rig.facts), telling, 'no fact tells who it was')
  t.notMatch(rig.log.join(''), telling, 'no log line does')
  const component = rig.controller.component
  t.notMatch(JSON.stringify(['view', 'mode', 'totals', 'health'].map((name) => component.reading(name))), telling, 'nothing that faces may show does')
}

void t.test('a traveller passes: each door is commanded once, in order, after its fact', async (t) => {
  const rig = await rigFor(t)
  const ended: unknown[] = []
  rig.controller.component.onEvent('ended', (data) => ended.push(data))
  const before = doors(rig).length
  await rig.present()
  t.match(rig.view, { phase: 'entering', instruction: 'step-in' })
  await rig.stepIn()
  t.match(rig.view, { phase: 'exiting', instruction: 'go-through' })
  await rig.stepOut()
  t.match(rig.view, { phase: 'idle', passage: 1 })
  t.strictSame(doors(rig).slice(before), ['entry.open', 'entry.close', 'exit.open', 'exit.close'])
  t.strictSame(rig.tooEarly, [])
  t.match(rig.passage, { outcome: 'granted', face: { score: 0.9, threshold: 0.5, models: {} }, finger: { score: 120 }, decision_ms: 0 })
  t.match(ended, [{ outcome: 'granted', passage: 1 }])
  t.strictSame(rig.controller.component.read('totals'), { granted: 1 })
  t.match(rig.replay(), { ok: true, starts: 1, skipped: 0 })
  tellsNobody(t, rig)
  const summary = rig.facts.find(({ kind }) => kind === 'gate.passage')
  t.match(rig.journal.real.reveal(summary as Fact), { from: 'mrz', document: { documentNumber: anna.documentNumber, surname: anna.surname } }, 'who it was is sealed in the summary')
  t.equal(rig.facts.filter(({ personal }) => personal !== undefined).length, 1, 'and nowhere else')
})

void t.test('nothing moves while the journal holds its facts up; then everything does, in order', async (t) => {
  const rig = await rigFor(t)
  const before = rig.commands.length
  rig.journal.held = true
  await rig.present()
  t.strictSame(rig.commands.slice(before), [], 'not even a lamp')
  rig.journal.release()
  await rig.until(() => openings(rig).length === 1, 'the entry opens')
  t.strictSame(rig.commands.slice(before), ['entryLamp.wait', 'entry.open', 'entryLamp.go'])
  rig.journal.held = true
  await rig.stepIn()
  t.strictSame(openings(rig), ['entry.open'], 'the exit waits for its fact')
  rig.journal.release()
  await rig.until(() => openings(rig).length === 2, 'the exit opens')
  t.strictSame(openings(rig), ['entry.open', 'exit.open'])
  t.strictSame(rig.tooEarly, [])
})

void t.test('a journal that is too slow lets nobody in, closes what is open, and serves again once it writes', async (t) => {
  const rig = await rigFor(t)
  rig.journal.held = true
  await rig.present()
  await rig.wait(2.5)
  t.strictSame(openings(rig), [])
  t.match(rig.controller.component.health, { status: 'degraded', code: 'PC-GATE-JOURNAL' })
  t.match(rig.view, { phase: 'refused', instruction: 'use-other-gate', reason: 'journal-unavailable' })
  rig.front.publish('count', 0)
  rig.journal.release()
  await rig.wait(20)
  t.match(rig.controller.component.health, { status: 'ready' })
  t.match(rig.view, { phase: 'idle' })
  await rig.present()
  await rig.stepIn()
  await rig.stepOut()
  t.strictSame(openings(rig), ['entry.open', 'exit.open'])
  t.match(rig.replay(), { ok: true, skipped: 0 })
})

void t.test('the very step that would open a door is lost: it stays shut', async (t) => {
  for (const door of ['entry', 'exit']) {
    const rig = await Rig.make({ folder: join(t.testdir(), door), enrolled: { document: anna, finger: true }, lists: resident })
    await rig.start()
    rig.journal.refuses = ({ kind, body }) => kind === stepKind && JSON.stringify(body).includes(`{"kind":"open","door":"${door}"`)
    let refused = 0
    const { refuses } = rig.journal
    rig.journal.refuses = (fact) => refuses(fact) && ++refused > 0
    await rig.present()
    if (door === 'exit') {
      await rig.stepIn()
      await rig.until(() => refused > 0, 'the exit would open')
    }
    await rig.wait(20)
    t.equal(refused, 1, 'it was to be opened')
    t.notOk(openings(rig).includes(`${door}.open`), `${door}: no door without its fact`)
    t.strictSame(rig.tooEarly.filter((command) => command.endsWith('.open')), [])
    t.match(rig.replay(), { ok: true })
    await rig.stop()
  }
})

void t.test('a journal that refuses: nobody passes, whoever is inside gets back out, an emergency still opens', async (t) => {
  const rig = await rigFor(t)
  await rig.present()
  rig.face.waits = true
  await rig.stepIn()
  t.match(rig.view, { phase: 'face' })
  rig.journal.refuses = () => true
  rig.journal.turn('unavailable')
  await rig.settle()
  t.strictSame(openings(rig), ['entry.open'], 'the exit stays shut')
  t.match(rig.view, { phase: 'referred', reason: 'journal-unavailable', instruction: 'wait-for-officer' })
  await t.rejects(decide(rig, 'grant'), { code: 'PC-GATE-JOURNAL' }, 'the officer hears that it was not kept')
  await rig.wait(8)
  t.notOk(openings(rig).includes('exit.open'), 'not even an officer opens it without a fact')
  await t.rejects(decide(rig, 'refuse'), { code: 'PC-GATE-JOURNAL' })
  await rig.settle()
  t.equal(openings(rig).at(-1), 'entry.free', 'the way back needs none')
  rig.fire.publish('active', true)
  await rig.settle()
  t.match(rig.view, { phase: 'emergency', instruction: 'leave-now' })
  const open = rig.entry.read('state') === 'open' || rig.exit.read('state') === 'open'
  t.ok(open, 'people can get out')
})

void t.test('after a disk that was full for a while, the journal still replays', async (t) => {
  const rig = await rigFor(t)
  for (const refuses of [() => true, ({ kind }: { kind: string }) => kind === stepKind, ({ kind }: { kind: string }) => kind === startKind]) {
    await rig.present()
    rig.journal.refuses = refuses
    rig.journal.turn('unavailable')
    await rig.wait(1)
    rig.front.publish('count', 0)
    await rig.wait(3)
    rig.journal.refuses = () => false
    rig.journal.turn('ok')
    await rig.wait(30)
    t.match(rig.view, { phase: 'idle' })
    t.match(rig.replay(), { ok: true }, 'what was written gives the same again')
  }
  await rig.present()
  await rig.stepIn()
  await rig.stepOut()
  t.match(rig.passage, { outcome: 'granted' })
  t.match(rig.replay(), { ok: true })
  t.ok(rig.replay().starts >= 4)
})

void t.test('one step that is lost among others that are written leaves a journal that replays', async (t) => {
  const rig = await rigFor(t)
  for (let lost = 0; lost < 12; lost++) {
    let count = 0
    rig.journal.refuses = ({ kind }) => kind === stepKind && count++ === lost
    await rig.present()
    if (rig.view?.phase === 'entering') await rig.stepIn()
    if (rig.view?.phase === 'exiting') await rig.stepOut()
    rig.inside.publish('count', 0)
    rig.front.publish('count', 0)
    await rig.wait(4)
    if (rig.view?.phase === 'referred') await decide(rig, 'refuse')
    await rig.wait(30)
    t.match(rig.view, { phase: 'idle' }, `after the loss of step ${lost}`)
    t.match(rig.replay(), { ok: true }, `after the loss of step ${lost}`)
  }
})

void t.test('a step that is lost while later ones are under way leaves a journal that replays', async (t) => {
  const rig = await rigFor(t)
  for (let lost = 0; lost < 4; lost++) {
    rig.journal.held = true
    rig.reader.raise('unreadable', { reason: 'damaged' })
    rig.front.publish('count', 1)
    rig.reader.raise('unreadable', { reason: 'damaged' })
    rig.reader.raise('unreadable', { reason: 'damaged' })
    let count = 0
    rig.journal.refuses = ({ kind }) => kind === stepKind && count++ === lost
    rig.journal.release()
    await rig.settle()
    t.match(rig.view, { phase: 'refused' })
    rig.front.publish('count', 0)
    await rig.wait(30)
    t.match(rig.view, { phase: 'idle' })
    t.match(rig.replay(), { ok: true }, `step ${lost} of those under way`)
  }
})

void t.test('the desk is empty after each passage, however it ends', async (t) => {
  const rig = await rigFor(t)
  const empty = async (): Promise<boolean> =>
    (await rig.controller.component.invoke('selfTest', {})).checks.find(({ name }) => name === 'privacy')?.passed ?? false
  const endings: [string, () => Promise<void>][] = [
    ['granted', async () => {
      await rig.stepIn()
      await rig.stepOut()
    }],
    ['abandoned', async () => {
      rig.front.publish('count', 0)
      await rig.wait(25)
    }],
    ['refused', async () => {
      rig.face.answer = { result: 'no-match', score: 0.1 }
      await rig.stepIn()
      rig.inside.publish('count', 0)
      await rig.wait(2)
      rig.face.answer = { result: 'match', score: 0.9 }
    }],
    ['referred', async () => {
      await rig.stepIn()
      await decide(rig, 'release')
      await rig.until(() => rig.view?.instruction === 'go-back', 'the way back is open')
      rig.inside.publish('count', 0)
      await rig.wait(2)
    }],
  ]
  for (const [outcome, end] of endings) {
    await rig.present()
    await end()
    await rig.wait(10)
    t.match(rig.view, { phase: 'idle' }, outcome)
    t.equal(rig.passage?.['outcome'], outcome)
    t.ok(await empty(), `${outcome}: nothing is kept`)
  }
  // Read while nobody is served: dropped at once.
  rig.reader.raise('read', { lines: ['P<VNMBROKEN', ''] })
  await rig.settle()
  t.ok(await empty())
  tellsNobody(t, rig)
})

void t.test('what cannot be checked lets nobody through', async (t) => {
  const cases: { name: string; set(rig: Rig): void; reason: string }[] = [
    { name: 'face recognition breaks', set: (rig) => void (rig.face.breaks = true), reason: 'face-unavailable' },
    { name: 'a match without score', set: (rig) => void (rig.face.answer = { result: 'match' }), reason: 'face-unavailable' },
    { name: 'a match below its threshold', set: (rig) => void (rig.face.answer = { result: 'match', score: 0.4 }), reason: 'face-unavailable' },
    { name: 'a score that is none', set: (rig) => void (rig.face.answer = { result: 'match', score: Number.NaN }), reason: 'face-unavailable' },
    { name: 'the scanner is gone amid the scan', set: (rig) => void (rig.fingerSays = undefined), reason: 'finger-unavailable' },
  ]
  for (const { name, set, reason } of cases) {
    const rig = await Rig.make({ folder: join(t.testdir(), name.replaceAll(' ', '-')), enrolled: { document: anna, finger: true }, lists: resident, policy: { onFingerLost: 'officer' } })
    await rig.start()
    set(rig)
    await rig.present()
    await rig.stepIn()
    await rig.reach('referred')
    t.match(bodies(rig.facts), new RegExp(`"reason":"${reason}"`), name)
    t.strictSame(openings(rig), ['entry.open'], name)
    await rig.stop()
  }
})

void t.test('a record of somebody else is no record', async (t) => {
  const rig = await rigFor(t)
  await rig.present({ ...anna, documentNumber: 'C1111111' })
  t.match(rig.view, { phase: 'referred', instruction: 'see-officer' })
  t.strictSame(openings(rig), [])
})

void t.test('a jump of the wall clock sends travellers to an officer until it is trusted again', async (t) => {
  const rig = await rigFor(t)
  rig.clock.jumpWall(-2 * 86_400_000)
  await rig.wait(6)
  t.equal(rig.controller.component.read('mode'), 'officer-only')
  await rig.present()
  t.match(rig.view, { phase: 'referred' })
  await decide(rig, 'refuse')
  rig.front.publish('count', 0)
  rig.clock.jumpWall(2 * 86_400_000)
  await rig.wait(30)
  t.equal(rig.controller.component.read('mode'), 'full')
  t.ok(rig.facts.some(({ kind }) => kind === 'clock.jumped'), 'the jump is a fact')
  t.match(bodies(rig.facts), /"part":"clock","usable":false/)
  t.match(rig.replay(), { ok: true })
})

void t.test('the officer\'s word is in the record, and only an officer has one', async (t) => {
  const rig = await rigFor(t)
  rig.face.answer = { result: 'attack' }
  await rig.present()
  await rig.stepIn()
  t.match(rig.view, { phase: 'referred', instruction: 'wait-for-officer' })
  for (const role of ['viewer', 'technician'] as const) {
    await t.rejects(rig.controller.component.invoke('decide', { decision: 'grant' }, { id: 'somebody', role }), { code: 'PC-DEVICE-ROLE' })
  }
  t.strictSame(openings(rig), ['entry.open'])
  await decide(rig, 'grant')
  await rig.settle()
  await rig.stepOut()
  await rig.wait(1)
  t.match(rig.passage, { outcome: 'granted', reason: 'officer-granted', referral: 'face-attack', officer: 'officer-7' })
  t.strictSame(rig.tooEarly, [])
})

void t.test('an emergency is kept over a restart, and only an officer ends it', async (t) => {
  const folder = t.testdir()
  const first = await Rig.make({ folder, enrolled: { document: anna }, policy: { finger: 'never' } })
  await first.start()
  await first.present()
  await first.stepIn()
  first.fire.publish('active', true)
  await first.settle()
  t.match(first.view, { phase: 'emergency' })
  t.match(first.journal.real.newestSafety(emergencyKind)?.body, { on: true, reason: 'fire-alarm' })
  t.match(first.passage, { outcome: 'emergency', reason: 'fire-alarm' })
  const freed = doors(first).length
  await first.stop()
  t.notOk(doors(first).slice(freed).some((command) => command.endsWith('close')), 'a stop in an emergency closes nothing')

  const second = await Rig.make({ folder, emergency: 'fire-alarm', policy: { finger: 'never' } })
  await second.start()
  t.match(second.view, { phase: 'emergency' }, 'though the contact is calm again')
  t.match(openings(second), [/\.free$/])
  await second.wait(60)
  t.match(second.view, { phase: 'emergency' }, 'time does not end it')
  await decide(second, 'release')
  await second.wait(2)
  t.match(second.view, { phase: 'idle' })
  t.match(second.journal.real.newestSafety(emergencyKind)?.body, { on: false })
  t.match(second.replay(), { ok: true, skipped: 0 })
  await second.stop()
})

void t.test('a stop closes the doors, drops what it holds and leaves no timer', async (t) => {
  const folder = t.testdir()
  const rig = await Rig.make({ folder, enrolled: { document: anna, finger: true }, lists: resident })
  await rig.start()
  rig.face.waits = true
  await rig.present()
  await rig.stepIn()
  t.match(rig.view, { phase: 'face' })
  const photo = rig.face.request?.photo
  const before = doors(rig).length
  await rig.stop()
  t.strictSame(doors(rig).slice(before), ['entry.close', 'exit.close'])
  t.equal(rig.face.cancelled, 1, 'the check is cancelled')
  t.ok(photo?.every((byte) => byte === 0), 'the photograph is overwritten')
  t.equal(rig.clock.pending, 0, 'no timer is left')
  t.equal(rig.controller.component.health.status, 'stopped')
  await t.rejects(decide(rig, 'refuse'), { code: 'PC-GATE-STOPPED' })
  const reader = new JournalReader(join(folder, 'journal.db'))
  t.equal(reader.tail(1)[0]?.kind, 'journal.closed')
  reader.close()
})

void t.test('a door that does not obey: the traveller goes to an officer', async (t) => {
  const rig = await rigFor(t)
  await rig.present()
  rig.face.waits = true
  await rig.stepIn()
  rig.jammed.add('exit')
  rig.face.finish()
  await rig.reach('referred')
  t.match(rig.view, { reason: 'barrier-lost' })
  t.match(bodies(rig.facts), /"effectFailed".*PC-BARRIER-MODE|PC-BARRIER-MODE.*"effectFailed"/)
})

void t.test('one door: the same controller, no entry', async (t) => {
  const rig = await rigFor(t, { layout: 'single', presence: 'detects', policy: { finger: 'never' } })
  await rig.present()
  await rig.reach('exiting')
  t.match(rig.view, { instruction: 'go-through' })
  rig.exit.publish('passed', 1)
  rig.front.publish('count', 0)
  await rig.wait(1)
  t.match(rig.passage, { outcome: 'granted' })
  t.match(rig.view, { phase: 'idle' })
  t.strictSame(doors(rig).filter((command) => command.startsWith('entry.')), [])
  t.match(rig.replay(), { ok: true })
})

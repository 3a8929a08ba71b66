import fc from 'fast-check'
import t from 'tap'
import { parse } from '../../../edge/base/schema.ts'
import { advance, type Door, firstDoor, letNoMore, letOpen, nextDoor, type Sight } from './door.ts'
import { Feedback } from './feedback.ts'
import { countOf, Lateness, meaningOf, type Seen, Sequence } from './meaning.ts'
import { options, uses } from './options.ts'

const grace = { grace_ms: 300 }
const sight = (at: number, state: Sight['state'], changes: Partial<Sight> = {}): Sight => ({ state, mode: 'normal', counted: 0, at, ...changes })
const node = (name: string): string => `nsu=urn:x;s=${name}`
const command = { node: node('Command'), value: true }
const settings = parse(options, {
  endpoint: 'opc.tcp://plc:4840', security: 'none', passed: node('Passed'), beat: { ours: node('Ours'), theirs: node('Theirs') },
  state: { node: node('State'), closed: [0, 'shut'], open: [2] }, mode: { node: node('Mode'), normal: [0], free: [true] },
  commands: { open: command, close: command, free: command, normal: command },
}, 'PC-TEST-OPTIONS', 'options')

void t.test('options that could not be safe are none', async (t) => {
  t.throws(() => parse(options, { ...settings, endpoint: 'opc.tcp://plc' }, 'PC-TEST-OPTIONS', 'options'))
  t.throws(() => parse(options, { ...settings, state: { ...settings.state, node: 'ns=2;s=State' } }, 'PC-TEST-OPTIONS', 'options'), 'a namespace by its index')
  t.throws(() => parse(options, { ...settings, security: 'sign' }, 'PC-TEST-OPTIONS', 'options'))
  t.throws(() => parse(options, { ...settings, security: { certificate: 'in the open', key: 'file:/k', server: 'file:/s' } }, 'PC-TEST-OPTIONS', 'options'), 'a secret itself')
})

/** Sights one after the other; how often the force was noticed. */
function forcedIn(first: Door, sights: readonly Sight[]): number {
  let door = first
  return sights.reduce((sum, seen) => {
    door = nextDoor(door, seen, grace)
    return sum + Number(door.forced)
  }, 0)
}

void t.test('what was let open is not forced, what was not is, once', async (t) => {
  const shut = firstDoor(sight(0, 'closed'))
  const opening = [sight(10, 'opening'), sight(100, 'open'), sight(1_000, 'open'), sight(2_000, 'open')]
  t.equal(forcedIn(shut, opening), 1)
  t.equal(forcedIn(shut, [...opening, sight(3_000, 'closed'), ...opening.map((seen) => ({ ...seen, at: seen.at + 4_000 }))]), 2)
  t.equal(forcedIn(letOpen(shut), opening), 0)
  t.equal(forcedIn(letOpen(shut), [...opening, sight(3_000, 'closed'), sight(3_010, 'opening'), sight(4_000, 'open')]), 1, 'one opening is one')
  t.equal(forcedIn(shut, [sight(10, 'open'), sight(50, 'closed')]), 1, 'however short')
  t.equal(forcedIn(shut, [sight(10, 'open'), sight(100, 'open', { mode: 'free' }), sight(1_000, 'open', { mode: 'free' })]), 0, 'the mode arrives a little later')
  t.equal(forcedIn(firstDoor(sight(0, 'open', { mode: 'free' })), [sight(10, 'closing'), sight(500, 'closed'), sight(900, 'closed')]), 0)
  t.equal(forcedIn(letNoMore(letOpen(shut), 5), [sight(10, 'open'), sight(1_000, 'open')]), 1, 'an opening that was taken back')
  t.equal(forcedIn(shut, [sight(10, 'unknown'), sight(1_000, 'open'), sight(2_000, 'open')]), 0, 'what was not seen is no accusation')
  t.equal(forcedIn(shut, [sight(1_000, 'closed', { counted: 1 })]), 1, 'somebody passed a shut barrier')
})

void t.test('passages are counted across wrap-arounds, set-backs and losses of the link', async (t) => {
  t.equal(advance(0xffff, 1), 2)
  t.equal(advance(0xffff_ffff, 0), 1)
  t.equal(advance(500, 0), 0, 'set back')
  t.equal(advance(0, 100_000), 0, 'another counter')
  t.equal(firstDoor(sight(0, 'closed', { counted: 12 }), { ...firstDoor(sight(0, 'closed', { counted: 10 })), passed: 3 }).passed, 5)
  const states = fc.constantFrom('closed', 'opening', 'open', 'closing', 'blocked', 'unknown' as const)
  const modes = fc.constantFrom('normal', 'locked', 'free', 'unknown' as const)
  const seen = fc.record({ state: states, mode: modes, counted: fc.option(fc.nat(0xffff_ffff), { nil: undefined }), at: fc.nat(10_000), let: fc.boolean() })
  fc.assert(fc.property(fc.array(seen, { maxLength: 30 }), (all) => {
    let door = firstDoor(sight(0, 'closed'))
    let now = 0
    for (const { let: lets, ...next } of all) {
      const { passed } = door
      if (lets) door = letOpen(door)
      now += next.at
      door = nextDoor(door, { ...next, at: now }, grace)
      if (door.passed < passed) return false
    }
    return forcedIn(firstDoor(sight(0, 'closed')), all.map((next) => ({ ...next, mode: 'free' as const }))) === 0
  }))
})

void t.test('values mean what the profile says, and nothing else', async (t) => {
  const good = (value: unknown): Seen => ({ value, quality: 'good', stamped: undefined })
  const words = ['closed', 'open'] as const
  t.equal(meaningOf(good('shut'), words, settings.state), 'closed')
  t.equal(meaningOf(good(2), words, settings.state), 'open')
  t.equal(meaningOf(good('2'), words, settings.state), undefined)
  t.equal(meaningOf({ ...good(2), quality: 'uncertain' }, words, settings.state), undefined)
  t.equal(countOf(good(3)), 3)
  t.equal(countOf(good(-1)), undefined)
  fc.assert(fc.property(fc.anything(), fc.constantFrom(...uses), (value, use) => {
    const feedback = new Feedback(settings)
    feedback.take(use, good(value), 0)
    return ['closed', 'open', 'unknown'].includes(feedback.state) && ['normal', 'free', 'unknown'].includes(feedback.mode) && (feedback.counted ?? 0) >= 0
  }))
})

void t.test('late, missing and repeated notifications are noticed', async (t) => {
  const lateness = new Lateness()
  t.equal(lateness.of(1_000_000, 50), 0, 'its clock may be wrong')
  t.equal(lateness.of(1_000_100, 250), 100)
  t.equal(lateness.of(1_000_100, 350), 200, 'a clock that stands still falls behind')
  t.equal(lateness.of(undefined, 9_999), 0)
  const sequence = new Sequence()
  t.strictSame([[7, false], [8, true], [8, false], [9, false], [11, false], [12, false], [12, false]].map(([number, alive]) => sequence.follows(number as number, alive as boolean)),
    [true, true, true, true, false, true, false])
  const wrapping = new Sequence()
  t.strictSame([0xffff_ffff, 1].map((number) => wrapping.follows(number, false)), [true, true], 'after the largest comes 1')
})

void t.test('silence, a program that stands still and lateness are told apart', async (t) => {
  const feedback = new Feedback(settings)
  feedback.begin(0, 100)
  const beat = (value: number, at: number, stamped = at): void => {
    feedback.heard(at)
    feedback.take('beat', { value, quality: 'good', stamped }, at)
  }
  beat(1, 100)
  beat(2, 1_500)
  t.equal(feedback.trouble(3_000), undefined)
  t.equal(feedback.trouble(4_000), 'PC-PLC-SILENT')
  feedback.heard(3_900)
  t.equal(feedback.trouble(4_000), 'PC-PLC-FROZEN')
  beat(2, 4_000)
  t.equal(feedback.trouble(4_001), 'PC-PLC-FROZEN', 'the same value is no sign of life')
  beat(3, 4_100, 2_000)
  t.equal(feedback.trouble(4_200), 'PC-PLC-STALE')
  t.equal(feedback.isComplete, false, 'state and mode were never said')
})

/**
 * Visits every state that the gate can come into, as far as a small world tells states apart: times
 * and counters are left out, a deadline comes whenever it is the only thing left to come.
 */
import t from 'tap'
import type { Effect } from './effect.ts'
import type { DoorName, Input } from './input.ts'
import { gateMachine } from './machine.ts'
import type { GateSetup } from './policy.ts'
import { Rehearsal, setupOf } from './rehearsal.ts'
import { allKnownClosed, emergencyOf, frontOf, initialState, insideCount, knownClosed, type State } from './state.ts'

interface Node {
  state: State
  now: number
  /** How the search came here, for the report of a failure. */
  from?: { node: Node; input: Input }
}

/** What tells two states of the search apart. */
function keyOf(state: State): string {
  const { stage, passage, world: { doors, held, parts, safety } } = state
  const { at, inside, opened, told, way, seen } = { inside: 0, opened: 0, told: 0, way: 0, seen: 0, ...stage }
  const of = (name: DoorName): unknown[] => [doors[name].state, doors[name].freed, doors[name].opened?.moved]
  const done = passage?.ended === undefined ? [passage?.ref, passage?.document?.result, passage?.face !== undefined, passage?.finger !== undefined, passage?.grant] : []
  return [at, inside, opened, told, way, seen, ...of('entry'), ...of('exit'), insideCount(state), frontOf(state).count, safety.fire, parts.journal, held, ...done].join()
}

function inputsAt({ stage, passage, setup }: State): Input[] {
  const ref = passage?.ref ?? 'r1'
  const attempt = 'attempt' in stage ? stage.attempt : 1
  const doors: readonly DoorName[] = setup.layout === 'mantrap' ? ['entry', 'exit'] : ['exit']
  const spot = setup.layout === 'mantrap' ? 'inside' : 'front'
  return [
    { kind: 'timeout' },
    { kind: 'documentPresented' },
    { kind: 'documentRead', ref: 'r1' },
    { kind: 'documentVerdict', ref, result: 'accepted', resident: true, photo: true, fingerTemplate: true, lists: { watchlist: 'fresh', revoked: 'fresh' } },
    { kind: 'documentVerdict', ref, result: 'watchlist-hit', resident: true, photo: true, fingerTemplate: true, lists: {} },
    ...(['match', 'no-match', 'attack'] as const).map((result): Input => ({ kind: 'faceVerdict', ref, attempt, result, score: 0.9, threshold: 0.5 })),
    ...(['match', 'no-match'] as const).map((result): Input => ({ kind: 'fingerVerdict', ref, attempt, result, score: 90 })),
    ...doors.flatMap((door) => (['closed', 'open', 'unknown'] as const).map((state): Input => ({ kind: 'door', door, state }))),
    ...[0, 1, 2].map((count): Input => ({ kind: 'presence', zone: spot, count })),
    { kind: 'presenceLost', zone: spot },
    { kind: 'passed', door: 'exit' },
    { kind: 'forced', door: 'exit' },
    { kind: 'part', part: 'journal', usable: false },
    { kind: 'part', part: 'journal', usable: true },
    { kind: 'safety', input: 'fire', active: true },
    { kind: 'safety', input: 'fire', active: false },
    ...(['grant', 'refuse', 'release'] as const).map((decision): Input => ({ kind: 'officer', decision, by: 'officer-7' })),
  ]
}

/** What is wrong with a step, if anything. */
function wrong(before: State, input: Input, effects: readonly Effect[], after: State, now: number): string | undefined {
  const { entry, exit } = after.world.doors
  const due = gateMachine.deadline(after)
  const { stage, passage } = after
  const opened = effects.filter((effect) => effect.kind === 'open')
  if (entry.freed && exit.freed) return 'both doors are freed'
  if (opened.length > 1) return 'two doors open at once'
  for (const { door } of opened) {
    if (!knownClosed(after.world.doors[door === 'entry' ? 'exit' : 'entry'])) return 'the other door is not known to be closed'
    if (door === 'exit' && !mayLeave(after)) return 'the exit opens without a grant'
    if (emergencyOf(after) !== undefined) return 'a door opens in an emergency'
    if (!after.world.parts.journal) return 'a door opens without a journal'
  }
  if (emergencyOf(after) !== undefined && (stage.at !== 'emergency' || entry.freed === exit.freed)) return 'there is not one way out'
  if (stage.at === 'idle' && (!allKnownClosed(after) || insideCount(after) !== 0)) return 'idle while open or occupied'
  if (stage.at === 'idle' && passage !== undefined && passage.ended === undefined) return 'idle in a passage'
  if (passage?.ended !== undefined && passage.ref !== undefined) return 'personal data outlive the passage'
  if (before.passage?.ref !== undefined && passage?.ref === undefined && !effects.some(({ kind }) => kind === 'forget')) return 'personal data are not forgotten'
  if (due === undefined && !['idle', 'closed', 'emergency'].includes(stage.at)) return 'nothing would ever end this'
  if (due !== undefined && due <= now) return 'a deadline has come and nothing was done'
  const officer = input.kind === 'officer' && input.decision !== 'grant'
  if (officer && before.stage.at === 'referred' && stage.at === 'referred' && stage.until === before.stage.until) return 'the officer is not heard'
  if (officer && input.decision === 'release' && before.stage.at === 'emergency' && emergencyOf(after) === undefined && stage.at === 'emergency') return 'the emergency does not end'
  return undefined
}

function mayLeave({ passage, setup: { policy } }: State): boolean {
  if (passage === undefined || passage.ended !== undefined) return false
  const checked = passage.document?.result === 'accepted' && passage.face !== undefined && (policy.finger === 'never' || passage.finger !== undefined)
  return passage.grant === 'officer' || (passage.grant === 'checks' && checked)
}

/** Far more than there are: a search that grows beyond tells too much apart. */
const statesMax = 60_000

function explore(setup: GateSetup): { states: number; steps: number; stages: Set<string>; failure?: string } {
  const start = new Rehearsal(setup)
  const begin: Node = { state: start.ready().state, now: start.now }
  const seen = new Set([keyOf(begin.state)])
  const stages = new Set<string>()
  const queue: Node[] = [begin, { state: initialState(setup), now: 0 }]
  let steps = 0
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    stages.add(node.state.stage.at)
    if (seen.size > statesMax) throw new Error('There are too many states to visit them all.')
    for (const input of inputsAt(node.state)) {
      const due = input.kind === 'timeout' ? gateMachine.deadline(node.state) : node.now
      if (due === undefined) continue
      const now = Math.max(node.now, due)
      const [state, effects] = gateMachine.step(node.state, input, now)
      steps++
      const failure = wrong(node.state, input, effects, state, now)
      if (failure !== undefined) return { states: seen.size, steps, stages, failure: `${failure}: ${pathOf({ state, now, from: { node, input } })}` }
      const key = keyOf(state)
      if (seen.has(key)) continue
      seen.add(key)
      queue.push({ state, now, from: { node, input } })
    }
  }
  return { states: seen.size, steps, stages }
}

function pathOf({ from, state }: Node): string {
  return `${from === undefined ? '' : `${pathOf(from.node)} -${JSON.stringify(from.input)}-> `}${state.stage.at}`
}

const limits = { faceTries: 1, fingerTries: 1, documentTries: 1 }

void t.test('every reachable state of the mantrap is safe', async (t) => {
  const { states, steps, stages, failure } = explore(setupOf({ policy: { finger: 'never' }, limits }))
  t.equal(failure, undefined)
  t.comment(`${states} states, ${steps} steps`)
  t.equal(stages.size, 14, `all stages but finger: ${[...stages].join(' ')}`)
})

void t.test('every reachable state of the single door is safe', async (t) => {
  const { states, steps, stages, failure } = explore(setupOf({ layout: 'single', policy: { finger: 'always' }, limits }))
  t.equal(failure, undefined)
  t.comment(`${states} states, ${steps} steps`)
  t.equal(stages.size, 13, `all stages but entering and leaving: ${[...stages].join(' ')}`)
})

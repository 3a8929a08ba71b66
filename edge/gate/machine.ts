/**
 * The passage through an e-Gate as one pure machine, for two doors with a space between (mantrap)
 * and for a single door. Stages follow BSI TR-03135 and Frontex's best practice for ABC gates.
 *
 * A step sees the world first, lets the stage hear the input, and then moves on for as long as the
 * world and the time allow it: so nothing depends on the order in which news come in.
 */
import type { Machine } from '../base/machine.ts'
import { deadline } from './deadline.ts'
import type { Effect } from './effect.ts'
import { emergency, startEmergency } from './emergency.ts'
import type { Input } from './input.ts'
import { alone, entering, face, finger } from './inside.ts'
import { checking, closed, idle, reading, refused, type At } from './outside.ts'
import { deciding, exiting, leaving, officerEnds, recording, referred } from './outward.ts'
import { emergencyOf, frontOf, type Stage, type State } from './state.ts'
import { signsOf } from './signs.ts'
import { Turn } from './turn.ts'

type Stages = {
  readonly [Name in Stage['at']]: {
    /** What the input means here. */
    on?(turn: Turn, stage: At<Name>): void
    /** Where the world and the time take the gate from here. */
    advance(turn: Turn, stage: At<Name>): void
  }
}

const stages: Stages = {
  closed, idle, reading, checking, entering, alone, face, finger, deciding, exiting, recording, refused, referred, leaving, emergency,
}

/** More stages than any step passes through. */
const movesMax = 16

export const gateMachine: Machine<State, Input, Effect> = {
  timeout: { kind: 'timeout' },
  step(state, input, now) {
    const turn = new Turn(state, input, now)
    if ((frontOf(turn.state).count ?? 0) > 0) turn.update({ seen: true })
    hear(turn)
    for (let moves = 0; moves < movesMax && advance(turn); moves++);
    return [turn.state, [...stopChecks(turn), ...turn.effects.filter((effect) => !isOver(effect, turn.state)), ...dropUnused(turn), ...showSigns(turn)]]
  },
  deadline,
}

function hear(turn: Turn): void {
  const { input, stage } = turn
  if (input.kind === 'forced' && turn.state.world.held === 'barrier-forced') turn.alert('alarm', 'barrier-forced')
  const reason = emergencyOf(turn.state) ?? (input.kind === 'start' ? input.emergency : undefined)
  if (stage.at !== 'emergency' && reason !== undefined) startEmergency(turn, reason)
  else if (!officerEnds(turn)) handler(stage).on?.(turn, stage)
}

/** Whether the gate moved to another stage. */
function advance(turn: Turn): boolean {
  const { stage } = turn
  handler(stage).advance(turn, stage)
  return turn.stage !== stage
}

/** A stage and its handler always have the same name, which the type of a look-up cannot say. */
const handler = (stage: Stage): { on?(turn: Turn, stage: Stage): void; advance(turn: Turn, stage: Stage): void } =>
  stages[stage.at]

/** A check that was started and left again in one step need not start at all. */
function isOver(effect: Effect, { stage }: State): boolean {
  if (effect.kind === 'startFace') return stage.at !== 'face' || stage.attempt !== effect.attempt
  return effect.kind === 'startFinger' && (stage.at !== 'finger' || stage.attempt !== effect.attempt)
}

/** A check that was left before it was answered must not go on. */
function stopChecks({ before, input, state }: Turn): Effect[] {
  const { stage, passage } = before
  if ((stage.at !== 'face' && stage.at !== 'finger') || passage?.ref === undefined) return []
  const same = state.stage.at === stage.at && state.stage.attempt === stage.attempt && state.passage?.number === passage.number
  const verdict = stage.at === 'face' ? 'faceVerdict' : 'fingerVerdict'
  const answered = input.kind === verdict && input.ref === passage.ref && input.attempt === stage.attempt
  if (same || answered) return []
  return [{ kind: stage.at === 'face' ? 'cancelFace' : 'cancelFinger', ref: passage.ref, attempt: stage.attempt }]
}

/** A document that was read when none was asked for leaves no trace. */
function dropUnused({ before, input, state, effects }: Turn): Effect[] {
  if (input.kind !== 'documentRead' || [before.passage?.ref, state.passage?.ref].includes(input.ref)) return []
  const dropped = effects.some((effect) => effect.kind === 'forget' && effect.ref === input.ref)
  return dropped ? [] : [{ kind: 'forget', ref: input.ref }]
}

function showSigns({ before, input, state }: Turn): Effect[] {
  const [was, is] = [signsOf(before), signsOf(state)]
  const sides = (['entry', 'exit'] as const).filter((side) => input.kind === 'start' || was[side] !== is[side])
  return sides.map((side) => ({ kind: 'sign', side, sign: is[side] }))
}

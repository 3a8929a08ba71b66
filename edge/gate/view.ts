/** What the traveller's page may show of the gate: no personal data, and no reason that would warn or accuse. */
import { unreachable } from '../base/error.ts'
import type { GateView, Instruction, Phase, Reason, StepName } from './contract.ts'
import { insideCount, needsFinger, spotOf, type Passage, type Stage, type State } from './state.ts'

/**
 * Reasons that the page does not tell apart: some would warn their subject or accuse in public, and
 * the harmless ones among them keep the neutral text itself from telling anything.
 */
export const discreetReasons: ReadonlySet<Reason> = new Set<Reason>([
  'watchlist-hit', 'document-revoked', 'document-inconsistent', 'document-unchecked', 'face-attack',
  'face-unavailable', 'finger-unavailable', 'lists-too-old', 'clock-untrusted',
])

export function view(state: State): GateView {
  const { stage, passages } = state
  const reason = 'reason' in stage && !discreetReasons.has(stage.reason) ? stage.reason : undefined
  return {
    passage: passages,
    phase: phaseOf(stage),
    instruction: instructionOf(state),
    steps: stepsOf(state),
    ...(reason === undefined ? {} : { reason }),
    attempt: attemptOf(state),
  }
}

const phaseOf = ({ at }: Stage): Phase => (at === 'closed' ? 'out-of-service' : at)

function instructionOf(state: State): Instruction {
  const { stage } = state
  switch (stage.at) {
    case 'closed':
      return 'use-other-gate'
    case 'idle':
      return 'lay-document'
    case 'reading':
      return (state.passage?.documentTries ?? 0) > 0 ? 'lay-document' : 'hold-still'
    case 'entering':
      return stage.opened ? 'step-in' : 'please-wait'
    case 'alone':
      return (spotOf(state).count ?? 0) > 1 ? 'one-person' : 'please-wait'
    case 'face':
    case 'finger':
      return stage.instruction
    case 'exiting':
      return (stage.seen || stage.passed > 0) && (insideCount(state) ?? 0) > 0 ? 'take-belongings' : 'go-through'
    case 'checking':
    case 'deciding':
    case 'recording':
      return 'please-wait'
    case 'refused':
      return broken.has(stage.reason) ? 'use-other-gate' : 'see-officer'
    case 'referred':
      return stage.inside ? 'wait-for-officer' : 'see-officer'
    case 'leaving':
      return stage.opened || state.world.doors.entry.state === 'open' ? 'go-back' : 'please-wait'
    case 'emergency':
      return 'leave-now'
    default:
      return unreachable(stage)
  }
}

/** The gate's fault, not the traveller's: another gate will do. */
const broken: ReadonlySet<Reason> = new Set<Reason>([
  'barrier-blocked', 'barrier-lost', 'camera-lost', 'reader-lost', 'presence-lost', 'journal-unavailable', 'service',
])

function attemptOf({ stage, passage }: State): number {
  if (stage.at === 'face' || stage.at === 'finger') return stage.attempt
  return stage.at === 'reading' ? (passage?.documentTries ?? 0) + 1 : 1
}

type StepView = GateView['steps'][number]

function stepsOf(state: State): StepView[] {
  const { passage, stage, ...gate } = state
  // Which steps the last traveller had to take is nobody else's business.
  const between = stage.at === 'idle' || stage.at === 'closed' || stage.at === 'emergency'
  if (passage === undefined || between) return plan({ ...gate, stage }).map((step) => ({ step, status: 'todo' }))
  const names = plan(state)
  const reached = names.indexOf(passage.step)
  return names.map((step, index) => ({ step, status: index < reached ? 'done' : index > reached ? 'todo' : statusOf(stage, passage) }))
}

function statusOf({ at }: Stage, { ended }: Passage): StepView['status'] {
  if (at === 'refused' || at === 'referred' || at === 'leaving') return 'failed'
  return ended?.outcome === 'granted' ? 'done' : 'now'
}

function plan(state: State): StepName[] {
  const { layout } = state.setup
  return ['document', ...(layout === 'mantrap' ? (['enter'] as const) : []), 'face', ...(needsFinger(state) ? (['finger'] as const) : []), 'exit']
}

/** Everything the gate's machine can ask for. The runner carries effects out once their step is durable. */
import type { Severity } from '../device/contract.ts'
import type { Sign } from '../device/capabilities.ts'
import type { DoorName, Evidence, Outcome, Reason, StepName } from './contract.ts'

export type Effect =
  /** Answered by `documentVerdict` with the same ref. */
  | { kind: 'checkDocument'; ref: string }
  /** Answered by `faceVerdict` with the same ref and attempt. */
  | { kind: 'startFace'; ref: string; attempt: number }
  | { kind: 'cancelFace'; ref: string; attempt: number }
  /** Answered by `fingerVerdict` with the same ref and attempt. */
  | { kind: 'startFinger'; ref: string; attempt: number }
  | { kind: 'cancelFinger'; ref: string; attempt: number }
  /** The door closes by itself after `for_ms`, whatever becomes of the gate. */
  | { kind: 'open'; door: DoorName; for_ms: number }
  | { kind: 'close'; door: DoorName }
  | { kind: 'free'; door: DoorName; on: boolean }
  /** entry: what a traveller before the gate sees; exit: what one in it sees of the way out. */
  | { kind: 'sign'; side: DoorName; sign: Sign }
  | { kind: 'alert'; severity: Severity; reason: Reason }
  | ({ kind: 'record' } & PassageRecord)
  /** All that is kept under `ref` must be dropped now. */
  | { kind: 'forget'; ref: string }

/** How a passage went: written once, at its end. */
export interface PassageRecord {
  passage: number
  outcome: Outcome
  reason?: Reason
  /** Why an officer was asked, if one was. */
  referral?: Reason
  /** Under which the controller still keeps the personal data of this passage. */
  ref?: string
  cycle_ms: number
  /** Time spent on each step. */
  spent_ms: { readonly [Name in StepName]?: number }
  face?: Evidence
  finger?: Evidence
  /** The officer who granted, refused or released. */
  officer?: string
}

/**
 * Whether an effect goes ahead although its step could not be written down: what lets people out of
 * an emergency, what closes or stops something, and what only informs or forgets. Never what lets
 * anybody in or through.
 */
export function mayGoUnrecorded(effect: Effect): boolean {
  return effect.kind === 'sign' ? effect.sign !== 'go' : harmless.has(effect.kind)
}

const harmless: ReadonlySet<Effect['kind']> = new Set<Effect['kind']>(['free', 'close', 'cancelFace', 'cancelFinger', 'alert', 'forget'])

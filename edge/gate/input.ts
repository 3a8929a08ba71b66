/** Everything the gate's machine can hear of. No input holds personal data: a document is an opaque `ref`. */
import type { BarrierState } from '../device/capabilities.ts'
import type { DoorName, Evidence, Instruction, Reason } from './contract.ts'
import type { Effect } from './effect.ts'
import type { ListName } from './policy.ts'

export type { DoorName, Evidence } from './contract.ts'

/** entry: before the entry door; inside: between the doors; front: before the only door; exit: behind the exit door. */
export type Zone = 'entry' | 'inside' | 'exit' | 'front'

/** What the gate needs to work: a device, a service, or a condition. Each counts as unusable until told otherwise. */
export type Part = 'reader' | 'camera' | 'face' | 'finger' | 'entry' | 'exit' | 'presence' | 'journal' | 'lists' | 'clock'

export type SafetyReason = 'fire-alarm' | 'power-fail'
export type Decision = 'grant' | 'refuse' | 'release'
export type Freshness = 'fresh' | 'stale' | 'absent'

/** What came of checking a document, without the document. */
export interface DocumentFindings {
  result: 'accepted' | Reason
  resident: boolean | 'unknown'
  /** There is a photograph to compare the face with. */
  photo: boolean
  /** There is a template to compare the finger with. */
  fingerTemplate: boolean
  /** The lists that the policy needs, and how old they are. */
  lists: { readonly [Name in ListName]?: Freshness }
}

export type FaceResult = 'match' | 'no-match' | 'not-found' | 'several' | 'attack' | 'unavailable'
export type FingerResult = 'match' | 'no-match' | 'no-finger' | 'poor-image' | 'unavailable'

export type Input =
  /** Once, first: the runtime has started. `emergency`: the journal's last word was an emergency that no officer ended. */
  | { kind: 'start'; emergency?: SafetyReason }
  /** A deadline has come. It carries nothing: every step looks at the time. */
  | { kind: 'timeout' }
  | { kind: 'documentPresented' }
  | { kind: 'documentUnreadable' }
  /** `ref` was never used before; the controller keeps what was read until effect `forget`. */
  | { kind: 'documentRead'; ref: string }
  | ({ kind: 'documentVerdict'; ref: string } & DocumentFindings)
  | { kind: 'facePrompt'; ref: string; attempt: number; instruction: Instruction }
  /** A match without a score at or above its threshold is not one. */
  | ({ kind: 'faceVerdict'; ref: string; attempt: number; result: FaceResult } & Partial<Evidence>)
  | { kind: 'fingerPrompt'; ref: string; attempt: number; instruction: Instruction }
  | { kind: 'fingerVerdict'; ref: string; attempt: number; result: FingerResult; score?: number }
  | { kind: 'door'; door: DoorName; state: BarrierState }
  | { kind: 'doorLost'; door: DoorName }
  | { kind: 'forced'; door: DoorName }
  /** The barrier itself counted one passage. */
  | { kind: 'passed'; door: DoorName }
  | { kind: 'presence'; zone: Zone; count: number }
  | { kind: 'presenceLost'; zone: Zone }
  | { kind: 'part'; part: Part; usable: boolean; reason?: string }
  | { kind: 'safety'; input: 'fire' | 'power'; active: boolean }
  | { kind: 'officer'; decision: Decision | 'service-on' | 'service-off'; by: string }
  | { kind: 'effectFailed'; effect: Effect; code: string }

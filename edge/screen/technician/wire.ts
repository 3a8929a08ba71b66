/** What the technician's page and its server say to each other. Types alone: both sides import them. */
import type { HoldToRun, Severity } from '../../device/contract.ts'
import type { Ending, PersonRole } from '../../access/contract.ts'

/** As much of JSON Schema as a form is made of; more is passed on and not looked at. */
export interface Schema {
  type?: string
  enum?: readonly unknown[]
  properties?: Readonly<Record<string, Schema>>
  required?: readonly string[]
  default?: unknown
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  description?: string
}

export interface ShownProperty {
  kind: 'property'
  says: string
  unit?: string
  schema: Schema
}

export interface ShownCommand {
  kind: 'command'
  says: string
  role: PersonRole
  moves: boolean
  /** It goes on while a button is held. */
  held?: HoldToRun
  args: Schema
  limit_ms: number
}

export interface ShownEvent {
  kind: 'event'
  says: string
  severity: Severity
}

export type ShownMember = ShownProperty | ShownCommand | ShownEvent

/** A component as it declares itself, without what is personal or not for people. */
export interface ShownComponent {
  name: string
  capability: string
  says: string
  members: Record<string, ShownMember>
}

export interface Who {
  person: string
  role: PersonRole
}

/** A value and when it was known; of one that is too long only how long it is. */
export type ShownValue = [value: unknown, at: number] | [value: null, at: number, tooLong_B: number]

/** By component and property. */
export type ShownValues = Record<string, Record<string, ShownValue>>

export type Told =
  | { kind: 'device'; build: string; device: string; who: Who; components: ShownComponent[]; lidar: boolean; downloads: boolean }
  | { kind: 'values'; wall: number; values: ShownValues }
  | { kind: 'event'; component: string; name: string; severity: Severity; data: unknown; at: number }
  | { kind: 'held'; component: string; code: string; message: string }
  | { kind: 'ended'; why: Ending }

/** What a page says over its socket: that somebody is there, presses a button, still holds it, or let it go. */
export type Said =
  | { kind: 'active' }
  | { kind: 'hold'; component: string; args?: Record<string, unknown> }
  | { kind: 'holding' | 'release'; component: string }

/** What is asked of the journal; newest first. */
export interface JournalQuery {
  /** The beginning of the kind, such as `gate` or `gate.step`. */
  kind?: string
  component?: string
  text?: string
  from?: number
  to?: number
  /** Only facts before this number: where the page before ended. */
  before?: number
}

export interface ShownFact {
  seq: number
  wall: number
  kind: string
  class: string
  body: unknown
  /** It has a personal part, which is not shown. */
  sealed: boolean
}

export interface JournalPage {
  facts: ShownFact[]
  /** Where to go on; absent at the beginning of the journal. */
  next?: number
  /** How many facts were looked at. */
  looked: number
}

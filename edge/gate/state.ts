/** What the gate's machine knows: its world, the passage that runs, and the stage it is in. All plain data. */
import type { Instant } from '../base/clock.ts'
import type { BarrierState } from '../device/capabilities.ts'
import type { Instruction, Outcome, Reason, StepName } from './contract.ts'
import type { DocumentFindings, DoorName, Evidence, Part, SafetyReason, Zone } from './input.ts'
import type { GateSetup } from './policy.ts'

export interface Door {
  /** As last reported. */
  state: BarrierState
  /** It was told to let everybody out, and not yet told to stop. */
  freed: boolean
  /** It was told to open: until it has moved and closed again, or its time is over, `closed` is old news. */
  opened?: { moved: boolean; until: Instant }
}

export interface Place {
  /** How many stand there; `undefined` when nobody can tell. */
  count: number | undefined
  /** Since when. */
  since: Instant
}

export interface World {
  doors: { readonly [Name in DoorName]: Door }
  places: { readonly [Name in Zone]: Place }
  parts: { readonly [Name in Part]: boolean }
  safety: { fire: boolean; power: boolean }
  /** Switched on by the officer. */
  service: boolean
  /** Something happened after which only an officer may let the gate go on. */
  held?: Reason
}

export interface Passage {
  number: number
  /** Under which the controller keeps personal data; gone once it was told to forget. */
  ref?: string
  began: Instant
  /** When a traveller who still is not through goes to an officer. */
  until: Instant
  /** Somebody was seen before the gate since the passage began. */
  seen: boolean
  document?: DocumentFindings
  documentTries: number
  faceTries: number
  fingerTries: number
  face?: Evidence
  finger?: Evidence
  /** Why the traveller may go through. Without it the exit stays closed. */
  grant?: 'checks' | 'officer'
  referral?: Reason
  officer?: string
  /** The step reached, since when, and the time spent on those before. */
  step: StepName
  stepSince: Instant
  spent_ms: { readonly [Name in StepName]?: number }
  ended?: { outcome: Outcome; reason?: Reason }
}

/** Every stage with `until` leaves itself, or does something about it, at that time. */
export type Stage =
  /** Out of service until everything it needs is there: also where the gate starts. */
  /** `leftOver`: what somebody found inside, once that can be told, is referred to the officer for. */
  | { at: 'closed'; reason: Reason; leftOver: Reason; until: Instant | undefined }
  | { at: 'idle' }
  | { at: 'reading'; until: Instant }
  | { at: 'checking'; until: Instant }
  | { at: 'entering'; opened: boolean; until: Instant }
  | { at: 'alone'; until: Instant }
  | { at: 'face'; attempt: number; instruction: Instruction; until: Instant }
  | { at: 'finger'; attempt: number; instruction: Instruction; until: Instant }
  | { at: 'deciding'; until: Instant }
  /** How many the barrier counted, and whether somebody came out behind it. */
  | { at: 'exiting'; passed: number; seen: boolean; until: Instant }
  | { at: 'recording'; until: Instant }
  /** Refused outside. `told`: the message has stood long enough, the traveller may step aside. */
  | { at: 'refused'; reason: Reason; told: boolean; until: Instant }
  | { at: 'referred'; reason: Reason; inside: boolean; until: Instant }
  /** Going back by the entry door. `since`: from when on an empty gate means that the traveller went. */
  | { at: 'leaving'; outcome: Outcome; reason: Reason; opened: boolean; since: Instant; until: Instant }
  | { at: 'emergency'; reason: SafetyReason; way: DoorName; failed: readonly DoorName[]; until: Instant | undefined }

export interface State {
  readonly setup: GateSetup
  readonly world: World
  readonly stage: Stage
  /** The running passage, or the one that just ended while its end is shown. */
  readonly passage?: Passage
  /** Passages begun since the gate started. */
  readonly passages: number
}

/** Before anything is known: nothing counts as closed, empty or usable. */
export function initialState(setup: GateSetup): State {
  const door: Door = { state: 'unknown', freed: false }
  const place: Place = { count: undefined, since: 0 }
  return {
    setup,
    world: {
      // A single gate has no entry door: a wall that nobody can open stands in its place.
      doors: { entry: setup.layout === 'single' ? { ...door, state: 'closed' } : door, exit: door },
      places: { entry: place, inside: place, exit: place, front: place },
      parts: {
        reader: false, camera: false, face: false, finger: false, entry: setup.layout === 'single', exit: false,
        presence: setup.presence === 'none', journal: false, lists: false, clock: false,
      },
      safety: { fire: false, power: false },
      service: true,
    },
    stage: { at: 'closed', reason: 'restarted', leftOver: 'restarted', until: undefined },
    passages: 0,
  }
}

export const doorsOf = ({ setup }: State): readonly DoorName[] => (setup.layout === 'single' ? ['exit'] : ['entry', 'exit'])

export const knownClosed = ({ state, freed, opened }: Door): boolean => state === 'closed' && !freed && opened === undefined

export const allKnownClosed = ({ world }: State): boolean => knownClosed(world.doors.entry) && knownClosed(world.doors.exit)

/** How many stand between the doors: 0 in a single gate, `undefined` when nobody can tell. */
export const insideCount = ({ setup, world }: State): number | undefined =>
  setup.layout === 'single' ? 0 : world.places.inside.count

/** Where the document is laid down. */
export const frontOf = ({ setup, world }: State): Place => (setup.layout === 'single' ? world.places.front : world.places.entry)

/** Where the traveller stands to be checked. */
export const spotOf = ({ setup, world }: State): Place => (setup.layout === 'single' ? world.places.front : world.places.inside)

/** The running passage; one that has ended does not count. */
export const running = ({ passage }: State): Passage | undefined => (passage?.ended === undefined ? passage : undefined)

/** The emergency that is on now. */
export function emergencyOf({ world }: State): SafetyReason | undefined {
  if (world.safety.fire) return 'fire-alarm'
  return world.safety.power ? 'power-fail' : undefined
}

/** Whether the traveller must give a fingerprint: when residency is not known, the stricter rule holds. */
export function needsFinger({ setup, passage }: State): boolean {
  const rule = setup.policy.finger
  return rule === 'always' || (rule === 'when-resident' && passage?.document !== undefined && passage.document.resident !== false)
}

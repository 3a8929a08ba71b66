/**
 * What the gate shows and lets people do: the vocabulary that the machine, the traveller's page,
 * the officer and the journal share. Phases follow BSI TR-03135 and Frontex's ABC guidelines.
 */
import { type Static, Type } from '../base/schema.ts'
import { command, contract, event, property } from '../device/contract.ts'
import { inService } from '../device/in-service.ts'

/** Where in the passage the gate is. */
export const Phase = Type.Enum([
  'out-of-service', 'idle', 'reading', 'checking', 'entering', 'alone', 'face', 'finger', 'deciding', 'exiting',
  'recording', 'refused', 'referred', 'leaving', 'emergency',
])
export type Phase = Static<typeof Phase>

/** What the traveller is asked to do now: one thing at a time. */
export const Instruction = Type.Enum([
  'lay-document', 'hold-still', 'please-wait', 'step-in', 'one-person', 'take-belongings', 'look-at-camera', 'turn-left',
  'turn-right', 'blink', 'come-closer', 'place-finger', 'lift-finger', 'go-through', 'go-back', 'see-officer', 'wait-for-officer',
  'leave-now', 'use-other-gate',
])
export type Instruction = Static<typeof Instruction>

/** Why a passage did not end in a grant, or why the gate cannot be used. Stable: journal and centre match on it. */
export const Reason = Type.Enum([
  // the document
  'document-unreadable', 'document-not-accepted', 'document-expired', 'document-revoked', 'document-inconsistent', 'document-unchecked', 'watchlist-hit', 'not-resident',
  // the traveller
  'face-no-match', 'face-not-found', 'face-several', 'face-attack', 'face-unavailable',
  'finger-no-match', 'finger-missing', 'finger-poor', 'finger-unavailable', 'not-alone', 'object-left', 'walked-back', 'too-slow',
  // the officer
  'officer-granted', 'officer-refused', 'officer-released',
  // the gate
  'barrier-blocked', 'barrier-forced', 'barrier-lost', 'reader-lost', 'camera-lost', 'presence-lost', 'lists-too-old', 'clock-untrusted', 'journal-unavailable',
  'restarted', 'service',
  // the building
  'fire-alarm', 'power-fail',
])
export type Reason = Static<typeof Reason>

/** How a passage ended. `abandoned`: nobody was refused, the traveller went away. */
export const Outcome = Type.Enum(['granted', 'refused', 'referred', 'abandoned', 'emergency'])
export type Outcome = Static<typeof Outcome>

export const StepName = Type.Enum(['document', 'enter', 'face', 'finger', 'exit'])
export type StepName = Static<typeof StepName>

export type DoorName = 'entry' | 'exit'

/** What was compared: goes into the record, so that a decision can be looked at again. */
export interface Evidence {
  score: number
  threshold?: number
  /** SHA-256 of each model that took part, by its name. */
  models?: { readonly [name: string]: string }
  signals?: readonly EvidenceSignal[]
}

/** One of the signals that tell a living face from a picture of one (ISO/IEC 30107-1). */
export interface EvidenceSignal {
  name: string
  /** Missing when it could not be measured, which never counts as passed. */
  score?: number
  threshold: number
  passed: boolean
  required: boolean
}

/** All that the traveller's page may know: it holds no personal data and cannot leak any. */
export const GateView = Type.Object({
  /** Counts passages since the gate started; tells a page that a new traveller has come. */
  passage: Type.Integer(),
  phase: Phase,
  instruction: Instruction,
  steps: Type.Array(Type.Object({ step: StepName, status: Type.Enum(['todo', 'now', 'done', 'failed']) })),
  reason: Type.Optional(Reason),
  /** Which try at the current step this is, from 1. */
  attempt: Type.Integer({ minimum: 1 }),
})
export type GateView = Static<typeof GateView>

export const Gate = contract('gate', 'Lets one traveller after the other through.', {
  view: property(GateView, 'What the traveller sees.'),
  inService,
  mode: property(Type.Enum(['full', 'face-only', 'officer-only', 'closed']), 'Which checks the gate can do with the devices that work.'),
  /** By what each is to the gate: reader, codes, camera, finger, entry, exit, front, inside, behind, lampEntry, lampExit, fire, power. */
  parts: property(Type.Record(Type.String(), Type.String()), 'Which component does what for the gate.'),
  totals: property(Type.Record(Type.String(), Type.Integer()), 'Passages by outcome since the gate started.', '1'),
  /** grant: let the waiting traveller through; refuse: send back; release: let out and clear the gate. A grant must name its passage. */
  decide: command({ decision: Type.Enum(['grant', 'refuse', 'release']), passage: Type.Optional(Type.Integer({ minimum: 0 })) }, "The officer's decision on the traveller who waits.", { role: 'officer', moves: true }),
  service: command({ on: Type.Boolean() }, 'Takes the gate out of service, or back.', { role: 'officer' }),
  ended: event({ outcome: Outcome, reason: Type.Optional(Reason), passage: Type.Integer(), cycle_ms: Type.Integer() }, 'A passage ended.', { severity: 'info' }),
  referral: event({ reason: Reason, passage: Type.Integer() }, 'A traveller needs an officer.', { severity: 'warning' }),
  alarm: event({ reason: Reason }, 'Something that people must look at now.', { severity: 'alarm' }),
})

/** The people around a rehearsed gate, for the tests: traveller, officer, technician; and what comes of it. */
import type { Test } from 'tap'
import type { BarrierState } from '../device/capabilities.ts'
import type { Instruction, Outcome, Phase, Reason } from './contract.ts'
import type { Effect } from './effect.ts'
import type { DocumentFindings, DoorName, FaceResult, FingerResult, Input, Part, Zone } from './input.ts'
import { type Mode, mode } from './mode.ts'
import { Rehearsal, type SetupChoice } from './rehearsal.ts'
import { view } from './view.ts'

type RecordEffect = Extract<Effect, { kind: 'record' }>

/** A gate that is idle, and everything people can do with it. */
export class Play {
  readonly gate: Rehearsal
  #documents = 0
  ref = ''

  constructor(choice: SetupChoice = {}) {
    this.gate = new Rehearsal(choice).ready()
  }

  feed(...inputs: Input[]): Effect[] {
    return this.gate.feed(...inputs)
  }

  get phase(): Phase {
    return view(this.gate.state).phase
  }

  get instruction(): Instruction {
    return view(this.gate.state).instruction
  }

  get reason(): Reason | undefined {
    return view(this.gate.state).reason
  }

  get mode(): Mode {
    return mode(this.gate.state)
  }

  get records(): RecordEffect[] {
    return this.gate.steps.flatMap(({ effects }) => effects).filter((effect) => effect.kind === 'record')
  }

  part(part: Part, usable: boolean): Effect[] {
    return this.feed({ kind: 'part', part, usable })
  }

  door(door: DoorName, ...states: BarrierState[]): Effect[] {
    return this.feed(...states.map((state): Input => ({ kind: 'door', door, state })))
  }

  people(zone: Zone, count: number): Effect[] {
    return this.feed({ kind: 'presence', zone, count })
  }

  officer(decision: 'grant' | 'refuse' | 'release' | 'service-on' | 'service-off'): Effect[] {
    return this.feed({ kind: 'officer', decision, by: 'officer-7' })
  }

  get front(): Zone {
    return this.gate.setup.layout === 'mantrap' ? 'entry' : 'front'
  }

  /** Steps up and lays the document down. */
  lay(): Effect[] {
    this.people(this.front, 1)
    this.ref = `document-${++this.#documents}`
    return this.feed({ kind: 'documentPresented' }, { kind: 'documentRead', ref: this.ref })
  }

  verdict(findings: Partial<DocumentFindings> = {}): Effect[] {
    return this.feed({
      kind: 'documentVerdict', ref: this.ref, result: 'accepted', resident: true, photo: true, fingerTemplate: true,
      lists: { watchlist: 'fresh', revoked: 'fresh' }, ...findings,
    })
  }

  /** Through the entry door, alone, and the door closes behind. */
  stepIn(people = 1): Effect[] {
    this.door('entry', 'opening', 'open')
    this.people('entry', 0)
    return [...this.people('inside', people), ...this.door('entry', 'closing', 'closed')]
  }

  face(result: FaceResult, score = 0.8, attempt = view(this.gate.state).attempt): Effect[] {
    return this.feed({ kind: 'faceVerdict', ref: this.ref, attempt, result, score, threshold: 0.5, models: { face: 'ab12' } })
  }

  finger(result: FingerResult, attempt = view(this.gate.state).attempt): Effect[] {
    return this.feed({ kind: 'fingerVerdict', ref: this.ref, attempt, result, score: 90 })
  }

  /** Out by the exit door, which closes behind. */
  stepOut(): Effect[] {
    this.door('exit', 'opening', 'open')
    if (this.gate.setup.layout === 'single') this.people('front', 0)
    else this.people('inside', 0)
    return this.feed({ kind: 'passed', door: 'exit' }, { kind: 'door', door: 'exit', state: 'closing' }, { kind: 'door', door: 'exit', state: 'closed' })
  }

  /** Up to the moment at which the face is asked for. */
  toFace(findings: Partial<DocumentFindings> = {}): this {
    this.lay()
    this.verdict(findings)
    if (this.gate.setup.layout === 'mantrap') this.stepIn()
    return this
  }

  toFinger(): this {
    this.toFace()
    this.face('match')
    return this
  }
}

export const opens = (effects: readonly Effect[]): DoorName[] => effects.flatMap((effect) => (effect.kind === 'open' ? [effect.door] : []))
export const alerts = (effects: readonly Effect[]): Reason[] => effects.flatMap((effect) => (effect.kind === 'alert' ? [effect.reason] : []))
export const has = (effects: readonly Effect[], kind: Effect['kind']): boolean => effects.some((effect) => effect.kind === kind)

/** The passage is over, on the record, forgotten, and the gate is idle again. */
export function over(t: Test, play: Play, outcome: Outcome, reason?: Reason): void {
  const record = play.records.at(-1)
  t.equal(record?.outcome, outcome, `recorded as ${outcome}`)
  t.equal(record?.reason, reason, `for ${reason ?? 'no reason'}`)
  t.equal(record?.ref, play.ref, 'with its own reference')
  t.same(play.gate.watch.kept, [], 'nothing personal is kept')
  t.equal(play.phase, 'idle', 'idle again')
  play.gate.replay()
}

/** Shown outside; idle once the traveller has stepped aside. */
export function refusedOutside(t: Test, play: Play, reason: Reason, shown = true): void {
  t.same([play.phase, play.reason], ['refused', shown ? reason : undefined])
  play.gate.wait(6)
  t.equal(play.phase, 'refused', 'the message stands while the traveller does')
  play.people(play.front, 0)
  over(t, play, 'refused', reason)
}

/** With the officer, outside; the page does not say why, and the traveller walks over to the desk. */
export function referredOutside(t: Test, play: Play, reason: Reason): void {
  t.same([play.phase, play.instruction, play.reason], ['referred', 'see-officer', undefined])
  play.people(play.front, 0)
  play.gate.wait(3)
  over(t, play, 'referred', reason)
}

/** Between the doors, waiting for the officer, who lets the traveller go back. */
export function referredInside(t: Test, play: Play, reason: Reason): void {
  t.match([play.phase, play.instruction], ['referred', 'wait-for-officer'])
  t.equal(play.records.length, 0, 'the passage goes on until the officer has decided')
  play.gate.wait(200)
  t.equal(play.phase, 'referred', 'for as long as it takes')
  goesBack(t, play, play.officer('refuse'))
  over(t, play, 'refused', 'officer-refused')
  t.equal(play.records.at(-1)?.referral, reason)
}

export function goesBack(t: Test, play: Play, effects: Effect[]): void {
  t.same(opens(effects), ['entry'], 'the way back opens')
  play.door('entry', 'opening', 'open')
  t.match([play.phase, play.instruction], ['leaving', 'go-back'])
  play.people('inside', 0)
  play.door('entry', 'closing', 'closed')
}

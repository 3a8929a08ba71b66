/** The people around a rehearsed gate, for the tests: traveller, officer, technician. */
import type { BarrierState } from '../device/capabilities.ts'
import type { Instruction, Phase, Reason } from './contract.ts'
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

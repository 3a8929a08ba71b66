/**
 * Plays a gate in simulated time for the tests, and watches over it: after every step it checks, by
 * its own bookkeeping, what must never happen.
 */
import { type Step, replay } from '../base/machine.ts'
import { canonical } from '../base/canonical.ts'
import { invariant } from '../base/error.ts'
import { mistakes } from '../base/schema.ts'
import type { BarrierState } from '../device/capabilities.ts'
import { GateView, type Reason } from './contract.ts'
import type { Effect } from './effect.ts'
import type { DoorName, Input, Part } from './input.ts'
import { gateMachine } from './machine.ts'
import { type GateLimits, type GatePolicy, GateSetup } from './policy.ts'
import { initialState, type State } from './state.ts'
import { view } from './view.ts'

export interface SetupChoice {
  layout?: GateSetup['layout']
  presence?: GateSetup['presence']
  policy?: Partial<GatePolicy>
  limits?: Partial<GateLimits>
}

/** The choice as a profile would make it, with the schema's defaults for all that it leaves open. */
export function setupOf(choice: SetupChoice = {}): GateSetup {
  const setup = structuredClone(choice)
  invariant(mistakes(GateSetup, setup).length === 0, 'a rehearsed setup is valid')
  return setup as GateSetup
}

const parts: readonly Part[] = ['reader', 'camera', 'face', 'finger', 'entry', 'exit', 'presence', 'journal', 'lists', 'clock']

/** More effects than any step has. */
const effectsMax = 16

export class Rehearsal {
  readonly setup: GateSetup
  readonly steps: Step<Input, Effect>[] = []
  readonly watch: Watch
  now = 1_000
  state: State
  /** Effects of the latest step. */
  effects: readonly Effect[] = []

  constructor(choice: SetupChoice = {}) {
    this.setup = setupOf(choice)
    this.state = initialState(this.setup)
    this.watch = new Watch(this.setup)
  }

  /** Feeds inputs at this moment; returns the effects of all of them. */
  feed(...inputs: Input[]): Effect[] {
    return inputs.flatMap((input) => this.#step(input))
  }

  /** Lets time pass, with every deadline on the way; returns the effects. */
  wait(seconds: number): Effect[] {
    const until = this.now + Math.round(seconds * 1000)
    const effects: Effect[] = []
    for (let due = this.due; due !== undefined && due <= until; due = this.due) {
      this.now = Math.max(this.now, due)
      effects.push(...this.#step({ kind: 'timeout' }))
    }
    this.now = until
    return effects
  }

  get due(): number | undefined {
    return gateMachine.deadline(this.state)
  }

  /** Everything works, all is closed and empty: the gate is idle. */
  ready(): this {
    this.feed({ kind: 'start' }, ...this.allWell())
    return this
  }

  allWell(): Input[] {
    const zones = this.setup.layout === 'mantrap' ? (['entry', 'inside', 'exit'] as const) : (['front', 'exit'] as const)
    return [
      ...parts.map((part): Input => ({ kind: 'part', part, usable: true })),
      ...this.doors.map((door): Input => ({ kind: 'door', door, state: 'closed' })),
      ...(this.setup.presence === 'none' ? [] : zones.map((zone): Input => ({ kind: 'presence', zone, count: 0 }))),
    ]
  }

  get doors(): readonly DoorName[] {
    return this.setup.layout === 'mantrap' ? ['entry', 'exit'] : ['exit']
  }

  /** Replays all steps from the start; throws when an effect differs. */
  replay(): void {
    invariant(replay(gateMachine, initialState(this.setup), this.steps) === undefined, 'a replay gives the same effects')
  }

  #step(input: Input): readonly Effect[] {
    const before = canonical(this.state)
    const [next, effects] = gateMachine.step(this.state, input, this.now)
    invariant(canonical(this.state) === before, 'a step leaves the state it came from untouched')
    this.state = next
    this.effects = effects
    this.steps.push({ now: this.now, input, effects })
    this.watch.step(input, effects, this.now)
    const due = this.due
    invariant(due === undefined || due > this.now, `a deadline that has come is dealt with (${next.stage.at})`)
    this.watch.shown(next)
    return effects
  }
}

interface WatchedDoor {
  reported: BarrierState
  told?: { until: number; moved: boolean }
  freed: boolean
}

interface Proof {
  document: boolean
  face: boolean
  finger: boolean
  /** The policy lets the face alone be enough, and there was no scanner. */
  fingerWaived: boolean
  fingerNeeded: boolean
  officer: boolean
}

const noProof: Proof = { document: false, face: false, finger: false, fingerWaived: false, fingerNeeded: true, officer: false }

/** Bookkeeping of its own: sees only inputs, effects and what the page shows. */
export class Watch {
  readonly #setup: GateSetup
  readonly #doors: Record<DoorName, WatchedDoor>
  readonly #lost = new Set<Part>(parts)
  readonly #emergencies = new Set<string>()
  readonly #held = new Set<string>()
  readonly #gone = new Set<string>()
  /** How many stand where the checks are made. */
  #people: number | undefined
  /** An emergency was on and no officer has ended it. */
  #unreleased = false
  #proof = noProof
  #document: string | undefined
  #face: string | undefined
  #finger: string | undefined

  constructor(setup: GateSetup) {
    this.#setup = setup
    const door = (): WatchedDoor => ({ reported: 'unknown', freed: false })
    this.#doors = { entry: setup.layout === 'single' ? { ...door(), reported: 'closed' } : door(), exit: door() }
  }

  /** References whose data the controller still keeps. */
  get kept(): readonly string[] {
    return [...this.#held]
  }

  step(input: Input, effects: readonly Effect[], now: number): void {
    invariant(effects.length <= effectsMax, `at most ${effectsMax} effects a step`)
    for (const door of Object.values(this.#doors)) if (door.told !== undefined && now >= door.told.until) delete door.told
    this.#hearWorld(input)
    this.#hearProof(input)
    for (const effect of effects) this.#see(effect, now)
    if (input.kind === 'officer' && input.decision === 'release' && this.#emergencies.size === 0) this.#unreleased = false
  }

  shown(state: State): void {
    const page = view(state)
    invariant(mistakes(GateView, page).length === 0, 'the view keeps its schema')
    invariant(page.reason === undefined || !discreet.has(page.reason), 'no discreet reason is shown')
    invariant(!JSON.stringify([state, page]).includes(marker), 'no personal data in state or view')
  }

  #hearWorld(input: Input): void {
    if (input.kind === 'door') this.#moved(input.door, input.state)
    if (input.kind === 'doorLost') this.#moved(input.door, 'unknown')
    if (input.kind === 'part' && input.usable) this.#lost.delete(input.part)
    if (input.kind === 'part' && !input.usable) {
      this.#lost.add(input.part)
      if (input.part === 'entry' || input.part === 'exit') this.#moved(input.part, 'unknown')
    }
    this.#hearPresence(input)
    if (input.kind === 'safety' && input.active) this.#emergencies.add(input.input)
    if (input.kind === 'safety' && !input.active) this.#emergencies.delete(input.input)
    if (this.#emergencies.size > 0 || (input.kind === 'start' && input.emergency !== undefined)) this.#unreleased = true
    if (input.kind === 'documentRead') {
      this.#held.add(input.ref)
      this.#gone.delete(input.ref)
    }
  }

  #hearPresence(input: Input): void {
    const spot = this.#setup.layout === 'mantrap' ? 'inside' : 'front'
    if (input.kind === 'presence' && input.zone === spot) this.#people = Number.isInteger(input.count) && input.count >= 0 ? input.count : undefined
    if (input.kind === 'presenceLost' && input.zone === spot) this.#people = undefined
    if (input.kind === 'part' && input.part === 'presence' && !input.usable) this.#people = undefined
  }

  #hearProof(input: Input): void {
    if (input.kind === 'documentVerdict' && input.ref === this.#document) {
      this.#document = undefined
      const { finger } = this.#setup.policy
      const fingerNeeded = finger === 'always' || (finger === 'when-resident' && input.resident !== false)
      this.#prove({ document: input.result === 'accepted', fingerNeeded })
    }
    if (input.kind === 'faceVerdict' && this.#face === checkOf(input)) {
      this.#face = undefined
      this.#prove({ face: input.result === 'match' && (input.score ?? Number.NaN) >= (input.threshold ?? Number.NaN) })
    }
    if (input.kind === 'fingerVerdict' && this.#finger === checkOf(input)) {
      this.#finger = undefined
      this.#prove({ finger: input.result === 'match' && input.score !== undefined })
      if (input.result === 'unavailable') this.#waive()
    }
    if (this.#lost.has('finger') || (input.kind === 'effectFailed' && input.effect.kind === 'startFinger')) this.#waive()
    if (input.kind === 'officer' && input.decision === 'grant') this.#prove({ officer: true })
  }

  #prove(proof: Partial<Proof>): void {
    this.#proof = { ...this.#proof, ...proof }
  }

  #waive(): void {
    if (this.#setup.policy.onFingerLost === 'face-only') this.#prove({ fingerWaived: true })
  }

  #moved(name: DoorName, state: BarrierState): void {
    if (name === 'entry' && this.#setup.layout === 'single') return
    const door = this.#doors[name]
    door.reported = state
    if (state === 'closed' && door.told?.moved === true) delete door.told
    else if (state !== 'closed' && state !== 'unknown' && door.told !== undefined) door.told.moved = true
  }

  #see(effect: Effect, now: number): void {
    invariant(!JSON.stringify(effect).includes(marker), 'no personal data in effects')
    if ('ref' in effect && effect.ref !== undefined) invariant(!this.#gone.has(effect.ref), 'nothing uses what was forgotten')
    this.#seeCheck(effect)
    if (effect.kind === 'open') this.#opened(effect.door, effect.for_ms, now)
    if (effect.kind === 'free' && effect.on) this.#freed(effect.door)
    if (effect.kind === 'free' && !effect.on) this.#unfreed(effect.door, now)
    if (effect.kind === 'record') {
      invariant(this.#face === undefined && this.#finger === undefined, 'no check outlives its passage')
      this.#proof = noProof
    }
    if (effect.kind !== 'forget') return
    this.#held.delete(effect.ref)
    this.#gone.add(effect.ref)
  }

  #seeCheck(effect: Effect): void {
    if (effect.kind === 'checkDocument') {
      this.#document = effect.ref
      this.#proof = noProof
    }
    if (effect.kind === 'startFace' || effect.kind === 'startFinger') {
      invariant(this.#face === undefined && this.#finger === undefined, 'one check at a time')
      if (effect.kind === 'startFace') this.#face = checkOf(effect)
      else this.#finger = checkOf(effect)
      this.#prove(effect.kind === 'startFace' ? { face: false } : { finger: false })
    }
    if (effect.kind === 'cancelFace') {
      invariant(this.#face === checkOf(effect), 'only a check that runs is cancelled')
      this.#face = undefined
    }
    if (effect.kind === 'cancelFinger') {
      invariant(this.#finger === checkOf(effect), 'only a check that runs is cancelled')
      this.#finger = undefined
    }
  }

  #opened(name: DoorName, for_ms: number, now: number): void {
    for (const door of Object.values(this.#doors)) {
      invariant(door.reported === 'closed' && door.told === undefined && !door.freed, 'a door opens only while both are known closed')
    }
    invariant(for_ms <= 60_000 && for_ms >= 100, 'a door opens for a limited time')
    invariant(!this.#unreleased, 'no door opens for a passage before an officer ended the emergency')
    invariant(!this.#lost.has('journal') && !this.#lost.has('exit'), 'no door opens without journal or exit')
    const { document, face, finger, fingerNeeded, fingerWaived, officer } = this.#proof
    const fingerDone = finger || !fingerNeeded || fingerWaived
    const { layout, presence } = this.#setup
    const unseen = layout === 'single' && presence === 'none'
    const alone = unseen || (this.#people !== undefined && (presence !== 'counts' || this.#people <= 1))
    if (name === 'exit') invariant(officer || (document && face && fingerDone && alone), 'the exit opens only after a grant, to one person')
    else invariant(this.#setup.layout === 'mantrap', 'a single gate has no entry door')
    this.#doors[name].told = { until: now + for_ms + this.#setup.limits.door_s * 1000, moved: false }
  }

  #freed(name: DoorName): void {
    const other = this.#doors[name === 'entry' ? 'exit' : 'entry']
    invariant(!other.freed, 'never both doors freed')
    const back = name === 'entry' && this.#lost.has('journal') && other.reported === 'closed' && other.told === undefined
    invariant(this.#unreleased || back, 'a door is freed in an emergency, or back without a journal')
    this.#doors[name].freed = true
    delete this.#doors[name].told
  }

  #unfreed(name: DoorName, now: number): void {
    const door = this.#doors[name]
    const moved = door.reported !== 'closed' && door.reported !== 'unknown'
    if (door.freed) door.told = { until: now + this.#setup.limits.door_s * 1000, moved }
    door.freed = false
  }
}

const checkOf = ({ ref, attempt }: { ref: string; attempt: number }): string => `${ref}/${attempt}`

/** Stands for a name, number or template in what tests feed. */
export const marker = 'L898902C36'

const discreet: ReadonlySet<Reason> = new Set<Reason>(['watchlist-hit', 'document-revoked', 'document-inconsistent', 'face-attack'])

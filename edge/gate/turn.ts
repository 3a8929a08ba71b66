/**
 * One step of the gate in the making: the state as it changes, and the effects asked for so far.
 * It lives only inside `step`; the guards that must hold for every door command are here and nowhere else.
 */
import type { Instant } from '../base/clock.ts'
import type { Severity } from '../device/contract.ts'
import type { Reason, StepName } from './contract.ts'
import type { Effect } from './effect.ts'
import type { DoorName, Input } from './input.ts'
import { allKnownClosed, doorsOf, knownClosed, running, type Door, type Passage, type Stage, type State } from './state.ts'
import { observe, withDoor } from './world.ts'

const stepOf: { readonly [At in Stage['at']]?: StepName } = {
  reading: 'document', checking: 'document', entering: 'enter', alone: 'enter', face: 'face', finger: 'finger', deciding: 'exit', exiting: 'exit',
}

export class Turn {
  /** As it was before the input. */
  readonly before: State
  readonly input: Input
  readonly now: Instant
  readonly effects: Effect[] = []
  #state: State

  constructor(before: State, input: Input, now: Instant) {
    this.before = before
    this.input = input
    this.now = now
    this.#state = { ...before, world: observe(before, input, now) }
  }

  get state(): State {
    return this.#state
  }

  get stage(): Stage {
    return this.#state.stage
  }

  get limits(): State['setup']['limits'] {
    return this.#state.setup.limits
  }

  later(seconds: number): Instant {
    return this.now + Math.round(seconds * 1000)
  }

  emit(effect: Effect): void {
    this.effects.push(effect)
  }

  alert(severity: Severity, reason: Reason): void {
    this.emit({ kind: 'alert', severity, reason })
  }

  go(stage: Stage): void {
    this.#state = { ...this.#state, stage }
    const passage = running(this.#state)
    const step = stepOf[stage.at]
    if (passage === undefined || step === undefined || step === passage.step) return
    this.update({ step, stepSince: this.now, spent_ms: spentBy(passage, this.now) })
  }

  /** Changes the running passage. */
  update(change: Partial<Passage>): void {
    const { passage } = this.#state
    if (passage !== undefined) this.#state = { ...this.#state, passage: { ...passage, ...change } }
  }

  begin(): Passage {
    const number = this.#state.passages + 1
    const passage: Passage = {
      number, began: this.now, until: this.later(this.limits.passage_s), seen: false,
      documentTries: 0, faceTries: 0, fingerTries: 0, step: 'document', stepSince: this.now, spent_ms: {},
    }
    this.#state = { ...this.#state, passage, passages: number }
    return passage
  }

  /** Only an officer's word ends what only an officer may end. */
  unhold(): void {
    const { held: _, ...world } = this.#state.world
    this.#state = { ...this.#state, world }
  }

  /**
   * Opens a door for one traveller, if it may be: both doors are known closed and work, and nobody
   * goes out by the exit without a grant. Returns whether it was told to open.
   */
  open(door: DoorName, for_s: number): boolean {
    const { world } = this.#state
    if (!allKnownClosed(this.#state) || !world.parts.entry || !world.parts.exit) return false
    if (door === 'exit' && running(this.#state)?.grant === undefined) return false
    this.emit({ kind: 'open', door, for_ms: Math.round(for_s * 1000) })
    this.#setDoor(door, { state: 'closed', freed: false, opened: { moved: false, until: this.later(for_s + this.limits.door_s) } })
    return true
  }

  /** Closes every door that is not known to be closed. */
  closeAll(): void {
    for (const door of doorsOf(this.#state)) {
      if (knownClosed(this.#state.world.doors[door])) continue
      if (this.#state.world.doors[door].freed) this.unfree(door)
      this.emit({ kind: 'close', door })
    }
  }

  /** Lets everybody out by one door until told otherwise. The other one is kept closed by the caller. */
  free(door: DoorName): void {
    this.emit({ kind: 'free', door, on: true })
    this.#setDoor(door, { state: this.#state.world.doors[door].state, freed: true })
  }

  /** Ends `free`. One that is open closes now; any other may still be on its way for as long as a door takes. */
  unfree(door: DoorName): void {
    this.emit({ kind: 'free', door, on: false })
    const { state, freed } = this.#state.world.doors[door]
    const moved = state !== 'closed' && state !== 'unknown'
    if (freed) this.#setDoor(door, { state, freed: false, opened: { moved, until: this.later(this.limits.door_s) } })
  }

  #setDoor(name: DoorName, door: Door): void {
    this.#state = { ...this.#state, world: withDoor(this.#state.world, name, door) }
  }
}

/** Time on each step up to now, with the step that runs. */
export function spentBy({ spent_ms, step, stepSince }: Passage, now: Instant): Passage['spent_ms'] {
  return { ...spent_ms, [step]: (spent_ms[step] ?? 0) + (now - stepSince) }
}

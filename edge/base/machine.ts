/**
 * Runs a pure state machine: one input at a time, on the record, effects only after the record.
 *
 * The machine decides; the runner keeps its time-outs, writes down each step (input, time, effects)
 * and carries effects out in order once the step is durable. Feeding the written inputs back into
 * the machine gives the written effects: see `replay`.
 */
import type { Cancel, Clock, Instant } from './clock.ts'
import { canonical } from './canonical.ts'
import { ResourceError, TimeoutError } from './error.ts'

/** A total function without I/O, clock or randomness, and the time-outs of its states. */
export interface Machine<State, Input, Effect> {
  step(state: State, input: Input, now: Instant): readonly [State, readonly Effect[]]
  /** When the state must be left by itself at the latest; `undefined` when it may last. */
  deadline(state: State): Instant | undefined
  /** What the runner feeds when the deadline has come. */
  readonly timeout: Input
}

/** One step as it is written down. */
export interface Step<Input, Effect> {
  now: Instant
  input: Input
  effects: readonly Effect[]
}

export interface MachineRunnerOptions<State, Input, Effect> {
  machine: Machine<State, Input, Effect>
  initial: State
  clock: Clock
  /** Writes a step down, which was taken in the state `before`; resolves when it would survive a power cut. */
  record(step: Step<Input, Effect>, before: State): Promise<void>
  /** Carries an effect out. What comes of it comes back as inputs. */
  perform(effect: Effect): void
  /** The step could not be written in time: which of its effects go ahead all the same? */
  unrecorded(step: Step<Input, Effect>, error: unknown): readonly Effect[]
  /** Hears of every state, after the step, before its effects. */
  onState?(state: State): void
  /** How long a record may take. */
  recordLimit_ms: number
  /** How many recorded steps may wait for their effects. */
  backlogMax: number
}

export class MachineRunner<State, Input, Effect> {
  readonly #options: MachineRunnerOptions<State, Input, Effect>
  #state: State
  #cancelTimeout: Cancel | undefined
  #tail: Promise<void> = Promise.resolve()
  #backlog = 0
  /** Inputs not yet taken: one that comes of a step under way waits until that step is written down. */
  #fed: Input[] = []
  #stopped = false

  constructor(options: MachineRunnerOptions<State, Input, Effect>) {
    this.#options = options
    this.#state = options.initial
    this.#armTimeout()
  }

  get state(): State {
    return this.#state
  }

  /** Feeds one input. Effects follow asynchronously, in the order of the inputs. */
  feed(input: Input): void {
    if (this.#stopped) return
    this.#fed.push(input)
    if (this.#fed.length > 1) return
    try {
      for (let next = this.#fed[0]; next !== undefined; next = this.#fed[0]) {
        this.#take(next)
        this.#fed.shift()
      }
    } finally {
      this.#fed = []
    }
  }

  #take(input: Input): void {
    const { machine, clock, onState } = this.#options
    const now = Math.round(clock.now())
    const before = this.#state
    const [next, effects] = machine.step(before, input, now)
    this.#state = next
    this.#armTimeout()
    onState?.(next)
    this.#enqueue({ now, input, effects }, before)
  }

  /** Resolves when every step taken so far is written down, or given up, and its effects are out. */
  async settled(): Promise<void> {
    await this.#tail
  }

  /** Takes no more inputs; resolves when the effects of those already taken are out. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimeout?.()
    await this.settled()
  }

  #enqueue(step: Step<Input, Effect>, before: State): void {
    if (this.#backlog >= this.#options.backlogMax) {
      const effects = this.#options.unrecorded(step, new ResourceError('PC-BASE-BACKLOG', 'Too many steps wait for the journal.'))
      // In its turn, too: a door must not be closed before an earlier step opens it.
      this.#tail = this.#tail.then(() => this.#perform(effects))
      return
    }
    this.#backlog++
    const recorded = this.#record(step, before)
    this.#tail = this.#tail.then(async () => {
      this.#perform(await recorded)
      this.#backlog--
    })
  }

  /** Resolves with the effects that may be carried out; never rejects. */
  async #record(step: Step<Input, Effect>, before: State): Promise<readonly Effect[]> {
    const { clock, recordLimit_ms, record, unrecorded } = this.#options
    let cancel: Cancel = () => undefined
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(recordLimit_ms, () => {
        reject(new TimeoutError('PC-BASE-RECORD-LATE', `A step was not durable within ${recordLimit_ms} ms.`))
      })
    })
    try {
      await Promise.race([record(step, before), late])
      return step.effects
    } catch (error) {
      return unrecorded(step, error)
    } finally {
      cancel()
    }
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#options.perform(effect)
  }

  #armTimeout(): void {
    this.#cancelTimeout?.()
    const { machine, clock } = this.#options
    const deadline = machine.deadline(this.#state)
    if (deadline === undefined || this.#stopped) return
    this.#cancelTimeout = clock.after(Math.max(0, Math.ceil(deadline - clock.now())), () => {
      // Timers of the system fire up to a millisecond early: a step that changes nothing is not worth a record.
      if (Math.round(clock.now()) < deadline) this.#armTimeout()
      else this.feed(machine.timeout)
    })
  }
}

/** The first step whose effects differ from what the machine gives now; `undefined` when all agree. */
export function replay<State, Input, Effect>(
  machine: Machine<State, Input, Effect>,
  initial: State,
  steps: Iterable<Step<Input, Effect>>,
): { index: number; recorded: readonly Effect[]; replayed: readonly Effect[]; state: State } | undefined {
  let state = initial
  let index = 0
  for (const { input, now, effects: recorded } of steps) {
    const [next, replayed] = machine.step(state, input, now)
    if (canonical(recorded) !== canonical(replayed)) return { index, recorded, replayed, state }
    state = next
    index++
  }
  return undefined
}

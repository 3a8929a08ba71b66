/**
 * Decisions on the record, and proof that they can be taken again: the inputs a machine wrote down,
 * fed back into it, must give the effects it wrote down.
 */
import { canonical } from '../base/canonical.ts'
import { type Machine, type Step, replay } from '../base/machine.ts'
import type { Fact } from './fact.ts'

/** What facts can be read from, in order: the journal itself or a reader of its file. */
export interface Facts {
  after(seq: number, most: number): Fact[]
}

const piece = 500

/** All facts after `from`, oldest first. */
export function* factsOf(source: Facts, from = 0): Generator<Fact> {
  let position = from
  for (;;) {
    const facts = source.after(position, piece)
    const last = facts.at(-1)
    if (last === undefined) return
    yield* facts
    position = last.seq
  }
}

/** A recorded step and the fact that holds it. */
export type RecordedStep<Input, Effect> = Step<Input, Effect> & { seq: number }

/** The steps of one kind of fact (such as `gate.step`, body `{now, input, effects}`), oldest first. */
export function* steps<Input, Effect>(source: Facts, kind: string): Generator<RecordedStep<Input, Effect>> {
  for (const fact of factsOf(source)) {
    if (fact.kind === kind) yield stepOf(fact)
  }
}

function stepOf<Input, Effect>(fact: Fact): RecordedStep<Input, Effect> {
  return { ...(fact.body as unknown as Step<Input, Effect>), seq: fact.seq }
}

/** A machine whose steps are facts, and how it began: told by a fact of `startKind` in each epoch. */
export interface RecordedMachine {
  startKind: string
  // oxlint-disable-next-line typescript/no-explicit-any -- each machine has its own state, input and effect
  machine: Machine<any, any, any>
  initialFrom(body: Fact['body']): unknown
}

/** By the kind of the facts that hold the steps. */
export type RecordedMachines = Readonly<Record<string, RecordedMachine>>

export interface Replay {
  ok: boolean
  /** Beginnings found, and steps that gave the same effects again. */
  starts: number
  steps: number
  /** Steps that cannot be replayed: what came before them is pruned. */
  skipped: number
  /** The first step that gave other effects than were written down. */
  divergence?: { seq: number; kind: string; recorded: string; replayed: string }
}

/** Takes every recorded decision of one machine again. */
export function replaySteps(source: Facts, kind: string, recorded: RecordedMachine): Replay {
  const track = new Track(source, kind, recorded.startKind)
  let starts = 0
  for (let start = track.nextStart(); start !== undefined; start = track.nextStart()) {
    starts++
    const found = replay(recorded.machine, recorded.initialFrom(start.body), track.run())
    if (found === undefined) continue
    const divergence = { seq: track.seq, kind, recorded: canonical(found.recorded), replayed: canonical(found.replayed) }
    return { ok: false, starts, steps: track.replayed - 1, skipped: track.skipped, divergence }
  }
  return { ok: true, starts, steps: track.replayed, skipped: track.skipped }
}

/** Which step of its machine a start or step is, where it says so. */
const numberOf = ({ body }: Fact): number | undefined => (body as { number?: number }).number

/** Walks the facts once, cut into runs: a start and the steps that follow it without a hole. */
class Track {
  replayed = 0
  skipped = 0
  seq = 0
  readonly #facts: Iterator<Fact>
  readonly #kind: string
  readonly #startKind: string
  #start: Fact | undefined
  /** The number of the step that comes next in this run. */
  #expected: number | undefined

  constructor(source: Facts, kind: string, startKind: string) {
    this.#facts = factsOf(source)
    this.#kind = kind
    this.#startKind = startKind
  }

  nextStart(): Fact | undefined {
    const waiting = this.#start
    this.#start = undefined
    if (waiting !== undefined) return this.#begin(waiting)
    for (let fact = this.#next(); fact !== undefined; fact = this.#next()) {
      if (fact.kind === this.#startKind) return this.#begin(fact)
      if (fact.kind === this.#kind) this.skipped++
    }
    return undefined
  }

  #begin(start: Fact): Fact {
    this.#expected = numberOf(start)
    return start
  }

  *run(): Generator<Step<unknown, unknown>> {
    for (;;) {
      const before = this.seq
      const fact = this.#next()
      if (fact === undefined) return
      if (fact.kind === this.#startKind) {
        this.#start = fact
        return
      }
      // Pruned, or never written: a full disk takes one step and not the next.
      const lost = fact.kind === this.#kind && this.#expected !== undefined && numberOf(fact) !== this.#expected
      const hole = fact.seq !== before + 1 || lost
      if (fact.kind === this.#kind && hole) this.skipped++
      if (hole) return
      if (fact.kind !== this.#kind) continue
      this.replayed++
      if (this.#expected !== undefined) this.#expected++
      yield stepOf(fact)
    }
  }

  #next(): Fact | undefined {
    const { value, done } = this.#facts.next() as IteratorResult<Fact, undefined>
    if (done === true) return undefined
    this.seq = value.seq
    return value
  }
}

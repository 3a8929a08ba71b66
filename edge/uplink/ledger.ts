/**
 * Which commands this device has already taken, so that none is carried out twice.
 *
 * A command may come twice: QoS 1 repeats, the centre asks again for a lost answer, somebody replays
 * a recording. Entries live until the command has expired for good; the journal brings them back
 * after a restart.
 */
import type { WallTime } from '../base/clock.ts'
import type { Fact, FactSource } from '../journal/fact.ts'
import { mistakes, type Static, Type } from '../base/schema.ts'
import type { Json } from '../base/canonical.ts'
import type { Answer } from './order.ts'

export const commandFact = 'uplink.command'
export const resultFact = 'uplink.result'

interface Entry {
  /** Wall time after which the order is refused as expired anyway. */
  expiresAt: WallTime
  answer: Answer | undefined
}

const batch = 500

export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #entries_max: number
  /** Orders issued before this time may have been taken by an earlier run without our knowing. */
  #horizon: WallTime = 0

  constructor(entries_max: number) {
    this.#entries_max = entries_max
  }

  get horizon(): WallTime {
    return this.#horizon
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** The answer already given; `undefined` while the command runs. */
  answer(id: string): Answer | undefined {
    return this.#entries.get(id)?.answer
  }

  /** Remembers a command; `false` when there is no room for one more that could come again. */
  take(id: string, expiresAt: WallTime, now: WallTime): boolean {
    if (this.#entries.has(id)) return true
    if (this.#entries.size >= this.#entries_max) this.#forgetExpired(now)
    if (this.#entries.size >= this.#entries_max) return false
    this.#entries.set(id, { expiresAt, answer: undefined })
    return true
  }

  /** The command was never begun: it may come again. */
  release(id: string): void {
    this.#entries.delete(id)
  }

  settle(answer: Answer): void {
    const entry = this.#entries.get(answer.id)
    if (entry !== undefined) entry.answer = answer
  }

  /** Brings back what earlier runs took, from the newest `facts_max` facts. */
  recall(source: FactSource, facts_max: number, now: WallTime): void {
    let seq = Math.max(0, source.last - facts_max)
    const partial = seq > 0
    for (let facts = source.after(seq, batch); facts.length > 0; facts = source.after(seq, batch)) {
      if (partial && this.#horizon === 0) this.#horizon = facts[0]?.wall ?? 0
      for (const fact of facts) this.#recallFact(fact, now)
      seq = facts.at(-1)?.seq ?? source.last
    }
    for (const [id, entry] of this.#entries) entry.answer ??= interrupted(id)
  }

  #recallFact(fact: Fact, now: WallTime): void {
    if (fact.kind === commandFact && fits(Taken, fact.body)) this.take(fact.body.id, fact.body.expiresAt, now)
    if (fact.kind === resultFact && fits(Settled, fact.body)) this.settle(fact.body)
  }

  #forgetExpired(now: WallTime): void {
    for (const [id, { expiresAt }] of this.#entries) {
      if (expiresAt <= now) this.#entries.delete(id)
    }
  }
}

const Taken = Type.Object({ id: Type.String(), expiresAt: Type.Integer() })
const Settled = Type.Object({ id: Type.String(), status: Type.Enum(['done', 'refused', 'failed']) })

function fits<S extends typeof Taken | typeof Settled>(schema: S, body: Json): body is Json & Static<S> {
  return mistakes(schema, body).length === 0
}

const interrupted = (id: string): Answer => ({
  id, status: 'failed', code: 'PC-UPLINK-INTERRUPTED', says: 'The device restarted while the command ran; whether it took effect is not known.',
})

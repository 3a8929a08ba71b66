/** The facts of access: durable within a limit, or somebody hears that they are not. */
import type { Clock } from '../base/clock.ts'
import { ResourceError } from '../base/error.ts'
import { within } from '../base/wait.ts'
import type { FactSink, NewFact } from '../journal/fact.ts'

export const sessionFact = 'access.session'
export const endedFact = 'access.ended'
export const refusalFact = 'access.refusal'
export const commandFact = 'access.command'
export const resultFact = 'access.result'
/** Somebody's account was added, changed, removed or unlocked. */
export const accountFact = 'access.account'
/** The file of accounts was read: at the start, and when it was changed from outside. */
export const accountsFact = 'access.accounts'
/** An engineer brought an answer after the housing had been opened. */
export const unsealedFact = 'access.unsealed'

const record_ms_max = 2_000

export class AccessFacts {
  readonly #sink: FactSink
  readonly #clock: Clock

  constructor(sink: FactSink, clock: Clock) {
    this.#sink = sink
    this.#clock = clock
  }

  /** Resolves once the fact is durable. @throws ResourceError (PC-ACCESS-JOURNAL) when that is not known in time. */
  async write(fact: NewFact): Promise<void> {
    try {
      const limit = { clock: this.#clock, limit_ms: record_ms_max, code: 'PC-ACCESS-JOURNAL', message: 'A fact was not durable in time.' } as const
      await within(limit, () => this.#sink.append(fact))
    } catch (cause) {
      throw new ResourceError('PC-ACCESS-JOURNAL', 'The journal cannot be written, so nobody is let in and nothing is carried out.', { component: 'access', cause })
    }
  }
}

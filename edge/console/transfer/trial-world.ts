/** A world without time, for the tests of scripts: it grants their wishes from memory, and its clock runs when nothing is heard. */
import { ManualClock } from '../../base/clock.ts'
import { describe, PortcullisError } from '../../base/error.ts'
import type { Answer, Script, Wish } from './script.ts'

export abstract class TrialWorld {
  readonly clock = new ManualClock()
  /** How many there were: a script must not go on for ever. */
  wishes = 0
  readonly #heard: Uint8Array[]

  /** @param heard what the other end says, piece by piece; then silence. */
  constructor(...heard: Uint8Array[]) {
    this.#heard = heard
  }

  protected abstract grant(wish: Wish): Answer

  play<Result>(script: Script<Result>): { result?: Result; code?: string } {
    let answer: Answer
    try {
      for (; ;) {
        const step = script.next(answer)
        if (step.done === true) return { result: step.value }
        this.wishes++
        answer = this.grant(step.value)
      }
    } catch (error) {
      if (!(error instanceof PortcullisError)) throw error
      return { code: describe(error).code }
    }
  }

  /** Whoever only looks, for no longer than this, finds nothing yet: what is said comes to those who wait. */
  protected hear(limit_ms: number, looks_ms: number): Uint8Array {
    const bytes = limit_ms <= looks_ms ? undefined : this.#heard.shift()
    if (bytes === undefined) this.clock.advance(limit_ms)
    return bytes ?? new Uint8Array(0)
  }
}

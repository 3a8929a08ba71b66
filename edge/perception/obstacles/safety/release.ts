/** Becomes stricter at once, and less strict only when nothing as strict has been asked for a while. */
import { Candidate } from './candidate.ts'

export class Release {
  /** What holds now. */
  readonly shown = new Candidate()
  readonly #release_ms: number
  /** The strictest that was asked since what holds was last asked. */
  readonly #next = new Candidate()
  readonly #strictAt = new Float64Array(1).fill(-Infinity)

  constructor(release_ms: number) {
    this.#release_ms = release_ms
  }

  /** @param now its first number is the instant. */
  ask(asked: Candidate, now: Float64Array): void {
    if (asked.strictness >= this.shown.strictness) {
      this.shown.copy(asked)
      this.#restart(now)
      return
    }
    if (asked.strictness >= this.#next.strictness) this.#next.copy(asked)
    if (now[0]! - this.#strictAt[0]! < this.#release_ms) return
    this.shown.copy(this.#next)
    this.#restart(now)
  }

  #restart(now: Float64Array): void {
    this.#strictAt[0] = now[0]!
    this.#next.clear()
  }
}

/** Tells a code that is new from one that is merely still in front of the reader. */
import type { Instant } from '../../edge/base/clock.ts'

export class Repeats {
  readonly #hold_ms: number
  #content: string | undefined
  #seen: Instant = 0

  /** @param hold_ms how long a code must be out of sight before it counts as shown again. */
  constructor(hold_ms: number) {
    this.#hold_ms = hold_ms
  }

  /** Notes that the code is seen now; `true` when that is news. */
  isNew(content: string, now: Instant): boolean {
    const again = content === this.#content && now - this.#seen < this.#hold_ms
    this.#content = content
    this.#seen = now
    return !again
  }

  forget(): void {
    this.#content = undefined
  }
}

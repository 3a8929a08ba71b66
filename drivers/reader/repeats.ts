/** Tells a code that is new from one that is merely still in front of the reader. */
import { createHash } from 'node:crypto'
import type { Instant } from '../../edge/base/clock.ts'

/** So many codes may be in sight at once; of more, the one unseen for longest is forgotten. */
const codesMax = 16

export class Repeats {
  readonly #hold_ms: number
  /** When each code was last seen, in that order; as digests, since the contents are personal. */
  readonly #seen = new Map<string, Instant>()

  /** @param hold_ms how long a code must be out of sight before it counts as shown again. */
  constructor(hold_ms: number) {
    this.#hold_ms = hold_ms
  }

  /** Notes that the code is seen now; `true` when that is news. */
  isNew(content: string, now: Instant): boolean {
    const digest = createHash('sha256').update(content).digest('base64')
    const before = this.#seen.get(digest)
    this.#seen.delete(digest)
    this.#seen.set(digest, now)
    if (this.#seen.size > codesMax) this.#seen.delete(this.#seen.keys().next().value ?? '')
    return before === undefined || now - before >= this.#hold_ms
  }

  forget(): void {
    this.#seen.clear()
  }
}

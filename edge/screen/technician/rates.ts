/** How often somebody may do something: a bucket of tokens for each, of a bounded number of them. */
import type { Clock, Instant } from '../../base/clock.ts'

export interface Rate {
  /** As many at once. */
  burst: number
  per_s: number
}

/** Whoever did nothing for longest is forgotten first. */
const keys_max = 512

export class Rates {
  readonly #clock: Clock
  readonly #rate: Rate
  readonly #buckets = new Map<string, { tokens: number; at: Instant }>()

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock
    this.#rate = rate
  }

  /** False when it is too often. */
  take(key: string): boolean {
    const { burst, per_s } = this.#rate
    const now = this.#clock.now()
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: burst, at: now }
    const filled = Math.min(burst, tokens + ((now - at) / 1000) * per_s)
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: filled >= 1 ? filled - 1 : filled, at: now })
    if (this.#buckets.size > keys_max) this.#buckets.delete(this.#buckets.keys().next().value ?? '')
    return filled >= 1
  }
}

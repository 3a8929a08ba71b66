/** Passes on the newest of a stream of items, so often at most, and holds no more than one. */
import type { Cancel, Clock, Instant } from '../../edge/base/clock.ts'

/**
 * An item waits for the loop's next turn at least: when the listener was slow and several items
 * arrived meanwhile, only the newest of them is passed on. The others count as dropped.
 */
export class Newest<T> {
  readonly #clock: Clock
  readonly #interval_ms: number
  readonly #deliver: (item: T) => void
  readonly #onDropped: () => void
  #waiting: { item: T; cancel: Cancel } | undefined
  #due: Instant = 0

  /** @param rate_max items a second. */
  constructor(clock: Clock, rate_max: number, deliver: (item: T) => void, onDropped: () => void) {
    this.#clock = clock
    this.#interval_ms = 1_000 / rate_max
    this.#deliver = deliver
    this.#onDropped = onDropped
  }

  offer(item: T): void {
    if (this.#waiting !== undefined) {
      this.#onDropped()
      this.#waiting.item = item
      return
    }
    const cancel = this.#clock.after(Math.max(0, this.#due - this.#clock.now()), () => this.#pass())
    this.#waiting = { item, cancel }
  }

  /** Forgets what waits. */
  stop(): void {
    this.#waiting?.cancel()
    this.#waiting = undefined
  }

  #pass(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    // Counted from when it was due and not from now, so that jitter does not lower the rate.
    this.#due = Math.max(this.#due + this.#interval_ms, this.#clock.now())
    if (waiting !== undefined) this.#deliver(waiting.item)
  }
}

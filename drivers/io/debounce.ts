/** A level counts when it has stood for a while: contacts bounce. */
import type { Cancel, Clock } from '../../edge/base/clock.ts'

export class Debounce {
  readonly #clock: Clock
  readonly #stable_ms: number
  readonly #onSettled: (level: boolean) => void
  #latest: boolean | undefined
  #settled: boolean | undefined
  #cancel: Cancel = () => undefined

  /** @param onSettled hears the first level at once, and each later one after `stable_ms`. */
  constructor(clock: Clock, stable_ms: number, onSettled: (level: boolean) => void) {
    this.#clock = clock
    this.#stable_ms = stable_ms
    this.#onSettled = onSettled
  }

  offer(level: boolean): void {
    if (level === this.#latest) return
    const isFirst = this.#latest === undefined
    this.#latest = level
    this.#cancel()
    if (isFirst || this.#stable_ms === 0) this.#settle(level)
    else if (level !== this.#settled) this.#cancel = this.#clock.after(this.#stable_ms, () => this.#settle(level))
  }

  /** Forgets every level: the next one counts at once. */
  reset(): void {
    this.#cancel()
    this.#latest = undefined
    this.#settled = undefined
  }

  #settle(level: boolean): void {
    this.#settled = level
    this.#onSettled(level)
  }
}

/** The newest picture of a stream: while one is worked on, all but the last to arrive are dropped. */
import type { Cancel, Clock, Instant } from '../base/clock.ts'
import type { Frame } from '../device/capabilities.ts'

export class NewestFrame {
  dropped = 0
  readonly #clock: Clock
  readonly #unsubscribe: () => void
  #frame: Frame | undefined
  #wake: () => void = () => undefined

  constructor(clock: Clock, subscribe: (listener: (frame: Frame) => void) => () => void) {
    this.#clock = clock
    this.#unsubscribe = subscribe((frame) => {
      if (this.#frame !== undefined) this.dropped++
      this.#frame = frame
      this.#wake()
    })
  }

  /** The newest frame not taken yet, waiting for one; `undefined` when none came by `until` or `signal` aborted. */
  async take(until: Instant, signal: AbortSignal): Promise<Frame | undefined> {
    let cancel: Cancel = () => undefined
    await new Promise<void>((resolve) => {
      if (this.#frame !== undefined || signal.aborted) return resolve()
      this.#wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
      cancel = this.#clock.after(Math.max(0, until - this.#clock.now()), resolve)
    })
    cancel()
    const frame = this.#frame
    this.#frame = undefined
    return frame
  }

  close(): void {
    this.#unsubscribe()
    this.#wake()
  }
}

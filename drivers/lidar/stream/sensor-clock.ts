/**
 * Compares a sensor's clock with ours: it may run a little faster or slower, but not jump, and no
 * packet comes before its measurement. All that is known is how much later packets come than at best.
 */
import type { PointBlock } from '../../../edge/device/points.ts'

/** How fast two clocks may drift apart, ms per ms: ten times what cheap crystals do. */
const driftMax = 0.000_5
/** What came in so many ticks is late only if all of it is: a burst after a pause of our own is not. */
const recentTicks = 5
/** Ticks in which the best is learnt: the first packets may have waited in the socket, at most so long. */
const learningTicks = 10
const waited_ms = 2_000

const best = 0
const lastStart_us = 1
const lastReceived = 2

export class SensorClock {
  readonly #jump_ms: number
  /** Ours minus the sensor's, ms: at best, and the least in each of the last ticks. */
  readonly #known = new Float64Array(3)
  readonly #least = new Float64Array(recentTicks)
  #slot = 0
  #learning = learningTicks
  #jumped = false

  constructor(jump_ms: number) {
    this.#jump_ms = jump_ms
    this.reset()
  }

  /** Whether the sensor's clock has jumped since the last tick. */
  get jumped(): boolean {
    return this.#jumped
  }

  /** How much later than at best even the promptest of the recent packets came, ms. */
  get late_ms(): number {
    let least = Infinity
    for (let slot = 0; slot < recentTicks; slot++) least = Math.min(least, this.#least[slot] as number)
    return least === Infinity ? 0 : Math.max(0, least - (this.#known[best] as number))
  }

  /** Compares when the block was measured with when it came. It takes the block: a double that is handed on is allocated. */
  packet(block: PointBlock): void {
    const { start_us, received } = block
    const known = this.#known
    const offset = received - start_us / 1_000
    const isFirst = known[best] === Infinity
    const back_ms = ((known[lastStart_us] as number) - start_us) / 1_000
    const ahead_ms = (known[best] as number) - offset
    const aheadMax_ms = this.#learning > 0 ? this.#jump_ms + waited_ms : this.#jump_ms
    if (!isFirst && (back_ms > this.#jump_ms || ahead_ms > aheadMax_ms)) {
      this.reset()
      this.#jumped = true
    }
    const drifted = known[best] === Infinity ? Infinity : (known[best] as number) + (received - (known[lastReceived] as number)) * driftMax
    known[best] = Math.min(drifted, offset)
    known[lastStart_us] = start_us
    known[lastReceived] = received
    this.#least[this.#slot] = Math.min(this.#least[this.#slot] as number, offset)
  }

  tick(): void {
    this.#jumped = false
    if (this.#learning > 0 && this.#known[best] !== Infinity) this.#learning--
    this.#slot = (this.#slot + 1) % recentTicks
    this.#least[this.#slot] = Infinity
  }

  /** The clock begins anew. */
  reset(): void {
    this.#known.fill(Infinity)
    this.#least.fill(Infinity)
    this.#learning = learningTicks
    this.#jumped = false
  }
}

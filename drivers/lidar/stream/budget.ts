/** How much of what arrives is looked at: a sensor has a rate, and what goes far beyond it is a storm. */
import type { Instant } from '../../../edge/base/clock.ts'

/** So many times the sensor's own rate is still looked at: two returns a beam, and some to spare. */
const headroom = 2.5
/** What may come at once, seconds of the sensor's own rate: what waited in the socket while our loop was busy. */
const burst_s = 1

const beams = 0
const filled = 1

export class Budget {
  readonly #perMs: number
  readonly #most: number
  /** Doubles in an array do not allocate when they change. */
  readonly #left = new Float64Array(2)

  /** @param beamsPerSecond the usual rate, of beams or of whatever a cost is given in */
  constructor(beamsPerSecond: number, now: Instant) {
    this.#perMs = (beamsPerSecond * headroom) / 1_000
    this.#most = beamsPerSecond * burst_s
    this.#left[beams] = this.#most
    this.#left[filled] = now
  }

  /** Takes the cost of one datagram; false when there is not enough left. */
  take(cost: number, now: Instant): boolean {
    const left = this.#left
    const refilled = Math.min(this.#most, (left[beams] as number) + (now - (left[filled] as number)) * this.#perMs)
    left[filled] = now
    const isEnough = refilled >= cost
    left[beams] = isEnough ? refilled - cost : refilled
    return isEnough
  }
}

/** What comes back of a twin's beams, as sensors with one or two returns report it. */
import { fullTurn, perRadian } from '../azimuth.ts'
import type { Surroundings } from '../encoder.ts'

export type Wanted = 'strongest' | 'last' | 'first'

/** The beam that was cast last. */
export class Echoes {
  readonly #range_m: number
  /** Metres, the strongest first; 0 for none. */
  readonly #distance = new Float64Array(2)
  readonly #reflectance = new Float64Array(2)
  #chosen = 0

  /** @param range_m farther away nothing is seen */
  constructor(range_m: number) {
    this.#range_m = range_m
  }

  /** @param azimuth hundredths of a degree counter-clockwise from the frame's x axis, any number of turns; @param elevation radians */
  cast(surroundings: Surroundings, azimuth: number, elevation: number): void {
    const angle = (((azimuth % fullTurn) + fullTurn) % fullTurn) / perRadian
    for (const echo of [0, 1] as const) {
      const distance = surroundings.distance(angle, elevation, echo)
      this.#distance[echo] = distance > 0 && distance <= this.#range_m ? distance : 0
      this.#reflectance[echo] = surroundings.reflectance
    }
  }

  /** Chooses the echo that a block of such returns holds; `distance` and `reflectance` tell of it. */
  choose(wanted: Wanted): this {
    const [strongest = 0, second = 0] = this.#distance
    const both = strongest > 0 && second > 0
    this.#chosen = both ? Number(wanted === 'last' ? second > strongest : wanted === 'first' && second < strongest) : Number(second > 0)
    return this
  }

  /** The other one for the second block of a pair; the same where there is no other. */
  chooseOther(): this {
    if ((this.#distance[1 - this.#chosen] ?? 0) > 0) this.#chosen = 1 - this.#chosen
    return this
  }

  get distance(): number {
    return this.#distance[this.#chosen] ?? 0
  }

  /** 0 to 1. */
  get reflectance(): number {
    return this.#reflectance[this.#chosen] ?? 0
  }
}

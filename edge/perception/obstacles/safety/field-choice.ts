/** Which field sets count, from the last word about the vehicle's motion. */
import type { Motion } from '../contract.ts'
import type { FieldSet } from '../setup.ts'

/** Numbers of a set's range in `#ranges`. */
const perSet = 4

export class FieldChoice {
  /** A bit for each set that the last known motion asks for; 0 when no set is made for it. */
  asked = 0
  /** Whether anybody ever said how the vehicle moves. */
  known = false
  readonly #fields: readonly FieldSet[]
  readonly #motion_ms: number
  /** Of each set: least and greatest speed, least and greatest steering angle; either may come first in the profile. */
  readonly #ranges: Float64Array
  readonly #at = new Float64Array(1).fill(-Infinity)

  constructor(fields: readonly FieldSet[], motion_ms: number) {
    this.#fields = fields
    this.#motion_ms = motion_ms
    this.#ranges = Float64Array.from(fields.flatMap(({ speed_mps, steering_deg }) => [speed_mps, steering_deg].flatMap((range) => range.toSorted((a, b) => a - b))))
  }

  set({ speed_mps, steering_deg, load }: Motion, now: Float64Array): void {
    this.asked = 0
    const ranges = this.#ranges
    for (let set = 0, at = 0; set < this.#fields.length; set++, at += perSet) {
      const isFor = speed_mps >= ranges[at]! && speed_mps <= ranges[at + 1]! && steering_deg >= ranges[at + 2]! && steering_deg <= ranges[at + 3]!
      if (isFor && this.#fields[set]!.load.includes(load)) this.asked |= 1 << set
    }
    this.known = true
    this.#at[0] = now[0]!
  }

  /** A word about the motion that is too old says nothing. */
  isKnown(now: Float64Array): boolean {
    return now[0]! - this.#at[0]! <= this.#motion_ms
  }

  /** A bit for each set that counts: all, where the motion is not known. */
  inUse(now: Float64Array): number {
    return this.isKnown(now) ? this.asked : -1 >>> (32 - this.#fields.length) | 0
  }

  /** For people: the names of the sets in use. */
  names(now: Float64Array): string {
    const inUse = this.inUse(now)
    return this.#fields.filter((_, bit) => (inUse & (1 << bit)) !== 0).map(({ name }) => name).join(', ')
  }
}

/** Which field sets count, from the last word about the vehicle's motion. */
import type { Motion } from '../contract.ts'
import type { FieldSet } from '../setup.ts'

/** Either end may come first; not a number is in none. */
const within = (value: number, [from = 0, to = 0]: readonly number[]): boolean => (value >= from && value <= to) || (value >= to && value <= from)

export class FieldChoice {
  /** A bit for each set that the last known motion asks for; 0 when no set is made for it. */
  asked = 0
  /** Whether anybody ever said how the vehicle moves. */
  known = false
  readonly #fields: readonly FieldSet[]
  readonly #motion_ms: number
  readonly #at = new Float64Array(1).fill(-Infinity)

  constructor(fields: readonly FieldSet[], motion_ms: number) {
    this.#fields = fields
    this.#motion_ms = motion_ms
  }

  set({ speed_mps, steering_deg, load }: Motion, now: Float64Array): void {
    this.asked = 0
    this.#fields.forEach((set, bit) => {
      if (within(speed_mps, set.speed_mps) && within(steering_deg, set.steering_deg) && set.load.includes(load)) this.asked |= 1 << bit
    })
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

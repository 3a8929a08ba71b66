/** When something was last found in each field, where, and by which source. */
import type { Column } from './column.ts'

/** As many field sets as there are bits in a mask. */
const setsMax = 32

export class FieldFindings {
  /** Of each set: when, -Infinity if never. */
  readonly at = new Float64Array(setsMax).fill(-Infinity)
  /** Of each set: the number of the source. */
  readonly by = new Uint8Array(setsMax)
  /** Of each set: x, y, z in metres. */
  readonly position = new Float64Array(3 * setsMax)

  /** @param sets a bit for each set. @param now its first number is the instant. */
  note(sets: number, source: number, column: Column, point: number, now: Float64Array): void {
    for (let left = sets; left !== 0; left &= left - 1) {
      const set = 31 - Math.clz32(left & -left)
      this.at[set] = now[0]!
      this.by[set] = source
      this.position[3 * set] = column.x[point]!
      this.position[3 * set + 1] = column.y[point]!
      this.position[3 * set + 2] = column.z[point]!
    }
  }

  /** The sets in which something was found since that instant. */
  since(since: Float64Array): number {
    let sets = 0
    for (let set = 0; set < setsMax; set++) if (this.at[set]! >= since[0]!) sets |= 1 << set
    return sets
  }
}

export class Infringements {
  readonly stop = new FieldFindings()
  readonly slow = new FieldFindings()
}

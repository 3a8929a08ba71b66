/** What one turn shows of the ground, and of what hangs above the vehicle's roof, in large cells: objects are measured against it. */
import { type Cloud, pointKinds } from '../cloud.ts'

/** Side of a cell of ground, metres: even at 25 m a sensor of 16 beams leaves few of them empty. */
const groundCell_m = 2
/** Side of a cell of what is overhead, metres. */
const overheadCell_m = 0.5
/** Of the points that are neither obstacle nor ground, those this high above the reference point are overhead, metres. */
const overhead_m = 1.5

export class Floor {
  readonly #reach_m: number
  readonly #side: number
  readonly #sum: Float32Array
  readonly #count: Int32Array
  readonly #overheadSide: number
  readonly #overhead: Uint8Array

  constructor(reach_m: number) {
    this.#reach_m = reach_m
    this.#side = Math.ceil((2 * reach_m) / groundCell_m)
    this.#sum = new Float32Array(this.#side ** 2)
    this.#count = new Int32Array(this.#side ** 2)
    this.#overheadSide = Math.ceil((2 * reach_m) / overheadCell_m)
    this.#overhead = new Uint8Array(this.#overheadSide ** 2)
  }

  look({ count, x, y, z, kind }: Cloud): void {
    this.#sum.fill(0)
    this.#count.fill(0)
    this.#overhead.fill(0)
    const reach = this.#reach_m
    for (let point = 0; point < count; point++) {
      const is = kind[point] ?? 0
      if (is !== pointKinds.ground && is !== pointKinds.ignored) continue
      const px = x[point] ?? 0
      const py = y[point] ?? 0
      const pz = z[point] ?? 0
      if (!(px > -reach && px < reach && py > -reach && py < reach)) continue
      if (is === pointKinds.ground) {
        const cell = ((py + reach) / groundCell_m | 0) * this.#side + ((px + reach) / groundCell_m | 0)
        this.#sum[cell] = (this.#sum[cell] ?? 0) + pz
        this.#count[cell] = (this.#count[cell] ?? 0) + 1
      } else if (pz > overhead_m) {
        this.#overhead[((py + reach) / overheadCell_m | 0) * this.#overheadSide + ((px + reach) / overheadCell_m | 0)] = 1
      }
    }
  }

  /** Height of the ground there, metres; NaN where it was not seen. */
  heightAt(x: number, y: number): number {
    const column = ((x + this.#reach_m) / groundCell_m) | 0
    const row = ((y + this.#reach_m) / groundCell_m) | 0
    const here = row * this.#side + column
    const seen = this.#count[here] ?? 0
    if (seen > 0) return (this.#sum[here] ?? 0) / seen
    return this.#around(column, row)
  }

  isUnder(x: number, y: number): boolean {
    return this.#overhead[(((y + this.#reach_m) / overheadCell_m) | 0) * this.#overheadSide + (((x + this.#reach_m) / overheadCell_m) | 0)] === 1
  }

  #around(column: number, row: number): number {
    let sum = 0
    let count = 0
    for (let r = Math.max(0, row - 1); r <= Math.min(this.#side - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(this.#side - 1, column + 1); c++) {
        sum += this.#sum[r * this.#side + c] ?? 0
        count += this.#count[r * this.#side + c] ?? 0
      }
    }
    return sum / count
  }
}

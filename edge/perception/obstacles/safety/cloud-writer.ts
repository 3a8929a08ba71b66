/** Writes what one source sees, turn by turn, into the ring from which slower readers take it. */
import type { PointBlock } from '../../../device/points.ts'
import type { Cloud, CloudRing } from '../cloud.ts'
import type { Column } from './column.ts'

export class CloudWriter {
  /** Points for which the cloud of their turn had no room. */
  dropped = 0
  readonly #ring: CloudRing
  #cloud: Cloud | undefined
  #turn = 0
  #count = 0
  /** Sensor time of the last point. */
  readonly #at_us = new Float64Array(1)

  constructor(ring: CloudRing) {
    this.#ring = ring
  }

  /** What follows is of this turn of the source. */
  turn(turn: number): void {
    if (this.#cloud !== undefined && turn === this.#turn) return
    this.#finish()
    this.#turn = turn
    this.#count = 0
    this.#cloud = this.#ring.begin(turn)
  }

  write({ count, x, y, z, intensity, kind }: Column): void {
    const cloud = this.#cloud
    if (cloud === undefined) return
    const room = this.#ring.pointsMax - this.#count
    const fits = count < room ? count : room
    this.dropped += count - fits
    const from = this.#count
    for (let point = 0; point < fits; point++) {
      const to = from + point
      cloud.x[to] = x[point]!
      cloud.y[to] = y[point]!
      cloud.z[to] = z[point]!
      cloud.intensity[to] = intensity[point]!
      cloud.kind[to] = kind[point]!
    }
    this.#count = from + fits
  }

  /** A column of the block was the last one so far. */
  measured(block: PointBlock, column: number): void {
    this.#at_us[0] = block.start_us + block.offset_us[column * block.rings]!
  }

  #finish(): void {
    if (this.#cloud === undefined) return
    this.#cloud.count = this.#count
    this.#cloud.at_us = this.#at_us[0]!
    this.#ring.end()
  }
}

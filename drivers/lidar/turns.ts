/** Counts the turns of a lidar whose azimuth only ever grows, block by block. Nothing is allocated. */
import type { PointBlock } from '../../edge/device/points.ts'

export class Turns {
  #turn = 0
  #azimuth = 0

  /** A packet begins whose first block is at `azimuth`. */
  begin(block: PointBlock, azimuth: number): void {
    if (azimuth < this.#azimuth) this.#turn++
    this.#azimuth = azimuth
    block.turn = this.#turn
    block.turnAt = -1
  }

  /** The columns from `column` on were measured from `azimuth` on. */
  at(block: PointBlock, column: number, azimuth: number): void {
    if (azimuth < this.#azimuth) {
      this.#turn++
      block.turnAt = column
    }
    this.#azimuth = azimuth
  }

  reset(): void {
    this.#turn = 0
    this.#azimuth = 0
  }
}

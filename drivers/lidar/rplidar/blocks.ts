/** Gathers an RPLIDAR's measurements into blocks of points. */
import type { Instant } from '../../../edge/base/clock.ts'
import { PointBlock } from '../../../edge/device/points.ts'
import type { NodeSink } from './reader.ts'

/** 16 ms at the slowest sampling. */
export const columnsMax = 32
const radians = Math.PI / (180 * 64)

/**
 * The sensor has no clock: a block's time is when it came, less the time its measurements took. Its
 * zero angle is forward here; SLAMTEC's ROS driver turns by half a turn.
 */
export class NodeBlocks implements NodeSink {
  readonly block = new PointBlock(columnsMax, 1)
  /** Microseconds from one measurement to the next. */
  sample_us = 500
  /** Stretches of measurements that were lost before the next block. */
  lost = 0
  readonly #onBlock: (block: PointBlock) => void
  readonly #now: () => Instant
  #turn = 0

  constructor(now: () => Instant, onBlock: (block: PointBlock) => void) {
    this.#now = now
    this.#onBlock = onBlock
    this.block.rings = 1
  }

  node(isStart: boolean, quality: number, angle_q6: number, distance_q2: number): void {
    const { block } = this
    if (block.columns === columnsMax || (isStart && block.turnAt >= 0)) this.flush()
    const column = block.columns
    if (isStart && column > 0) block.turnAt = column
    else if (isStart) this.#turn++
    if (column === 0) block.turn = this.#turn
    const angle = angle_q6 === 0 ? 0 : 2 * Math.PI - angle_q6 * radians
    const distance = distance_q2 / 4_000
    block.angle[column] = angle
    block.distance[column] = distance
    block.x[column] = distance * Math.cos(angle)
    block.y[column] = distance * Math.sin(angle)
    block.intensity[column] = quality
    block.columns = column + 1
  }

  /** Hands on what is gathered: nothing more has come yet. */
  flush(): void {
    const { block, sample_us } = this
    if (block.columns === 0) return
    block.received = this.#now()
    block.start_us = block.received * 1_000 - block.columns * sample_us
    for (let column = 0; column < block.columns; column++) block.offset_us[column] = column * sample_us
    block.lost = this.lost
    if (block.turnAt >= 0) this.#turn++
    this.#onBlock(block)
    this.lost = 0
    block.columns = 0
    block.turnAt = -1
  }
}

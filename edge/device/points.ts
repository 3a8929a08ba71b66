/**
 * What one lidar packet shows, in arrays that are used again for the next packet: 2.6 million points
 * a second leave no room for an object a point.
 *
 * The block is a grid of `columns` x `rings`, column by column: the point of column `c` and ring `r`
 * is at `c * rings + r`. A column is what was measured at one turning angle (of one return, for dual
 * returns: `returnOf`); its rings go from the lowest beam to the highest. Beams without a return have
 * distance 0 and their x, y, z are 0: nothing seen is knowledge, too.
 *
 * Frame: right-handed, of the sensor itself: x forward (its zero angle, as the maker's ROS driver has
 * it), y left, z up, metres.
 */
import type { Instant } from '../base/clock.ts'

/** Which echo of a beam a column holds. */
export const returnKinds = { only: 0, strongest: 1, last: 2, first: 3, second: 4 } as const
export type ReturnKind = (typeof returnKinds)[keyof typeof returnKinds]

export class PointBlock {
  /** The most points that fit. */
  readonly capacity: number
  columns = 0
  rings = 0
  /** When the last byte of the packet was received. */
  received: Instant = 0
  /** Sensor time of the block's first measurement, microseconds; its epoch is the sensor's own. */
  start_us = 0
  /** Counts the sensor's turns (scans); of the block's first column. */
  turn = 0
  /** The column with which the next turn begins, or -1. */
  turnAt = -1
  /** Packets that are known to be missing just before this one. */
  lost = 0
  /** Metres; 0 where nothing came back. */
  readonly distance: Float32Array
  readonly x: Float32Array
  readonly y: Float32Array
  readonly z: Float32Array
  /** The sensor's own measure of how strong the echo was: reflectivity where it has one, else intensity. */
  readonly intensity: Uint16Array
  /** Microseconds after `start_us`. */
  readonly offset_us: Float32Array
  /** Of each column: its turning angle in radians, 0 to 2 pi, counter-clockwise seen from above, 0 forward. */
  readonly angle: Float32Array
  /** Of each column: one of `returnKinds`. */
  readonly returnOf: Uint8Array

  constructor(columnsMax: number, ringsMax: number) {
    const capacity = columnsMax * ringsMax
    this.capacity = capacity
    this.distance = new Float32Array(capacity)
    this.x = new Float32Array(capacity)
    this.y = new Float32Array(capacity)
    this.z = new Float32Array(capacity)
    this.intensity = new Uint16Array(capacity)
    this.offset_us = new Float32Array(capacity)
    this.angle = new Float32Array(columnsMax)
    this.returnOf = new Uint8Array(columnsMax)
  }

  /** Nothing came back from the beam at `point`. */
  nothing(point: number): void {
    this.distance[point] = 0
    this.x[point] = 0
    this.y[point] = 0
    this.z[point] = 0
    this.intensity[point] = 0
  }

  /** How many beams the block tells of, with a return or without. */
  get beams(): number {
    return this.columns * this.rings
  }
}

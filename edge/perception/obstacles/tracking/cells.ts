/**
 * The obstacle points of one turn, gathered in small square cells seen from above: what stands on the
 * ground is told apart there, and a cell is much cheaper to compare than its points.
 */
import { type Cloud, pointKinds } from '../cloud.ts'
import type { Floor } from './floor.ts'

/** Side of a cell, metres: half the gap between people who walk side by side. */
export const cell_m = 0.1
const perCell = 1 / cell_m
/** Farther from the vehicle than this only every second cell is used, in both directions: beams are farther apart there, too. Metres. */
export const coarse_m = 26
/** Free cells around the grid, so that looking at neighbours needs no bounds. */
export const margin = 8

export class Cells {
  /** Occupied ones. */
  count = 0
  /** Points for which there was no cell left. */
  overflow = 0
  /** Cells of one row of the grid. */
  readonly side: number
  /** Of each place of the grid: its occupied cell + 1, or 0. */
  readonly at: Uint16Array
  /** Of each occupied cell: its place in the grid, its points, their mean position, lowest and highest point. */
  readonly place: Int32Array
  readonly points: Int32Array
  readonly x: Float32Array
  readonly y: Float32Array
  readonly low: Float32Array
  readonly high: Float32Array
  /** Sum of the intensities. */
  readonly strength: Float32Array
  /** Sum of the points' places in the cloud, which tell when they were measured. */
  readonly order: Float64Array
  /** Height of the ground below, metres; NaN where it was not seen. */
  readonly ground: Float32Array
  readonly max: number
  readonly #reach_m: number

  constructor(reach_m: number, max: number) {
    this.#reach_m = reach_m
    this.max = max
    this.side = Math.ceil((2 * reach_m) / cell_m) + 2 * margin
    this.at = new Uint16Array(this.side ** 2)
    this.place = new Int32Array(max)
    this.points = new Int32Array(max)
    this.x = new Float32Array(max)
    this.y = new Float32Array(max)
    this.low = new Float32Array(max)
    this.high = new Float32Array(max)
    this.strength = new Float32Array(max)
    this.order = new Float64Array(max)
    this.ground = new Float32Array(max)
  }

  /** @param left of each point: 1 where it is to be left out. */
  gather(cloud: Cloud, left: Uint8Array, floor: Floor): void {
    this.#clear()
    this.#count(cloud, left)
    for (let cell = 0; cell < this.count; cell++) {
      const points = this.points[cell] ?? 1
      this.x[cell] = (this.x[cell] ?? 0) / points
      this.y[cell] = (this.y[cell] ?? 0) / points
      this.ground[cell] = floor.heightAt(this.x[cell] ?? 0, this.y[cell] ?? 0)
    }
  }

  /** The place in the grid where a point is counted, or -1 outside. */
  placeAt(x: number, y: number): number {
    const reach = this.#reach_m
    // Written so that what is not a number falls out, too.
    if (!(x > -reach && x < reach && y > -reach && y < reach)) return -1
    const row = ((y + reach) * perCell) | 0
    const column = ((x + reach) * perCell) | 0
    const mask = x * x + y * y > coarse_m * coarse_m ? ~1 : ~0
    return ((row & mask) + margin) * this.side + (column & mask) + margin
  }

  #clear(): void {
    for (let cell = 0; cell < this.count; cell++) this.at[this.place[cell] ?? 0] = 0
    this.count = 0
  }

  #count({ count, x, y, z, intensity, kind }: Cloud, left: Uint8Array): void {
    for (let point = 0; point < count; point++) {
      if (kind[point] !== pointKinds.obstacle || left[point] === 1) continue
      const px = x[point] ?? 0
      const py = y[point] ?? 0
      const pz = z[point] ?? 0
      const place = Number.isFinite(pz) ? this.placeAt(px, py) : -1
      if (place < 0) continue
      let cell = (this.at[place] ?? 0) - 1
      if (cell < 0) {
        if (this.count === this.max) {
          this.overflow++
          continue
        }
        cell = this.#open(place)
      }
      this.points[cell] = (this.points[cell] ?? 0) + 1
      this.x[cell] = (this.x[cell] ?? 0) + px
      this.y[cell] = (this.y[cell] ?? 0) + py
      if (pz < (this.low[cell] ?? 0)) this.low[cell] = pz
      if (pz > (this.high[cell] ?? 0)) this.high[cell] = pz
      this.strength[cell] = (this.strength[cell] ?? 0) + (intensity[point] ?? 0)
      this.order[cell] = (this.order[cell] ?? 0) + point
    }
  }

  #open(place: number): number {
    const cell = this.count++
    this.at[place] = cell + 1
    this.place[cell] = place
    this.points[cell] = 0
    this.x[cell] = 0
    this.y[cell] = 0
    this.low[cell] = Infinity
    this.high[cell] = -Infinity
    this.strength[cell] = 0
    this.order[cell] = 0
    return cell
  }
}

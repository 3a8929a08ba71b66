/**
 * Tail reflections: where a beam hits the edge of one thing and, beside it, another one behind, the two
 * echoes run together and the sensor reports depths between them. Turning sensors draw such points out
 * into a trail from the edge backwards, along the beams.
 *
 * Facts it rests on: between neighbouring beams a trail moves along the beam much more than across it,
 * and so towards both neighbours, nearer to farther; a real edge does so on one side only. The energy of
 * the beam is shared, so the echo is weaker than that of the surfaces at its ends.
 */
import { type Cloud, pointKinds } from '../cloud.ts'
import type { TrackingSettings } from './settings.ts'
import type { Viewpoint } from './viewpoint.ts'

/** Sines of elevation that differ by less are the same beam in the next column: half the finest ring spacing, 0.3 degrees. */
const sameBeam = 0.0026
/** A column ends where the elevation falls by more than this, or does not grow: sensors of one ring. */
const columnEnds = 0.001
/** Neighbouring columns are closer than this (radians, squared); beyond is a hole. */
const holeSquared = 0.035 ** 2
/** Depth may change by this share between two beams that serve to measure the step between beams. */
const sameSurfaceShare = 0.02
/** Every so many points the step is measured. */
const stepEach = 16
const none = -1

export class Tails {
  /** Of each point of the last cloud: 1 where it belongs to a trail. */
  marked = new Uint8Array(0)
  /** How many are marked. */
  count = 0
  /** Mean angle between neighbouring beams of a turn, measured on surfaces: radians; 0 when none was seen. */
  step_rad = 0
  readonly #tail_m: number
  readonly #steepSquared: number
  /** Of the last two points compared: how far apart they are across the beam, squared. In an array: a double that is handed back is allocated. */
  readonly #across = new Float64Array(1)
  #range = new Float32Array(0)
  #elevation = new Float32Array(0)
  /** Of each point: the same beam in the column before. */
  #before = new Int32Array(0)

  constructor({ tail_deg, tail_m }: TrackingSettings) {
    this.#tail_m = tail_m
    this.#steepSquared = 1 / Math.tan((tail_deg * Math.PI) / 180) ** 2
  }

  /** Expects the points column by column, each from its lowest beam to its highest; in another order it finds no trails. */
  mark(cloud: Cloud, from: Viewpoint): void {
    const { count } = cloud
    if (this.marked.length < count) this.#makeRoom(count)
    this.marked.fill(0, 0, count)
    this.count = 0
    this.#measure(cloud, from)
    this.#walk(cloud)
  }

  #makeRoom(count: number): void {
    this.marked = new Uint8Array(count)
    this.#range = new Float32Array(count)
    this.#elevation = new Float32Array(count)
    this.#before = new Int32Array(count)
  }

  #measure(cloud: Cloud, from: Viewpoint): void {
    const { count, x, y, z } = cloud
    const range = this.#range
    const elevation = this.#elevation
    const [ux, uy, uz] = from.up
    for (let point = 0; point < count; point++) {
      const dx = (x[point] ?? 0) - from.x
      const dy = (y[point] ?? 0) - from.y
      const dz = (z[point] ?? 0) - from.z
      const r = Math.sqrt(dx * dx + dy * dy + dz * dz)
      range[point] = r
      elevation[point] = (dx * ux + dy * uy + dz * uz) / r
    }
  }

  /** Finds each point's beam in the column before, and looks at what lies between its two neighbours. */
  #walk(cloud: Cloud): void {
    const { count } = cloud
    const range = this.#range
    const elevation = this.#elevation
    const before = this.#before
    let start = 0
    let lastStart = 0
    let lastEnd = 0
    let candidate = 0
    let below = -Infinity
    let steps = 0
    let step = 0
    for (let point = 0; point < count; point++) {
      const e = elevation[point] ?? 0
      if (e - below < columnEnds) {
        lastStart = start
        lastEnd = point
        start = point
        candidate = lastStart
      }
      below = e
      before[point] = none
      if (candidate >= lastEnd) continue
      while (candidate + 1 < lastEnd && Math.abs((elevation[candidate + 1] ?? 0) - e) <= Math.abs((elevation[candidate] ?? 0) - e)) candidate++
      if (!(Math.abs((elevation[candidate] ?? 0) - e) < sameBeam)) continue
      const r = range[point] ?? 0
      const dr = r - (range[candidate] ?? 0)
      const surface = Math.abs(dr) < sameSurfaceShare * r
      if (surface && point % stepEach !== 0) {
        before[point] = candidate
        continue
      }
      this.#compare(cloud, candidate, point)
      const acrossSquared = this.#across[0]!
      if (!(acrossSquared < holeSquared * r * r)) continue
      before[point] = candidate
      if (surface) {
        step += Math.sqrt(Math.max(0, acrossSquared)) / r
        steps++
      } else if (dr * dr > this.#steepSquared * acrossSquared) {
        this.#consider(cloud, before[candidate] ?? none, candidate, point)
      }
    }
    this.step_rad = steps === 0 ? 0 : step / steps
  }

  /** Sets `#across`. */
  #compare({ x, y, z }: Cloud, first: number, second: number): void {
    const dr = (this.#range[second] ?? 0) - (this.#range[first] ?? 0)
    const dx = (x[second] ?? 0) - (x[first] ?? 0)
    const dy = (y[second] ?? 0) - (y[first] ?? 0)
    const dz = (z[second] ?? 0) - (z[first] ?? 0)
    this.#across[0] = dx * dx + dy * dy + dz * dz - dr * dr
  }

  /** Three neighbours on one ring, the last two of which are steep. */
  #consider(cloud: Cloud, first: number, middle: number, last: number): void {
    if (first === none || cloud.kind[middle] !== pointKinds.obstacle) return
    const range = this.#range
    const dr = (range[middle] ?? 0) - (range[first] ?? 0)
    const onwards = (range[last] ?? 0) - (range[middle] ?? 0)
    if (dr * onwards <= 0 || Math.abs(dr + onwards) < this.#tail_m) return
    this.#compare(cloud, first, middle)
    if (dr * dr <= this.#steepSquared * this.#across[0]!) return
    const { intensity } = cloud
    if ((intensity[middle] ?? 0) >= Math.max(intensity[first] ?? 0, intensity[last] ?? 0)) return
    this.marked[middle] = 1
    this.count++
  }
}

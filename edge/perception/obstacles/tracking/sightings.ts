/** What one turn shows, measured: a box for each cluster, in arrays that are used again. */
import { BoxFit } from './box-fit.ts'
import type { Cells } from './cells.ts'
import type { Clusters } from './clusters.ts'
import type { Floor } from './floor.ts'

/** Height of a rider's trunk above the ground, metres: above handlebars and boots of cars. */
const trunk_m = 1.15

/** A leg with its trousers, and how far apart the legs of one person are, metres. */
const leg_m = 0.3
const step_m = 0.6
/** What is seen of something by one plane is no higher than this, metres. */
const slice_m = 0.1

export class Sightings {
  count = 0
  readonly x: Float64Array
  readonly y: Float64Array
  /** Height of the ground that it stands on, of its lowest return, and of its top: metres. */
  readonly ground: Float64Array
  readonly low: Float64Array
  readonly high: Float64Array
  readonly length: Float64Array
  readonly width: Float64Array
  readonly heading: Float64Array
  readonly points: Int32Array
  /** Mean intensity. */
  readonly strength: Float64Array
  /** Metres along its heading that reach up to the height of a trunk: all of a van, a rider's shoulders of a bicycle. */
  readonly upper: Float64Array
  /** Share of it that something is over. */
  readonly overhead: Float64Array
  /** Mean place of its points in the cloud, and when they were measured, milliseconds. */
  readonly order: Float64Array
  readonly time_ms: Float64Array
  /** Its cluster. */
  readonly cluster: Int32Array
  /** 1 for a mirror image. */
  readonly ghost: Uint8Array
  /** All of what is kept of each. */
  readonly #columns: readonly (Float64Array | Int32Array | Uint8Array)[]

  constructor(max: number) {
    const numbers = (): Float64Array => new Float64Array(max)
    this.x = numbers()
    this.y = numbers()
    this.ground = numbers()
    this.low = numbers()
    this.high = numbers()
    this.length = numbers()
    this.width = numbers()
    this.heading = numbers()
    this.points = new Int32Array(max)
    this.strength = numbers()
    this.upper = numbers()
    this.overhead = numbers()
    this.order = numbers()
    this.time_ms = numbers()
    this.cluster = new Int32Array(max)
    this.ghost = new Uint8Array(max)
    this.#columns = [
      this.x, this.y, this.ground, this.low, this.high, this.length, this.width, this.heading, this.points,
      this.strength, this.upper, this.overhead, this.order, this.time_ms, this.cluster, this.ghost,
    ]
  }

  /**
   * To a sensor that looks along one plane near the ground a person is two legs, which swing: two such
   * slices that are a step apart become one.
   */
  pairLegs(): void {
    for (let first = 0; first < this.count; first++) {
      if (!this.#isLeg(first)) continue
      let nearest = step_m ** 2
      let pair = -1
      for (let other = first + 1; other < this.count; other++) {
        const apart = ((this.x[other] ?? 0) - (this.x[first] ?? 0)) ** 2 + ((this.y[other] ?? 0) - (this.y[first] ?? 0)) ** 2
        if (apart >= nearest || !this.#isLeg(other)) continue
        nearest = apart
        pair = other
      }
      if (pair < 0) continue
      this.join(first, pair)
      this.count--
      for (const column of this.#columns) column[pair] = column[this.count] ?? 0
    }
  }

  #isLeg(at: number): boolean {
    return (this.length[at] ?? 0) <= leg_m && (this.high[at] ?? 0) - (this.low[at] ?? 0) <= slice_m
  }

  /** Makes one box of two, along the first one's heading. */
  join(first: number, second: number): void {
    const heading = this.heading[first] ?? 0
    const turned = (this.heading[second] ?? 0) - heading
    const cos = Math.cos(heading)
    const sin = Math.sin(heading)
    const dx = (this.x[second] ?? 0) - (this.x[first] ?? 0)
    const dy = (this.y[second] ?? 0) - (this.y[first] ?? 0)
    const length = Math.abs(Math.cos(turned)) * (this.length[second] ?? 0) + Math.abs(Math.sin(turned)) * (this.width[second] ?? 0)
    const width = Math.abs(Math.sin(turned)) * (this.length[second] ?? 0) + Math.abs(Math.cos(turned)) * (this.width[second] ?? 0)
    const forward = this.#stretch(this.length, first, dx * cos + dy * sin, length)
    const left = this.#stretch(this.width, first, dy * cos - dx * sin, width)
    this.x[first] = (this.x[first] ?? 0) + forward * cos - left * sin
    this.y[first] = (this.y[first] ?? 0) + forward * sin + left * cos
    this.low[first] = Math.min(this.low[first] ?? 0, this.low[second] ?? 0)
    this.high[first] = Math.max(this.high[first] ?? 0, this.high[second] ?? 0)
    this.upper[first] = Math.max(this.upper[first] ?? 0, this.upper[second] ?? 0)
    this.points[first] = (this.points[first] ?? 0) + (this.points[second] ?? 0)
  }

  /** Stretches a size so that it covers another one that is `off` from it; says how far its middle moves. */
  #stretch(sizes: Float64Array, at: number, off: number, other: number): number {
    const own = sizes[at] ?? 0
    const from = Math.min(-own / 2, off - other / 2)
    const to = Math.max(own / 2, off + other / 2)
    sizes[at] = to - from
    return (from + to) / 2
  }
}

/** Measures clusters one after the other. */
export class Measure {
  readonly box = new BoxFit()
  readonly #height_m_min: number

  constructor(height_m_min: number) {
    this.#height_m_min = height_m_min
  }

  /** Adds the cluster to the sightings unless it lies below or hardly rises above its ground. */
  add(sightings: Sightings, cells: Cells, clusters: Clusters, cluster: number, floor: Floor): void {
    const { box } = this
    const start = clusters.start[cluster] ?? 0
    const length = clusters.length[cluster] ?? 0
    box.fit(cells, clusters.members, start, length)
    let low = Infinity
    let high = -Infinity
    let strength = 0
    let order = 0
    let under = 0
    for (let at = start; at < start + length; at++) {
      const cell = clusters.members[at] ?? 0
      if ((cells.low[cell] ?? 0) < low) low = cells.low[cell] ?? 0
      if ((cells.high[cell] ?? 0) > high) high = cells.high[cell] ?? 0
      strength += cells.strength[cell] ?? 0
      order += cells.order[cell] ?? 0
      if (floor.isUnder(cells.x[cell] ?? 0, cells.y[cell] ?? 0)) under++
    }
    const seen = floor.heightAt(box.x, box.y)
    // Where no ground was seen, as by a sensor that looks along one plane, it is as high as below the vehicle.
    const ground = Number.isNaN(seen) ? Math.min(0, low) : seen
    if (high - ground < this.#height_m_min) return
    const points = clusters.points[cluster] ?? 1
    sightings.upper[sightings.count] = this.#upper(cells, clusters, cluster, ground + trunk_m)
    const at = sightings.count++
    sightings.x[at] = box.x
    sightings.y[at] = box.y
    sightings.ground[at] = ground
    sightings.low[at] = low
    sightings.high[at] = high
    sightings.length[at] = box.length
    sightings.width[at] = box.width
    sightings.heading[at] = box.heading
    sightings.points[at] = points
    sightings.strength[at] = strength / points
    sightings.overhead[at] = under / length
    sightings.order[at] = order / points
    sightings.cluster[at] = cluster
    sightings.ghost[at] = 0
  }
  #upper(cells: Cells, clusters: Clusters, cluster: number, above: number): number {
    const cos = Math.cos(this.box.heading)
    const sin = Math.sin(this.box.heading)
    const start = clusters.start[cluster] ?? 0
    let first = Infinity
    let last = -Infinity
    for (let at = start; at < start + (clusters.length[cluster] ?? 0); at++) {
      const cell = clusters.members[at] ?? 0
      if ((cells.high[cell] ?? 0) < above) continue
      const along = (cells.x[cell] ?? 0) * cos + (cells.y[cell] ?? 0) * sin
      if (along < first) first = along
      if (along > last) last = along
    }
    return last < first ? 0 : last - first
  }
}

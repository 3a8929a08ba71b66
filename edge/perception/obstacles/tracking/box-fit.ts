/**
 * The box around a cluster, as seen from above. A lidar sees one or two sides of a thing: large ones show
 * as a line or an L, so of all directions that one is taken along which the returns lie closest to the
 * sides of their box (closeness criterion of search-based L-shape fitting, Zhang et al., IV 2017). For
 * small ones the direction of greatest spread will do.
 */
import type { Cells } from './cells.ts'

/** So many cells at most are looked at for one box. */
const samplesMax = 128
/** Directions that are tried over a quarter turn. */
const directions = 18
/** Closer to a side than this is on it, metres: cells blur no less. */
const side_m = 0.05
/** Farther than this from all sides is inside, however far, metres. */
const inside_m = 0.4
/** Up to this size the spread gives the direction, metres. */
const small_m = 1
/** A thing is no smaller than this, metres: one cell. */
const size_m_min = 0.1

export class BoxFit {
  x = 0
  y = 0
  /** Along the heading, and across: the longer first. */
  length = 0
  width = 0
  /** Radians, 0 to pi: a box has no front. */
  heading = 0
  /** Standard deviation across the direction of greatest spread, metres: small for a flat surface. */
  flatness = 0
  readonly #x = new Float64Array(samplesMax)
  readonly #y = new Float64Array(samplesMax)
  readonly #along = new Float64Array(samplesMax)
  readonly #across = new Float64Array(samplesMax)
  #count = 0

  /** Fits the box to `length` cells from `members[start]` on. */
  fit(cells: Cells, members: Int32Array, start: number, length: number): void {
    const stride = Math.max(1, Math.ceil(length / samplesMax))
    this.#count = 0
    for (let at = 0; at < length; at += stride) {
      const cell = members[start + at] ?? 0
      this.#x[this.#count] = cells.x[cell] ?? 0
      this.#y[this.#count++] = cells.y[cell] ?? 0
    }
    const spread = this.#spread()
    this.#project(spread)
    if (Math.max(this.length, this.width) > small_m) this.#project(this.#search())
    this.#extend(cells, members, start, length)
    if (this.width > this.length) this.#turn()
    if (this.heading < 0) this.heading += Math.PI
  }

  /** Direction of greatest spread. */
  #spread(): number {
    const count = this.#count
    let mx = 0
    let my = 0
    for (let i = 0; i < count; i++) {
      mx += this.#x[i] ?? 0
      my += this.#y[i] ?? 0
    }
    mx /= count
    my /= count
    let xx = 0
    let xy = 0
    let yy = 0
    for (let i = 0; i < count; i++) {
      const dx = (this.#x[i] ?? 0) - mx
      const dy = (this.#y[i] ?? 0) - my
      xx += dx * dx
      xy += dx * dy
      yy += dy * dy
    }
    const half = Math.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    this.flatness = Math.sqrt(Math.max(0, (xx + yy) / 2 - half) / count)
    return 0.5 * Math.atan2(2 * xy, xx - yy)
  }

  /** Sets the box along a direction. */
  #project(heading: number): void {
    const cos = Math.cos(heading)
    const sin = Math.sin(heading)
    let alongMin = Infinity
    let alongMax = -Infinity
    let acrossMin = Infinity
    let acrossMax = -Infinity
    for (let i = 0; i < this.#count; i++) {
      const x = this.#x[i] ?? 0
      const y = this.#y[i] ?? 0
      const along = x * cos + y * sin
      const across = y * cos - x * sin
      this.#along[i] = along
      this.#across[i] = across
      if (along < alongMin) alongMin = along
      if (along > alongMax) alongMax = along
      if (across < acrossMin) acrossMin = across
      if (across > acrossMax) acrossMax = across
    }
    this.#set(heading, alongMin, alongMax, acrossMin, acrossMax)
  }

  #set(heading: number, alongMin: number, alongMax: number, acrossMin: number, acrossMax: number): void {
    const along = (alongMin + alongMax) / 2
    const across = (acrossMin + acrossMax) / 2
    const cos = Math.cos(heading)
    const sin = Math.sin(heading)
    this.x = along * cos - across * sin
    this.y = along * sin + across * cos
    this.length = Math.max(size_m_min, alongMax - alongMin)
    this.width = Math.max(size_m_min, acrossMax - acrossMin)
    this.heading = heading
  }

  /** The direction along which the samples lie closest to the sides. */
  #search(): number {
    let best = Infinity
    let heading = 0
    for (let direction = 0; direction < directions; direction++) {
      const tried = (direction / directions) * (Math.PI / 2)
      this.#project(tried)
      const cost = this.#distanceToSides()
      if (cost < best) {
        best = cost
        heading = tried
      }
    }
    return heading
  }

  #distanceToSides(): number {
    const cos = Math.cos(this.heading)
    const sin = Math.sin(this.heading)
    const along = this.x * cos + this.y * sin
    const across = this.y * cos - this.x * sin
    let cost = 0
    for (let i = 0; i < this.#count; i++) {
      const toEnd = this.length / 2 - Math.abs((this.#along[i] ?? 0) - along)
      const toSide = this.width / 2 - Math.abs((this.#across[i] ?? 0) - across)
      cost += Math.min(inside_m, Math.max(side_m, Math.min(toEnd, toSide)))
    }
    return cost
  }

  /** Once the direction is known, every cell counts. */
  #extend(cells: Cells, members: Int32Array, start: number, length: number): void {
    const cos = Math.cos(this.heading)
    const sin = Math.sin(this.heading)
    let alongMin = Infinity
    let alongMax = -Infinity
    let acrossMin = Infinity
    let acrossMax = -Infinity
    for (let at = start; at < start + length; at++) {
      const cell = members[at] ?? 0
      const x = cells.x[cell] ?? 0
      const y = cells.y[cell] ?? 0
      const along = x * cos + y * sin
      const across = y * cos - x * sin
      if (along < alongMin) alongMin = along
      if (along > alongMax) alongMax = along
      if (across < acrossMin) acrossMin = across
      if (across > acrossMax) acrossMax = across
    }
    this.#set(this.heading, alongMin, alongMax, acrossMin, acrossMax)
  }

  #turn(): void {
    const length = this.width
    this.width = this.length
    this.length = length
    this.heading += this.heading < Math.PI / 2 ? Math.PI / 2 : -Math.PI / 2
  }
}

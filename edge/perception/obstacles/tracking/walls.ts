/**
 * Flat upright surfaces: walls, fences, the sides of trucks and containers. They are wanted twice: what
 * stands out from one is an object of its own (a person who leans on a wall), and what seems to lie
 * behind one may be a mirror image.
 */
import { cell_m, type Cells } from './cells.ts'
import type { Clusters } from './clusters.ts'

/** Surfaces of one turn. */
const surfacesMax = 256
/** Lines looked for in one cluster. */
const linesMax = 8
/** So many cells at most are tried for one line. */
const samplesMax = 256
/** Directions tried over half a turn, and the width of the strips that cells are counted in. */
const directions = 24
const strip_m = 0.2
const stripsMax = 1024
/** Farther from a line than this is not on its surface, metres; the first, rough line takes more. */
const rough_m = 0.35
const flat_m = 0.2
/** A surface shows at least so many cells, on so much of its length; the rest is gaps and what stands before it. */
const cellsMin = 10
const coverMin = 0.5
/** Of what is near the line, so much is on it: the leaves of a hedge are not. Metres, share. */
const hedge_m = 0.5
const flatShareMin = 0.55
/** What stands out from a surface is parted from it when the surface is this long, metres. */
const partLength_m = 3
/** A shorter surface belongs to a longer one when they meet at a corner: their ends are this close, metres. */
const corner_m = 0.5
/** Flat parts of a surface that lie before or behind it: this close, metres, and this parallel, sine. */
const relief_m = 0.8
const parallel = 0.25
/** What is parted: no small splinter, and standing out by more than a surface is rough. */
const part = { height_m: 0.6, out_m: 0.3, points: 8 } as const
const partsMax = 16

export class Walls {
  count = 0
  readonly cluster = new Int32Array(surfacesMax)
  readonly x1 = new Float64Array(surfacesMax)
  readonly y1 = new Float64Array(surfacesMax)
  readonly x2 = new Float64Array(surfacesMax)
  readonly y2 = new Float64Array(surfacesMax)
  readonly low = new Float64Array(surfacesMax)
  readonly high = new Float64Array(surfacesMax)
  /** Of each cell: the part that it goes to. */
  readonly #partOf: Uint8Array
  /** 1 where a cell of the cluster is on none of its surfaces and not yet looked at. */
  readonly #free: Uint8Array
  readonly #queue: Int32Array
  readonly #strips = new Int32Array(stripsMax)
  readonly #sampleX = new Float64Array(samplesMax)
  readonly #sampleY = new Float64Array(samplesMax)
  /** The line at hand: its normal, and how far it is from the origin along it. */
  #nx = 0
  #ny = 0
  #distance = 0

  constructor(cellsMax: number) {
    this.#partOf = new Uint8Array(cellsMax)
    this.#free = new Uint8Array(cellsMax)
    this.#queue = new Int32Array(cellsMax)
  }

  clear(): void {
    this.count = 0
  }

  /**
   * Finds the surfaces of a cluster, and parts from it what stands out from them.
   * @param reach of its cells, in cells.
   */
  search(cells: Cells, clusters: Clusters, cluster: number, reach: number): void {
    const start = clusters.start[cluster] ?? 0
    const length = clusters.length[cluster] ?? 0
    const first = this.count
    for (let at = start; at < start + length; at++) {
      this.#free[clusters.members[at] ?? 0] = 1
      this.#partOf[clusters.members[at] ?? 0] = 0
    }
    let free = length
    let taken = length
    for (let line = 0; line < linesMax && taken > 0 && this.count < surfacesMax; line++) {
      taken = this.#takeLine(cells, clusters, cluster, first)
      free -= taken
    }
    if (this.count > first && free > 0 && this.#lengthOf(first) >= partLength_m) {
      const parts = this.#standingOut(cells, clusters, cluster, reach, first)
      if (parts > 1) clusters.part(cluster, parts, this.#partOf, cells)
    }
    // Also those that were parted: a flood must not run over into another cluster.
    for (let at = start; at < start + length; at++) this.#free[clusters.members[at] ?? 0] = 0
  }

  #lengthOf(wall: number): number {
    return Math.sqrt(((this.x2[wall] ?? 0) - (this.x1[wall] ?? 0)) ** 2 + ((this.y2[wall] ?? 0) - (this.y1[wall] ?? 0)) ** 2)
  }

  /** Takes the cells of the best line among the free ones; 0 when there is no line. */
  #takeLine(cells: Cells, clusters: Clusters, cluster: number, first: number): number {
    const start = clusters.start[cluster] ?? 0
    const end = start + (clusters.length[cluster] ?? 0)
    const stride = Math.max(1, Math.ceil((end - start) / samplesMax))
    let samples = 0
    for (let at = start; at < end; at += stride) {
      const cell = clusters.members[at] ?? 0
      if (this.#free[cell] !== 1) continue
      this.#sampleX[samples] = cells.x[cell] ?? 0
      this.#sampleY[samples++] = cells.y[cell] ?? 0
    }
    if (samples < cellsMin / 2) return 0
    this.#guess(samples)
    this.#refine(cells, clusters.members, start, end, rough_m)
    this.#refine(cells, clusters.members, start, end, flat_m)
    return this.#take(cells, clusters.members, start, end, cluster, first)
  }

  /** The fullest pair of neighbouring strips of all directions (a coarse Hough transform). */
  #guess(samples: number): void {
    let best = 0
    for (let direction = 0; direction < directions; direction++) {
      const angle = (direction / directions) * Math.PI
      const nx = Math.cos(angle)
      const ny = Math.sin(angle)
      let nearest = Infinity
      let farthest = -Infinity
      for (let i = 0; i < samples; i++) {
        const off = (this.#sampleX[i] ?? 0) * nx + (this.#sampleY[i] ?? 0) * ny
        if (off < nearest) nearest = off
        if (off > farthest) farthest = off
      }
      const count = Math.min(stripsMax, (((farthest - nearest) / strip_m) | 0) + 2)
      const strips = this.#strips.fill(0, 0, count)
      for (let i = 0; i < samples; i++) {
        const strip = Math.min(count - 1, (((this.#sampleX[i] ?? 0) * nx + (this.#sampleY[i] ?? 0) * ny - nearest) / strip_m) | 0)
        strips[strip] = (strips[strip] ?? 0) + 1
      }
      for (let strip = 0; strip + 1 < count; strip++) {
        const both = (strips[strip] ?? 0) + (strips[strip + 1] ?? 0)
        if (both <= best) continue
        best = both
        this.#nx = nx
        this.#ny = ny
        this.#distance = nearest + (strip + 1) * strip_m
      }
    }
  }

  /** Puts the line through the free cells near it (least squares); says how many they are. */
  #refine(cells: Cells, members: Int32Array, start: number, end: number, near_m: number): number {
    let count = 0
    let mx = 0
    let my = 0
    let xx = 0
    let xy = 0
    let yy = 0
    // Sums about the first of them: squares of large coordinates would lose what counts.
    let ox = 0
    let oy = 0
    for (let at = start; at < end; at++) {
      const cell = members[at] ?? 0
      if (this.#free[cell] !== 1 || this.#from(cells, cell) > near_m) continue
      if (count === 0) {
        ox = cells.x[cell] ?? 0
        oy = cells.y[cell] ?? 0
      }
      const dx = (cells.x[cell] ?? 0) - ox
      const dy = (cells.y[cell] ?? 0) - oy
      count++
      mx += dx
      my += dy
      xx += dx * dx
      xy += dx * dy
      yy += dy * dy
    }
    if (count < 2) return count
    mx /= count
    my /= count
    const direction = 0.5 * Math.atan2(2 * (xy - count * mx * my), xx - yy - count * (mx * mx - my * my))
    this.#nx = -Math.sin(direction)
    this.#ny = Math.cos(direction)
    this.#distance = (ox + mx) * this.#nx + (oy + my) * this.#ny
    return count
  }

  #from(cells: Cells, cell: number): number {
    return Math.abs((cells.x[cell] ?? 0) * this.#nx + (cells.y[cell] ?? 0) * this.#ny - this.#distance)
  }

  /** Makes the line a surface if it is one, and takes its cells with what stands out too little. */
  #take(cells: Cells, members: Int32Array, start: number, end: number, cluster: number, first: number): number {
    let on = 0
    let near = 0
    let nearest = Infinity
    let farthest = -Infinity
    let low = Infinity
    let high = -Infinity
    for (let at = start; at < end; at++) {
      const cell = members[at] ?? 0
      const off = this.#free[cell] === 1 ? this.#from(cells, cell) : Infinity
      if (off <= hedge_m) near++
      if (off > flat_m) continue
      on++
      const along = (cells.y[cell] ?? 0) * this.#nx - (cells.x[cell] ?? 0) * this.#ny
      nearest = Math.min(nearest, along)
      farthest = Math.max(farthest, along)
      low = Math.min(low, cells.low[cell] ?? 0)
      high = Math.max(high, cells.high[cell] ?? 0)
    }
    if (on < cellsMin || on * cell_m < coverMin * (farthest - nearest) || on < flatShareMin * near) return 0
    const wall = this.count
    this.cluster[wall] = cluster
    this.x1[wall] = this.#distance * this.#nx - nearest * this.#ny
    this.y1[wall] = this.#distance * this.#ny + nearest * this.#nx
    this.x2[wall] = this.#distance * this.#nx - farthest * this.#ny
    this.y2[wall] = this.#distance * this.#ny + farthest * this.#nx
    this.low[wall] = low
    this.high[wall] = high
    if (!this.#isRelief(wall, first)) {
      if (wall > first && farthest - nearest < partLength_m && !this.#meets(wall, first)) return 0
      this.count++
    }
    let taken = 0
    for (let at = start; at < end; at++) {
      const cell = members[at] ?? 0
      if (this.#free[cell] === 1 && this.#from(cells, cell) <= part.out_m) {
        this.#free[cell] = 0
        taken++
      }
    }
    return taken
  }

  /** Whether it is part of a surface before it: a plinth, a frame, a door. */
  #isRelief(wall: number, first: number): boolean {
    const x = ((this.x1[wall] ?? 0) + (this.x2[wall] ?? 0)) / 2
    const y = ((this.y1[wall] ?? 0) + (this.y2[wall] ?? 0)) / 2
    for (let other = first; other < wall; other++) {
      const dx = (this.x2[other] ?? 0) - (this.x1[other] ?? 0)
      const dy = (this.y2[other] ?? 0) - (this.y1[other] ?? 0)
      const long = Math.sqrt(dx * dx + dy * dy)
      const off = Math.abs((x - (this.x1[other] ?? 0)) * dy - (y - (this.y1[other] ?? 0)) * dx) / long
      if (off < relief_m && Math.abs(dx * this.#nx + dy * this.#ny) < parallel * long) return true
    }
    return false
  }

  /** Whether it has a corner in common with one of the cluster's surfaces. */
  #meets(wall: number, first: number): boolean {
    for (let other = first; other < wall; other++) {
      if (isCorner(this.x1, this.y1, wall, this.x1, this.y1, other) || isCorner(this.x1, this.y1, wall, this.x2, this.y2, other)
        || isCorner(this.x2, this.y2, wall, this.x1, this.y1, other) || isCorner(this.x2, this.y2, wall, this.x2, this.y2, other)) return true
    }
    return false
  }

  /** Gives connected free cells that stand out a part of their own; says how many parts there are. */
  #standingOut(cells: Cells, clusters: Clusters, cluster: number, reach: number, first: number): number {
    const start = clusters.start[cluster] ?? 0
    const end = start + (clusters.length[cluster] ?? 0)
    const steps = clusters.neighbours[reach] ?? new Int32Array(0)
    let parts = 1
    for (let at = start; at < end && parts < partsMax; at++) {
      const seed = clusters.members[at] ?? 0
      if (this.#free[seed] !== 1) continue
      const size = this.#flood(cells, seed, steps)
      if (!this.#standsOut(cells, size, first)) continue
      for (let i = 0; i < size; i++) this.#partOf[this.#queue[i] ?? 0] = parts
      parts++
    }
    return parts
  }

  /** Collects the free cells connected with one, and counts them. */
  #flood(cells: Cells, seed: number, steps: Int32Array): number {
    const queue = this.#queue
    queue[0] = seed
    this.#free[seed] = 0
    let size = 1
    for (let at = 0; at < size; at++) {
      const place = cells.place[queue[at] ?? 0] ?? 0
      for (let step = 0; step < 2 * steps.length; step++) {
        const by = steps[step >> 1] ?? 0
        const other = (cells.at[place + (step % 2 === 0 ? by : -by)] ?? 0) - 1
        if (other < 0 || this.#free[other] !== 1) continue
        this.#free[other] = 0
        queue[size++] = other
      }
    }
    return size
  }

  #standsOut(cells: Cells, size: number, first: number): boolean {
    let points = 0
    let out = 0
    let low = Infinity
    let high = -Infinity
    for (let i = 0; i < size; i++) {
      const cell = this.#queue[i] ?? 0
      points += cells.points[cell] ?? 0
      low = Math.min(low, cells.low[cell] ?? 0)
      high = Math.max(high, cells.high[cell] ?? 0)
      out = Math.max(out, this.#out(cells.x[cell] ?? 0, cells.y[cell] ?? 0, first))
    }
    return points >= part.points && out >= part.out_m && high - low >= part.height_m
  }

  /** How far a place is from the nearest of the surfaces from `first` on. */
  #out(x: number, y: number, first: number): number {
    let nearest = Infinity
    for (let wall = first; wall < this.count; wall++) {
      const dx = (this.x2[wall] ?? 0) - (this.x1[wall] ?? 0)
      const dy = (this.y2[wall] ?? 0) - (this.y1[wall] ?? 0)
      const cross = Math.abs((x - (this.x1[wall] ?? 0)) * dy - (y - (this.y1[wall] ?? 0)) * dx)
      nearest = Math.min(nearest, cross / Math.sqrt(dx * dx + dy * dy))
    }
    return nearest
  }
}

function isCorner(ax: Float64Array, ay: Float64Array, a: number, bx: Float64Array, by: Float64Array, b: number): boolean {
  return Math.abs((ax[a] ?? 0) - (bx[b] ?? 0)) < corner_m && Math.abs((ay[a] ?? 0) - (by[b] ?? 0)) < corner_m
}

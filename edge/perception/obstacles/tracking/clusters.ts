/**
 * Clusters: cells that belong together because the gaps between them are smaller than what two beams
 * leave between them on one surface at that range.
 *
 * What is low (a kerb, a pallet, feet) never joins two things that are taller: low cells go to what
 * they touch, and only those that touch nothing taller form clusters of their own.
 */
import { cell_m, type Cells, coarse_m, margin } from './cells.ts'
import type { TrackingSettings } from './settings.ts'
import type { Viewpoint } from './viewpoint.ts'

const none = -1
/** Clusters with more points than this are never left out for lack of room. */
const largePoints = 64

export class Clusters {
  count = 0
  /** Clusters for which there was no room. */
  overflow = 0
  readonly max: number
  /** Of each cluster: where its cells begin in `members`, how many they are, and their points. */
  readonly start: Int32Array
  readonly length: Int32Array
  readonly points: Int32Array
  readonly members: Int32Array
  /** Of each cell: its cluster, or -1. */
  readonly of: Int32Array
  readonly #settings: TrackingSettings
  readonly #parent: Int32Array
  /** Of each cell: whether it is tall; for low ones, the tall cell that they go to. */
  readonly #tall: Uint8Array
  readonly #goesTo: Int32Array
  readonly #sum: Int32Array
  readonly #clusterAt: Int32Array
  readonly #scratch: Int32Array
  readonly #noSteps = new Int32Array(0)
  readonly #sizes = new Int32Array(largePoints + 1)
  /** By how many cells they reach: the neighbours of a cell of which the grid's order leaves half, as steps in the grid. */
  readonly neighbours: readonly Int32Array[]
  /** The same where only every second cell is used. */
  readonly #coarseNeighbours: readonly Int32Array[]

  constructor(settings: TrackingSettings, side: number, cellsMax: number, max: number) {
    this.#settings = settings
    this.max = max
    this.start = new Int32Array(max)
    this.length = new Int32Array(max)
    this.points = new Int32Array(max)
    this.members = new Int32Array(cellsMax)
    this.of = new Int32Array(cellsMax)
    this.#parent = new Int32Array(cellsMax)
    this.#tall = new Uint8Array(cellsMax)
    this.#goesTo = new Int32Array(cellsMax)
    this.#sum = new Int32Array(cellsMax)
    this.#clusterAt = new Int32Array(cellsMax)
    this.#scratch = new Int32Array(cellsMax)
    this.neighbours = Array.from({ length: margin + 1 }, (_, reach) => halfDisc(reach, side, 1))
    this.#coarseNeighbours = Array.from({ length: margin + 1 }, (_, reach) => halfDisc(reach, side, 2))
  }

  /** @param step_rad between neighbouring beams. */
  group(cells: Cells, from: Viewpoint, step_rad: number): void {
    const { low_m } = this.#settings
    for (let cell = 0; cell < cells.count; cell++) {
      const ground = cells.ground[cell] ?? 0
      this.#parent[cell] = cell
      this.#goesTo[cell] = none
      this.#tall[cell] = (cells.high[cell] ?? 0) - (Number.isNaN(ground) ? 0 : ground) >= low_m ? 1 : 0
      this.#sum[cell] = 0
      this.#clusterAt[cell] = none
    }
    this.#join(cells, from, step_rad, false)
    this.#join(cells, from, step_rad, true)
    this.#list(cells)
  }

  /** How many cells away a neighbour may be, seen from there. */
  reachAt(x: number, y: number, from: Viewpoint, step_rad: number): number {
    return reachOf(this.#gapAt(x, y, from, step_rad))
  }

  #gapAt(x: number, y: number, from: Viewpoint, step_rad: number): number {
    const { gap_m, gap_beams, gap_m_max } = this.#settings
    const dx = x - from.x
    const dy = y - from.y
    return Math.min(gap_m_max, gap_m + gap_beams * step_rad * Math.sqrt(dx * dx + dy * dy))
  }

  /**
   * Parts a cluster in place: its cells of part 0 remain, those of the others become clusters of their own.
   * Without room for them it remains as it is.
   * @param partOf of each cell: its part.
   */
  part(cluster: number, parts: number, partOf: Uint8Array, cells: Cells): void {
    if (this.count + parts - 1 > this.max) {
      this.overflow += parts - 1
      return
    }
    const start = this.start[cluster] ?? 0
    const length = this.length[cluster] ?? 0
    for (let at = 0; at < length; at++) this.#scratch[at] = this.members[start + at] ?? 0
    let next = start
    for (let part = 0; part < parts; part++) {
      const first = next
      let points = 0
      for (let at = 0; at < length; at++) {
        const cell = this.#scratch[at] ?? 0
        if (partOf[cell] !== part) continue
        this.members[next++] = cell
        this.of[cell] = part === 0 ? cluster : this.count
        points += cells.points[cell] ?? 0
      }
      const target = part === 0 ? cluster : this.#open()
      this.start[target] = first
      this.length[target] = next - first
      this.points[target] = points
    }
  }

  /** Joins tall cells and finds where low ones go; then joins the low ones that go nowhere. */
  #join(cells: Cells, from: Viewpoint, step_rad: number, low: boolean): void {
    const tall = this.#tall
    for (let cell = 0; cell < cells.count; cell++) {
      if (low && (tall[cell] === 1 || this.#goesTo[cell] !== none)) continue
      const x = cells.x[cell] ?? 0
      const y = cells.y[cell] ?? 0
      const gap = this.#gapAt(x, y, from, step_rad)
      const coarse = x * x + y * y > allCoarse_m * allCoarse_m
      const steps = (coarse ? this.#coarseNeighbours : this.neighbours)[reachOf(gap)] ?? this.#noSteps
      const place = cells.place[cell] ?? 0
      for (let step = 0; step < steps.length; step++) {
        const other = (cells.at[place + (steps[step] ?? 0)] ?? 0) - 1
        if (other < 0) continue
        const dx = (cells.x[other] ?? 0) - x
        const dy = (cells.y[other] ?? 0) - y
        if (dx * dx + dy * dy > gap * gap) continue
        if (low) {
          if (tall[other] === 0 && this.#goesTo[other] === none) this.#unite(cell, other)
        } else if (tall[cell] === 1) {
          if (tall[other] === 1) this.#unite(cell, other)
          else if (this.#goesTo[other] === none) this.#goesTo[other] = cell
        } else if (tall[other] === 1 && this.#goesTo[cell] === none) {
          this.#goesTo[cell] = other
        }
      }
    }
  }

  #rootOf(cell: number): number {
    const parent = this.#parent
    let at = cell
    for (;;) {
      const above = parent[at] ?? at
      if (above === at) return at
      const further = parent[above] ?? above
      parent[at] = further
      at = further
    }
  }

  /** The smaller number becomes the root: the result does not depend on the order. */
  #unite(a: number, b: number): void {
    if (this.#parent[a] === this.#parent[b]) return
    const first = this.#rootOf(a)
    const second = this.#rootOf(b)
    if (first < second) this.#parent[second] = first
    else this.#parent[first] = second
  }

  #homeOf(cell: number): number {
    const tall = this.#goesTo[cell] ?? none
    return this.#rootOf(tall === none ? cell : tall)
  }

  /** Numbers the clusters and sorts the cells by them. */
  #list(cells: Cells): void {
    const sum = this.#sum
    for (let cell = 0; cell < cells.count; cell++) {
      const home = this.#homeOf(cell)
      this.#scratch[cell] = home
      sum[home] = (sum[home] ?? 0) + (cells.points[cell] ?? 0)
    }
    const least = this.#least(cells.count)
    this.count = 0
    for (let cell = 0; cell < cells.count; cell++) {
      const home = this.#scratch[cell] ?? 0
      const points = sum[home] ?? 0
      if (points < least) continue
      let cluster = this.#clusterAt[home] ?? none
      if (cluster === none) {
        cluster = this.#open()
        if (cluster === none) continue
        this.#clusterAt[home] = cluster
        this.length[cluster] = 0
        this.points[cluster] = points
      }
      this.length[cluster] = (this.length[cluster] ?? 0) + 1
    }
    let next = 0
    for (let cluster = 0; cluster < this.count; cluster++) {
      this.start[cluster] = next
      next += this.length[cluster] ?? 0
      this.length[cluster] = 0
    }
    for (let cell = 0; cell < cells.count; cell++) {
      const cluster = this.#clusterAt[this.#scratch[cell] ?? 0] ?? none
      this.of[cell] = cluster
      if (cluster === none) continue
      const at = this.length[cluster] ?? 0
      this.members[(this.start[cluster] ?? 0) + at] = cell
      this.length[cluster] = at + 1
    }
  }

  /** How many points a cluster must have to be among those for which there is room. */
  #least(cellCount: number): number {
    const sizes = this.#sizes.fill(0)
    for (let cell = 0; cell < cellCount; cell++) {
      const points = this.#sum[cell] ?? 0
      if (points > 0) sizes[Math.min(points, largePoints)] = (sizes[Math.min(points, largePoints)] ?? 0) + 1
    }
    let clusters = sizes[largePoints] ?? 0
    let least = largePoints
    while (least > this.#settings.points_min && clusters + (sizes[least - 1] ?? 0) <= this.max) {
      least--
      clusters += sizes[least] ?? 0
    }
    for (let points = this.#settings.points_min; points < least; points++) this.overflow += sizes[points] ?? 0
    return least
  }

  #open(): number {
    if (this.count < this.max) return this.count++
    this.overflow++
    return none
  }
}

/** Cells that a gap may span: those at its ends are somewhere in theirs. */
const reachOf = (gap: number): number => Math.min(margin, Math.ceil(gap / cell_m))

/** From here on neighbours, too, are among every second cell. */
const allCoarse_m = coarse_m + 1

/** Steps to the places within the reach that come later in the grid: with all cells doing so, each pair is met once. */
function halfDisc(reach: number, side: number, each: number): Int32Array {
  const steps: number[] = []
  const most = reach - (reach % each)
  for (let row = 0; row <= most; row += each) {
    for (let column = row === 0 ? each : -most; column <= most; column += each) {
      if (row * row + column * column <= reach * reach + 1) steps.push(row * side + column)
    }
  }
  return Int32Array.from(steps)
}

/**
 * All protective fields and the vehicle's own outline on one grid, drawn once: what a point is in
 * costs one look-up, whatever the number of fields.
 *
 * Each cell holds the number of a zone: a combination of stop fields, slow fields and body. A cell
 * that a field touches counts as in the field. Around the fields lies a halo: what is there is no
 * infringement, but its returns are counted as evidence for an object that stands across the edge.
 */
import { ConfigError } from '../../../base/error.ts'
import type { Column } from './column.ts'
import { coverage, type Grid, gridAround, type Outline, rasterise } from './raster.ts'
import type { ObstacleSetup } from '../setup.ts'

/** Side of a cell, metres: half of what separates a leg from a field beside it. Very large fields are drawn coarser. */
const fieldCell_m = 0.05
const cellsMax = 1 << 21
const zonesMax = 1 << 16

export class FieldMap implements Grid {
  readonly x0: number
  readonly y0: number
  readonly cell_m: number
  readonly width: number
  readonly height: number
  /** Of each cell, row by row: its zone. Zone 0 is where nothing matters. */
  readonly zones: Uint16Array
  /** Of each zone: a bit for each field set whose stop field is there. */
  readonly stop: Int32Array
  /** Of each zone: a bit for each field set whose slow field is there. */
  readonly slow: Int32Array
  /** Of each zone: whether returns are counted there. */
  readonly counts: Uint8Array
  /** Of each zone: `coverage` by the vehicle's own outline. */
  readonly body: Uint8Array
  /** Of each of its outlines: x, y of one corner after the other, and of the first again. */
  readonly #outlines: readonly Float64Array[]

  /** @param halo_m how far around the fields returns are counted. @throws ConfigError when the fields make too many combinations. */
  constructor({ fields, body }: Pick<ObstacleSetup, 'fields' | 'body'>, halo_m: number) {
    this.#outlines = body.map((outline) => Float64Array.from([...outline, ...outline.slice(0, 1)].flat()))
    const polygons = fields.flatMap(({ stop, slow }) => (slow === undefined ? [stop] : [stop, slow]))
    const grid = gridAround([...polygons, ...body], fieldCell_m, halo_m + fieldCell_m, cellsMax)
    const cells = grid.width * grid.height
    const stop = new Int32Array(cells)
    const slow = new Int32Array(cells)
    const own = new Uint8Array(cells)
    fields.forEach((set, bit) => {
      paint(set.stop, grid, stop, bit)
      if (set.slow !== undefined) paint(set.slow, grid, slow, bit)
    })
    for (const outline of body) rasterise(outline, grid).forEach((covered, cell) => (own[cell] = Math.max(own[cell]!, covered)))
    const near = halo(stop, slow, grid, Math.ceil(halo_m / grid.cell_m))
    const palette = new Palette()
    this.zones = Uint16Array.from({ length: cells }, (_, cell) => palette.zone(stop[cell]!, slow[cell]!, near[cell]!, own[cell]!))
    this.x0 = grid.x0
    this.y0 = grid.y0
    this.cell_m = grid.cell_m
    this.width = grid.width
    this.height = grid.height
    this.stop = Int32Array.from(palette.stop)
    this.slow = Int32Array.from(palette.slow)
    this.counts = Uint8Array.from(palette.counts)
    this.body = Uint8Array.from(palette.body)
  }

  /**
   * Whether a point in a cell at the edge of the body is inside of it. What the outline goes round twice is inside,
   * too. All in one: this runs for many returns, and a double that is handed to a function is allocated.
   */
  isBody(column: Column, point: number): boolean {
    const x = column.x[point]!
    const y = column.y[point]!
    for (let number = 0; number < this.#outlines.length; number++) {
      const outline = this.#outlines[number]!
      let winding = 0
      for (let at = 3; at < outline.length; at += 2) {
        const y0 = outline[at - 2]!
        const y1 = outline[at]!
        if (y0 <= y === y1 <= y) continue
        const x0 = outline[at - 3]!
        const side = (outline[at - 1]! - x0) * (y - y0) - (x - x0) * (y1 - y0)
        if (y1 > y0 ? side > 0 : side < 0) winding += y1 > y0 ? 1 : -1
      }
      if (winding !== 0) return true
    }
    return false
  }
}

function paint(polygon: Outline, grid: Grid, masks: Int32Array, bit: number): void {
  rasterise(polygon, grid).forEach((covered, cell) => {
    if (covered !== coverage.none) masks[cell]! |= 1 << bit
  })
}

/** 1 in every cell of a field and up to `reach` cells around. */
function halo(stop: Int32Array, slow: Int32Array, { width, height }: Grid, reach: number): Uint8Array {
  const along = new Uint8Array(stop.length)
  const near = new Uint8Array(stop.length)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const cell = row * width + column
      if ((stop[cell]! | slow[cell]!) !== 0) along.fill(1, row * width + Math.max(0, column - reach), row * width + Math.min(width - 1, column + reach) + 1)
    }
  }
  for (let row = 0; row < height; row++) {
    for (let other = Math.max(0, row - reach); other <= Math.min(height - 1, row + reach); other++) {
      for (let column = 0; column < width; column++) near[row * width + column]! |= along[other * width + column]!
    }
  }
  return near
}

/** The combinations that occur. */
class Palette {
  readonly stop = [0]
  readonly slow = [0]
  readonly counts = [0]
  readonly body = [0]
  readonly #numbers = new Map<string, number>([['0 0 0 0', 0]])
  #last = 0

  zone(stop: number, slow: number, counts: number, body: number): number {
    const last = this.#last
    if (this.stop[last] === stop && this.slow[last] === slow && this.counts[last] === counts && this.body[last] === body) return last
    const key = `${stop} ${slow} ${counts} ${body}`
    this.#last = this.#numbers.get(key) ?? this.#add(key, stop, slow, counts, body)
    return this.#last
  }

  #add(key: string, stop: number, slow: number, counts: number, body: number): number {
    const number = this.stop.push(stop) - 1
    if (number >= zonesMax) throw new ConfigError('PC-OBSTACLES-FIELDS', 'The protective fields overlap in too many ways; use fewer sets or simpler outlines.')
    this.slow.push(slow)
    this.counts.push(counts)
    this.body.push(body)
    this.#numbers.set(key, number)
    return number
  }
}

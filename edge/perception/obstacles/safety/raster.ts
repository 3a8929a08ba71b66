/** Polygons on a grid of square cells: what a point needs is one look-up, and no cell says less than the polygon. */
/** Corners [x, y] in metres. */
export type Outline = readonly (readonly number[])[]

/** Of a cell: the polygon is not in it, its edge runs through it or touches it, or it is all inside. */
export const coverage = { none: 0, edge: 1, inside: 2 } as const

/** A grid of cells in the vehicle's frame: cell (column, row) begins at x = x0 + column * cell_m, y = y0 + row * cell_m. */
export interface Grid {
  readonly x0: number
  readonly y0: number
  readonly cell_m: number
  readonly width: number
  readonly height: number
}

/** Points this near to a cell's border count as on it: a rounding error must not open a gap. */
const touch_m = 1e-6

/** The smallest grid around the polygons with a margin; the cells grow where there would be more than `cellsMax`. */
export function gridAround(polygons: readonly Outline[], cell_m: number, margin_m: number, cellsMax: number): Grid {
  const corners = polygons.flat()
  const [left, bottom] = [0, 1].map((axis) => Math.min(...corners.map((corner) => corner[axis]!)) - margin_m) as [number, number]
  const [right, top] = [0, 1].map((axis) => Math.max(...corners.map((corner) => corner[axis]!)) + margin_m) as [number, number]
  let cell = cell_m
  const count = (length: number): number => Math.floor(length / cell) + 1
  while (count(right - left) * count(top - bottom) > cellsMax) cell *= 1.25
  return { x0: left, y0: bottom, cell_m: cell, width: count(right - left), height: count(top - bottom) }
}

/** The polygon's coverage of each cell, row by row. */
export function rasterise(polygon: Outline, grid: Grid): Uint8Array {
  const cells = new Uint8Array(grid.width * grid.height)
  fillInside(polygon, grid, cells)
  polygon.forEach((corner, at) => traceEdge(corner, polygon[(at + 1) % polygon.length]!, grid, cells))
  return cells
}

/** Cells whose centre is inside, row by row between the places where the outline crosses the row's middle. */
function fillInside(polygon: Outline, { x0, y0, cell_m, width, height }: Grid, cells: Uint8Array): void {
  for (let row = 0; row < height; row++) {
    const y = y0 + (row + 0.5) * cell_m
    const crossings: { x: number; turns: number }[] = []
    polygon.forEach((corner, at) => {
      const [ax, ay] = corner as [number, number]
      const [bx, by] = polygon[(at + 1) % polygon.length] as [number, number]
      if (ay <= y !== by <= y) crossings.push({ x: ax + ((y - ay) / (by - ay)) * (bx - ax), turns: by > ay ? 1 : -1 })
    })
    crossings.sort((a, b) => a.x - b.x)
    let winding = 0
    crossings.forEach(({ x, turns }, at) => {
      winding += turns
      if (winding === 0) return
      const first = Math.max(0, Math.ceil((x - x0) / cell_m - 0.5))
      const last = Math.min(width - 1, Math.floor((crossings[at + 1]!.x - x0) / cell_m - 0.5))
      if (last >= first) cells.fill(coverage.inside, row * width + first, row * width + last + 1)
    })
  }
}

/** Every cell that the line from `a` to `b` runs through or touches. */
function traceEdge(a: readonly number[], b: readonly number[], { x0, y0, cell_m, width, height }: Grid, cells: Uint8Array): void {
  const low = Math.max(0, Math.floor((Math.min(a[1]!, b[1]!) - touch_m - y0) / cell_m))
  const high = Math.min(height - 1, Math.floor((Math.max(a[1]!, b[1]!) + touch_m - y0) / cell_m))
  for (let row = low; row <= high; row++) {
    const [from, to] = extentBetween(a, b, y0 + row * cell_m - touch_m, y0 + (row + 1) * cell_m + touch_m)
    const first = Math.max(0, Math.floor((from - touch_m - x0) / cell_m))
    const last = Math.min(width - 1, Math.floor((to + touch_m - x0) / cell_m))
    if (last >= first) cells.fill(coverage.edge, row * width + first, row * width + last + 1)
  }
}

/** From and to which x the line is where its y is between `low` and `high`. */
function extentBetween(a: readonly number[], b: readonly number[], low: number, high: number): [number, number] {
  const [ax, ay] = a as [number, number]
  const [bx, by] = b as [number, number]
  const at = (y: number): number => (ay === by ? 0 : Math.min(1, Math.max(0, (y - ay) / (by - ay))))
  const xs = ay === by ? [ax, bx] : [ax + at(low) * (bx - ax), ax + at(high) * (bx - ax)]
  return [Math.min(...xs), Math.max(...xs)]
}

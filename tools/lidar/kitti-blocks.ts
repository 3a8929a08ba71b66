/**
 * Gives a KITTI scan the form in which a sensor sends it. The stored points are those of beam after beam,
 * the highest first, each counter-clockwise from straight ahead: so a beam ends where the angle passes
 * straight ahead again, and its points find their columns by their angle. Beams without a return are not
 * stored; they become the gaps of the grid.
 */
import { PointBlock, returnKinds } from '../../edge/device/points.ts'

/** Columns of a turn at 10 Hz: a little more than the most points that one beam has. */
const columnsOfTurn = 2_187
const columnsOfBlock = 27
const ringsMax = 128

/** The turn block by block, and the first block of the next turn, which ends it. The block is used again. */
export function* blocksOf(points: Float32Array): Generator<PointBlock> {
  const rings = beamsOf(points)
  const grid = gridOf(points, rings)
  const block = new PointBlock(columnsOfBlock, ringsMax)
  for (let column = 0; column <= columnsOfTurn; column += columnsOfBlock) {
    const next = column === columnsOfTurn
    fill(block, points, grid, rings.length, next ? 0 : column)
    block.turn = next ? 1 : 0
    block.turnAt = -1
    block.received = column / (columnsOfTurn / 100)
    block.start_us = block.received * 1_000
    yield block
  }
}

/** First points of the beams, from the lowest beam to the highest, with where each ends. */
function beamsOf(points: Float32Array): { start: number; end: number }[] {
  const beams: { start: number; end: number }[] = []
  let start = 0
  let behind = false
  for (let at = 0; at < points.length; at += 4) {
    const x = points[at] ?? 0
    const y = points[at + 1] ?? 0
    // Only what has been behind comes round: angles jitter about straight ahead, too.
    if (behind && x > 0 && y >= 0) {
      beams.push({ start, end: at })
      start = at
      behind = false
    } else if (x < 0 && y < 0) {
      behind = true
    }
  }
  beams.push({ start, end: points.length })
  return beams.reverse().slice(0, ringsMax)
}

/** Of each place in the grid of columns and rings: the point there, or -1. */
function gridOf(points: Float32Array, beams: readonly { start: number; end: number }[]): Int32Array {
  const grid = new Int32Array(columnsOfTurn * beams.length).fill(-1)
  for (const [ring, { start, end }] of beams.entries()) {
    let free = 0
    for (let at = start; at < end; at += 4) {
      const angle = Math.atan2(points[at + 1] ?? 0, points[at] ?? 0)
      const column = Math.max(free, Math.floor(((angle < 0 ? angle + 2 * Math.PI : angle) / (2 * Math.PI)) * columnsOfTurn))
      if (column >= columnsOfTurn) continue
      grid[column * beams.length + ring] = at
      free = column + 1
    }
  }
  return grid
}

function fill(block: PointBlock, points: Float32Array, grid: Int32Array, rings: number, first: number): void {
  block.columns = columnsOfBlock
  block.rings = rings
  for (let column = 0; column < columnsOfBlock; column++) {
    block.angle[column] = (2 * Math.PI * (first + column + 0.5)) / columnsOfTurn
    block.returnOf[column] = returnKinds.only
    for (let ring = 0; ring < rings; ring++) {
      const to = column * rings + ring
      const from = grid[(first + column) * rings + ring] ?? -1
      const [x, y, z, intensity] = from < 0 ? [0, 0, 0, 0] : [points[from] ?? 0, points[from + 1] ?? 0, points[from + 2] ?? 0, points[from + 3] ?? 0]
      block.x[to] = x
      block.y[to] = y
      block.z[to] = z
      block.distance[to] = Math.hypot(x, y, z)
      block.intensity[to] = Math.round(255 * intensity)
      block.offset_us[to] = (100_000 * column) / columnsOfTurn
    }
  }
}

/**
 * Whether a face is solid: between two views, the landmarks of anything flat move as one homography
 * says, however it is held, while those of a turned head do not, because the nose stands out.
 */
import { centroid, distance, type Point } from './geometry.ts'

/** Rows of eight coefficients and the right-hand side. */
type System = number[][]

/**
 * How far the points are, root mean square, from where the best homography takes those of another
 * view; in units of the second view's size (root mean square distance from the centre).
 */
export function departureFromPlane(from: readonly Point[], to: readonly Point[]): number {
  const [source, target] = [normalise(from), normalise(to)]
  const h = solve(normalEquations(source, target))
  if (h === undefined) return 0
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, i = 0] = h
  const squares = source.reduce((sum, [x, y], index) => {
    const w = g * x + i * y + 1
    return sum + distance([(a * x + b * y + c) / w, (d * x + e * y + f) / w], target[index] ?? [0, 0]) ** 2
  }, 0)
  return Math.sqrt(squares / source.length)
}

function normalise(points: readonly Point[]): Point[] {
  const centre = centroid(points)
  const size = Math.sqrt(points.reduce((sum, point) => sum + distance(point, centre) ** 2, 0) / points.length)
  return points.map(([x, y]): Point => [(x - centre[0]) / (size || 1), (y - centre[1]) / (size || 1)])
}

/** Least squares for u (g x + i y + 1) = a x + b y + c and the same for v (direct linear transform). */
function normalEquations(source: readonly Point[], target: readonly Point[]): System {
  const system: System = Array.from({ length: 8 }, () => new Array<number>(9).fill(0))
  for (const [index, [x, y]] of source.entries()) {
    const [u, v] = target[index] ?? [0, 0]
    for (const row of [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]]) {
      for (const [line, equation] of system.entries()) {
        for (let column = 0; column < 9; column++) equation[column]! += row[line]! * row[column]!
      }
    }
  }
  return system
}

/** Gaussian elimination with pivoting; undefined when the points do not determine the mapping. */
function solve(system: System): number[] | undefined {
  const size = system.length
  for (let column = 0; column < size; column++) {
    const pivot = system.slice(column).reduce((best, row, index) => (Math.abs(row[column]!) > Math.abs(system[best]![column]!) ? index + column : best), column)
    const row = system[pivot]!
    if (Math.abs(row[column]!) < 1e-12) return undefined
    system[pivot] = system[column]!
    system[column] = row
    for (const [index, other] of system.entries()) {
      if (index === column) continue
      const factor = other[column]! / row[column]!
      for (let at = column; at <= size; at++) other[at]! -= factor * row[at]!
    }
  }
  return system.map((row, index) => row[size]! / row[index]!)
}

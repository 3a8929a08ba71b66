/** Compares decoded points with a recorded cloud of one turn, one to one. */
import type { PointCloud } from './pcd.ts'

/** Of each point, in the order decoded. */
export interface DecodedPoints {
  /** Metres. */
  x: number[]
  y: number[]
  z: number[]
  distance: number[]
  intensity: number[]
  ring: number[]
  /** Radians between the azimuth that is compared and that in operation. */
  shift: number[]
}

export interface Comparison {
  /** Points of the recorded cloud that one of ours is. */
  reproduced: number
  /** Points decoded while the recorded turn lasted and within its distances, and those of them that it does not have. */
  decoded: number
  extra: number
  /** The greatest shift among the reproduced, radians. */
  shift: number
}

/** Single precision at a hundred metres, twice. */
const near_m = 0.000_02
const nearShare = 0.000_001
const cell_m = 0.05

const cellOf = (x: number, y: number, z: number): string => `${Math.round(x / cell_m)},${Math.round(y / cell_m)},${Math.round(z / cell_m)}`

/** The decoded points by where they are. */
class Grid {
  readonly #points: DecodedPoints
  readonly #cells = new Map<string, number[]>()

  constructor(points: DecodedPoints) {
    this.#points = points
    for (let index = 0; index < points.x.length; index++) {
      const cell = cellOf(points.x[index] ?? 0, points.y[index] ?? 0, points.z[index] ?? 0)
      const there = this.#cells.get(cell)
      if (there === undefined) this.#cells.set(cell, [index])
      else there.push(index)
    }
  }

  /** Points that are at this place within the precision of the numbers. */
  at(x: number, y: number, z: number): number[] {
    const near = near_m + nearShare * Math.hypot(x, y, z)
    const cells = new Set([-near, near].flatMap((dx) => [-near, near].flatMap((dy) => [-near, near].map((dz) => cellOf(x + dx, y + dy, z + dz)))))
    const { x: xs, y: ys, z: zs } = this.#points
    return [...cells].flatMap((cell) => this.#cells.get(cell) ?? [])
      .filter((index) => Math.abs((xs[index] ?? 0) - x) <= near && Math.abs((ys[index] ?? 0) - y) <= near && Math.abs((zs[index] ?? 0) - z) <= near)
  }
}

/** The decoded points that each recorded one could be: at its place, and with its ring and intensity where those are recorded. */
function candidatesOf(points: DecodedPoints, truth: PointCloud, ringField: string | undefined): number[][] {
  const grid = new Grid(points)
  const of = (name: string) => truth.fields.get(name)
  const [x, y, z, ring, intensity] = [of('x'), of('y'), of('z'), ringField === undefined ? undefined : of(ringField), of('intensity')]
  return Array.from({ length: truth.length }, (_, at) => grid.at(x?.[at] ?? Number.NaN, y?.[at] ?? Number.NaN, z?.[at] ?? Number.NaN)
    .filter((index) => (ring === undefined || ring[at] === points.ring[index]) && (intensity === undefined || intensity[at] === points.intensity[index])))
}

/**
 * From where to where the decoded points are those of the recorded turn. A still world gives the same
 * points turn after turn: those that were measured only once tell which turn it is, wherever it was cut.
 */
function recordedSpan(candidates: readonly (readonly number[])[]): readonly [first: number, last: number] {
  const unique = candidates.filter(({ length }) => length === 1).flat().sort((a, b) => a - b)
  const few = Math.floor(unique.length / 200)
  return [unique[few] ?? -1, unique[unique.length - 1 - few] ?? -1]
}

/** @param ringField the field of the recorded cloud that holds the ring, if any does */
export function compareClouds(points: DecodedPoints, truth: PointCloud, ringField?: string): Comparison {
  const candidates = candidatesOf(points, truth, ringField)
  const [begin, end] = recordedSpan(candidates)
  const outside = (index: number): number => Math.max(begin - index, index - end, 0)
  const taken = new Set<number>()
  let [nearest, farthest, shift] = [Number.POSITIVE_INFINITY, 0, 0]
  for (const indices of candidates) {
    const index = indices.filter((index) => !taken.has(index)).sort((a, b) => outside(a) - outside(b))[0]
    if (index === undefined || outside(index) > end - begin) continue
    taken.add(index)
    nearest = Math.min(nearest, points.distance[index] ?? 0)
    farthest = Math.max(farthest, points.distance[index] ?? 0)
    shift = Math.max(shift, points.shift[index] ?? 0)
  }
  const within = [...points.distance.keys()].slice(Math.max(0, begin), end + 1).filter((index) => (points.distance[index] ?? 0) >= nearest && (points.distance[index] ?? 0) <= farthest)
  return { reproduced: taken.size, decoded: within.length, extra: within.filter((index) => !taken.has(index)).length, shift }
}

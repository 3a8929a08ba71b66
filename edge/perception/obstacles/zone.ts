/**
 * A zone in space that must be free, or must not be, as a lidar's own zone monitor judges it.
 *
 * A body is drawn as a mesh; where each beam enters and leaves it is worked out once. Then each turn
 * every beam is inside the zone, before it (the zone is hidden behind something), behind it, or tells
 * nothing. Distances are compared in the steps that the sensor's monitor has (Ouster, Firmware User
 * Manual 3.2, "Zone Monitoring"), so that both come to the same result.
 */

/** Step of Ouster's zone monitor, millimetres. */
export const ousterBin_mm = Math.fround(0.007_492_762_187_5) * 1000

const binMax = 0xffff
const parallel = 1.2e-7
/** Metres. */
const samePlace = 1e-6

/** Where beams begin and the unit vectors along which they go: 3 numbers each, metres. */
export interface Rays {
  origins: Float64Array
  directions: Float64Array
}

/** The same rays as seen from another frame. @param matrix from theirs to it, 4 x 4 row by row, metres */
export function movedRays({ origins, directions }: Rays, matrix: readonly number[]): Rays {
  const moved = { origins: new Float64Array(origins.length), directions: new Float64Array(directions.length) }
  for (let at = 0; at < origins.length; at++) {
    const axis = at % 3
    const first = at - axis
    for (let from = 0; from < 3; from++) {
      moved.origins[at]! += matrix[axis * 4 + from]! * origins[first + from]!
      moved.directions[at]! += matrix[axis * 4 + from]! * directions[first + from]!
    }
    moved.origins[at]! += matrix[axis * 4 + 3]!
  }
  return moved
}

/** Where each beam enters and leaves a zone, in steps from its origin; both 0 where it misses it. */
export interface Bounds {
  bin_mm: number
  near: Uint16Array
  far: Uint16Array
}

/**
 * @param corners of all triangles of a closed body, 9 numbers each, metres, in the frame of the rays
 * A beam that begins inside the body enters it at 0.
 */
export function zoneBounds(corners: Float32Array, rays: Rays, bin_mm = ousterBin_mm): Bounds {
  const beams = rays.origins.length / 3
  const bounds = { bin_mm, near: new Uint16Array(beams), far: new Uint16Array(beams) }
  const ball = ballAround(corners)
  for (let beam = 0; beam < beams; beam++) {
    if (!meetsBall(rays, beam * 3, ball)) continue
    const crossings = crossingsOf(corners, rays, beam * 3)
    if (crossings.length === 0) continue
    bounds.near[beam] = crossings.length % 2 === 1 ? 0 : inBins(Math.min(...crossings.map(Math.abs)), bin_mm)
    bounds.far[beam] = inBins(Math.max(...crossings.map(Math.abs)), bin_mm)
  }
  return bounds
}

/** The sensor's renderer rounds to millimetres first. */
const inBins = (metres: number, bin_mm: number): number => Math.min(binMax, Math.round(Math.round(metres * 1000) / bin_mm))

interface Ball {
  centre: readonly number[]
  radius: number
}

function ballAround(corners: Float32Array): Ball {
  const centre = [0, 0, 0]
  for (let at = 0; at < corners.length; at++) centre[at % 3]! += corners[at]! * 3 / corners.length
  let radius = 0
  for (let at = 0; at < corners.length; at += 3) {
    radius = Math.max(radius, Math.hypot(corners[at]! - centre[0]!, corners[at + 1]! - centre[1]!, corners[at + 2]! - centre[2]!))
  }
  return { centre, radius }
}

/** Whether the beam passes the ball at all: most beams of a turn do not. */
function meetsBall({ origins, directions }: Rays, at: number, { centre, radius }: Ball): boolean {
  const x = centre[0]! - origins[at]!
  const y = centre[1]! - origins[at + 1]!
  const z = centre[2]! - origins[at + 2]!
  const along = x * directions[at]! + y * directions[at + 1]! + z * directions[at + 2]!
  const away = x * x + y * y + z * z - radius * radius
  return (along > 0 || away <= 0) && along * along >= away
}

/**
 * Where the beam goes through the body's surface (Möller and Trumbore 1997): metres, negative on the
 * way in one sense and positive in the other. Where triangles meet, the beam crosses once only.
 */
function crossingsOf(corners: Float32Array, { origins, directions }: Rays, at: number): number[] {
  const [dx, dy, dz] = [directions[at]!, directions[at + 1]!, directions[at + 2]!]
  const crossings: number[] = []
  for (let t = 0; t < corners.length; t += 9) {
    const [ax, ay, az] = [corners[t]!, corners[t + 1]!, corners[t + 2]!]
    const [ux, uy, uz] = [corners[t + 3]! - ax, corners[t + 4]! - ay, corners[t + 5]! - az]
    const [vx, vy, vz] = [corners[t + 6]! - ax, corners[t + 7]! - ay, corners[t + 8]! - az]
    const [px, py, pz] = [dy * vz - dz * vy, dz * vx - dx * vz, dx * vy - dy * vx]
    const determinant = ux * px + uy * py + uz * pz
    if (Math.abs(determinant) < parallel) continue
    const [sx, sy, sz] = [origins[at]! - ax, origins[at + 1]! - ay, origins[at + 2]! - az]
    const u = (sx * px + sy * py + sz * pz) / determinant
    const [qx, qy, qz] = [sy * uz - sz * uy, sz * ux - sx * uz, sx * uy - sy * ux]
    const v = (dx * qx + dy * qy + dz * qz) / determinant
    const range = (vx * qx + vy * qy + vz * qz) / determinant
    if (u < -parallel || v < -parallel || u + v > 1 + parallel || range <= 0) continue
    const crossing = range * Math.sign(determinant)
    if (!crossings.some((other) => Math.abs(other - crossing) < samePlace)) crossings.push(crossing)
  }
  return crossings
}

export interface ZoneRule {
  /** `occupancy`: triggers when something is in the zone; `vacancy`: when nothing is. */
  mode: 'occupancy' | 'vacancy'
  /** From so many points on the zone counts as occupied. */
  points: number
  /** For so many turns on end it must be so. */
  turns: number
}

export interface ZoneState {
  /** Beams whose point lies in the zone. */
  inside: number
  /** Beams that end before the zone. */
  hidden: number
  /** Beams through the zone that told nothing. */
  invalid: number
  /** Beams that cross the zone. */
  beams: number
  /** Of the points inside, millimetres; 0 when there is none. */
  nearest_mm: number
  farthest_mm: number
  mean_mm: number
  triggered: boolean
  /** Turns for which it has been triggered. */
  triggeredTurns: number
}

export class ZoneMonitor {
  readonly state: ZoneState = { inside: 0, hidden: 0, invalid: 0, beams: 0, nearest_mm: 0, farthest_mm: 0, mean_mm: 0, triggered: false, triggeredTurns: 0 }
  /** Of each beam whether its point of the last turn lies in the zone: 1 or 0. */
  readonly isInside: Uint8Array
  readonly #bounds: Bounds
  readonly #rule: ZoneRule
  #turnsMet = 0

  constructor(bounds: Bounds, rule: ZoneRule) {
    this.#bounds = bounds
    this.#rule = rule
    this.isInside = new Uint8Array(bounds.near.length)
    for (let beam = 0; beam < bounds.near.length; beam++) if (bounds.near[beam]! < bounds.far[beam]!) this.state.beams++
  }

  /** @param ranges_mm of each beam of one whole turn; 0 where nothing came back */
  turn(ranges_mm: Uint32Array): ZoneState {
    this.#count(ranges_mm)
    const { mode, points, turns } = this.#rule
    const { state } = this
    const occupied = state.inside >= points
    this.#turnsMet = occupied === (mode === 'occupancy') ? this.#turnsMet + 1 : 0
    state.triggered = this.#turnsMet >= turns
    state.triggeredTurns = state.triggered ? this.#turnsMet - turns + 1 : 0
    return state
  }

  #count(ranges_mm: Uint32Array): void {
    const { bin_mm, near, far } = this.#bounds
    let [inside, hidden, invalid, sum, nearest, farthest] = [0, 0, 0, 0, binMax, 0]
    for (let beam = 0; beam < near.length; beam++) {
      const begins = near[beam]!
      const ends = far[beam]!
      this.isInside[beam] = 0
      if (begins >= ends) continue
      const range_mm = ranges_mm[beam]!
      const bin = Math.floor(range_mm / bin_mm)
      if (range_mm === 0) invalid++
      else if (bin < begins) hidden++
      else if (bin <= ends) {
        this.isInside[beam] = 1
        inside++
        sum += bin
        nearest = Math.min(nearest, bin)
        farthest = Math.max(farthest, bin)
      }
    }
    const mm = (bins: number): number => inside === 0 ? 0 : Math.round(bins * bin_mm)
    Object.assign(this.state, { inside, hidden, invalid, nearest_mm: mm(nearest), farthest_mm: mm(farthest), mean_mm: inside === 0 ? 0 : mm(Math.floor(sum / inside)) })
  }
}

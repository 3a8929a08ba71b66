/**
 * What a lidar sees of a yard, block by block as a decoder gives it: ground, legs, boxes, rain. For the
 * tests of the safety path, which must not know the drivers and their twins.
 */
import { PointBlock } from '../../../device/points.ts'
import { type Pose, poseOf } from './pose.ts'
import type { Outline } from './raster.ts'
import type { Mount } from '../setup.ts'

export interface SensorModel {
  /** Of each ring, radians, from the lowest up. */
  elevations: readonly number[]
  columnsPerTurn: number
  columnsPerBlock: number
  /** Where the scan begins and how far it goes, radians; a whole turn without. */
  scan?: { from: number; extent: number }
  turn_ms: number
  spins: 'clockwise' | 'counter-clockwise'
  far_m: number
}

const evenly = (rings: number, from_deg: number, to_deg: number): number[] =>
  Array.from({ length: rings }, (_, ring) => ((from_deg + (ring * (to_deg - from_deg)) / Math.max(1, rings - 1)) * Math.PI) / 180)

export const sensorModels = {
  beams16: { elevations: evenly(16, -15, 15), columnsPerTurn: 1_800, columnsPerBlock: 24, turn_ms: 100, spins: 'clockwise', far_m: 100 },
  beams128: { elevations: evenly(128, -22.5, 22.5), columnsPerTurn: 1_024, columnsPerBlock: 16, turn_ms: 100, spins: 'clockwise', far_m: 90 },
  flat: { elevations: [0], columnsPerTurn: 811, columnsPerBlock: 811, scan: { from: -2.356, extent: 4.712 }, turn_ms: 67, spins: 'counter-clockwise', far_m: 10 },
} as const satisfies Record<string, SensorModel>

/** A vertical cylinder, in the vehicle's frame. */
export interface Post {
  x: number
  y: number
  radius: number
  from_z: number
  to_z: number
}

/** An upright box, in the vehicle's frame. */
export interface Box {
  low: readonly [number, number, number]
  high: readonly [number, number, number]
}

/** Height of the ground at a place, metres; what no beam can pass. */
export type Terrain = (x: number, y: number) => number
export const flatGround: Terrain = () => 0

/** A generator of numbers from 0 to 1 that always gives the same for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface YardOptions {
  sensor: SensorModel
  mount?: Partial<Mount>
  /** How it really sits, where that is not what the profile says. */
  trueMount?: Partial<Mount>
  terrain?: Terrain
  /** Beams look for the terrain in steps of this, metres: what is narrower may be missed. */
  terrain_m?: number
  boxes?: readonly Box[]
  seed?: number
  /** Standard deviation of a distance, metres. */
  noise_m?: number
  /** Only so far to either side of straight ahead anything is seen, radians: the rest takes time. */
  within_rad?: number
}

/** Share of the beams that something in the air returns, and between which distances. */
export interface Weather {
  share: number
  from_m: number
  to_m: number
  /** Only so far to either side of the sensor's forward, radians. */
  within_rad?: number
}

interface Vector {
  x: number
  y: number
  z: number
}

export class Yard {
  readonly mount: Mount
  posts: Post[] = []
  weather: Weather[] = []
  /** Share of the beams of which nothing comes back, besides those that meet nothing. */
  lost = 0
  /** What a beam of this column and ring is changed to: dirt, faults. */
  spoil: ((distance: number, column: number, ring: number) => number) | undefined
  turn = 0
  /** When the next block will have been received. */
  now_ms = 1_000
  readonly sensor: SensorModel
  readonly #pose: Pose
  readonly #random: () => number
  readonly #noise_m: number
  /** Of each beam: where it points in the sensor's and in the vehicle's frame. */
  readonly #beams: Vector[]
  readonly #directions: Vector[]
  readonly #background: Float32Array
  readonly #block: PointBlock
  readonly #seen: Float32Array

  constructor({ sensor, mount, trueMount, terrain = flatGround, terrain_m = 0.4, boxes = [], seed = 1, noise_m = 0.01, within_rad = Math.PI }: YardOptions) {
    this.sensor = sensor
    this.mount = { x: 0, y: 0, z: 1, roll: 0, pitch: 0, yaw: 0, ...mount }
    this.#pose = poseOf({ ...this.mount, ...trueMount })
    this.#random = seeded(seed)
    this.#noise_m = noise_m
    const rings = sensor.elevations.length
    this.#beams = Array.from({ length: sensor.columnsPerTurn * rings }, (_, beam) => this.#beam((beam / rings) | 0, beam % rings))
    this.#directions = this.#beams.map((beam) => this.#direction(beam))
    this.#background = Float32Array.from(this.#directions, (direction, beam) => {
      if (Math.cos(this.angle((beam / rings) | 0)) < Math.cos(within_rad)) return Infinity
      return Math.min(this.#toGround(direction, terrain, terrain_m), ...boxes.map((box) => this.#toBox(direction, box)))
    })
    this.#seen = new Float32Array(this.#background.length)
    this.#block = new PointBlock(sensor.columnsPerBlock, rings)
  }

  /** One whole turn. The block is used again. */
  run(turns: number, each: (block: PointBlock) => void): void {
    for (let turn = 0; turn < turns; turn++) this.#run(each)
  }

  /** The sensor's turning angle in a column, radians from 0 to 2 pi. */
  angle(column: number): number {
    const { scan, columnsPerTurn, spins } = this.sensor
    const share = column / columnsPerTurn
    const turned = scan === undefined ? share * 2 * Math.PI : scan.from + share * scan.extent
    const angle = (spins === 'clockwise' ? -turned : turned) % (2 * Math.PI)
    return angle < 0 ? angle + 2 * Math.PI : angle
  }

  #run(each: (block: PointBlock) => void): void {
    const { columnsPerTurn, columnsPerBlock, turn_ms } = this.sensor
    this.#look()
    for (let first = 0; first < columnsPerTurn; first += columnsPerBlock) {
      const columns = Math.min(columnsPerBlock, columnsPerTurn - first)
      this.#fill(first, columns)
      this.now_ms += (turn_ms * columns) / columnsPerTurn
      this.#block.received = this.now_ms
      each(this.#block)
    }
    this.turn++
  }

  /** Where every beam of this turn ends. */
  #look(): void {
    const { elevations, columnsPerTurn } = this.sensor
    const rings = elevations.length
    this.#seen.set(this.#background)
    for (const post of this.posts) {
      for (let column = 0; column < columnsPerTurn; column++) {
        const level = this.#directions[column * rings + (rings >> 1)]!
        if (Math.hypot(level.x, level.y) > 0.5 && !this.#mayMeet(level, post)) continue
        for (let beam = column * rings; beam < (column + 1) * rings; beam++) this.#seen[beam] = Math.min(this.#seen[beam]!, this.#toPost(this.#directions[beam]!, post))
      }
    }
    for (const { share, from_m, to_m, within_rad = Math.PI } of this.weather) {
      for (let drops = this.#seen.length * share; drops > 0; drops--) {
        const beam = (this.#random() * this.#seen.length) | 0
        if (Math.cos(this.angle((beam / rings) | 0)) >= Math.cos(within_rad)) this.#seen[beam] = Math.min(this.#seen[beam]!, from_m + this.#random() * (to_m - from_m))
      }
    }
  }

  #fill(first: number, columns: number): void {
    const { elevations: { length: rings }, far_m } = this.sensor
    const block = this.#block
    block.columns = columns
    block.rings = rings
    block.turn = this.turn
    block.start_us = this.now_ms * 1_000
    for (let column = 0; column < columns; column++) {
      block.angle[column] = this.angle(first + column)
      for (let ring = 0; ring < rings; ring++) {
        const point = column * rings + ring
        const true_m = this.#seen[first * rings + point]!
        const noisy = true_m + (this.#random() + this.#random() + this.#random() - 1.5) * 2 * this.#noise_m
        const came = true_m < far_m && (this.lost === 0 || this.#random() >= this.lost)
        const distance = this.spoil === undefined ? (came ? noisy : 0) : this.spoil(came ? noisy : 0, first + column, ring)
        block.distance[point] = distance
        const beam = this.#beams[first * rings + point]!
        block.x[point] = distance * beam.x
        block.y[point] = distance * beam.y
        block.z[point] = distance * beam.z
        block.intensity[point] = 50
      }
    }
  }

  /** In the sensor's frame. */
  #beam(column: number, ring: number): Vector {
    const angle = this.angle(column)
    const elevation = this.sensor.elevations[ring]!
    return { x: Math.cos(elevation) * Math.cos(angle), y: Math.cos(elevation) * Math.sin(angle), z: Math.sin(elevation) }
  }

  /** In the vehicle's frame. */
  #direction({ x, y, z }: Vector): Vector {
    const p = this.#pose
    return { x: p[0]! * x + p[1]! * y + p[2]! * z, y: p[3]! * x + p[4]! * y + p[5]! * z, z: p[6]! * x + p[7]! * y + p[8]! * z }
  }

  #mayMeet(direction: Vector, post: Post): boolean {
    const [x, y] = [post.x - this.#pose[9]!, post.y - this.#pose[10]!]
    const along = (x * direction.x + y * direction.y) / Math.hypot(direction.x, direction.y)
    return along > 0 && x * x + y * y - along * along <= post.radius ** 2
  }

  #toPost(direction: Vector, post: Post): number {
    const [x, y, z] = [this.#pose[9]! - post.x, this.#pose[10]! - post.y, this.#pose[11]!]
    const a = direction.x ** 2 + direction.y ** 2
    const b = x * direction.x + y * direction.y
    const within = b * b - a * (x * x + y * y - post.radius ** 2)
    if (within < 0) return Infinity
    const distance = (-b - Math.sqrt(within)) / a
    const height = z + distance * direction.z
    return distance > 0 && height >= post.from_z && height <= post.to_z ? distance : Infinity
  }

  /** Marches along the beam: the terrain is only known by its height. */
  #toGround(direction: Vector, terrain: Terrain, step_m: number): number {
    const [x, y, z] = [this.#pose[9]!, this.#pose[10]!, this.#pose[11]!]
    const above = (distance: number): number => z + distance * direction.z - terrain(x + distance * direction.x, y + distance * direction.y)
    if (terrain === flatGround) return direction.z < 0 ? -z / direction.z : Infinity
    let [low, high] = [0, 0]
    while (above(high) > 0) {
      if (high > 40) return Infinity
      low = high
      high += step_m
    }
    for (let halved = 0; halved < 20; halved++) {
      const middle = (low + high) / 2
      if (above(middle) > 0) low = middle
      else high = middle
    }
    return high
  }

  #toBox(direction: Vector, { low, high }: Box): number {
    const from = [this.#pose[9]!, this.#pose[10]!, this.#pose[11]!]
    const along = [direction.x, direction.y, direction.z]
    let [near, far] = [0, Infinity]
    for (let axis = 0; axis < 3; axis++) {
      const [a, b] = [(low[axis]! - from[axis]!) / along[axis]!, (high[axis]! - from[axis]!) / along[axis]!]
      near = Math.max(near, Math.min(a, b))
      far = Math.min(far, Math.max(a, b))
    }
    return near > 0 && near <= far ? near : Infinity
  }
}

/** Whether the point is inside; one on the edge may be either. Parts that the outline goes round twice are inside, too. */
export function isInside(polygon: Outline, x: number, y: number): boolean {
  let winding = 0
  for (let at = 0; at < polygon.length; at++) {
    const [x0, y0] = polygon[at] as readonly [number, number]
    const [x1, y1] = polygon[at + 1 === polygon.length ? 0 : at + 1] as readonly [number, number]
    if (y0 <= y === y1 <= y) continue
    const side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
    if (y1 > y0 ? side > 0 : side < 0) winding += y1 > y0 ? 1 : -1
  }
  return winding !== 0
}

/**
 * What a twin's beams meet: ground, walls, boxes, cylinders and people, some of them moving, in clear
 * air or in rain, by ray casting. Coordinates are the vehicle's: x forward, y left, z up from the
 * ground, metres; the mount says where the sensor is in them.
 */
import type { Mount } from '../../../edge/perception/obstacles/setup.ts'
import type { Surroundings } from '../encoder.ts'
import { Box, Cylinder, type Solid } from './solids.ts'

export interface Motion {
  /** Metres a second. */
  vx?: number
  vy?: number
}

export interface SolidLook extends Motion {
  reflectance?: number
  /** Share of the beams that go through: a fence, a hedge. */
  porous?: number
}

/** Single returns of nothing solid: rain, spray, snow. */
export interface Weather {
  /** Of how many beams a drop sends something back. */
  share: number
  near_m: number
  far_m: number
}

/** Dust, steam or exhaust in one place. */
export interface Haze {
  x: number
  y: number
  z: number
  radius_m: number
  /** Of the beams through it, how many come back out of it. */
  share: number
}

export interface SceneOptions {
  mount?: Partial<Mount>
  /** Random numbers from 0 to below 1; by default those of `seeded(1)`. */
  random?: () => number
}

/** Repeatable random numbers from 0 to below 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180
const skyline_m = 1e9

export class Scene implements Surroundings {
  reflectance = 0
  /** The farthest and nearest that a beam comes back from, metres. */
  range_m = 100
  near_m = 0.3
  /** Standard deviation of a measured distance, metres: no two turns are the same. */
  noise_m = 0.01
  /** Rises forward and to the left; `bumps_m` is how much the surface goes up and down. */
  ground = { forward_deg: 0, left_deg: 0, bumps_m: 0.005, reflectance: 0.2 }
  weather: Weather = { share: 0, near_m: 0.5, far_m: 12 }
  hazes: Haze[] = []
  readonly #random: () => number
  readonly #origin: { x: number; y: number; z: number }
  /** Rotation from the sensor's frame to the vehicle's, row by row. */
  readonly #turned: Float64Array
  #solids: { solid: Solid; vx: number; vy: number }[] = []
  /** Of the beam that was asked for last. */
  #lastAzimuth = NaN
  #lastElevation = NaN
  #behind_m = 0
  #behindReflectance = 0

  constructor({ mount = {}, random = seeded(1) }: SceneOptions = {}) {
    const { x = 0, y = 0, z = 1, roll = 0, pitch = 0, yaw = 0 } = mount
    this.#random = random
    this.#origin = { x, y, z }
    this.#turned = rotation(radians(yaw), radians(pitch), radians(roll))
  }

  /** A box that stands on `z`, turned to the left by `yaw_deg`; `x`, `y` are its middle. Returns what removes it. */
  box(box: SolidLook & { x: number; y: number; z?: number; length: number; width: number; height: number; yaw_deg?: number }): () => void {
    const { x, y, z = 0, length, width, height, yaw_deg = 0 } = box
    return this.#add([new Box(x, y, z, length, width, height, radians(yaw_deg), box.reflectance ?? 0.5, box.porous ?? 0)], box)
  }

  /** An upright cylinder that stands on `z`. */
  cylinder(cylinder: SolidLook & { x: number; y: number; z?: number; radius: number; height: number }): () => void {
    const { x, y, z = 0, radius, height } = cylinder
    return this.#add([new Cylinder(x, y, z, radius, height, cylinder.reflectance ?? 0.4, cylinder.porous ?? 0)], cylinder)
  }

  /** An upright wall between two points. */
  wall(wall: SolidLook & { from: readonly [number, number]; to: readonly [number, number]; height: number; thickness?: number }): () => void {
    const { from: [x1, y1], to: [x2, y2], height, thickness = 0.1 } = wall
    const angle = Math.atan2(y2 - y1, x2 - x1)
    return this.#add([new Box((x1 + x2) / 2, (y1 + y2) / 2, 0, Math.hypot(x2 - x1, y2 - y1), thickness, height, angle, wall.reflectance ?? 0.6, wall.porous ?? 0)], wall)
  }

  /** Somebody who stands or walks: two legs of 7 cm radius, a trunk and a head, 1.75 m in all. */
  person({ x, y, ...look }: SolidLook & { x: number; y: number }): () => void {
    const reflectance = look.reflectance ?? 0.3
    return this.#add([
      new Cylinder(x, y + 0.12, 0, 0.07, 0.85, reflectance, 0),
      new Cylinder(x, y - 0.12, 0, 0.07, 0.85, reflectance, 0),
      new Cylinder(x, y, 0.85, 0.2, 0.65, reflectance, 0),
      new Cylinder(x, y, 1.5, 0.1, 0.25, reflectance, 0),
    ], look)
  }

  /** Takes everything away but the ground. */
  clear(): void {
    this.#solids = []
    this.hazes = []
  }

  /** So much time passes: what moves, moves. */
  advance(elapsed_ms: number): void {
    const elapsed_s = elapsed_ms / 1_000
    for (const { solid, vx, vy } of this.#solids) if (vx !== 0 || vy !== 0) solid.move(vx * elapsed_s, vy * elapsed_s)
  }

  distance(azimuth: number, elevation: number, echo: 0 | 1): number {
    if (azimuth !== this.#lastAzimuth || elevation !== this.#lastElevation || echo === 0) {
      const first = this.#cast(azimuth, elevation)
      this.#lastAzimuth = azimuth
      this.#lastElevation = elevation
      if (echo === 0) return first
    }
    this.reflectance = this.#behindReflectance
    return this.#behind_m
  }

  /** The first echo of a beam; keeps the second one. */
  #cast(azimuth: number, elevation: number): number {
    const turned = this.#turned
    const flat = Math.cos(elevation)
    const sx = flat * Math.cos(azimuth)
    const sy = flat * Math.sin(azimuth)
    const sz = Math.sin(elevation)
    const dx = (turned[0] as number) * sx + (turned[1] as number) * sy + (turned[2] as number) * sz
    const dy = (turned[3] as number) * sx + (turned[4] as number) * sy + (turned[5] as number) * sz
    const dz = (turned[6] as number) * sx + (turned[7] as number) * sy + (turned[8] as number) * sz
    let first = this.#ground(dx, dy, dz)
    let reflectance = this.ground.reflectance
    let fence = skyline_m
    let fenceReflectance = 0
    const { x, y, z } = this.#origin
    for (const { solid } of this.#solids) {
      const met = solid.meets(x, y, z, dx, dy, dz)
      if (met <= this.near_m || met >= first) continue
      if (solid.porous > 0 && met < fence) {
        if (this.#random() < solid.porous) continue
        fence = met
        fenceReflectance = solid.reflectance
      } else if (solid.porous === 0) {
        first = met
        reflectance = solid.reflectance
      }
    }
    const veil = Math.min(this.#drop(dx, dy, dz), fence)
    const hasTwo = veil < first
    this.#behind_m = hasTwo ? this.#measured(first) : 0
    this.#behindReflectance = reflectance
    if (hasTwo) {
      first = veil
      reflectance = veil === fence ? fenceReflectance : 0.02
    }
    this.reflectance = reflectance
    return this.#measured(first)
  }

  /** How far the ground is in a direction. */
  #ground(dx: number, dy: number, dz: number): number {
    const { forward_deg, left_deg, bumps_m } = this.ground
    const forward = Math.tan(radians(forward_deg))
    const left = Math.tan(radians(left_deg))
    const { x, y, z } = this.#origin
    const height = z - forward * x - left * y - (bumps_m === 0 ? 0 : this.#spread() * bumps_m)
    const falls = forward * dx + left * dy - dz
    return falls <= 1e-6 ? skyline_m : height / falls
  }

  /** How far a rain drop or a grain of dust is that sends this beam back. */
  #drop(dx: number, dy: number, dz: number): number {
    const { share, near_m, far_m } = this.weather
    let nearest = skyline_m
    if (share > 0 && this.#random() < share) nearest = near_m + (far_m - near_m) * this.#random()
    const { x, y, z } = this.#origin
    for (const haze of this.hazes) {
      const along = (haze.x - x) * dx + (haze.y - y) * dy + (haze.z - z) * dz
      const offSquared = (haze.x - x) ** 2 + (haze.y - y) ** 2 + (haze.z - z) ** 2 - along * along
      const half = haze.radius_m ** 2 - offSquared
      if (along <= 0 || half <= 0 || this.#random() >= haze.share) continue
      nearest = Math.min(nearest, along + Math.sqrt(half) * (2 * this.#random() - 1))
    }
    return nearest > this.near_m ? nearest : skyline_m
  }

  /** What the sensor says of a true distance. */
  #measured(distance: number): number {
    if (distance < this.near_m || distance > this.range_m) return 0
    return this.noise_m === 0 ? distance : Math.max(this.near_m, distance + this.#spread() * this.noise_m)
  }

  /** Of mean 0 and deviation 1, nearly normal: a sum of uniform numbers (Irwin-Hall). */
  #spread(): number {
    const random = this.#random
    return (random() + random() + random() - 1.5) * 2
  }

  #add(solids: Solid[], { vx = 0, vy = 0 }: Motion): () => void {
    const added = solids.map((solid) => ({ solid, vx, vy }))
    this.#solids.push(...added)
    return () => {
      this.#solids = this.#solids.filter((one) => !added.includes(one))
    }
  }
}

/** Yaw, then pitch, then roll about the sensor's own axes. */
function rotation(yaw: number, pitch: number, roll: number): Float64Array {
  const [cy, sy, cp, sp, cr, sr] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch), Math.cos(roll), Math.sin(roll)]
  return Float64Array.of(
    cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr,
    sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr,
    -sp, cp * sr, cp * cr,
  )
}

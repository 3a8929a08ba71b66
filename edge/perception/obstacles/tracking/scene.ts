/** For tests of the tracking path: a ray-cast scene and a turning sensor that looks at it. */
import { type Cloud, pointKinds } from '../cloud.ts'

export interface Shape {
  x: number
  y: number
  /** Metres above the ground. */
  low: number
  high: number
  /** An upright cylinder, or a box along its heading. */
  radius?: number
  length?: number
  width?: number
  heading?: number
  /** Intensity of its returns; 100 where it is not given. */
  bright?: number
  /** Throws every second beam on instead of sending it back. */
  mirror?: boolean
}

export interface Sensor {
  x: number
  y: number
  z: number
  /** Degrees of the lowest and the highest beam. */
  lowest: number
  highest: number
  rings: number
  columns: number
  /** Standard deviation of the range, metres. */
  noise_m?: number
}

export const sensor1: Sensor = { x: 0, y: 0, z: 0.3, lowest: 0, highest: 0, rings: 1, columns: 1_080 }
export const sensor16: Sensor = { x: 0, y: 0, z: 1.2, lowest: -15, highest: 15, rings: 16, columns: 900 }
export const sensor32: Sensor = { x: 0, y: 0, z: 1.5, lowest: -24, highest: 8, rings: 32, columns: 900 }
export const sensor64: Sensor = { x: 0, y: 0, z: 1.7, lowest: -24, highest: 2, rings: 64, columns: 1_024 }
export const sensor128: Sensor = { x: 0, y: 0, z: 1.7, lowest: -22.5, highest: 22.5, rings: 128, columns: 1_024 }

/** Two legs, a trunk and a head; the legs swing while it walks. */
export const person = (x: number, y: number, stride = 0): Shape[] => [
  { x: x + stride, y: y + 0.1, low: 0, high: 0.85, radius: 0.08 },
  { x: x - stride, y: y - 0.1, low: 0, high: 0.85, radius: 0.08 },
  { x, y, low: 0.8, high: 1.5, radius: 0.2 },
  { x, y, low: 1.5, high: 1.75, radius: 0.1 },
]
export const cyclist = (x: number, y: number, heading = 0): Shape[] => [
  { x, y, low: 0, high: 0.7, length: 1.75, width: 0.08, heading },
  { x, y, low: 0.6, high: 1.6, radius: 0.22 },
  { x, y, low: 1.6, high: 1.85, radius: 0.1 },
]
export const car = (x: number, y: number, heading = 0): Shape[] => [
  { x, y, low: 0.25, high: 0.9, length: 4.2, width: 1.8, heading },
  { x, y, low: 0.9, high: 1.45, length: 2.2, width: 1.6, heading },
]
export const wall = (x: number, y: number, length: number, heading: number): Shape => ({ x, y, low: 0, high: 2.2, length, width: 0.2, heading })

/** Numbers from 0 to 1 that look random and are always the same (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function emptyCloud(capacity: number): Cloud {
  return {
    count: 0, turn: 0, at_us: 0, x: new Float32Array(capacity), y: new Float32Array(capacity), z: new Float32Array(capacity),
    intensity: new Uint16Array(capacity), kind: new Uint8Array(capacity),
  }
}

export interface Weather {
  random?: () => number
  /** Share of the beams that a drop sends back. */
  rain?: number
  /** Mixed echoes at edges, two columns long. */
  tails?: boolean
}

/** What is there: always, or at a share of the turn from 0 to 1. */
export type Shapes = readonly Shape[] | ((share: number) => readonly Shape[])

/**
 * What the sensor sees in one turn, column by column from the lowest beam up, each point classified by its
 * height. @param at_us when the turn ends.
 */
export function see(sensor: Sensor, shapes: Shapes, at_us: number, { random = seeded(1), rain = 0, tails = false }: Weather = {}): Cloud {
  const { rings, columns } = sensor
  const elevations = elevationsOf(sensor)
  const ranges = new Float32Array(rings * columns)
  const brights = new Uint16Array(rings * columns)
  for (let column = 0; column < columns; column++) {
    const there = typeof shapes === 'function' ? shapes(column / columns) : shapes
    const along = surfacesAlong(there, sensor.x, sensor.y, (2 * Math.PI * column) / columns, column % 2 === 0)
    for (let ring = 0; ring < rings; ring++) {
      const { range: met, bright } = meet(along, sensor.z, elevations[ring] ?? 0)
      const range = rain > 0 && random() < rain ? Math.min(met, 1 + 14 * random()) : met
      ranges[column * rings + ring] = range > 0 && range < 90 ? range + (sensor.noise_m ?? 0.01) * gauss(random) : 0
      brights[column * rings + ring] = bright
    }
  }
  if (tails) smear(ranges, brights, rings, columns)
  return toCloud(sensor, ranges, brights, at_us)
}

/** Nearly normal: the sum of three, with a deviation of 1. */
const gauss = (random: () => number): number => 2 * (random() + random() + random() - 1.5)

/** Of each ring, radians. */
const elevationsOf = ({ lowest, highest, rings }: Sensor): Float64Array =>
  Float64Array.from({ length: rings }, (_, ring) => ((lowest + ((highest - lowest) * ring) / Math.max(1, rings - 1)) * Math.PI) / 180)

function toCloud(sensor: Sensor, ranges: Float32Array, brights: Uint16Array, at_us: number): Cloud {
  const { rings, columns } = sensor
  const cloud = emptyCloud(rings * columns)
  const up = elevationsOf(sensor).map(Math.sin)
  const along = elevationsOf(sensor).map(Math.cos)
  for (let column = 0; column < columns; column++) {
    const cos = Math.cos((2 * Math.PI * column) / columns)
    const sin = Math.sin((2 * Math.PI * column) / columns)
    for (let ring = 0; ring < rings; ring++) {
      const range = ranges[column * rings + ring] ?? 0
      if (range <= 0) continue
      const flat = range * (along[ring] ?? 0)
      const z = sensor.z + range * (up[ring] ?? 0)
      const point = cloud.count++
      cloud.x[point] = sensor.x + flat * cos
      cloud.y[point] = sensor.y + flat * sin
      cloud.z[point] = z
      cloud.intensity[point] = brights[column * rings + ring] ?? 0
      cloud.kind[point] = z < 0.06 ? pointKinds.ground : z > 2.3 ? pointKinds.ignored : pointKinds.obstacle
    }
  }
  cloud.at_us = at_us
  return cloud
}

/** What beams of one column meet, seen from above: nearest first. */
interface Surface {
  shape: Shape
  away: number
  /** What they meet after a mirror has thrown them on. */
  beyond?: Surface[]
}

function surfacesAlong(shapes: readonly Shape[], x: number, y: number, angle: number, thrown: boolean): Surface[] {
  const dx = Math.cos(angle)
  const dy = Math.sin(angle)
  const surfaces: Surface[] = []
  for (const shape of shapes) {
    const [away, normal] = shape.radius === undefined ? enterBox(shape, x, y, dx, dy) : enterCylinder(shape.radius, shape, x, y, dx, dy)
    if (!(away > 0.001)) continue
    const surface: Surface = { shape, away }
    if (shape.mirror === true && thrown) {
      surface.beyond = surfacesAlong(shapes.filter((other) => other !== shape), x + away * dx, y + away * dy, 2 * normal + Math.PI - angle, false)
    }
    surfaces.push(surface)
  }
  return surfaces.sort((a, b) => a.away - b.away)
}

/** The nearest thing at a beam's height; in a mirror, what the beam meets after it. */
function meet(surfaces: readonly Surface[], z: number, elevation: number): { range: number; bright: number } {
  const slope = Math.tan(elevation)
  const floor = slope < 0 ? -z / slope : Infinity
  for (const { shape, away, beyond } of surfaces) {
    const height = z + away * slope
    if (away > floor) break
    if (height < shape.low || height > shape.high) continue
    if (beyond === undefined) return { range: away / Math.cos(elevation), bright: shape.bright ?? 100 }
    const then = meet(beyond, height, elevation)
    return { range: away / Math.cos(elevation) + then.range, bright: then.bright / 4 }
  }
  return { range: floor / Math.cos(elevation), bright: 30 }
}

/** Distance at which the beam enters, and the direction of the surface there. */
function enterCylinder(radius: number, shape: Shape, x: number, y: number, dx: number, dy: number): [number, number] {
  const ox = x - shape.x
  const oy = y - shape.y
  const a = dx * dx + dy * dy
  const b = ox * dx + oy * dy
  const root = b * b - a * (ox * ox + oy * oy - radius * radius)
  return root < 0 ? [Number.NaN, 0] : [(-b - Math.sqrt(root)) / a, 0]
}

function enterBox({ x: bx, y: by, length = 1, width = 1, heading = 0 }: Shape, x: number, y: number, dx: number, dy: number): [number, number] {
  const cos = Math.cos(heading)
  const sin = Math.sin(heading)
  const ox = (x - bx) * cos + (y - by) * sin
  const oy = (y - by) * cos - (x - bx) * sin
  const ux = dx * cos + dy * sin
  const uy = dy * cos - dx * sin
  const nearX = (-Math.sign(ux) * length) / 2
  const nearY = (-Math.sign(uy) * width) / 2
  const tx = (nearX - ox) / ux
  const ty = (nearY - oy) / uy
  if (tx > ty || Number.isNaN(ty)) return Math.abs(oy + tx * uy) <= width / 2 ? [tx, heading] : [Number.NaN, 0]
  return Math.abs(ox + ty * ux) <= length / 2 ? [ty, heading + Math.PI / 2] : [Number.NaN, 0]
}

/** Where the range jumps from one column to the next, two beams report depths between, and weaker. */
function smear(ranges: Float32Array, brights: Uint16Array, rings: number, columns: number): void {
  const sharp = ranges.slice()
  for (let column = 1; column + 1 < columns; column++) {
    for (let ring = 0; ring < rings; ring++) {
      const from = sharp[(column - 1) * rings + ring] ?? 0
      const to = sharp[column * rings + ring] ?? 0
      if (from === 0 || to === 0 || Math.abs(to - from) < 0.5) continue
      for (let step = 0; step < 2; step++) {
        ranges[(column + step) * rings + ring] = from + (to - from) * (step === 0 ? 0.35 : 0.65)
        brights[(column + step) * rings + ring] = 15
      }
    }
  }
}

/**
 * Where the beams of a sensor go.
 *
 * A beam leaves `b` beside the turning axis and `e` above it and is measured from the axis
 * (Ouster, Sensor User Manual, "Lidar range to XYZ"):
 *
 *     n = |(b, e)|, r' = r - n, E = turning angle, a = beam azimuth, i = beam altitude
 *     x = r' cos(E + a) cos i + b cos E    y = r' sin(E + a) cos i + b sin E    z = r' sin i + e
 *
 * and then in the sensor's frame. That is split into what depends on the beam only (`u`, `v`, `w`: the
 * point as it is at turning angle 0) and what on the column only (turning and the sensor's frame), so
 * that a few kilobytes of tables, which stay in the processor's cache, do for all beams of a turn.
 */
import type { Metadata } from './metadata.ts'

const radians = Math.PI / 180
const metres = 0.001

/** Numbers in a column's part: u and v into x, y, z. */
const perColumn = 6

export class Beams {
  readonly rings: number
  readonly columns: number
  /** The packet's row of each ring: rows go from the highest beam down, rings from the lowest up. */
  readonly rowOf: Uint16Array
  /** Radians, of each ring. */
  readonly elevations: Float32Array
  /** Of each ring: what a metre of range adds to u, v and w. */
  readonly along: Float64Array
  /** u and w of a beam's origin, and how much of the range lies before it; metres. */
  readonly origin: { readonly u: number; readonly w: number; readonly range: number }
  /** Of each column: u and v into x, y, z. */
  readonly turning: Float64Array
  /** w into x, y, z and the sensor frame's offset in metres: the same for all columns. */
  readonly upright: Float64Array
  /** Radians, of each column: 0 to 2 pi, counter-clockwise, 0 the sensor frame's x axis. */
  readonly angles: Float32Array

  constructor(metadata: Metadata) {
    this.rings = metadata.rows
    this.columns = metadata.columnsPerFrame
    const { altitudes, azimuths } = metadata
    const order = altitudes.map((_, row) => row).sort((one, other) => altitudes[one]! - altitudes[other]! || other - one)
    this.rowOf = Uint16Array.from(order)
    this.elevations = Float32Array.from(order, (row) => altitudes[row]! * radians)
    this.along = new Float64Array(this.rings * 3)
    order.forEach((row, ring) => {
      const altitude = altitudes[row]! * radians
      const azimuth = -azimuths[row]! * radians
      this.along.set([Math.cos(azimuth) * Math.cos(altitude), Math.sin(azimuth) * Math.cos(altitude), Math.sin(altitude)], ring * 3)
    })
    const beside = metadata.beamToLidar[3]! * metres
    const above = metadata.beamToLidar[11]! * metres
    this.origin = { u: beside, w: above, range: above === 0 ? beside : Math.hypot(beside, above) }
    const m = metadata.lidarToSensor
    this.upright = Float64Array.of(m[2]!, m[6]!, m[10]!, m[3]! * metres, m[7]! * metres, m[11]! * metres)
    this.turning = new Float64Array(this.columns * perColumn)
    this.angles = new Float32Array(this.columns)
    for (let column = 0; column < this.columns; column++) this.#turn(column, m)
  }

  #turn(column: number, m: readonly number[]): void {
    // Seen from above the sensor turns clockwise: the angle falls as the columns rise.
    const angle = -2 * Math.PI * column / this.columns
    const cos = Math.cos(angle)
    const sin = Math.sin(angle)
    for (let axis = 0; axis < 3; axis++) {
      this.turning[column * perColumn + axis * 2] = m[axis * 4]! * cos + m[axis * 4 + 1]! * sin
      this.turning[column * perColumn + axis * 2 + 1] = m[axis * 4 + 1]! * cos - m[axis * 4]! * sin
    }
    const seen = Math.atan2(this.turning[column * perColumn + 2]!, this.turning[column * perColumn]!)
    this.angles[column] = seen < 0 ? seen + 2 * Math.PI : seen
  }

  /**
   * Origins and directions of all beams of a turn in the sensor's frame, for whoever intersects them
   * with something: 3 numbers each, at `(ring * columns + column) * 3`. A beam's range counts from its origin.
   */
  rays(): { origins: Float64Array; directions: Float64Array } {
    const origins = new Float64Array(this.rings * this.columns * 3)
    const directions = new Float64Array(origins.length)
    for (let ring = 0, at = 0; ring < this.rings; ring++) {
      for (let column = 0; column < this.columns; column++, at += 3) {
        this.#point(ring, column, 0, origins, at)
        this.#point(ring, column, 1, directions, at)
        for (let axis = 0; axis < 3; axis++) directions[at + axis]! -= origins[at + axis]!
      }
    }
    return { origins, directions }
  }

  /** The point at a range in metres. */
  #point(ring: number, column: number, range: number, into: Float64Array, at: number): void {
    const { along, turning, upright, origin } = this
    const behind = range - origin.range
    const u = behind * along[ring * 3]! + origin.u
    const v = behind * along[ring * 3 + 1]!
    const w = behind * along[ring * 3 + 2]! + origin.w
    for (let axis = 0; axis < 3; axis++) {
      into[at + axis] = turning[column * perColumn + axis * 2]! * u + turning[column * perColumn + axis * 2 + 1]! * v + upright[axis]! * w + upright[axis + 3]!
    }
  }
}

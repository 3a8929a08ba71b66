/**
 * How many returns a person's leg gives: so many beams of a sensor meet it at a distance. What must be
 * seen before the vehicle stops follows from that, because a drop of rain gives one return at any distance,
 * and a leg hundreds from near and a handful from afar.
 */
import type { Pose } from './pose.ts'
import { sectors, type Sweep, sweepState } from './sweep.ts'

/** A slim leg in clothes. The test bodies for legs are thinner (70 mm: ISO 13855, ISO 3691-4), but all of their returns count. */
const width_m = 0.1
/** From where ground ends (`step_m`) up to here every leg goes, and up to there everybody. */
const leg_m = 0.7
const body_m = 1.4
/** Near a high sensor the beams pass above the knee; of those that meet the body above it, this share is expected at least. */
const bodyShare = 0.25
const bin_m = 0.25
const bins = 128

export class LegModel {
  readonly #pose: Pose
  readonly #step_m: number
  /** Of each direction and distance: how many rings meet a leg there, and how many the body above it. */
  readonly #legRings = new Uint8Array(sectors * bins)
  readonly #bodyRings = new Uint8Array(sectors * bins)

  constructor(pose: Pose, step_m: number) {
    this.#pose = pose
    this.#step_m = step_m
  }

  /** One more ring whose elevation (radians, in the sensor's frame) is known now. */
  learn(elevation: number): void {
    for (let sector = 0; sector < sectors; sector++) {
      const slope = slopeOf(this.#pose, sector, elevation)
      for (let bin = 0; bin < bins; bin++) {
        const z = this.#pose[11]! + slope * (bin + 0.5) * bin_m
        const rings = z < leg_m ? this.#legRings : this.#bodyRings
        if (z > this.#step_m && z < body_m && rings[sector * bins + bin]! < 255) rings[sector * bins + bin]!++
      }
    }
  }

  /** The rings are others now. */
  forget(): void {
    this.#legRings.fill(0)
    this.#bodyRings.fill(0)
  }

  /** How many returns a leg at `range[point]` metres gives at least, straight before the sensor's present direction. */
  returns(range: Float64Array, point: number, sweep: Sweep): number {
    const distance = range[point]!
    const columns = width_m / (distance * sweep.state[sweepState.step]!)
    const bin = distance / bin_m
    const at = sweep.sector * bins + (bin < bins ? bin | 0 : bins - 1)
    const rings = Math.max(1, this.#legRings[at]!, (bodyShare * this.#bodyRings[at]!) | 0)
    return (columns < 1_000 ? columns | 0 : 1_000) * rings
  }
}

/** How fast a beam rises with the distance seen from above, in the vehicle's frame, looking at the middle of a sector. */
export function slopeOf(pose: Pose, sector: number, elevation: number): number {
  const turned = ((sector + 0.5) * 2 * Math.PI) / sectors
  const [x, y, z] = [Math.cos(elevation) * Math.cos(turned), Math.cos(elevation) * Math.sin(turned), Math.sin(elevation)]
  const along = (row: number): number => pose[row]! * x + pose[row + 1]! * y + pose[row + 2]! * z
  return along(6) / Math.hypot(along(0), along(3))
}

/** How a sensor stands, by the plane of the ground that it sees. Pure, so that the device and its pages compute the same. */
import { poseOf } from './safety/pose.ts'
import type { Mount } from './setup.ts'

/** In the vehicle's frame: where all is mounted as the profile says, all are 0. */
export interface GroundPlane {
  /** Of the ground under the vehicle's reference point. */
  height_m: number
  /** Positive: the ground seems to fall away ahead. */
  pitch_deg: number
  /** Positive: the ground seems to rise to the left. */
  roll_deg: number
  points: number
}

/** What may be missing from a sensor that is mounted well, on ground that a forklift levels: half of what makes a kerb an obstacle. */
const limits = { height_m: 0.03, angle_deg: 0.7 } as const

const points_min = 50
/** Beyond, the ground of a yard is not the ground under the vehicle. */
const reach_m = 10

const degrees = (radians: number): number => (radians * 180) / Math.PI
const slope = (degrees: number): number => Math.tan((degrees * Math.PI) / 180)

/** Least squares of z = a x + b y + c over the points that the safety path took for ground. */
export class GroundFit {
  readonly #sums = { n: 0, x: 0, y: 0, z: 0, xx: 0, yy: 0, xy: 0, xz: 0, yz: 0 }

  /** Metres in the vehicle's frame. */
  add(x: number, y: number, z: number): void {
    if (Math.hypot(x, y) > reach_m) return
    const sums = this.#sums
    sums.n++
    sums.x += x
    sums.y += y
    sums.z += z
    sums.xx += x * x
    sums.yy += y * y
    sums.xy += x * y
    sums.xz += x * z
    sums.yz += y * z
  }

  /** `undefined` with too few points, or all in a line. */
  plane(): GroundPlane | undefined {
    const { n, x, y, z, xx, yy, xy, xz, yz } = this.#sums
    if (n < points_min) return undefined
    const [cxx, cyy, cxy, cxz, cyz] = [xx / n - (x / n) ** 2, yy / n - (y / n) ** 2, xy / n - (x * y) / n ** 2, xz / n - (x * z) / n ** 2, yz / n - (y * z) / n ** 2]
    const determinant = cxx * cyy - cxy ** 2
    if (determinant < 1e-6 * (cxx + cyy) ** 2) return undefined
    const a = (cxz * cyy - cyz * cxy) / determinant
    const b = (cyz * cxx - cxz * cxy) / determinant
    return { height_m: z / n - (a * x) / n - (b * y) / n, pitch_deg: -degrees(Math.atan(a)), roll_deg: degrees(Math.atan(b)), points: n }
  }
}

export const isLevel = ({ height_m, pitch_deg, roll_deg }: GroundPlane): boolean =>
  Math.abs(height_m) <= limits.height_m && Math.abs(pitch_deg) <= limits.angle_deg && Math.abs(roll_deg) <= limits.angle_deg

/**
 * The mount with which the ground would lie at height 0 and level; from how the sensor is mounted for now, and
 * the plane that it then sees. A floor looks the same from everywhere and all around: x, y and yaw stay as they are.
 */
export function mountOver({ height_m, pitch_deg, roll_deg }: GroundPlane, mount: Mount): Mount {
  const [a, b] = [-slope(pitch_deg), slope(roll_deg)]
  const length = Math.hypot(a, b, 1)
  const up = [-a / length, -b / length, 1 / length] as const
  const pose = poseOf(mount)
  // What is up, along the sensor's own axes: Rx(-roll) Ry(-pitch) turns (0, 0, 1) into (-sin p, cos p sin r, cos p cos r).
  const [x = 0, y = 0, z = 1] = [0, 1, 2].map((axis) => pose[axis]! * up[0] + pose[3 + axis]! * up[1] + pose[6 + axis]! * up[2])
  return {
    ...mount,
    z: rounded((mount.z - a * mount.x - b * mount.y - height_m) / length, 1_000),
    pitch: rounded(degrees(Math.asin(Math.max(-1, Math.min(1, -x)))), 100),
    roll: rounded(degrees(Math.atan2(y, z)), 100),
  }
}

/** To millimetres and hundredths of a degree; never -0. */
const rounded = (value: number, per: number): number => Math.round(value * per) / per + 0

/** How a sensor sits on the vehicle: what turns its points into the vehicle's. */
import type { Mount } from '../setup.ts'

/** Row-major 3 x 3 rotation, then the origin: vehicle = rotation * sensor + origin. */
export type Pose = Float64Array

const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** Rz(yaw) Ry(pitch) Rx(roll), as `Mount` says. */
export function poseOf({ x, y, z, roll, pitch, yaw }: Mount): Pose {
  const [cr, sr, cp, sp, cw, sw] = [Math.cos(radians(roll)), Math.sin(radians(roll)), Math.cos(radians(pitch)), Math.sin(radians(pitch)), Math.cos(radians(yaw)), Math.sin(radians(yaw))]
  return Float64Array.of(
    cw * cp, cw * sp * sr - sw * cr, cw * sp * cr + sw * sr,
    sw * cp, sw * sp * sr + cw * cr, sw * sp * cr - cw * sr,
    -sp, cp * sr, cp * cr,
    x, y, z,
  )
}

/** The same mount, with some of the sensor's own axes the other way round. */
export function withAxes(pose: Pose, x: 1 | -1, y: 1 | -1, z: 1 | -1): Pose {
  const axes = [x, y, z]
  return pose.map((value, at) => (at < 9 ? value * axes[at % 3]! : value))
}

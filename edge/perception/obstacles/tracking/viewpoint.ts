/** From where a source looks, in the vehicle's frame. */
import { poseOf } from '../safety/pose.ts'
import type { Mount } from '../setup.ts'

export interface Viewpoint {
  readonly x: number
  readonly y: number
  readonly z: number
  /** The sensor's own upward axis. */
  readonly up: readonly [number, number, number]
}

/** Of a sensor of which nothing is known: above the reference point, upright. */
export const unknownViewpoint: Viewpoint = { x: 0, y: 0, z: 1, up: [0, 0, 1] }

export function viewpointOf(mount: Mount): Viewpoint {
  const pose = poseOf(mount)
  return { x: mount.x, y: mount.y, z: mount.z, up: [pose[2] ?? 0, pose[5] ?? 0, pose[8] ?? 1] }
}

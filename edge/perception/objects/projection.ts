/**
 * Where things of the vehicle's frame are in the picture, and back to the ground: a pinhole camera that
 * looks along its mount's x axis, its principal point in the middle, without distortion.
 */
import { poseOf } from '../obstacles/safety/pose.ts'
import type { ObstacleSetup } from '../obstacles/setup.ts'
import type { Box } from './detector.ts'

export type CameraSetup = NonNullable<ObstacleSetup['camera']>

type Vector = readonly [x: number, y: number, z: number]

/** What stands on the ground. */
export interface Solid {
  x: number
  y: number
  /** Height of the ground below. */
  z: number
  length: number
  width: number
  height: number
  heading_rad: number
}

/** Nearer than this nothing is projected, metres: the picture would be all of it. */
const near_m = 0.2
const edges = [[0, 1], [1, 3], [3, 2], [2, 0], [4, 5], [5, 7], [7, 6], [6, 4], [0, 4], [1, 5], [2, 6], [3, 7]] as const

export class Projection {
  readonly #camera: CameraSetup
  /** Columns: the camera's forward, left and up in the vehicle's frame. */
  readonly #axes: readonly [Vector, Vector, Vector]

  constructor(camera: CameraSetup) {
    this.#camera = camera
    const pose = poseOf(camera.mount)
    const column = (number: number): Vector => [pose[number] ?? 0, pose[3 + number] ?? 0, pose[6 + number] ?? 0]
    this.#axes = [column(0), column(1), column(2)]
  }

  /** The box around a solid in the picture, cut at its edges; `undefined` when nothing of it is inside. */
  boxOf(solid: Solid): Box | undefined {
    const corners = cornersOf(solid).map((corner) => this.#seen(corner))
    const { width, height } = this.#camera
    const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity }
    for (const [from, to] of edges) {
      const ends = inFront(corners[from] ?? [0, 0, 0], corners[to] ?? [0, 0, 0])
      for (const end of ends) {
        const [u, v] = this.#pixel(end)
        box.left = Math.min(box.left, u)
        box.right = Math.max(box.right, u)
        box.top = Math.min(box.top, v)
        box.bottom = Math.max(box.bottom, v)
      }
    }
    const cut = { left: Math.max(0, box.left), top: Math.max(0, box.top), right: Math.min(width, box.right), bottom: Math.min(height, box.bottom) }
    return cut.left < cut.right && cut.top < cut.bottom ? cut : undefined
  }

  /** Where the ray through a pixel meets the ground; `undefined` when it does not, in front of the camera. */
  ground(u: number, v: number): { x: number; y: number; depth: number } | undefined {
    const [forward, left, up] = this.#axes
    const { mount, focal_px, width, height } = this.#camera
    const [across, down] = [(u - width / 2) / focal_px, (v - height / 2) / focal_px]
    const [x = 0, y = 0, z = 0] = forward.map((each, axis) => each - across * (left[axis] ?? 0) - down * (up[axis] ?? 0))
    const depth = -mount.z / z
    return z < 0 && depth > near_m ? { x: mount.x + depth * x, y: mount.y + depth * y, depth } : undefined
  }

  /** How high the upright over a place on the ground is where it crosses a row of the picture, metres. */
  heightAt(v: number, x: number, y: number): number {
    const [forward, , up] = this.#axes
    const down = (v - this.#camera.height / 2) / this.#camera.focal_px
    const [ahead, , above] = this.#seen([x, y, 0])
    return -(above + down * ahead) / (up[2] + down * forward[2])
  }

  /** Forward, left and up of the camera, metres. */
  #seen(point: Vector): Vector {
    const { mount } = this.#camera
    const [x, y, z] = [point[0] - mount.x, point[1] - mount.y, point[2] - mount.z]
    const along = (axis: Vector): number => x * axis[0] + y * axis[1] + z * axis[2]
    return [along(this.#axes[0]), along(this.#axes[1]), along(this.#axes[2])]
  }

  #pixel([forward, left, up]: Vector): [number, number] {
    const { focal_px, width, height } = this.#camera
    return [width / 2 - (focal_px * left) / forward, height / 2 - (focal_px * up) / forward]
  }
}

function cornersOf({ x, y, z, length, width, height, heading_rad }: Solid): Vector[] {
  const [cos, sin] = [Math.cos(heading_rad), Math.sin(heading_rad)]
  return [0, height].flatMap((up) => [-0.5, 0.5].flatMap((along) => [-0.5, 0.5].map((across): Vector => [
    x + along * length * cos - across * width * sin,
    y + along * length * sin + across * width * cos,
    z + up,
  ])))
}

/** The part of an edge that is in front of the camera. */
function inFront(a: Vector, b: Vector): Vector[] {
  if (a[0] >= near_m && b[0] >= near_m) return [a, b]
  if (a[0] < near_m && b[0] < near_m) return []
  const share = (near_m - a[0]) / (b[0] - a[0])
  const cut: Vector = [near_m, a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])]
  return a[0] >= near_m ? [a, cut] : [cut, b]
}

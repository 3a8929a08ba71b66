/**
 * 468 landmarks of a face with their depth (MediaPipe face mesh), and what they say: where the head
 * points, how far the eyes are open.
 */
import type { Net } from '../engine/engine.ts'
import type { Face } from './detector.ts'
import { type Affine, apply, distance, middle, type Point, sample } from './geometry.ts'
import type { Image } from './image.ts'

export interface Mesh {
  /** 0 to 1: whether there is a face at all. */
  score: number
  /** In pixels of the picture. */
  points: Point[]
  /** In pixels, along the view: smaller is nearer to the camera. */
  depths: number[]
}

const inputSide = 192
/** The model was trained on squares this much larger than the face's box. */
const margin = 1.5
const landmarks = 468

export async function readMesh(net: Net, image: Image, face: Face): Promise<Mesh> {
  const [right = [0, 0], left = [1, 0]] = face.points
  const roll = Math.atan2(left[1] - right[1], left[0] - right[0])
  const side = margin * Math.max(face.right - face.left, face.bottom - face.top)
  const scale = side / inputSide
  const cosine = Math.cos(roll) * scale
  const sine = Math.sin(roll) * scale
  const half = inputSide / 2
  const [x, y] = middle([face.left, face.top], [face.right, face.bottom])
  const toSource: Affine = [cosine, -sine, x - cosine * half + sine * half, sine, cosine, y - sine * half - cosine * half]
  const [places, score] = await net.run(sample(image, inputSide, inputSide, toSource, { scale: 1 / 255, offset: 0 }))
  const points: Point[] = []
  const depths: number[] = []
  for (let index = 0; index < landmarks; index++) {
    points.push(apply(toSource, [places?.[3 * index] ?? 0, places?.[3 * index + 1] ?? 0]))
    depths.push((places?.[3 * index + 2] ?? 0) * scale)
  }
  return { score: 1 / (1 + Math.exp(-(score?.[0] ?? -Infinity))), points, depths }
}

const at = (mesh: Mesh, index: number): Point => mesh.points[index] ?? [0, 0]
const depthAt = (mesh: Mesh, index: number): number => mesh.depths[index] ?? 0

/** Landmarks by their number in the mesh. Right and left are the traveller's own. */
const mark = {
  rightEye: { outer: 33, inner: 133, lids: [[160, 144], [159, 145], [158, 153]] },
  leftEye: { outer: 263, inner: 362, lids: [[387, 373], [386, 374], [385, 380]] },
  noseTip: 1, mouthRight: 61, mouthLeft: 291, forehead: 10, chin: 152,
  /** Points that lie on the right and left side of the head at the same height. */
  sides: [[234, 454], [127, 356], [33, 263], [93, 323]],
} as const

/** Eyes' centres, nose tip, corners of the mouth: what a face is aligned by before it is embedded. */
export function fivePoints(mesh: Mesh): Point[] {
  const eye = ({ outer, inner }: { outer: number; inner: number }): Point => middle(at(mesh, outer), at(mesh, inner))
  return [eye(mark.rightEye), eye(mark.leftEye), at(mesh, mark.noseTip), at(mesh, mark.mouthRight), at(mesh, mark.mouthLeft)]
}

export interface Pose {
  /** Degrees; positive when the traveller turns to the left-hand side, which is right in the picture. */
  yaw: number
  /** Degrees; positive when the traveller looks down. */
  pitch: number
  /** Degrees; positive when the head leans clockwise in the picture. */
  roll: number
}

const degrees = (radians: number): number => (radians * 180) / Math.PI

export function headPose(mesh: Mesh): Pose {
  const right = middle(at(mesh, mark.rightEye.outer), at(mesh, mark.rightEye.inner))
  const left = middle(at(mesh, mark.leftEye.outer), at(mesh, mark.leftEye.inner))
  const yaws = mark.sides.map(([a, b]) => Math.atan2(depthAt(mesh, b) - depthAt(mesh, a), distance(at(mesh, a), at(mesh, b))))
  const upright = distance(at(mesh, mark.forehead), at(mesh, mark.chin))
  return {
    yaw: degrees(yaws.reduce((sum, yaw) => sum + yaw, 0) / yaws.length),
    pitch: degrees(Math.atan2(depthAt(mesh, mark.chin) - depthAt(mesh, mark.forehead), upright)),
    roll: degrees(Math.atan2(left[1] - right[1], left[0] - right[0])),
  }
}

/** Height of the open lids over the eye's width, mean of both eyes (Soukupova and Cech, 2016). */
export function eyeOpenness(mesh: Mesh): number {
  const of = ({ outer, inner, lids }: (typeof mark)['rightEye' | 'leftEye']): number =>
    lids.reduce((sum, [upper, lower]) => sum + distance(at(mesh, upper), at(mesh, lower)), 0) / lids.length / distance(at(mesh, outer), at(mesh, inner))
  return (of(mark.rightEye) + of(mark.leftEye)) / 2
}

/** Distance between the eyes' centres in pixels. */
export function eyeDistance(mesh: Mesh): number {
  const [right = [0, 0], left = [0, 0]] = fivePoints(mesh)
  return distance(right, left)
}

/**
 * A head out of a still picture, turned and moved: its landmarks are rotated in space with their
 * depths and the picture follows them, so that what measures a head's pose measures a real change.
 */
import type { Point } from '../../../edge/perception/face/geometry.ts'
import type { Image } from '../../../edge/perception/face/image.ts'
import { eyeDistance, fivePoints, headPose, type Mesh } from '../../../edge/perception/face/mesh.ts'

export interface Head {
  picture: Image
  mesh: Mesh
  /** Between the eyes, in the picture. */
  centre: Point
  /** Pixels between the eyes in the picture. */
  eyes: number
  /** Degrees by which the still is turned and leans: undone before anything else. */
  yaw: number
  roll: number
}

export interface Expression {
  /** Degrees, as headPose measures them. */
  yaw: number
  pitch: number
  /** 0 open, 1 closed. */
  lids: number
}

export function headOf(picture: Image, mesh: Mesh): Head {
  const [right = [0, 0], left = [0, 0]] = fivePoints(mesh)
  const { yaw, roll } = headPose(mesh)
  return { picture, mesh, centre: [(right[0] + left[0]) / 2, (right[1] + left[1]) / 2], eyes: eyeDistance(mesh), yaw, roll }
}

/** Where, in head coordinates (distances between the eyes, from their middle), a still shows what an expression has at a place. */
export type Displacement = (x: number, y: number) => Point

/** Every how many landmarks one carries the picture along. */
const landmarkStep = 4
/** The head turns about an axis this far behind the eyes. */
const axisDepth = 0.9
/** The sides of the head are taken as nearer than they are: skin that a still does not show cannot come into view. */
const depthMax = 0.35
/** Beyond this distance from the nose nothing moves. */
const reach = 2.4

/** Landmarks of the face's outline, which the background must not hold back. */
const outline = [
  10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172,
  58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
]
/** Landmarks along the lids, from the outer to the inner corner or back; the corners belong to both. */
const eyes = [
  { upper: [33, 246, 161, 160, 159, 158, 157, 173, 133], lower: [33, 7, 163, 144, 145, 153, 154, 155, 133] },
  { upper: [362, 398, 384, 385, 386, 387, 388, 466, 263], lower: [362, 382, 381, 380, 374, 373, 390, 249, 263] },
]

interface Control {
  /** Where the landmark is with this expression. */
  x: number
  y: number
  /** How far from there it is in the still. */
  dx: number
  dy: number
}

/** Smooth all over, and slow to compute; then sharp, and quick. */
export interface Warp {
  turn: Displacement
  lids: Displacement
}

export function express(head: Head, expression: Expression): Warp {
  return {
    turn: field(turnControls(head, expression)),
    lids: expression.lids === 0 ? (x, y) => [x, y] : lidShutter(head, expression.lids),
  }
}

/** Square of the distance below which controls blend into each other. */
const softness = 0.02

/** Controls interpolated by the inverse fourth power of the distance (Shepard's method). */
function field(controls: readonly Control[]): Displacement {
  return (x, y) => {
    let weights = 0
    let dx = 0
    let dy = 0
    for (const control of controls) {
      const square = (x - control.x) ** 2 + (y - control.y) ** 2 + softness
      const weight = 1 / (square * square)
      weights += weight
      dx += weight * control.dx
      dy += weight * control.dy
    }
    return [x + dx / weights, y + dy / weights]
  }
}

function turnControls(head: Head, expression: Expression): Control[] {
  const turn = rotation(expression.yaw - head.yaw, expression.pitch)
  const used = new Set([...head.mesh.points.keys()].filter((index) => index % landmarkStep === 0).concat(outline))
  const controls = [...used].map((index): Control => {
    const [fromX, fromY, depth] = inHead(head, index)
    const [x, y] = turn([fromX, fromY, Math.min(depth, depthMax)])
    return { x, y, dx: fromX - x, dy: fromY - y }
  })
  for (let angle = 0; angle < 360; angle += 10) {
    const [x, y] = [reach * Math.cos((angle * Math.PI) / 180), 0.6 + 1.3 * reach * Math.sin((angle * Math.PI) / 180)]
    controls.push({ x, y, dx: 0, dy: 0 })
  }
  return controls
}

/** How far above the eye the lid's skin is drawn from, in heights of the eye. */
const lidSkin = 0.9

/** Pulls the upper lids down over the eyes: column by column, the skin above is stretched. */
function lidShutter(head: Head, closed: number): Displacement {
  const curve = (indices: readonly number[]): Point[] => indices.map((index) => inHead(head, index).slice(0, 2) as [number, number])
  const shutters = eyes.map(({ upper, lower }) => ({ upper: curve(upper), lower: curve(lower) }))
  return (x, y) => {
    for (const { upper, lower } of shutters) {
      const top = heightAt(upper, x)
      const bottom = heightAt(lower, x)
      if (top === undefined || bottom === undefined || bottom <= top) continue
      const start = top - lidSkin * (bottom - top)
      const edge = top + closed * (bottom - top)
      if (y <= start || y >= bottom) continue
      if (y < edge) return [x, start + ((y - start) * (top - start)) / (edge - start)]
      return [x, top + ((y - edge) * (bottom - top)) / (bottom - edge)]
    }
    return [x, y]
  }
}

/** The height of a line through points at a place between its ends. */
function heightAt(line: readonly Point[], x: number): number | undefined {
  for (let index = 1; index < line.length; index++) {
    const [x0, y0] = line[index - 1] ?? [0, 0]
    const [x1, y1] = line[index] ?? [0, 0]
    if (x >= x0 && x < x1) return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)
  }
  return undefined
}

type Place = readonly [x: number, y: number, z: number]

/** A landmark in head coordinates, upright. */
function inHead({ mesh, centre, eyes, roll }: Head, index: number): Place {
  const [x, y] = mesh.points[index] ?? centre
  const angle = (-roll * Math.PI) / 180
  const [right, down] = [(x - centre[0]) / eyes, (y - centre[1]) / eyes]
  return [
    right * Math.cos(angle) - down * Math.sin(angle),
    right * Math.sin(angle) + down * Math.cos(angle),
    (mesh.depths[index] ?? 0) / eyes,
  ]
}

/** Turns to the traveller's left (right in the picture) for a positive yaw, down for a positive pitch. */
function rotation(yaw: number, pitch: number): (place: Place) => Place {
  const [a, b] = [(yaw * Math.PI) / 180, (pitch * Math.PI) / 180]
  return ([x, y, z]) => {
    const behind = z - axisDepth
    const turnedX = x * Math.cos(a) - behind * Math.sin(a)
    const turnedZ = x * Math.sin(a) + behind * Math.cos(a)
    return [turnedX, y * Math.cos(b) - turnedZ * Math.sin(b), y * Math.sin(b) + turnedZ * Math.cos(b) + axisDepth]
  }
}

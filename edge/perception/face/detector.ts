/**
 * Finds faces with BlazeFace (short range): 896 anchors on a 128 x 128 picture, each with a box, six
 * key points and a score. Overlapping finds are blended by their scores.
 */
import type { Net } from '../engine/engine.ts'
import { type Affine, type Point, type Recipe, sample, shrink } from './geometry.ts'
import type { Image } from './image.ts'

export interface Face {
  /** 0 to 1. */
  score: number
  left: number
  top: number
  right: number
  bottom: number
  /** The traveller's right eye, left eye, nose tip, mouth, right ear, left ear. */
  points: Point[]
}

const inputSide = 128
/** Grids of anchors: cells a side, and anchors a cell. */
const grids = [[16, 2], [8, 6]] as const
const anchors = grids.flatMap(([cells, each]) =>
  Array.from({ length: cells * cells * each }, (_, index): Point => {
    const cell = Math.floor(index / each)
    return [((cell % cells) + 0.5) / cells, (Math.floor(cell / cells) + 0.5) / cells]
  }),
)
const valuesPerAnchor = 16
const pointsPerFace = 6
const overlapMax = 0.3
const recipe: Recipe = { scale: 1 / 127.5, offset: -1 }
/** From this factor on, shrinking is as good as sampling. */
const shrinkMin = 2

/** Best first. @param scoreMin finds below it are noise */
export async function detectFaces(net: Net, image: Image, scoreMin = 0.5): Promise<Face[]> {
  const scale = Math.max(image.width, image.height) / inputSide
  const marginX = (inputSide * scale - image.width) / 2
  const marginY = (inputSide * scale - image.height) / 2
  const toSource: Affine = [scale, 0, (scale - 1) / 2 - marginX, 0, scale, (scale - 1) / 2 - marginY]
  const input = scale >= shrinkMin ? shrink(image, inputSide, recipe) : sample(image, inputSide, inputSide, toSource, recipe)
  const [boxes, scores] = await net.run(input)
  if (boxes === undefined || scores === undefined) return []

  const found: Face[] = []
  for (const [index, [anchorX, anchorY]] of anchors.entries()) {
    const score = 1 / (1 + Math.exp(-(scores[index] ?? -Infinity)))
    if (!(score >= scoreMin)) continue
    const values = boxes.subarray(index * valuesPerAnchor, (index + 1) * valuesPerAnchor)
    const at = (place: number): Point => [
      ((values[place] ?? 0) + anchorX * inputSide) * scale - marginX,
      ((values[place + 1] ?? 0) + anchorY * inputSide) * scale - marginY,
    ]
    const [x, y] = at(0)
    const halfWidth = ((values[2] ?? 0) * scale) / 2
    const halfHeight = ((values[3] ?? 0) * scale) / 2
    const points = Array.from({ length: pointsPerFace }, (_, point) => at(4 + 2 * point))
    found.push({ score, left: x - halfWidth, top: y - halfHeight, right: x + halfWidth, bottom: y + halfHeight, points })
  }
  return blendOverlapping(found)
}

function blendOverlapping(found: Face[]): Face[] {
  let rest = found.toSorted((a, b) => b.score - a.score)
  const faces: Face[] = []
  while (rest[0] !== undefined) {
    const best = rest[0]
    const group = rest.filter((face) => face === best || overlap(best, face) > overlapMax)
    rest = rest.filter((face) => !group.includes(face))
    faces.push(blend(group))
  }
  return faces
}

function blend(group: readonly Face[]): Face {
  const total = group.reduce((sum, face) => sum + face.score, 0)
  const mean = (value: (face: Face) => number): number => group.reduce((sum, face) => sum + value(face) * face.score, 0) / total
  return {
    score: Math.max(...group.map((face) => face.score)),
    left: mean((face) => face.left),
    top: mean((face) => face.top),
    right: mean((face) => face.right),
    bottom: mean((face) => face.bottom),
    points: Array.from({ length: pointsPerFace }, (_, index): Point => [
      mean((face) => face.points[index]?.[0] ?? 0),
      mean((face) => face.points[index]?.[1] ?? 0),
    ]),
  }
}

/** Intersection over union. */
function overlap(a: Face, b: Face): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  const shared = Math.max(0, width) * Math.max(0, height)
  return shared / (area(a) + area(b) - shared)
}

const area = (face: Face): number => (face.right - face.left) * (face.bottom - face.top)

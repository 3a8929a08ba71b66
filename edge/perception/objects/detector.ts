/**
 * Finds people and vehicles in a picture with NanoDet (416 x 416, classes of COCO). For each cell of three
 * grids the net gives the probability of each class, and for each side of the box the distribution of its
 * distance from the cell's centre (Generalized Focal Loss, Li et al., 2020).
 */
import type { Net } from '../engine/engine.ts'
import type { NetInput, Normalisation } from './picture.ts'

/** In pixels of the picture: x to the right, y down. */
export interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

export interface CameraObject {
  class: 'person' | 'cyclist' | 'vehicle'
  /** 0 to 1. */
  score: number
  box: Box
}

interface Found {
  kind: 'person' | 'two-wheeler' | 'vehicle'
  score: number
  box: Box
}

export const inputSide = 416
/** Means and deviations of ImageNet, blue first, as NanoDet was trained. */
export const normalisation: Normalisation = { mean: [103.53, 116.28, 123.675], deviation: [57.375, 57.12, 58.395] }

/** Pixels from cell to cell. */
const strides = [8, 16, 32]
const classes = 80
/** Distances from 0 to 10 cells, for each side. */
const bins = 11
/** Classes of COCO that matter here, by their number. */
const kinds = new Map<number, Found['kind']>([
  [0, 'person'], [1, 'two-wheeler'], [2, 'vehicle'], [3, 'two-wheeler'], [5, 'vehicle'], [6, 'vehicle'], [7, 'vehicle'],
])
/** So many finds are looked at; a picture full of people has fewer cells above the least score. */
const candidatesMax = 256
/** As many objects are as much as anybody follows. */
const objectsMax = 64
/** Finds of one kind that share more than this are one thing. */
const overlapMax = 0.5
/** A rider's box covers this much of the two-wheeler's width, and reaches above it. */
const riderShare = 0.4

/** Best first. @param scoreMin finds below it are noise */
export async function detectObjects(net: Net, input: NetInput, scoreMin: number): Promise<CameraObject[]> {
  const outputs = await net.run(input.values)
  const found: Found[] = []
  for (const [level, stride] of strides.entries()) {
    const [scores, distances] = [outputs[level], outputs[level + strides.length]]
    if (scores !== undefined && distances !== undefined) collect(found, scores, distances, stride, scoreMin)
  }
  const best = found.toSorted((a, b) => b.score - a.score).slice(0, candidatesMax)
  return joinRiders(withoutDoubles(best)).slice(0, objectsMax).map(({ box, ...rest }) => ({ ...rest, box: inPicture(box, input) }))
}

/** Adds what a grid shows, boxes in pixels of the net. */
function collect(found: Found[], scores: Float32Array, distances: Float32Array, stride: number, scoreMin: number): void {
  const side = inputSide / stride
  for (let cell = 0; cell < side * side; cell++) {
    for (const [number, kind] of kinds) {
      const score = scores[cell * classes + number] ?? 0
      if (!(score >= scoreMin)) continue
      const x = ((cell % side) + 0.5) * stride
      const y = (Math.floor(cell / side) + 0.5) * stride
      const away = (which: number): number => expected(distances, (cell * 4 + which) * bins) * stride
      found.push({ kind, score, box: { left: x - away(0), top: y - away(1), right: x + away(2), bottom: y + away(3) } })
    }
  }
}

/** Mean of a distribution over 0, 1, ... that is given as logarithms. */
function expected(values: Float32Array, start: number): number {
  let most = -Infinity
  for (let bin = 0; bin < bins; bin++) most = Math.max(most, values[start + bin] ?? 0)
  let [sum, total] = [0, 0]
  for (let bin = 0; bin < bins; bin++) {
    const weight = Math.exp((values[start + bin] ?? 0) - most)
    total += weight
    sum += weight * bin
  }
  return sum / total
}

/** Of several finds of one thing the best. */
function withoutDoubles(sorted: readonly Found[]): Found[] {
  const kept: Found[] = []
  for (const each of sorted) if (!kept.some((better) => better.kind === each.kind && overlap(better.box, each.box) > overlapMax)) kept.push(each)
  return kept
}

/** A person on a two-wheeler is a cyclist, whatever drives it; one without a rider is a parked vehicle. */
function joinRiders(found: readonly Found[]): CameraObject[] {
  const riders = new Map<Found, Found>()
  for (const wheels of found.filter(({ kind }) => kind === 'two-wheeler')) {
    const rider = found.find((each) => each.kind === 'person' && !riders.has(each) && sitsOn(each.box, wheels.box))
    if (rider !== undefined) riders.set(rider, wheels)
  }
  const ridden = new Set(riders.values())
  return found.filter((each) => !ridden.has(each)).map((each): CameraObject => {
    const wheels = riders.get(each)
    if (wheels !== undefined) return { class: 'cyclist', score: Math.max(each.score, wheels.score), box: around(each.box, wheels.box) }
    return { class: each.kind === 'person' ? 'person' : 'vehicle', score: each.score, box: each.box }
  }).toSorted((a, b) => b.score - a.score)
}

/** One above the other, not one before the other: people also stand beside what is parked. */
function sitsOn(person: Box, wheels: Box): boolean {
  const shared = Math.min(person.right, wheels.right) - Math.max(person.left, wheels.left)
  const narrower = Math.min(person.right - person.left, wheels.right - wheels.left)
  const middle = (wheels.top + wheels.bottom) / 2
  return shared > riderShare * narrower && person.top < wheels.top && person.bottom > wheels.top && person.bottom < wheels.bottom + (wheels.bottom - middle) / 2
}

const around = (a: Box, b: Box): Box => ({
  left: Math.min(a.left, b.left), top: Math.min(a.top, b.top), right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom),
})

/** From pixels of the net to those of the picture, cut at its edges. */
function inPicture(box: Box, { scale, left, top, size }: NetInput): Box {
  const x = (value: number): number => Math.min(size.width, Math.max(0, (value - left) * scale))
  const y = (value: number): number => Math.min(size.height, Math.max(0, (value - top) * scale))
  return { left: x(box.left), top: y(box.top), right: x(box.right), bottom: y(box.bottom) }
}

/** Intersection over union. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  const shared = Math.max(0, width) * Math.max(0, height)
  const both = area(a) + area(b) - shared
  return both > 0 ? shared / both : 0
}

const area = (box: Box): number => (box.right - box.left) * (box.bottom - box.top)

/** From a face to a vector that is alike for pictures of the same person (MobileFaceNet, 192 numbers). */
import type { Net } from '../engine/engine.ts'
import { type Point, sample, similarity } from './geometry.ts'
import type { Image } from './image.ts'

const inputSide = 112
/** Where the model was trained to find eyes, nose tip and mouth corners (ArcFace's template). */
const template: Point[] = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]

/** @param points eyes, nose tip, mouth corners in the picture @returns a vector of length 1 */
export async function embed(net: Net, image: Image, points: readonly Point[]): Promise<Float32Array> {
  const toSource = similarity(template, points)
  const [vector = new Float32Array(0)] = await net.run(sample(image, inputSide, inputSide, toSource, { scale: 1 / 128, offset: -127.5 / 128 }))
  const length = Math.hypot(...vector)
  return vector.map((value) => value / (length === 0 ? 1 : length))
}

/** Cosine of two vectors of length 1: 1 for the same picture, about 0 for strangers. */
export function likeness(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)
}

/**
 * Whether skin looks like skin or like paper and screens (FaceAntiSpoofing): alone far too weak
 * (equal error rate about a quarter), so it is one signal among several.
 */
import type { Net } from '../engine/engine.ts'
import type { Face } from './detector.ts'
import { type Affine, sample } from './geometry.ts'
import type { Image } from './image.ts'

const inputSide = 256

/** 0 for skin, about 1 for a reproduction: the tree's leaves weighted by the path taken. */
export async function textureAttack(net: Net, image: Image, face: Face): Promise<number> {
  const scaleX = (face.right - face.left) / inputSide
  const scaleY = (face.bottom - face.top) / inputSide
  const toSource: Affine = [scaleX, 0, face.left, 0, scaleY, face.top]
  const [leaves, path] = await net.run(sample(image, inputSide, inputSide, toSource, { scale: 1 / 255, offset: 0 }))
  if (leaves === undefined || path === undefined) return 1
  return leaves.reduce((sum, leaf, index) => sum + Math.abs(leaf) * (path[index] ?? 0), 0)
}

/** Pictures of a vehicle's camera, on their way into the detector. */
import sharp from 'sharp'
import { InputError } from '../../base/error.ts'
import { release } from '../engine/release.ts'

export interface Size {
  width: number
  height: number
}

/** A picture as the net wants it, and how to get back. */
export interface NetInput {
  /** side x side x 3, blue, green and red, each as the net was trained. */
  values: Float32Array
  /** Of the picture as it came, turned upright. */
  size: Size
  /** Pixels of the picture for one of the net's. */
  scale: number
  /** The net's pixels beside the picture on the left, and above it. */
  left: number
  top: number
}

/** What a channel's values become: (value - mean) / deviation. In the order of the net: blue, green, red. */
export interface Normalisation {
  mean: readonly [number, number, number]
  deviation: readonly [number, number, number]
}

const bytesMax = 8 * 1024 * 1024
const pixelsMax = 24_000_000

// One picture at a time: caches and threads of the decoder would only cost memory.
sharp.cache(false)
sharp.concurrency(1)

/**
 * Decodes a JPEG into the middle of a square, grey around it. It is shrunk while it is decoded, where JPEG
 * allows it: much quicker than to decode it whole.
 * @throws InputError (PC-OBJECTS-PICTURE) when it is no JPEG, broken, or too large.
 */
export async function netInput(jpeg: Uint8Array, side: number, { mean, deviation }: Normalisation): Promise<NetInput> {
  const { data, shown, size } = await shrunk(jpeg, side)
  const values = new Float32Array(side * side * 3)
  const left = Math.floor((side - shown.width) / 2)
  const top = Math.floor((side - shown.height) / 2)
  for (let y = 0, from = 0; y < shown.height; y++) {
    for (let x = 0, at = ((top + y) * side + left) * 3; x < shown.width; x++, at += 3, from += 3) {
      values[at] = (data[from + 2]! - mean[0]) / deviation[0]
      values[at + 1] = (data[from + 1]! - mean[1]) / deviation[1]
      values[at + 2] = (data[from]! - mean[2]) / deviation[2]
    }
  }
  release(data)
  return { values, size, scale: Math.max(size.width, size.height) / side, left, top }
}

/** Eight-bit red, green and blue, its longer side as long as the net's. */
async function shrunk(jpeg: Uint8Array, side: number): Promise<{ data: Uint8Array; shown: Size; size: Size }> {
  if (jpeg.length > bytesMax || jpeg[0] !== 0xff || jpeg[1] !== 0xd8) throw unreadable()
  try {
    const picture = sharp(jpeg, { limitInputPixels: pixelsMax, failOn: 'error', sequentialRead: true })
    const { autoOrient } = await picture.metadata()
    const { data, info } = await picture.rotate()
      .resize({ width: side, height: side, fit: 'inside', kernel: 'linear' })
      .toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) throw unreadable()
    return { data, shown: info, size: autoOrient }
  } catch (cause) {
    throw cause instanceof InputError ? cause : unreadable(cause)
  }
}

const unreadable = (cause?: unknown): InputError =>
  new InputError('PC-OBJECTS-PICTURE', 'A picture of the camera cannot be used: it is no JPEG, is damaged, or is too large.', cause === undefined ? {} : { cause })

/** Pictures in memory, and getting them out of JPEG files that anybody may have made. */
import sharp from 'sharp'
import { InputError } from '../../base/error.ts'

/** 8-bit RGB, row by row. */
export interface Image {
  width: number
  height: number
  data: Uint8Array
}

export interface DecodeLimits {
  /** Larger files are refused unread. */
  bytesMax: number
  /** Pictures with more pixels are refused from their header alone. */
  pixelsMax: number
  /** Longer sides are scaled down to this. */
  sideMax: number
}

export const decodeLimits: DecodeLimits = { bytesMax: 8 * 1024 * 1024, pixelsMax: 24_000_000, sideMax: 1280 }

// The worker runs one picture at a time; caches and threads of the decoder would only cost memory.
sharp.cache(false)
sharp.concurrency(1)

/**
 * Decodes a JPEG, turned upright as its EXIF orientation says.
 * @throws InputError (PC-FACE-IMAGE) when it is no JPEG, broken, or beyond the limits.
 */
export async function decodeJpeg(jpeg: Uint8Array, limits: DecodeLimits = decodeLimits): Promise<Image> {
  if (jpeg.length > limits.bytesMax || jpeg[0] !== 0xff || jpeg[1] !== 0xd8) throw unreadable()
  try {
    const { data, info } = await sharp(jpeg, { limitInputPixels: limits.pixelsMax, failOn: 'error', sequentialRead: true })
      .rotate()
      .resize({ width: limits.sideMax, height: limits.sideMax, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) throw unreadable()
    return { width: info.width, height: info.height, data }
  } catch (cause) {
    throw cause instanceof InputError ? cause : unreadable(cause)
  }
}

const unreadable = (cause?: unknown): InputError =>
  new InputError('PC-FACE-IMAGE', 'A picture cannot be used: it is no JPEG, is damaged, or is too large.', cause === undefined ? {} : { cause })

/** Draws QR codes as a camera sees them, with everything that spoils a picture. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { InternalError } from '../../../edge/base/error.ts'

/** How the code is held, and what the camera makes of it. */
export interface CodePictureOptions {
  width?: number
  height?: number
  /** Pixels of one module of the code. */
  module_px?: number
  rotate_deg?: number
  /** Standard deviation of the blur, in pixels; 0 or at least 0.3. */
  blur_px?: number
  /** Standard deviation of the noise, in grey levels. */
  noise?: number
  /** 1 is as printed, less is paler. */
  contrast?: number
  /** JPEG quality. */
  quality?: number
  /** In [0, 1): the noise. */
  random?: () => number
}

const wall = '#c8c4bc'

/** @param content of the code; without one the picture is empty. @returns a JPEG. */
export async function codePicture(content: string | undefined, options: CodePictureOptions = {}): Promise<Uint8Array> {
  const { width = 640, height = 480, module_px = 5, rotate_deg = 0, blur_px = 0, contrast = 1, quality = 80 } = options
  const { default: sharp } = await import('sharp')
  const scene = sharp({ create: { width, height, channels: 3, background: wall } })
  if (content !== undefined) {
    const code = await sharp(await draw(content, module_px)).rotate(rotate_deg, { background: '#fff' }).png().toBuffer()
    scene.composite([{ input: code, gravity: 'centre' }])
  }
  const seen = sharp(await scene.png().toBuffer()).linear(contrast, 128 * (1 - contrast)).greyscale()
  if (blur_px > 0) seen.blur(blur_px)
  const grey = addNoise(await seen.raw().toBuffer(), options)
  return await sharp(grey, { raw: { width, height, channels: 1 } }).jpeg({ quality }).toBuffer()
}

/** Nearly normal: the sum of three even ones has a third of their range as its standard deviation. */
function addNoise(grey: Uint8Array, { noise = 0, random = Math.random }: CodePictureOptions): Uint8Array {
  if (noise === 0) return grey
  return Uint8Array.from(grey, (value) => Math.max(0, Math.min(255, Math.round(value + 2 * noise * (random() + random() + random() - 1.5)))))
}

/** A PNG of the code with its quiet zone. */
async function draw(content: string, scale: number): Promise<Uint8Array> {
  const zxing = await import('zxing-wasm/writer')
  const file = await readFile(fileURLToPath(import.meta.resolve('zxing-wasm/writer/zxing_writer.wasm')))
  await zxing.prepareZXingModule({ overrides: { wasmBinary: file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) }, fireImmediately: true })
  const { image, error } = await zxing.writeBarcode(content, { format: 'QRCode', scale, options: 'ecLevel=M' })
  if (image === null) throw new InternalError('PC-TWIN-QR', `The QR code cannot be drawn: ${error}.`)
  return new Uint8Array(await image.arrayBuffer())
}

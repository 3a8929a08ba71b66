/** Finds QR codes in pictures: sharp decodes the JPEG, zxing the code. Both are loaded on first use. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { InputError } from '../../../edge/base/error.ts'

export interface FoundCode {
  content: string
  symbology: 'qr'
}

export interface CodeDecoder {
  /** zxing's version, for the identity. */
  readonly version: string
  /** The codes in a JPEG, at most `codesMax` of them. Rejects when it is no picture that can be decoded. */
  decode(jpeg: Uint8Array): Promise<FoundCode[]>
}

const codesMax = 4

/** Larger pictures than any camera here takes are refused before they are unpacked. */
const pixelsMax = 16_000_000

/** @param width_max wider pictures are made smaller, in pixels. */
export async function loadDecoder(width_max: number): Promise<CodeDecoder> {
  const [{ default: sharp }, zxing] = await Promise.all([import('sharp'), import('zxing-wasm/reader')])
  const file = await readFile(fileURLToPath(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm')))
  // Given its bytes, zxing does not fetch them from the network.
  const wasmBinary = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength)
  await zxing.prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true })
  return {
    version: zxing.ZXING_WASM_VERSION,
    async decode(jpeg) {
      // sharp knows many formats more, which are nothing that a camera would send.
      if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) throw new InputError('PC-CODE-JPEG', 'A picture of the camera is no JPEG.')
      const { data, info } = await sharp(jpeg, { limitInputPixels: pixelsMax, failOn: 'error' })
        .resize({ width: width_max, withoutEnlargement: true })
        .greyscale().raw().toBuffer({ resolveWithObject: true })
      const found = await zxing.readBarcodes(asImage(data, info.width, info.height, info.channels), {
        formats: ['QRCode'], maxNumberOfSymbols: codesMax, tryInvert: false, textMode: 'Plain',
      })
      return found.filter((code) => code.isValid).map(({ bytes, text }) => ({ content: contentOf(bytes, text), symbology: 'qr' }))
    },
  }
}

/** zxing takes RGBA alone and makes it grey again. */
function asImage(grey: Uint8Array, width: number, height: number, channels: number): Pick<ImageData, 'data' | 'width' | 'height' | 'colorSpace'> {
  const words = new Uint32Array(width * height)
  for (let index = 0; index < words.length; index++) {
    const value = grey[index * channels] ?? 0
    words[index] = value | (value << 8) | (value << 16) | 0xff00_0000
  }
  return { data: new Uint8ClampedArray(words.buffer), width, height, colorSpace: 'srgb' }
}

/** Codes seldom name their character set; those of documents are UTF-8, which zxing may guess to be something else. */
function contentOf(bytes: Uint8Array, guessed: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return guessed
  }
}

/**
 * Synthetic fingers for the twin: whoever has the same identity has the same finger.
 *
 * The features stand for minutiae without being any real module's format: two takings of one finger
 * agree in most of their bytes, those of two fingers only by chance.
 */
import { createHash } from 'node:crypto'
import { concat } from '../../../edge/base/bytes.ts'
import { picture } from './codec.ts'

/** A character file of R30x has 256 bytes, a template is made of two. */
export const featureBytes = 256
export const templateBytes = 512

/** The share of bytes in which two takings of one finger differ. */
const noise = 0.08

/** `length` bytes that only `seed` decides. */
function bytesFrom(seed: string, length: number): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let block = 0; block * 32 < length; block++) blocks.push(createHash('sha256').update(`${seed}#${block}`).digest())
  return concat(blocks).subarray(0, length)
}

/** What one taking of the finger gives. @param random in [0, 1); without it the finger as it is. */
export function features(identity: string, random?: () => number): Uint8Array {
  const bytes = bytesFrom(`finger ${identity}`, featureBytes).slice()
  if (random === undefined) return bytes
  return bytes.map((byte) => (random() < noise ? Math.floor(random() * 256) : byte))
}

/** The template that enrolling this finger without any noise would give: for registers of simulated people. */
export function templateOf(identity: string): Uint8Array {
  return concat([features(identity), features(identity)])
}

/** How alike a taking and a template are, as the module's score: same finger above 150, others near 0. */
export function similarity(taking: Uint8Array, template: Uint8Array): number {
  const halves = [template.subarray(0, featureBytes), template.subarray(featureBytes, templateBytes)]
  const shares = halves.map((half) => half.filter((byte, index) => byte === taking[index]).length / featureBytes)
  return Math.round(Math.max(...shares) * 250)
}

export type Skin = 'good' | 'dry' | 'wet'

/** Ridges as a sensor sees them: dark on light, 8-bit grey, row by row; the identity decides their shape. */
export function pictureOf(identity: string, skin: Skin = 'good'): Uint8Array {
  const { width, height } = picture
  const shape = bytesFrom(`shape ${identity}`, 8)
  const spots = bytesFrom(`spots ${identity}`, width * height)
  const share = (index: number): number => (shape[index] ?? 0) / 255
  const core = { x: width * (0.4 + 0.2 * share(0)), y: height * (0.35 + 0.2 * share(1)) }
  const ridge_px = 8 + 2 * share(2)
  const stretch = 0.7 + 0.4 * share(3)
  // A whole number, or the ridges would not meet behind the core.
  const arms = Math.round(4 * share(4)) - 2
  const bend = { x: 18 * (share(5) - 0.5), y: 18 * (share(6) - 0.5) }
  const grey = new Uint8Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const index = y * width + x
      const dx = x - core.x + bend.x * Math.sin(y / 23)
      const dy = (y - core.y) * (y < core.y ? 1 : stretch) + bend.y * Math.sin(x / 19)
      const phase = Math.hypot(dx, dy) / ridge_px + (arms * Math.atan2(dy, dx)) / (2 * Math.PI)
      const ink = 0.5 - 0.5 * Math.cos(2 * Math.PI * phase)
      grey[index] = 255 - Math.round(230 * coverage(x, y) * pressed(ink, skin, (spots[index] ?? 0) / 255))
    }
  }
  return grey
}

/** The oval in which the finger touches the platen, with a soft rim. */
function coverage(x: number, y: number): number {
  const distance = Math.hypot((x - picture.width / 2) / 105, (y - picture.height / 2) / 135)
  return Math.max(0, Math.min(1, (1 - distance) * 8))
}

/** Dry skin touches in spots, wet skin fills the valleys. */
function pressed(ink: number, skin: Skin, spot: number): number {
  if (skin === 'dry') return spot < 0.35 ? ink * 0.6 : 0
  if (skin === 'wet') return 0.6 + 0.3 * ink
  return Math.min(1, ink * (0.85 + 0.15 * spot))
}

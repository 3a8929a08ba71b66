/** Points and mappings of the plane. Image coordinates: x to the right, y down, pixel centres at whole numbers. */
import type { Image } from './image.ts'

export type Point = readonly [x: number, y: number]

/** (x, y) becomes (a x + b y + c, d x + e y + f). */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number]

export const apply = ([a, b, c, d, e, f]: Affine, [x, y]: Point): Point => [a * x + b * y + c, d * x + e * y + f]

export const distance = (p: Point, q: Point): number => Math.hypot(p[0] - q[0], p[1] - q[1])

export const middle = (p: Point, q: Point): Point => [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2]

/** The rotation, uniform scale and shift that takes `from` to `to` with the least squared error. */
export function similarity(from: readonly Point[], to: readonly Point[]): Affine {
  const [fromX, fromY] = centroid(from)
  const [toX, toY] = centroid(to)
  let cosine = 0
  let sine = 0
  let norm = 0
  for (const [index, point] of from.entries()) {
    const x = point[0] - fromX
    const y = point[1] - fromY
    const u = (to[index]?.[0] ?? toX) - toX
    const v = (to[index]?.[1] ?? toY) - toY
    cosine += x * u + y * v
    sine += x * v - y * u
    norm += x * x + y * y
  }
  const a = cosine / norm
  const b = sine / norm
  return [a, -b, toX - a * fromX + b * fromY, b, a, toY - b * fromX - a * fromY]
}

export function centroid(points: readonly Point[]): Point {
  const sum = points.reduce<[number, number]>((total, [x, y]) => [total[0] + x, total[1] + y], [0, 0])
  return [sum[0] / points.length, sum[1] / points.length]
}

/** How finely a shrunk picture is sampled, per output pixel and direction. */
const samplesMax = 4

/**
 * Cuts a picture out of another: pixel p of the result is taken at `toSource(p)`, bilinear, black
 * outside. When the result is smaller than what it shows, several samples are averaged.
 * @param value what becomes of each 0-255 value
 * @returns width x height x 3 floats
 */
export function sample(image: Image, width: number, height: number, toSource: Affine, value: (pixel: number) => number): Float32Array {
  const [a, b, c, d, e, f] = toSource
  const samples = Math.max(1, Math.min(samplesMax, Math.round(Math.hypot(a, d))))
  const share = 1 / (samples * samples)
  const result = new Float32Array(width * height * 3)
  const sum = new Float32Array(3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      sum.fill(0)
      for (let j = 0; j < samples; j++) {
        const py = y + (j + 0.5) / samples - 0.5
        for (let i = 0; i < samples; i++) {
          const px = x + (i + 0.5) / samples - 0.5
          addPixel(image, a * px + b * py + c, d * px + e * py + f, share, sum)
        }
      }
      for (let channel = 0; channel < 3; channel++) result[at + channel] = value(sum[channel] ?? 0)
    }
  }
  return result
}

/** Adds the picture's colour at (x, y), weighted. */
function addPixel(image: Image, x: number, y: number, weight: number, sum: Float32Array): void {
  const { width, height, data } = image
  const left = Math.floor(x)
  const top = Math.floor(y)
  for (let corner = 0; corner < 4; corner++) {
    const column = left + (corner & 1)
    const row = top + (corner >> 1)
    if (column < 0 || row < 0 || column >= width || row >= height) continue
    const part = weight * (corner & 1 ? x - left : 1 - x + left) * (corner >> 1 ? y - top : 1 - y + top)
    const at = (row * width + column) * 3
    sum[0]! += part * data[at]!
    sum[1]! += part * data[at + 1]!
    sum[2]! += part * data[at + 2]!
  }
}

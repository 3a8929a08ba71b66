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

/** What becomes of a 0-255 value on its way into a net: value * scale + offset. */
export interface Recipe {
  scale: number
  offset: number
}

/** How finely a shrunk picture is sampled, per output pixel and direction. */
const samplesMax = 4

/**
 * Cuts a picture out of another: pixel p of the result is taken at `toSource(p)`, bilinear, black
 * outside. When the result is smaller than what it shows, several samples are averaged.
 * @returns width x height x 3 floats
 */
export function sample(image: Image, width: number, height: number, toSource: Affine, recipe: Recipe): Float32Array {
  const [a, b, c, d, e, f] = toSource
  const samples = Math.max(1, Math.min(samplesMax, Math.round(Math.hypot(a, d))))
  const share = recipe.scale / (samples * samples)
  const { data } = image
  const [right, bottom] = [image.width - 1, image.height - 1]
  const row = image.width * 3
  const result = new Float32Array(width * height * 3).fill(recipe.offset)
  for (let j = 0; j < samples; j++) {
    for (let i = 0; i < samples; i++) {
      const [dx, dy] = [(i + 0.5) / samples - 0.5, (j + 0.5) / samples - 0.5]
      for (let y = 0, at = 0; y < height; y++) {
        for (let x = 0; x < width; x++, at += 3) {
          const u = a * (x + dx) + b * (y + dy) + c
          const v = d * (x + dx) + e * (y + dy) + f
          // The last row and column repeat outwards by less than a pixel; beyond them it is black.
          if (!(u > -1 && v > -1 && u < right + 1 && v < bottom + 1)) continue
          const left = u < 0 ? 0 : u >= right ? right - 1 : Math.floor(u)
          const top = v < 0 ? 0 : v >= bottom ? bottom - 1 : Math.floor(v)
          const fx = Math.min(1, Math.max(0, u - left))
          const fy = Math.min(1, Math.max(0, v - top))
          const from = top * row + left * 3
          const [w00, w10, w01, w11] = [(1 - fx) * (1 - fy) * share, fx * (1 - fy) * share, (1 - fx) * fy * share, fx * fy * share]
          result[at]! += data[from]! * w00 + data[from + 3]! * w10 + data[from + row]! * w01 + data[from + row + 3]! * w11
          result[at + 1]! += data[from + 1]! * w00 + data[from + 4]! * w10 + data[from + row + 1]! * w01 + data[from + row + 4]! * w11
          result[at + 2]! += data[from + 2]! * w00 + data[from + 5]! * w10 + data[from + row + 2]! * w01 + data[from + row + 5]! * w11
        }
      }
    }
  }
  return result
}

/**
 * The whole picture, shrunk into a square with black margins at its shorter sides: each pixel of the
 * square is the mean of those that fall into it. Much quicker than `sample` for large pictures.
 */
export function shrink(image: Image, side: number, recipe: Recipe): Float32Array {
  const { width, height, data } = image
  const scale = side / Math.max(width, height)
  const [marginX, marginY] = [(side - width * scale) / 2, (side - height * scale) / 2]
  const sums = new Float32Array(side * side * 3)
  const counts = new Float32Array(side * side)
  const columns = Int32Array.from({ length: width }, (_, x) => Math.floor(marginX + (x + 0.5) * scale))
  for (let y = 0, from = 0; y < height; y++) {
    const line = Math.floor(marginY + (y + 0.5) * scale) * side
    for (let x = 0; x < width; x++, from += 3) {
      const cell = line + columns[x]!
      const at = cell * 3
      counts[cell]! += 1
      sums[at]! += data[from]!
      sums[at + 1]! += data[from + 1]!
      sums[at + 2]! += data[from + 2]!
    }
  }
  return sums.map((sum, at) => (sum / Math.max(1, counts[Math.floor(at / 3)]!)) * recipe.scale + recipe.offset)
}

/** Puts heads, cards and screens before a gate's camera and takes the picture as a camera would. */
import sharp from 'sharp'
import type { Point } from '../../../edge/perception/face/geometry.ts'
import type { Image } from '../../../edge/perception/face/image.ts'
import type { Head, Warp } from './head.ts'

export const frameSize = { width: 640, height: 480 }

/** Numbers in [0, 1), the same on every machine (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An empty booth: a pale wall between two posts, darker towards its edges. */
const booth = ((): Float32Array => {
  const { width, height } = frameSize
  const pixels = new Float32Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const post = Math.abs(x - width * 0.12) < 3 || Math.abs(x - width * 0.88) < 3
      const light = 205 - 90 * Math.hypot(x / width - 0.5, y / height - 0.45) - (post ? 35 : 0)
      pixels[at++] = light * 0.97
      pixels[at++] = light
      pixels[at++] = light * 1.02
    }
  }
  return pixels
})()

export class Canvas {
  readonly width: number
  readonly height: number
  readonly pixels: Float32Array

  /** What the camera sees of the empty booth. */
  static booth(): Canvas {
    return new Canvas(frameSize.width, frameSize.height, booth.slice())
  }

  /** A plain sheet. */
  static sheet(width: number, height: number, shade: number): Canvas {
    return new Canvas(width, height, new Float32Array(width * height * 3).fill(shade))
  }

  constructor(width: number, height: number, pixels: Float32Array) {
    this.width = width
    this.height = height
    this.pixels = pixels
  }

  /** Blends a colour over a pixel. */
  blend(x: number, y: number, colour: readonly [number, number, number], share: number): void {
    const at = (y * this.width + x) * 3
    for (let channel = 0; channel < 3; channel++) {
      const before = this.pixels[at + channel] ?? 0
      this.pixels[at + channel] = before + share * ((colour[channel] ?? 0) - before)
    }
  }
}

/** Where a head is in the frame. */
export interface Stance {
  /** Middle of the eyes in the frame. */
  x: number
  y: number
  /** Pixels between the eyes in the frame. */
  eyes: number
  /** Degrees, clockwise. */
  roll: number
}

const gridStep = 8

/** Draws a head and shoulders; the rest of its picture is faded out. */
export function drawHead(canvas: Canvas, head: Head, stance: Stance, warp: Warp): void {
  const angle = (-stance.roll * Math.PI) / 180
  const columns = Math.ceil(canvas.width / gridStep) + 1
  const rows = Math.ceil(canvas.height / gridStep) + 1
  // Displacements are smooth: taken on a grid and interpolated between its nodes.
  const nodes = new Float32Array(columns * rows * 3)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [right, down] = [(column * gridStep - stance.x) / stance.eyes, (row * gridStep - stance.y) / stance.eyes]
      const place: Point = [right * Math.cos(angle) - down * Math.sin(angle), right * Math.sin(angle) + down * Math.cos(angle)]
      const shown = presence(place)
      const [u, v] = shown > 0 ? warp.turn(...place) : place
      nodes.set([u, v, shown], (row * columns + column) * 3)
    }
  }
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const corners = [0, 1, columns, columns + 1].map((offset) => nodes[(row * columns + column + offset) * 3 + 2] ?? 0)
      if (Math.max(...corners) > 0) drawCell(canvas, head, warp, nodes, columns, row, column)
    }
  }
}

function drawCell(canvas: Canvas, head: Head, warp: Warp, nodes: Float32Array, columns: number, row: number, column: number): void {
  const { picture, centre, eyes } = head
  const lean = (head.roll * Math.PI) / 180
  const [cosine, sine] = [Math.cos(lean) * eyes, Math.sin(lean) * eyes]
  for (let y = row * gridStep; y < Math.min(canvas.height, (row + 1) * gridStep); y++) {
    for (let x = column * gridStep; x < Math.min(canvas.width, (column + 1) * gridStep); x++) {
      const [turnedX, turnedY, shown] = interpolate(nodes, columns, x / gridStep, y / gridStep)
      const [headX, headY] = warp.lids(turnedX, turnedY)
      const [u, v] = [centre[0] + headX * cosine - headY * sine, centre[1] + headX * sine + headY * cosine]
      const inside = u >= 0 && v >= 0 && u < picture.width - 1 && v < picture.height - 1
      if (inside) canvas.blend(x, y, colourAt(picture, u, v), shown)
    }
  }
}

/** How much of a place in head coordinates belongs to the person: 1 to 0, soft at the edge. */
function presence([x, y]: Point): number {
  const halfWidth = y < 1.6 ? 1.55 : 1.55 + 0.5 * (y - 1.6)
  const edge = Math.min((halfWidth - Math.abs(x)) / 0.35, (y + 1.9) / 0.4, (3.6 - y) / 0.3)
  const share = Math.max(0, Math.min(1, edge))
  return share * share * (3 - 2 * share)
}

function interpolate(nodes: Float32Array, columns: number, x: number, y: number): [number, number, number] {
  const column = Math.floor(x)
  const row = Math.floor(y)
  const [fx, fy] = [x - column, y - row]
  const at = (row * columns + column) * 3
  const below = at + columns * 3
  const mix = (part: number): number =>
    (1 - fy) * ((1 - fx) * (nodes[at + part] ?? 0) + fx * (nodes[at + 3 + part] ?? 0)) +
    fy * ((1 - fx) * (nodes[below + part] ?? 0) + fx * (nodes[below + 3 + part] ?? 0))
  return [mix(0), mix(1), mix(2)]
}

export function colourAt({ width, data }: Image, x: number, y: number): [number, number, number] {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  const [fx, fy] = [x - left, y - top]
  const at = (top * width + left) * 3
  const below = at + width * 3
  const mix = (part: number): number =>
    (1 - fy) * ((1 - fx) * (data[at + part] ?? 0) + fx * (data[at + 3 + part] ?? 0)) +
    fy * ((1 - fx) * (data[below + part] ?? 0) + fx * (data[below + 3 + part] ?? 0))
  return [mix(0), mix(1), mix(2)]
}

export interface Shot {
  /** Standard deviation of the sensor's noise. */
  noise: number
  /** Radius of the lens's blur, in pixels. */
  blur: number
  /** 1 for the light as it is. */
  exposure: number
  /** JPEG quality. */
  quality: number
}

/** Numbers of about normal distribution and deviation 1. */
const grains = Float32Array.from({ length: 1 << 14 }, ((random) => () => (random() + random() + random() - 1.5) * 2)(generator(1)))

export async function shoot(canvas: Canvas, shot: Shot, random: () => number): Promise<Uint8Array> {
  const bytes = new Uint8ClampedArray(canvas.pixels.length)
  let start = 0
  for (let index = 0; index < bytes.length; index++) {
    // A short table read from a new place every few pixels: noise enough, and much faster.
    if (index % 64 === 0) start = Math.floor(random() * (grains.length - 64))
    bytes[index] = (canvas.pixels[index] ?? 0) * shot.exposure + shot.noise * (grains[start + (index % 64)] ?? 0)
  }
  const picture = sharp(bytes, { raw: { width: canvas.width, height: canvas.height, channels: 3 } })
  return await (shot.blur >= 0.3 ? picture.blur(shot.blur) : picture).jpeg({ quality: shot.quality }).toBuffer()
}

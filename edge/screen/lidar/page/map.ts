/** Draws what the lidars see from above: forward is up. */
import { pointKinds } from '../../../perception/obstacles/cloud.ts'
import type { TrackedObject } from '../../../perception/obstacles/contract.ts'
import type { Polygon } from '../../../perception/obstacles/setup.ts'
import type { ShownCloud, ViewSetup, ViewState } from '../wire.ts'

/** Where the page looks: metres of the vehicle's frame in the middle, and pixels a metre. */
export interface Look {
  x: number
  y: number
  scale: number
}

export interface Picture {
  setup: ViewSetup
  state: ViewState | undefined
  clouds: readonly (ShownCloud | undefined)[]
  ground: boolean
}

const gridStep_m = 5
const gridReach_m = 60
/** Points are coloured from the ground to this height. */
const high_cm = 220

/** From low to high: blue, green, yellow, red; made once. */
const heightColours: readonly number[] = Array.from({ length: 256 }, (_, at) => {
  const hue = 215 - at * (215 / 255)
  const [red, green, blue] = rgbOf(hue)
  return (255 << 24) | (blue << 16) | (green << 8) | red
})
const groundColour = (255 << 24) | (0x5e << 16) | (0x4a << 8) | 0x3c
const bodyColour = (255 << 24) | (0xa8 << 16) | (0x86 << 8) | 0x70

const classColours: Record<TrackedObject['class'], string> = {
  person: '#ff7b72', cyclist: '#ff9df5', vehicle: '#79c0ff', structure: '#8b98a1', unknown: '#ffd866',
}
const stopColour = '#ff5964'
const slowColour = '#f7b93e'
const outlineColour = '#c4d0d8'

/** What the colours mean: one, or several from left to right. */
export const legend: readonly { colours: readonly string[]; says: string }[] = [
  { colours: [0, 64, 128, 192, 255].map((at) => css(heightColours[at] ?? 0)), says: `points, 0 to ${high_cm / 100} m high` },
  { colours: [css(groundColour)], says: 'ground, or not counted' },
  { colours: [stopColour], says: 'stop field' },
  { colours: [slowColour], says: 'slow field' },
  { colours: [outlineColour], says: 'this vehicle' },
  ...Object.entries(classColours).map(([name, colour]) => ({ colours: [colour], says: name })),
]

export class LidarMap {
  readonly #canvas: HTMLCanvasElement
  readonly #context: CanvasRenderingContext2D

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d')
    if (context === null) throw new Error('This browser draws no canvas.')
    this.#canvas = canvas
    this.#context = context
  }

  draw(picture: Picture, look: Look): void {
    const { width, height } = this.#fit()
    const pixels = this.#context.createImageData(width, height)
    const image = new Uint32Array(pixels.data.buffer)
    image.fill((255 << 24) | (0x18 << 16) | (0x14 << 8) | 0x0d)
    for (const cloud of picture.clouds) if (cloud !== undefined) drawPoints(image, width, height, cloud, look, picture.ground)
    this.#context.putImageData(pixels, 0, 0)
    this.#drawGrid(look)
    const inUse = new Set(picture.state?.fields.split(', ') ?? [])
    for (const { name, stop, slow } of picture.setup.fields) {
      if (!inUse.has(name)) continue
      if (slow !== undefined) this.#polygon(slow, look, slowColour, `${slowColour}1c`)
      this.#polygon(stop, look, stopColour, `${stopColour}26`)
    }
    for (const outline of picture.setup.body) this.#polygon(outline, look, outlineColour, `${outlineColour}30`)
    for (const source of picture.setup.sources) this.#label(source.name, source.x, source.y, look, '#9fb0ba')
    for (const object of picture.state?.objects ?? []) this.#object(object, look)
    this.#cause(picture.state, look)
  }

  /** The canvas has as many pixels as the screen gives it. */
  #fit(): { width: number; height: number } {
    const { clientWidth, clientHeight } = this.#canvas
    const width = Math.max(1, Math.round(clientWidth * devicePixelRatio))
    const height = Math.max(1, Math.round(clientHeight * devicePixelRatio))
    if (this.#canvas.width !== width) this.#canvas.width = width
    if (this.#canvas.height !== height) this.#canvas.height = height
    return { width, height }
  }

  #place(x: number, y: number, look: Look): [number, number] {
    return [this.#canvas.width / 2 - (y - look.y) * look.scale * devicePixelRatio, this.#canvas.height / 2 - (x - look.x) * look.scale * devicePixelRatio]
  }

  #drawGrid(look: Look): void {
    const context = this.#context
    context.strokeStyle = '#ffffff1f'
    context.fillStyle = '#9fb0ba'
    context.lineWidth = 1
    context.font = `${11 * devicePixelRatio}px system-ui, sans-serif`
    const [x0, y0] = this.#place(0, 0, look)
    for (let radius = gridStep_m; radius <= gridReach_m; radius += gridStep_m) {
      const size = radius * look.scale * devicePixelRatio
      context.beginPath()
      context.arc(x0, y0, size, 0, 2 * Math.PI)
      context.stroke()
      context.fillText(`${radius} m`, x0 + 4, y0 - size - 3)
    }
  }

  #polygon(corners: Polygon, look: Look, stroke: string, fill: string): void {
    const context = this.#context
    context.beginPath()
    for (const [x, y] of corners) context.lineTo(...this.#place(x, y, look))
    context.closePath()
    context.fillStyle = fill
    context.fill()
    context.strokeStyle = stroke
    context.lineWidth = 1.5 * devicePixelRatio
    context.stroke()
  }

  #object({ id, class: what, x, y, length, width, heading_rad, vx, vy, seenBy }: TrackedObject, look: Look): void {
    const [ahead, aside] = [[Math.cos(heading_rad), Math.sin(heading_rad)], [-Math.sin(heading_rad), Math.cos(heading_rad)]] as const
    const corner = (l: number, w: number): [number, number] => [x + (ahead[0] * l * length + aside[0] * w * width) / 2, y + (ahead[1] * l * length + aside[1] * w * width) / 2]
    const colour = classColours[what]
    this.#polygon([corner(1, 1), corner(1, -1), corner(-1, -1), corner(-1, 1)], look, colour, '#00000000')
    const context = this.#context
    context.beginPath()
    context.moveTo(...this.#place(x, y, look))
    context.lineTo(...this.#place(x + vx, y + vy, look))
    context.stroke()
    if (what !== 'structure') this.#label(`${id} ${what}${seenBy.includes('camera') ? ' (seen)' : ''}`, x + length / 2, y, look, colour)
  }

  #cause(state: ViewState | undefined, look: Look): void {
    const { x, y } = state?.decision.cause ?? {}
    if (x === undefined || y === undefined) return
    const context = this.#context
    const [px, py] = this.#place(x, y, look)
    const size = 10 * devicePixelRatio
    context.strokeStyle = '#ffffff'
    context.lineWidth = 2 * devicePixelRatio
    context.beginPath()
    context.arc(px, py, size, 0, 2 * Math.PI)
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      context.moveTo(px + dx * size * 0.4, py + dy * size * 0.4)
      context.lineTo(px + dx * size * 1.6, py + dy * size * 1.6)
    }
    context.stroke()
  }

  #label(text: string, x: number, y: number, look: Look, colour: string): void {
    const [px, py] = this.#place(x, y, look)
    this.#context.fillStyle = colour
    this.#context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`
    this.#context.fillText(text, px + 4, py - 4)
  }
}

/** Straight into the pixels: a canvas that strokes 60,000 points takes too long. */
function drawPoints(image: Uint32Array, width: number, height: number, { xyz, kind, count }: ShownCloud, look: Look, ground: boolean): void {
  const perCm = (look.scale * devicePixelRatio) / 100
  const left = width / 2 + look.y * 100 * perCm
  const top = height / 2 + look.x * 100 * perCm
  for (let at = 0; at < count; at++) {
    const what = kind[at]
    if (what === pointKinds.ground && !ground) continue
    const px = Math.round(left - (xyz[at * 3 + 1] ?? 0) * perCm)
    const py = Math.round(top - (xyz[at * 3] ?? 0) * perCm)
    if (px < 0 || py < 0 || px >= width - 1 || py >= height - 1) continue
    const place = py * width + px
    if (what !== pointKinds.obstacle) {
      image[place] = what === pointKinds.body ? bodyColour : groundColour
      continue
    }
    const high = Math.max(0, Math.min(255, Math.round(((xyz[at * 3 + 2] ?? 0) / high_cm) * 255)))
    const colour = heightColours[high] ?? 0
    image[place] = colour
    image[place + 1] = colour
    image[place + width] = colour
    image[place + width + 1] = colour
  }
}

/** Of a pixel, as the page's own style says it. */
function css(pixel: number): string {
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`
}

/** Full colour of a hue in degrees, red to violet. */
function rgbOf(hue: number): [number, number, number] {
  const part = (offset: number): number => {
    const at = (offset + hue / 30) % 12
    return Math.round(255 * (0.55 - 0.45 * Math.max(-1, Math.min(at - 3, 9 - at, 1))))
  }
  return [part(0), part(8), part(4)]
}

/** Frames of presentation attacks (ISO/IEC 30107-3: printed photo and display), which are flat. */
import type { Image } from '../../../edge/perception/face/image.ts'
import { type Canvas, colourAt } from './scene.ts'

export interface Plane {
  /** Middle of the picture in the frame. */
  x: number
  y: number
  /** Height in the frame, when held straight. */
  height: number
  /** Degrees: turned about the upright axis, and in the picture's plane. */
  yaw: number
  roll: number
}

/** The eye is this many frame heights away from what it looks at. */
const viewingDistance = 2

/** Draws a flat picture with a border, as it is held up to the camera. */
export function drawPlane(canvas: Canvas, picture: Image, plane: Plane, border: readonly [number, number, number], look: Look): void {
  const far = viewingDistance * canvas.height
  const [turn, lean] = [(plane.yaw * Math.PI) / 180, (plane.roll * Math.PI) / 180]
  const halfHeight = plane.height / 2
  const halfWidth = (halfHeight * picture.width) / picture.height
  const rim = 0.06 * plane.height
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const [dx, dy] = [x - plane.x, y - plane.y]
      const [px, py] = [dx * Math.cos(lean) + dy * Math.sin(lean), dy * Math.cos(lean) - dx * Math.sin(lean)]
      // The ray through the pixel meets the turned plane here (central projection).
      const across = (px * far) / (far * Math.cos(turn) + px * Math.sin(turn))
      const down = (py * (far - across * Math.sin(turn))) / far
      if (Math.abs(across) >= halfWidth + rim || Math.abs(down) >= halfHeight + rim) continue
      const onPicture = Math.abs(across) < halfWidth && Math.abs(down) < halfHeight
      const [u, v] = [((across + halfWidth) / (2 * halfWidth)) * (picture.width - 1.01), ((down + halfHeight) / (2 * halfHeight)) * (picture.height - 1.01)]
      canvas.blend(x, y, onPicture ? look(colourAt(picture, u, v), u, v) : border, 1)
    }
  }
}

/** What a medium makes of a colour at a place of the picture. */
export type Look = (colour: [number, number, number], u: number, v: number) => [number, number, number]

/** Paper: fewer shades, and a sheen that runs over it. */
export const printed: Look = ([r, g, b], u, v) => {
  const sheen = 18 * Math.exp(-(((u - v * 0.6 - 60) / 60) ** 2))
  return [28 + 0.82 * r + sheen, 28 + 0.8 * g + sheen, 26 + 0.78 * b + sheen]
}

/** A display: its own pixel grid beats with the camera's (moire), and it is bluish. */
export const displayed: Look = ([r, g, b], u, v) => {
  const beat = 10 * Math.sin(u * 1.9 + v * 0.23) + 7 * Math.sin(v * 1.7 - u * 0.11)
  return [14 + 0.78 * r + beat, 18 + 0.82 * g + beat, 34 + 0.86 * b + beat]
}

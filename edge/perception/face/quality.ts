/** Whether a picture of a face is good enough to be compared (after ISO/IEC 29794-5's measures). */
import { type Point, sample, similarity } from './geometry.ts'
import type { Image } from './image.ts'
import type { Pose } from './mesh.ts'

export interface Quality {
  /** Pixels between the eyes. */
  eyes: number
  /** Variance of the Laplacian over the face, brought to 96 x 96 pixels of 0-255. */
  sharpness: number
  /** Mean brightness of the face, 0-255. */
  brightness: number
  pose: Pose
}

export type QualityReason = 'too-small' | 'blurred' | 'too-dark' | 'too-bright' | 'turned' | 'leaning'

export interface QualityLimits {
  eyes_px_min: number
  sharpness_min: number
  brightness_min: number
  brightness_max: number
  yaw_deg_max: number
  roll_deg_max: number
}

export const qualityLimits: QualityLimits = {
  eyes_px_min: 45, sharpness_min: 25, brightness_min: 35, brightness_max: 225, yaw_deg_max: 18, roll_deg_max: 20,
}

/** The first thing that is wrong; undefined when the picture can be used. */
export function poorBecause(quality: Quality, limits: QualityLimits): QualityReason | undefined {
  if (quality.eyes < limits.eyes_px_min) return 'too-small'
  if (quality.brightness < limits.brightness_min) return 'too-dark'
  if (quality.brightness > limits.brightness_max) return 'too-bright'
  if (Math.abs(quality.pose.yaw) > limits.yaw_deg_max) return 'turned'
  if (Math.abs(quality.pose.roll) > limits.roll_deg_max) return 'leaning'
  return quality.sharpness < limits.sharpness_min ? 'blurred' : undefined
}

const side = 96
/** Eyes, nose tip and mouth corners in the measured square: the face and little else. */
const places: Point[] = [[28, 36], [68, 36], [48, 58], [32, 78], [64, 78]]

/** @param points eyes, nose tip, mouth corners in the picture */
export function lightAndFocus(image: Image, points: readonly Point[]): Pick<Quality, 'sharpness' | 'brightness'> {
  const colours = sample(image, side, side, similarity(places, points), { scale: 1, offset: 0 })
  const grey = Float32Array.from({ length: side * side }, (_, index) => 0.299 * colours[3 * index]! + 0.587 * colours[3 * index + 1]! + 0.114 * colours[3 * index + 2]!)
  let sum = 0
  let squares = 0
  for (let y = 1; y < side - 1; y++) {
    for (let x = 1; x < side - 1; x++) {
      const at = y * side + x
      const curvature = grey[at - 1]! + grey[at + 1]! + grey[at - side]! + grey[at + side]! - 4 * grey[at]!
      sum += curvature
      squares += curvature * curvature
    }
  }
  const count = (side - 2) ** 2
  return { sharpness: squares / count - (sum / count) ** 2, brightness: grey.reduce((total, value) => total + value, 0) / grey.length }
}

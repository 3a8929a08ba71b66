/** Whether a picture of a face is good enough to be compared (after ISO/IEC 29794-5's measures). */
import { brightness, luma, sharpness } from '../sharpness.ts'
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
  const grey = luma(colours, 3)
  return { sharpness: sharpness(grey, side, side), brightness: brightness(grey) }
}

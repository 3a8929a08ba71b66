/** Where a camera's pictures come from, and the options that every camera has. */
import { Type } from '../../edge/base/schema.ts'
import { type Expected, expectOption, linkLimits } from '../kit/driver.ts'
import type { PictureStart } from './jpeg.ts'

export interface SourceListener {
  /** The source is there: who made it, as it says itself, and how its pictures begin. */
  onOpened(manufacturer: string, start: PictureStart): void
  onBytes(bytes: Uint8Array): void
}

export interface PictureSource {
  /** What it is, such as `MJPEG`: the first half of the model. */
  readonly kind: string
  /** For people: path or address, without credentials. */
  readonly where: string
  /**
   * Opens the source and delivers until it ends or `signal` aborts; settles when everything is
   * released. @throws PortcullisError that says why it could not be opened or how it ended.
   */
  deliver(listener: SourceListener, signal: AbortSignal): Promise<void>
}

export interface CameraLimits {
  expect?: Expected
  rate_max: number
  frame_bytes_max: number
  first_frame_ms: number
  silence_ms: number
  frozen_ms: number
  brightness_min: number
  brightness_max: number
  sharpness_min: number
  reconnect_ms: number
}

const within = (least: number, most: number, usual: number, description: string) =>
  Type.Integer({ minimum: least, maximum: most, default: usual, description })

/** @param first_frame_ms how long the first picture of such a source usually takes at most. */
export const cameraOptions = (first_frame_ms: number) => ({
  expect: expectOption(),
  rate_max: within(1, 120, 25, 'Pictures a second that are passed on at most; of more, the newest.'),
  frame_bytes_max: within(1_024, 33_554_432, 2_097_152, 'The largest picture in bytes; larger ones are counted and left out.'),
  first_frame_ms: within(100, 60_000, first_frame_ms, 'How long the first picture may take after the source was opened.'),
  silence_ms: within(100, 10_000, 800, 'Without a picture for so long the camera counts as silent.'),
  frozen_ms: within(100, 10_000, 900, 'With the very same picture for so long the camera counts as frozen.'),
  brightness_min: within(0, 254, 8, 'The self-test fails below this mean of the grey values (0-255): the lens is covered, or the light is off.'),
  brightness_max: within(1, 255, 250, 'The self-test fails above this mean of the grey values (0-255): a light blinds the camera.'),
  sharpness_min: Type.Number({ minimum: 0, maximum: 10_000, default: 5, description: 'The self-test fails below this variance of the Laplacian: the lens is covered or misted.' }),
  reconnect_ms: linkLimits.reconnect_ms,
})

/** The counters of every camera. */
export const cameraCounters = ['framesIn', 'dropped', 'truncated', 'oversized', 'discardedBytes', 'connects', 'losses', 'stuck'] as const
export type CameraCounter = (typeof cameraCounters)[number]

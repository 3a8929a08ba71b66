/**
 * What the vehicle's camera sees, for whoever follows objects: looks at the newest picture, and joins what
 * it found with the tracks while that is fresh. A camera that is silent, repeats itself, or sends what
 * cannot be used adds nothing; which of these it is stands in `state`.
 */
import { createHash } from 'node:crypto'
import { ConfigError, describe, InputError } from '../../base/error.ts'
import type { EngineName } from '../engine/engine.ts'
import type { ModelIdentity } from '../engine/models.ts'
import type { TrackedObject } from '../obstacles/contract.ts'
import { CameraObjects } from './camera-objects.ts'
import type { CameraObject } from './detector.ts'
import { fuse } from './fuse.ts'
import type { Size } from './picture.ts'
import type { CameraSetup } from './projection.ts'

/**
 * `unavailable`: the detector could not be loaded; `starting`: no picture has come; `silent`: none for too
 * long; `frozen`: always the same one; `unreadable`: they cannot be decoded; `wrong-shape`: they are not as
 * the profile says; `late`: the detector does not keep up.
 */
export type CameraState = 'unavailable' | 'starting' | 'ok' | 'silent' | 'frozen' | 'unreadable' | 'wrong-shape' | 'late'

/** Finds people and vehicles; see CameraObjects. */
export interface Detector {
  readonly model: ModelIdentity
  /** @throws InputError as CameraObjects.detect does. */
  detect(jpeg: Uint8Array, size: Size): Promise<CameraObject[]>
}

export interface CameraCounts {
  /** Pictures that came, that were overtaken by a newer one, that were those before, and that could not be used. */
  pictures: number
  dropped: number
  repeated: number
  refused: number
}

/** A picture older than this is no picture of now. */
const stale_ms = 500

interface Picture {
  jpeg: Uint8Array
  taken_ms: number
}

export class CameraView {
  readonly counts: CameraCounts = { pictures: 0, dropped: 0, repeated: 0, refused: 0 }
  /** How many objects the last join found in both, in the camera alone, and in the camera without knowing where. */
  joined = { matched: 0, alone: 0, unplaced: 0 }
  /** Why the detector could not be loaded. */
  readonly failure: { code: string; message: string } | undefined
  readonly #camera: CameraSetup
  readonly #detector: Detector | undefined
  #waiting: Picture | undefined
  #working: Promise<void> | undefined
  #lastBytes = ''
  #arrived_ms = -Infinity
  #changed_ms = -Infinity
  #refused: 'unreadable' | 'wrong-shape' | undefined
  #seen: { objects: CameraObject[]; taken_ms: number } | undefined

  /** @param detector or why there is none */
  constructor(camera: CameraSetup, detector: Detector | { code: string; message: string }) {
    this.#camera = camera
    if ('detect' in detector) this.#detector = detector
    else this.failure = detector
  }

  /** Without its detector the camera adds nothing, and what is tracked without it still is: never rejects for that. */
  static async load(camera: CameraSetup, models: string, engine?: EngineName): Promise<CameraView> {
    try {
      return new CameraView(camera, await CameraObjects.load(models, engine))
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof InputError)) throw error
      const { code, message } = describe(error)
      return new CameraView(camera, { code, message })
    }
  }

  /** Which model looks; `undefined` where it could not be loaded. */
  get model(): ModelIdentity | undefined {
    return this.#detector?.model
  }

  /**
   * Looks at a picture. While one is looked at the newest waits, and others are dropped. Pictures that cannot
   * be used are counted.
   * @param taken_ms on the clock that `join` and `state` are asked by
   * @returns when nothing waits any more
   */
  async look(jpeg: Uint8Array, taken_ms: number): Promise<void> {
    this.counts.pictures++
    this.#arrived_ms = taken_ms
    if (this.#waiting !== undefined) this.counts.dropped++
    this.#waiting = { jpeg, taken_ms }
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
    await this.#working
  }

  /** The tracks, and what the camera adds to them if it is to be believed. Changes none of what is given. */
  join(tracks: readonly TrackedObject[], now_ms: number): TrackedObject[] {
    if (this.#seen === undefined || this.state(now_ms) !== 'ok') {
      this.joined = { matched: 0, alone: 0, unplaced: 0 }
      return [...tracks]
    }
    const { objects, ...joined } = fuse(tracks, this.#seen.objects, this.#camera, now_ms - this.#seen.taken_ms)
    this.joined = joined
    return objects
  }

  state(now_ms: number): CameraState {
    const isFresh = (at_ms: number): boolean => now_ms - at_ms <= stale_ms
    if (this.#detector === undefined) return 'unavailable'
    if (this.#arrived_ms === -Infinity) return 'starting'
    if (this.#seen !== undefined && isFresh(this.#seen.taken_ms)) return 'ok'
    if (!isFresh(this.#arrived_ms)) return 'silent'
    if (this.#refused !== undefined) return this.#refused
    return isFresh(this.#changed_ms) ? 'late' : 'frozen'
  }

  async #work(): Promise<void> {
    while (this.#waiting !== undefined) {
      const picture = this.#waiting
      this.#waiting = undefined
      await this.#lookAt(picture)
    }
  }

  async #lookAt({ jpeg, taken_ms }: Picture): Promise<void> {
    // Not even a still scene gives the same bytes twice: sensors are noisy.
    const bytes = createHash('sha256').update(jpeg).digest('base64')
    if (bytes === this.#lastBytes) {
      this.counts.repeated++
      return
    }
    this.#lastBytes = bytes
    this.#changed_ms = taken_ms
    try {
      const objects = (await this.#detector?.detect(jpeg, this.#camera)) ?? []
      this.#refused = undefined
      this.#seen = { objects, taken_ms }
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      this.counts.refused++
      this.#refused = error.code === 'PC-OBJECTS-SHAPE' ? 'wrong-shape' : 'unreadable'
    }
  }
}

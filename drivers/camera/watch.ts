/** Judges whether a camera still shows the world: a source that is silent or frozen must not be believed. */
import { sameImage } from './jpeg.ts'

export type Stuck = 'silent' | 'frozen'

export interface WatchLimits {
  /** How long the first picture may take. */
  first_frame_ms: number
  silence_ms: number
  frozen_ms: number
}

/** The step in which time is counted. */
export const tick_ms = 50

/**
 * Time is counted in ticks of our own loop and not by the clock: while the loop is busy elsewhere
 * pictures wait in the socket, and our own lateness must not look like the camera's silence.
 */
export class Watch {
  readonly #limits: WatchLimits
  #last: Uint8Array | undefined
  #sincePicture_ms = 0
  #sinceChange_ms = 0
  #repeats = false
  #moving = false

  constructor(limits: WatchLimits) {
    this.#limits = limits
  }

  /** True once two pictures in a row have differed: a sensor has noise, so a picture never comes twice. */
  get moving(): boolean {
    return this.#moving
  }

  picture(jpeg: Uint8Array): void {
    this.#repeats = this.#last !== undefined && sameImage(this.#last, jpeg)
    this.#moving ||= this.#last !== undefined && !this.#repeats
    this.#sincePicture_ms = 0
    if (!this.#repeats) this.#sinceChange_ms = 0
    this.#last = jpeg
  }

  /** `tick_ms` have passed. */
  tick(): Stuck | undefined {
    this.#sincePicture_ms += tick_ms
    this.#sinceChange_ms += tick_ms
    const { first_frame_ms, silence_ms, frozen_ms } = this.#limits
    if (this.#sincePicture_ms >= (this.#last === undefined ? first_frame_ms : silence_ms)) return 'silent'
    return this.#repeats && this.#sinceChange_ms >= frozen_ms ? 'frozen' : undefined
  }
}

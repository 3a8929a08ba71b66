/** Watches the wall clock against the monotonic one: a jump of it is news, not a silent hole in time. */
import type { Clock, WallTime } from '../base/clock.ts'

export interface Moment {
  wall: WallTime
  mono_ms: number
}

/** The wall clock did not show what it should have. */
export interface Jump {
  expected: WallTime
  actual: WallTime
  by_ms: number
}

/** A clock that is slewed (adjtime) may run this much fast or slow: 500 ppm, doubled. */
const slew = 0.001

export class WallWatch {
  readonly #clock: Clock
  readonly #leap_ms: number
  #last: Moment

  constructor(clock: Clock, leap_ms: number) {
    this.#clock = clock
    this.#leap_ms = leap_ms
    this.#last = this.#read()
  }

  /** The present moment, and whether the wall clock jumped since the last look. */
  look(): Moment & { jump: Jump | undefined } {
    const now = this.#read()
    const elapsed_ms = now.mono_ms - this.#last.mono_ms
    const expected = this.#last.wall + elapsed_ms
    const by_ms = now.wall - expected
    const leapt = Math.abs(by_ms) > this.#leap_ms + elapsed_ms * slew
    const jumped = leapt || now.wall < this.#last.wall
    this.#last = now
    return { ...now, jump: jumped ? { expected, actual: now.wall, by_ms } : undefined }
  }

  #read(): Moment {
    return { wall: Math.round(this.#clock.wall()), mono_ms: Math.round(this.#clock.now()) }
  }
}

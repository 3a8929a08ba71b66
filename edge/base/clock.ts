/**
 * Time, passed in.
 *
 * Two kinds that must not be mixed: `Instant` only ever grows and drives every time-out;
 * `WallTime` is what a document's expiry or a fact's time stamp means, and can jump.
 */

/** Milliseconds on the monotonic clock, from an origin that only this process knows. */
export type Instant = number & { readonly __unit?: 'monotonic ms' }

/** Milliseconds since 1970-01-01T00:00:00Z on the wall clock. */
export type WallTime = number & { readonly __unit?: 'wall ms' }

/** Stops a timer; safe to call more than once and after it has fired. */
export type Cancel = () => void

export interface Clock {
  now(): Instant
  wall(): WallTime
  /** Calls `action` once, `delay_ms` from now. */
  after(delay_ms: number, action: () => void): Cancel
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delay_ms, action) {
    const timer = setTimeout(action, delay_ms)
    return () => clearTimeout(timer)
  },
}

/** A clock that moves only when told to: for tests, model checks and replays. */
export class ManualClock implements Clock {
  #now = 0
  #wall: WallTime
  #order = 0
  #timers: { at: Instant; order: number; action: () => void }[] = []

  constructor(wall: WallTime = Date.UTC(2026, 0, 1)) {
    this.#wall = wall
  }

  now(): Instant {
    return this.#now
  }

  wall(): WallTime {
    return this.#wall
  }

  after(delay_ms: number, action: () => void): Cancel {
    const timer = { at: this.#now + Math.max(0, delay_ms), order: this.#order++, action }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Moves both clocks on, firing what falls due in order. */
  advance(by_ms: number): void {
    const until = this.#now + by_ms
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.at <= until)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((other) => other !== due)
      this.#moveTo(due.at)
      due.action()
    }
    this.#moveTo(until)
  }

  /** Moves the wall clock alone, as NTP or an operator would. */
  jumpWall(by_ms: number): void {
    this.#wall += by_ms
  }

  /** How many timers wait: a component that stopped cleanly leaves none. */
  get pending(): number {
    return this.#timers.length
  }

  #moveTo(instant: Instant): void {
    this.#wall += instant - this.#now
    this.#now = instant
  }
}

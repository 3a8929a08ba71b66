/**
 * Whether the wall clock can be believed: expiry dates and lists are worth no more than it is.
 *
 * A clock that was set back would let expired documents through, one that was set forward refuses
 * good ones. After a jump the clock counts as untrusted until it has agreed with the monotonic one
 * for a while; a time before the newest signed list was issued is never believed.
 */
import type { Clock, Instant, WallTime } from '../base/clock.ts'

/** NTP slews this much without anybody noticing. */
const tolerance_ms = 5 * 60_000
/** How long a clock must run evenly after a jump. */
const confirm_ms = 10 * 60_000

interface Anchor {
  now: Instant
  wall: WallTime
}

export class WallTrust {
  readonly #clock: Clock
  #anchor: Anchor
  /** Where the clock jumped to, and when: not believed yet. */
  #jumped: Anchor | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#anchor = this.#read()
  }

  /** @param notBefore a time that is certainly past, such as when the newest list was issued */
  trusted(notBefore: WallTime): boolean {
    const read = this.#read()
    if (agrees(read, this.#anchor)) this.#jumped = undefined
    else if (this.#jumped === undefined || !agrees(read, this.#jumped)) this.#jumped = read
    else if (read.now - this.#jumped.now >= confirm_ms) {
      this.#anchor = read
      this.#jumped = undefined
    }
    return this.#jumped === undefined && read.wall >= notBefore - tolerance_ms
  }

  #read(): Anchor {
    return { now: this.#clock.now(), wall: this.#clock.wall() }
  }
}

const agrees = (a: Anchor, b: Anchor): boolean => Math.abs(a.wall - b.wall - (a.now - b.now)) <= tolerance_ms

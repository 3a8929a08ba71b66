/** Passes bytes on at the rate of a serial line: a pseudo-terminal has none of its own. */
import { type Clock, systemClock } from '../../base/clock.ts'

/** As much as a serial port's own buffer holds. */
const bufferMax = 4_096
const tick_ms = 4

export class PacedWay {
  readonly #bytes_perS: number
  readonly #out: (bytes: Uint8Array) => Promise<void>
  readonly #clock: Clock
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #room: (() => void)[] = []
  #sent = Promise.resolve()
  #passing = false

  constructor(bytes_perS: number, out: (bytes: Uint8Array) => Promise<void>, clock: Clock = systemClock) {
    this.#bytes_perS = bytes_perS
    this.#out = out
    this.#clock = clock
  }

  /** Resolves when there is room for more. */
  async push(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(Uint8Array.from(bytes))
    this.#waitingBytes += bytes.length
    if (!this.#passing) this.#begin()
    if (this.#waitingBytes <= bufferMax) return
    await new Promise<void>((resolve) => {
      this.#room.push(resolve)
    })
  }

  /** Without interruption a line passes exactly its rate: what a late tick did not pass, the next one does. */
  #begin(): void {
    this.#passing = true
    let last = this.#clock.now()
    let credit = 0
    const tick = (): void => {
      const now = this.#clock.now()
      credit += ((now - last) * this.#bytes_perS) / 1000
      last = now
      credit -= this.#pass(Math.floor(credit))
      for (const release of this.#waitingBytes <= bufferMax ? this.#room.splice(0) : []) release()
      this.#passing = this.#waitingBytes > 0
      if (this.#passing) this.#clock.after(tick_ms, tick)
    }
    this.#clock.after(tick_ms, tick)
  }

  /** @returns how many bytes went. */
  #pass(most: number): number {
    let left = most
    while (left > 0 && this.#waiting.length > 0) {
      const first = this.#waiting.shift() ?? new Uint8Array(0)
      const piece = first.subarray(0, left)
      if (piece.length < first.length) this.#waiting.unshift(first.subarray(piece.length))
      left -= piece.length
      this.#waitingBytes -= piece.length
      this.#sent = this.#sent.then(() => this.#out(piece))
    }
    return most - left
  }
}

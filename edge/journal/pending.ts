/** Facts that wait for their commit: at most so many, and so many bytes. */
import { type Entry, bytesOf } from './writer.ts'

export class Pending {
  readonly #most: number
  readonly #bytes_max: number
  #entries: Entry[] = []
  #bytes = 0

  constructor(most: number, bytes_max: number) {
    this.#most = most
    this.#bytes_max = bytes_max
  }

  get length(): number {
    return this.#entries.length
  }

  hasRoomFor(entry: Entry): boolean {
    return this.#entries.length < this.#most && this.#bytes + bytesOf(entry) <= this.#bytes_max
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    this.#bytes += bytesOf(entry)
  }

  /** The oldest entries, at most `most`. */
  take(most: number): Entry[] {
    const taken = this.#entries.splice(0, most)
    for (const entry of taken) this.#bytes -= bytesOf(entry)
    return taken
  }
}

/** A first-in first-out queue with a size limit whose overflow is counted, never silent. */
import { invariant } from './error.ts'

/** What gives way when the queue is full. */
export type Overflow = 'drop-oldest' | 'drop-newest'

export class BoundedQueue<T> {
  readonly capacity: number
  readonly overflow: Overflow
  /** How many items were dropped since the queue was made. */
  dropped = 0
  readonly #items: (T | undefined)[]
  #head = 0
  #length = 0

  constructor(capacity: number, overflow: Overflow) {
    invariant(Number.isInteger(capacity) && capacity > 0, 'a queue has room for at least one item')
    this.capacity = capacity
    this.overflow = overflow
    this.#items = new Array<T | undefined>(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Adds an item; `false` when something had to be dropped for it, or it was dropped itself. */
  push(item: T): boolean {
    const full = this.#length === this.capacity
    if (full) {
      this.dropped++
      if (this.overflow === 'drop-newest') return false
      this.shift()
    }
    this.#items[(this.#head + this.#length) % this.capacity] = item
    this.#length++
    return !full
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) % this.capacity
    this.#length--
    return item
  }

  clear(): void {
    while (this.#length > 0) this.shift()
  }
}

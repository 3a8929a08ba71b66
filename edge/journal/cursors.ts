/** How far each reader of the journal has come; durable, though a little later than it is said. */
import { UsageError } from '../base/error.ts'
import type { Store } from './store.ts'

const namePattern = /^[a-z][a-z0-9.-]{0,63}$/

export class Cursors {
  readonly #store: Store
  readonly #readers_max: number
  readonly #positions: Map<string, number>
  readonly #moved = new Set<string>()

  constructor(store: Store, readers_max: number) {
    this.#store = store
    this.#readers_max = readers_max
    this.#positions = store.cursors()
  }

  get(reader: string): number {
    return this.#positions.get(reader) ?? 0
  }

  /** @throws UsageError (PC-JOURNAL-CURSOR) */
  set(reader: string, seq: number, last: number): void {
    const known = this.#positions.has(reader) || this.#positions.size < this.#readers_max
    if (!known || !namePattern.test(reader) || !Number.isSafeInteger(seq) || seq < 0 || seq > last) {
      throw new UsageError('PC-JOURNAL-CURSOR', 'A reader of the journal gave an impossible name or position, or there are too many readers.')
    }
    this.#positions.set(reader, seq)
    this.#moved.add(reader)
  }

  /** The position of the reader that is furthest behind; infinite without readers. */
  get slowest(): number {
    return Math.min(...this.#positions.values(), Infinity)
  }

  /** True when a position is not on disk yet. */
  get moved(): boolean {
    return this.#moved.size > 0
  }

  /** Writes what moved, within the caller's transaction; call `kept` once that is durable. */
  write(): void {
    for (const reader of this.#moved) this.#store.setCursor(reader, this.get(reader))
  }

  kept(): void {
    this.#moved.clear()
  }
}

/** The facts that are under way: a bounded, ordered list whose acknowledged front moves the cursor. */
import type { Instant } from '../base/clock.ts'

export interface UnderWay {
  readonly seq: number
  /** How many sequence numbers are missing between the fact before and this one. */
  readonly missing: number
  readonly sent: Instant
  acknowledged: boolean
}

export class Window {
  readonly #size: number
  readonly #facts: UnderWay[] = []

  constructor(size: number) {
    this.#size = size
  }

  get length(): number {
    return this.#facts.length
  }

  /** How many more facts may be sent. An acknowledged fact behind an open one still takes its place. */
  get room(): number {
    return this.#size - this.#facts.length
  }

  get oldest(): UnderWay | undefined {
    return this.#facts[0]
  }

  add(fact: UnderWay): void {
    this.#facts.push(fact)
  }

  /** Marks one as acknowledged and takes out those that are now done, in order. */
  acknowledge(fact: UnderWay): UnderWay[] {
    fact.acknowledged = true
    const open = this.#facts.findIndex((other) => !other.acknowledged)
    return this.#facts.splice(0, open === -1 ? this.#facts.length : open)
  }
}

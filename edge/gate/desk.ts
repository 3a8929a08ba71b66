/**
 * The desk: keeps what was read of a traveller's document while the passage lasts, under a name
 * that says nothing, and drops it when the machine says so. Nothing else in the gate sees it.
 */
import type { MrzDocument } from '../perception/document/mrz.ts'
import type { CitizenCardClaim } from '../perception/document/citizen-card.ts'
import type { Enrolment } from './enrolment.ts'

/** What was presented: a machine-readable zone, or the unsigned code of a citizen card. */
export type Presented =
  | { from: 'mrz'; document: MrzDocument }
  | { from: 'card'; claim: CitizenCardClaim }

export interface Case {
  presented: Presented
  enrolment?: Enrolment
}

/** One passage runs at a time; a few more may have been read and not yet been dropped. */
const casesMax = 8

export class Desk {
  /** Documents for which there was no room. */
  turnedAway = 0
  readonly #cases = new Map<string, Case>()
  #count = 0

  /**
   * On a full desk nothing more is kept: what comes too often is not checked, and nobody's data go
   * while they are being checked.
   * @returns a reference that was never used before in this run of the gate
   */
  keep(presented: Presented): string {
    const ref = `d${++this.#count}`
    if (this.#cases.size < casesMax) this.#cases.set(ref, { presented })
    else this.turnedAway++
    return ref
  }

  get(ref: string): Case | undefined {
    return this.#cases.get(ref)
  }

  /** Overwrites the images, too: they are the largest and the most telling. */
  forget(ref: string): void {
    const { enrolment } = this.#cases.get(ref) ?? {}
    enrolment?.photo.fill(0)
    enrolment?.fingerTemplate?.fill(0)
    this.#cases.delete(ref)
  }

  /** How many travellers' data are here: none while the gate is idle. */
  get size(): number {
    return this.#cases.size
  }

  clear(): void {
    for (const ref of this.#cases.keys()) this.forget(ref)
  }
}

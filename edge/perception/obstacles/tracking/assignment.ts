/**
 * Who is who: gives each track at most one sighting and each sighting at most one track so that the total
 * cost is least (global nearest neighbour), by an auction: tracks bid for sightings, prices rise until
 * nobody wants to change (Bertsekas 1988). Each track knows only its few best sightings, so the work is bounded.
 */

/** Sightings that one track may choose from. */
const choicesMax = 8
/** By so much a price rises at least: the total is within this, for each track, of the least. */
const raise = 0.02
/** Bids in all; an auction of real scenes ends after a few for each track. */
const bidsMax = 20_000
const none = -1

export class Assignment {
  /** Of each track: its sighting, or -1. */
  readonly sightingOf: Int32Array
  /** Of each sighting: its track, or -1. */
  readonly trackOf: Int32Array
  readonly #choices: Int32Array
  readonly #worth: Float64Array
  readonly #choiceCount: Int32Array
  readonly #price: Float64Array
  readonly #waiting: Int32Array
  readonly #tracksMax: number

  constructor(tracksMax: number, sightingsMax: number) {
    this.#tracksMax = tracksMax
    this.sightingOf = new Int32Array(tracksMax)
    this.trackOf = new Int32Array(sightingsMax)
    this.#choices = new Int32Array(tracksMax * choicesMax)
    this.#worth = new Float64Array(tracksMax * choicesMax)
    this.#choiceCount = new Int32Array(tracksMax)
    this.#price = new Float64Array(sightingsMax)
    this.#waiting = new Int32Array(tracksMax)
  }

  begin(): void {
    this.sightingOf.fill(none)
    this.trackOf.fill(none)
    this.#price.fill(0)
    this.#choiceCount.fill(0)
  }

  /** Lets a track choose a sighting, too. @param worth how much better than none: above 0. */
  offer(track: number, sighting: number, worth: number): void {
    const first = track * choicesMax
    const count = this.#choiceCount[track] ?? 0
    let at = Math.min(count, choicesMax - 1)
    if (count === choicesMax && worth <= (this.#worth[first + at] ?? 0)) return
    while (at > 0 && (this.#worth[first + at - 1] ?? 0) < worth) {
      this.#worth[first + at] = this.#worth[first + at - 1] ?? 0
      this.#choices[first + at] = this.#choices[first + at - 1] ?? 0
      at--
    }
    this.#worth[first + at] = worth
    this.#choices[first + at] = sighting
    this.#choiceCount[track] = Math.min(choicesMax, count + 1)
  }

  settle(): void {
    let waiting = 0
    for (let track = this.#tracksMax - 1; track >= 0; track--) if ((this.#choiceCount[track] ?? 0) > 0) this.#waiting[waiting++] = track
    for (let bids = 0; waiting > 0 && bids < bidsMax; bids++) {
      const outbid = this.#bid(this.#waiting[--waiting] ?? 0)
      if (outbid !== none) this.#waiting[waiting++] = outbid
    }
  }

  /** The track takes what is worth most to it after its price, if anything; says which track lost it. */
  #bid(track: number): number {
    const first = track * choicesMax
    let best = none
    let bestGain = 0
    // Having none is worth 0.
    let secondGain = 0
    for (let at = first; at < first + (this.#choiceCount[track] ?? 0); at++) {
      const sighting = this.#choices[at] ?? 0
      const gain = (this.#worth[at] ?? 0) - (this.#price[sighting] ?? 0)
      if (gain > bestGain) {
        secondGain = bestGain
        bestGain = gain
        best = sighting
      } else if (gain > secondGain) {
        secondGain = gain
      }
    }
    if (best === none) return none
    this.#price[best] = (this.#price[best] ?? 0) + bestGain - secondGain + raise
    const outbid = this.trackOf[best] ?? none
    if (outbid !== none) this.sightingOf[outbid] = none
    this.trackOf[best] = track
    this.sightingOf[track] = best
    return outbid
  }
}

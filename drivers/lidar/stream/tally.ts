/** Counts what came: in all, in the last second, and just now. Nothing is allocated for a count. */

/** The step in which time is counted. */
export const tick_ms = 50
const secondTicks = 1_000 / tick_ms

export const tallyNames = [
  'packets', 'points', 'other', 'foreign', 'damaged', 'wrongSensor', 'stale', 'lost', 'dropped', 'faults', 'turns', 'beams', 'returns',
] as const
export type TallyName = (typeof tallyNames)[number]

const kinds = tallyNames.length
const indexOf = Object.fromEntries(tallyNames.map((name, index) => [name, index])) as Record<TallyName, number>

export class Tally {
  readonly #counts = new Float64Array(kinds)
  /** What the counts were at each of the last ticks. */
  readonly #before = new Float64Array(kinds * secondTicks)
  #slot = 0

  add(name: TallyName, count: number): void {
    const index = indexOf[name]
    this.#counts[index] = (this.#counts[index] as number) + count
  }

  /** Since it was made. */
  get(name: TallyName): number {
    return this.#counts[indexOf[name]] as number
  }

  /** In the last second. */
  recent(name: TallyName): number {
    return this.get(name) - (this.#before[this.#slot * kinds + indexOf[name]] as number)
  }

  /** Since the last tick. */
  justNow(name: TallyName): number {
    const slot = (this.#slot + secondTicks - 1) % secondTicks
    return this.get(name) - (this.#before[slot * kinds + indexOf[name]] as number)
  }

  /** `tick_ms` have passed. */
  tick(): void {
    this.#before.set(this.#counts, this.#slot * kinds)
    this.#slot = (this.#slot + 1) % secondTicks
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(tallyNames.map((name) => [name, this.get(name)]))
  }
}

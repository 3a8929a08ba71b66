/** What the values of a PLC mean, as the profile says. Pure. */
import type { PlcValue } from './options.ts'

/** One value of one node, as it came. */
export interface Seen {
  value: unknown
  quality: 'good' | 'uncertain' | 'bad'
  /** When the PLC made or saw it, by its own clock; `undefined` when it does not say. */
  stamped: number | undefined
}

type Meanings<Word extends string> = { readonly [W in Word]?: readonly PlcValue[] | undefined }

/** The word that the value stands for; `undefined` for one that is not good, or not named. */
export function meaningOf<Word extends string>(seen: Seen | undefined, words: readonly Word[], meanings: Meanings<Word>): Word | undefined {
  if (seen?.quality !== 'good') return undefined
  return words.find((word) => meanings[word]?.includes(seen.value as PlcValue))
}

/** A count that is good, whole and not negative. */
export function countOf(seen: Seen | undefined): number | undefined {
  const { value, quality } = seen ?? {}
  return quality === 'good' && typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/**
 * How late values arrive, by the PLC's own clock, which need not be right: compared with the quickest so far.
 * A PLC whose time stamps stand still falls behind as one whose values stand in a queue does.
 */
export class Lateness {
  #quickest = Number.POSITIVE_INFINITY

  /** @returns ms later than the quickest; 0 without a time stamp. */
  of(stamped: number | undefined, now: number): number {
    if (stamped === undefined) return 0
    const behind = now - stamped
    this.#quickest = Math.min(this.#quickest, behind)
    return behind - this.#quickest
  }
}

/** What is not as it should be about a notification's place in the sequence (OPC 10000-4, 5.13.1.1 and 7.26). */
export class Sequence {
  #next: number | undefined

  /** False when at least one notification before this one is missing. A keep-alive names the number of the one to come. */
  follows(number: number, isKeepAlive: boolean): boolean {
    const follows = this.#next === undefined || number === this.#next
    this.#next = isKeepAlive ? number : (number % 0xffff_ffff) + 1
    return follows
  }
}

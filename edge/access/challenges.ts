/** The challenges that this device has shown: each is good once, for a while, at the place where it was shown. */
import type { KeyObject } from 'node:crypto'
import { equal } from '../base/bytes.ts'
import type { Clock, Instant } from '../base/clock.ts'
import { type ErrorCode, ResourceError } from '../base/error.ts'
import { type Answer, type Challenge, type Grant, isSigned, newNonce, tagOf, writeChallenge } from './challenge.ts'

interface Shown {
  challenge: Challenge
  place: string
  at: Instant
  /** It may be answered until then. */
  until: Instant
  used: boolean
}

export interface ChallengesOptions {
  clock: Clock
  device: string
  authorities: readonly KeyObject[]
  /** How long one may be answered. */
  open_ms: number
  random(bytes: number): Uint8Array
}

/** Those that are over are remembered, as many as there is room for, to say why an answer to one is refused. */
const shown_max = 64
/** Between two challenges at one place. */
const pause_ms = 2_000

/** What was granted and what makes it used, or why nothing was. */
export type Judged = { grant: Grant; use(): void } | { refused: ErrorCode }

export class Challenges {
  readonly #options: ChallengesOptions
  #shown: Shown[] = []

  constructor(options: ChallengesOptions) {
    this.#options = options
  }

  /** A new challenge; the one shown before at the same place is over. @throws ResourceError (PC-ACCESS-BUSY). */
  show(person: string, place: string): string {
    const { clock, device, open_ms, random } = this.#options
    const now = clock.now()
    const here = this.#shown.filter((shown) => shown.place === place)
    if (here.some(({ at }) => now - at < pause_ms)) throw busy()
    for (const shown of here) shown.until = Math.min(shown.until, now)
    this.#makeRoom(now)
    const challenge = { device, person, nonce: newNonce(random) }
    this.#shown.push({ challenge, place, at: now, until: now + open_ms, used: false })
    return writeChallenge(challenge)
  }

  /** Whether an answer fits a challenge that is open for this person at this place. */
  judge(answer: Answer, person: string, place: string): Judged {
    const { clock, authorities } = this.#options
    const tagged = this.#shown.filter(({ challenge }) => equal(tagOf(challenge), answer.tag))
    if (tagged.length === 0) return { refused: 'PC-ACCESS-FOREIGN' }
    const meant = tagged.find(({ challenge }) => isSigned(challenge, answer, authorities))
    if (meant === undefined) return { refused: 'PC-ACCESS-SIGNATURE' }
    if (meant.challenge.person !== person || meant.place !== place) return { refused: 'PC-ACCESS-FOREIGN' }
    if (meant.used) return { refused: 'PC-ACCESS-REPLAYED' }
    if (clock.now() >= meant.until) return { refused: 'PC-ACCESS-EXPIRED' }
    const use = (): void => {
      meant.used = true
    }
    return { grant: { role: answer.role, for_min: answer.for_min }, use }
  }

  #makeRoom(now: Instant): void {
    if (this.#shown.length < shown_max) return
    const oldest = this.#shown.find(({ used, until }) => used || until <= now)
    if (oldest === undefined) throw busy()
    this.#shown = this.#shown.filter((shown) => shown !== oldest)
  }
}

const busy = (): ResourceError => new ResourceError('PC-ACCESS-BUSY', 'Too many challenges at once: ask again in some seconds.')

/**
 * How long somebody must wait after failed attempts: per person, so that guessing from many places
 * gains nothing, and per place, so that guessing many names from one gains nothing either.
 *
 * Waits double up to a limit and failures are forgotten one by one, so that nobody is locked out for
 * ever; an answer of the authority is not held up by a person's wait. All on the monotonic clock:
 * setting the date shortens nothing. A restart keeps the failures and begins their wait anew.
 */
import type { Clock, Instant } from '../base/clock.ts'
import { ForbiddenError } from '../base/error.ts'

/** `unknown` stands for names without an account, which share a few places: what was typed is not kept. */
export type LockedKind = 'person' | 'place' | 'unknown'
export type LockKey = `${LockedKind} ${string}`

export interface Throttle {
  /** As many failures as this cost nothing yet. */
  free: number
  first_ms: number
  /** The longest wait, and how long it takes to forget one failure. */
  most_ms: number
}

const ofPersons: Throttle = { free: 4, first_ms: 5_000, most_ms: 900_000 }
export const throttles: Record<LockedKind, Throttle> = {
  person: ofPersons, unknown: ofPersons, place: { free: 9, first_ms: 5_000, most_ms: 300_000 },
}

/** Of each kind, at most; beyond, the one with the fewest failures gives way. */
const entries_max: Record<LockedKind, number> = { person: 256, unknown: 256, place: 64 }

export const waitAfter_ms = (failures: number, { free, first_ms, most_ms }: Throttle): number =>
  (failures <= free ? 0 : Math.min(most_ms, first_ms * 2 ** (failures - free - 1)))

/** More than these are not counted: they would only take longer to be forgotten. */
const failuresMax = ({ free, first_ms, most_ms }: Throttle): number => free + 1 + Math.ceil(Math.log2(most_ms / first_ms))

/** The seconds to wait are part of it. */
export class LockedError extends ForbiddenError {
  readonly wait_s: number

  constructor(wait_ms: number) {
    const wait_s = Math.ceil(wait_ms / 1000)
    super('PC-ACCESS-LOCKED', `Too many attempts failed: wait ${wait_s} s.`, { component: 'access' })
    this.wait_s = wait_s
  }
}

interface Entry {
  failures: number
  /** The last failure. */
  at: Instant
  until: Instant
}

export class Lockouts {
  readonly #clock: Clock
  readonly #entries = new Map<LockKey, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes over what an earlier run counted. */
  restore(failures: Readonly<Record<string, number>>): void {
    for (const [key, count] of Object.entries(failures)) if (isLockKey(key)) this.#set(key, count)
  }

  /** What a later run needs. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#entries.keys()].map((key) => [key, this.failures(key)] as const).filter(([, failures]) => failures > 0))
  }

  /** Those not forgotten yet. */
  failures(key: LockKey): number {
    const entry = this.#entries.get(key)
    if (entry === undefined) return 0
    return Math.max(0, entry.failures - Math.floor((this.#clock.now() - entry.at) / throttleOf(key).most_ms))
  }

  wait_ms(key: LockKey): number {
    return Math.max(0, (this.#entries.get(key)?.until ?? 0) - this.#clock.now())
  }

  /**
   * Begins an attempt, which counts as failed until it is forgiven: attempts side by side gain nothing, nor does
   * a power cut in the middle. @throws LockedError (PC-ACCESS-LOCKED) when one of the keys must wait; then nothing counts.
   */
  attempt(keys: readonly LockKey[]): void {
    const wait_ms = Math.max(0, ...keys.map((key) => this.wait_ms(key)))
    if (wait_ms > 0) throw new LockedError(wait_ms)
    for (const key of keys) this.#set(key, this.failures(key) + 1)
  }

  /** The attempt did not fail, or was none: takes one failure back, and the wait with it. */
  forgive(key: LockKey): void {
    const entry = this.#entries.get(key)
    const failures = (entry?.failures ?? 0) - 1
    if (entry === undefined || failures <= 0) this.clear(key)
    else this.#entries.set(key, { failures, at: entry.at, until: entry.at + waitAfter_ms(failures, throttleOf(key)) })
  }

  clear(key: LockKey): void {
    this.#entries.delete(key)
  }

  #set(key: LockKey, failures: number): void {
    const now = this.#clock.now()
    const throttle = throttleOf(key)
    const counted = Math.min(failures, failuresMax(throttle))
    this.#entries.delete(key)
    this.#entries.set(key, { failures: counted, at: now, until: now + waitAfter_ms(counted, throttle) })
    this.#bound(kindOf(key))
  }

  #bound(kind: LockedKind): void {
    const all = [...this.#entries.keys()].filter((key) => kindOf(key) === kind)
    if (all.length <= entries_max[kind]) return
    const least = all.slice(0, -1).reduce((least, key) => (this.failures(key) < this.failures(least) ? key : least))
    this.#entries.delete(least)
  }
}

const kindOf = (key: LockKey): LockedKind => key.slice(0, key.indexOf(' ')) as LockedKind
const throttleOf = (key: LockKey): Throttle => throttles[kindOf(key)]
const isLockKey = (key: string): key is LockKey => /^(person|place|unknown) ./.test(key)

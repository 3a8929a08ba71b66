/** What holds people up, kept over restarts: waits after failed attempts, and the seal of an opened housing. */
import { createHmac } from 'node:crypto'
import type { Clock, Instant } from '../base/clock.ts'
import type { ErrorCode } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { type LockKey, LockedError, Lockouts } from './lockouts.ts'
import { AccessRecord } from './record.ts'

export interface GuardOptions {
  file: string
  clock: Clock
  log: Logger
  /** A damaged record may have said that the housing was opened. */
  watchesHousing: boolean
  random(bytes: number): Uint8Array
}

/** The wait for everybody's secret when what was counted before is not known any more. */
const damagedWait_ms = 900_000

export class Guard {
  readonly lockouts: Lockouts
  readonly #options: GuardOptions
  readonly #record: AccessRecord
  /** Names without an account share 256 places: what was typed must not be found out from the record. */
  readonly #bucketKey: Uint8Array
  #sealed = false
  #heldUntil: Instant = 0
  #trouble: ErrorCode | undefined

  constructor(options: GuardOptions) {
    this.#options = options
    this.#bucketKey = options.random(32)
    this.lockouts = new Lockouts(options.clock)
    this.#record = new AccessRecord(options.file, () => ({ failures: this.lockouts.snapshot(), sealed: this.#sealed }))
  }

  /** The housing was opened, and no engineer has looked since. */
  get sealed(): boolean {
    return this.#sealed
  }

  /** What is wrong with the record: it was damaged, or cannot be written. */
  get trouble(): ErrorCode | undefined {
    const isOver = this.#trouble === 'PC-ACCESS-RECORD' && this.#options.clock.now() >= this.#heldUntil
    return isOver ? undefined : this.#trouble
  }

  /** Brings back what an earlier run remembered. */
  async load(): Promise<void> {
    const remembered = await this.#record.load()
    this.#trouble = remembered === 'damaged' ? 'PC-ACCESS-RECORD' : undefined
    if (remembered === 'damaged') {
      this.#heldUntil = this.#options.clock.now() + damagedWait_ms
      this.#sealed = this.#options.watchesHousing
    } else if (remembered !== undefined) {
      this.lockouts.restore(remembered.failures)
      this.#sealed = remembered.sealed
    }
  }

  keyOf(person: string, known: boolean): LockKey {
    return known ? `person ${person}` : `unknown ${createHmac('sha256', this.#bucketKey).update(person).digest()[0] ?? 0}`
  }

  /** Begins an attempt and makes that durable. @throws LockedError (PC-ACCESS-LOCKED). */
  async attempt(keys: readonly LockKey[], { bySecret }: { bySecret: boolean }): Promise<void> {
    const held_ms = bySecret ? this.#heldUntil - this.#options.clock.now() : 0
    if (held_ms > 0) throw new LockedError(held_ms)
    this.lockouts.attempt(keys)
    await this.#save()
  }

  /** The attempt was none after all. */
  async forgive(keys: readonly LockKey[]): Promise<void> {
    for (const key of keys) this.lockouts.forgive(key)
    await this.#save()
  }

  /** Who they are is proven: their failures are forgotten, and one of the place. */
  async passed(person: LockKey, place: LockKey): Promise<void> {
    this.lockouts.clear(person)
    this.lockouts.forgive(place)
    await this.#save()
  }

  /** Nobody is held up for this person's failures any more. */
  async unlock(person: string): Promise<void> {
    this.lockouts.clear(this.keyOf(person, true))
    this.#heldUntil = 0
    await this.#save()
  }

  async seal(sealed: boolean): Promise<void> {
    this.#sealed = sealed
    await this.#save()
  }

  /** A disk that is full must not keep out who could help: what holds now still does, but not over a restart. */
  async #save(): Promise<void> {
    try {
      await this.#record.save()
      if (this.#trouble === 'PC-ACCESS-STORAGE') this.#trouble = undefined
    } catch (error) {
      this.#trouble = 'PC-ACCESS-STORAGE'
      this.#options.log.error({ error, component: 'access' }, 'failed attempts could not be written down')
    }
  }
}

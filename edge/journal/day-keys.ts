/**
 * The keys of personal data, one for each UTC day, in a file of their own beside the database, so
 * that no backup, export or copy of the database ever holds one.
 *
 * Erasing a day overwrites its wrapped key in place and syncs; with the key gone, the sealed text
 * is noise wherever copies of it are (crypto-erase, NIST SP 800-88 Rev. 1, 2.5).
 *
 * What this cannot promise: flash translates addresses, so the chip may keep the old sector for a
 * while, as may a snapshot, a copy-on-write or data-journalling file system, or a backup of the key
 * file. Such a remnant is still wrapped: who has no device key cannot use it. Where even a thief with
 * device key and chip must fail, let `KeyWrapper` be a TPM or secure element whose key is replaced.
 */
import { randomBytes } from 'node:crypto'
import { canonical, sha256 } from '../base/canonical.ts'
import { ConfigError, ResourceError, UsageError } from '../base/error.ts'
import { type KeyWrapper, key_bytes, seal, unseal } from './seal.ts'
import { SectorFile } from './sectors.ts'

/** More than eleven years of days. */
const slots_max = 4096
/** Opened keys held in memory. */
const open_max = 4

type Slot =
  /** `id` is the SHA-256 of the key: tells keys apart, and tells nothing about the key. */
  | { state: 'live'; day: string; id: string; wrapped: string }
  /** The key is gone, its receipt is not in the chain yet. */
  | { state: 'erased'; day: string; id: string }

/** A key that was erased and whose receipt is owed. */
export interface Erased {
  day: string
  keyId: string
  slot: number
}

export class DayKeys {
  readonly #file: SectorFile
  readonly #wrapper: KeyWrapper | undefined
  readonly #device: string
  readonly #live = new Map<string, { slot: number; id: string; wrapped: string }>()
  readonly #owed: Erased[] = []
  readonly #free: number[] = []
  /** In the order of use, the longest unused first. */
  readonly #open = new Map<string, Uint8Array>()

  /**
   * @param wrapper without it nothing can be sealed or opened, but days can be erased.
   * @throws ConfigError (PC-JOURNAL-DEVICE-KEY) when the newest day's key does not open with it.
   */
  constructor(file: string, device: string, wrapper: KeyWrapper | undefined) {
    this.#file = new SectorFile(file)
    this.#device = device
    this.#wrapper = wrapper
    for (let slot = 0; slot < Math.min(this.#file.count, slots_max); slot++) this.#load(slot)
    const newest = this.days.at(-1)
    if (wrapper === undefined || newest === undefined || this.#keyOf(newest) !== undefined) return
    this.#file.close()
    throw wrongKey()
  }

  /** Days that have a key, oldest first. */
  get days(): string[] {
    return [...this.#live.keys()].sort()
  }

  /** Keys that were erased and whose receipts are not in the chain yet. */
  get owed(): Erased[] {
    return [...this.#owed]
  }

  seal(day: string, bound: string, plain: string): Buffer {
    const key = this.#live.has(day) ? this.#keyOf(day) : this.#create(day)
    if (key === undefined) throw wrongKey()
    return seal(key, bound, Buffer.from(plain))
  }

  unseal(day: string, bound: string, sealed: Uint8Array): string | undefined {
    const key = this.#keyOf(day)
    return key === undefined ? undefined : unseal(key, bound, sealed)?.toString()
  }

  /** Destroys a day's key. @throws UsageError (PC-JOURNAL-DAY-UNKNOWN) when the day has none. */
  erase(day: string): Erased {
    const live = this.#live.get(day)
    if (live === undefined) throw new UsageError('PC-JOURNAL-DAY-UNKNOWN', 'The journal holds no key for that day: nothing to erase.')
    this.#forget(day)
    this.#write(live.slot, { state: 'erased', day, id: live.id })
    this.#live.delete(day)
    const erased = { day, keyId: live.id, slot: live.slot }
    this.#owed.push(erased)
    return erased
  }

  /** The receipt is in the chain: the slot may be used again. */
  receipted(erased: Erased): void {
    this.#file.wipe(erased.slot)
    this.#owed.splice(this.#owed.indexOf(erased), 1)
    this.#free.push(erased.slot)
  }

  /** Zeroes the keys in memory. */
  close(): void {
    for (const day of this.#open.keys()) this.#forget(day)
    this.#file.close()
  }

  #load(slot: number): void {
    const held = this.#file.read(slot) as Slot | undefined
    if (held === undefined) this.#free.push(slot)
    else if (held.state === 'live') this.#live.set(held.day, { slot, id: held.id, wrapped: held.wrapped })
    else this.#owed.push({ day: held.day, keyId: held.id, slot })
  }

  #write(slot: number, held: Slot): void {
    this.#file.write(slot, held)
  }

  #create(day: string): Uint8Array {
    if (this.#wrapper === undefined) throw new ConfigError('PC-JOURNAL-NO-KEY', 'Personal data cannot be kept: the journal was given no device key.')
    const slot = this.#free[0] ?? this.#file.count
    if (slot >= slots_max) throw new ResourceError('PC-JOURNAL-KEYS-FULL', 'The journal keeps too many days of personal data: erase old ones.')
    const key = randomBytes(key_bytes)
    const id = sha256(key).toString('hex')
    const wrapped = Buffer.from(this.#wrapper.wrap(key, this.#boundTo(day))).toString('base64')
    const before = this.#file.count
    this.#write(slot, { state: 'live', day, id, wrapped })
    this.#free.shift()
    for (let grown = Math.max(slot + 1, before); grown < this.#file.count; grown++) this.#free.push(grown)
    this.#live.set(day, { slot, id, wrapped })
    this.#remember(day, key)
    return key
  }

  #keyOf(day: string): Uint8Array | undefined {
    const open = this.#open.get(day)
    if (open !== undefined) {
      this.#open.delete(day)
      this.#open.set(day, open)
      return open
    }
    const live = this.#live.get(day)
    if (live === undefined) return undefined
    const key = this.#wrapper?.unwrap(Buffer.from(live.wrapped, 'base64'), this.#boundTo(day))
    if (key === undefined || sha256(key).toString('hex') !== live.id) return undefined
    this.#remember(day, key)
    return key
  }

  #remember(day: string, key: Uint8Array): void {
    this.#open.set(day, key)
    const [oldest] = this.#open.keys()
    if (this.#open.size > open_max && oldest !== undefined) this.#forget(oldest)
  }

  #forget(day: string): void {
    this.#open.get(day)?.fill(0)
    this.#open.delete(day)
  }

  #boundTo(day: string): string {
    return canonical([this.#device, day])
  }
}

function wrongKey(): ConfigError {
  return new ConfigError(
    'PC-JOURNAL-DEVICE-KEY',
    'The device key does not open the keys of this journal: give the right one, or move the key file away to give the personal data up.',
  )
}

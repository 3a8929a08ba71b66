/**
 * Writes facts into the chain, a group at a time: one transaction and one sync to disk for all of
 * them. Knows the head of the chain; says after each group what became of it.
 */
import { type Json, canonical } from '../base/canonical.ts'
import { Counters } from '../base/counters.ts'
import { type Row, hashOf } from './chain.ts'
import type { DayKeys } from './day-keys.ts'
import type { FactClass, NewFact } from './fact.ts'
import type { HighWater } from './mark.ts'
import type { Reserve } from './reserve.ts'
import { type Head, type Store, isFull, writeError } from './store.ts'
import type { Moment } from './wall-watch.ts'

/** A fact on its way: what it says is fixed, its number is not. */
export interface Entry extends Moment {
  kind: string
  class: FactClass
  body: string
  personal: string | undefined
  done(result: { seq: number } | Error): void
}

export function entryOf(fact: NewFact, moment: Moment, done: Entry['done'] = () => undefined): Entry {
  return {
    wall: moment.wall,
    mono_ms: moment.mono_ms,
    kind: fact.kind,
    class: fact.class,
    body: canonical(fact.body),
    personal: fact.personal === undefined ? undefined : canonical(fact.personal),
    done,
  }
}

/** Roughly what an entry takes, in memory and on disk. */
export function bytesOf(entry: Entry): number {
  return entry.body.length + (entry.personal?.length ?? 0) + 400
}

export type WriterCount = 'appended' | 'commits' | 'refused' | 'owed_dropped'

/** What only the journal says; receipts are worth nothing if anyone may write them. */
export const ownKinds = 'journal.'

/** Facts of the journal itself that wait for a disk that takes them. */
const owed_max = 64

export class Writer {
  readonly counters: Counters<WriterCount> = new Counters<WriterCount>(['appended', 'commits', 'refused', 'owed_dropped'])
  readonly #store: Store
  readonly #keys: DayKeys
  readonly #mark: HighWater
  readonly #reserve: Reserve
  readonly #epoch: number
  #head: Head
  /** Facts about the journal itself: they go first into the next group that can be written. */
  #owed: Entry[] = []

  constructor(store: Store, keys: DayKeys, mark: HighWater, reserve: Reserve, epoch: number) {
    this.#store = store
    this.#keys = keys
    this.#mark = mark
    this.#reserve = reserve
    this.#epoch = epoch
    this.#head = store.head()
  }

  get last(): number {
    return this.#head.seq
  }

  /** Something the journal has to say about itself, with the next group. */
  owe(entry: Entry): void {
    if (this.#owed.length < owed_max) this.#owed.push(entry)
    else this.counters.add('owed_dropped')
  }

  get owes(): boolean {
    return this.#owed.length > 0
  }

  /**
   * Writes a group, in order, and tells each entry what became of it. Does `alongside` in the same
   * transaction. Gives the reserve up rather than lose a fact. Returns what failed, if anything did.
   */
  write(entries: readonly Entry[], alongside: () => void): Error | undefined {
    const admitted = entries.filter((entry) => this.#admit(entry))
    let failure = this.#attempt(admitted, alongside)
    if (failure !== undefined && isFull(failure) && this.#reserve.release()) {
      this.#oweDiskFull(admitted)
      failure = this.#attempt(admitted, alongside)
    }
    if (failure === undefined) return undefined
    const error = writeError(failure)
    this.#reserve.failed()
    this.counters.add('refused', admitted.length)
    for (const entry of admitted) entry.done(error)
    return error
  }

  /** At the time of the last fact of the group, so that time does not run backwards in the chain. */
  #oweDiskFull(group: readonly Entry[]): void {
    const moment = group.at(-1) ?? this.#owed.at(-1)
    if (moment !== undefined) this.owe(entryOf({ kind: 'journal.disk-full', class: 'fault', body: {} }, moment))
  }

  #admit(entry: Entry): boolean {
    if (entry.kind.startsWith(ownKinds) || this.#reserve.admits(entry.class)) return true
    this.counters.add('refused')
    entry.done(writeError(Object.assign(new Error('Only facts of safety are written now.'), { code: 'ENOSPC' })))
    return false
  }

  #attempt(entries: readonly Entry[], alongside: () => void): Error | undefined {
    const settled: (() => void)[] = []
    let head = this.#head
    try {
      this.#mark.reserve(head.seq, head.seq + this.#owed.length + entries.length, this.#epoch)
      this.#store.transaction(() => {
        alongside()
        for (const entry of inTime([...this.#owed, ...entries])) {
          const row = this.#rowOf(entry, head)
          if (row instanceof Error) {
            settled.push(() => entry.done(row))
            continue
          }
          this.#store.insert(row)
          head = row
          settled.push(() => entry.done({ seq: row.seq }))
        }
      })
    } catch (error) {
      return error as Error
    }
    this.counters.add('appended', head.seq - this.#head.seq)
    this.counters.add('commits')
    this.#head = head
    this.#owed = []
    this.#reserve.wrote()
    for (const settle of settled) settle()
    return undefined
  }

  /** The fact as it follows `head`; an error when its personal data cannot be sealed. */
  #rowOf(entry: Entry, head: Head): Row | Error {
    const seq = head.seq + 1
    const content = {
      seq,
      epoch: this.#epoch,
      wall: entry.wall,
      mono_ms: entry.mono_ms,
      kind: entry.kind,
      class: entry.class,
      body: entry.body,
      day: null as string | null,
      sealed: null as Uint8Array | null,
      prev: head.hash,
    }
    if (entry.personal !== undefined) {
      try {
        content.day = dayOf(entry.wall)
        content.sealed = this.#keys.seal(content.day, boundTo(this.#store.device, content), entry.personal)
      } catch (error) {
        if (isFull(error)) throw error
        return error as Error
      }
    }
    return { ...content, hash: hashOf(this.#store.device, content) }
  }
}

/** What was owed may have happened amid the group. */
function inTime(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => a.mono_ms - b.mono_ms)
}

/** What sealed data is bound to: moved to another fact, it does not open. */
export function boundTo(device: string, fact: { epoch: number; seq: number; kind: string }): string {
  return canonical([device, fact.epoch, fact.seq, fact.kind] satisfies Json)
}

/** The UTC day of a wall time, such as `2026-11-21`. */
export function dayOf(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10)
}

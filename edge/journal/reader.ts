/**
 * Reads a journal that a runtime may be writing, without getting in its way: read only, and never
 * longer at a time than one short read, so that the write-ahead log can always be taken over.
 */
import { existsSync } from 'node:fs'
import { DeviceError, PortcullisError, UsageError } from '../base/error.ts'
import { type Gap, type Row, toFact } from './chain.ts'
import type { Fact } from './fact.ts'
import { journalLimits } from './limits.ts'
import { type Remembering, Store } from './store.ts'

/** A piece of the chain, in order. */
export type Link = { fact: Row } | { gap: Gap }

export class JournalReader {
  readonly device: string
  readonly base: number
  readonly #store: Store

  /** @throws UsageError (PC-JOURNAL-ABSENT), ConfigError (PC-JOURNAL-FORMAT), DeviceError (PC-JOURNAL-DAMAGED) */
  constructor(file: string) {
    if (!existsSync(file)) throw new UsageError('PC-JOURNAL-ABSENT', 'There is no journal at this place.')
    this.#store = orDamaged(() => new Store(file, { readOnly: true, busy_ms: journalLimits.busy_ms }))
    this.device = this.#store.device
    this.base = this.#store.base
  }

  get last(): number {
    return orDamaged(() => this.#store.head().seq)
  }

  after(seq: number, most: number): Fact[] {
    return this.#facts(() => this.#store.after(seq, Math.min(most, journalLimits.read_max), journalLimits.read_bytes_max))
  }

  /** Facts that components made known in a time, by kind; at most as many as one read may give. */
  remembered(wanted: Remembering): Fact[] {
    return this.#facts(() => this.#store.remembered({ ...wanted, most: Math.min(wanted.most, journalLimits.read_max) }))
  }

  tail(most: number): Fact[] {
    return this.#facts(() => this.#store.tail(Math.min(most, journalLimits.read_max)))
  }

  /**
   * The chain after `seq`: facts and gaps in order, one bounded piece; empty at the end.
   * @param atEnd at the end, is told in the same view of the database how many facts all gaps hold.
   */
  links(seq: number, most: number, atEnd: (pruned: number) => void = () => undefined): Link[] {
    return orDamaged(() =>
      this.#store.snapshot(() => {
        const rows = this.#store.after(seq, most, journalLimits.read_bytes_max)
        const gaps = this.#store.gapsAfter(seq, most)
        const links: Link[] = [...rows.map((fact) => ({ fact })), ...gaps.map((gap) => ({ gap }))]
        links.sort((a, b) => placeOf(a) - placeOf(b))
        // What lies beyond the shorter of two full lists is not known to be complete yet.
        const known = Math.min(lastOf(rows.map((row) => row.seq), most), lastOf(gaps.map((gap) => gap.last), most))
        if (links.length === 0) atEnd(this.#store.pruned())
        return links.filter((link) => placeOf(link) <= known)
      }),
    )
  }

  structuralDamage(): string | undefined {
    return orDamaged(() => this.#store.structuralDamage())
  }

  close(): void {
    this.#store.close()
  }

  #facts(read: () => Row[]): Fact[] {
    return orDamaged(() => read().map((row) => toFact(this.device, row)))
  }
}

const placeOf = (link: Link): number => ('fact' in link ? link.fact.seq : link.gap.last)

function lastOf(places: readonly number[], most: number): number {
  return places.length < most ? Infinity : (places.at(-1) ?? Infinity)
}

function orDamaged<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof PortcullisError) throw cause
    throw new DeviceError('PC-JOURNAL-DAMAGED', 'The journal cannot be read: the file is damaged.', { cause })
  }
}

/**
 * The hash chain: each fact holds the hash of the one before it, so that no fact can be changed,
 * taken out or slipped in without breaking every hash that follows.
 *
 * A chain shows that what is there belongs together; it cannot show that its newest end was not cut
 * off or wholly rewritten. The copy at the centre shows that.
 */
import { type Json, canonical, sha256 } from '../base/canonical.ts'
import type { Fact, FactClass } from './fact.ts'

/** A fact as it is stored: `body` is canonical JSON, hashes and sealed data are bytes. */
export interface Row {
  seq: number
  epoch: number
  wall: number
  mono_ms: number
  kind: string
  class: FactClass
  body: string
  day: string | null
  sealed: Uint8Array | null
  prev: Uint8Array
  hash: Uint8Array
}

/** Facts that were pruned: all from `first` to `last`. `hash` is that of the last of them. */
export interface Gap {
  first: number
  last: number
  prev: Uint8Array
  hash: Uint8Array
}

/** What the first fact of a chain holds as the hash before it. */
export const genesis: Uint8Array = Buffer.alloc(32)

export const openedKind = 'journal.opened'
export const closedKind = 'journal.closed'
export const prunedKind = 'journal.pruned'
export const erasedKind = 'journal.day-erased'

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/**
 * The hash of a fact: SHA-256 over the canonical JSON of all fields but `hash`. The text is put
 * together here around the stored body, so that a changed byte of the stored body always shows.
 */
export function hashOf(device: string, row: Omit<Row, 'hash'>): Buffer {
  const text = JSON.stringify
  const personal = row.day === null || row.sealed === null ? '' : `"personal":{"day":${text(row.day)},"sealed":"${base64Of(row.sealed)}"},`
  return sha256(
    `{"body":${row.body},"class":${text(row.class)},"device":${text(device)},"epoch":${row.epoch},"kind":${text(row.kind)},` +
      `"mono_ms":${row.mono_ms},${personal}"prev":"${hexOf(row.prev)}","seq":${row.seq},"wall":${row.wall}}`,
  )
}

/** @throws SyntaxError when the stored body is not JSON. */
export function toFact(device: string, row: Row): Fact {
  const personal = row.day === null || row.sealed === null ? undefined : { day: row.day, sealed: base64Of(row.sealed) }
  return {
    device,
    epoch: row.epoch,
    seq: row.seq,
    wall: row.wall,
    mono_ms: row.mono_ms,
    kind: row.kind,
    class: row.class,
    body: JSON.parse(row.body) as Json,
    ...(personal === undefined ? {} : { personal }),
    prev: hexOf(row.prev),
    hash: hexOf(row.hash),
  }
}

/** The stored form of a fact that came from outside (an export). */
export function toRow(fact: Fact): Row {
  return {
    seq: fact.seq,
    epoch: fact.epoch,
    wall: fact.wall,
    mono_ms: fact.mono_ms,
    kind: fact.kind,
    class: fact.class,
    body: canonical(fact.body),
    day: fact.personal?.day ?? null,
    sealed: fact.personal === undefined ? null : Buffer.from(fact.personal.sealed, 'base64'),
    prev: Buffer.from(fact.prev, 'hex'),
    hash: Buffer.from(fact.hash, 'hex'),
  }
}

export interface Break {
  seq: number
  why: string
}

/** Walks a chain in order and says where it breaks first. */
export class ChainWalk {
  readonly #device: string
  #seq: number
  /** Undefined while the walk has not yet seen what comes before. */
  #hash: Uint8Array | undefined
  #epoch: number | undefined
  #mono_ms = -Infinity

  constructor(device: string, seq: number, hash: Uint8Array | undefined) {
    this.#device = device
    this.#seq = seq
    this.#hash = hash
  }

  /** The last sequence number that is in order. */
  get seq(): number {
    return this.#seq
  }

  get hash(): Uint8Array | undefined {
    return this.#hash
  }

  fact(row: Row): Break | undefined {
    const { seq } = row
    if (seq !== this.#seq + 1) return { seq: this.#seq + 1, why: 'the fact is missing' }
    if (!same(hashOf(this.#device, row), row.hash)) return { seq, why: 'the content does not match its hash' }
    if (this.#hash !== undefined && !same(row.prev, this.#hash)) return { seq, why: 'the fact does not follow the one before it' }
    if (this.#epoch !== undefined && row.epoch !== this.#epoch && !(row.epoch > this.#epoch && row.kind === openedKind)) {
      return { seq, why: 'the epoch does not follow the one before it' }
    }
    if (row.epoch === this.#epoch && row.mono_ms < this.#mono_ms) return { seq, why: 'the monotonic time runs backwards' }
    this.#move(seq, row.hash, row.epoch, row.mono_ms)
    return undefined
  }

  /** A run of pruned facts; it may have begun to be pruned before where the walk stands now. */
  gap(gap: Gap): Break | undefined {
    if (gap.first > this.#seq + 1) return { seq: this.#seq + 1, why: 'the fact is missing' }
    const joins = gap.first === this.#seq + 1
    if (joins && this.#hash !== undefined && !same(gap.prev, this.#hash)) {
      return { seq: gap.first, why: 'the pruned facts do not follow the one before them' }
    }
    this.#move(gap.last, gap.hash, undefined, -Infinity)
    return undefined
  }

  #move(seq: number, hash: Uint8Array, epoch: number | undefined, mono_ms: number): void {
    this.#seq = seq
    this.#hash = hash
    this.#epoch = epoch
    this.#mono_ms = mono_ms
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

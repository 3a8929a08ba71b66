/**
 * Watchlist, revoked documents and residents' register as the device keeps them: signed, expiring,
 * never older than one seen before, and as keyed hashes only.
 *
 * A stolen device must not give the lists away. An entry is HMAC-SHA-256 (RFC 2104) under a key that
 * comes as a credential and lies apart from the lists. Who has both can still try document numbers
 * one after the other: the key is what must be protected.
 */
import { createHmac, type KeyObject, verify } from 'node:crypto'
import { canonical, sha256 } from '../base/canonical.ts'
import type { WallTime } from '../base/clock.ts'
import { ConfigError } from '../base/error.ts'
import { hex } from '../base/bytes.ts'
import { mistakes, type Static, Type } from '../base/schema.ts'
import type { Freshness } from './input.ts'
import { ListName } from './policy.ts'

const When = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' })

/** No list may be larger, as text. */
export const listBytesMax = 64 * 1024 * 1024
const entriesMax = 1_000_000

const ListBody = Type.Object({
  format: Type.Literal('portcullis-list/1'),
  list: ListName,
  /** Grows with every issue of this list. */
  sequence: Type.Integer({ minimum: 1 }),
  issued: When,
  expires: When,
  /** Makes the entries of two lists differ; hexadecimal. */
  salt: Type.String({ pattern: '^([0-9a-f]{2}){16,64}$' }),
  /** `entryOf` of each document and person, in any order. */
  entries: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }), { maxItems: entriesMax }),
}, { additionalProperties: false })
export type ListBody = Static<typeof ListBody>

export const SignedList = Type.Object({
  body: ListBody,
  /** Ed25519 (RFC 8032) over the canonical JSON (RFC 8785) of `body`. */
  signature: Type.Object({ key: Type.String({ maxLength: 64 }), value: Type.String({ maxLength: 128 }) }, { additionalProperties: false }),
}, { additionalProperties: false })
export type SignedList = Static<typeof SignedList>

/** What a document is looked up by. */
export interface ListedDocument {
  issuer: string
  documentNumber: string
  /** The national number, where the document has one. */
  personalNumber?: string
  /** All names, in any order and writing. */
  names: string
  /** `YYYY-MM-DD`, or as much as is known. */
  birth: string
}

/** How far a list has come: kept over restarts, so that no older one is taken again. */
export interface Floor {
  sequence: number
  /** SHA-256 of the canonical body, hexadecimal. */
  digest: string
}

export type Floors = { readonly [Name in ListName]?: Floor }

export interface ListsOptions {
  /** At least 32 bytes; the same on the devices and where the lists are made. */
  key: Uint8Array
  /** Ed25519 public keys that may sign lists, by name. */
  signers: ReadonlyMap<string, KeyObject>
  floors?: Floors
}

export interface Listed {
  watchlist: 'clear' | 'hit' | 'unknown'
  revoked: 'clear' | 'hit' | 'unknown'
  resident: boolean | 'unknown'
  freshness: { readonly [Name in ListName]: Freshness }
}

interface Loaded {
  body: Omit<ListBody, 'entries'>
  entries: ReadonlySet<string>
}

/** The wall clock may be this much behind the one that issued a list. */
const skew_ms = 10 * 60_000

export class Lists {
  readonly #key: Uint8Array
  readonly #signers: ReadonlyMap<string, KeyObject>
  readonly #lists = new Map<ListName, Loaded>()
  #floors: Floors

  /** @throws ConfigError (PC-GATE-LIST-KEY) when the key is too short. */
  constructor({ key, signers, floors = {} }: ListsOptions) {
    if (key.length < 32) throw new ConfigError('PC-GATE-LIST-KEY', 'The key of the lists must have at least 32 bytes.')
    this.#key = key
    this.#signers = signers
    this.#floors = floors
  }

  /** To be kept durably, after the list that raised it: the other way round, a power cut between would lock that list out. */
  get floors(): Floors {
    return this.#floors
  }

  /**
   * Takes a list in place of the one before. An expired one is taken too: a hit in it still counts.
   * @param expected the list that it must be, when that is known
   * @throws ConfigError: PC-GATE-LIST-SIZE, PC-GATE-LIST-FORMAT, PC-GATE-LIST-SIGNATURE, PC-GATE-LIST-ROLLBACK
   */
  take(text: string, expected?: ListName): ListName {
    const { body, floor } = this.#verify(text)
    if (expected !== undefined && body.list !== expected) throw new ConfigError('PC-GATE-LIST-FORMAT', `The list ${body.list} lies in the place of ${expected}.`)
    const { entries, ...rest } = body
    this.#lists.set(body.list, { body: rest, entries: new Set(entries) })
    this.#floors = { ...this.#floors, [body.list]: floor }
    return body.list
  }

  /** Looks a document up. What a missing or outdated list cannot say is `unknown`; a hit in any list counts. */
  check(document: ListedDocument, wall: WallTime): Listed {
    return {
      watchlist: this.#lookup('watchlist', document, wall),
      revoked: this.#lookup('revoked', document, wall),
      resident: { hit: true, clear: false, unknown: 'unknown' as const }[this.#lookup('residents', document, wall)],
      freshness: { watchlist: this.freshness('watchlist', wall), revoked: this.freshness('revoked', wall), residents: this.freshness('residents', wall) },
    }
  }

  /** A list from the future is stale: either it or the clock is wrong. */
  freshness(name: ListName, wall: WallTime): Freshness {
    const body = this.#lists.get(name)?.body
    if (body === undefined) return 'absent'
    return wall < Date.parse(body.expires) && wall >= Date.parse(body.issued) - skew_ms ? 'fresh' : 'stale'
  }

  /** For the technician: what is loaded, without its entries. */
  get loaded(): readonly { list: ListName; sequence: number; issued: string; expires: string; entries: number }[] {
    return [...this.#lists.values()].map(({ body: { list, sequence, issued, expires }, entries }) => ({ list, sequence, issued, expires, entries: entries.size }))
  }

  #lookup(name: ListName, document: ListedDocument, wall: WallTime): 'clear' | 'hit' | 'unknown' {
    const loaded = this.#lists.get(name)
    if (loaded === undefined) return 'unknown'
    const fresh = this.freshness(name, wall) === 'fresh'
    if (keysOf(document).some((key) => loaded.entries.has(entryOf(this.#key, loaded.body, key)))) return name === 'residents' && !fresh ? 'unknown' : 'hit'
    return fresh ? 'clear' : 'unknown'
  }

  #verify(text: string): { body: ListBody; floor: Floor } {
    const { body, signature } = parseList(text)
    const signer = this.#signers.get(signature.key)
    const bytes = canonical(body)
    if (signer === undefined || !verify(null, Buffer.from(bytes), signer, Buffer.from(signature.value, 'base64'))) {
      throw new ConfigError('PC-GATE-LIST-SIGNATURE', `The list ${body.list} is not signed by a trusted key.`)
    }
    const floor = { sequence: body.sequence, digest: hex(sha256(bytes)) }
    const before = this.#floors[body.list]
    const older = before !== undefined && (floor.sequence < before.sequence || (floor.sequence === before.sequence && floor.digest !== before.digest))
    if (older) throw new ConfigError('PC-GATE-LIST-ROLLBACK', `The list ${body.list} is older than one that was taken before.`)
    return { body, floor }
  }
}

export const tooLarge = (): ConfigError => new ConfigError('PC-GATE-LIST-SIZE', `A list is larger than ${listBytesMax} bytes.`)

function parseList(text: string): SignedList {
  if (text.length > listBytesMax) throw tooLarge()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ConfigError('PC-GATE-LIST-FORMAT', 'A list is not JSON.')
  }
  const wrong = mistakes(SignedList, value)[0]
  if (wrong === undefined) return value as SignedList
  throw new ConfigError('PC-GATE-LIST-FORMAT', `A list is not valid at ${wrong.path.slice(0, 3).join('.') || 'its start'}.`)
}

/** One thing that an entry can stand for. */
export type ListKey =
  | { by: 'document'; issuer: string; number: string }
  | { by: 'number'; issuer: string; number: string }
  | { by: 'person'; names: string; birth: string }

/** All keys under which a document may be listed. A birth date that is not fully known finds nobody by name. */
export function keysOf({ issuer, documentNumber, personalNumber, names, birth }: ListedDocument): ListKey[] {
  return [
    ...(documentNumber === '' ? [] : [{ by: 'document', issuer, number: documentNumber } as const]),
    ...(personalNumber === undefined || personalNumber === '' ? [] : [{ by: 'number', issuer, number: personalNumber } as const]),
    ...(plain(names) === '' || !/^\d{4}-\d\d-\d\d$/.test(birth) ? [] : [{ by: 'person', names, birth } as const]),
  ]
}

/** 128 bits of HMAC-SHA-256, base64url. */
export function entryOf(key: Uint8Array, { list, salt }: Pick<ListBody, 'list' | 'salt'>, entry: ListKey): string {
  const about = entry.by === 'person' ? [plain(entry.names), entry.birth] : [entry.issuer.toUpperCase(), entry.number.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')]
  return createHmac('sha256', key).update(canonical(['portcullis-list/1', list, salt, entry.by, ...about])).digest().subarray(0, 16).toString('base64url')
}

/** Names as machine-readable zones write them, words in order of the alphabet: NGUYỄN Văn Đức is DUC NGUYEN VAN. */
function plain(names: string): string {
  const letters = names.toUpperCase().replaceAll('Đ', 'D').normalize('NFD').replaceAll(/\p{M}/gu, '')
  return letters.split(/[^\p{L}]+/u).filter((word) => word !== '').sort().join(' ')
}

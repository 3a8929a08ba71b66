/**
 * How somebody gets in without the network and without a secret: the device shows a challenge, the
 * operator's authority signs an answer to it, on a laptop or at the other end of a telephone.
 *
 * A challenge names device and person, and bears eight random bytes. The answer bears the role, for
 * how long, and an Ed25519 signature (RFC 8032) over all of these, as canonical JSON (RFC 8785) of a
 * format of its own: what the authority signs for lists, records or commands is no answer, nor the
 * other way round. Times are lengths, not dates: a device without network may have a wrong clock.
 */
import { type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { concat, equal, hex } from '../base/bytes.ts'
import { canonical, sha256 } from '../base/canonical.ts'
import { fromBase32, toBase32 } from './base32.ts'
import type { PersonRole } from './contract.ts'
import { personPattern } from './name.ts'

export interface Challenge {
  device: string
  person: string
  /** Eight random bytes. */
  nonce: Uint8Array
}

/** What the authority allows. */
export interface Grant {
  role: PersonRole
  /** Minutes, from the moment the answer is taken. */
  for_min: number
}

export interface Answer extends Grant {
  /** The beginning of the challenge's nonce: which challenge it is for. */
  tag: Uint8Array
  signature: Uint8Array
}

/** A device's name, with or without its site. */
const devicePattern = /^[a-z0-9][a-z0-9/-]{0,127}$/

export const for_min_max = 24 * 60

const format = 'portcullis-access/1'
const nonce_bytes = 8
const tag_bytes = 2
const signature_bytes = 64
const check_bytes = 2
/** The number that stands for a role in an answer is its place here. */
const roles: readonly PersonRole[] = ['viewer', 'technician', 'officer', 'engineer']
/** No text that is a challenge or an answer is longer, blanks and hyphens included. */
const text_max = 512

export const newNonce = (random: (bytes: number) => Uint8Array = randomBytes): Uint8Array => random(nonce_bytes)

export const tagOf = ({ nonce }: Challenge): Uint8Array => nonce.subarray(0, tag_bytes)

/** Finds what was mistyped; proves nothing. */
const checkOf = (what: string, bytes: Uint8Array): Uint8Array => sha256(`${format} ${what} ${hex(bytes)}`).subarray(0, check_bytes)

const withCheck = (what: string, bytes: Uint8Array): Uint8Array => concat([bytes, checkOf(what, bytes)])

function withoutCheck(what: string, text: string, length: number): Uint8Array | undefined {
  const all = fromBase32(text, length + check_bytes)
  if (all === undefined) return undefined
  const bytes = all.subarray(0, length)
  return equal(checkOf(what, bytes), all.subarray(length)) ? bytes : undefined
}

/** Such as `bl1-e07:nguyen:KNF2-EEY8-85QH-5E6X`. */
export function writeChallenge({ device, person, nonce }: Challenge): string {
  return `${device}:${person}:${toBase32(withCheck(`${device}:${person}`, nonce), 4)}`
}

/** Total over all texts; `undefined` for what is no challenge, or mistyped. */
export function readChallenge(text: string): Challenge | undefined {
  if (text.length > text_max) return undefined
  const [device = '', person = '', code = '', ...more] = text.trim().split(':').map((part, at) => (at < 2 ? part.trim().toLowerCase() : part))
  if (more.length > 0 || !devicePattern.test(device) || !personPattern.test(person)) return undefined
  const nonce = withoutCheck(`${device}:${person}`, code, nonce_bytes)
  return nonce === undefined ? undefined : { device, person, nonce }
}

const signedText = ({ device, person, nonce }: Challenge, { role, for_min }: Grant): Buffer =>
  Buffer.from(canonical({ format, device, person, nonce: hex(nonce), role, for_min }))

/** The authority's side: 19 groups of 6 characters. */
export function answerChallenge(challenge: Challenge, grant: Grant, key: KeyObject): string {
  const { role, for_min } = grant
  const bytes = concat([
    tagOf(challenge), Uint8Array.of(roles.indexOf(role), for_min >> 8, for_min & 0xff), sign(null, signedText(challenge, grant), key),
  ])
  return toBase32(withCheck('answer', bytes), 6)
}

/** Total over all texts; `undefined` for what is no answer, or mistyped. */
export function readAnswer(text: string): Answer | undefined {
  if (text.length > text_max) return undefined
  const bytes = withoutCheck('answer', text, tag_bytes + 3 + signature_bytes)
  if (bytes === undefined) return undefined
  const [roleNumber = 0, high = 0, low = 0] = bytes.subarray(tag_bytes)
  const role = roles[roleNumber]
  const for_min = high * 256 + low
  if (role === undefined || for_min < 1 || for_min > for_min_max) return undefined
  return { role, for_min, tag: bytes.subarray(0, tag_bytes), signature: bytes.subarray(tag_bytes + 3) }
}

/** Whether one of the authorities signed this answer to this challenge. */
export function isSigned(challenge: Challenge, answer: Answer, authorities: readonly KeyObject[]): boolean {
  const text = signedText(challenge, answer)
  return authorities.some((key) => verify(null, text, key, answer.signature))
}

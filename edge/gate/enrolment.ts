/**
 * What enrolled travellers left with the authority for comparison: the photograph of their document
 * and, where they gave one, a fingerprint template.
 *
 * Records lie on the device encrypted so that only the document itself opens its own: the key is
 * derived from the document's data together with the device's list key. A stolen device gives no
 * photograph without the document and the key (ISO/IEC 24745: confidentiality, unlinkability).
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonical } from '../base/canonical.ts'
import { InputError } from '../base/error.ts'
import { parse, type Static, Type } from '../base/schema.ts'

/** What identifies the holder's document; enough to derive the key, and only on the document. */
export interface DocumentIdentity {
  issuer: string
  documentNumber: string
  /** `YYYY-MM-DD`. */
  birth: string
}

export interface Enrolment {
  /** JPEG. */
  photo: Uint8Array
  /** In the scanner's own format. */
  fingerTemplate?: Uint8Array
}

const Record = Type.Object({ photo: Type.String(), fingerTemplate: Type.Optional(Type.String()) }, { additionalProperties: false })
const Sealed = Type.Object({ version: Type.Literal(1), sealed: Type.String(), signature: Type.String() }, { additionalProperties: false })
const sizeMax = 1024 * 1024
const nonceBytes = 12
const tagBytes = 16

/** The file that a document's record lies in: says nothing about the document without the key. */
export function enrolmentFile(identity: DocumentIdentity, key: Uint8Array): string {
  return `${createHmac('sha256', key).update(canonical(['enrolment', identity.issuer, identity.documentNumber, identity.birth])).digest('hex')}.json`
}

/** The authority's side: seals and signs a record. */
export function sealEnrolment(identity: DocumentIdentity, enrolment: Enrolment, key: Uint8Array, authority: KeyObject): string {
  const record: Static<typeof Record> = { photo: base64(enrolment.photo) }
  if (enrolment.fingerTemplate !== undefined) record.fingerTemplate = base64(enrolment.fingerTemplate)
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', recordKey(identity, key), nonce)
  const sealed = Buffer.concat([nonce, cipher.update(canonical(record)), cipher.final(), cipher.getAuthTag()])
  const content: Static<typeof Sealed> = { version: 1, sealed: base64(sealed), signature: base64(sign(null, sealed, authority)) }
  return canonical(content)
}

export interface EnrolmentsOptions {
  folder: string
  key: Uint8Array
  /** The authority's public Ed25519 key. */
  authority: KeyObject
}

export class Enrolments {
  readonly #options: EnrolmentsOptions

  constructor(options: EnrolmentsOptions) {
    this.#options = options
  }

  /** The record of a document, `undefined` when there is none. @throws InputError (PC-GATE-ENROLMENT). */
  async find(identity: DocumentIdentity): Promise<Enrolment | undefined> {
    const { folder, key, authority } = this.#options
    const text = await readFile(join(folder, enrolmentFile(identity, key)), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw broken()
    })
    return text === undefined ? undefined : openEnrolment(text, identity, key, authority)
  }
}

function openEnrolment(text: string, identity: DocumentIdentity, key: Uint8Array, authority: KeyObject): Enrolment {
  if (text.length > sizeMax) throw broken()
  try {
    const content = parse(Sealed, JSON.parse(text), 'PC-GATE-ENROLMENT', 'enrolment record')
    const sealed = Buffer.from(content.sealed, 'base64')
    if (!verify(null, sealed, authority, Buffer.from(content.signature, 'base64'))) throw broken()
    const decipher = createDecipheriv('aes-256-gcm', recordKey(identity, key), sealed.subarray(0, nonceBytes))
    decipher.setAuthTag(sealed.subarray(-tagBytes))
    const plain = Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
    const record = parse(Record, JSON.parse(plain.toString('utf8')), 'PC-GATE-ENROLMENT', 'enrolment record')
    return {
      photo: Buffer.from(record.photo, 'base64'),
      ...(record.fingerTemplate === undefined ? {} : { fingerTemplate: Buffer.from(record.fingerTemplate, 'base64') }),
    }
  } catch (error) {
    throw error instanceof InputError ? error : broken()
  }
}

const recordKey = (identity: DocumentIdentity, key: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', canonical([identity.issuer, identity.documentNumber, identity.birth]), key, 'portcullis enrolment record', 32))

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** The cause may quote what was decrypted: it stays out of the error. */
const broken = (): InputError => new InputError('PC-GATE-ENROLMENT', 'An enrolment record is damaged or not signed by the authority.')

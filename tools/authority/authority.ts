/** The authority's side: keys, signed lists, sealed enrolment records, what a new device is given. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonical } from '../../edge/base/canonical.ts'
import { ConfigError } from '../../edge/base/error.ts'
import { entryOf, type ListBody, type ListKey, type SignedList } from '../../edge/gate/lists.ts'
import type { ListName } from '../../edge/gate/policy.ts'

export interface Authority {
  privateKey: KeyObject
  /** PEM, to be given to devices. */
  publicPem: string
}

export function newAuthority(): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { privateKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

/** @throws ConfigError (PC-SIGN-KEY). */
export async function readPrivateKey(file: string): Promise<KeyObject> {
  const pem = await readFile(file).catch((cause: unknown) => {
    throw new ConfigError('PC-SIGN-KEY', `${file} cannot be read: it must be an Ed25519 private key in PEM.`, { cause })
  })
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Said below, without what the file holds.
  }
  throw new ConfigError('PC-SIGN-KEY', `${file} is not an Ed25519 private key in PEM.`)
}

export interface ListIssue {
  list: ListName
  sequence: number
  /** Milliseconds since 1970. */
  issued: number
  expires: number
  entries: readonly ListKey[]
}

/** @param listKey the key that hides the entries, the same on all devices of the authority */
export function signedList({ list, sequence, issued, expires, entries }: ListIssue, listKey: Uint8Array, authority: KeyObject): SignedList {
  const salt = randomBytes(32).toString('hex')
  const body: ListBody = {
    format: 'portcullis-list/1', list, sequence, issued: second(issued), expires: second(expires), salt,
    entries: entries.map((entry) => entryOf(listKey, { list, salt }, entry)),
  }
  return { body, signature: { key: 'authority', value: sign(null, Buffer.from(canonical(body)), authority).toString('base64') } }
}

const second = (wall: number): string => `${new Date(wall).toISOString().slice(0, 19)}Z`

/** Credentials of a device, by the names under which profiles refer to them. */
export interface Credentials {
  /** 32 random bytes: wraps the journal's day keys. */
  journal: Uint8Array
  /** 32 random bytes: hides the entries of lists and, with a document, opens its record. */
  lists: Uint8Array
  /** The authority's public key. */
  authority: string
}

/** Fills the state folder of a device; only its owner may read what is in it. */
export async function provision(state: string, { journal, lists, authority }: Credentials): Promise<void> {
  const folder = join(state, 'credentials')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(state, 0o700)
  for (const [name, content] of Object.entries({ journal, lists, authority })) {
    await writeFile(join(folder, name), content, { mode: 0o600 })
  }
}

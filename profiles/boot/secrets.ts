/** Finds the secrets that a profile refers to. Nothing of them is ever in the profile, a log or an error. */
import { isUtf8 } from 'node:buffer'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../edge/base/error.ts'

const sizeMax = 64 * 1024

export interface SecretPlaces {
  /** Where `credential:NAME` is looked for: systemd's $CREDENTIALS_DIRECTORY, or the state folder's own. */
  credentials: string
  env: Readonly<Record<string, string | undefined>>
}

/**
 * The bytes behind `credential:NAME`, `file:PATH` or `env:NAME`; of a text, without the line break at its end.
 * @throws ConfigError (PC-PROFILE-SECRET) that names the reference, never what it holds.
 */
export async function readSecret(reference: string, { credentials, env }: SecretPlaces): Promise<Uint8Array> {
  const { scheme, rest } = /^(?<scheme>credential|file|env):(?<rest>.+)$/s.exec(reference)?.groups ?? {}
  if (scheme === undefined || rest === undefined) throw missing(reference)
  if (scheme === 'env') {
    const value = Object.hasOwn(env, rest) ? env[rest] : undefined
    if (value === undefined || value === '') throw missing(reference)
    return Buffer.from(value)
  }
  if (scheme === 'credential' && !/^[A-Za-z0-9._-]+$/.test(rest)) throw missing(reference)
  const bytes = await readFile(scheme === 'file' ? rest : join(credentials, rest)).catch((cause: unknown) => {
    throw missing(reference, cause)
  })
  if (bytes.length === 0 || bytes.length > sizeMax) throw missing(reference)
  return isText(bytes) && bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes
}

/** A key of random bytes is none, even one that happens to end as a text does. */
const isText = (bytes: Uint8Array): boolean => isUtf8(bytes) && bytes.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)

function missing(reference: string, cause?: unknown): ConfigError {
  return new ConfigError('PC-PROFILE-SECRET', `The secret ${reference} is not there: has the device been provisioned?`, { cause })
}

/** @throws ConfigError (PC-PROFILE-KEY) when the secret is no public Ed25519 key in PEM. */
export function publicKey(pem: Uint8Array, reference: string): KeyObject {
  try {
    const key = createPublicKey(Buffer.from(pem))
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Said below, without what the key file holds.
  }
  throw new ConfigError('PC-PROFILE-KEY', `${reference} is not an Ed25519 public key in PEM.`)
}

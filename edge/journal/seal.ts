/** Sealing personal data: AES-256-GCM (NIST SP 800-38D), each day under its own random key. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { ConfigError } from '../base/error.ts'

const nonce_bytes = 12
const tag_bytes = 16
export const key_bytes = 32

/** Nonce, ciphertext, tag. `bound` is not in the result but must be the same at opening. */
export function seal(key: Uint8Array, bound: string, plain: Uint8Array): Buffer {
  const nonce = randomBytes(nonce_bytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(bound))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** `undefined` when the key is another one, or the bytes or what they are bound to were changed. */
export function unseal(key: Uint8Array, bound: string, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < nonce_bytes + tag_bytes) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonce_bytes), { authTagLength: tag_bytes })
  decipher.setAAD(Buffer.from(bound))
  decipher.setAuthTag(sealed.subarray(sealed.length - tag_bytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonce_bytes, sealed.length - tag_bytes)), decipher.final()])
  } catch {
    return undefined
  }
}

/** Wraps the day keys for storage: with a key of the device, a TPM or a secure element. */
export interface KeyWrapper {
  /** `bound` names device and day; at most 200 bytes may come back. */
  wrap(key: Uint8Array, bound: string): Uint8Array
  /** `undefined` when this is not what `wrap` gave for `bound`. */
  unwrap(wrapped: Uint8Array, bound: string): Uint8Array | undefined
}

/** @throws ConfigError (PC-JOURNAL-DEVICE-KEY) unless the key has 32 bytes. */
export function deviceKey(key: Uint8Array): KeyWrapper {
  if (key.length !== key_bytes) throw new ConfigError('PC-JOURNAL-DEVICE-KEY', 'The device key of the journal must have 32 bytes.')
  return {
    wrap: (plain, bound) => seal(key, bound, plain),
    unwrap: (wrapped, bound) => unseal(key, bound, wrapped),
  }
}

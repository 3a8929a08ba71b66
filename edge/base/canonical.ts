/** Canonical JSON (RFC 8785): one value, one sequence of bytes, so that hashes and signatures hold. */
import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { InternalError } from './error.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/** @throws InternalError (PC-BASE-CANONICAL) for what JSON cannot hold: NaN, infinities, functions. */
export function canonical(value: unknown): string {
  try {
    const text = canonicalize(value)
    if (text !== undefined) return text
  } catch (cause) {
    throw new InternalError('PC-BASE-CANONICAL', 'A value cannot be written as canonical JSON.', { cause })
  }
  throw new InternalError('PC-BASE-CANONICAL', 'A value cannot be written as canonical JSON.')
}

export function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}

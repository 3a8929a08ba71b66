/**
 * Consistent Overhead Byte Stuffing (S. Cheshire, M. Baker, IEEE/ACM Transactions on Networking 7(2),
 * 1999): bytes without a zero among them, so that a zero can only be the end of a frame.
 */

/** A code byte says how far the next one is; this one, that no zero stands between. */
const farthest = 0xff

/** How long `length` bytes become at most. */
export const cobsMax = (length: number): number => length + Math.floor(length / (farthest - 1)) + 1

export function encodeCobs(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(cobsMax(bytes.length))
  let codeAt = 0
  let length = 1
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte !== 0) out[length++] = byte
    const isFull = length - codeAt === farthest
    // A run that is full exactly at the end needs no further code.
    if (byte !== 0 && (!isFull || at === bytes.length - 1)) continue
    out[codeAt] = length - codeAt
    codeAt = length++
  }
  out[codeAt] = length - codeAt
  return out.subarray(0, length)
}

/** `undefined` for what no encoder makes: empty, with a zero, or a code that points beyond the end. */
export function decodeCobs(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length === 0) return undefined
  const out = new Uint8Array(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at] ?? 0
    const next = at + code
    if (code === 0 || next > bytes.length) return undefined
    for (let from = at + 1; from < next; from++) {
      const byte = bytes[from] ?? 0
      if (byte === 0) return undefined
      out[length++] = byte
    }
    if (code !== farthest && next < bytes.length) out[length++] = 0
    at = next
  }
  return out.subarray(0, length)
}

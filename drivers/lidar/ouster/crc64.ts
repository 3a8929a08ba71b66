/**
 * CRC-64 with the polynomial of ECMA-182, reflected (0xC96C5795D7870F42), start and end inverted: the
 * check sum in the last eight bytes of an Ouster packet since firmware 3.1.
 *
 * Eight bytes a step, each by a table of its own ("slicing by 8", Kounavis and Berry 2005), as pairs
 * of 32-bit halves: BigInt would allocate, and every packet of a busy sensor is summed.
 */
const slices = 8
const low = new Int32Array(slices * 256)
const high = new Int32Array(slices * 256)

for (let byte = 0; byte < 256; byte++) {
  let lo = byte
  let hi = 0
  for (let bit = 0; bit < 8; bit++) {
    const odd = (lo & 1) !== 0
    lo = (lo >>> 1) | (hi << 31)
    hi >>>= 1
    if (odd) {
      lo ^= 0xd7870f42
      hi ^= 0xc96c5795
    }
  }
  low[byte] = lo
  high[byte] = hi
}
for (let slice = 1; slice < slices; slice++) {
  for (let byte = 0; byte < 256; byte++) {
    const before = (slice - 1) * 256 + byte
    const lo = low[before]!
    const hi = high[before]!
    const next = lo & 0xff
    low[slice * 256 + byte] = ((lo >>> 8) | (hi << 24)) ^ low[next]!
    high[slice * 256 + byte] = (hi >>> 8) ^ high[next]!
  }
}

/**
 * Whether the two words after the first `count` hold those words' check sum; with `write` they are
 * made to. @param count even
 */
export function crc64(words: Uint32Array, count: number, write = false): boolean {
  let lo = -1
  let hi = -1
  for (let at = 0; at < count; at += 2) {
    lo ^= words[at]!
    hi ^= words[at + 1]!
    const a = 1792 + (lo & 0xff)
    const b = 1536 + ((lo >>> 8) & 0xff)
    const c = 1280 + ((lo >>> 16) & 0xff)
    const d = 1024 + (lo >>> 24)
    const e = 768 + (hi & 0xff)
    const f = 512 + ((hi >>> 8) & 0xff)
    const g = 256 + ((hi >>> 16) & 0xff)
    const h = hi >>> 24
    lo = low[a]! ^ low[b]! ^ low[c]! ^ low[d]! ^ low[e]! ^ low[f]! ^ low[g]! ^ low[h]!
    hi = high[a]! ^ high[b]! ^ high[c]! ^ high[d]! ^ high[e]! ^ high[f]! ^ high[g]! ^ high[h]!
  }
  if (write) {
    words[count] = ~lo
    words[count + 1] = ~hi
  }
  return words[count] === ~lo >>> 0 && words[count + 1] === ~hi >>> 0
}

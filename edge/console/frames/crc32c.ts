/**
 * CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected, start and end inverted (RFC 3720, appendix B.4).
 *
 * It finds every error of up to three bits in a frame of ours (32 Kbit), where a CRC-16 is at the end
 * of its reach, and it is another one than ZMODEM's: neither takes the other's bytes for its own.
 */
const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78
  return crc
})

export function crc32c(bytes: Uint8Array): number {
  let crc = -1
  for (let at = 0; at < bytes.length; at++) crc = (table[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  return ~crc >>> 0
}

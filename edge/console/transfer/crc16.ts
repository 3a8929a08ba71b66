/** CRC-16 as XMODEM, YMODEM and ZMODEM use it: polynomial 0x1021, start 0, highest bit first. */

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
  return crc & 0xffff
})

/** @param start the CRC of what came before. */
export function crc16(bytes: Uint8Array, start = 0): number {
  let crc = start
  for (let at = 0; at < bytes.length; at++) crc = ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ (bytes[at] ?? 0)] ?? 0)
  return crc
}

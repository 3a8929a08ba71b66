/** Small tools for bytes on the wire. */

export const empty: Uint8Array<ArrayBuffer> = new Uint8Array(0)

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** Lower-case hexadecimal, without separators. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** The bytes of a hexadecimal string; blanks are ignored. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s+/g, ''), 'hex'))
}

export const ascii = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'latin1'))

/** CRC-16/MODBUS: polynomial 0x8005 reflected, start 0xFFFF (Modbus over Serial Line V1.02, 6.2.2). */
export function crc16Modbus(bytes: Uint8Array, length: number = bytes.length): number {
  let crc = 0xffff
  for (let index = 0; index < length; index++) {
    crc ^= bytes[index] ?? 0
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return crc
}

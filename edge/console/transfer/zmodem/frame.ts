/**
 * The frames of ZMODEM: headers in hexadecimal or binary, and data subpackets.
 *
 * C. Forsberg, "The ZMODEM Inter Application File Transfer Protocol" (revision of 10-14-88):
 * chapter 7 says how bytes are packed, 11 what the frame types mean.
 */
import { crc32 } from 'node:zlib'
import { ascii, concat } from '../../../base/bytes.ts'
import { crc16 } from '../crc16.ts'

export const padding = 0x2a
/** Begins every escape; five of them in a row cancel the session (7.2). */
export const escape = 0x18
export const cancelsMin = 5

/** The three kinds of header, by the byte after the escape (7.3). */
export const HeaderKind = { binary16: 0x41, hex: 0x42, binary32: 0x43 } as const

/** Frame types (11). */
export const Type = {
  requestInit: 0, init: 1, senderInit: 2, ack: 3, file: 4, skip: 5, nak: 6, abort: 7, finish: 8, position: 9, data: 10, end: 11,
  fileError: 12, crc: 13, challenge: 14, complete: 15, freeCount: 17, command: 18, message: 19,
} as const

/** Frames after whose header data subpackets follow (11). */
export const carriesData: ReadonlySet<number> = new Set([Type.senderInit, Type.file, Type.data, Type.command, Type.message])

/** How a subpacket ends, and so what follows it (7.4). */
export const End = { frame: 0x68, more: 0x69, moreAck: 0x6a, frameAck: 0x6b } as const
export type End = (typeof End)[keyof typeof End]

/** What the receiver can do: ZF0 of ZRINIT (11.2). */
export const Can = { duplex: 0x01, overlapIo: 0x02, crc32: 0x20, escapeControls: 0x40 } as const

/** ZF0 of ZSINIT (11.3). */
export const senderEscapesControls = 0x40

/** ZF0 of ZFILE (11.5.1). */
export const Conversion = { binary: 1, resume: 3 } as const

/** The longest subpacket that is taken: 1024 by the specification; some programs send 8 KiB on fast lines. */
export const subpacketMax = 8_192

/** Eight cancels, and backspaces that wipe them off a shell's command line (8.4). */
export const abortSequence: Uint8Array = concat([new Uint8Array(8).fill(escape), new Uint8Array(10).fill(0x08)])

const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)

export function le32(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
}

/** ZF0 is the last of the four bytes, ZP0 the first (7.3). */
export const flags = (zf0: number): number => (zf0 << 24) >>> 0

/** Used for what the receiver says, and for all that begins or ends a session (7.3.3). */
export function hexHeader(type: number, argument = 0): Uint8Array {
  const content = concat([Uint8Array.of(type), le32(argument)])
  const digits = Buffer.from(concat([content, be16(crc16(content))])).toString('hex')
  // No XON after what may pass while the other direction is held, nor after the last frame.
  const xon = type === Type.ack || type === Type.finish ? '' : '\x11'
  return ascii(`**\x18B${digits}\r\x8a${xon}`)
}

/** Which bytes are written escaped (7.2): ZDLE, DLE, XON, XOFF and these with bit 7; CR after @ for Telenet. */
const always = new Set([0x18, 0x10, 0x11, 0x13, 0x90, 0x91, 0x93])

/** Packs bytes for the line. One packer a session: the escaping of CR looks at the byte before. */
export class Packer {
  readonly #table: Uint8Array
  readonly #wide: boolean
  #before = 0

  /** @param wide CRC-32 instead of CRC-16. @param controls escape every control character. */
  constructor(wide: boolean, controls: boolean) {
    this.#wide = wide
    this.#table = Uint8Array.from({ length: 256 }, (_, byte) => Number(always.has(byte) || (controls && (byte & 0x60) === 0)))
  }

  header(type: number, argument = 0): Uint8Array {
    const content = concat([Uint8Array.of(type), le32(argument)])
    return concat([Uint8Array.of(padding, escape, this.#wide ? HeaderKind.binary32 : HeaderKind.binary16), this.#escaped(content), this.#escaped(this.#check(content))])
  }

  subpacket(data: Uint8Array, end: End): Uint8Array {
    const check = this.#check(data, end)
    return concat([this.#escaped(data), Uint8Array.of(escape, end), this.#escaped(check)])
  }

  #check(content: Uint8Array, end?: number): Uint8Array {
    const last = end === undefined ? new Uint8Array(0) : Uint8Array.of(end)
    return this.#wide ? le32(crc32(last, crc32(content))) : be16(crc16(last, crc16(content)))
  }

  #escaped(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length * 2)
    let length = 0
    for (const byte of bytes) {
      const telenet = (byte & 0x7f) === 0x0d && (this.#before & 0x7f) === 0x40
      if (this.#table[byte] === 1 || telenet) {
        out[length++] = escape
        out[length++] = byte ^ 0x40
      } else {
        out[length++] = byte
      }
      this.#before = byte
    }
    return out.subarray(0, length)
  }
}

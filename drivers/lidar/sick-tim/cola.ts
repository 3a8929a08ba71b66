/**
 * CoLa B, the binary command language of SICK's sensors on TCP port 2112 (telegram listing 8014631, 2.1).
 *
 * On the wire: 02 02 02 02, the payload's length (4 bytes, big endian), the payload, and the exclusive
 * or of its bytes. A payload is a kind (`sRN` read, `sWN` write, `sMN` method, `sEN` event; answered by
 * `sRA`, `sWA`, `sAN`, `sEA`; `sSN` an event, `sFA` a refusal), a blank, a name, and mostly a blank and
 * what it carries.
 */
import { ascii, concat, empty } from '../../../edge/base/bytes.ts'
import { type Framer, framerOf, type Scan } from '../../kit/framing.ts'

/** More than the longest scan of such a sensor (five echoes of 1081 beams) needs. */
export const payloadMax = 16_384
const headerBytes = 8
/** A view into the receive buffer: to be read before the next bytes are pushed. */
export type Payload = Uint8Array

const start = 0x02

export function checksum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; at++) sum ^= bytes[at] as number
  return sum
}

/** The telegram around a payload. */
export function frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = payload
  return concat([
    Uint8Array.of(start, start, start, start, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff),
    payload, Uint8Array.of(checksum(payload, 0, length)),
  ])
}

/** A command or reply with what it carries. */
export function telegram(words: string, carried: Uint8Array = empty): Uint8Array<ArrayBuffer> {
  return frame(concat([ascii(carried.length === 0 ? words : `${words} `), carried]))
}

export interface ColaFramer extends Framer<Payload> {
  /** Telegrams whose check sum was wrong. */
  readonly damaged: number
}

export function colaFramer(): ColaFramer {
  let damaged = 0
  const framer = framerOf<Payload>((bytes) => {
    const found = scan(bytes)
    if (found === 'damaged') {
      damaged++
      // Its length may be what is wrong: the next telegram may begin within it.
      return { kind: 'skip', length: 1 }
    }
    return found
  }, payloadMax + headerBytes + 1)
  return {
    push: (bytes) => framer.push(bytes),
    reset: () => framer.reset(),
    get pending() {
      return framer.pending
    },
    get discarded() {
      return framer.discarded
    },
    get damaged() {
      return damaged
    },
  }
}

function scan(bytes: Uint8Array): Scan<Payload> | 'damaged' {
  for (let at = 0; at < 4; at++) {
    if (at >= bytes.length) return { kind: 'more' }
    if (bytes[at] !== start) return { kind: 'skip', length: toNextStart(bytes, at) }
  }
  if (bytes.length < headerBytes) return { kind: 'more' }
  const length = u32(bytes, 4)
  if (length === 0 || length > payloadMax) return { kind: 'skip', length: 1 }
  const end = headerBytes + length
  if (bytes.length <= end) return { kind: 'more' }
  if (checksum(bytes, headerBytes, end) !== bytes[end]) return 'damaged'
  return { kind: 'frame', frame: bytes.subarray(headerBytes, end), length: end + 1 }
}

function toNextStart(bytes: Uint8Array, from: number): number {
  const next = bytes.indexOf(start, from)
  return next === -1 ? bytes.length : next
}

/** Whether the payload begins with the given words. */
export function startsWith(payload: Payload, words: Uint8Array): boolean {
  if (payload.length < words.length) return false
  for (let at = 0; at < words.length; at++) if (payload[at] !== words[at]) return false
  return true
}

/**
 * What a reply to `name` carries (`sRA DeviceIdent ...`); undefined when it is another telegram. Some
 * sensors end the words with a blank even when nothing follows.
 */
export function carriedBy(payload: Payload, kind: 'sRA' | 'sWA' | 'sAN' | 'sEA' | 'sSN', name: string): Payload | undefined {
  const words = ascii(`${kind} ${name}`)
  if (!startsWith(payload, words)) return undefined
  if (payload.length === words.length) return payload.subarray(words.length)
  return payload[words.length] === 0x20 ? payload.subarray(words.length + 1) : undefined
}

const refusalWords = ascii('sFA')
export const isRefusal = (payload: Payload): boolean => startsWith(payload, refusalWords)

/** The number that a refusal gives: 1 access denied, 2 unknown method, 3 unknown variable, ... (listing, SOPAS error codes). */
export function refusalCode(payload: Payload): number {
  return payload[payload.length - 1] ?? 0
}

export const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
export const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 65_536 + u16(bytes, at + 2)
export const i32 = (bytes: Uint8Array, at: number): number => u32(bytes, at) | 0

const floatBits = new Uint32Array(1)
const floatValue = new Float32Array(floatBits.buffer)
export function f32(bytes: Uint8Array, at: number): number {
  floatBits[0] = u32(bytes, at)
  return floatValue[0] as number
}

/** Reads what a telegram carries, one value after the other; past the end everything is 0 and `ok` is false. */
export class Reader {
  readonly #bytes: Uint8Array
  at: number
  ok = true

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  get left(): number {
    return this.#bytes.length - this.at
  }

  u8 = (): number => this.#take(1, (bytes, at) => bytes[at] as number)
  u16 = (): number => this.#take(2, u16)
  u32 = (): number => this.#take(4, u32)
  i32 = (): number => this.#take(4, i32)
  f32 = (): number => this.#take(4, f32)

  date(): number {
    return this.#take(dateBytes, dateAt)
  }

  /** A text with its length before it (2 bytes). */
  text(): string {
    const length = this.u16()
    if (!this.skip(length)) return ''
    return Buffer.from(this.#bytes.subarray(this.at - length, this.at)).toString('latin1')
  }

  skip(length: number): boolean {
    if (length > this.left) this.ok = false
    else this.at += length
    return this.ok
  }

  #take(length: number, read: (bytes: Uint8Array, at: number) => number): number {
    const { at } = this
    return this.skip(length) ? read(this.#bytes, at) : 0
  }
}

/** Writes what a telegram carries. */
export class Writer {
  readonly #bytes: number[] = []

  u8(value: number): this {
    this.#bytes.push(value & 0xff)
    return this
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value)
  }

  u32(value: number): this {
    return this.u16((value >>> 16) & 0xffff).u16(value & 0xffff)
  }

  f32(value: number): this {
    floatValue[0] = value
    return this.u32(floatBits[0] as number)
  }

  raw(text: string): this {
    for (const byte of ascii(text)) this.#bytes.push(byte)
    return this
  }

  text(text: string): this {
    return this.u16(text.length).raw(text)
  }

  done(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes)
  }
}

/**
 * The sensor's own date (year, month, day, hour, minute, second, microseconds: 11 bytes) in microseconds
 * since 1970; sensors that nobody has set begin there at power-up.
 */
export function dateAt(bytes: Uint8Array, at: number): number {
  const second = Date.UTC(u16(bytes, at), (bytes[at + 2] as number) - 1, bytes[at + 3], bytes[at + 4], bytes[at + 5], bytes[at + 6])
  return second * 1_000 + u32(bytes, at + 7)
}
export const dateBytes = 11

/** @param at_us as `dateAt` gives it. */
export function writeDate(writer: Writer, at_us: number): Writer {
  const date = new Date(Math.floor(at_us / 1_000))
  return writer.u16(date.getUTCFullYear()).u8(date.getUTCMonth() + 1).u8(date.getUTCDate())
    .u8(date.getUTCHours()).u8(date.getUTCMinutes()).u8(date.getUTCSeconds()).u32(at_us % 1_000_000)
}

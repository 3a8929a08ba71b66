/** Finds headers and data subpackets in what comes from the line, and says what is broken. Keeps one subpacket at most. */
import { crc32 } from 'node:zlib'
import { concat, empty } from '../../../base/bytes.ts'
import { crc16 } from '../crc16.ts'
import type { TokenReader } from '../script.ts'
import { cancelsMin, carriesData, End, escape, HeaderKind, le32, padding, subpacketMax } from './frame.ts'

export type Token =
  | { kind: 'header'; type: number; argument: number }
  /** `data` is valid until the next call. */
  | { kind: 'data'; data: Uint8Array; end: End }
  | { kind: 'broken'; what: 'header' | 'data' }
  | { kind: 'cancel' }

/** `tail`: the CR and LF behind a header in hexadecimal, before its subpacket. */
type State = 'hunt' | 'pad' | 'kind' | 'hex' | 'binary' | 'tail' | 'data' | 'check'

const contentLength = 5
const isFlow = (byte: number): boolean => (byte & 0x7f) === 0x11 || (byte & 0x7f) === 0x13

/** What an escaped byte means: the byte, an end of subpacket (negative), or nothing valid. */
function unescaped(byte: number): number | undefined {
  if (byte === 0x6c) return 0x7f
  if (byte === 0x6d) return 0xff
  if (byte >= End.frame && byte <= End.frameAck) return -byte
  return (byte & 0x60) === 0x40 ? byte ^ 0x40 : undefined
}

export class ZmodemReader implements TokenReader<Token> {
  #input: Uint8Array = empty
  #at = 0
  #state: State = 'hunt'
  #wide = false
  #escaping = false
  #cancels = 0
  #end: End = End.frame
  readonly #takers: Record<State, (byte: number) => Token | undefined> = {
    hunt: (byte) => this.#awaitPadding(byte),
    pad: (byte) => this.#awaitEscape(byte),
    kind: (byte) => this.#beginHeader(byte),
    hex: (byte) => this.#takeHex(byte),
    tail: (byte) => this.#passTail(byte),
    binary: (byte) => this.#takePacked(byte),
    data: (byte) => this.#takePacked(byte),
    check: (byte) => this.#takePacked(byte),
  }

  readonly #buffer = new Uint8Array(subpacketMax + 4)
  #length = 0
  #dataLength = 0

  push(bytes: Uint8Array): void {
    const rest = this.#input.subarray(this.#at)
    this.#input = rest.length === 0 ? bytes : concat([rest, bytes])
    this.#at = 0
  }

  /** Bytes that were given and not looked at yet. */
  get pending(): number {
    return this.#input.length - this.#at
  }

  next(): Token | undefined {
    while (this.#at < this.#input.length) {
      const token = this.#take(this.#input[this.#at++] ?? 0)
      if (token !== undefined) return token
    }
    return undefined
  }

  /** What has come and was not read, such as what a shell says after the session. */
  rest(): Uint8Array {
    return this.#input.subarray(this.#at)
  }

  #take(byte: number): Token | undefined {
    this.#cancels = byte === escape ? this.#cancels + 1 : 0
    if (this.#cancels >= cancelsMin) {
      this.#hunt()
      return { kind: 'cancel' }
    }
    return this.#takers[this.#state](byte)
  }

  #awaitPadding(byte: number): undefined {
    if (byte === padding) this.#state = 'pad'
  }

  #awaitEscape(byte: number): undefined {
    if (byte === escape) this.#state = 'kind'
    else if (byte !== padding) this.#state = 'hunt'
  }

  #passTail(byte: number): Token | undefined {
    if ((byte & 0x7f) === 0x0d) return undefined
    this.#state = 'data'
    return (byte & 0x7f) === 0x0a ? undefined : this.#takePacked(byte)
  }

  #hunt(): void {
    this.#state = 'hunt'
    this.#escaping = false
  }

  #broken(what: 'header' | 'data'): Token {
    this.#hunt()
    return { kind: 'broken', what }
  }

  #beginHeader(byte: number): undefined {
    this.#length = 0
    this.#escaping = false
    if (byte === HeaderKind.hex) this.#state = 'hex'
    else if (byte === HeaderKind.binary16 || byte === HeaderKind.binary32) this.#state = 'binary'
    else this.#hunt()
    this.#wide = byte === HeaderKind.binary32
  }

  /** The receive side ignores parity (7.3.3); capitals are no digits. */
  #takeHex(byte: number): Token | undefined {
    const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte & 0x7f))
    if (digit < 0) return isFlow(byte) ? undefined : this.#broken('header')
    const place = this.#length >> 1
    this.#buffer[place] = this.#length % 2 === 0 ? digit << 4 : (this.#buffer[place] ?? 0) | digit
    this.#length++
    return this.#length < (contentLength + 2) * 2 ? undefined : this.#header()
  }

  #takePacked(byte: number): Token | undefined {
    let value = byte
    if (this.#escaping) {
      if (byte === escape || isFlow(byte)) return undefined
      this.#escaping = false
      const meant = unescaped(byte)
      if (meant === undefined || (meant < 0 && this.#state !== 'data')) return this.#broken(this.#state === 'binary' ? 'header' : 'data')
      if (meant < 0) return this.#endData(-meant as End)
      value = meant
    } else if (byte === escape) {
      this.#escaping = true
      return undefined
    } else if (isFlow(byte)) {
      // Never sent bare: a terminal server's own, or noise (7.2).
      return undefined
    }
    return this.#takeValue(value)
  }

  #takeValue(value: number): Token | undefined {
    if (this.#state === 'data' && this.#length >= subpacketMax) return this.#broken('data')
    this.#buffer[this.#length++] = value
    const checkLength = this.#wide ? 4 : 2
    if (this.#state === 'binary' && this.#length === contentLength + checkLength) return this.#header()
    if (this.#state === 'check' && this.#length === this.#dataLength + checkLength) return this.#data()
    return undefined
  }

  #endData(end: End): undefined {
    this.#end = end
    this.#dataLength = this.#length
    this.#state = 'check'
  }

  #header(): Token {
    const content = this.#buffer.subarray(0, contentLength)
    const check = this.#buffer.subarray(contentLength, this.#state === 'binary' && this.#wide ? contentLength + 4 : contentLength + 2)
    if (!sound(content, check)) return this.#broken('header')
    const [type = 0, p0 = 0, p1 = 0, p2 = 0, p3 = 0] = content
    const dataState = this.#state === 'hex' ? 'tail' : 'data'
    this.#hunt()
    this.#length = 0
    if (carriesData.has(type)) this.#state = dataState
    return { kind: 'header', type, argument: (p0 | (p1 << 8) | (p2 << 16) | (p3 << 24)) >>> 0 }
  }

  #data(): Token {
    const data = this.#buffer.subarray(0, this.#dataLength)
    const check = this.#buffer.subarray(this.#dataLength, this.#length)
    if (!sound(data, check, this.#end)) return this.#broken('data')
    this.#hunt()
    if (this.#end === End.more || this.#end === End.moreAck) this.#state = 'data'
    this.#length = 0
    return { kind: 'data', data, end: this.#end }
  }
}

/** A CRC-32 is sent lowest byte first, a CRC-16 highest first (7.3). */
function sound(content: Uint8Array, check: Uint8Array, end?: number): boolean {
  const last = end === undefined ? empty : Uint8Array.of(end)
  const due = check.length === 4 ? le32(crc32(last, crc32(content))) : Uint8Array.of(crc16(last, crc16(content)) >> 8, crc16(last, crc16(content)) & 0xff)
  return due.every((byte, at) => byte === check[at])
}

/**
 * The blocks of YMODEM.
 *
 * C. Forsberg (ed.), "XMODEM/YMODEM Protocol Reference" (10-14-88): block = SOH or STX, number, its
 * complement, 128 or 1024 bytes, CRC-16; block 0 of a file is its description (chapter 5).
 */
import { concat, empty } from '../../../base/bytes.ts'
import { crc16 } from '../crc16.ts'
import type { TokenReader } from '../script.ts'

export const Sign = { short: 0x01, long: 0x02, end: 0x04, ack: 0x06, nak: 0x15, cancel: 0x18, crc: 0x43 } as const

export const shortLength = 128
export const longLength = 1_024
/** Fills the last block; the description says how long the file is. */
export const filler = 0x1a

/** @param data at most 1024 bytes; filled up to a whole block. */
export function block(number: number, data: Uint8Array, fill: number): Uint8Array {
  const content = new Uint8Array(data.length <= shortLength ? shortLength : longLength).fill(fill)
  content.set(data)
  const check = crc16(content)
  const low = number & 0xff
  return concat([Uint8Array.of(content.length === shortLength ? Sign.short : Sign.long, low, low ^ 0xff), content, Uint8Array.of(check >> 8, check & 0xff)])
}

export type BlockToken = { kind: 'block'; number: number; data: Uint8Array } | { kind: 'end' } | { kind: 'cancel' } | { kind: 'broken' }

/** Two in a row cancel: one can be noise. */
const cancels = 2

/** Finds blocks. What does not begin one is skipped; a broken one takes all that came with it along. */
export class BlockReader implements TokenReader<BlockToken> {
  #buffer: Uint8Array = empty

  push(bytes: Uint8Array): void {
    this.#buffer = this.#buffer.length === 0 ? bytes.slice() : concat([this.#buffer, bytes])
  }

  /** Bytes of an unfinished block. */
  get pending(): number {
    return this.#buffer.length
  }

  reset(): void {
    this.#buffer = empty
  }

  next(): BlockToken | undefined {
    while (this.#buffer.length > 0) {
      const [first, second] = this.#buffer
      if (first === Sign.end) return this.#cut(1, { kind: 'end' })
      if (first === Sign.cancel) {
        if (second === undefined) return undefined
        if (second === Sign.cancel) return this.#cut(cancels, { kind: 'cancel' })
      }
      if (first === Sign.short || first === Sign.long) return this.#block(first === Sign.short ? shortLength : longLength)
      this.#buffer = this.#buffer.subarray(1)
    }
    return undefined
  }

  #block(length: number): BlockToken | undefined {
    const whole = 3 + length + 2
    const [, number = 0, complement = 0] = this.#buffer
    if (this.#buffer.length >= 3 && complement !== (number ^ 0xff)) return this.#broken()
    if (this.#buffer.length < whole) return undefined
    const data = this.#buffer.slice(3, 3 + length)
    const check = ((this.#buffer[3 + length] ?? 0) << 8) | (this.#buffer[4 + length] ?? 0)
    return crc16(data) === check ? this.#cut(whole, { kind: 'block', number, data }) : this.#broken()
  }

  #broken(): BlockToken {
    this.reset()
    return { kind: 'broken' }
  }

  #cut(length: number, token: BlockToken): BlockToken {
    this.#buffer = this.#buffer.slice(length)
    return token
  }
}

export type SignToken = 'ack' | 'nak' | 'crc' | 'cancel'

/** Reads what a receiver says; anything else is noise. */
export class SignReader implements TokenReader<SignToken> {
  #input: Uint8Array = empty
  #at = 0
  #cancels = 0

  push(bytes: Uint8Array): void {
    this.#input = concat([this.#input.subarray(this.#at), bytes])
    this.#at = 0
  }

  next(): SignToken | undefined {
    while (this.#at < this.#input.length) {
      const byte = this.#input[this.#at++]
      this.#cancels = byte === Sign.cancel ? this.#cancels + 1 : 0
      if (this.#cancels === cancels) return 'cancel'
      if (byte === Sign.ack) return 'ack'
      if (byte === Sign.nak) return 'nak'
      if (byte === Sign.crc) return 'crc'
    }
    return undefined
  }

  /** Forgets what came before something that is answered now. */
  reset(): void {
    this.#at = this.#input.length
  }
}

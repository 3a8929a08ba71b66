/**
 * Messages over a line that also carries a person's typing: one or more frames each.
 *
 *     0x00  COBS( head | part of the text | CRC-32C of both, lowest byte first )  0x00
 *
 * `head` is the part's number, from 0; with 0x80 more parts follow. The text is JSON in UTF-8. A zero
 * on either side: garbage before a frame costs at most itself.
 */
import { concat } from '../../base/bytes.ts'
import { decodeCobs, encodeCobs } from './cobs.ts'
import { crc32c } from './crc32c.ts'

/** The longest frame with both its delimiters, bytes. */
export const frameMax = 4_096
const delimiters = 2
const headLength = 1
const checkLength = 4
const more = 0x80
const partsMax = 128

/** So many bytes of text go into one frame. */
export const partMax = 4_072
/** And so many into the longest message. */
export const messageMax = partMax * partsMax

const delimiter = Uint8Array.of(0)

/** @returns the message's frames; none when it is longer than `messageMax`. */
export function framesOf(message: unknown): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(message), 'utf8')
  if (text.length > messageMax) return []
  const count = Math.max(1, Math.ceil(text.length / partMax))
  return Array.from({ length: count }, (_, part) => frameOf(text.subarray(part * partMax, (part + 1) * partMax), part, part + 1 < count))
}

function frameOf(text: Uint8Array, part: number, isMore: boolean): Uint8Array {
  const content = concat([Uint8Array.of(isMore ? part | more : part), text])
  const check = new Uint8Array(checkLength)
  new DataView(check.buffer).setUint32(0, crc32c(content), true)
  return concat([delimiter, encodeCobs(concat([content, check])), delimiter])
}

interface Part {
  number: number
  isLast: boolean
  text: Uint8Array
}

/** What stands between two delimiters, when it came whole. */
function partOf(stuffed: Uint8Array): Part | undefined {
  const bytes = stuffed.length + delimiters > frameMax ? undefined : decodeCobs(stuffed)
  if (bytes === undefined || bytes.length < headLength + checkLength) return undefined
  const content = bytes.subarray(0, bytes.length - checkLength)
  const check = new DataView(bytes.buffer, bytes.byteOffset + content.length, checkLength).getUint32(0, true)
  if (check !== crc32c(content)) return undefined
  const head = content[0] ?? 0
  return { number: head & ~more, isLast: (head & more) === 0, text: content.subarray(headLength) }
}

/** @param frame with its delimiters. */
export const isFrame = (frame: Uint8Array): boolean => partOf(frame.subarray(1, -1)) !== undefined

export type Arrival = { kind: 'message'; value: unknown } | { kind: 'broken' }

/** Finds messages in what comes. Keeps one frame and the parts of one message at most. */
export class FrameReader {
  readonly #messageMax: number
  readonly #pending = new Uint8Array(frameMax)
  #length = 0
  #isOverlong = false
  #parts: Uint8Array[] = []
  #partsLength = 0

  /** @param messageBytesMax of the text of one message. */
  constructor(messageBytesMax: number) {
    this.#messageMax = messageBytesMax
  }

  /** Bytes since the last delimiter. */
  get pending(): Uint8Array {
    return this.#pending.subarray(0, this.#length)
  }

  push(bytes: Uint8Array): Arrival[] {
    const arrivals: Arrival[] = []
    for (const byte of bytes) {
      const arrival = byte === 0 ? this.#end() : this.#keep(byte)
      if (arrival !== undefined) arrivals.push(arrival)
    }
    return arrivals
  }

  /** Forgets an unfinished frame. */
  reset(): void {
    this.#length = 0
    this.#isOverlong = false
    this.#forgetParts()
  }

  #keep(byte: number): undefined {
    if (this.#length < this.#pending.length) this.#pending[this.#length++] = byte
    else this.#isOverlong = true
  }

  #end(): Arrival | undefined {
    if (this.#length === 0) return undefined
    const part = this.#isOverlong ? undefined : partOf(this.pending)
    this.#length = 0
    this.#isOverlong = false
    return part === undefined ? this.#broken() : this.#join(part)
  }

  /** A part that is not the next one: frames were lost, and the message with them. */
  #join({ number, isLast, text }: Part): Arrival | undefined {
    if (number === 0) this.#forgetParts()
    else if (number !== this.#parts.length) return this.#broken()
    this.#parts.push(text)
    this.#partsLength += text.length
    if (this.#partsLength > this.#messageMax) return this.#broken()
    if (!isLast) return undefined
    const whole = concat(this.#parts)
    this.#forgetParts()
    return messageOf(whole)
  }

  #broken(): Arrival {
    this.#forgetParts()
    return { kind: 'broken' }
  }

  #forgetParts(): void {
    this.#parts = []
    this.#partsLength = 0
  }
}

function messageOf(text: Uint8Array): Arrival {
  try {
    return { kind: 'message', value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text)) as unknown }
  } catch {
    return { kind: 'broken' }
  }
}

/** An emulated reader for machine-readable zones, through which documents are swiped. */
import { ascii } from '../../../edge/base/bytes.ts'
import { type StreamDevice, StreamTwin, type Via } from '../../kit/twin.ts'

export interface MrzTwinOptions {
  /** What ends a line. */
  end?: '\r' | '\n' | '\r\n'
  /** Puts STX before and ETX after each document. */
  framed?: boolean
  /** Answers this query with this version. */
  query?: string
  version?: string
}

export class MrzEmulation implements StreamDevice {
  readonly #send: (bytes: Uint8Array) => void
  readonly #options: Required<MrzTwinOptions>
  #received = ''

  constructor(send: (bytes: Uint8Array) => void, options: MrzTwinOptions = {}) {
    this.#send = send
    this.#options = { end: '\r', framed: false, query: '', version: 'MRZ twin 1.0', ...options }
  }

  /** Swipes a document whose machine-readable zone has these lines. */
  swipe(lines: readonly string[]): void {
    this.sendText(this.#text(lines))
  }

  /** Swipes it with characters that the reader cannot read, by position in the whole zone. */
  swipeDamaged(lines: readonly string[], positions: readonly number[] = [5]): void {
    let at = 0
    this.swipe(lines.map((line) => line.replaceAll(/./g, (character) => (positions.includes(at++) ? '?' : character))))
  }

  /** Stops half-way: so many of the characters come, the end does not. */
  swipePartly(lines: readonly string[], characters: number): void {
    this.sendText(this.#text(lines).slice(0, characters))
  }

  /** Anything at all, as it is. */
  sendText(text: string): void {
    this.#send(ascii(text))
  }

  receive(bytes: Uint8Array): void {
    this.#received = (this.#received + Buffer.from(bytes).toString('latin1')).slice(-64)
    if (!this.#received.endsWith('\r')) return
    const asked = this.#received.trim()
    this.#received = ''
    if (this.#options.query !== '') this.sendText(asked === this.#options.query ? `${this.#options.version}\r` : '?\r')
  }

  connected(): void {
    this.#received = ''
  }

  #text(lines: readonly string[]): string {
    const { end, framed } = this.#options
    const text = lines.map((line) => line + end).join('')
    return framed ? `\x02${text}\x03` : text
  }
}

export class MrzTwin extends StreamTwin<MrzEmulation> {
  constructor(options: MrzTwinOptions = {}, via?: Via) {
    super((send) => new MrzEmulation(send, options), via)
  }
}

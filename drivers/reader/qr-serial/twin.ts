/** An emulated imager in front of which codes are held. */
import { type StreamDevice, StreamTwin, type Via } from '../../kit/twin.ts'

export interface QrTwinOptions {
  end?: '\r' | '\n' | '\r\n'
  /** Sent before each content, such as `]Q1`. */
  aim?: string
}

export class QrEmulation implements StreamDevice {
  readonly #send: (bytes: Uint8Array) => void
  readonly #end: string
  readonly #aim: string

  constructor(send: (bytes: Uint8Array) => void, { end = '\r', aim = '' }: QrTwinOptions = {}) {
    this.#send = send
    this.#end = end
    this.#aim = aim
  }

  /** Holds a code in front of the imager, which reads it once. */
  show(content: string): void {
    this.sendBytes(Buffer.from(`${this.#aim}${content}${this.#end}`, 'utf8'))
  }

  /** Anything at all, as it is. */
  sendBytes(bytes: Uint8Array): void {
    this.#send(bytes)
  }

  /** It takes no commands. */
  receive(): void {}
}

export class QrTwin extends StreamTwin<QrEmulation> {
  constructor(options: QrTwinOptions = {}, via?: Via) {
    super((send) => new QrEmulation(send, options), via)
  }
}

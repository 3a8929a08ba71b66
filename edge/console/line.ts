/** One technician's line: a bounded queue of what came in, flow control, and output that waits for the wire. */
import type { Face } from '../access/contract.ts'
import { concat } from '../base/bytes.ts'
import { type Cancel, type Clock } from '../base/clock.ts'
import type { Counters } from '../base/counters.ts'
import { CancelledError, DeviceError } from '../base/error.ts'
import { sleep, within } from '../base/wait.ts'
import type { TerminalIo, Wire, WireListener } from './io.ts'

export const lineCounts = ['bytes_in', 'bytes_out', 'overflow', 'noise'] as const
export type LineCount = (typeof lineCounts)[number]

export interface LineOptions {
  face: Face
  where: string
  baud?: number
  clock: Clock
  counters: Counters<LineCount>
}

const xon = 0x11
const xoff = 0x13
/** What may wait to be read, bytes; what comes beyond it is dropped and counted. */
const waitingMax = 98_304
/** From here on the other side must wait, where the wire can make it; what it has read already still fits. */
const holdFrom = 16_384
/** Output stays held by XOFF no longer than this: it may have been noise, or a terminal that was unplugged. */
const heldMax_ms = 60_000
/** How long a socket or a connection may take for one piece. */
const stalledMax_ms = 120_000
/** How far text may run ahead of the wire: what Ctrl-C cannot take back any more. */
const ahead_ms = 100
const pieceMax = 1_024

export class Line implements TerminalIo, WireListener {
  readonly face: Face
  readonly where: string
  readonly baud: number | undefined
  readonly #clock: Clock
  readonly #counters: Counters<LineCount>
  readonly #gone = new AbortController()
  #wire: Wire | undefined
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #wake: () => void = () => undefined
  #raw = false
  #held = false
  #release: () => void = () => undefined
  #cancelHold: Cancel = () => undefined
  #writing: Promise<void> = Promise.resolve()
  #wireFree = 0

  constructor(options: LineOptions) {
    this.face = options.face
    this.where = options.where
    this.baud = options.baud
    this.#clock = options.clock
    this.#counters = options.counters
    this.#wireFree = options.clock.now()
  }

  attach(wire: Wire): void {
    this.#wire = wire
  }

  /** Aborts when the line is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  close(): void {
    this.#wire?.close()
    this.onClosed()
  }

  onBytes(bytes: Uint8Array): void {
    this.#counters.add('bytes_in', bytes.length)
    const content = this.#raw ? bytes : this.#withoutFlowControl(bytes)
    if (content.length === 0) return
    if (this.#waitingBytes + content.length > waitingMax) {
      this.#counters.add('overflow', content.length)
      return
    }
    // The sender may use its buffer again.
    this.#waiting.push(Uint8Array.from(content))
    this.#waitingBytes += content.length
    if (this.#waitingBytes >= holdFrom) this.#wire?.hold?.(true)
    this.#wake()
  }

  onClosed(): void {
    this.#gone.abort()
    this.#letGo()
    this.#wake()
  }

  async read(limit_ms?: number, signal?: AbortSignal): Promise<Uint8Array> {
    stopIfAborted(signal)
    if (this.#waiting.length === 0) await this.#somethingCame(limit_ms, signal)
    if (this.#waiting.length === 0 && this.#gone.signal.aborted) throw this.#lost()
    if (this.#waiting.length === 0) stopIfAborted(signal)
    const [only] = this.#waiting
    const bytes = this.#waiting.length === 1 && only !== undefined ? only : concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#wire?.hold?.(false)
    return bytes
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#waiting.unshift(bytes)
    this.#waitingBytes += bytes.length
    this.#wake()
  }

  async write(bytes: Uint8Array): Promise<void> {
    const before = this.#writing
    const written = before.then(() => this.#send(bytes))
    this.#writing = written.catch(() => undefined)
    await written
  }

  setRaw(on: boolean): void {
    this.#raw = on
    if (on) this.#letGo()
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += pieceMax) {
      const piece = bytes.subarray(at, at + pieceMax)
      await this.#whenFree()
      if (this.#gone.signal.aborted || this.#wire === undefined) throw this.#lost()
      try {
        await this.#taken(this.#wire, piece)
      } catch (cause) {
        this.close()
        throw this.#lost(cause)
      }
      this.#counters.add('bytes_out', piece.length)
      this.#occupy(piece.length)
    }
  }

  /** Whoever reads nothing for so long loses their place at a listener. A serial port is nobody's place, and may wait for a cable. */
  async #taken(wire: Wire, piece: Uint8Array): Promise<void> {
    if (this.baud !== undefined) return await wire.write(piece)
    await within({ clock: this.#clock, limit_ms: stalledMax_ms, code: 'PC-CONSOLE-LOST', message: 'The line takes no more bytes.' }, () => wire.write(piece))
  }

  /** Start bit, eight data bits, stop bit. */
  #occupy(bytes: number): void {
    if (this.baud === undefined || this.#raw) return
    this.#wireFree = Math.max(this.#wireFree, this.#clock.now()) + (bytes * 10_000) / this.baud
  }

  async #whenFree(): Promise<void> {
    if (this.#held) {
      await new Promise<void>((resolve) => {
        this.#release = resolve
      })
    }
    const early_ms = this.#raw ? 0 : this.#wireFree - this.#clock.now() - ahead_ms
    if (early_ms > 0) await sleep(this.#clock, early_ms, this.#gone.signal).catch(() => undefined)
  }

  #withoutFlowControl(bytes: Uint8Array): Uint8Array {
    for (const byte of bytes) {
      // Any key lets the output go on: an XOFF may have been noise.
      if (byte === xoff) this.#hold()
      else this.#letGo()
    }
    return bytes.includes(xon) || bytes.includes(xoff) ? bytes.filter((byte) => byte !== xon && byte !== xoff) : bytes
  }

  #hold(): void {
    if (this.#held) return
    this.#held = true
    this.#cancelHold = this.#clock.after(heldMax_ms, () => this.#letGo())
  }

  #letGo(): void {
    if (!this.#held) return
    this.#held = false
    this.#cancelHold()
    this.#release()
  }

  #somethingCame(limit_ms: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      let cancel: Cancel = () => undefined
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', end)
        this.#wake = () => undefined
        resolve()
      }
      if (this.#gone.signal.aborted) return resolve()
      this.#wake = end
      if (limit_ms !== undefined) cancel = this.#clock.after(limit_ms, end)
      signal?.addEventListener('abort', end, { once: true })
    })
  }

  #lost(cause?: unknown): DeviceError {
    return new DeviceError('PC-CONSOLE-LOST', `The line ${this.where} is gone.`, { component: 'console', ...(cause === undefined ? {} : { cause }) })
  }
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new CancelledError('console')
}

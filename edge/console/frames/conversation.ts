/** One program on the technician's line: frames in, requests carried out side by side, frames out. */
import type { Clock } from '../../base/clock.ts'
import { describe, InputError, ResourceError } from '../../base/error.ts'
import type { TerminalIo } from '../io.ts'
import { FrameReader, framesOf } from './framing.ts'
import { idOf, readRequest, type Reply, type Request, requestMax } from './request.ts'
import { Visit, type VisitOptions } from './visit.ts'

/** Requests that are being carried out at a time; and refusals that wait for the line. */
const runningMax = 8
/** Without a whole frame for so long, the line is a person's again. */
const quiet_ms = 120_000
/** So long after the last byte, what came is no frame: somebody types. */
const typing_ms = 1_000
/** The wait for the next bytes is cut into pieces of this. */
const look_ms = 500

export class Conversation {
  readonly #io: TerminalIo
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #reader = new FrameReader(requestMax)
  readonly #visit: Visit
  readonly #running = new Map<number, AbortController>()
  readonly #over = new AbortController()
  #sending: Promise<void> = Promise.resolve()
  #refusals = 0

  constructor(io: TerminalIo, options: VisitOptions, signal: AbortSignal) {
    this.#io = io
    this.#clock = options.clock
    this.#signal = AbortSignal.any([signal, this.#over.signal])
    this.#visit = new Visit(options, { from: { face: io.face, where: io.where }, say: (reply) => this.#say(reply) })
  }

  /** @throws DeviceError (PC-CONSOLE-LOST), CancelledError. */
  async run(): Promise<void> {
    try {
      await this.#listen()
      this.#visit.close('logout')
    } finally {
      this.#over.abort()
      this.#visit.close('lost')
    }
  }

  async #listen(): Promise<void> {
    let lastFrame = this.#clock.now()
    let lastByte = lastFrame
    while (!this.#over.signal.aborted) {
      const bytes = await this.#read()
      const now = this.#clock.now()
      if (bytes.length > 0) lastByte = now
      if (this.#takeAll(bytes)) lastFrame = now
      if (now - lastByte >= typing_ms && this.#isTyped()) return this.#io.unread(this.#reader.pending.slice())
      if (now - lastFrame >= quiet_ms) return
    }
  }

  /** Nothing once `leave` has been answered. */
  async #read(): Promise<Uint8Array> {
    try {
      return await this.#io.read(look_ms, this.#signal)
    } catch (error) {
      if (this.#over.signal.aborted) return new Uint8Array(0)
      throw error
    }
  }

  /** @returns whether a whole message was among it. */
  #takeAll(bytes: Uint8Array): boolean {
    let isWhole = false
    for (const arrival of this.#reader.push(bytes)) {
      if (arrival.kind === 'broken') {
        void this.#refuse(null, new InputError('PC-FRAMES-BROKEN', 'A frame or a part of a message did not come whole.'))
        continue
      }
      isWhole = true
      const id = idOf(arrival.value)
      void this.#carryOut(arrival.value).catch((error: unknown) => this.#refuse(id, error))
    }
    return isWhole
  }

  /** A program that died has left the line to somebody who waits for a prompt. */
  #isTyped(): boolean {
    const { pending } = this.#reader
    return pending.length > 0 && pending.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0d || byte === 0x0a || byte === 0x03)
  }

  async #carryOut(value: unknown): Promise<void> {
    const request = readRequest(value)
    this.#visit.touch()
    if (request.ask === 'cancel') this.#running.get(request.call)?.abort()
    const own = this.#admit(request)
    try {
      const answer = await this.#visit.answer(request, AbortSignal.any([own.signal, this.#signal]))
      await this.#say({ id: request.id, answer })
    } finally {
      this.#running.delete(request.id)
    }
    if (request.ask === 'leave') this.#over.abort()
  }

  /** @throws ResourceError (PC-FRAMES-BUSY), InputError (PC-FRAMES-REQUEST). */
  #admit({ id, ask }: Request): AbortController {
    const most = ask === 'cancel' || ask === 'leave' ? 2 * runningMax : runningMax
    if (this.#running.size >= most) {
      throw new ResourceError('PC-FRAMES-BUSY', 'Too many requests of this line are being carried out.')
    }
    if (this.#running.has(id)) throw new InputError('PC-FRAMES-REQUEST', 'A request of this number is being carried out already.')
    const own = new AbortController()
    this.#running.set(id, own)
    return own
  }

  /** More refusals than the line takes are left out: a flood of garbage must not fill the memory. */
  async #refuse(id: number | null, error: unknown): Promise<void> {
    if (this.#refusals >= runningMax) return
    this.#refusals++
    await this.#say({ id, error: describe(error) })
    this.#refusals--
  }

  /** In order, one message after the other; a line that is lost is noticed by whoever reads it. */
  async #say(reply: Reply): Promise<void> {
    const before = this.#sending
    this.#sending = this.#write(before, reply).catch(() => undefined)
    await this.#sending
  }

  async #write(before: Promise<void>, reply: Reply): Promise<void> {
    await before
    for (const frame of framesFor(reply)) await this.#io.write(frame)
  }
}

function framesFor(reply: Reply): Uint8Array[] {
  const frames = framesOf(reply)
  if (frames.length > 0) return frames
  const tooLarge = new ResourceError('PC-FRAMES-LARGE', 'The answer is too large for this line: ask for less.')
  return framesOf({ id: 'id' in reply ? reply.id : null, error: describe(tooLarge) })
}

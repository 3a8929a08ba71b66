/**
 * The laptop's end of the framed mode: a program that reads and commands a device over the same wire
 * and with the same login as a person at the console. What goes over the wire: edge/console/frames/framing.ts
 * and request.ts.
 *
 *     const client = await FrameClient.open('/dev/ttyUSB0', 115_200)
 *     await client.login('nguyen', secret)
 *     await client.call('relays', 'set', { line: 'entryGreen', on: true, for_ms: 500 })
 */
import { type Clock, systemClock } from '../../edge/base/clock.ts'
import { CancelledError, DeviceError, type ErrorCode } from '../../edge/base/error.ts'
import { Listeners } from '../../edge/base/listeners.ts'
import { within } from '../../edge/base/wait.ts'
import { FrameReader, framesOf, messageMax } from '../../edge/console/frames/framing.ts'
import type { Asked, Item, Request } from '../../edge/console/frames/request.ts'
import { transportTo } from '../../drivers/kit/transport.ts'

/** Anything that carries bytes to the device and back. */
export interface FrameLink {
  write(bytes: Uint8Array): Promise<void>
  close(): void
}

export interface FrameClientOptions {
  clock?: Clock
  /** The longest wait for an answer; a call may take as long as its command. */
  answer_ms?: number
}

export interface CallOptions {
  /** A person was asked whether something may move. */
  confirmed?: boolean
  signal?: AbortSignal
  limit_ms?: number
}

type Rest<Word extends Request['ask']> = Omit<Asked<Word>, 'id' | 'ask'>

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

const answer_ms = 10_000
const call_ms = 60_000

export class FrameClient {
  /** News of what is watched, with how many events were lost so far. */
  readonly onNews = new Listeners<{ news: Item[]; lost: number }>()
  /** Our session has ended without our asking, and why. */
  readonly onEnded = new Listeners<string>()
  /** Frames that did not come whole, here or there. */
  broken = 0
  readonly #link: FrameLink
  readonly #clock: Clock
  readonly #answer_ms: number
  readonly #reader = new FrameReader(messageMax)
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #isLost = false

  constructor(link: FrameLink, options: FrameClientOptions = {}) {
    this.#link = link
    this.#clock = options.clock ?? systemClock
    this.#answer_ms = options.answer_ms ?? answer_ms
  }

  /** @param port a serial port's path, or `tcp://host:port` of a serial device server. @throws DeviceError (PC-LINK-OPEN). */
  static async open(port: string, baud: number, options: FrameClientOptions = {}): Promise<FrameClient> {
    let client: FrameClient | undefined
    const link = await transportTo(port, { baud }).open({
      onBytes: (bytes) => client?.take(bytes),
      onClosed: () => client?.lost(),
    }, new AbortController().signal)
    client = new FrameClient(link, options)
    return client
  }

  /** Who is there. */
  async hello(): Promise<{ protocol: number; device: string; version: string; person?: string; role?: string }> {
    return await this.#ask('hello', {}) as { protocol: number; device: string; version: string }
  }

  async login(person: string, secret: string): Promise<{ person: string; role: string }> {
    return await this.#ask('login', { person, secret }) as { person: string; role: string }
  }

  /** What the operator's authority shall sign (`portcullis sign challenge`). */
  async challenge(person: string): Promise<string> {
    return (await this.#ask('challenge', { person }) as { challenge: string }).challenge
  }

  async answer(person: string, answer: string): Promise<{ person: string; role: string }> {
    return await this.#ask('answer', { person, answer }) as { person: string; role: string }
  }

  async logout(): Promise<void> {
    await this.#ask('logout', {})
  }

  async components(): Promise<{ name: string; contract: string; says: string; health: { status: string; code?: string } }[]> {
    return await this.#ask('components', {}) as []
  }

  async describe(component: string): Promise<{ contract: string; says: string; members: Record<string, { kind: string; says: string; [detail: string]: unknown }> }> {
    return await this.#ask('describe', { component }) as { contract: string; says: string; members: Record<string, { kind: string; says: string }> }
  }

  /** Every property that is known, or one; with the time at which it was. */
  async read(component: string, property?: string): Promise<Record<string, { value: unknown; at: number }>> {
    return await this.#ask('read', { component, ...(property === undefined ? {} : { property }) }) as Record<string, { value: unknown; at: number }>
  }

  async call(component: string, command: string, args: object = {}, { confirmed, signal, limit_ms = call_ms }: CallOptions = {}): Promise<unknown> {
    return await this.#ask('call', { component, command, args, ...(confirmed === undefined ? {} : { confirmed }) }, limit_ms, signal)
  }

  /** News of these components from now on; their present values come first. */
  async watch(components: string[], per_s?: number): Promise<void> {
    await this.#ask('watch', { components, ...(per_s === undefined ? {} : { per_s }) })
  }

  /** Gives the line back to a person. */
  async leave(): Promise<void> {
    await this.#ask('leave', {})
  }

  close(): void {
    this.#link.close()
    this.lost()
  }

  /** Bytes from the device. */
  take(bytes: Uint8Array): void {
    for (const arrival of this.#reader.push(bytes)) {
      if (arrival.kind === 'broken') this.broken++
      else this.#hear(arrival.value as Record<string, unknown>)
    }
  }

  /** The link has ended. */
  lost(): void {
    this.#isLost = true
    for (const { reject } of this.#waiting.values()) reject(gone())
  }

  #hear(message: Record<string, unknown>): void {
    if (Array.isArray(message['news'])) return this.onNews.emit(message as unknown as { news: Item[]; lost: number })
    if (typeof message['ended'] === 'string') return this.onEnded.emit(message['ended'])
    const waiting = this.#waiting.get(message['id'] as number)
    const error = message['error'] as { code: ErrorCode; message: string } | undefined
    if (error === undefined) waiting?.resolve(message['answer'])
    else if (waiting === undefined) this.broken++
    else waiting.reject(new DeviceError(error.code, error.message))
  }

  /** @throws DeviceError with the device's own code; TimeoutError (PC-FRAMES-SILENT), CancelledError. */
  async #ask<Word extends Request['ask']>(ask: Word, rest: Rest<Word>, limit_ms = this.#answer_ms, signal?: AbortSignal): Promise<unknown> {
    if (this.#isLost) throw gone()
    const id = this.#lastId = (this.#lastId + 1) % 2 ** 31
    const limit = { clock: this.#clock, limit_ms, signal, code: 'PC-FRAMES-SILENT', message: 'The device did not answer in time.' } as const
    try {
      return await within(limit, async () => {
        const answered = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
        for (const frame of framesOf({ id, ask, ...rest })) await this.#link.write(frame)
        return await answered
      })
    } catch (error) {
      if (error instanceof CancelledError && !this.#isLost) void this.#ask('cancel', { call: id }).catch(() => undefined)
      throw error
    } finally {
      this.#waiting.delete(id)
    }
  }
}

const gone = (): DeviceError => new DeviceError('PC-LINK-LOST', 'The link to the device has ended.')

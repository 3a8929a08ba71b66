/** Requests and replies over a link that carries one exchange at a time. */
import type { Clock } from '../../edge/base/clock.ts'
import type { Counters } from '../../edge/base/counters.ts'
import { CancelledError, DeviceError, ResourceError, TimeoutError } from '../../edge/base/error.ts'
import { within } from '../../edge/base/wait.ts'

export type LinkCounter = 'framesIn' | 'framesOut' | 'timeouts' | 'retries' | 'unmatched' | 'discardedBytes' | 'connects' | 'losses'

export interface ExchangeLimits {
  reply_ms: number
  retries: number
}

/** What `accept` gives for a frame that belongs to the reply while more of the reply is to come. */
export const more = Symbol('more')

/** How many requests may wait for their turn. */
const waitingMax = 32

export interface ExchangeOptions {
  component: string
  clock: Clock
  counters: Counters<LinkCounter>
  limits: ExchangeLimits
  send(bytes: Uint8Array): Promise<void>
  /** Called before each try, so that the rest of an old reply is not taken for a new one. */
  beforeTry(): void
}

export interface RequestOptions {
  reply_ms?: number
  /** 0 for what must not be done twice. */
  retries?: number
  signal?: AbortSignal
}

export type Accept<Frame, Reply> = (frame: Frame) => Reply | typeof more | undefined

export class Exchange<Frame> {
  readonly #options: ExchangeOptions
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #offer: ((frame: Frame) => boolean) | undefined
  #abandon: ((error: Error) => void) | undefined
  #closed: Error | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /**
   * Sends `bytes` and resolves with what `accept` makes of the first frame it does not turn down
   * with `undefined`; it says `more` to a frame that is only a part of the reply, and may throw to
   * refuse the reply for good. The time limit is for the whole reply.
   * @throws TimeoutError (PC-LINK-TIMEOUT) after the last try, DeviceError (PC-LINK-LOST),
   *   ResourceError (PC-LINK-BUSY) when too many requests wait, CancelledError.
   */
  request<Reply>(bytes: Uint8Array, accept: Accept<Frame, Reply>, options: RequestOptions = {}): Promise<Reply> {
    const { component } = this.#options
    if (this.#waiting >= waitingMax) {
      return Promise.reject(new ResourceError('PC-LINK-BUSY', `Too many requests wait for ${component}.`, { component }))
    }
    this.#waiting++
    const turn = this.#turn.then(() => this.#tries(bytes, accept, options)).finally(() => this.#waiting--)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /** A frame came in: `true` when the request under way took it. */
  receive(frame: Frame): boolean {
    return this.#offer?.(frame) ?? false
  }

  /** The link is gone: whatever waits fails now. */
  close(): void {
    this.#closed = new DeviceError('PC-LINK-LOST', 'The link to the device was lost.', { component: this.#options.component })
    this.#abandon?.(this.#closed)
  }

  async #tries<Reply>(bytes: Uint8Array, accept: Accept<Frame, Reply>, options: RequestOptions): Promise<Reply> {
    const { counters, limits, clock, component } = this.#options
    const retries = options.retries ?? limits.retries
    for (let attempt = 0; ; attempt++) {
      if (this.#closed !== undefined) throw this.#closed
      if (options.signal?.aborted === true) throw new CancelledError(component)
      try {
        return await within(
          {
            clock, limit_ms: options.reply_ms ?? limits.reply_ms, component, signal: options.signal,
            code: 'PC-LINK-TIMEOUT', message: `${component} did not answer in time.`,
          },
          () => this.#once(bytes, accept),
        )
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error
        counters.add('timeouts')
        if (attempt >= retries) throw error
        counters.add('retries')
      } finally {
        this.#offer = undefined
        this.#abandon = undefined
      }
    }
  }

  #once<Reply>(bytes: Uint8Array, accept: Accept<Frame, Reply>): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      this.#abandon = reject
      this.#offer = (frame) => {
        try {
          const reply = accept(frame)
          if (reply === undefined) return false
          if (reply !== more) resolve(reply)
        } catch (error) {
          reject(error)
        }
        return true
      }
      this.#options.beforeTry()
      this.#options.counters.add('framesOut')
      this.#options.send(bytes).catch(reject)
    })
  }
}

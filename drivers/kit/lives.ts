/** Lives one life of a link after the other: health, growing pauses, and an end when it is stopped. */
import type { Clock, Instant } from '../../edge/base/clock.ts'
import { describe, type PortcullisError } from '../../edge/base/error.ts'
import type { Logger } from '../../edge/base/log.ts'
import { Backoff, sleep } from '../../edge/base/wait.ts'
import type { Component } from '../../edge/device/component.ts'

const backoffSpread = 30
/** A link that has lasted this long has earned a quick reconnect; one that comes and goes has not. */
export const steady_ms = 10_000

export interface LivesOptions {
  component: Component
  clock: Clock
  log: Logger
  limits: { reconnect_ms: number }
  /** One life, from opening to loss; says when the device is ready. Ends by throwing, unless `signal` aborts. */
  live(signal: AbortSignal, onReady: () => void): Promise<void>
}

export class Lives {
  readonly #options: LivesOptions
  #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: LivesOptions) {
    this.#options = options
  }

  /** Resolves when the device is ready, or when the first try has failed; tries go on. */
  async start(signal: AbortSignal): Promise<void> {
    this.#abort = new AbortController()
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal })
    await new Promise<void>((resolve) => {
      this.#running = this.#run(this.#abort.signal, resolve)
    })
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    this.#options.component.publish('health', { status: 'stopped' })
  }

  async #run(signal: AbortSignal, firstTryDone: () => void): Promise<void> {
    const { component, clock, log, limits, live } = this.#options
    const backoff = new Backoff(limits.reconnect_ms, limits.reconnect_ms * backoffSpread)
    while (!signal.aborted) {
      if (component.health.status === 'stopped') component.publish('health', { status: 'starting' })
      let readyAt: Instant | undefined
      try {
        await live(signal, () => {
          readyAt = clock.now()
          firstTryDone()
        })
      } catch (error) {
        if (!signal.aborted) this.#report(error)
      }
      firstTryDone()
      if (readyAt !== undefined && clock.now() - readyAt >= steady_ms) backoff.reset()
      if (signal.aborted) break
      await sleep(clock, backoff.next_ms(), signal).catch(() => undefined)
    }
    log.debug({ component: component.name }, 'stopped')
  }

  #report(error: unknown): void {
    const { component, log } = this.#options
    const { code, message } = describe(error)
    if (component.health.code !== code) log.warn({ component: component.name, error: error as PortcullisError }, 'not usable')
    component.publish('health', { status: 'failed', code, says: message })
  }
}

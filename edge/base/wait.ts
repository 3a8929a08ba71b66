/** Waiting with a limit and a way out: nothing in Portcullis waits for ever. */
import type { Cancel, Clock } from './clock.ts'
import { CancelledError, type ErrorCode, TimeoutError } from './error.ts'

/** Calls `action` each `period_ms` from now on, each time a period after it returned, until it is told to stop. */
export function every(clock: Clock, period_ms: number, action: () => void): Cancel {
  let cancel: Cancel = () => undefined
  let stopped = false
  const wait = (): void => {
    cancel = clock.after(period_ms, () => {
      action()
      if (!stopped) wait()
    })
  }
  wait()
  return () => {
    stopped = true
    cancel()
  }
}

/** Resolves after `delay_ms`, or rejects with `CancelledError` as soon as `signal` aborts. */
export function sleep(clock: Clock, delay_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(new CancelledError())
    const onAbort = (): void => {
      cancel()
      reject(new CancelledError())
    }
    const cancel = clock.after(delay_ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

export interface Limit {
  clock: Clock
  limit_ms: number
  code: ErrorCode
  message: string
  component?: string
  signal?: AbortSignal | undefined
}

/**
 * Runs `work` for at most `limit_ms`. Its signal aborts when the limit passes, when `signal`
 * aborts, and once it has ended, so that whatever it started can stop.
 * @throws TimeoutError with the given code; CancelledError when `signal` aborts first.
 */
export async function within<T>(limit: Limit, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  if (limit.signal?.aborted === true) throw new CancelledError(limit.component)
  const abort = new AbortController()
  const details = limit.component === undefined ? {} : { component: limit.component }
  let settle: (error: Error) => void = () => undefined
  const ended = new Promise<never>((_, reject) => {
    settle = reject
  })
  const cancel = limit.clock.after(limit.limit_ms, () => settle(new TimeoutError(limit.code, limit.message, details)))
  const onAbort = (): void => settle(new CancelledError(limit.component))
  limit.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work(abort.signal), ended])
  } finally {
    cancel()
    limit.signal?.removeEventListener('abort', onAbort)
    abort.abort()
  }
}

/** Delays for retries: doubling from `first_ms` to `most_ms`, each spread by up to a quarter. */
export class Backoff {
  #next: number
  readonly #first_ms: number
  readonly #most_ms: number
  readonly #random: () => number

  constructor(first_ms: number, most_ms: number, random: () => number = Math.random) {
    this.#first_ms = first_ms
    this.#most_ms = most_ms
    this.#random = random
    this.#next = first_ms
  }

  next_ms(): number {
    const delay = this.#next
    this.#next = Math.min(this.#next * 2, this.#most_ms)
    return delay * (0.75 + this.#random() * 0.5)
  }

  reset(): void {
    this.#next = this.#first_ms
  }
}

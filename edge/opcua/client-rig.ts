/** The tests' and benches' end of a client in another process: see client-program.ts. */
import { type ChildProcess, fork } from 'node:child_process'
import { Listeners } from '../base/listeners.ts'
import type { Does } from './client-program.ts'

type Args<K extends keyof Does> = Parameters<Does[K]>[0]
type Answer<K extends keyof Does> = Awaited<ReturnType<Does[K]>>

/** Far more than any of it takes. */
const ask_ms = 120_000

export class ClientProcess {
  /** What watched nodes say. */
  readonly news = new Listeners<{ news: string; value: Record<string, unknown> }>()
  readonly #child: ChildProcess
  readonly #open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #next = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: { answer?: number; value?: unknown; error?: string; news?: string }) => {
      if (message.news !== undefined) return this.news.emit(message as never)
      const asked = this.#open.get(message.answer ?? -1)
      this.#open.delete(message.answer ?? -1)
      if (message.error === undefined) asked?.resolve(message.value as never)
      else asked?.reject(new Error(message.error))
    })
    child.on('exit', () => {
      for (const { reject } of this.#open.values()) reject(new Error('the client process ended'))
    })
  }

  static async start(): Promise<ClientProcess> {
    const child = fork(new URL('./client-program.ts', import.meta.url), [], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      child.once('exit', () => reject(new Error('the client process did not start')))
    })
    return new ClientProcess(child)
  }

  async ask<K extends keyof Does>(what: K, args: Args<K>): Promise<Answer<K>> {
    return await new Promise<Answer<K>>((resolve, reject) => {
      const ask = this.#next++
      this.#open.set(ask, { resolve, reject })
      this.#child.send({ ask, what, args })
      setTimeout(() => reject(new Error(`the client did not ${what} in time`)), ask_ms).unref()
    })
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill()
    await ended
  }
}

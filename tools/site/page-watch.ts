/** A simulated traveller's eyes: follows what the real page is told, over the same WebSocket. */
import { systemClock } from '../../edge/base/clock.ts'
import { TimeoutError } from '../../edge/base/error.ts'
import { Listeners } from '../../edge/base/listeners.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { GateView } from '../../edge/gate/contract.ts'
import type { Snapshot } from '../../edge/screen/snapshot.ts'

const reconnect_ms = 100

export class PageWatch {
  /** What the page shows now; `null` while it shows that it has lost the gate. */
  view: GateView | null = null
  readonly #changes = new Listeners<GateView | null>()
  readonly #address: () => string | undefined
  #socket: WebSocket | undefined
  #stopped = false

  /** @param address of the page; may change when the runtime starts anew */
  constructor(address: () => string | undefined) {
    this.#address = address
    this.#connect()
  }

  stop(): void {
    this.#stopped = true
    this.#socket?.close()
  }

  /** Resolves with the first view, from now on, that satisfies `wanted`. @throws TimeoutError (PC-SITE-PAGE). */
  async until(wanted: (view: GateView) => boolean, limit_ms: number, what: string, signal?: AbortSignal): Promise<GateView> {
    if (this.view !== null && wanted(this.view)) return this.view
    const ended = new AbortController()
    try {
      return await Promise.race([
        new Promise<GateView>((resolve) => {
          const remove = this.#changes.add((view) => {
            if (view !== null && wanted(view)) resolve(view)
          })
          ended.signal.addEventListener('abort', remove, { once: true })
        }),
        sleep(systemClock, limit_ms, AbortSignal.any([ended.signal, ...(signal === undefined ? [] : [signal])])).then(() => {
          throw new TimeoutError('PC-SITE-PAGE', `The page did not say in time that ${what}; it says ${this.view?.phase ?? 'nothing'}: ${this.view?.instruction ?? ''}.`)
        }),
      ])
    } finally {
      ended.abort()
    }
  }

  onChange(listener: (view: GateView | null) => void): () => void {
    return this.#changes.add(listener)
  }

  #connect(): void {
    if (this.#stopped) return
    const address = this.#address()
    if (address === undefined) return this.#later()
    const socket = new WebSocket(`${address.replace(/^http/, 'ws')}/state`)
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#show((JSON.parse(String(data)) as Snapshot).view))
    socket.addEventListener('error', () => undefined)
    socket.addEventListener('close', () => {
      this.#show(null)
      this.#later()
    })
  }

  #later(): void {
    void sleep(systemClock, reconnect_ms).then(() => this.#connect())
  }

  #show(view: GateView | null): void {
    if (JSON.stringify(view) === JSON.stringify(this.view)) return
    this.view = view
    this.#changes.emit(view)
  }
}

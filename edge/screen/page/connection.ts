/** The page's ear: hears snapshots, notices within two seconds when they stop, and connects again. */
import type { Cancel, Clock } from '../../base/clock.ts'
import { Backoff } from '../../base/wait.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Knowledge } from './scene.ts'

/** The device speaks every half second; a second and a half without a word means it is gone. */
const silence_ms = 1_500
const retryFirst_ms = 250
const retryMost_ms = 3_000

/** As much of a WebSocket as is needed. */
export interface Socket extends EventTarget {
  close(): void
}

export class Connection {
  readonly #connect: () => Socket
  readonly #clock: Clock
  readonly #onKnowledge: (knowledge: Knowledge) => void
  readonly #backoff: Backoff
  /** Ends the socket in use; what it still says is not heard. */
  #letGo: Cancel = () => undefined
  #cancelSilence: Cancel = () => undefined
  #cancelRetry: Cancel = () => undefined

  constructor(connect: () => Socket, clock: Clock, onKnowledge: (knowledge: Knowledge) => void, random?: () => number) {
    this.#connect = connect
    this.#clock = clock
    this.#onKnowledge = onKnowledge
    this.#backoff = new Backoff(retryFirst_ms, retryMost_ms, random)
  }

  open(): void {
    const socket = this.#connect()
    const listening = new AbortController()
    const { signal } = listening
    socket.addEventListener('message', (event) => this.#hear((event as MessageEvent<string>).data), { signal })
    socket.addEventListener('close', () => this.#lose(), { signal })
    this.#letGo = () => {
      listening.abort()
      socket.close()
    }
    this.#expectWord()
  }

  close(): void {
    this.#cancelSilence()
    this.#cancelRetry()
    this.#letGo()
  }

  #hear(data: string): void {
    this.#expectWord()
    this.#backoff.reset()
    this.#onKnowledge({ kind: 'live', snapshot: JSON.parse(data) as Snapshot })
  }

  /** Silence counts from here: while connecting just as between two words. */
  #expectWord(): void {
    this.#cancelSilence()
    this.#cancelSilence = this.#clock.after(silence_ms, () => this.#lose())
  }

  #lose(): void {
    this.#cancelSilence()
    this.#letGo()
    this.#onKnowledge({ kind: 'lost' })
    this.#cancelRetry()
    this.#cancelRetry = this.#clock.after(this.#backoff.next_ms(), () => this.open())
  }
}

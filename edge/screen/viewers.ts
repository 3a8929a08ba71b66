/** The pages that watch the gate: a bounded set of WebSockets that are told everything, or dropped. */
import type { WebSocket } from '@fastify/websocket'
import type { Cancel, Clock, Instant } from '../base/clock.ts'
import type { Counters } from '../base/counters.ts'
import { every } from '../base/wait.ts'
import { Farewells } from './farewells.ts'

export interface ViewerLimits {
  /** How many pages may watch at once. */
  viewersMax: number
  /** Every so often the snapshot is sent again, so that a page knows that it is still true. */
  beat_ms: number
  /** A page that answers no ping for so long is gone. */
  silent_ms: number
  /** A page that is so far behind is dropped: what it would show is old. */
  buffered_B_max: number
}

export type ViewerCount = 'viewers' | 'viewersRefused' | 'viewersSlow' | 'viewersSilent' | 'viewersTalking'

export class Viewers {
  readonly #clock: Clock
  readonly #limits: ViewerLimits
  readonly #counters: Counters<ViewerCount>
  readonly #answered = new Map<WebSocket, Instant>()
  readonly #farewells: Farewells
  readonly #stopBeating: Cancel
  #message: string

  constructor(clock: Clock, limits: ViewerLimits, counters: Counters<ViewerCount>, message: string) {
    this.#clock = clock
    this.#limits = limits
    this.#counters = counters
    this.#message = message
    this.#farewells = new Farewells(clock)
    this.#stopBeating = every(clock, limits.beat_ms, () => this.#beat())
  }

  get size(): number {
    return this.#answered.size
  }

  add(socket: WebSocket): void {
    if (this.size >= this.#limits.viewersMax) {
      this.#counters.add('viewersRefused')
      this.#dismiss(socket, 'tryAgainLater', `PC-SCREEN-FULL: ${this.#limits.viewersMax} pages already watch this gate.`)
      return
    }
    this.#counters.add('viewers')
    this.#answered.set(socket, this.#clock.now())
    socket.on('pong', () => {
      if (this.#answered.has(socket)) this.#answered.set(socket, this.#clock.now())
    })
    socket.on('close', () => this.#answered.delete(socket))
    socket.on('message', () => {
      this.#counters.add('viewersTalking')
      this.#dismiss(socket, 'policyViolation', 'PC-SCREEN-TALK: this socket only tells.')
    })
    this.#tell(socket)
  }

  /** Tells everyone, now and with every beat until there is something newer. */
  show(message: string): void {
    this.#message = message
    for (const socket of this.#answered.keys()) this.#tell(socket)
  }

  close(): void {
    this.#stopBeating()
    this.#farewells.stop()
    for (const socket of this.#answered.keys()) socket.terminate()
    this.#answered.clear()
  }

  #beat(): void {
    for (const [socket, answered] of this.#answered) {
      if (this.#clock.now() - answered > this.#limits.silent_ms) {
        this.#drop(socket, 'viewersSilent')
      } else {
        this.#tell(socket)
        socket.ping()
      }
    }
  }

  #tell(socket: WebSocket): void {
    if (socket.bufferedAmount > this.#limits.buffered_B_max) this.#drop(socket, 'viewersSlow')
    else if (socket.readyState === socket.OPEN) socket.send(this.#message)
  }

  #drop(socket: WebSocket, count: ViewerCount): void {
    this.#counters.add(count)
    this.#answered.delete(socket)
    socket.terminate()
  }

  #dismiss(socket: WebSocket, why: 'policyViolation' | 'tryAgainLater', reason: string): void {
    this.#answered.delete(socket)
    this.#farewells.dismiss(socket, why, reason)
  }
}

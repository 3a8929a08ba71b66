/** Parting from pages: each is told why, and cut off when it does not go. */
import type { WebSocket } from '@fastify/websocket'
import type { Cancel, Clock } from '../base/clock.ts'

/** WebSocket close codes (RFC 6455, 7.4.1). */
export const closeCodes = { normal: 1000, policyViolation: 1008, tryAgainLater: 1013 } as const

/** How long a page may take to take its leave. */
const farewell_ms = 1_000

export class Farewells {
  readonly #clock: Clock
  readonly #pending = new Set<Cancel>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param reason at most 123 bytes (RFC 6455, 5.5) */
  dismiss(socket: WebSocket, why: keyof typeof closeCodes, reason: string): void {
    socket.close(closeCodes[why], reason)
    const cancel = this.#clock.after(farewell_ms, () => {
      this.#pending.delete(cancel)
      socket.terminate()
    })
    this.#pending.add(cancel)
    socket.once('close', () => {
      cancel()
      this.#pending.delete(cancel)
    })
  }

  /** Waits for nobody any more. */
  stop(): void {
    for (const cancel of this.#pending) cancel()
    this.#pending.clear()
  }
}

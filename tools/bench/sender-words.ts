/** What the bench of stops and its sender, another process, say to each other, and the clock that both read. */

export type SenderRequest = { kind: 'show'; obstacle: number } | { kind: 'hide' }

export type SenderNews =
  | { kind: 'ready' }
  | ({ kind: 'hidden' } & Shown)

/** An obstacle that was shown and is gone: its packets by their numbers since the sensor began. */
export interface Shown {
  first: number
  /** The first that holds a return of it, or -1. */
  shows: number
  /** When each packet from the first on was handed to the socket. */
  sent_ms: readonly number[]
}

/** Milliseconds on the monotonic clock of the machine. */
export const shared_ms = (): number => Number(process.hrtime.bigint()) / 1e6

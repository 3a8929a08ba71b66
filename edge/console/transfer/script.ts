/**
 * A transfer protocol as a script: a generator that says what it wishes from the world and is told
 * what came of it. It touches neither line nor disk nor clock, so the same script runs on a serial
 * line, in a test that flips bits, and against itself.
 */
import type { Clock, Instant } from '../../base/clock.ts'
import { DeviceError, InputError, TimeoutError } from '../../base/error.ts'

/** A file that somebody would like to send to us, as they describe it. */
export interface Offer {
  /** As it came: never to be used as a path. */
  name: string
  /** Bytes; `undefined` where the other side does not say. */
  size: number | undefined
  /** Seconds since 1970; 0 where the other side does not say. */
  modified_s: number
}

/** What we answer to an offer: how much of the very same file is here already, and its CRC-32. */
export type Acceptance = { at: number; crc32: number } | 'refused'

/** A file that we send. */
export interface Outgoing {
  /** As the other side is told: no path. */
  name: string
  size: number
  modified_s: number
}

export type Wish =
  | { wish: 'write'; bytes: Uint8Array }
  /** Answer: the bytes that came; none when nothing came in time. */
  | { wish: 'listen'; limit_ms: number }
  /** Answer: exactly these bytes of the file that is being sent. */
  | { wish: 'read'; file: number; at: number; length: number }
  /** Answer: an `Acceptance`. */
  | { wish: 'accept'; offer: Offer }
  /** Writes to the end of the accepted file. */
  | { wish: 'store'; bytes: Uint8Array }
  /** What is there of the accepted file is not what the other side has: begin anew. */
  | { wish: 'restart' }
  /** The accepted file is whole. */
  | { wish: 'complete' }
  /** How far we are. */
  | { wish: 'tell'; file: string; done: number; of: number | undefined }

export type Answer = Uint8Array | Acceptance | undefined

export type Script<Result> = Generator<Wish, Result, Answer>

export function* write(bytes: Uint8Array): Script<void> {
  yield { wish: 'write', bytes }
}

export function* listen(limit_ms: number): Script<Uint8Array> {
  return (yield { wish: 'listen', limit_ms }) as Uint8Array
}

export function* read(file: number, at: number, length: number): Script<Uint8Array> {
  return (yield { wish: 'read', file, at, length }) as Uint8Array
}

export function* accept(offer: Offer): Script<Acceptance> {
  return (yield { wish: 'accept', offer }) as Acceptance
}

/** How long a script bears with the other side. */
export interface Patience {
  clock: Clock
  /** How long one answer may take before we ask again. */
  answer_ms: number
  /** Errors in a row, without a new good byte between them, after which it gives up. */
  errorsMax: number
  /** The longest time without a new good byte. */
  idle_ms: number
}

export const patienceDefaults = { answer_ms: 10_000, errorsMax: 20, idle_ms: 60_000 } as const

/** Counts errors and time since the transfer last came further. */
export class Progress {
  readonly #patience: Patience
  #errors = 0
  #since: Instant

  constructor(patience: Patience) {
    this.#patience = patience
    this.#since = patience.clock.now()
  }

  made(): void {
    this.#errors = 0
    this.#since = this.#patience.clock.now()
  }

  /** @throws InputError (PC-TRANSFER-NOISE) when there were too many in a row. */
  failed(): void {
    if (++this.#errors > this.#patience.errorsMax) {
      throw new InputError('PC-TRANSFER-NOISE', 'The transfer was given up: too many errors in a row.')
    }
  }

  /** @throws TimeoutError (PC-TRANSFER-SILENT) */
  check(): void {
    if (this.#patience.clock.now() - this.#since > this.#patience.idle_ms) {
      throw new TimeoutError('PC-TRANSFER-SILENT', 'The transfer was given up: the other side did not come further.')
    }
  }
}

export const cancelledThere = (): DeviceError => new DeviceError('PC-TRANSFER-CANCELLED', 'The other side cancelled the transfer.')

/** Cuts what comes into what it means. */
export interface TokenReader<Token> {
  push(bytes: Uint8Array): void
  /** `undefined` when more bytes are needed. */
  next(): Token | undefined
}

/** The next thing that the other side says; `undefined` when it says nothing whole in time. */
export function* hear<Token>(reader: TokenReader<Token>, limit_ms: number, clock: Clock): Script<Token | undefined> {
  const until = clock.now() + limit_ms
  for (;;) {
    const token = reader.next()
    if (token !== undefined) return token
    const left_ms = until - clock.now()
    if (left_ms < 0) return undefined
    const bytes = yield* listen(left_ms)
    if (bytes.length === 0) return undefined
    reader.push(bytes)
  }
}

/** Reads and forgets until the line has been quiet for `quiet_ms`, at most for `most_ms`. */
export function* purge(quiet_ms: number, most_ms: number, clock: Clock): Script<void> {
  const until = clock.now() + most_ms
  while (clock.now() < until && (yield* listen(quiet_ms)).length > 0);
}

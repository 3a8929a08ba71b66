/**
 * Space for bad times: a file of ballast beside the database, given up when the disk is full, so
 * that what must still be written down can be.
 *
 * The journal is `ok` with the reserve held; in `reserve` it lives on what the ballast gave (half of
 * it for facts of every class, the rest for safety alone; a gate should begin no new passage); and
 * `unavailable` when a write failed all the same. It finds back by itself once space returns.
 */
import { randomBytes } from 'node:crypto'
import { rmSync, statSync } from 'node:fs'
import { open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Cancel, Clock } from '../base/clock.ts'
import { Listeners } from '../base/listeners.ts'
import type { FactClass } from './fact.ts'

export type JournalState = 'ok' | 'reserve' | 'unavailable'

export interface ReserveOptions {
  file: string
  reserve_bytes: number
  /** The most that the database may take, without the reserve. */
  bytes_max: number
  check_ms: number
  clock: Clock
  /** Bytes of the database in use. */
  used(): number
  /** Lets the database grow to this size. */
  limit(bytes: number): void
  /** Takes the write-ahead log over into the database, which lets its space be used again. */
  checkpoint(): void
}

export class Reserve {
  readonly onState: Listeners<JournalState> = new Listeners<JournalState>()
  readonly #options: ReserveOptions
  #state: JournalState = 'ok'
  /** What the database took when the reserve was given up. */
  #before_bytes = 0
  #cancelCheck: Cancel | undefined
  #building: Promise<void> | undefined
  #closed = false

  constructor(options: ReserveOptions) {
    this.#options = options
    options.limit(options.bytes_max)
    if (!isWhole(options.file, options.reserve_bytes)) this.#check()
  }

  get state(): JournalState {
    return this.#state
  }

  /** May a fact of this class be written now? When space is scarce, safety comes first. */
  admits(factClass: FactClass): boolean {
    if (this.#state === 'ok' || factClass === 'safety') return true
    return this.#options.used() - this.#before_bytes < this.#options.reserve_bytes / 2
  }

  /** Gives the reserve up. False when there is none to give any more. */
  release(): boolean {
    if (this.#state !== 'ok') return false
    const { file, bytes_max, reserve_bytes, limit } = this.#options
    rmSync(file, { force: true })
    limit(bytes_max + reserve_bytes)
    this.#enter('reserve')
    this.#saveSpace()
    return true
  }

  /** A group was written. */
  wrote(): void {
    if (this.#state === 'ok') return
    this.#enter('reserve')
    this.#saveSpace()
  }

  failed(): void {
    this.#enter('unavailable')
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelCheck?.()
    await this.#building
  }

  /** The log holds whole pages for every group: left to grow, it would eat the reserve alone. */
  #saveSpace(): void {
    try {
      this.#options.checkpoint()
    } catch {
      // No room even for that: the log stays as it is, complete.
    }
  }

  #enter(state: JournalState): void {
    if (state !== 'ok') this.#checkLater()
    if (state === this.#state) return
    if (this.#state === 'ok') this.#before_bytes = this.#options.used()
    this.#state = state
    this.onState.emit(state)
  }

  #checkLater(): void {
    if (this.#closed || this.#cancelCheck !== undefined) return
    this.#cancelCheck = this.#options.clock.after(this.#options.check_ms, () => {
      this.#cancelCheck = undefined
      this.#check()
    })
  }

  #check(): void {
    this.#building ??= this.#rebuild().finally(() => {
      this.#building = undefined
    })
  }

  /** Takes the reserve back as soon as as much again would still be free. */
  async #rebuild(): Promise<void> {
    const { file, reserve_bytes, bytes_max, limit, used } = this.#options
    try {
      const { bavail, bsize } = await statfs(dirname(file))
      const roomy = bavail * bsize >= 2 * reserve_bytes && used() + reserve_bytes / 2 <= bytes_max
      if (!roomy) return this.#enter(this.#state === 'ok' ? 'reserve' : this.#state)
      await fill(file, reserve_bytes)
      // Given up again while it was being written.
      if (this.#closed || !isWhole(file, reserve_bytes)) return
      limit(bytes_max)
      this.#enter('ok')
    } catch {
      rmSync(file, { force: true })
      this.#enter(this.#state === 'ok' ? 'reserve' : this.#state)
    }
  }
}

function isWhole(file: string, bytes: number): boolean {
  return statSync(file, { throwIfNoEntry: false })?.size === bytes
}

/** Random bytes, so that no file system stores them as less than they are. */
async function fill(file: string, bytes: number): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    const chunk = randomBytes(64 * 1024)
    for (let written = 0; written < bytes; written += chunk.length) {
      await handle.write(chunk, 0, Math.min(chunk.length, bytes - written))
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Plays a transfer's script on a line and the files behind it; leaves the line quiet and the files closed, however it ends. */
import type { Clock } from '../../base/clock.ts'
import { CancelledError, describe, InternalError, TimeoutError } from '../../base/error.ts'
import { within } from '../../base/wait.ts'
import type { TerminalIo, TransferProgress, WholeFile } from '../io.ts'
import type { Inbox, Incoming } from './inbox.ts'
import type { OpenFile } from './outbox.ts'
import type { Acceptance, Answer, Offer, Script, Wish } from './script.ts'
import { abortSequence } from './zmodem/frame.ts'

export interface ConductOptions {
  clock: Clock
  signal: AbortSignal
  progress: TransferProgress
  /** The longest that the whole transfer may take. */
  total_ms: number
  /** The longest that the line may hold what is written, as by XOFF. */
  stall_ms: number
}

export interface Files {
  outgoing: readonly OpenFile[]
  inbox: Inbox | undefined
}

export interface Conducted<Result> {
  result: Result
  received: WholeFile[]
}

/** What came of the files that the other side offered, as it becomes known. */
export interface Heard {
  onWhole?(file: WholeFile): void
  onRefused?(offer: Offer, why: 'too large' | 'full'): void
}

/** After the abort sequence the other side may still send what it had under way. */
const quiet_ms = 300
const quietMost_ms = 5_000
const abort_ms = 1_000

/**
 * @throws what the script throws; TimeoutError (PC-TRANSFER-TIME, PC-TRANSFER-SILENT), CancelledError, and what
 *   the line and the files throw. The other side is told, unless the line is lost.
 */
export async function conduct<Result>(io: TerminalIo, script: Script<Result>, files: Files, options: ConductOptions, heard: Heard = {}): Promise<Conducted<Result>> {
  const stage = new Stage(io, files, options, heard)
  return await stage.play(script)
}

class Stage {
  readonly #io: TerminalIo
  readonly #files: Files
  readonly #options: ConductOptions
  readonly #heard: Heard
  readonly #ending = new AbortController()
  #incoming: Incoming | undefined
  readonly #received: WholeFile[] = []

  constructor(io: TerminalIo, files: Files, options: ConductOptions, heard: Heard) {
    this.#io = io
    this.#files = files
    this.#options = options
    this.#heard = heard
  }

  async play<Result>(script: Script<Result>): Promise<Conducted<Result>> {
    const { clock, signal, total_ms } = this.#options
    const stop = (): void => this.#ending.abort(new CancelledError())
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    const cancelTimer = clock.after(total_ms, () => this.#ending.abort(tooLong()))
    try {
      return { result: await this.#run(script), received: this.#received }
    } catch (error) {
      await this.#tellOther(error)
      throw this.#ending.signal.aborted ? this.#ending.signal.reason : error
    } finally {
      cancelTimer()
      signal.removeEventListener('abort', stop)
      await this.#incoming?.leave()
    }
  }

  async #run<Result>(script: Script<Result>): Promise<Result> {
    let answer: Answer
    for (;;) {
      this.#ending.signal.throwIfAborted()
      const step = script.next(answer)
      if (step.done === true) return step.value
      answer = await this.#grant(step.value)
    }
  }

  async #grant(wish: Wish): Promise<Answer> {
    switch (wish.wish) {
      case 'listen':
        return await this.#io.read(wish.limit_ms, this.#ending.signal)
      case 'read':
        return await this.#files.outgoing[wish.file]?.read(wish.at, wish.length)
      case 'accept':
        return await this.#accept(wish.offer)
      case 'write':
        await this.#bounded(this.#io.write(wish.bytes), this.#options.stall_ms, this.#ending.signal)
        break
      case 'store':
        await this.#accepted().write(wish.bytes)
        break
      case 'restart':
        await this.#accepted().restart()
        break
      case 'complete':
        await this.#complete()
        break
      case 'tell':
        this.#options.progress(wish.file, wish.done, wish.of)
    }
    return undefined
  }

  async #accept(offer: Offer): Promise<Acceptance> {
    await this.#leaveUnfinished()
    const begun = await this.#files.inbox?.begin(offer) ?? 'full'
    if (typeof begun === 'string') {
      this.#heard.onRefused?.(offer, begun)
      return 'refused'
    }
    this.#incoming = begun
    return { at: begun.length, crc32: begun.crc32 }
  }

  /** The sender went on to another file before this one was whole. */
  async #leaveUnfinished(): Promise<void> {
    const unfinished = this.#incoming
    this.#incoming = undefined
    await unfinished?.leave()
  }

  async #complete(): Promise<void> {
    const file = await this.#accepted().complete()
    this.#incoming = undefined
    this.#received.push(file)
    this.#heard.onWhole?.(file)
  }

  #accepted(): Incoming {
    if (this.#incoming === undefined) throw new InternalError('PC-BASE-INVARIANT', 'An internal invariant does not hold: a file is stored before it was accepted.')
    return this.#incoming
  }

  /** Tells the other side that it is over, and waits until the line is quiet, so that no file lands on the command line. */
  async #tellOther(error: unknown): Promise<void> {
    const { code } = describe(error)
    if (code === 'PC-CONSOLE-LOST') return
    try {
      if (code !== 'PC-TRANSFER-CANCELLED') await this.#bounded(this.#io.write(abortSequence), abort_ms)
      await this.#silence()
    } catch {
      // The line is lost as well, or takes nothing more: there is nobody left to tell.
    }
  }

  async #silence(): Promise<void> {
    const { clock } = this.#options
    const until = clock.now() + quietMost_ms
    while (clock.now() < until && (await this.#io.read(quiet_ms)).length > 0);
  }

  async #bounded(work: Promise<void>, limit_ms: number, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#options
    await within({ clock, limit_ms, signal, code: 'PC-TRANSFER-SILENT', message: 'The transfer was given up: the line takes no more bytes.' }, () => work)
  }
}

const tooLong = (): TimeoutError => new TimeoutError('PC-TRANSFER-TIME', 'The transfer was given up: it took longer than it may.')

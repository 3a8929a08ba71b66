/** A person's end of a line: keys in, text out, and handing the line over to a program. */
import type { Clock } from '../base/clock.ts'
import { ascii, concat } from '../base/bytes.ts'
import { CancelledError } from '../base/error.ts'
import { toAscii } from './ascii.ts'
import type { Counters } from '../base/counters.ts'
import { type Effect, type EditorOptions, LineEditor, lineMax } from './editor.ts'
import type { FrameService, TerminalIo } from './io.ts'
import { type Key, KeyDecoder } from './keys.ts'
import type { Line, LineCount } from './line.ts'
import { wrapped } from './rows.ts'

/** A program at the other end has begun to speak in frames: the person's conversation is over. */
export class TakenOver extends Error {}

/** What a question was answered with. */
export type Answer = { kind: 'line'; text: string } | { kind: 'interrupt' } | { kind: 'eof' } | { kind: 'silence' }

export interface Question extends Omit<EditorOptions, 'columns'> {
  /** Rows that help to go on from what is typed, with what completes it; without it Tab only rings. */
  complete?(text: string): { insert: string; rows: readonly string[] }
  help?(text: string): readonly string[]
  /** Ends the question when nobody types for so long. */
  limit_ms?: number
  signal?: AbortSignal
}

export interface Size { columns: number; rows: number }

/** Characters typed ahead while a command runs, and how many a key like Enter counts for; more is dropped and counted. */
const aheadMax = 32_768
const keyWeight = 16
/** Between the bytes of one frame. */
const frameGap_ms = 200
const sizeAnswer_ms = 1_000

const bell = '\u0007'

/** At the wrong speed, or with a bad cable, what comes is not what somebody typed: nothing is answered to it. */
class Ear {
  #noise = 0
  #deaf = false

  /** Once deaf, it takes a line without noise, from Enter to Enter, to hear again. */
  hear(key: Key): 'well' | 'noise' | 'well again' {
    if (key.kind === 'noise') this.#noise += key.bytes
    if (this.#noise > noiseMax) this.#deaf = true
    if (!this.#deaf) return 'well'
    if (key.kind !== 'enter') return 'noise'
    const clean = this.#noise === 0
    this.#noise = 0
    return clean ? 'well again' : 'noise'
  }
}

const noiseMax = 12

export class Terminal {
  size: Size = { columns: 80, rows: 24 }
  readonly io: Line
  readonly #clock: Clock
  readonly #frames: FrameService | undefined
  readonly #counters: Counters<LineCount>
  readonly #decoder = new KeyDecoder()
  #keys: Key[] = []
  /** How much has been typed ahead; and whether it was more than fits. */
  #ahead = 0
  #spills = false
  #wake: () => void = () => undefined
  #interrupt: (() => void) | undefined
  #failure: Error | undefined
  #reading = new AbortController()
  #pump: Promise<void>

  constructor(io: Line, clock: Clock, counters: Counters<LineCount>, frames?: FrameService) {
    this.io = io
    this.#clock = clock
    this.#counters = counters
    this.#frames = frames
    this.#pump = this.#read()
  }

  /** Text of ours: may hold controls. @throws DeviceError (PC-CONSOLE-LOST). */
  async write(text: string): Promise<void> {
    if (text !== '') await this.io.write(ascii(text))
  }

  /** One row of any text, on as many lines as it takes. */
  async say(row = ''): Promise<void> {
    await this.write(`${wrapped(toAscii(row), this.size.columns - 1).join('\r\n')}\r\n`)
  }

  /** The next key; `undefined` after `limit_ms`. @throws CancelledError, TakenOver, DeviceError. */
  async key(limit_ms?: number, signal?: AbortSignal): Promise<Key | undefined> {
    if (this.#keys.length === 0) await this.#keyCame(limit_ms, signal)
    const key = this.#keys.shift()
    if (key !== undefined) {
      this.#ahead -= weightOf(key)
      return key
    }
    if (this.#failure !== undefined) throw this.#failure
    if (signal?.aborted === true) throw new CancelledError('console')
    return undefined
  }

  /** Forgets what was typed ahead. */
  flush(): void {
    this.#keys = []
    this.#ahead = 0
    this.#spills = false
  }

  /** True when a key waits: whoever paints may wait for it. */
  get hasKeys(): boolean {
    return this.#keys.length > 0
  }

  /** Runs `work`; Ctrl-C, a break or the end of the line aborts its signal. */
  async interruptible<T>(work: (signal: AbortSignal) => Promise<T>, outer?: AbortSignal): Promise<T> {
    const abort = new AbortController()
    const onAbort = (): void => abort.abort()
    outer?.addEventListener('abort', onAbort, { once: true })
    this.#interrupt = onAbort
    if (this.#failure !== undefined || outer?.aborted === true) abort.abort()
    try {
      return await work(abort.signal)
    } finally {
      this.#interrupt = undefined
      outer?.removeEventListener('abort', onAbort)
    }
  }

  /** Hands the raw line to a program until it is done. */
  async exclusively<T>(work: (io: TerminalIo) => Promise<T>): Promise<T> {
    this.#reading.abort()
    await this.#pump
    this.io.setRaw(true)
    try {
      return await work(this.io)
    } finally {
      this.io.setRaw(false)
      this.#decoder.reset()
      this.flush()
      this.#failure = undefined
      this.#reading = new AbortController()
      this.#pump = this.#read()
    }
  }

  /** Asks for a line. @throws CancelledError when `signal` aborts, TakenOver, DeviceError. */
  async ask(question: Question): Promise<Answer> {
    const editor = new LineEditor({ ...question, columns: this.size.columns })
    const ear = new Ear()
    await this.write(editor.paint())
    for (;;) {
      const key = await this.key(question.limit_ms, question.signal)
      if (key === undefined) return { kind: 'silence' }
      const heard = ear.hear(key)
      if (heard === 'well again') return { kind: 'interrupt' }
      if (heard === 'noise') continue
      const answer = await this.#answer(editor, editor.apply(key), question)
      if (answer !== undefined) return answer
      if (!this.hasKeys) await this.write(editor.paint())
    }
  }

  /** Asks the terminal for its size; unless it answers, nothing changes. */
  async askSize(): Promise<Size> {
    this.flush()
    // Save the cursor, go where no terminal reaches, ask where that is (DSR 6), come back.
    await this.write('\u001b7\u001b[999;999H\u001b[6n\u001b8')
    const until = this.#clock.now() + sizeAnswer_ms
    for (let left = sizeAnswer_ms; left > 0; left = until - this.#clock.now()) {
      const key = await this.key(left)
      if (key?.kind !== 'position') continue
      this.size = { columns: Math.min(Math.max(key.column, 20), 250), rows: Math.min(Math.max(key.row, 6), 100) }
      break
    }
    return this.size
  }

  /** The answer when there is one now; else what the effect asks for is done. */
  async #answer(editor: LineEditor, effect: Effect, question: Question): Promise<Answer | undefined> {
    if (effect === 'enter') {
      await this.write(`${editor.paint()}\r\n`)
      if (!editor.overflowed) return { kind: 'line', text: editor.text }
      await this.say(`The line is longer than ${lineMax} characters and was not taken.`)
      return { kind: 'interrupt' }
    }
    if (effect === 'interrupt' || effect === 'eof') {
      await this.write(effect === 'eof' ? '\r\n' : '^C\r\n')
      return { kind: effect }
    }
    if (effect === 'bell') await this.write(bell)
    else if (effect === 'complete') await this.#complete(editor, question)
    else if (effect === 'help') await this.#show(editor, question.help?.(editor.text) ?? [])
    else if (effect === 'redraw') {
      editor.beginRow()
      await this.write('\u001b[H\u001b[2J')
    }
    return undefined
  }

  async #complete(editor: LineEditor, question: Question): Promise<void> {
    const { insert, rows } = question.complete?.(editor.text.slice(0, editor.cursor)) ?? { insert: '', rows: [] }
    // What a component calls its pins may hold anything.
    if (insert !== '') editor.insert(toAscii(insert))
    else if (rows.length > 0) await this.#show(editor, rows)
    else await this.write(bell)
  }

  async #show(editor: LineEditor, rows: readonly string[]): Promise<void> {
    await this.write(`${editor.paint()}\r\n`)
    for (const row of rows) await this.say(row)
    editor.beginRow()
  }

  /** Turns bytes into keys until the line is gone, a program takes it over, or it is handed over. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        const bytes = await this.io.read(undefined, this.#reading.signal)
        const frameAt = this.#frames === undefined ? -1 : bytes.indexOf(0)
        if (frameAt < 0) this.#take(bytes)
        else if (await this.#isFrame(bytes, frameAt)) return this.#fail(new TakenOver())
      }
    } catch (error) {
      if (!(error instanceof CancelledError)) this.#fail(error instanceof Error ? error : new Error('lost'))
    }
  }

  /** Waits for the rest of what could be a frame; what is none was a break signal and typed text. */
  async #isFrame(bytes: Uint8Array, at: number): Promise<boolean> {
    const frames = this.#frames
    this.#take(bytes.subarray(0, at))
    let frame = bytes.subarray(at)
    while (frames !== undefined && frame.length < frames.frameMax) {
      const end = frame.findIndex((byte, index) => byte === 0 && index > 1)
      const start = frame.findIndex((byte) => byte !== 0) - 1
      if (end > 0 && start >= 0 && frames.recognises(frame.subarray(start, end + 1))) {
        this.io.unread(frame.subarray(start))
        return true
      }
      if (end > 0) break
      const more = await this.io.read(frameGap_ms, this.#reading.signal)
      if (more.length === 0) break
      frame = concat([frame, more])
    }
    this.#take(frame)
    return false
  }

  #take(bytes: Uint8Array): void {
    for (const key of this.#decoder.decode(bytes)) {
      if (key.kind === 'noise') this.#counters.add('noise', key.bytes)
      if (this.#interrupt !== undefined && (key.kind === 'interrupt' || key.kind === 'break')) {
        this.flush()
        this.#interrupt()
        continue
      }
      this.#keep(key)
    }
    this.#wake()
  }

  /** Of a line that did not fit, nothing must be carried out: what is there of it is given up, and what follows goes up to its end. */
  #keep(key: Key): void {
    if (this.#spills || this.#ahead + weightOf(key) > aheadMax) {
      if (!this.#spills) this.#push({ kind: 'interrupt' })
      this.#counters.add('overflow', key.kind === 'text' ? key.text.length : 1)
      this.#spills = key.kind !== 'enter' || this.#ahead > aheadMax / 2
    } else {
      // The editor takes no line that is longer.
      this.#push(key.kind === 'text' ? { ...key, text: key.text.slice(0, lineMax + 1) } : key)
    }
  }

  #push(key: Key): void {
    this.#keys.push(key)
    this.#ahead += weightOf(key)
  }

  #fail(error: Error): void {
    this.#failure = error
    this.#interrupt?.()
    this.#wake()
  }

  #keyCame(limit_ms: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (this.#failure !== undefined || signal?.aborted === true) return resolve()
      let cancel = (): void => undefined
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', end)
        this.#wake = () => undefined
        resolve()
      }
      this.#wake = end
      if (limit_ms !== undefined) cancel = this.#clock.after(limit_ms, end)
      signal?.addEventListener('abort', end, { once: true })
    })
  }
}

const weightOf = (key: Key): number => (key.kind === 'text' ? Math.min(key.text.length, lineMax + 1) : keyWeight)

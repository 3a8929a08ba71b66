/** What a command tells, row by row as the line takes it: filtered, paged, or as JSON for a program. */
import { toAscii } from './ascii.ts'
import type { Item } from './command.ts'
import { wrapped } from './rows.ts'
import type { Terminal } from './terminal.ts'
import { type Filter, lineFilter } from './words.ts'

export interface OutputOptions {
  json: boolean
  /** Stops at each full page until a key is pressed. */
  paged: boolean
  filters: readonly Filter[]
  signal: AbortSignal
}

const prompt = '--More--'
/** Back to the beginning of the row, and wipe it. */
const wipe = '\r\u001b[K'

export class Output {
  readonly #terminal: Terminal
  readonly #options: OutputOptions
  readonly #keeps: (row: string) => boolean
  #left: number

  constructor(terminal: Terminal, options: OutputOptions) {
    this.#terminal = terminal
    this.#options = options
    this.#keeps = lineFilter(options.filters)
    this.#left = terminal.size.rows - 1
  }

  /** False when the person has seen enough. @throws CancelledError, DeviceError (PC-CONSOLE-LOST). */
  async show({ rows, json }: Item): Promise<boolean> {
    if (!this.#options.json) {
      for (const row of rows) if (!await this.#row(toAscii(row))) return false
    } else if (json !== undefined) {
      const row = asciiJson(json)
      if (this.#keeps(row)) await this.#terminal.write(`${row}\r\n`)
    }
    return !this.#options.signal.aborted
  }

  async #row(row: string): Promise<boolean> {
    if (!this.#keeps(row)) return true
    const { columns, rows } = this.#terminal.size
    const lines = wrapped(row, columns - 1)
    const height = lines.length
    if (this.#options.paged && height > this.#left) {
      const more = await this.#more()
      if (more === 0) return false
      this.#left = Math.max(more, height)
    }
    await this.#terminal.write(`${lines.join('\r\n')}\r\n`)
    this.#left -= Math.min(height, rows)
    return true
  }

  /** How many rows to go on for; 0: no more. */
  async #more(): Promise<number> {
    await this.#terminal.write(prompt)
    try {
      for (;;) {
        const key = await this.#terminal.key(undefined, this.#options.signal)
        if (key?.kind === 'enter' || key?.kind === 'down') return 1
        const letter = key?.kind === 'text' ? key.text[0] : undefined
        if (letter === ' ') return this.#terminal.size.rows - 1
        if (letter === 'q' || key?.kind === 'eof') return 0
      }
    } finally {
      if (!this.#terminal.io.gone.aborted) await this.#terminal.write(wipe)
    }
  }
}

/** JSON in ASCII alone: what else there is, is escaped (RFC 8259, 7). */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

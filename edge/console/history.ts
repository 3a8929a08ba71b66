/** The lines that a person entered: kept for their next session, a bounded number of them, without secrets. */
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeDurably } from '../base/durable-file.ts'
import type { Logger } from '../base/log.ts'

const linesMax = 200
const lineMax = 500
/** People of whom lines are kept in memory. */
const peopleMax = 16

/** A line that has one of these words may hold a secret: it is not kept. */
const telling = /secret|passw|token|key|answer|pin\b|:\/\/\S*@/i

export class History {
  readonly #folder: string | undefined
  readonly #log: Logger
  readonly #lines = new Map<string, string[]>()
  #writing: Promise<void> = Promise.resolve()

  /** @param folder where it is kept; without one it lasts as long as the program. */
  constructor(folder: string | undefined, log: Logger) {
    this.#folder = folder
    this.#log = log
  }

  /** Oldest first. @param person of a session: fit for a file's name */
  async of(person: string): Promise<readonly string[]> {
    const known = this.#lines.get(person)
    if (known !== undefined) return known
    const text = this.#folder === undefined ? '' : await readFile(this.#fileOf(this.#folder, person), 'utf8').catch(() => '')
    const lines = text.split('\n').filter((line) => /^[ -~]{1,500}$/.test(line)).slice(-linesMax)
    const eldest = this.#lines.keys().next().value
    if (this.#lines.size >= peopleMax && eldest !== undefined) this.#lines.delete(eldest)
    this.#lines.set(person, lines)
    return lines
  }

  async add(person: string, line: string): Promise<void> {
    const lines = [...await this.of(person)]
    if (line === '' || line.length > lineMax || telling.test(line) || lines.at(-1) === line) return
    const kept = [...lines, line].slice(-linesMax)
    this.#lines.set(person, kept)
    if (this.#folder !== undefined) this.#keep(this.#fileOf(this.#folder, person), kept)
  }

  /** Resolves when all is written. */
  async settled(): Promise<void> {
    await this.#writing
  }

  #keep(file: string, lines: readonly string[]): void {
    this.#writing = this.#writing.then(async () => {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      await writeDurably(file, `${lines.join('\n')}\n`)
    }).catch((error: unknown) => this.#log.debug({ component: 'console', error }, 'the history of the console was not kept'))
  }

  #fileOf(folder: string, person: string): string {
    return join(folder, `${person.replaceAll(/[^a-z0-9.-]/g, '_')}.history`)
  }
}

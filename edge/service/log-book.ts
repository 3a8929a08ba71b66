/** The log with a memory: every line goes out as ever, and the newest are kept for whoever looks. */
import { createLogger, type Logger, type LogLevel, type LogSink, standardOutput } from '../base/log.ts'
import { Loudness } from './loudness.ts'
import { type Numbered, NumberedRing } from './numbered-ring.ts'

/** Lines and characters that are kept. */
const kept = { items: 2_000, size: 512 * 1024 }
/** Characters of one answer. */
const answer_max = 256 * 1024
/** What is longer is cut in the memory; it went out whole. */
const line_max = 4_096

/** As pino writes it; quotes within a value are escaped, so no text can pretend to be a field. */
const componentField = /"(?:component|unit)":"([^"\\]*)"/

export class LogBook {
  readonly log: Logger
  readonly loudness: Loudness
  readonly #ring = new NumberedRing<string>(kept)

  /** @param out where the lines go */
  constructor(level: LogLevel, out: LogSink = standardOutput()) {
    this.loudness = new Loudness(level)
    this.log = createLogger(level, { write: (line) => { out.write(line); this.remember(line) } }, this.loudness)
    this.loudness.changed.add(() => {
      this.log.level = this.loudness.least
    })
  }

  /** A line that a thread wrote by itself. */
  remember(line: string): void {
    const text = line.trimEnd()
    const short = text.length > line_max ? `${text.slice(0, line_max)}…` : text
    this.#ring.push(short, short.length)
  }

  /** The newest lines; with `after`, the first of those that came after that one. */
  tail(count: number, { component, after }: { component?: string | undefined; after?: number | undefined } = {}): { lines: Numbered<string>[]; lost: number } {
    const wanted = (line: string): boolean => component === undefined || componentField.exec(line)?.[1] === component
    const most = { items: count, size: answer_max }
    if (after === undefined) return { lines: this.#ring.newest(most, wanted), lost: 0 }
    const { items, lost } = this.#ring.after(after, most, wanted)
    return { lines: items, lost }
  }
}

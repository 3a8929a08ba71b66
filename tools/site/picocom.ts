/** A technician at a laptop: picocom in a tmux window of 80x24, with everything that the line brought in a file. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { systemClock } from '../../edge/base/clock.ts'
import { TimeoutError } from '../../edge/base/error.ts'
import { sleep } from '../../edge/base/wait.ts'

const look_ms = 50
const patience_ms = 30_000
const told_max = 1_500

/** Programs of the list that are not installed. */
export const missingPrograms = (...programs: string[]): string[] => programs.filter((program) => spawnSync('which', [program], { stdio: 'ignore' }).status !== 0)

export class Picocom {
  readonly #folder: string
  readonly #port: string
  readonly #socket: string
  readonly #seen: string
  #read = 0

  /** @param folder where received files go, and where files to be sent lie. */
  constructor(folder: string, port: string) {
    this.#folder = folder
    this.#port = port
    this.#socket = join(folder, 'tmux')
    this.#seen = join(folder, 'seen')
  }

  start(): void {
    writeFileSync(this.#seen, '')
    this.#read = 0
    // It begins when somebody notes what it says.
    const window = `tmux -S ${this.#socket} wait-for noted; TERM=screen exec picocom -b 115200 ${this.#port}`
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', '-c', this.#folder, window)
    this.#tmux('set-option', '-g', 'remain-on-exit', 'on')
    this.#tmux('pipe-pane', `cat >> ${this.#seen}`)
    this.#tmux('wait-for', '-S', 'noted')
  }

  stop(): void {
    spawnSync('tmux', ['-S', this.#socket, 'kill-server'], { stdio: 'ignore' })
  }

  /** Keys as tmux names them, such as `C-c`, `Enter`, `Tab`. */
  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys)
  }

  type(text: string): void {
    this.#tmux('send-keys', '-l', '--', text)
  }

  enter(line: string): void {
    this.type(line)
    this.press('Enter')
  }

  /** What the window shows now. */
  screen(): string {
    return this.#tmux('capture-pane', '-p')
  }

  /** What programs have called the window. */
  title(): string {
    return this.#tmux('display-message', '-p', '#{pane_title}').trim()
  }

  /** All bytes since the last `until`, as they came. */
  raw(): string {
    return readFileSync(this.#seen, 'latin1').slice(this.#read)
  }

  /** What has come since the last one, once the pattern is in it; without what moves the cursor. @throws TimeoutError (PC-SITE-TERMINAL). */
  async until(pattern: RegExp, limit_ms = patience_ms): Promise<string> {
    for (let waited_ms = 0; ; waited_ms += look_ms) {
      const raw = this.raw()
      const text = stripVTControlCharacters(raw).replaceAll('\r', '')
      if (pattern.test(text)) {
        this.#read += raw.length
        return text
      }
      if (waited_ms > limit_ms) throw new TimeoutError('PC-SITE-TERMINAL', `${String(pattern)} did not come; this did: ${JSON.stringify(text.slice(-told_max))}`)
      await sleep(systemClock, look_ms)
    }
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }
}

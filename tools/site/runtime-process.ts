/** The runtime as a process of its own, started again when it dies, as systemd would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { DeviceError } from '../../edge/base/error.ts'
import { Listeners } from '../../edge/base/listeners.ts'
import { sleep, within } from '../../edge/base/wait.ts'
import { root } from '../house/sources.ts'
import { shippedEnvironment, shippedFlags } from './shipped.ts'

export interface RuntimeProcessOptions {
  profile: string
  state: string
  /** Where its log goes. */
  log: string
  /** The program's file: its sources, or the bundle. */
  program?: string
  /** How long after its death it is started again (systemd's RestartSec=). */
  restart_ms?: number
}

/** What the log line `ready` says. */
export interface Ready {
  page: string | undefined
  /** From the start of the process until it was ready. */
  started_ms: number
}

const stopLimit_ms = 15_000

export class RuntimeProcess {
  /** Where the page of the running runtime is. */
  page: string | undefined
  readonly onReady = new Listeners<Ready>()
  /** Each log line as an object. */
  readonly onLine = new Listeners<Record<string, unknown>>()
  readonly #options: RuntimeProcessOptions
  readonly #log: WriteStream
  #child: ChildProcess | undefined
  #stopping = false

  constructor(options: RuntimeProcessOptions) {
    this.#options = options
    this.#log = createWriteStream(options.log)
    // A full disk is one of the things that a site tries: what is lost then is only this copy of the log.
    this.#log.on('error', () => undefined)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** With what it ended; `null` while it runs, or after a kill. */
  get code(): number | null {
    return this.#child?.exitCode ?? null
  }

  /** Resolves when the runtime says that it is ready. @throws DeviceError (PC-SITE-RUNTIME) when it ends instead, TimeoutError. */
  async start(limit_ms = 60_000): Promise<Ready> {
    const ready = new Promise<Ready>((resolve, reject) => {
      const remove = this.onReady.add((said) => {
        remove()
        resolve(said)
      })
      this.#spawn((code) => reject(new DeviceError('PC-SITE-RUNTIME', `The runtime ended with code ${code ?? 'none'} before it was ready; see ${this.#options.log}.`)))
    })
    try {
      return await within({ clock: systemClock, limit_ms, code: 'PC-SITE-RUNTIME', message: `The runtime was not ready within ${limit_ms / 1000} s; see ${this.#options.log}.` }, () => ready)
    } catch (error) {
      // One that never ran is not started again and again.
      this.#stopping = true
      this.kill()
      throw error
    }
  }

  /** Ends it without a chance to say goodbye; it is started again. */
  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  /** Asks it to stop. @throws TimeoutError (PC-SITE-RUNTIME-STOP) when it had to be killed. */
  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    try {
      await within({ clock: systemClock, limit_ms: stopLimit_ms, code: 'PC-SITE-RUNTIME-STOP', message: `The runtime did not stop within ${stopLimit_ms / 1000} s.` }, () => exited)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  #spawn(onEarlyEnd: (code: number | null) => void): void {
    const { profile, state, program = join(root, 'tools/cli/portcullis.ts') } = this.#options
    const child = spawn(process.execPath, [...shippedFlags, program, 'run', '--profile', profile, '--state', state], { cwd: root, env: { ...process.env, ...shippedEnvironment }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    let wasReady = false
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#log.write(`${line}\n`)
      const said = read(line)
      if (said === undefined) return
      if (said['says'] === 'ready') {
        wasReady = true
        this.page = said['page'] as string | undefined
        this.onReady.emit({ page: this.page, started_ms: Number(said['started_ms']) })
      }
      this.onLine.emit(said)
    })
    child.stderr.on('data', (text: Buffer) => this.#log.write(text))
    child.once('exit', (code) => {
      this.page = undefined
      if (this.#stopping) return
      if (!wasReady) onEarlyEnd(code)
      void sleep(systemClock, this.#options.restart_ms ?? 100).then(() => {
        if (!this.#stopping) this.#spawn(() => undefined)
      })
    })
  }
}

function read(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}

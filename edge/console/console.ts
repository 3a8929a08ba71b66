/** The technician's console: serial ports, the device's own terminal, and the network. */
import { join } from 'node:path'
import type { Face, Gatekeeper } from '../access/contract.ts'
import type { Cancel, Clock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { CancelledError, describe, UsageError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { Backoff, sleep } from '../base/wait.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import type { Health, SelfTestReport } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSource } from '../journal/fact.ts'
import type { Command, Surroundings } from './command.ts'
import { calibrateCommands } from './commands/calibrate.ts'
import { fieldCommands } from './commands/fields.ts'
import { fileCommands } from './commands/files.ts'
import { logCommands } from './commands/log.ts'
import { powerCommands } from './commands/power.ts'
import { serviceCommands } from './commands/service.ts'
import { sessionCommands } from './commands/session.ts'
import { settingsCommands } from './commands/settings.ts'
import { showCommands } from './commands/show.ts'
import { testCommands } from './commands/test.ts'
import { ConsoleContract, type ConsoleSection } from './contract.ts'
import { FileDesk } from './file-desk.ts'
import { History } from './history.ts'
import type { FrameService, Transfer, TransferProgress, Wire, WireListener } from './io.ts'
import { Line, lineCounts } from './line.ts'
import { Shell } from './shell.ts'
import { listenByTls, listenLocally, type Listening, socketOf, type TlsIdentity } from './sockets.ts'
import { Terminal } from './terminal.ts'
import { FileRoom } from './transfer/file-room.ts'

export interface SerialOpener {
  open(listener: WireListener, signal: AbortSignal): Promise<Wire>
}

export interface ConsoleOptions {
  model: DeviceModel
  gatekeeper: Gatekeeper
  clock: Clock
  log: Logger
  /** `site/device`, as the profile names it. */
  device: string
  version: string
  section: ConsoleSection
  /** The device's state folder: the socket, the histories and the files lie in it. */
  state: string
  /** Opens a serial port; how is the drivers' knowledge. */
  openSerial?(path: string, baud: number): SerialOpener
  /** What `section.network` refers to. */
  tls?: TlsIdentity
  facts?: FactSource
  transfer?: Transfer
  frames?: FrameService
}

const counts = [...lineCounts, 'opened', 'lost', 'commands', 'refused'] as const

const retry_ms = 500
const retryMax_ms = 10_000
const count_ms = 1_000
/** How long the last words may take. */
const farewell_ms = 1_500

export const commands: readonly Command[] = [
  ...showCommands, ...testCommands, ...fieldCommands, ...settingsCommands, ...calibrateCommands, ...serviceCommands, ...logCommands, ...fileCommands, ...powerCommands, ...sessionCommands,
]

export class Console {
  readonly component: ComponentOf<typeof ConsoleContract>
  readonly #options: ConsoleOptions
  readonly #counters = new Counters<(typeof counts)[number]>(counts)
  readonly #history: History
  readonly #files: FileDesk | undefined
  readonly #lines = new Map<string, string>()
  readonly #open = new Set<Line>()
  readonly #conversations = new Set<Promise<void>>()
  #listening: Listening[] = []
  #networkPort: number | undefined
  #stopped = new AbortController()
  #cancelCount: Cancel = () => undefined

  constructor(options: ConsoleOptions) {
    const { clock, log, state, section, transfer } = options
    this.#options = options
    this.#history = new History(section.history ? join(state, 'console') : undefined, log)
    const bytes_max = section.receive_mb_max * 1_048_576
    this.#files = transfer === undefined ? undefined
      : new FileDesk({ transfer, room: new FileRoom(state), outbox: join(state, 'outbox'), inbox: join(state, 'inbox'), bytes_max })
    this.component = new Component('console', ConsoleContract, clock, {
      send: ({ file, protocol }, signal, caller) => this.#desk.send(file, protocol, caller, signal, this.#progress),
      receive: async ({ protocol }, signal, caller) => ({
        files: await this.#desk.receive(protocol, caller, signal, this.#progress, (file) => this.component.raise('received', { ...file, by: caller.id })),
      }),
      remove: async ({ file }) => {
        await this.#desk.remove(file)
        await this.#showFiles()
        return {}
      },
      selfTest: async () => this.#selfTest(),
    })
  }

  /** The port that TLS clients connect to, while it is open. */
  get networkPort(): number | undefined {
    return this.#networkPort
  }

  /** Resolves when it listens; a serial port that is not there is waited for. @throws ConfigError (PC-CONSOLE-SOCKET, PC-CONSOLE-TLS). */
  async start(): Promise<void> {
    const { section, state, tls } = this.#options
    this.#stopped = new AbortController()
    this.component.publish('health', { status: 'starting' })
    try {
      if (section.local) this.#listening.push(await listenLocally(socketOf(state), (wire, where) => this.#arrived(wire, 'terminal', where)))
      if (section.network !== undefined && tls !== undefined) {
        const listening = await listenByTls(section.network, tls, (wire, where) => this.#arrived(wire, 'network', where), () => this.#counters.add('refused'))
        this.#networkPort = listening.port
        this.#listening.push(listening)
      }
    } catch (error) {
      await this.stop()
      const { code, message } = describe(error)
      this.component.publish('health', { status: 'failed', code, says: message })
      throw error
    }
    for (const { port, baud } of section.ports) this.#track(this.#keepSerial(port, baud, this.#stopped.signal))
    this.#count()
    this.#show()
    await this.#showFiles()
  }

  /** Says goodbye on every line and closes it. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#cancelCount()
    const closing = this.#listening.splice(0).map((listening) => listening.close())
    const cut = this.#options.clock.after(farewell_ms, () => {
      for (const line of this.#open) line.close()
    })
    await Promise.allSettled(this.#conversations)
    cut()
    await Promise.allSettled(closing)
    await this.#history.settled()
    this.#networkPort = undefined
    this.component.publish('health', { status: 'stopped' })
  }

  get #desk(): FileDesk {
    if (this.#files === undefined) throw new UsageError('PC-CONSOLE-ABSENT', 'This device has no file transfer.')
    return this.#files
  }

  /** Opens the port, again and again: a cable comes and goes. */
  async #keepSerial(path: string, baud: number, signal: AbortSignal): Promise<void> {
    const { clock, openSerial } = this.#options
    const backoff = new Backoff(retry_ms, retryMax_ms)
    while (!signal.aborted) {
      const line = this.#lineOf('serial', path, baud)
      try {
        if (openSerial === undefined) throw new UsageError('PC-CONSOLE-ABSENT', 'Serial ports cannot be opened here.')
        line.attach(await openSerial(path, baud).open(line, signal))
        backoff.reset()
        this.#set(path, 'open')
        await this.#converse(line, false, signal)
        if (!signal.aborted) this.#counters.add('lost')
        this.#set(path, 'waits: PC-CONSOLE-LOST')
      } catch (error) {
        this.#set(path, `waits: ${describe(error).code}`)
      } finally {
        line.close()
      }
      await sleep(clock, backoff.next_ms(), signal).catch(() => undefined)
    }
    this.#lines.delete(path)
  }

  #arrived(wire: Wire, face: Face, where: string): WireListener {
    const line = this.#lineOf(face, where)
    line.attach(wire)
    this.#track(this.#converse(line, true, this.#stopped.signal).finally(() => line.close()))
    return line
  }

  async #converse(line: Line, once: boolean, signal: AbortSignal): Promise<void> {
    const { model, gatekeeper, clock, log, device, version, facts, frames } = this.#options
    const surroundings: Surroundings = { model, clock, device, version, facts, files: this.#files }
    const terminal = new Terminal(line, clock, this.#counters, frames)
    this.#counters.add('opened')
    this.#open.add(line)
    try {
      const shell = new Shell({
        terminal, surroundings, commands, gatekeeper, history: this.#history, log, frames, once,
        onPrompt: () => this.#showFiles(), onCommand: () => this.#counters.add('commands'),
      })
      await shell.run(signal)
    } finally {
      this.#open.delete(line)
    }
  }

  #lineOf(face: Face, where: string, baud?: number): Line {
    return new Line({ face, where, clock: this.#options.clock, counters: this.#counters, ...(baud === undefined ? {} : { baud }) })
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => {
      if (!(error instanceof CancelledError)) this.#options.log.error({ component: 'console', error }, 'a line broke off')
    }).finally(() => this.#conversations.delete(tracked))
    this.#conversations.add(tracked)
  }

  #set(path: string, state: string): void {
    if (this.#lines.get(path) === state) return
    this.#lines.set(path, state)
    this.#show()
  }

  #show(): void {
    this.component.publish('lines', Object.fromEntries(this.#lines))
    if (!this.#stopped.signal.aborted) this.component.publish('health', this.#health())
  }

  #health(): Health {
    const away = [...this.#lines].find(([, state]) => state !== 'open')
    if (away === undefined) return { status: 'ready' }
    return { status: 'degraded', code: away[1].slice('waits: '.length), says: `The serial port ${away[0]} cannot be used.` }
  }

  /** Others put files there, too, such as the diagnosis. */
  async #showFiles(): Promise<void> {
    const names = await this.#files?.names().catch(() => undefined)
    if (names === undefined) return
    this.component.publish('outbox', names.outbox)
    this.component.publish('inbox', names.inbox)
  }

  #count(): void {
    this.component.publish('counters', this.#counters.snapshot())
    this.#cancelCount = this.#options.clock.after(count_ms, () => this.#count())
  }

  #selfTest(): SelfTestReport {
    const { section } = this.#options
    const checks = section.ports.map(({ port }) => {
      const state = this.#lines.get(port) ?? 'not open'
      return { name: port, passed: state === 'open', says: `The port ${state === 'open' ? 'is open' : state}.` }
    })
    checks.push({ name: 'listeners', passed: !this.#stopped.signal.aborted, says: `It listens in ${this.#listening.length} places.` })
    return { passed: checks.every(({ passed }) => passed), checks }
  }

  readonly #progress: TransferProgress = (file, done, of) => this.component.publish('progress', { file, done, of: of ?? 0 })
}

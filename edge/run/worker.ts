/**
 * Heavy work in a thread of its own, watched: a worker that dies or stops beating is ended and
 * started again with back-off, and whoever waits for it hears so at once.
 */
import { Worker } from 'node:worker_threads'
import type { Cancel, Clock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { CancelledError, ConfigError, describe, DeviceError, type ErrorCode, InputError, ResourceError } from '../base/error.ts'
import { Listeners } from '../base/listeners.ts'
import type { Logger } from '../base/log.ts'
import { Backoff, within } from '../base/wait.ts'
import { heartbeat_ms, type WorkerMessage } from './worker-program.ts'

export interface WorkerLimits {
  /** From starting the thread until it is ready. */
  start_ms: number
  /** Without a sign of life for this long, it is stuck. */
  silent_ms: number
  /** From being asked to leave until it is ended in whatever it does. */
  leave_ms: number
  /** Heap of its own V8, without native memory. */
  heap_mb: number
  restartFirst_ms: number
  restartMost_ms: number
  /** Requests that may wait at the same time. */
  pendingMax: number
}

/** Small, as large buffers live outside of V8's heap and little else is made. */
const youngGeneration_mb = 4

export const workerLimits: WorkerLimits = {
  start_ms: 15_000, silent_ms: 5_000, leave_ms: 2_000, heap_mb: 128, restartFirst_ms: 250, restartMost_ms: 30_000, pendingMax: 8,
}

export interface WorkerHostOptions {
  /** For messages and logs. */
  name: string
  /** A module that calls serveWorker. */
  program: URL
  /** Handed to the program; must be clonable. */
  data: unknown
  clock: Clock
  log: Logger
  limits?: Partial<WorkerLimits>
}

interface Pending {
  resolve(answer: unknown): void
  reject(error: Error): void
}

export class WorkerHost {
  readonly counters = new Counters(['requests', 'refused', 'lost', 'starts'])
  readonly #options: WorkerHostOptions
  readonly #limits: WorkerLimits
  readonly #backoff: Backoff
  readonly #pending = new Map<number, Pending>()
  readonly #usable = new Listeners<boolean>()
  readonly #news = new Listeners<unknown>()
  #worker: Worker | undefined
  #about: unknown
  #ready = false
  #next = 0
  #cancelWatch: Cancel = () => undefined
  #cancelRestart: Cancel = () => undefined
  #stopped = true

  constructor(options: WorkerHostOptions) {
    this.#options = options
    this.#limits = { ...workerLimits, ...options.limits }
    this.#backoff = new Backoff(this.#limits.restartFirst_ms, this.#limits.restartMost_ms)
  }

  get usable(): boolean {
    return this.#ready
  }

  /** What the program said of itself when it became ready. */
  get about(): unknown {
    return this.#about
  }

  onUsable(listener: (usable: boolean) => void): () => void {
    return this.#usable.add(listener)
  }

  /** What the program says without being asked. */
  onNews(listener: (news: unknown) => void): () => void {
    return this.#news.add(listener)
  }

  /**
   * Resolves when the worker is ready; from then on it is started again by itself.
   * @throws ConfigError with the program's own code when it refuses to start, DeviceError
   *   (PC-RUN-WORKER-LOST), TimeoutError (PC-RUN-WORKER-LATE).
   */
  async start(signal?: AbortSignal): Promise<void> {
    this.#stopped = false
    try {
      await this.#launch(signal)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRestart()
    await this.#end(new CancelledError(this.#options.name))
  }

  /**
   * @throws InputError with the program's code when the request itself was at fault; DeviceError
   *   (PC-RUN-WORKER-LOST) when there is no worker or it was lost meanwhile; ResourceError
   *   (PC-RUN-WORKER-BUSY); TimeoutError (PC-RUN-WORKER-LATE); CancelledError.
   */
  async ask(request: unknown, limit_ms: number, signal?: AbortSignal): Promise<unknown> {
    const { name, clock } = this.#options
    const worker = this.#worker
    if (worker === undefined || !this.#ready) throw lost(name)
    if (this.#pending.size >= this.#limits.pendingMax) {
      throw new ResourceError('PC-RUN-WORKER-BUSY', `Too many requests wait for the worker ${name}.`, { component: name })
    }
    this.counters.add('requests')
    const id = this.#next++
    try {
      return await within(late(name, clock, limit_ms, signal), () => new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        worker.postMessage({ id, request })
      }))
    } finally {
      this.#pending.delete(id)
    }
  }

  async #launch(signal?: AbortSignal): Promise<void> {
    const { name, program, data, clock } = this.#options
    this.counters.add('starts')
    const worker = new Worker(program, { name, workerData: data, resourceLimits: { maxOldGenerationSizeMb: this.#limits.heap_mb, maxYoungGenerationSizeMb: youngGeneration_mb } })
    this.#worker = worker
    await within(late(name, clock, this.#limits.start_ms, signal), () => new Promise<void>((resolve, reject) => {
      worker.on('message', (message: WorkerMessage) => {
        if (worker !== this.#worker) return
        this.#watch()
        if (message.kind === 'news') this.#news.emit(message.news)
        else if (message.kind === 'ready') this.#becomeReady(message.about, resolve)
        else if (message.kind === 'failed') reject(new ConfigError(message.code as ErrorCode, message.message, { component: name }))
        else this.#settle(message)
      })
      worker.on('error', (error) => {
        reject(lost(name, error))
        this.#lose(worker, error)
      })
      worker.on('exit', () => {
        reject(lost(name))
        this.#lose(worker)
      })
    }))
  }

  #becomeReady(about: unknown, done: () => void): void {
    this.#about = about
    this.#ready = true
    done()
    this.#usable.emit(true)
  }

  #settle(message: WorkerMessage): void {
    if (message.kind === 'answer') this.#pending.get(message.id)?.resolve(message.answer)
    if (message.kind !== 'refused') return
    this.counters.add('refused')
    const { name } = this.#options
    const details = [message.code as ErrorCode, message.message, { component: name }] as const
    this.#pending.get(message.id)?.reject(message.input ? new InputError(...details) : new DeviceError(...details))
  }

  /** Each sign of life gives it the same time again. One that has lasted has earned a quick restart. */
  #watch(): void {
    const { clock } = this.#options
    const worker = this.#worker
    this.#cancelWatch()
    this.#cancelWatch = clock.after(this.#limits.silent_ms, () => {
      if (worker !== undefined) this.#lose(worker, new Error('no heartbeat'))
    })
  }

  /** The worker died or is stuck: everyone who waits hears so, and another is started. */
  #lose(worker: Worker, cause?: Error): void {
    if (worker !== this.#worker) return
    const { name, clock, log } = this.#options
    const wasReady = this.#ready
    void this.#end(lost(name, cause))
    if (this.#stopped || !wasReady) return
    this.counters.add('lost')
    const delay_ms = this.#backoff.next_ms()
    log.error({ code: 'PC-RUN-WORKER-LOST', restart_ms: Math.round(delay_ms), ...(cause === undefined ? {} : { error: describe(cause) }) }, 'a worker was lost')
    this.#cancelRestart = clock.after(delay_ms, () => this.#relaunch())
  }

  #relaunch(): void {
    const { log, clock } = this.#options
    this.#launch().then(
      () => {
        this.#cancelRestart = clock.after(steady_ms, () => this.#backoff.reset())
      },
      (error: unknown) => {
        void this.#end(lost(this.#options.name))
        if (this.#stopped) return
        log.error({ error }, 'a worker could not be started again')
        this.#cancelRestart = clock.after(this.#backoff.next_ms(), () => this.#relaunch())
      },
    )
  }

  async #end(error: Error): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    this.#cancelWatch()
    const wasReady = this.#ready
    this.#ready = false
    for (const pending of this.#pending.values()) pending.reject(error)
    if (wasReady) this.#usable.emit(false)
    if (worker !== undefined) await this.#dismiss(worker)
  }

  /**
   * Lets it leave between two pieces of work. A thread that is ended within a call of native code makes that call fail,
   * and a library that throws then (onnxruntime does) takes the whole process with it.
   */
  async #dismiss(worker: Worker): Promise<void> {
    if (worker.threadId === goneId) return
    const { name, clock } = this.#options
    const gone = new Promise<void>((resolve) => void worker.once('exit', () => resolve()))
    worker.postMessage('leave')
    await within(late(name, clock, this.#limits.leave_ms, undefined), () => gone).catch(() => worker.terminate())
  }
}

/** What Node calls a thread that has ended. */
const goneId = -1

/** A worker that has run this long counts as sound again. */
const steady_ms = 120 * heartbeat_ms

const lost = (name: string, cause?: Error): DeviceError =>
  new DeviceError('PC-RUN-WORKER-LOST', `The worker ${name} died or does not answer; it is started again.`, { component: name, cause })

const late = (name: string, clock: Clock, limit_ms: number, signal: AbortSignal | undefined) =>
  ({ clock, limit_ms, signal, component: name, code: 'PC-RUN-WORKER-LATE', message: `The worker ${name} took longer than ${limit_ms} ms.` }) as const

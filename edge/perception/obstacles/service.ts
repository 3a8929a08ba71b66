/**
 * The obstacle paths as one component of the device: starts their threads, mirrors the lidars that live
 * there, and says what the vehicle may do. When the safety thread is silent or gone, it must stop.
 */
import type { Cancel, Clock, Instant } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { describe, UsageError } from '../../base/error.ts'
import type { Logger } from '../../base/log.ts'
import { Backoff } from '../../base/wait.ts'
import { type Camera, type Frame, Lidar } from '../../device/capabilities.ts'
import { Component, type News } from '../../device/component.ts'
import type { Caller, Health } from '../../device/contract.ts'
import { Mirror } from '../../device/mirror.ts'
import { WorkerHost } from '../../run/worker.ts'
import { CloudRing } from './cloud.ts'
import { type Decision, type Motion, Obstacles } from './contract.ts'
import { measureMounting } from './mounting.ts'
import type { DecidedBy, SafetyNews } from './safety-path.ts'
import type { ObstacleSetup } from './setup.ts'
import type { TrackingNews, TrackingSetup } from './tracking-worker.ts'

/** What the obstacle worker tells: what its lidars make known, and what the safety path decides. */
export type ObstacleNews = { kind: 'component'; news: News } | SafetyNews

/** What the obstacle worker is asked. */
export type ObstacleRequest =
  | { kind: 'command'; component: string; command: string; args: unknown; caller: Caller }
  | { kind: 'motion'; motion: Motion }

export interface ObstacleServiceOptions {
  setup: ObstacleSetup
  camera?: Component<(typeof Camera)['members']>
  /** Starts the thread of the safety path and its lidars. */
  worker: { program: URL; data: unknown }
  tracking: { program?: URL; models: string; engine: TrackingSetup['engine'] }
  clock: Clock
  log: Logger
}

/** The most points of one turn that the slower readers get to see: an OS1-128 with two returns, 2048 columns. */
export const cloudPointsMax = 524_288
/** Two of its periods, and a little. */
const silent_ms = 250
const motion_ms_max = 500
const frame_ms_max = 3_000
const trackingRetry_ms = 1_000

const starting: Decision = { level: 'stop', limit_mps: 0, cause: { kind: 'starting' } }
const lost: Decision = { level: 'stop', limit_mps: 0, cause: { kind: 'late' } }
const lateHealth = (what: string): Health => ({ status: 'degraded', code: 'PC-OBSTACLES-LATE', says: `The vehicle must not drive: ${what}.` })
const untrackedHealth: Health = { status: 'degraded', code: 'PC-OBSTACLES-TRACKING', says: 'What is in a field stops the vehicle, but objects are not followed: their thread could not be started, or died.' }
const lostHealth: Health = { status: 'failed', code: 'PC-RUN-WORKER-LOST', says: 'The thread that it lives in died or does not answer; it is started again.' }

export class ObstacleService {
  readonly component: Component<(typeof Obstacles)['members']>
  /** The lidars, as this thread sees them. */
  readonly mirrors: readonly Mirror<(typeof Lidar)['members']>[]
  /** The points of each source's last turns, for the view. */
  readonly clouds: ReadonlyMap<string, CloudRing>
  /** The packet that led to the last decision: for measurements. */
  decidedBy: DecidedBy | undefined
  readonly #options: ObstacleServiceOptions
  readonly #counters = new Counters(['stops', 'missed', 'silences', 'pictures', 'picturesDropped'])
  readonly #safety: WorkerHost
  readonly #tracking: WorkerHost
  #decision = starting
  #lastHeard: Instant = -Infinity
  #silent = false
  /** Until then what the safety path says is not enough to drive: it was silent. */
  #distrustedUntil: Instant = -Infinity
  #stoppedAt: Instant
  #stopping = false
  #seeing = false
  /** What the threads counted: each begins anew with its thread. */
  #safetyCounts: Record<string, number> = {}
  #trackingCounts: Record<string, number> = {}
  /** It was there and is not, or could not be started. */
  #trackingLost = false
  readonly #trackingRetry = new Backoff(trackingRetry_ms, 30 * trackingRetry_ms)
  #cancelTracking: Cancel = () => undefined
  #cancelWatch: Cancel = () => undefined
  #unsubscribeCamera: () => void = () => undefined

  constructor(options: ObstacleServiceOptions) {
    const { setup, clock, log } = options
    this.#options = options
    this.#stoppedAt = clock.now()
    const names = Object.keys(setup.sources)
    this.clouds = new Map(names.map((name) => [name, new CloudRing(cloudPointsMax)]))
    const clouds = [...this.clouds].map(([source, { memory, pointsMax }]) => ({ source, memory, pointsMax }))
    this.#safety = new WorkerHost({ name: 'obstacles', program: options.worker.program, data: { ...options.worker.data as object, clouds }, clock, log, limits: { silent_ms: 2_000, pendingMax: 16 } })
    const { program = new URL('./tracking-worker.ts', import.meta.url), models, engine } = options.tracking
    const data: TrackingSetup = { clouds, seenFrom: { sources: setup.sources, body: setup.body }, models, engine, ...(setup.camera === undefined ? {} : { camera: setup.camera }) }
    this.#tracking = new WorkerHost({ name: 'tracking', program, data, clock, log })
    this.mirrors = names.map((name) => new Mirror(name, Lidar, clock, async (request, limit_ms, signal) =>
      await this.#safety.ask({ kind: 'command', ...request } satisfies ObstacleRequest, limit_ms, signal)))
    this.component = new Component('obstacles', Obstacles, clock, {
      motion: async (motion, signal) => {
        await this.#safety.ask({ kind: 'motion', motion } satisfies ObstacleRequest, motion_ms_max, signal)
        return {}
      },
      mounting: ({ source }, signal) => this.#mounting(source, signal),
      selfTest: async () => this.#selfTest(),
    })
    this.component.publish('decision', starting)
    this.#safety.onNews((news) => this.#hear(news as ObstacleNews))
    this.#safety.onUsable((usable) => {
      if (!usable) this.#lose()
    })
    this.#tracking.onNews((news) => {
      const { objects, camera, counts: { tails, ghosts, cells, clusters, tracks } } = news as TrackingNews
      this.component.publish('objects', objects)
      this.component.publish('camera', camera)
      this.#trackingCounts = { tails, ghosts, cellsRefused: cells, clustersRefused: clusters, tracksRefused: tracks }
    })
    this.#tracking.onUsable((usable) => {
      this.#trackingLost = !usable
      if (usable) this.#trackingRetry.reset()
      else this.component.publish('objects', [])
    })
  }

  /** What the vehicle may do now. */
  get decision(): Decision {
    return this.#decision
  }

  /** @throws what the safety thread's start throws; tracking is started beside it and again until it works. */
  async start(signal?: AbortSignal): Promise<void> {
    this.#stopping = false
    this.component.publish('health', { status: 'starting' })
    this.#track(signal)
    try {
      await this.#safety.start(signal)
    } catch (error) {
      const { code, message } = describe(error)
      this.component.publish('health', { status: 'failed', code, says: message })
      throw error
    }
    this.#watch()
    this.#unsubscribeCamera = this.#options.camera?.onStream('frames', (frame) => this.#see(frame)) ?? (() => undefined)
  }

  /** A first start that fails, be it that this machine is too busy then, is no reason to do without for good. */
  #track(signal: AbortSignal | undefined): void {
    const { clock, log } = this.#options
    this.#tracking.start(signal).catch((error: unknown) => {
      if (this.#stopping || signal?.aborted === true) return
      this.#trackingLost = true
      log.error({ error: describe(error) }, 'objects are not tracked; trying again')
      this.#cancelTracking = clock.after(this.#trackingRetry.next_ms(), () => this.#track(signal))
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#cancelTracking()
    this.#cancelWatch()
    this.#unsubscribeCamera()
    await Promise.all([this.#safety.stop(), this.#tracking.stop()])
    for (const { component } of this.mirrors) component.publish('health', { status: 'stopped' })
    this.#decide(starting)
    this.component.publish('health', { status: 'stopped' })
  }

  #hear(news: ObstacleNews): void {
    this.#lastHeard = this.#options.clock.now()
    this.#silent = false
    switch (news.kind) {
      case 'component':
        this.mirrors.find(({ component }) => component.name === news.news.component)?.apply(news.news)
        break
      case 'decision':
        this.decidedBy = news.decidedBy
        this.#take(news.decision)
        break
      case 'histogram':
        this.component.publish('histogram', news.steps)
        break
      case 'missed':
        this.#counters.add('missed')
        this.component.raise('missed', { latency_ms: news.latency_ms, limit_ms: this.#options.setup.latency_ms_max })
        this.component.publish('health', lateHealth('a decision came later than its limit'))
        break
      case 'status':
        this.#takeStatus(news)
        break
    }
  }

  #takeStatus({ decision, fields, sources, latency, counts }: SafetyNews & { kind: 'status' }): void {
    this.#take(decision)
    this.component.publish('fields', fields)
    this.#tellSources(sources)
    this.component.publish('latency', latency)
    this.#safetyCounts = { ...counts }
    this.#publishCounters()
    this.component.publish('health', this.#healthOf(sources))
  }

  #healthOf(sources: Record<string, string>): Health {
    if (this.#decision.cause?.kind === 'late') return lateHealth('decisions came too late a moment ago')
    const troubled = Object.entries(sources).filter(([, state]) => state !== 'ok').map(([source, state]) => `${source} is ${state}`)
    if (troubled.length > 0) return { status: 'degraded', code: 'PC-OBSTACLES-SOURCE', says: `The vehicle must not drive: ${troubled.join(', ')}.` }
    return this.#trackingLost ? untrackedHealth : { status: 'ready' }
  }

  #publishCounters(): void {
    this.component.publish('counters', { ...this.#counters.snapshot(), ...this.#safetyCounts, ...this.#trackingCounts })
  }

  /** After a silence the path must have been heard for as long as after any other reason to stop. */
  #take(decision: Decision): void {
    this.#decide(decision.level !== 'stop' && this.#options.clock.now() < this.#distrustedUntil ? lost : decision)
  }

  /** The strictest level that was told last holds; a stop, and its end, are facts. */
  #decide(decision: Decision): void {
    const before = this.#decision
    this.#decision = decision
    this.component.publish('decision', decision)
    const { clock } = this.#options
    if (decision.level === 'stop' && before.level !== 'stop' && decision.cause !== undefined) {
      this.#stoppedAt = clock.now()
      this.#counters.add('stops')
      this.component.raise('stopped', { cause: decision.cause })
    }
    if (decision.level !== 'stop' && before.level === 'stop') {
      this.component.raise('released', { after_ms: Math.round(clock.now() - this.#stoppedAt) })
    }
  }

  #tellSources(sources: Record<string, string>): void {
    const before = this.component.read('sources')
    for (const [source, state] of Object.entries(sources)) {
      if (state !== before?.[source] && state !== 'starting') this.component.raise('source', { source, state })
    }
    this.component.publish('sources', sources)
  }

  #watch(): void {
    const { clock } = this.#options
    this.#cancelWatch = clock.after(silent_ms / 5, () => {
      if (this.#safety.usable && clock.now() - this.#lastHeard > silent_ms) this.#missWord()
      this.#watch()
    })
  }

  /** The thread hangs, or this one was held up and heard nothing: either way nobody decides on what is in the way. */
  #missWord(): void {
    const { clock, setup } = this.#options
    this.#distrustedUntil = clock.now() + setup.release_ms
    if (this.#silent) return
    this.#silent = true
    this.#counters.add('silences')
    this.#decide(lost)
    this.#publishCounters()
    this.component.publish('health', lateHealth('nothing is heard of the safety path'))
  }

  #lose(): void {
    if (this.#stopping) return
    this.#decide(lost)
    this.#tellSources(Object.fromEntries(this.mirrors.map(({ component }) => [component.name, 'lost'])))
    this.component.publish('fields', '')
    for (const mirror of this.mirrors) mirror.lose(lostHealth)
    this.component.publish('health', { ...lostHealth, says: 'The vehicle must not drive: the thread of the safety path died; it is started again.' })
  }

  /** The tracking thread takes one picture at a time; while it looks, newer ones pass by. */
  #see({ jpeg }: Frame): void {
    if (!this.#tracking.usable) return
    if (this.#seeing) {
      this.#counters.add('picturesDropped')
      return
    }
    this.#seeing = true
    this.#counters.add('pictures')
    this.#tracking.ask({ jpeg }, frame_ms_max).catch((error: unknown) => {
      if (!this.#stopping) this.#options.log.debug({ error: describe(error) }, 'a picture was not looked at')
    }).finally(() => {
      this.#seeing = false
    })
  }

  /** @throws UsageError (PC-DEVICE-UNKNOWN), and what `measureMounting` throws. */
  async #mounting(source: string, signal: AbortSignal) {
    const { setup, clock } = this.#options
    const ring = this.clouds.get(source)
    const set = Object.hasOwn(setup.sources, source) ? setup.sources[source]?.mount : undefined
    if (ring === undefined || set === undefined) throw new UsageError('PC-DEVICE-UNKNOWN', `"${source.slice(0, 64)}" is no source of obstacles.`)
    return await measureMounting(source, set, ring, clock, signal)
  }

  #selfTest() {
    const sources = Object.entries(this.component.read('sources') ?? {})
    const latency = this.component.read('latency')
    const checks = [
      ...sources.map(([source, state]) => ({ name: `source ${source}`, passed: state === 'ok', says: state === 'ok' ? 'It sends points that make sense.' : `It is ${state}.` })),
      {
        name: 'latency', passed: latency !== undefined && latency.count > 0 && latency.missed === 0, ...(latency === undefined ? {} : { value: latency.p99_ms, unit: 'ms' }),
        says: latency === undefined || latency.count === 0 ? 'No packet has been decided on.' : `${latency.missed} decisions came later than the limit.`,
      },
      ...(this.#options.camera === undefined ? [] : [{ name: 'camera', passed: this.component.read('camera') === 'ok', says: `What it sees is ${this.component.read('camera') === 'ok' ? '' : 'not '}joined with the objects.` }]),
      { name: 'tracking', passed: this.#tracking.usable, says: this.#tracking.usable ? 'Objects are tracked.' : 'Objects are not tracked.' },
    ]
    return { passed: checks.every(({ passed }) => passed), checks }
  }
}

/**
 * The safety path at work: takes each packet's points from the lidars as they arrive, lets the monitor
 * decide, tells every change at once, and measures how long that took. Runs in a thread of its own with
 * nothing beside it but the lidars' drivers.
 */
import type { Cancel, Clock, Instant } from '../../base/clock.ts'
import type { Lidar } from '../../device/capabilities.ts'
import type { Component } from '../../device/component.ts'
import { troubleOf } from '../../device/lidar-trouble.ts'
import type { CloudRing } from './cloud.ts'
import type { Decision, Motion } from './contract.ts'
import { type LatencyFigures, LatencyHistogram, type LatencyStep } from './latency.ts'
import { SafetyMonitor } from './monitor.ts'
import type { ObstacleSetup } from './setup.ts'

export type LidarComponent = Component<(typeof Lidar)['members']>

/** What the safety path tells. */
export type SafetyNews =
  | { kind: 'decision'; decision: Decision; decidedBy: DecidedBy | undefined }
  /** Repeated, so that its silence can be told from nothing new. */
  | { kind: 'status'; decision: Decision; fields: string; sources: Record<string, string>; latency: LatencyFigures & { missed: number }; counts: SafetyCounts }
  | { kind: 'histogram'; steps: LatencyStep[] }
  | { kind: 'missed'; latency_ms: number }

/** Since the thread began: points that are no numbers, lie below the ground, or had no room in their cloud; packets and troubles of nobody's source. */
export interface SafetyCounts {
  pointsInvalid: number
  pointsBelow: number
  pointsDropped: number
  strangers: number
}

/** The packet after which the decision changed. */
export interface DecidedBy {
  source: string
  /** Sensor time of the packet. */
  start_us: number
  latency_ms: number
}

export interface SafetyPathOptions {
  setup: ObstacleSetup
  lidars: readonly LidarComponent[]
  clouds: ReadonlyMap<string, CloudRing>
  clock: Clock
  tell(news: SafetyNews): void
}

/** How often silence is looked for. */
const tick_ms = 10
/** How often the status is told. */
const statusPeriod_ms = 100
/** How often all latencies are told. */
const histogramPeriod_ms = 1_000

export class SafetyPath {
  readonly #options: SafetyPathOptions
  readonly #monitor: SafetyMonitor
  readonly #latency = new LatencyHistogram()
  readonly #unsubscribe: (() => void)[] = []
  #missed = 0
  /** Until then the path itself is not trusted: it was too late. */
  #lateUntil: Instant = -Infinity
  #toldVersion = -1
  #toldLate = false
  #lastTick: Instant
  #nextStatus: Instant
  #nextHistogram: Instant
  #cancelTick: Cancel = () => undefined

  constructor(options: SafetyPathOptions) {
    const { setup, clouds, clock } = options
    this.#options = options
    this.#monitor = new SafetyMonitor(setup, { cloud: (source) => clouds.get(source) })
    this.#lastTick = clock.now()
    this.#nextStatus = this.#lastTick
    this.#nextHistogram = this.#lastTick + histogramPeriod_ms
  }

  start(): void {
    const { clock, lidars, setup } = this.#options
    for (const lidar of lidars) {
      const source = lidar.name
      const stopFields = setup.sources[source]?.stopFields ?? []
      this.#unsubscribe.push(
        lidar.onStream('points', (block) => {
          this.#monitor.onBlock(source, block)
          const latency_ms = clock.now() - block.received
          this.#measure(latency_ms)
          if (this.#changed) this.#tell({ source, start_us: block.start_us, latency_ms })
        }),
        lidar.onChange('health', () => this.#onHealth(lidar)),
        lidar.onChange('fields', (fields) => {
          for (const field of stopFields) this.#monitor.onSensorField(source, field, fields[field] !== 'free')
          this.#tellChange()
        }),
      )
      // Until the sensor says that they are free they are not.
      for (const field of stopFields) this.#monitor.onSensorField(source, field, lidar.read('fields')?.[field] !== 'free')
      this.#onHealth(lidar)
    }
    this.#lastTick = clock.now()
    this.#tick()
  }

  stop(): void {
    this.#cancelTick()
    for (const remove of this.#unsubscribe.splice(0)) remove()
  }

  motion(motion: Motion): void {
    this.#monitor.onMotion(motion, this.#options.clock.now())
    this.#tellChange()
  }

  #onHealth({ name, health }: LidarComponent): void {
    // One that has not begun is not in trouble: the monitor knows that it has not seen it.
    this.#monitor.onSourceTrouble(name, health.status === 'starting' || health.status === 'stopped' ? undefined : troubleOf(health))
    this.#tellChange()
  }

  #tick(): void {
    const { clock, setup } = this.#options
    const now = clock.now()
    // Packets that waited while the thread was held up were late by as much, although they are received only now.
    const held_ms = now - this.#lastTick - tick_ms
    if (held_ms > setup.latency_ms_max) this.#measure(held_ms)
    this.#lastTick = now
    this.#monitor.tick(now)
    this.#tellChange()
    if (now >= this.#nextStatus) this.#tellStatus(now)
    this.#cancelTick = clock.after(tick_ms, () => this.#tick())
  }

  #measure(latency_ms: number): void {
    const { setup, clock, tell } = this.#options
    this.#latency.record(latency_ms)
    if (latency_ms <= setup.latency_ms_max) return
    const now = clock.now()
    this.#missed++
    if (now >= this.#lateUntil) tell({ kind: 'missed', latency_ms })
    this.#lateUntil = now + setup.release_ms
  }

  get #late(): boolean {
    return this.#options.clock.now() < this.#lateUntil
  }

  get #changed(): boolean {
    return this.#monitor.version !== this.#toldVersion || this.#late !== this.#toldLate
  }

  #tellChange(): void {
    if (this.#changed) this.#tell(undefined)
  }

  #tell(decidedBy: DecidedBy | undefined): void {
    this.#toldVersion = this.#monitor.version
    this.#toldLate = this.#late
    this.#options.tell({ kind: 'decision', decision: this.#decision(), decidedBy })
  }

  /** What was told must hold even where the path was too late: it then says stop. */
  #decision(): Decision {
    return this.#late ? { level: 'stop', limit_mps: 0, cause: { kind: 'late' } } : this.#monitor.decision()
  }

  #counts(): SafetyCounts {
    const counts = { pointsInvalid: 0, pointsBelow: 0, pointsDropped: 0, strangers: this.#monitor.strangers }
    for (const { invalid, below, dropped } of Object.values(this.#monitor.counters())) {
      counts.pointsInvalid += invalid
      counts.pointsBelow += below
      counts.pointsDropped += dropped
    }
    return counts
  }

  #tellStatus(now: Instant): void {
    this.#nextStatus = now + statusPeriod_ms
    const sources = Object.fromEntries(this.#options.lidars.map(({ name }) => [name, this.#monitor.sourceState(name)]))
    this.#options.tell({
      kind: 'status', decision: this.#decision(), fields: this.#monitor.fieldsInUse, sources,
      latency: { ...this.#latency.figures(), missed: this.#missed }, counts: this.#counts(),
    })
    if (now < this.#nextHistogram) return
    this.#nextHistogram = now + histogramPeriod_ms
    this.#options.tell({ kind: 'histogram', steps: this.#latency.steps() })
  }
}

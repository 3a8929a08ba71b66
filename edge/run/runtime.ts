/** The runtime as a component of its own: how late its event loop is, how much memory it uses. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Cancel, Clock } from '../base/clock.ts'
import { Type } from '../base/schema.ts'
import { every } from '../base/wait.ts'
import { Component } from '../device/component.ts'
import { contract, event, property } from '../device/contract.ts'

export const Runtime = contract('runtime', 'The program that runs the device.', {
  version: property(Type.String(), 'The version of the program.'),
  lag: property(Type.Number(), 'The 99th percentile of how late the event loop was in the last period.', 'ms'),
  memory: property(Type.Number(), 'Resident memory of the whole process.', 'MB'),
  uptime: property(Type.Integer(), 'How long the program has been running.', 's'),
  overload: event({ what: Type.Enum(['lag', 'memory']), value: Type.Number() }, 'A limit of the runtime was passed.', { severity: 'warning' }),
})
export type Runtime = typeof Runtime

export interface RuntimeLimits {
  lag_ms_max: number
  memory_mb_max: number
}

const period_ms = 5_000
/** The histogram counts the whole time between two looks; how late one was is what exceeds this. */
const resolution_ms = 20

/** Measures and publishes every five seconds; raises `overload` when a limit is passed, once until it is well again. */
export class RuntimeMonitor {
  readonly component: Component<(typeof Runtime)['members']>
  readonly #clock: Clock
  readonly #limits: RuntimeLimits
  readonly #delay = monitorEventLoopDelay({ resolution: resolution_ms })
  readonly #over = new Set<'lag' | 'memory'>()
  #stopTicking: Cancel = () => undefined
  #lastTick: number

  constructor(version: string, clock: Clock, limits: RuntimeLimits) {
    this.#clock = clock
    this.#limits = limits
    this.#lastTick = clock.now()
    this.component = new Component('runtime', Runtime, clock, { selfTest: async () => this.#selfTest() })
    this.component.publish('version', version)
  }

  start(): void {
    this.#delay.enable()
    this.component.publish('health', { status: 'ready' })
    this.#tick()
    this.#stopTicking = every(this.#clock, period_ms, () => this.#tick())
  }

  stop(): void {
    this.#stopTicking()
    this.#delay.disable()
    this.component.publish('health', { status: 'stopped' })
  }

  /** False when the event loop was stuck: the watchdog then should bite. */
  alive(): boolean {
    return this.#clock.now() - this.#lastTick < 3 * period_ms
  }

  #tick(): void {
    this.#lastTick = this.#clock.now()
    const lag = Math.max(0, Math.round((this.#delay.percentile(99) / 1e6 - resolution_ms) * 10) / 10)
    const memory = Math.round(process.memoryUsage.rss() / 1e5) / 10
    this.#delay.reset()
    this.component.publish('lag', Number.isFinite(lag) ? lag : 0)
    this.component.publish('memory', memory)
    this.component.publish('uptime', Math.round(process.uptime()))
    this.#judge('lag', lag, this.#limits.lag_ms_max)
    this.#judge('memory', memory, this.#limits.memory_mb_max)
    const says = [...this.#over].map((what) => (what === 'lag' ? 'The event loop is late.' : 'It uses more memory than it may.')).join(' ')
    this.component.publish('health', says === '' ? { status: 'ready' } : { status: 'degraded', code: 'PC-RUN-OVERLOAD', says })
  }

  #judge(what: 'lag' | 'memory', value: number, limit: number): void {
    if (value <= limit) this.#over.delete(what)
    else if (!this.#over.has(what)) {
      this.#over.add(what)
      this.component.raise('overload', { what, value })
    }
  }

  #selfTest(): { passed: boolean; checks: { name: string; passed: boolean; value: number; unit: string; says: string }[] } {
    const { lag_ms_max, memory_mb_max } = this.#limits
    const lag = this.component.read('lag') ?? 0
    const memory = this.component.read('memory') ?? 0
    const checks = [
      { name: 'lag', passed: lag <= lag_ms_max, value: lag, unit: 'ms', says: `The event loop may be ${lag_ms_max} ms late.` },
      { name: 'memory', passed: memory <= memory_mb_max, value: memory, unit: 'MB', says: `The process may use ${memory_mb_max} MB.` },
    ]
    return { passed: checks.every((check) => check.passed), checks }
  }
}

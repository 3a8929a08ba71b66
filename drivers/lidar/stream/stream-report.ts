/** What a lidar's driver makes known of its stream: figures once a second, health, and each trouble once. */
import type { Clock } from '../../../edge/base/clock.ts'
import { describe, type ErrorCode, type PortcullisError } from '../../../edge/base/error.ts'
import type { Logger } from '../../../edge/base/log.ts'
import type { Lidar, LidarTrouble } from '../../../edge/device/capabilities.ts'
import type { Component } from '../../../edge/device/component.ts'
import type { Health } from '../../../edge/device/contract.ts'
import { type StreamTrouble, troubleCode, troubleSays } from '../../../edge/device/lidar-trouble.ts'
import type { Heat } from '../decoder.ts'
import type { Tally } from './tally.ts'

export interface StreamReportOptions {
  component: Component<typeof Lidar.members>
  clock: Clock
  log: Logger
  tally: Tally
  /** The counters are made known by the link's session, with its own. */
  countedByLink?: boolean
}

const second_ms = 1_000
const heatSays: Record<Heat, string> = {
  limited: 'says that it is too hot, or soon will be, and measures with less light: it sees less far',
  ending: 'says that it is too hot and is about to switch itself off',
}

export class StreamReport {
  readonly #options: StreamReportOptions
  /** Code of the trouble that was told last. */
  #told: string | undefined
  #began: number
  #turns = 0
  #beams = 0
  #returns = 0

  constructor(options: StreamReportOptions) {
    this.#options = options
    this.#began = options.clock.now()
  }

  /** All is well, or nearly. @param heat as the sensor says itself */
  well(warning: StreamTrouble | undefined, heat?: Heat): void {
    this.#told = undefined
    if (heat !== undefined) this.#health({ status: 'degraded', code: 'PC-LIDAR-HOT', says: `${this.#options.component.name} ${heatSays[heat]}.` })
    else if (warning === undefined) this.#health({ status: 'ready' })
    else this.#health({ status: 'degraded', code: troubleCode[warning], says: troubleSays(this.#options.component.name, warning) })
  }

  /** It must not be believed. */
  trouble(trouble: StreamTrouble): void {
    this.troubleAs(trouble, troubleCode[trouble], troubleSays(this.#options.component.name, trouble))
  }

  /** It must not be believed, for a reason that has a code of its own. */
  troubleAs(reason: LidarTrouble, code: ErrorCode, says: string): void {
    const { component, log } = this.#options
    this.#health({ status: 'failed', code, says })
    if (this.#told === code) return
    this.#told = code
    log.warn({ component: component.name, code, reason }, 'not to be believed')
    component.raise('trouble', { reason })
  }

  /** It cannot even be listened to. */
  unusable(error: unknown): void {
    const { component, log } = this.#options
    const { code, message } = describe(error)
    if (this.#told !== code) log.warn({ component: component.name, error: error as PortcullisError }, 'not usable')
    this.#told = code
    this.#health({ status: 'failed', code, says: message })
  }

  /** To be called often; publishes once a second. */
  tick(): void {
    const { clock, tally } = this.#options
    const elapsed_s = (clock.now() - this.#began) / second_ms
    if (elapsed_s < 1) return
    const beams = tally.get('beams') - this.#beams
    const returns = tally.get('returns') - this.#returns
    this.#publish((tally.get('turns') - this.#turns) / elapsed_s, beams / elapsed_s, beams === 0 ? 0 : returns / beams)
    this.#beginSecond()
  }

  /** Nothing comes any more, because nobody listens. */
  end(): void {
    this.#publish(0, 0, 0)
    this.#beginSecond()
  }

  #beginSecond(): void {
    const { clock, tally } = this.#options
    this.#began = clock.now()
    this.#turns = tally.get('turns')
    this.#beams = tally.get('beams')
    this.#returns = tally.get('returns')
  }

  #publish(turns: number, rate: number, returns: number): void {
    const { component, tally, countedByLink } = this.#options
    component.publish('turns', Math.round(turns * 10) / 10)
    component.publish('rate', Math.round(rate))
    component.publish('returns', Math.round(returns * 1_000) / 1_000)
    if (countedByLink !== true) component.publish('counters', tally.snapshot())
  }

  #health(health: Health): void {
    const { component } = this.#options
    const { status, code, says } = component.health
    if (status !== health.status || code !== health.code || says !== health.says) component.publish('health', health)
  }
}

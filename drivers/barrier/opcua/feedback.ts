/** What the PLC has said last, what that means, and whether it may still be believed. */
import type { Instant } from '../../../edge/base/clock.ts'
import type { BarrierState } from '../../../edge/device/capabilities.ts'
import type { PlcCode } from './codes.ts'
import type { Mode } from './door.ts'
import { countOf, Lateness, meaningOf, type Seen } from './meaning.ts'
import type { OpcuaBarrierOptions, Use } from './options.ts'

const states = ['closed', 'opening', 'open', 'closing', 'blocked'] as const
const modes = ['normal', 'locked', 'free'] as const
/** A subscription whose PLC publishes more slowly than it was asked to is given so many of its own intervals. */
const intervals = 5

export class Feedback {
  readonly #options: OpcuaBarrierOptions
  readonly #seen = new Map<Use, Seen>()
  readonly #lateness = new Lateness()
  #alive_ms: number
  #heard: Instant = 0
  #beaten: Instant = 0
  #beats = 0
  /** How much later than at best the last sign of life came. */
  late_ms = 0

  constructor(options: OpcuaBarrierOptions) {
    this.#options = options
    this.#alive_ms = options.beat.alive_ms
  }

  /** From now on it must show signs of life. */
  begin(now: Instant, publishing_ms: number): void {
    this.#alive_ms = Math.max(this.#options.beat.alive_ms, intervals * publishing_ms)
    this.#heard = now
    this.#beaten = now
  }

  heard(now: Instant): void {
    this.#heard = now
  }

  take(use: Use, seen: Seen, now: Instant): void {
    const before = this.#seen.get(use)
    this.#seen.set(use, seen)
    if (use !== 'beat' || seen.quality !== 'good' || Object.is(before?.value, seen.value)) return
    this.#beats++
    this.#beaten = now
    this.late_ms = this.#lateness.of(seen.stamped, now)
  }

  /** All that is needed was said at least once, and the program of the PLC runs: its sign of life has changed. */
  get isComplete(): boolean {
    const { passed, fault } = this.#options
    const needed: Use[] = ['state', 'mode', ...(passed === undefined ? [] : ['passed' as const]), ...(fault === undefined ? [] : ['fault' as const])]
    return needed.every((use) => this.#seen.has(use)) && this.#beats > 1
  }

  /** Why nothing of it may be believed. */
  trouble(now: Instant): PlcCode | undefined {
    if (now - this.#heard > this.#alive_ms) return 'PC-PLC-SILENT'
    if (now - this.#beaten > this.#alive_ms) return 'PC-PLC-FROZEN'
    return this.late_ms > this.#options.stale_ms ? 'PC-PLC-STALE' : undefined
  }

  get state(): BarrierState {
    return meaningOf(this.#seen.get('state'), states, this.#options.state) ?? 'unknown'
  }

  get mode(): Mode | 'unknown' {
    return meaningOf(this.#seen.get('mode'), modes, this.#options.mode) ?? 'unknown'
  }

  get counted(): number | undefined {
    return countOf(this.#seen.get('passed'))
  }

  /** A fault that is not known for sure to be none is one. */
  get isFaulty(): boolean {
    const { fault } = this.#options
    return fault !== undefined && meaningOf(this.#seen.get('fault'), ['none'], fault) === undefined
  }
}

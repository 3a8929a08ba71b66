/** How much each component writes into the log: more for a while when somebody asks, then as before by itself. */
import { levels } from 'pino'
import type { Cancel, Clock } from '../base/clock.ts'
import { ResourceError } from '../base/error.ts'
import { Listeners } from '../base/listeners.ts'
import type { LogGate, LogLevel } from '../base/log.ts'

/** Stands for every component. */
export const everything = '*'

/** Components that may write more at the same time. */
const louderMax = 32

const rankOf = (level: LogLevel): number => (level === 'silent' ? Infinity : (levels.values[level] ?? Infinity))

/** As it is handed to the threads. */
export interface Volume {
  base: LogLevel
  louder: Readonly<Record<string, LogLevel>>
}

export class Loudness implements LogGate {
  /** Hears every change. */
  readonly changed = new Listeners<Volume>()
  #base: LogLevel
  #louder = new Map<string, LogLevel>()
  readonly #timers = new Map<string, Cancel>()

  constructor(base: LogLevel) {
    this.#base = base
  }

  get volume(): Volume {
    return { base: this.#base, louder: Object.fromEntries(this.#louder) }
  }

  /** What a logger must let through so that nothing wanted is missed. */
  get least(): LogLevel {
    return [this.#base, ...this.#louder.values()].reduce((least, level) => (rankOf(level) < rankOf(least) ? level : least))
  }

  passes(component: string | undefined, rank: number): boolean {
    const wanted = component === undefined ? undefined : this.#louder.get(component)
    const all = this.#louder.get(everything)
    return rank >= rankOf(this.#base) || (wanted !== undefined && rank >= rankOf(wanted)) || (all !== undefined && rank >= rankOf(all))
  }

  setBase(level: LogLevel): void {
    this.#base = level
    this.changed.emit(this.volume)
  }

  /** As the main thread says. */
  take({ base, louder }: Volume): void {
    this.#base = base
    this.#louder = new Map(Object.entries(louder))
    this.changed.emit(this.volume)
  }

  /**
   * A level that is no louder than usual ends it.
   * @throws ResourceError (PC-LOGS-FULL) when too many components are louder already.
   */
  raise(component: string, level: LogLevel, for_ms: number, clock: Clock): void {
    const isLouder = rankOf(level) < rankOf(this.#base)
    if (isLouder && !this.#louder.has(component) && this.#louder.size >= louderMax) {
      throw new ResourceError('PC-LOGS-FULL', `At most ${louderMax} components may write more at the same time.`)
    }
    this.#timers.get(component)?.()
    if (!isLouder) return this.#end(component)
    this.#louder.set(component, level)
    this.#timers.set(component, clock.after(for_ms, () => this.#end(component)))
    this.changed.emit(this.volume)
  }

  stop(): void {
    for (const component of this.#louder.keys()) {
      this.#timers.get(component)?.()
      this.#end(component)
    }
  }

  #end(component: string): void {
    this.#timers.delete(component)
    if (this.#louder.delete(component)) this.changed.emit(this.volume)
  }
}

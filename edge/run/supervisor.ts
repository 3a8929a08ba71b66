/**
 * Starts what a device consists of in the order of its dependencies, starts again what failed to
 * start, and stops everything in the reverse order within a limit.
 */
import type { Clock } from '../base/clock.ts'
import { ConfigError, describe } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { Backoff, sleep, within } from '../base/wait.ts'

/** One thing that runs: a driver, a controller, a service. */
export interface Unit {
  readonly name: string
  /** Units that must have been started before this one. */
  readonly needs: readonly string[]
  /**
   * Resolves when it works or keeps trying by itself; rejects when it must be started again.
   * @param signal aborts when the start was given up, or the unit stopped: never while one that needs it still runs.
   */
  start(signal: AbortSignal): Promise<void>
  /** Releases everything. Called after a failed start, too. */
  stop(): Promise<void>
  readonly restart: RestartPolicy
  /** Of a unit that needs longer to start than the others may. */
  readonly start_ms?: number
  /** The device is ready without it: its start is not waited for. */
  readonly background?: boolean
}

/** `retry`: start again with back-off, the device runs degraded meanwhile. `give-up`: the device cannot run without it. */
export type RestartPolicy = 'retry' | 'give-up'

export interface SupervisorLimits {
  start_ms: number
  stop_ms: number
  /** All units together, when the device shuts down. */
  shutdown_ms: number
  retry_ms: number
}

export const supervisorLimits: SupervisorLimits = { start_ms: 20_000, stop_ms: 3_000, shutdown_ms: 8_000, retry_ms: 500 }

/** Units grouped so that each needs only those of earlier groups. @throws ConfigError (PC-RUN-LOOP, PC-RUN-NEEDS). */
export function startOrder<U extends Pick<Unit, 'name' | 'needs'>>(units: readonly U[]): U[][] {
  const names = new Set(units.map((unit) => unit.name))
  for (const unit of units) {
    const missing = unit.needs.find((need) => !names.has(need))
    if (missing !== undefined) throw new ConfigError('PC-RUN-NEEDS', `${unit.name} needs ${missing}, which is not there.`)
  }
  const groups: U[][] = []
  const placed = new Set<string>()
  let rest = [...units]
  while (rest.length > 0) {
    const group = rest.filter((unit) => unit.needs.every((need) => placed.has(need)))
    if (group.length === 0) throw new ConfigError('PC-RUN-LOOP', `These parts need each other in a loop: ${rest.map((unit) => unit.name).join(', ')}.`)
    for (const unit of group) placed.add(unit.name)
    groups.push(group)
    rest = rest.filter((unit) => !placed.has(unit.name))
  }
  return groups
}

export class Supervisor {
  readonly #groups: Unit[][]
  readonly #clock: Clock
  readonly #log: Logger
  readonly #limits: SupervisorLimits
  /** Ends starting and waiting to start again. What runs ends in its turn: see `#lives`. */
  readonly #abort = new AbortController()
  /** What ends each unit that was started. */
  readonly #lives = new Map<Unit, AbortController>()
  /** Starts that nobody waits for. */
  readonly #going = new Set<Promise<void>>()
  #started: Unit[] = []

  constructor(units: readonly Unit[], clock: Clock, log: Logger, limits: SupervisorLimits = supervisorLimits) {
    this.#groups = startOrder(units)
    this.#clock = clock
    this.#log = log
    this.#limits = limits
  }

  /**
   * Resolves when every unit has been started once; units that may be retried then go on in the
   * background. @throws what the first unit threw that the device cannot run without.
   */
  async start(): Promise<void> {
    for (const group of this.#groups) {
      if (this.#abort.signal.aborted) return
      const results = await Promise.allSettled(group.map((unit) => this.#startFirst(unit)))
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    }
  }

  /** Stops in reverse order. Never throws; what does not stop in time is left behind and said. */
  async stop(): Promise<void> {
    this.#abort.abort()
    const deadline = this.#clock.now() + this.#limits.shutdown_ms
    for (const group of [...this.#groups].reverse()) {
      const left_ms = Math.max(0, deadline - this.#clock.now())
      await Promise.all(group.filter((unit) => this.#started.includes(unit)).map((unit) => this.#stopUnit(unit, Math.min(left_ms, this.#limits.stop_ms))))
    }
    await Promise.allSettled(this.#going)
    this.#started = []
  }

  async #startFirst(unit: Unit): Promise<void> {
    this.#started.push(unit)
    const starting = this.#startOnce(unit).catch((error: unknown) => {
      if (unit.restart === 'give-up') throw error
      this.#goOn(this.#retry(unit, error))
    })
    if (unit.background === true) this.#goOn(starting)
    else await starting
  }

  #goOn(work: Promise<void>): void {
    const going = work.finally(() => this.#going.delete(going))
    this.#going.add(going)
  }

  async #startOnce(unit: Unit): Promise<void> {
    const start_ms = unit.start_ms ?? this.#limits.start_ms
    const life = new AbortController()
    this.#lives.set(unit, life)
    try {
      await within(
        {
          clock: this.#clock, limit_ms: start_ms, signal: this.#abort.signal, component: unit.name,
          code: 'PC-RUN-START-LATE', message: `${unit.name} was not started within ${start_ms / 1000} s.`,
        },
        () => unit.start(life.signal),
      )
    } catch (error) {
      life.abort()
      throw error
    }
  }

  async #retry(unit: Unit, first: unknown): Promise<void> {
    const backoff = new Backoff(this.#limits.retry_ms, this.#limits.retry_ms * 60)
    const { signal } = this.#abort
    for (let error = first; !signal.aborted;) {
      this.#log.warn({ unit: unit.name, error }, 'could not be started; trying again')
      await this.#stopUnit(unit, this.#limits.stop_ms)
      try {
        await sleep(this.#clock, backoff.next_ms(), signal)
        await this.#startOnce(unit)
        this.#log.info({ unit: unit.name }, 'started')
        return
      } catch (again) {
        error = again
      }
    }
  }

  /** A unit first stops in its own order, with all that it has; its signal then ends what it left running. */
  async #stopUnit(unit: Unit, limit_ms: number): Promise<void> {
    try {
      await within({ clock: this.#clock, limit_ms, component: unit.name, code: 'PC-RUN-STOP-LATE', message: `${unit.name} did not stop in time.` }, () => unit.stop())
    } catch (error) {
      this.#log.error({ unit: unit.name, error: describe(error) }, 'did not stop cleanly')
    } finally {
      this.#lives.get(unit)?.abort()
    }
  }
}

/** Measures how long each emulated door really lets anybody through, whatever the runtime thinks. */
import { systemClock, type Instant } from '../../edge/base/clock.ts'
import type { EgateWorld } from './egate-world.ts'

type Door = 'entry' | 'exit'
const doors: readonly Door[] = ['entry', 'exit']
const look_ms = 10

export class DoorWatch {
  /** How often each door opened. */
  readonly opened: Record<Door, number> = { entry: 0, exit: 0 }
  /** The longest that each was open without a pause, in ms. */
  readonly longest_ms: Record<Door, number> = { entry: 0, exit: 0 }
  /** How long both were open together, in ms, over all. */
  both_ms = 0
  readonly #world: EgateWorld
  readonly #since: Partial<Record<Door, Instant>> = {}
  readonly #timer: NodeJS.Timeout
  #lastLook: Instant

  constructor(world: EgateWorld) {
    this.#world = world
    this.#lastLook = systemClock.now()
    this.#timer = setInterval(() => this.#look(), look_ms)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = systemClock.now()
    const open = this.#world.doors
    for (const door of doors) {
      const since = this.#since[door]
      if (open[door] && since === undefined) {
        this.#since[door] = now
        this.opened[door]++
      } else if (!open[door]) delete this.#since[door]
      else if (since !== undefined) this.longest_ms[door] = Math.max(this.longest_ms[door], now - since)
    }
    if (open.entry && open.exit) this.both_ms += now - this.#lastLook
    this.#lastLook = now
  }
}

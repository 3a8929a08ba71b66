/**
 * Where a turning sensor looks now, how far it has turned, and which directions it has seen lately.
 *
 * Everything that asks "in this turn or the one before?" asks this angle, not the sensor's turn counter,
 * which can jump, and not the number of columns, of which some get lost. A sensor that scans only part
 * of a turn jumps over the rest, which counts as turned.
 */
import type { PointBlock } from '../../../device/points.ts'

/** Directions that are watched one by one: 11.25 degrees each. */
export const sectors = 32
const sectorsPerRadian = sectors / (2 * Math.PI)
/** Larger steps between columns are gaps: lost packets, or the part of a turn that is not scanned. */
const gap_rad = 0.35
/** A direction with fewer columns than this share of the best one is not one that the sensor always sees. */
const coveredShare = 0.25
/** Sensors take 50 to 200 ms for a turn; slower ones are not waited for. */
const turn_ms_min = 10
const turn_ms_max = 250

/** What the numbers in `Sweep.state` are. Numbers in an array are not allocated anew when they change. */
export const sweepState = {
  /** How far the sensor has turned, radians, negative when clockwise. */
  position: 0,
  /** Mean angle from one column to the next, radians. */
  step: 1,
  /** How long a turn takes, milliseconds; the longest until the sensor was seen. */
  turn_ms: 2,
} as const
const angle = 3
const direction = 4
const stepSum = 5
const stepCount = 6
const turnBegan = 7
const turnBegan_ms = 8

export class Sweep {
  readonly state = new Float64Array(9)
  /** Turns completed since the beginning or the last restart. */
  turns = 0
  /** Of the last column. */
  sector = 0
  /** When each direction was last seen. */
  readonly #seen_ms = new Float64Array(sectors).fill(-Infinity)
  readonly #columns = new Uint32Array(sectors)
  readonly #covered = new Uint8Array(sectors)
  #begun = false

  constructor() {
    this.state[sweepState.step] = 1
    this.state[sweepState.turn_ms] = turn_ms_max
  }

  /** Goes on to a column; true when a turn is complete with it. */
  advance(block: PointBlock, column: number): boolean {
    const state = this.state
    const to = block.angle[column]!
    if (!(to >= 0 && to < 7)) return false
    this.#move(block, column)
    this.sector = (to * sectorsPerRadian) % sectors | 0
    this.#columns[this.sector]!++
    this.#seen_ms[this.sector] = block.received
    const turned = state[sweepState.position]! - state[turnBegan]!
    if (turned < 2 * Math.PI && turned > -2 * Math.PI) return false
    state[turnBegan]! += turned > 0 ? 2 * Math.PI : -2 * Math.PI
    this.#complete(block)
    return true
  }

  /** Whether a direction that the sensor always sees was last seen before `since_ms[0]`. */
  isBehind(since_ms: Float64Array): boolean {
    for (let sector = 0; sector < sectors; sector++) if (this.#covered[sector] === 1 && this.#seen_ms[sector]! < since_ms[0]!) return true
    return false
  }

  /** Turns are counted anew: nothing was seen for too long. What the sensor always sees is not forgotten. */
  restart(): void {
    this.turns = 0
    this.#begun = false
    this.#columns.fill(0)
    this.state[turnBegan] = this.state[sweepState.position]!
  }

  #move(block: PointBlock, column: number): void {
    const state = this.state
    const by = block.angle[column]! - state[angle]!
    state[angle] = block.angle[column]!
    if (!this.#begun) {
      this.#begun = true
      return
    }
    let step = by > Math.PI ? by - 2 * Math.PI : by < -Math.PI ? by + 2 * Math.PI : by
    if (step < gap_rad && step > -gap_rad) {
      if (step !== 0) {
        state[stepSum]! += step < 0 ? -step : step
        state[stepCount]!++
        state[direction]! += step
      }
    } else if (step * state[direction]! < 0) step += step < 0 ? 2 * Math.PI : -2 * Math.PI
    state[sweepState.position]! += step
  }

  #complete(block: PointBlock): void {
    const state = this.state
    if (state[stepCount]! > 0) state[sweepState.step] = state[stepSum]! / state[stepCount]!
    state[stepSum] = 0
    state[stepCount] = 0
    let most = 0
    for (let sector = 0; sector < sectors; sector++) if (this.#columns[sector]! > most) most = this.#columns[sector]!
    for (let sector = 0; sector < sectors; sector++) if (this.#columns[sector]! > coveredShare * most) this.#covered[sector] = 1
    this.#columns.fill(0)
    if (this.turns > 0) state[sweepState.turn_ms] = Math.min(turn_ms_max, Math.max(turn_ms_min, block.received - state[turnBegan_ms]!))
    state[turnBegan_ms] = block.received
    this.turns++
  }
}

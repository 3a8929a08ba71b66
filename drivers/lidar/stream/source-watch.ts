/**
 * Judges whether what a lidar sends may be believed, whatever it is connected by. Pure: time comes in
 * with the blocks (`received`) and in ticks; nothing is allocated for a packet.
 *
 * Time is counted in ticks of our own loop where silence is judged: while the loop is busy elsewhere
 * packets wait in the socket, and our own lateness must not look like the sensor's silence.
 */
import type { StreamTrouble } from '../../../edge/device/lidar-trouble.ts'
import type { PointBlock } from '../../../edge/device/points.ts'
import { Type } from '../../../edge/base/schema.ts'
import type { Verdict } from '../decoder.ts'
import { Sameness } from './sameness.ts'
import { SensorClock } from './sensor-clock.ts'
import { Steady } from './steady.ts'
import { Tally, tick_ms } from './tally.ts'

export interface WatchLimits {
  first_ms: number
  silent_ms: number
  turn_ms: number
  frozen_turns: number
  lost_share_max: number
  damaged_share_max: number
  foreign_share_max: number
  late_ms: number
  clock_jump_ms: number
  well_ms: number
}

const within = (least: number, most: number, usual: number, description: string) =>
  Type.Integer({ minimum: least, maximum: most, default: usual, description })
const share = (usual: number, description: string) => Type.Number({ minimum: 0, maximum: 1, default: usual, description })

/** The limits as options of a driver. */
export const watchOptions = () => ({
  first_ms: within(50, 60_000, 1_000, 'How long the first points may take.'),
  silent_ms: within(20, 10_000, 250, 'Without good points for so long the sensor counts as silent.'),
  turn_ms: within(50, 60_000, 1_000, 'How long a turn or scan may take; a sensor that turns more slowly has a fault.'),
  frozen_turns: within(1, 100, 3, 'With the very same distances for so many turns the sensor counts as frozen.'),
  lost_share_max: share(0.2, 'With more than this share of its packets lost the sensor is not believed; from a quarter of it on it is degraded.'),
  damaged_share_max: share(0.1, 'With more than this share of its packets damaged the sensor is not believed.'),
  foreign_share_max: share(0.5, 'With more than this share of foreign packets the sensor is degraded.'),
  late_ms: within(5, 10_000, 100, 'Packets that come so much later after their measurement than at best are too old to be believed; from half of it on the sensor is degraded.'),
  clock_jump_ms: within(5, 60_000, 100, 'A larger jump of the sensor\'s clock, forth or back, is one; drift is none.'),
  well_ms: within(50, 60_000, 500, 'So long all must be well before a trouble counts as over.'),
})

/** Less than this many of a kind prove nothing, whatever their share. */
const countMin = 3
/** The part of a limit at which a sensor that is still believed counts as degraded. */
const lossyWarning = 0.25
const lateWarning = 0.5

export type Warning = 'lossy' | 'late' | 'foreign'
const kindOf = { other: 'other', foreign: 'foreign', damaged: 'damaged', 'wrong-sensor': 'wrongSensor', late: 'stale' } as const

export class SourceWatch {
  /** What was counted so far. */
  readonly tally = new Tally()
  readonly #limits: WatchLimits
  readonly #sameness = new Sameness()
  readonly #clock: SensorClock
  readonly #trouble: Steady<StreamTrouble>
  readonly #warning: Steady<Warning>
  /** Since the last good points: silence is named after what came instead. */
  readonly #instead = { other: 0, foreign: 0, damaged: 0, wrongSensor: 0, stale: 0 }
  #sinceGood_ms = 0
  #sinceTurn_ms = 0
  #sinceFresh_ms = 0
  /** Of the points that came last. */
  #turn = -1
  /** Turns begun since it was last unwell, or since the stream began. */
  #turnsWell = 0
  #begun = false

  constructor(limits: WatchLimits) {
    this.#limits = limits
    this.#clock = new SensorClock(limits.clock_jump_ms)
    this.#trouble = new Steady<StreamTrouble>(limits.well_ms)
    this.#warning = new Steady<Warning>(limits.well_ms)
  }

  /** Why the points must not be believed; changes only in `tick`. */
  get trouble(): StreamTrouble | undefined {
    return this.#trouble.value
  }

  /** What is not yet bad enough to be a trouble. */
  get warning(): Warning | undefined {
    return this.#warning.value
  }

  /** True once a full turn of good points has come and while there is no trouble. */
  get ready(): boolean {
    return this.#trouble.value === undefined && this.#turnsWell >= 2
  }

  /** Points came; `received` must be set. */
  points(block: PointBlock): void {
    const { tally } = this
    this.#sameness.block(block)
    tally.add('packets', 1)
    tally.add('points', 1)
    tally.add('beams', block.columns * block.rings)
    tally.add('returns', this.#sameness.returns)
    tally.add('lost', block.lost)
    this.#clock.packet(block)
    this.#sinceGood_ms = 0
    this.#forgetInstead()
    this.#begun = true
    if (!this.#sameness.repeats) this.#sinceFresh_ms = 0
    if (block.turn !== this.#turn) this.#onTurn(block.turn)
  }

  /** Something came that was no points. */
  other(verdict: Exclude<Verdict, 'points'>): void {
    this.tally.add('packets', 1)
    this.tally.add(kindOf[verdict], 1)
    this.#instead[kindOf[verdict]]++
  }

  /** Something was thrown away unread because too much came. */
  dropped(): void {
    this.tally.add('packets', 1)
    this.tally.add('dropped', 1)
  }

  /** The device itself says that something is wrong with it. */
  fault(): void {
    this.tally.add('faults', 1)
  }

  /** `tick_ms` have passed. */
  tick(): void {
    this.#sinceGood_ms += tick_ms
    this.#sinceTurn_ms += tick_ms
    this.#sinceFresh_ms += tick_ms
    const sign = this.#signOfTrouble()
    if (sign !== undefined) this.#turnsWell = 0
    const before = this.#trouble.value
    this.#trouble.tick(sign, tick_ms, this.#turnsWell >= 2)
    this.#warning.tick(this.#signOfStrain(), tick_ms, true)
    if (this.#trouble.value !== before && this.away) this.reset()
    this.#clock.tick()
    this.tally.tick()
  }

  /** The stream begins anew: what came before says nothing of what comes now. */
  reset(): void {
    this.#clock.reset()
    this.#sameness.reset()
    this.#turn = -1
    this.#turnsWell = 0
    this.#sinceTurn_ms = 0
    this.#sinceFresh_ms = 0
  }

  /** No good points come. */
  get away(): boolean {
    return this.#sinceGood_ms >= (this.#begun ? this.#limits.silent_ms : this.#limits.first_ms)
  }

  #onTurn(turn: number): void {
    if (this.#turn >= 0) {
      this.tally.add('turns', 1)
      this.#turnsWell++
      this.#sinceTurn_ms = 0
    } else this.#turnsWell = 1
    this.#turn = turn
  }

  #signOfTrouble(): StreamTrouble | undefined {
    const { tally } = this
    const { frozen_turns, silent_ms, turn_ms, damaged_share_max, lost_share_max, late_ms } = this.#limits
    if (tally.justNow('dropped') > 0) return 'storm'
    if (this.away) return this.#insteadOfPoints()
    const good = tally.recent('points')
    const wrong = tally.recent('wrongSensor')
    if (wrong >= countMin && wrong > good) return 'wrong-sensor'
    if (this.#clock.jumped) return 'clock'
    if (tally.justNow('faults') > 0) return 'fault'
    if (!this.#begun) return undefined
    if (this.#sameness.repeatedTurns >= frozen_turns || this.#sinceFresh_ms >= silent_ms) return 'frozen'
    if (this.#sinceTurn_ms >= turn_ms) return 'fault'
    if (shareOf(tally.recent('damaged'), good) > damaged_share_max) return 'damaged'
    if (shareOf(tally.recent('lost'), good) > lost_share_max) return 'lossy'
    if (this.#clock.late_ms > late_ms) return 'late'
    return undefined
  }

  #signOfStrain(): Warning | undefined {
    const { tally } = this
    const { lost_share_max, late_ms, foreign_share_max } = this.#limits
    const good = tally.recent('points')
    if (shareOf(tally.recent('lost'), good) > lost_share_max * lossyWarning) return 'lossy'
    if (this.#clock.late_ms > late_ms * lateWarning) return 'late'
    if (shareOf(tally.recent('foreign'), good) > foreign_share_max) return 'foreign'
    return undefined
  }

  /** What comes while no good points do. */
  #insteadOfPoints(): StreamTrouble {
    const wrong = this.#comesInstead('wrongSensor')
    const damaged = this.#comesInstead('damaged')
    const stale = this.#comesInstead('stale')
    const foreign = this.#comesInstead('foreign')
    if (wrong >= countMin) return 'wrong-sensor'
    if (Math.max(damaged, stale, foreign) < countMin) return 'silent'
    if (damaged >= stale && damaged >= foreign) return 'damaged'
    // Older than what came before, and nothing newer: its clock went back.
    return stale >= foreign ? 'clock' : 'foreign'
  }

  #comesInstead(kind: (typeof kindOf)[Verdict & keyof typeof kindOf]): number {
    return Math.min(this.#instead[kind], this.tally.recent(kind))
  }

  #forgetInstead(): void {
    const instead = this.#instead
    instead.other = 0
    instead.foreign = 0
    instead.damaged = 0
    instead.wrongSensor = 0
    instead.stale = 0
  }
}

const shareOf = (some: number, others: number): number => (some < countMin ? 0 : some / (some + others))

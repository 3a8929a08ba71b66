/** What a recording of a lidar holds, in figures. */
import { type Clock, systemClock } from '../../edge/base/clock.ts'
import type { Identity } from '../../edge/device/contract.ts'
import type { PointBlock } from '../../edge/device/points.ts'
import type { Verdict } from '../../drivers/lidar/decoder.ts'
import type { OpenedCapture } from './recognise.ts'

export interface CaptureStats {
  sensor: string
  metadata?: string
  identity: Identity
  /** When the first and the last piece were recorded, where the recording has dates. */
  began?: string
  ended?: string
  /** Of recordings that have times. */
  duration_s?: number
  bytes: number
  /** Packets, or telegrams, by what they were. */
  verdicts: Record<Verdict, number>
  /** Packets that are missing, by the sensor's own count. */
  lost: number
  /** Beams with a return or without. */
  points: number
  /** Of them, how many came back. */
  returns: number
  returnsShare: number
  nearest_m: number
  farthest_m: number
  turns: number
  /** Turns a second by the sensor's own clock; of recordings that have times and a whole turn. */
  turns_perS?: number
  /** Microseconds of the sensor's own clock; of recordings that have times. */
  sensorBegan_us?: number
  sensorEnded_us?: number
  /** What was passed over before it came to the decoder. */
  passedOver: Record<string, number>
  /** Why it is not to be relied on: it is damaged (what comes before is counted), or of another sensor than the metadata. */
  fault?: { code: string; says: string }
}

export interface StatsOptions {
  signal?: AbortSignal
  clock?: Clock
  onProgress?(share: number): void
}

const progress_ms = 200
const anotherSensor = { code: 'PC-LIDAR-WRONG-SENSOR', says: 'All packets are of another sensor, or of another mode of it, than the metadata describes.' }
const known: readonly Verdict[] = ['points', 'other', 'late', 'damaged', 'wrong-sensor', 'foreign']

/** Plays the whole recording as fast as possible. A recording that is damaged in its middle is counted up to there. */
export async function captureStats(capture: OpenedCapture, { signal, clock = systemClock, onProgress }: StatsOptions = {}): Promise<CaptureStats> {
  const verdicts = Object.fromEntries(known.map((verdict) => [verdict, 0])) as Record<Verdict, number>
  const seen = new PointsSeen()
  let [began_us, ended_us, bytes] = [NaN, NaN, 0]
  let told = clock.now()
  let fault: CaptureStats['fault']
  const decoded = await capture.blocks((block, share) => {
    seen.add(block)
    if (onProgress === undefined || clock.now() - told < progress_ms) return
    told = clock.now()
    onProgress(share)
  }, {
    speed: Infinity, signal, clock,
    onVerdict: (verdict) => verdicts[verdict]++,
    onPiece: (at_us, length) => {
      began_us = Number.isNaN(began_us) ? at_us : Math.min(began_us, at_us)
      ended_us = Number.isNaN(ended_us) ? at_us : Math.max(ended_us, at_us)
      bytes += length
    },
    onFault: ({ code, message }) => {
      fault = { code, says: message }
    },
  })
  if (verdicts.points === 0 && verdicts['wrong-sensor'] > 0) fault ??= anotherSensor
  const passedOver = Object.fromEntries(Object.entries(decoded.counts).filter(([name, count]) => count > 0 && name !== 'packets' && name !== 'datagrams'))
  return {
    sensor: capture.sensor, ...(capture.metadata === undefined ? {} : { metadata: capture.metadata }),
    identity: decoded.identity,
    ...(capture.times === 'dates' ? { began: dateOf(began_us), ended: dateOf(ended_us) } : {}),
    ...(capture.times === 'guessed' ? {} : { duration_s: rounded((ended_us - began_us) / 1e6, 6), ...seen.times() }),
    bytes, verdicts, ...seen.figures(), passedOver, ...(fault === undefined ? {} : { fault }),
  }
}

/** Sums up blocks of points. */
class PointsSeen {
  #points = 0
  #returns = 0
  #lost = 0
  #nearest = Infinity
  #farthest = 0
  #turns = 0
  #turn = NaN
  /** Of the sensor's clock: first and last measurement, first and last beginning of a turn. */
  #began_us = NaN
  #ended_us = NaN
  #firstTurn_us = NaN
  #lastTurn_us = NaN
  #turnsBegun = 0

  add(block: PointBlock): void {
    const { distance, beams, start_us, turn, turnAt, rings } = block
    this.#points += beams
    this.#lost += block.lost
    for (let at = 0; at < beams; at++) {
      const metres = distance[at] as number
      if (metres === 0) continue
      this.#returns++
      this.#nearest = Math.min(this.#nearest, metres)
      this.#farthest = Math.max(this.#farthest, metres)
    }
    if (Number.isNaN(this.#began_us)) this.#began_us = start_us
    this.#ended_us = Math.max(start_us, Number.isNaN(this.#ended_us) ? start_us : this.#ended_us)
    if (turn !== this.#turn) this.#beginTurn(turn, Number.isNaN(this.#turn) ? NaN : start_us)
    if (turnAt >= 0) this.#beginTurn(turn + 1, start_us + (block.offset_us[turnAt * rings] as number))
  }

  /** @param at_us NaN when the turn began before the recording did. */
  #beginTurn(turn: number, at_us: number): void {
    this.#turn = turn
    this.#turns++
    if (Number.isNaN(at_us)) return
    this.#turnsBegun++
    if (Number.isNaN(this.#firstTurn_us)) this.#firstTurn_us = at_us
    this.#lastTurn_us = at_us
  }

  figures() {
    return {
      lost: this.#lost, points: this.#points, returns: this.#returns,
      returnsShare: this.#points === 0 ? 0 : rounded(this.#returns / this.#points, 4),
      nearest_m: this.#returns === 0 ? 0 : rounded(this.#nearest, 3), farthest_m: rounded(this.#farthest, 3),
      turns: this.#turns,
    }
  }

  times() {
    const apart_s = (this.#lastTurn_us - this.#firstTurn_us) / 1e6
    return {
      ...(apart_s > 0 ? { turns_perS: rounded((this.#turnsBegun - 1) / apart_s, 2) } : {}),
      ...(Number.isNaN(this.#began_us) ? {} : { sensorBegan_us: Math.round(this.#began_us), sensorEnded_us: Math.round(this.#ended_us) }),
    }
  }
}

const rounded = (value: number, places: number): number => Number.isFinite(value) ? Math.round(value * 10 ** places) / 10 ** places : 0
const dateOf = (at_us: number): string => new Date(Number.isFinite(at_us) ? Math.min(at_us / 1_000, 8.64e15) : 0).toISOString()

/** For people. */
export function statsTable(stats: CaptureStats): string {
  const { identity, verdicts, began, ended, duration_s, sensorBegan_us, sensorEnded_us, turns_perS, passedOver, fault } = stats
  const others = known.filter((verdict) => verdict !== 'points' && verdicts[verdict] > 0).map((verdict) => `${verdicts[verdict]} ${verdict}`)
  const rows: Record<string, string | undefined> = {
    sensor: `${stats.sensor} (${[identity.manufacturer, identity.model, identity.serial, identity.firmware].filter(Boolean).join(' ')})`,
    metadata: stats.metadata,
    recorded: `${began === undefined ? '' : `${began} to ${ended}, `}${duration_s === undefined ? 'without times' : `${duration_s} s`}, ${stats.bytes} bytes`,
    'sensor time': sensorBegan_us === undefined ? undefined : `${sensorBegan_us} to ${sensorEnded_us} us`,
    packets: [`${verdicts.points} with points`, ...others, `${stats.lost} lost`].join(', '),
    points: `${stats.points}, ${(stats.returnsShare * 100).toFixed(1)} % came back, from ${stats.nearest_m} to ${stats.farthest_m} m`,
    turns: `${stats.turns} begun or seen in part${turns_perS === undefined ? '' : `, ${turns_perS} per second`}`,
    'passed over': Object.entries(passedOver).map(([name, count]) => `${count} ${name}`).join(', ') || undefined,
    FAULT: fault === undefined ? undefined : `${fault.says} (${fault.code})`,
  }
  return Object.entries(rows).map(([name, value]) => (value === undefined ? '' : `${name.padEnd(12)} ${value}\n`)).join('')
}

/**
 * Objects followed over time. Each moves with a constant velocity that white acceleration disturbs; a
 * Kalman filter for each axis, both with the same variance, keeps place and velocity. All in arrays of
 * a fixed length, in the vehicle's frame.
 */
import { classCodes, classOf, classes } from './classify.ts'
import { Fitting, wrap } from './fitting.ts'
import type { Sightings } from './sightings.ts'
import type { TrackingSettings } from './settings.ts'

export const trackStates = { free: 0, tentative: 1, confirmed: 2 } as const

/** Sources that can be told apart. */
export const sourcesMax = 8
/** The place of a long thing is uncertain, but not without limit, metres of length. */
const uncertainLength_m_max = 12
/** Votes for a class fade by this from turn to turn. */
const voteFade = 0.9
/** Not knowing counts less than a hint. */
const unknownVote = 0.4
/** Something has settled while it stays within this, metres. */
const settled_m = 0.5
/** A source that saw a track less long ago than this is expected to see it again, milliseconds. */
const expected_ms = 1_000

export class Tracks {
  readonly max: number
  readonly state: Uint8Array
  readonly id: Int32Array
  readonly x: Float64Array
  readonly y: Float64Array
  readonly vx: Float64Array
  readonly vy: Float64Array
  readonly ground: Float64Array
  readonly length: Float64Array
  readonly width: Float64Array
  readonly height: Float64Array
  readonly heading: Float64Array
  readonly seen_ms: Float64Array
  /** Returns of the last turn that showed it. */
  readonly points: Int32Array
  /** Last turns, newest in the lowest bit: 1 where it was seen. */
  readonly history: Int32Array
  /** Of the last comparison: squared, in standard deviations, of two degrees of freedom. In an array: a double that is handed back is allocated. */
  readonly distance = new Float64Array(1)
  readonly #placeVariance: Float64Array
  readonly #covariance: Float64Array
  readonly #speedVariance: Float64Array
  readonly #votes: Float64Array
  readonly #seenBy_ms: Float64Array
  readonly #restX: Float64Array
  readonly #restY: Float64Array
  readonly #restSince_ms: Float64Array
  readonly #settings: TrackingSettings
  readonly #fitting = new Fitting()
  #lastId = 0

  constructor(settings: TrackingSettings, max: number) {
    const numbers = (each = 1): Float64Array => new Float64Array(max * each)
    this.#settings = settings
    this.max = max
    this.state = new Uint8Array(max)
    this.id = new Int32Array(max)
    this.points = new Int32Array(max)
    this.history = new Int32Array(max)
    this.x = numbers()
    this.y = numbers()
    this.vx = numbers()
    this.vy = numbers()
    this.ground = numbers()
    this.length = numbers()
    this.width = numbers()
    this.height = numbers()
    this.heading = numbers()
    this.seen_ms = numbers()
    this.#placeVariance = numbers()
    this.#covariance = numbers()
    this.#speedVariance = numbers()
    this.#votes = numbers(classes.length)
    this.#seenBy_ms = numbers(sourcesMax)
    this.#restX = numbers()
    this.#restY = numbers()
    this.#restSince_ms = numbers()
  }

  /** Sets `distance` to how unlikely it is that the sighting is the track. */
  compare(track: number, sightings: Sightings, sighting: number): void {
    const dt = ((sightings.time_ms[sighting] ?? 0) - (this.seen_ms[track] ?? 0)) / 1_000
    const fitting = this.#fitting
    fitting.dx = (sightings.x[sighting] ?? 0) - (this.x[track] ?? 0) - (this.vx[track] ?? 0) * dt
    fitting.dy = (sightings.y[sighting] ?? 0) - (this.y[track] ?? 0) - (this.vy[track] ?? 0) * dt
    fitting.align(this, track, sightings, sighting)
    const { along, across } = fitting
    this.distance[0] = (along * along + across * across) / (this.#placeVarianceAfter(track, Math.abs(dt)) + this.#measured(track, sightings, sighting))
  }

  /** Whether the sighting's middle is within the track's box, or not farther out than the rim. */
  holds(track: number, sightings: Sightings, sighting: number, rim_m: number): boolean {
    const dt = ((sightings.time_ms[sighting] ?? 0) - (this.seen_ms[track] ?? 0)) / 1_000
    const dx = (sightings.x[sighting] ?? 0) - (this.x[track] ?? 0) - (this.vx[track] ?? 0) * dt
    const dy = (sightings.y[sighting] ?? 0) - (this.y[track] ?? 0) - (this.vy[track] ?? 0) * dt
    const cos = Math.cos(this.heading[track] ?? 0)
    const sin = Math.sin(this.heading[track] ?? 0)
    return Math.abs(dx * cos + dy * sin) < (this.length[track] ?? 0) / 2 + rim_m && Math.abs(dy * cos - dx * sin) < (this.width[track] ?? 0) / 2 + rim_m
  }

  /** @returns whether there was room for it. */
  start(sightings: Sightings, sighting: number, source: number): boolean {
    const track = this.state.indexOf(trackStates.free)
    if (track < 0) return false
    const { position_m, position_per_m, speed_mps } = this.#settings
    this.state[track] = trackStates.tentative
    this.id[track] = ++this.#lastId
    this.x[track] = sightings.x[sighting] ?? 0
    this.y[track] = sightings.y[sighting] ?? 0
    this.vx[track] = 0
    this.vy[track] = 0
    this.length[track] = sightings.length[sighting] ?? 0
    this.width[track] = sightings.width[sighting] ?? 0
    this.heading[track] = sightings.heading[sighting] ?? 0
    this.height[track] = (sightings.high[sighting] ?? 0) - (sightings.ground[sighting] ?? 0)
    this.history[track] = 0
    this.#placeVariance[track] = (position_m + position_per_m * Math.min(uncertainLength_m_max, this.length[track] ?? 0)) ** 2
    this.#covariance[track] = 0
    this.#speedVariance[track] = speed_mps ** 2
    this.#votes.fill(0, track * classes.length, (track + 1) * classes.length)
    this.#seenBy_ms.fill(-Infinity, track * sourcesMax, (track + 1) * sourcesMax)
    this.#restX[track] = this.x[track] ?? 0
    this.#restY[track] = this.y[track] ?? 0
    this.#restSince_ms[track] = sightings.time_ms[sighting] ?? 0
    this.#note(track, sightings, sighting, source)
    return true
  }

  /** The sighting is the track. */
  update(track: number, sightings: Sightings, sighting: number, source: number): void {
    const dt = ((sightings.time_ms[sighting] ?? 0) - (this.seen_ms[track] ?? 0)) / 1_000
    // Another source may have measured a little earlier: the track then stays where it is in time.
    this.#predict(track, Math.max(0, dt))
    const back = Math.min(0, dt)
    const variance = this.#placeVariance[track] ?? 0
    const covariance = this.#covariance[track] ?? 0
    const all = variance + this.#measured(track, sightings, sighting)
    const gain = variance / all
    const speedGain = covariance / all
    const fitting = this.#fitting
    fitting.dx = (sightings.x[sighting] ?? 0) - (this.vx[track] ?? 0) * back - (this.x[track] ?? 0)
    fitting.dy = (sightings.y[sighting] ?? 0) - (this.vy[track] ?? 0) * back - (this.y[track] ?? 0)
    fitting.align(this, track, sightings, sighting)
    const { dx, dy } = fitting
    this.x[track] = (this.x[track] ?? 0) + gain * dx
    this.y[track] = (this.y[track] ?? 0) + gain * dy
    this.vx[track] = (this.vx[track] ?? 0) + speedGain * dx
    this.vy[track] = (this.vy[track] ?? 0) + speedGain * dy
    this.#placeVariance[track] = (1 - gain) * variance
    this.#covariance[track] = (1 - gain) * covariance
    this.#speedVariance[track] = (this.#speedVariance[track] ?? 0) - speedGain * covariance
    fitting.adopt(this, track, sightings, sighting)
    this.#note(track, sightings, sighting, source)
    this.#rest(track)
  }

  /** This source's turn showed nothing of the track. */
  miss(track: number, source: number, now_ms: number): void {
    if (this.forget(track, now_ms)) return
    if (this.isSeenBy(track, source, now_ms)) this.history[track] = (this.history[track] ?? 0) << 1
  }

  /** Ends the track when nobody has seen it for too long. */
  forget(track: number, now_ms: number): boolean {
    const { coast_ms, doubt_ms } = this.#settings
    const limit_ms = this.state[track] === trackStates.confirmed ? coast_ms : doubt_ms
    if (now_ms - (this.seen_ms[track] ?? 0) <= limit_ms) return false
    this.state[track] = trackStates.free
    return true
  }

  /** Whether this source has seen it of late. */
  isSeenBy(track: number, source: number, now_ms: number): boolean {
    return now_ms - (this.#seenBy_ms[track * sourcesMax + source] ?? 0) < expected_ms
  }

  /** How often it was seen in its last turns. */
  hits(track: number): number {
    let bits = (this.history[track] ?? 0) & ((1 << this.#settings.memory_turns) - 1)
    let hits = 0
    for (; bits !== 0; bits &= bits - 1) hits++
    return hits
  }

  /** The class that most of its sightings hint at. */
  classCode(track: number): number {
    let best: number = classCodes.unknown
    for (let code = 0; code < classes.length; code++) {
      if ((this.#votes[track * classes.length + code] ?? 0) > (this.#votes[track * classes.length + best] ?? 0)) best = code
    }
    const rests_ms = (this.seen_ms[track] ?? 0) - (this.#restSince_ms[track] ?? 0)
    return best === classCodes.unknown && rests_ms >= this.#settings.settled_ms ? classCodes.structure : best
  }

  /** The vehicle itself has moved: what stood still is now elsewhere in its frame. */
  shift(forward_m: number, turned_rad: number): void {
    const cos = Math.cos(turned_rad)
    const sin = Math.sin(turned_rad)
    for (let track = 0; track < this.max; track++) {
      if (this.state[track] === trackStates.free) continue
      turn(this.x, this.y, track, forward_m, cos, sin)
      turn(this.#restX, this.#restY, track, forward_m, cos, sin)
      turn(this.vx, this.vy, track, 0, cos, sin)
      this.heading[track] = wrap((this.heading[track] ?? 0) - turned_rad)
    }
  }

  #placeVarianceAfter(track: number, dt: number): number {
    const noise = this.#settings.acceleration_mps2 ** 2
    return (this.#placeVariance[track] ?? 0) + 2 * dt * (this.#covariance[track] ?? 0) + dt * dt * (this.#speedVariance[track] ?? 0) + noise * dt ** 4 / 4
  }

  #predict(track: number, dt: number): void {
    const noise = this.#settings.acceleration_mps2 ** 2
    this.x[track] = (this.x[track] ?? 0) + dt * (this.vx[track] ?? 0)
    this.y[track] = (this.y[track] ?? 0) + dt * (this.vy[track] ?? 0)
    this.#placeVariance[track] = this.#placeVarianceAfter(track, dt)
    this.#covariance[track] = (this.#covariance[track] ?? 0) + dt * (this.#speedVariance[track] ?? 0) + noise * dt ** 3 / 2
    this.#speedVariance[track] = (this.#speedVariance[track] ?? 0) + noise * dt ** 2
  }

  /** Variance of where a thing is said to be: one sees more and less of a long one. */
  #measured(track: number, sightings: Sightings, sighting: number): number {
    const { position_m, position_per_m } = this.#settings
    const length = Math.min(uncertainLength_m_max, Math.max(this.length[track] ?? 0, sightings.length[sighting] ?? 0))
    return (position_m + position_per_m * length) ** 2
  }

  #note(track: number, sightings: Sightings, sighting: number, source: number): void {
    const time_ms = sightings.time_ms[sighting] ?? 0
    this.ground[track] = sightings.ground[sighting] ?? 0
    this.points[track] = sightings.points[sighting] ?? 0
    this.seen_ms[track] = Math.max(time_ms, this.history[track] === 0 ? -Infinity : this.seen_ms[track] ?? 0)
    this.#seenBy_ms[track * sourcesMax + source] = time_ms
    this.history[track] = ((this.history[track] ?? 0) << 1) | 1
    if (this.hits(track) >= this.#settings.confirm_turns) this.state[track] = trackStates.confirmed
    this.#vote(track, sightings, sighting)
  }

  #vote(track: number, sightings: Sightings, sighting: number): void {
    const first = track * classes.length
    for (let vote = first; vote < first + classes.length; vote++) this.#votes[vote] = (this.#votes[vote] ?? 0) * voteFade
    const high = sightings.high[sighting] ?? 0
    const code = classOf(
      sightings.length[sighting] ?? 0, sightings.width[sighting] ?? 0, high - (sightings.ground[sighting] ?? 0),
      high - (sightings.low[sighting] ?? 0), sightings.upper[sighting] ?? 0, sightings.overhead[sighting] ?? 0, Math.sqrt((this.vx[track] ?? 0) ** 2 + (this.vy[track] ?? 0) ** 2),
    )
    this.#votes[first + code] = (this.#votes[first + code] ?? 0) + (code === classCodes.unknown ? unknownVote : 1)
  }

  #rest(track: number): void {
    const x = this.x[track] ?? 0
    const y = this.y[track] ?? 0
    if ((x - (this.#restX[track] ?? 0)) ** 2 + (y - (this.#restY[track] ?? 0)) ** 2 <= settled_m ** 2) return
    this.#restX[track] = x
    this.#restY[track] = y
    this.#restSince_ms[track] = this.seen_ms[track] ?? 0
  }
}

function turn(x: Float64Array, y: Float64Array, at: number, forward_m: number, cos: number, sin: number): void {
  const px = (x[at] ?? 0) - forward_m
  const py = y[at] ?? 0
  x[at] = px * cos + py * sin
  y[at] = py * cos - px * sin
}

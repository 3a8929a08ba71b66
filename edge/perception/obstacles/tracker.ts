/**
 * The tracking path: what stands and moves around the vehicle, with names that last, velocity, size and
 * a hint at what it is. It reads what the safety path saw and decides nothing.
 */
import { classes } from './tracking/classify.ts'
import type { Cloud } from './cloud.ts'
import type { TrackedObject } from './contract.ts'
import { Follow } from './tracking/follow.ts'
import { Look } from './tracking/look.ts'
import type { ObstacleSetup } from './setup.ts'
import { SourceTime } from './tracking/source-time.ts'
import { objectsMax, sightingsMax, type TrackingSettings, trackingSettings } from './tracking/settings.ts'
import { sourcesMax, Tracks, trackStates } from './tracking/tracks.ts'
import { unknownViewpoint, type Viewpoint, viewpointOf } from './tracking/viewpoint.ts'

/** With so many returns a turn is half as sure as it can be. */
const halfSurePoints = 5

/** Objects farther than this are sorted as if they were here, metres. */
const awayMax = 127

interface Source {
  readonly number: number
  readonly from: Viewpoint
  readonly time: SourceTime
}

/** What was left out since the start: points of trails, mirror images, and what there was no room for. */
export interface TrackerCounts {
  tails: number
  ghosts: number
  cells: number
  clusters: number
  tracks: number
}

export class Tracker {
  readonly #setup: Partial<Pick<ObstacleSetup, 'sources' | 'body'>>
  readonly #settings: TrackingSettings
  readonly #sources = new Map<string, Source>()
  readonly #tracks: Tracks
  readonly #look: Look
  readonly #follow: Follow
  readonly #pool: readonly TrackedObject[]
  readonly #objects: TrackedObject[] = []
  /** Objects at each metre of distance. */
  readonly #counts = new Int32Array(awayMax + 1)
  #tails = 0
  #newest_ms = -Infinity
  #speed_mps = 0
  #turn_radps = 0
  #moved_ms = Number.NaN

  /** @param setup where the sources look from and the vehicle's outline; without it they are taken to be at its reference point, upright. */
  constructor(setup: Partial<Pick<ObstacleSetup, 'sources' | 'body'>> = {}, settings: TrackingSettings = trackingSettings) {
    this.#setup = setup
    this.#settings = settings
    this.#tracks = new Tracks(settings, sightingsMax)
    this.#look = new Look(settings, setup.body ?? [])
    this.#follow = new Follow(this.#tracks)
    this.#pool = Array.from({ length: objectsMax }, emptyObject)
  }

  /**
   * Takes one turn of a source; those of more than 8 sources are ignored.
   * @param now_ms of a clock that only grows, the same for all sources.
   */
  onCloud(source: string, cloud: Cloud, now_ms: number): void {
    const { number, from, time } = this.#source(source)
    if (number >= sourcesMax) return
    time.onTurn(cloud.at_us, now_ms)
    // A time that is none would be the newest for ever.
    if (!Number.isFinite(time.end_ms)) return
    this.#move(time.end_ms)
    this.#look.at(cloud, from, time, this.#tracks)
    this.#tails += this.#look.tails.count
    this.#newest_ms = Math.max(this.#newest_ms, time.end_ms)
    this.#follow.step(this.#look.sightings, number, time.end_ms)
  }

  /**
   * Says how the vehicle moves from now on: velocities are then over ground. Without it they are relative
   * to the vehicle.
   * @param turn_radps positive to the left.
   */
  onMotion(speed_mps: number, turn_radps: number, now_ms: number): void {
    this.#move(now_ms)
    this.#speed_mps = speed_mps
    this.#turn_radps = turn_radps
    this.#moved_ms = now_ms
  }

  /** Forgets what nobody has seen for too long; needed only while no source tells anything. */
  tick(now_ms: number): void {
    const tracks = this.#tracks
    for (let track = 0; track < tracks.max; track++) if (tracks.state[track] !== trackStates.free) tracks.forget(track, now_ms)
  }

  /**
   * What is around the vehicle at the end of the newest turn: what has been confirmed, or all that was seen
   * of late (`tentative`). The array and its objects are used again by the next call. `z` is the height of
   * the ground below. With more than there is room for, the farthest are left out.
   */
  objects({ tentative = false }: { tentative?: boolean } = {}): TrackedObject[] {
    this.#objects.length = 0
    const tracks = this.#tracks
    const reach_m = this.#reach(tentative)
    for (let track = 0; track < tracks.max; track++) {
      const object = this.#pool[this.#objects.length]
      if (object === undefined || !this.#isWanted(track, tentative) || this.#away(track) >= reach_m) continue
      this.#describe(object, track)
      this.#objects.push(object)
    }
    return this.#objects
  }

  get counts(): TrackerCounts {
    const { ghosts, cells, clusters } = this.#look
    return { tails: this.#tails, ghosts: ghosts.count, cells: cells.overflow, clusters: clusters.overflow, tracks: this.#follow.refused }
  }

  #source(name: string): Source {
    const known = this.#sources.get(name)
    if (known !== undefined) return known
    const mount = this.#setup.sources?.[name]?.mount
    const source = { number: this.#sources.size, from: mount === undefined ? unknownViewpoint : viewpointOf(mount), time: new SourceTime() }
    if (source.number < sourcesMax) this.#sources.set(name, source)
    return source
  }

  /** Brings the tracks to where they are after the vehicle's own motion. */
  #move(now_ms: number): void {
    const dt = (now_ms - this.#moved_ms) / 1_000
    if (!(dt > 0)) return
    this.#moved_ms = now_ms
    if (this.#speed_mps !== 0 || this.#turn_radps !== 0) this.#tracks.shift(this.#speed_mps * dt, this.#turn_radps * dt)
  }

  #isWanted(track: number, tentative: boolean): boolean {
    const state = this.#tracks.state[track]
    return state === trackStates.confirmed || (tentative && state === trackStates.tentative)
  }

  /** Whole metres from the vehicle. */
  #away(track: number): number {
    return Math.min(awayMax, Math.floor(Math.sqrt((this.#tracks.x[track] ?? 0) ** 2 + (this.#tracks.y[track] ?? 0) ** 2)))
  }

  /** Metres within which there is room for all. */
  #reach(tentative: boolean): number {
    const counts = this.#counts.fill(0)
    for (let track = 0; track < this.#tracks.max; track++) {
      if (this.#isWanted(track, tentative)) counts[this.#away(track)] = (counts[this.#away(track)] ?? 0) + 1
    }
    let sum = 0
    for (let away = 0; away <= awayMax; away++) {
      sum += counts[away] ?? 0
      // Nearer ones than these are all given; of these, as many as there is room for.
      if (sum > objectsMax) return away + 1
    }
    return Infinity
  }

  #describe(object: TrackedObject, track: number): void {
    const tracks = this.#tracks
    const points = tracks.points[track] ?? 0
    const since_s = Math.max(0, this.#newest_ms - (tracks.seen_ms[track] ?? 0)) / 1_000
    object.id = tracks.id[track] ?? 0
    object.class = classes[tracks.classCode(track)] ?? 'unknown'
    object.x = (tracks.x[track] ?? 0) + since_s * (tracks.vx[track] ?? 0)
    object.y = (tracks.y[track] ?? 0) + since_s * (tracks.vy[track] ?? 0)
    object.z = tracks.ground[track] ?? 0
    object.length = tracks.length[track] ?? 0
    object.width = tracks.width[track] ?? 0
    object.height = tracks.height[track] ?? 0
    object.heading_rad = tracks.heading[track] ?? 0
    object.vx = tracks.vx[track] ?? 0
    object.vy = tracks.vy[track] ?? 0
    object.confidence = (tracks.hits(track) / this.#settings.memory_turns) * (points / (points + halfSurePoints))
  }
}

function emptyObject(): TrackedObject {
  // Numbers with a fraction from the start: their fields then never change their kind.
  const number = 0.5
  return {
    id: 0, class: 'unknown', x: number, y: number, z: number, length: number, width: number, height: number,
    heading_rad: number, vx: number, vy: number, confidence: number, seenBy: ['lidar'],
  }
}

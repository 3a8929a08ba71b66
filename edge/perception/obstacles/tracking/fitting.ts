/**
 * How a sighting's box fits a track's. Of a long thing that is partly hidden one sees less, but the end that
 * is seen is where it should be: so boxes are compared at their middle and at both ends, and what fits best
 * counts. Otherwise a truck would jump back when somebody walks past it.
 */
import type { Sightings } from './sightings.ts'

/** What of a track says where it is and how large. */
export interface Boxes {
  readonly x: Float64Array
  readonly y: Float64Array
  readonly vx: Float64Array
  readonly vy: Float64Array
  readonly length: Float64Array
  readonly width: Float64Array
  readonly height: Float64Array
  readonly heading: Float64Array
}

/** Smaller things are compared at their middle, metres. */
const whole_m = 1
/** Directions that differ by more than this are not compared end by end, radians. */
const parallel_rad = 0.35
/** Share of the new size in the smoothed one: what is larger than known is believed sooner than what is smaller. */
const growShare = 0.3
const shrinkShare = 0.02
/** Share of the new direction in the smoothed one. */
const headingShare = 0.3
/** Slower than this, the direction of motion says nothing about the heading, m/s. */
const heading_mps_min = 0.7

export class Fitting {
  /** From where the track was expected to where it is: along its heading and across, and in the vehicle's frame; metres. */
  along = 0
  across = 0
  dx = 0
  dy = 0
  /** The sighting's size along the track's heading and across. */
  #length = 0
  #width = 0
  /** Its direction as the track has it: of the four directions of a box the nearest. */
  #heading = 0
  /** Which ends fit: 1 the front (left), -1 the rear (right), 0 the middle. */
  #alongEnd = 0
  #acrossEnd = 0
  /** Set by `#fit`. */
  #end = 0

  /** To be called with `dx` and `dy` from the track's expected middle to the sighting's. */
  align(tracks: Boxes, track: number, sightings: Sightings, sighting: number): void {
    const { dx, dy } = this
    const vx = tracks.vx[track] ?? 0
    const vy = tracks.vy[track] ?? 0
    const wanted = vx * vx + vy * vy > heading_mps_min ** 2 ? Math.atan2(vy, vx) : tracks.heading[track] ?? 0
    const quarters = Math.round((wanted - (sightings.heading[sighting] ?? 0)) / (Math.PI / 2))
    this.#heading = (sightings.heading[sighting] ?? 0) + quarters * (Math.PI / 2)
    this.#length = (quarters % 2 === 0 ? sightings.length[sighting] : sightings.width[sighting]) ?? 0
    this.#width = (quarters % 2 === 0 ? sightings.width[sighting] : sightings.length[sighting]) ?? 0
    const heading = tracks.heading[track] ?? 0
    const cos = Math.cos(heading)
    const sin = Math.sin(heading)
    const parallel = Math.abs(wrap(this.#heading - heading)) < parallel_rad
    this.along = this.#fit(dx * cos + dy * sin, this.#length, tracks.length[track] ?? 0, parallel)
    this.#alongEnd = this.#end
    this.across = this.#fit(dy * cos - dx * sin, this.#width, tracks.width[track] ?? 0, parallel)
    this.#acrossEnd = this.#end
    this.dx = this.along * cos - this.across * sin
    this.dy = this.along * sin + this.across * cos
  }

  /** Lets the track's box follow the sighting that was aligned last, growing away from the end that fits. */
  adopt(tracks: Boxes, track: number, sightings: Sightings, sighting: number): void {
    const vx = tracks.vx[track] ?? 0
    const vy = tracks.vy[track] ?? 0
    const heading = tracks.heading[track] ?? 0
    const longer = change(tracks.length, track, this.#length)
    const wider = change(tracks.width, track, this.#width)
    const forward = (-this.#alongEnd * longer) / 2
    const left = (-this.#acrossEnd * wider) / 2
    tracks.x[track] = (tracks.x[track] ?? 0) + forward * Math.cos(heading) - left * Math.sin(heading)
    tracks.y[track] = (tracks.y[track] ?? 0) + forward * Math.sin(heading) + left * Math.cos(heading)
    const share = vx * vx + vy * vy > heading_mps_min ** 2 ? 1 : headingShare
    tracks.heading[track] = wrap(heading + share * wrap(this.#heading - heading))
    change(tracks.height, track, (sightings.high[sighting] ?? 0) - (sightings.ground[sighting] ?? 0))
  }

  /** The least of what middle, front and rear are off by. */
  #fit(off: number, seen: number, known: number, parallel: boolean): number {
    this.#end = 0
    if (!parallel || Math.max(seen, known) < whole_m) return off
    const half = (seen - known) / 2
    const front = off + half
    const rear = off - half
    if (Math.abs(front) < Math.abs(off) && Math.abs(front) <= Math.abs(rear)) {
      this.#end = 1
      return front
    }
    if (Math.abs(rear) >= Math.abs(off)) return off
    this.#end = -1
    return rear
  }
}

/** Brings a size nearer to what was seen; says by how much. */
function change(sizes: Float64Array, at: number, seen: number): number {
  const known = sizes[at] ?? 0
  const share = seen > known || known < whole_m ? growShare : shrinkShare
  sizes[at] = known + share * (seen - known)
  return share * (seen - known)
}

/** An angle as -pi to pi. */
export function wrap(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI))
}

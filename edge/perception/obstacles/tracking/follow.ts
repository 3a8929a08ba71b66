/** From what each turn shows to objects that keep their names. */
import { Assignment } from './assignment.ts'
import { classCodes } from './classify.ts'
import type { Sightings } from './sightings.ts'
import { type Tracks, trackStates } from './tracks.ts'
import { sightingsMax } from './settings.ts'

/** Chi-squared with two degrees of freedom: 99 of 100 true pairs are within. */
const gate = 9.21
/** Nothing moves this far between two turns, and no middle of a box does, metres. */
const farther_m = 15
/** What lies within a vehicle's box, or out of it by no more than this, is part of it; who stands beside it is not. Metres. */
const rim_m = 0.15
/** What another source sees within a known box, blurred by this, is part of it, metres. */
const blur_m = 0.3

type State = (typeof trackStates)[keyof typeof trackStates]

export class Follow {
  /** Sightings for which there was no room. */
  refused = 0
  readonly #tracks: Tracks
  readonly #assignment: Assignment
  /** Of each sighting: 1 where it may still become a track's. */
  readonly #open = new Uint8Array(sightingsMax)

  constructor(tracks: Tracks) {
    this.#tracks = tracks
    this.#assignment = new Assignment(tracks.max, sightingsMax)
  }

  /** What is sure chooses first. Mirror images may be what a known object became behind glass, but start nothing. */
  step(sightings: Sightings, source: number, now_ms: number): void {
    this.#open.fill(1, 0, sightings.count)
    this.#update(trackStates.confirmed, sightings, source, now_ms)
    for (let at = 0; at < sightings.count; at++) if (sightings.ghost[at] === 1) this.#open[at] = 0
    this.#update(trackStates.tentative, sightings, source, now_ms)
    for (let at = 0; at < sightings.count; at++) {
      if (this.#open[at] === 0 || this.#isPartOfKnown(sightings, at, source, now_ms)) continue
      if (!this.#tracks.start(sightings, at, source)) this.refused++
    }
  }

  #update(state: State, sightings: Sightings, source: number, now_ms: number): void {
    const tracks = this.#tracks
    const assignment = this.#assignment
    assignment.begin()
    for (let track = 0; track < tracks.max; track++) {
      if (tracks.state[track] !== state) continue
      const x = tracks.x[track] ?? 0
      const y = tracks.y[track] ?? 0
      for (let at = 0; at < sightings.count; at++) {
        if (this.#open[at] === 0 || Math.abs((sightings.x[at] ?? 0) - x) > farther_m || Math.abs((sightings.y[at] ?? 0) - y) > farther_m) continue
        tracks.compare(track, sightings, at)
        const worth = gate - (tracks.distance[0] ?? 0)
        if (worth > 0) assignment.offer(track, at, worth)
      }
    }
    assignment.settle()
    for (let track = 0; track < tracks.max; track++) {
      if (tracks.state[track] !== state) continue
      const sighting = assignment.sightingOf[track] ?? -1
      if (sighting < 0) {
        tracks.miss(track, source, now_ms)
        continue
      }
      this.#open[sighting] = 0
      if (tracks.classCode(track) === classCodes.vehicle) this.#gather(track, sightings, sighting)
      tracks.update(track, sightings, sighting, source)
    }
  }

  /** What stands before a vehicle parts it in two: its other parts are joined to the one that was found. */
  #gather(track: number, sightings: Sightings, found: number): void {
    for (let at = 0; at < sightings.count; at++) {
      if (this.#open[at] === 0 || (this.#assignment.trackOf[at] ?? -1) >= 0 || !this.#tracks.holds(track, sightings, at, rim_m)) continue
      this.#open[at] = 0
      sightings.join(found, at)
    }
  }

  /** Whether it lies within something that only other sources see as a whole. */
  #isPartOfKnown(sightings: Sightings, at: number, source: number, now_ms: number): boolean {
    const tracks = this.#tracks
    for (let track = 0; track < tracks.max; track++) {
      if (tracks.state[track] !== trackStates.confirmed || tracks.isSeenBy(track, source, now_ms)) continue
      if (tracks.holds(track, sightings, at, blur_m)) return true
    }
    return false
  }
}

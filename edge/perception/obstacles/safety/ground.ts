/**
 * Tells the ground from what stands on it, column by column, from the lowest beam up.
 *
 * The vehicle stands on the ground, so below the sensor its height is 0. From there the ground is
 * followed outward: a return is ground when it is at most `step_m` above where the ground goes on as it
 * came, which is level unless it was seen to rise. A return above that is ground only if the beams
 * above it show that the ground goes on to rise, as a ramp does, nowhere steeper than `slope_deg`: a
 * leg, a pallet or somebody lying there goes up at once or falls back to the ground behind.
 * The followed height never rises faster than the slope allows, and only with the distance, so that beam
 * after beam cannot climb a leg in small steps; and it takes two low returns to lower it, so that one
 * reflection from below (wet ground) does not make an obstacle of the ground behind it.
 */
import { pointKinds } from '../cloud.ts'
import type { Column } from './column.ts'
import type { Ground } from '../setup.ts'

/** Over this share of the gap before it (and this many metres at most) a rise must go on to be ground. */
const riseShare = 0.5
const rise_m_max = 1
/** So far behind its beginning it must not have fallen back: nobody who lies there, head ahead, is as long. */
const lying_m = 2
/** It must go on at least this steep, as a share of how steep it began. */
const riseAgain = 0.5
/** How much a beam's return may lie higher than the slope allows when a rise is confirmed: range noise. */
const noise_m = 0.03
/** Ground that was seen to rise may rise so much faster than before. */
const riseMargin = 1.25
/** No ground is quite level: it may rise so much without having been seen to. */
const uneven = 0.01
/** By how much a return is above the height followed so far counts only behind it, and so steeply: behind the foot of a leg there is nothing. */
const confirmSlope = 0.5
/** Over shorter distances a slope is not measured. */
const slopeBase_m = 0.5

export class GroundFilter {
  readonly #step_m: number
  readonly #slope: number
  readonly #roof_m: number
  /** The gap before the return in question and how much higher it is: numbers in an array are not allocated anew. */
  readonly #asked = new Float64Array(2)
  /** Returns from below where ground could be: a hole, an edge, or a reflection. */
  below = 0

  constructor({ step_m, slope_deg }: Ground, roof_m: number) {
    this.#step_m = step_m
    this.#slope = Math.tan((slope_deg * Math.PI) / 180)
    this.#roof_m = roof_m
  }

  /** Of those that are `obstacle` so far it makes `ground` or `ignored` what is not. Returns how many are ground. */
  classify(column: Column): number {
    const { count, z, range, kind } = column
    const step = this.#step_m
    const slope = this.#slope
    /** Height of the ground that was followed, of the last ground return, and how far out that is. */
    let height = 0
    let last = 0
    let reached = 0
    let rise = 0
    /** How steeply it fell to the last one, and whether to the one before, too. */
    let fall = 0
    let fellTwice = false
    let found = 0
    for (let point = 0; point < count; point++) {
      if (kind[point] !== pointKinds.obstacle) continue
      const gap = range[point]! > reached ? range[point]! - reached : 0
      const expected = last > height ? Math.min(last, height + confirmSlope * gap) : height
      const most = slope * gap
      const up = z[point]! - expected
      // As before, or as it rose all the way from below the sensor.
      const mean = reached > 0 ? Math.min(slope, (riseMargin * expected) / reached) : 0
      let confirmed = expected
      if (up > step + Math.max(rise, uneven, mean) * gap) {
        this.#asked[0] = gap
        this.#asked[1] = up
        if (up > step + most || !this.#risesOn(column, point)) {
          this.#keep(column, point, expected)
          continue
        }
        rise = Math.min(slope, (riseMargin * up) / gap)
        confirmed = expected + Math.min(up, most)
      } else if (up < -(step + most)) {
        kind[point] = pointKinds.ignored
        this.below++
        continue
      } else if (gap > slopeBase_m) {
        rise = Math.min(rise, Math.max(0, (riseMargin * up) / gap))
      }
      // No higher than the ground before, but higher than where it was falling to.
      if (fall > uneven && z[point]! > last - fall * gap + step + uneven * gap) {
        this.#asked[0] = fall
        if (!this.#levelsOut(column, point, !fellTwice)) {
          this.#keep(column, point, expected)
          continue
        }
      }
      if (gap > slopeBase_m) {
        const fell = fall > uneven
        fall = Math.min(slope, Math.max(0, (last - z[point]!) / gap))
        fellTwice = fell && fall > uneven
      }
      kind[point] = pointKinds.ground
      found++
      const seen = Math.min(z[point]!, Math.max(last, expected + most))
      height = Math.min(confirmed, Math.max(last, seen))
      last = seen
      if (gap > 0) reached = range[point]!
    }
    return found
  }

  /** It is an obstacle, where it is not too high for one. */
  #keep({ z, kind }: Column, point: number, expected: number): void {
    if (z[point]! > (expected > 0 ? expected : 0) + this.#roof_m) kind[point] = pointKinds.ignored
  }

  /**
   * Whether the beams above show that the ground, which fell, does not fall back behind this return to where it was falling to:
   * somebody who lies on a ramp is not as long as `lying_m`. @param unseen where there is nothing behind it: one reflection from below is no ramp.
   */
  #levelsOut({ count, z, range, kind }: Column, from: number, unseen: boolean): boolean {
    const fall = this.#asked[0]!
    let levels = unseen
    for (let point = from + 1; point < count; point++) {
      if (kind[point] !== pointKinds.obstacle) continue
      const further = range[point]! - range[from]!
      if (further < slopeBase_m) continue
      levels = z[point]! - z[from]! >= -fall * further - noise_m
      if (!levels || further >= lying_m) break
    }
    return levels
  }

  /** Whether the beams above show that the ground, which rose up to this return, rises on behind it. */
  #risesOn({ count, z, range, kind }: Column, from: number): boolean {
    const gap = this.#asked[0]!
    const up = this.#asked[1]!
    const base = Math.min(riseShare * gap, rise_m_max)
    let goesOn = false
    for (let point = from + 1; point < count; point++) {
      if (kind[point] !== pointKinds.obstacle) continue
      const further = range[point]! - range[from]!
      const higher = z[point]! - z[from]!
      if (higher > (further > 0 ? this.#slope * further : 0) + noise_m) return false
      if (!goesOn && further >= base) {
        if (higher < (riseAgain * up * further) / gap) return false
        goesOn = true
      }
      if (!goesOn) continue
      if (higher < -noise_m) return false
      if (further >= lying_m) return true
    }
    return false
  }
}

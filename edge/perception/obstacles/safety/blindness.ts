/**
 * Whether a sensor still sees: with dirt on its window fewer beams come back than usually do.
 *
 * Beams that point down at the ground near by always come back, from the ground or from what stands
 * on it; only those are judged, direction by direction, because how many of the others come back depends on
 * whether there are walls around. A flat scanner has none: there, all beams together are judged.
 * What usually comes back is learned, upwards fast and downwards slowly, and not while something seems wrong.
 */
import type { Pose } from './pose.ts'
import type { Source } from '../setup.ts'
import { slopeOf } from './leg.ts'
import { sectors } from './sweep.ts'

/** Ground as near as this, metres, and as so many times the sensor's height, gives an echo even when wet and dark. */
const ground_m = 12
const groundHeights = 8
/** Until it was learned, so many of the beams to the ground come back, and never do fewer count as usual. */
const groundUsual = 0.9
const groundUsualLeast = 0.5
/** A flat scanner of which less usually comes back stands in the open and is not judged. */
const flatUsualLeast = 0.2
const learnUp = 1 / 16
const learnDown = 1 / 4_096
/** A direction with fewer beams than this in a turn is not judged. */
const beamsLeast = 20
/** So many turns in a row: of one direction (a puddle goes by, dirt stays), of all together, and to see again. */
const turnsDirection = 20
const turnsAll = 5
const turnsClear = 10
/** Returns from nearer than this are from the window itself, metres; where the profile says from where on distances are believed, that. */
const window_m = 0.1

export class Blindness {
  blinded = false
  /** Returns from nearer than this do not count as coming back. */
  readonly near_m: number
  /** Of each direction and ring: 1 if its beams are judged. */
  readonly judged: Uint8Array
  /** Returns of this turn. */
  returns = 0
  /** Beams of this turn that are judged, and those of them that came back, by direction. */
  readonly #beams = new Uint32Array(sectors)
  readonly #came = new Uint32Array(sectors)
  readonly #rings: number
  readonly #pose: Pose
  readonly #share: number
  readonly #judgedRings = new Uint16Array(sectors)
  readonly #usual = new Float64Array(sectors).fill(groundUsual)
  readonly #poor = new Uint8Array(sectors)
  #hasGround = false
  #flatUsual = 0
  #poorTurns = 0
  #goodTurns = 0

  constructor(source: Source, pose: Pose, rings: number) {
    this.near_m = source.range_m?.[0] ?? window_m
    this.#share = source.blind_share
    this.#pose = pose
    this.#rings = rings
    this.judged = new Uint8Array(sectors * rings).fill(1)
    this.#judgedRings.fill(rings)
  }

  /** Whether some beams should meet the ground near by. */
  get hasGround(): boolean {
    return this.#hasGround
  }

  /** The elevation (radians, in the sensor's frame) of a ring is known now. */
  learn(ring: number, elevation: number): void {
    for (let sector = 0; sector < sectors; sector++) {
      const slope = slopeOf(this.#pose, sector, elevation)
      const height = this.#pose[11]!
      if (-slope * Math.min(ground_m, groundHeights * height) < height) continue
      if (!this.#hasGround) this.#judgeGroundOnly()
      this.judged[sector * this.#rings + ring] = 1
      this.#judgedRings[sector]!++
    }
  }

  /** A column in this direction was looked at; so many of its beams that are judged came back. */
  looked(sector: number, came: number): void {
    this.#beams[sector]! += this.#judgedRings[sector]!
    this.#came[sector]! += came
  }

  /** How many beams that are judged the turn had. */
  get beamsOfTurn(): number {
    let beams = 0
    for (let sector = 0; sector < sectors; sector++) beams += this.#beams[sector]!
    return beams
  }

  endTurn(): void {
    // A flat scanner alone in the open sees nothing, too.
    const poor = (this.returns === 0 && this.#rings > 1) || this.#isPoor()
    const dark = this.#hasGround && this.#hasDarkDirection()
    this.#poorTurns = poor ? this.#poorTurns + 1 : 0
    this.#goodTurns = poor || dark ? 0 : this.#goodTurns + 1
    if (this.#poorTurns >= turnsAll || this.#poor.some((turns) => turns >= turnsDirection)) this.blinded = true
    else if (this.#goodTurns >= turnsClear) this.blinded = false
    this.#beams.fill(0)
    this.#came.fill(0)
    this.returns = 0
  }

  #judgeGroundOnly(): void {
    this.#hasGround = true
    this.judged.fill(0)
    this.#judgedRings.fill(0)
    this.#beams.fill(0)
    this.#came.fill(0)
  }

  /** Whether too few of all judged beams came back. */
  #isPoor(): boolean {
    let beams = 0
    let came = 0
    let usual = 0
    for (let sector = 0; sector < sectors; sector++) {
      beams += this.#beams[sector]!
      came += this.#came[sector]!
      usual += this.#beams[sector]! * this.#usual[sector]!
    }
    if (beams < beamsLeast) return false
    if (this.#hasGround) return came < this.#share * usual
    const share = came / beams
    const poor = this.#flatUsual >= flatUsualLeast && share < this.#share * this.#flatUsual
    if (!poor) this.#flatUsual += (share - this.#flatUsual) * (share > this.#flatUsual ? learnUp : learnDown)
    return poor
  }

  #hasDarkDirection(): boolean {
    let dark = false
    for (let sector = 0; sector < sectors; sector++) {
      if (this.#beams[sector]! < beamsLeast) continue
      const share = this.#came[sector]! / this.#beams[sector]!
      const usual = this.#usual[sector]!
      if (share < this.#share * usual) {
        if (this.#poor[sector]! < 255) this.#poor[sector]!++
        dark = true
      } else {
        this.#poor[sector] = 0
        const learned = usual + (share - usual) * (share > usual ? learnUp : learnDown)
        this.#usual[sector] = learned > groundUsualLeast ? learned : groundUsualLeast
      }
    }
    return dark
  }
}

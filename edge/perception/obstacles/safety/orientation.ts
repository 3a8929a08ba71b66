/**
 * Whether a sensor sits as the profile says. Two things tell:
 *
 * - **reference contour** (IEC 61496-3): parts of the vehicle that this sensor always sees. When their returns
 *   are gone, the points are tried turned by half a turn, spinning the other way, and rolled upside down; where
 *   the contour comes back, that is how the sensor sits. Where it does not, the sensor does not see it.
 * - **the ground**: beams that point down must find a plane below the vehicle. When they find none and the
 *   beams that point up do, the sensor hangs upside down.
 *
 * Trying costs time, so it is done only in turns after one that looked wrong.
 */
import type { PointBlock } from '../../../device/points.ts'
import { type Pose, withAxes } from './pose.ts'
import { coverage, type Grid, gridAround, rasterise } from './raster.ts'
import type { ObstacleSetup, Source } from '../setup.ts'

export type Misfit = 'reversed' | 'upside-down' | 'blinded'

/** So many turns in a row must say the same, for a wrong mount and for a contour that cannot be seen; and so many good ones end it. */
const turnsWrong = 3
const turnsHidden = 5
const turnsGood = 5
/** Below this share of the beams that should meet the ground the turn looks wrong. */
const groundShareLow = 0.2
/** From this share on, and so many, they do meet it. */
const groundShareHigh = 0.5
const groundPoints = 50
/** For the ground one in so many columns is tried. */
const groundColumns = 4
/** Upside down so many times more must meet the ground than as mounted, where walls may look like some. */
const clearlyMore = 3
/** What is farther from level than this share of the sensor's height is no ground, but perhaps a ceiling or a wall. */
const levelHeights = 0.25
/** Beams that meet level ground farther away than this, metres, are not asked. */
const ground_m = 12
const learnUp = 1 / 16
const learnDown = 1 / 1_024
const cellsMax = 1 << 18

/** The ways in which a sensor may sit wrong; spinning the other way looks like a mirror. */
const misfits = [
  { misfit: 'reversed', axes: [-1, -1, 1] },
  { misfit: 'reversed', axes: [1, -1, 1] },
  { misfit: 'upside-down', axes: [1, -1, -1] },
] as const
const upsideDown = 2
/** As mounted comes after them. */
const asMounted = misfits.length

export class Orientation {
  trouble: Misfit | undefined
  /** Whether the points of this turn are to be tried. */
  suspicious = false
  /** Ground returns of this turn. */
  ground = 0
  /** Of each cell of `grid`: a bit for each contour that is there; none without contours. */
  readonly marks: Uint8Array
  readonly grid: Grid
  readonly #poses: readonly Pose[]
  readonly #contours: number
  readonly #step_m: number
  readonly #slope: number
  readonly #pointsLeast: number
  readonly #share: number
  /** Returns of each contour in this turn, as mounted and as tried. */
  readonly #hits: readonly Uint32Array[]
  readonly #usual: Float64Array
  /** Beams that should meet the ground and those that do: as tried, and as mounted. */
  readonly #down = new Uint32Array(asMounted + 1)
  readonly #level = new Uint32Array(asMounted + 1)
  #tried = false
  #suspected: Misfit | undefined
  #turns = 0
  #goodTurns = 0

  constructor(source: Source, { ground, evidence }: Pick<ObstacleSetup, 'ground' | 'evidence'>, pose: Pose) {
    const contours = source.reference ?? []
    this.#contours = contours.length
    this.#poses = [...misfits.map(({ axes: [x, y, z] }) => withAxes(pose, x, y, z)), pose]
    this.#step_m = ground.step_m
    this.#slope = Math.tan((ground.slope_deg * Math.PI) / 180)
    this.#pointsLeast = evidence.points
    this.#share = source.blind_share
    this.#hits = this.#poses.map(() => new Uint32Array(contours.length))
    this.#usual = new Float64Array(contours.length)
    this.grid = contours.length === 0 ? { x0: 0, y0: 0, cell_m: 1, width: 0, height: 0 } : gridAround(contours, 0.05, 0.05, cellsMax)
    this.marks = new Uint8Array(this.grid.width * this.grid.height)
    contours.forEach((contour, bit) => rasterise(contour, this.grid).forEach((covered, cell) => {
      if (covered !== coverage.none) this.marks[cell]! |= 1 << bit
    }))
  }

  /** Tries the points of a column in all the ways; without a contour only whether it hangs upside down can be told, of which some columns tell. */
  look(block: PointBlock, column: number): void {
    if (this.#contours === 0 && column % groundColumns !== 0) return
    this.#tried = true
    for (let way = this.#contours > 0 ? 0 : upsideDown; way <= asMounted; way++) this.#lookAs(block, column * block.rings, way)
  }

  /** @param groundBeams how many of the turn's beams should have met the ground near by, or may have; 0 for a flat scanner. */
  endTurn(groundBeams: number): void {
    const hidden = this.#contourIsHidden()
    const adrift = groundBeams >= groundPoints && this.ground < groundShareLow * groundBeams
    if (this.#tried) this.#conclude(hidden ? this.#whyHidden() : this.#hangsUpsideDown() ? 'upside-down' : undefined)
    this.#goodTurns = hidden || adrift ? 0 : this.#goodTurns + 1
    if (this.#goodTurns >= turnsGood) this.trouble = undefined
    if (!hidden) this.#learn()
    this.suspicious = hidden || adrift
    this.#tried = false
    this.ground = 0
    this.#down.fill(0)
    this.#level.fill(0)
    for (let way = 0; way <= asMounted; way++) this.#hits[way]!.fill(0)
  }

  #lookAs({ rings, distance, x, y, z }: PointBlock, first: number, way: number): void {
    const pose = this.#poses[way]!
    const hits = this.#hits[way]!
    const { x0, y0, cell_m, width, height } = this.grid
    const mount_x = pose[9]!
    const mount_y = pose[10]!
    const mount_z = pose[11]!
    let down = 0
    let level = 0
    for (let point = first; point < first + rings; point++) {
      if (!(distance[point]! > 0)) continue
      const px = x[point]!
      const py = y[point]!
      const pz = z[point]!
      const ahead = pose[0]! * px + pose[1]! * py + pose[2]! * pz
      const aside = pose[3]! * px + pose[4]! * py + pose[5]! * pz
      const above = pose[6]! * px + pose[7]! * py + pose[8]! * pz
      const range = Math.sqrt(ahead * ahead + aside * aside)
      if (above < 0 && range * mount_z < -above * ground_m) {
        down++
        const off = Math.abs(above + mount_z)
        if (off < this.#step_m + this.#slope * range && off < levelHeights * mount_z) level++
      }
      if (above + mount_z <= this.#step_m) continue
      const column = (ahead + mount_x - x0) / cell_m
      const row = (aside + mount_y - y0) / cell_m
      if (column >= 0 && column < width && row >= 0 && row < height) this.#hit(hits, this.marks[(row | 0) * width + (column | 0)]!)
    }
    this.#down[way]! += down
    this.#level[way]! += level
  }

  #hit(hits: Uint32Array, marks: number): void {
    for (let contour = 0; marks >> contour !== 0; contour++) hits[contour]! += (marks >> contour) & 1
  }

  /** A return as mounted is in these contours. */
  sawMarks(marks: number): void {
    if (!this.#tried) this.#hit(this.#hits[asMounted]!, marks)
  }

  #contourIsHidden(): boolean {
    const hits = this.#hits[asMounted]!
    for (let contour = 0; contour < this.#contours; contour++) {
      if (hits[contour]! < Math.max(this.#pointsLeast, this.#share * this.#usual[contour]!)) return true
    }
    return false
  }

  #learn(): void {
    const hits = this.#hits[asMounted]!
    for (let contour = 0; contour < this.#contours; contour++) {
      const more = hits[contour]! - this.#usual[contour]!
      this.#usual[contour]! += more * (more > 0 ? learnUp : learnDown)
    }
  }

  #whyHidden(): Misfit {
    if (this.#hangsUpsideDown()) return 'upside-down'
    for (let way = 0; way < asMounted; way++) if (this.#hits[way]!.every((hits) => hits >= this.#pointsLeast)) return misfits[way]!.misfit
    return 'blinded'
  }

  #hangsUpsideDown(): boolean {
    const found = this.#level[upsideDown]!
    return found >= groundPoints && found >= groundShareHigh * this.#down[upsideDown]! && found > clearlyMore * this.#level[asMounted]!
  }

  #conclude(misfit: Misfit | undefined): void {
    this.#turns = misfit !== undefined && misfit === this.#suspected ? this.#turns + 1 : 1
    this.#suspected = misfit
    if (misfit !== undefined && this.#turns >= (misfit === 'blinded' ? turnsHidden : turnsWrong)) this.trouble = misfit
  }
}

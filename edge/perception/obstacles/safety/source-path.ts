/**
 * The way of one source's points, packet by packet: into the vehicle's frame, own body and ground taken
 * out, what is left counted as evidence in the fields, all of it handed on; and whether the source can be believed.
 * Numbers that change with every packet are kept in typed arrays and passed by index: nothing is allocated.
 */
import type { PointBlock } from '../../../device/points.ts'
import { Blindness } from './blindness.ts'
import { type CloudRing, pointKinds } from '../cloud.ts'
import { CloudWriter } from './cloud-writer.ts'
import { Column } from './column.ts'
import { Evidence } from './evidence.ts'
import { coverage, type Grid } from './raster.ts'
import type { FieldMap } from './fields.ts'
import { GroundFilter } from './ground.ts'
import type { Infringements } from './findings.ts'
import { LegModel } from './leg.ts'
import { Orientation } from './orientation.ts'
import { type Pose, poseOf } from './pose.ts'
import type { ObstacleSetup, Source } from '../setup.ts'
import { Sweep, sweepState } from './sweep.ts'

/** An elevation is taken from returns at least this far away: nearer ones show the sensor's own offsets. */
const elevationFrom_m = 2
/** Echoes of one beam nearer together than this are the same one. */
const sameEcho_m = 0.03
/** The columns of one angle's echoes are at most so far apart in a block. */
const echoColumns = 4
/** Squared: what is farther away than a hundred kilometres is not a measurement. */
const farthest_m2 = 1e10

export type SourceState = 'ok' | 'starting' | 'stale' | 'reversed' | 'upside-down' | 'blinded'

export interface SourcePathOptions {
  setup: ObstacleSetup
  source: Source
  /** Its number among the sources. */
  number: number
  map: FieldMap
  infringements: Infringements
  cloud: CloudRing | undefined
}

export class SourcePath {
  /** Points whose coordinates were no numbers or absurd. */
  invalid = 0
  /** How fast the vehicle drives; as fast as it has fields for, while nobody says. */
  speed_mps: number
  readonly #fastest_mps: number
  readonly sweep = new Sweep()
  readonly #options: SourcePathOptions
  readonly #pose: Pose
  readonly #far_m: number
  readonly #ground: GroundFilter
  readonly #orientation: Orientation
  readonly #leg: LegModel
  readonly #evidence: Evidence
  readonly #cloud: CloudWriter | undefined
  /** When points came last, and since when a direction must have been seen. */
  readonly #received = new Float64Array(1).fill(-Infinity)
  readonly #since = new Float64Array(1)
  /** Rings count from the other end where the sensor hangs upside down as planned. */
  readonly #upright: boolean
  #stale = false
  #rings = 0
  #column = new Column(0)
  #blindness: Blindness
  /** Of each ring: 1 when its elevation is known. */
  #known = new Uint8Array(0)
  #unknown = 0

  constructor(options: SourcePathOptions) {
    const { setup, source, cloud } = options
    this.#options = options
    this.#pose = poseOf(source.mount)
    this.#fastest_mps = Math.max(...setup.fields.flatMap((set) => set.speed_mps.map(Math.abs)))
    this.speed_mps = this.#fastest_mps
    this.#upright = this.#pose[8]! >= 0
    this.#far_m = source.range_m?.[1] ?? Infinity
    this.#ground = new GroundFilter(setup.ground, setup.roof_m)
    this.#orientation = new Orientation(source, setup, this.#pose)
    this.#cloud = cloud === undefined ? undefined : new CloudWriter(cloud)
    this.#leg = new LegModel(this.#pose, setup.ground.step_m)
    this.#evidence = new Evidence(options.map, setup.evidence, this.#leg, this.sweep)
    this.#blindness = new Blindness(source, this.#pose, 0)
  }

  get counters(): { invalid: number; below: number; dropped: number } {
    return { invalid: this.invalid, below: this.#ground.below, dropped: this.#cloud?.dropped ?? 0 }
  }

  process(block: PointBlock): void {
    const { columns, rings } = block
    if (columns <= 0 || rings <= 0 || columns > block.angle.length || columns * rings > block.capacity) return
    if (rings !== this.#rings) this.#begin(rings)
    this.#received[0] = block.received
    this.#cloud?.turn(block.turn)
    if (this.#unknown > 0) this.#learn(block)
    for (let column = 0; column < columns; column++) {
      if (this.sweep.advance(block, column)) this.#endTurn()
      if (column === block.turnAt) this.#cloud?.turn(block.turn + 1)
      this.#take(block, column)
      this.#orientation.ground += this.#ground.classify(this.#column)
      this.#count()
      this.#cloud?.write(this.#column)
      if (this.#orientation.suspicious) this.#orientation.look(block, column)
    }
    this.#cloud?.measured(block, columns - 1)
  }

  /** Looks whether the source is too old. @param now its first number is the instant. */
  check(now: Float64Array): void {
    if (this.#isTooOld(now)) {
      if (!this.#stale) this.sweep.restart()
      this.#stale = true
    } else if (this.#isComplete) this.#stale = false
  }

  /** As of the last `check`. */
  get state(): SourceState {
    if (this.#stale) return 'stale'
    if (!this.#isComplete) return 'starting'
    return this.#orientation.trouble ?? (this.#blindness.blinded ? 'blinded' : 'ok')
  }

  /** The last word about the motion is too old. */
  forgetSpeed(): void {
    this.speed_mps = this.#fastest_mps
  }

  /** @param stop @param slow sets that are infringed already. */
  hold(stop: number, slow: number): void {
    this.#evidence.heldStop = stop
    this.#evidence.heldSlow = slow
  }

  /** Whether there were turns enough to show whatever stands in a field. */
  get #isComplete(): boolean {
    return this.sweep.turns > this.#options.setup.evidence.turns
  }

  #isTooOld(now: Float64Array): boolean {
    const { stale_ms } = this.#options.source
    if (this.#received[0] === -Infinity) return false
    if (!(now[0]! - this.#received[0]! <= stale_ms)) return true
    // A direction is as old as a turn, at best, when it is seen again.
    this.#since[0] = now[0]! - stale_ms - this.sweep.state[sweepState.turn_ms]!
    return this.sweep.turns > 0 && this.sweep.isBehind(this.#since)
  }

  /** Another number of rings is another way of working: what was learned of the beams is not true any more. */
  #begin(rings: number): void {
    this.#rings = rings
    this.#column = new Column(rings)
    this.#leg.forget()
    this.#blindness = new Blindness(this.#options.source, this.#pose, rings)
    this.#known = new Uint8Array(rings)
    this.#unknown = rings
    this.sweep.restart()
  }

  /** Looks for rings whose elevation is not known: everywhere in the first turns, then, as the sky gives no echo, in some columns. */
  #learn({ columns, rings, distance, z }: PointBlock): void {
    const first = this.#isComplete ? this.sweep.turns % columns : 0
    const end = this.#isComplete ? first + 1 : columns
    for (let point = first * rings; point < end * rings; point++) {
      const ring = point % rings
      if (this.#known[ring] === 1 || !(distance[point]! > elevationFrom_m && Math.abs(z[point]!) < distance[point]!)) continue
      this.#known[ring] = 1
      this.#unknown--
      const elevation = Math.asin(z[point]! / distance[point]!)
      this.#leg.learn(elevation)
      this.#blindness.learn(ring, elevation)
    }
  }

  /** Fills the column with the returns of one of the block's. */
  #take(block: PointBlock, at: number): void {
    const { rings, distance, x, y, z, intensity } = block
    const { map } = this.#options
    const column = this.#column
    const pose = this.#pose
    const judged = this.#blindness.judged
    const judgedFrom = this.sweep.sector * rings
    const near = this.#blindness.near_m
    const marks = this.#orientation.grid
    const echo = echoOf(block, at)
    const perCell = 1 / map.cell_m
    let count = 0
    let came = 0
    for (let beam = 0; beam < rings; beam++) {
      const ring = this.#upright ? beam : rings - 1 - beam
      const point = at * rings + ring
      const d = distance[point]!
      if (!(d > 0)) continue
      if (d >= near) came += judged[judgedFrom + ring]!
      if (echo >= 0 && Math.abs(distance[echo * rings + ring]! - d) < sameEcho_m) continue
      const px = x[point]!
      const py = y[point]!
      const pz = z[point]!
      if (!(px * px + py * py + pz * pz < farthest_m2)) {
        this.invalid++
        continue
      }
      const ahead = pose[0]! * px + pose[1]! * py + pose[2]! * pz
      const aside = pose[3]! * px + pose[4]! * py + pose[5]! * pz
      column.x[count] = ahead + pose[9]!
      column.y[count] = aside + pose[10]!
      column.z[count] = pose[6]! * px + pose[7]! * py + pose[8]! * pz + pose[11]!
      column.range[count] = Math.sqrt(ahead * ahead + aside * aside)
      column.intensity[count] = intensity[point]!
      const across = (column.x[count]! - map.x0) * perCell
      const along = (column.y[count]! - map.y0) * perCell
      const zone = across >= 0 && across < map.width && along >= 0 && along < map.height ? map.zones[(along | 0) * map.width + (across | 0)]! : 0
      column.zone[count] = zone
      column.kind[count] = d < near || d > this.#far_m ? pointKinds.ignored : this.#kindIn(zone, count)
      if (marks.width > 0) this.#mark(marks, count)
      count++
    }
    column.count = count
    this.#blindness.returns += count
    // A beam that has no further echo came back all the same.
    if (echo < 0) this.#blindness.looked(this.sweep.sector, came)
  }

  #kindIn(zone: number, point: number): number {
    const { map } = this.#options
    const covered = map.body[zone]!
    if (covered === coverage.none) return pointKinds.obstacle
    return covered === coverage.inside || map.isBody(this.#column, point) ? pointKinds.body : pointKinds.obstacle
  }

  /** Counts a return that may be of the reference contour. */
  #mark({ x0, y0, cell_m, width, height }: Grid, point: number): void {
    const { x, y, z } = this.#column
    if (z[point]! <= this.#options.setup.ground.step_m) return
    const across = (x[point]! - x0) / cell_m
    const along = (y[point]! - y0) / cell_m
    if (across >= 0 && across < width && along >= 0 && along < height) this.#orientation.sawMarks(this.#orientation.marks[(along | 0) * width + (across | 0)]!)
  }

  /** What is neither body nor ground and in or around a field is evidence. */
  #count(): void {
    const { map, infringements, number } = this.#options
    const column = this.#column
    for (let point = 0; point < column.count; point++) {
      if (column.kind[point] !== pointKinds.obstacle || map.counts[column.zone[point]!] === 0) continue
      if (!this.#evidence.count(column, point)) continue
      infringements.stop.note(this.#evidence.foundStop, number, column, point, this.#received)
      infringements.slow.note(this.#evidence.foundSlow, number, column, point, this.#received)
    }
  }

  #endTurn(): void {
    // Beams of which no elevation is known may be those that should meet the ground: then any that came back may.
    this.#orientation.endTurn(this.#blindness.hasGround ? this.#blindness.beamsOfTurn : this.#rings > 1 ? this.#blindness.returns : 0)
    this.#blindness.endTurn()
    this.#evidence.follow(this.speed_mps)
  }
}

/** The earlier column that holds another echo of the same beams, or -1. */
function echoOf({ angle, returnOf }: PointBlock, column: number): number {
  if (returnOf[column] === 0) return -1
  for (let other = column - 1; other >= 0 && other >= column - echoColumns; other--) {
    if (angle[other] === angle[column] && returnOf[other] !== returnOf[column]) return other
  }
  return -1
}

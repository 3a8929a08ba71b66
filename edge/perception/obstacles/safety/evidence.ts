/**
 * Counts the returns in and around the fields of one source, and says when they are enough to be something.
 *
 * Returns are counted in cells; what is compared is the fullest square of 2 x 2 cells, into which a leg
 * fits. With E returns that a leg would give there (`LegModel`), a turn shows something with at least
 *
 *     need = max(points, share x E),   or less where a leg gives little: max(2, legShare x E) < points
 *
 * and that counts when as many turns in a row show it as `turns` says, one more for each return by which
 * `need` is below `points`. At once, within the turn, counts `max(certain, 2 x share x E)`.
 * Rain has to put `need` drops into the same square decimetres, turn after turn.
 */
import { ConfigError } from '../../../base/error.ts'
import type { Column } from './column.ts'
import type { FieldMap } from './fields.ts'
import type { LegModel } from './leg.ts'
import type { Evidence as EvidenceSetup } from '../setup.ts'
import { type Sweep, sweepState } from './sweep.ts'

/** Of the returns that a leg gives, so many must be seen: a leg half hidden, in dark cloth. */
const share = 0.2
/** Where a leg gives hardly more than `points`, so many of its returns must be seen. */
const legShare = 0.7
const leastNeed = 2
const cellsMax = 1 << 20
/** How fast what is seen may move beside the vehicle, metres a second: a person who runs. */
const run_mps = 2.5
/** Farther than so many cells nothing is followed from one turn to the next. */
const reachMax = 12

export class Evidence {
  /** Field sets for which something was found by the last `count` that said so. */
  foundStop = 0
  foundSlow = 0
  /** Sets that are infringed already: what one turn shows is enough to keep them so. */
  heldStop = 0
  heldSlow = 0
  readonly #map: FieldMap
  readonly #setup: EvidenceSetup
  readonly #leg: LegModel
  readonly #sweep: Sweep
  readonly #perCell: number
  readonly #width: number
  readonly #height: number
  /** Of each cell: where the sensor was when the returns in it began to be counted. */
  readonly #began: Float64Array
  readonly #counted: Uint16Array
  readonly #stop: Int32Array
  readonly #slow: Int32Array
  /** What was told of it in this turn. */
  readonly #toldStop: Int32Array
  readonly #toldSlow: Int32Array
  /** Where the sensor was when there were enough returns, and in how many turns in a row. */
  readonly #marked: Float64Array
  readonly #streak: Uint8Array
  /** How many cells something may have moved since the turn before. */
  #reach = 2

  constructor(map: FieldMap, setup: EvidenceSetup, leg: LegModel, sweep: Sweep) {
    this.#map = map
    this.#setup = setup
    this.#leg = leg
    this.#sweep = sweep
    this.#perCell = map.cell_m / setup.cell_m
    // A border of empty cells: looking at neighbours needs no bounds.
    this.#width = Math.ceil(map.width * this.#perCell) + 3
    this.#height = Math.ceil(map.height * this.#perCell) + 3
    const cells = this.#width * this.#height
    if (cells > cellsMax) throw new ConfigError('PC-OBSTACLES-FIELDS', 'The protective fields are too large for the cells in which returns are counted; enlarge evidence.cell_m.')
    this.#began = new Float64Array(cells).fill(-Infinity)
    this.#counted = new Uint16Array(cells)
    this.#stop = new Int32Array(cells)
    this.#slow = new Int32Array(cells)
    this.#toldStop = new Int32Array(cells)
    this.#toldSlow = new Int32Array(cells)
    this.#marked = new Float64Array(cells).fill(-Infinity)
    this.#streak = new Uint8Array(cells)
  }

  /** Something may move between two turns as fast as the vehicle drives, and run besides. */
  follow(speed_mps: number): void {
    const moved = (Math.abs(speed_mps) + run_mps) * (this.#sweep.state[sweepState.turn_ms]! / 1_000)
    this.#reach = Math.min(reachMax, Math.ceil(moved / this.#setup.cell_m) + 1)
  }

  /** One more return; true when it makes the evidence of something in a field complete. */
  count(column: Column, point: number): boolean {
    const { x0, y0, cell_m, stop, slow } = this.#map
    const scale = this.#perCell / cell_m
    const cell = (1 + (((column.y[point]! - y0) * scale) | 0)) * this.#width + 1 + (((column.x[point]! - x0) * scale) | 0)
    const zone = column.zone[point]!
    this.#add(cell, stop[zone]!, slow[zone]!)
    if (this.#isTold(cell)) return false
    const seen = this.#fullestSquare(cell)
    const leg = this.#leg.returns(column.range, point, this.#sweep)
    const need = this.#need(leg)
    if (seen < need) return false
    this.#collect(cell)
    const lasts = this.#lasts(cell, need)
    if (!lasts && seen < Math.max(this.#setup.certain, Math.ceil(2 * share * leg))) {
      this.foundStop &= this.heldStop
      this.foundSlow &= this.heldSlow
    }
    if ((this.foundStop | this.foundSlow) === 0) return false
    this.#toldStop[cell]! |= this.foundStop
    this.#toldSlow[cell]! |= this.foundSlow
    return true
  }

  #need(leg: number): number {
    const { points } = this.#setup
    const little = (legShare * leg) | 0
    if (little < points) return Math.min(points, Math.max(leastNeed, little))
    return Math.max(points, Math.ceil(share * leg))
  }

  /** Whether the cell's returns are of this turn. */
  #isOfThisTurn(cell: number): boolean {
    const age = this.#sweep.state[sweepState.position]! - this.#began[cell]!
    return age < Math.PI && age > -Math.PI
  }

  #add(cell: number, stop: number, slow: number): void {
    if (this.#isOfThisTurn(cell)) {
      if (this.#counted[cell]! < 65_535) this.#counted[cell]!++
      this.#stop[cell]! |= stop
      this.#slow[cell]! |= slow
      return
    }
    this.#began[cell] = this.#sweep.state[sweepState.position]!
    this.#counted[cell] = 1
    this.#stop[cell] = stop
    this.#slow[cell] = slow
    this.#toldStop[cell] = 0
    this.#toldSlow[cell] = 0
  }

  /** Whether everything that is known of a cell in a field was told in this turn. */
  #isTold(cell: number): boolean {
    const stop = this.#stop[cell]!
    const slow = this.#slow[cell]!
    return (stop | slow) !== 0 && (stop & ~this.#toldStop[cell]!) === 0 && (slow & ~this.#toldSlow[cell]!) === 0
  }

  #countedIn(cell: number): number {
    return this.#isOfThisTurn(cell) ? this.#counted[cell]! : 0
  }

  /** The most returns in any square of 2 x 2 cells that this cell is part of. */
  #fullestSquare(cell: number): number {
    const above = cell + this.#width
    const below = cell - this.#width
    const here = this.#countedIn(cell)
    const left = this.#countedIn(cell - 1)
    const right = this.#countedIn(cell + 1)
    const up = this.#countedIn(above)
    const down = this.#countedIn(below)
    return here + Math.max(
      left + up + this.#countedIn(above - 1), right + up + this.#countedIn(above + 1),
      left + down + this.#countedIn(below - 1), right + down + this.#countedIn(below + 1),
    )
  }

  /** The fields in which the returns here and in the neighbouring cells are. */
  #collect(cell: number): void {
    this.foundStop = 0
    this.foundSlow = 0
    for (let row = -1; row <= 1; row++) {
      for (let column = -1; column <= 1; column++) {
        const other = cell + row * this.#width + column
        if (!this.#isOfThisTurn(other)) continue
        this.foundStop |= this.#stop[other]!
        this.foundSlow |= this.#slow[other]!
      }
    }
    this.foundStop &= ~this.#toldStop[cell]!
    this.foundSlow &= ~this.#toldSlow[cell]!
  }

  /** Whether enough turns in a row have shown enough returns here or as near as something can have moved. */
  #lasts(cell: number, need: number): boolean {
    const position = this.#sweep.state[sweepState.position]!
    const age = Math.abs(position - this.#marked[cell]!)
    if (age > Math.PI) {
      this.#streak[cell] = this.#streakAround(cell)
      this.#marked[cell] = position
    }
    return this.#streak[cell]! >= this.#setup.turns + Math.max(0, this.#setup.points - need)
  }

  #streakAround(cell: number): number {
    const position = this.#sweep.state[sweepState.position]!
    const reach = this.#reach
    const row = (cell / this.#width) | 0
    const column = cell - row * this.#width
    let longest = 1
    for (let y = Math.max(0, row - reach); y <= Math.min(this.#height - 1, row + reach); y++) {
      for (let x = Math.max(0, column - reach); x <= Math.min(this.#width - 1, column + reach); x++) {
        const other = y * this.#width + x
        const age = Math.abs(position - this.#marked[other]!)
        if (age > 3 * Math.PI) continue
        const streak = this.#streak[other]! + (age > Math.PI ? 1 : 0)
        if (streak > longest) longest = streak
      }
    }
    return Math.min(255, longest)
  }
}

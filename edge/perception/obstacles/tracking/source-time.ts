/**
 * When a source's turn was measured, on the clock of whoever asks: sensors keep their own time, and news
 * of a turn comes later by a delay that is never negative and varies. The least delay seen is taken for
 * the difference of the clocks.
 */

/** Clocks may drift apart by so much from turn to turn, milliseconds: 500 ppm at 10 turns a second. */
const drift_ms = 0.05
/** A delay that differs by more than this is a clock that jumped, milliseconds. */
const jump_ms = 500
/** A turn takes no longer than this, milliseconds; most take as long as the usual one, which the first is taken for. */
const turn_ms_max = 1_000
const turn_ms_usual = 100

export class SourceTime {
  /** Of the newest turn: when its last point was measured, and how long the turn took. */
  end_ms = 0
  turn_ms = turn_ms_usual
  #difference_ms = Number.NaN
  #last_us = 0

  onTurn(at_us: number, now_ms: number): void {
    const difference_ms = now_ms - at_us / 1_000
    const since_ms = (at_us - this.#last_us) / 1_000
    const known = Math.abs(difference_ms - this.#difference_ms) < jump_ms
    this.#difference_ms = known ? Math.min(this.#difference_ms + drift_ms, difference_ms) : difference_ms
    if (known && since_ms > 0 && since_ms < turn_ms_max) this.turn_ms = since_ms
    this.end_ms = at_us / 1_000 + this.#difference_ms
    this.#last_us = at_us
  }
}

/** A number over the last minutes: what a sparkline is drawn from. */

const span_ms = 300_000
/** A page that was just opened draws what it has wider. */
const least_ms = 60_000
const points_max = 600

export class History {
  readonly #points: { at: number; value: number }[] = []

  /** `at` is the device's wall time; one that goes back begins anew. */
  add(at: number, value: number): void {
    const last = this.#points.at(-1)
    if (last !== undefined && at < last.at) this.#points.length = 0
    this.#points.push({ at, value })
    const old = this.#points.findIndex((point) => point.at >= at - span_ms)
    // The last of the old ones says what the value was when the span began.
    if (old > 1) this.#points.splice(0, old - 1)
    if (this.#points.length > points_max) this.#points.splice(0, this.#points.length - points_max)
  }

  /** It never changed: a line says no more than the number. */
  get isFlat(): boolean {
    const { least, most } = this.range
    return least === most
  }

  get range(): { least: number; most: number } {
    const values = this.#points.map(({ value }) => value)
    return { least: Math.min(...values), most: Math.max(...values) }
  }

  /** How much of the past is drawn. */
  spanAt(now: number): number {
    return Math.min(span_ms, Math.max(least_ms, now - (this.#points[0]?.at ?? now)))
  }

  /** A step line in a box of this size, whose right edge is now. */
  path(width: number, height: number, now: number): string {
    const { least, most } = this.range
    const drawn_ms = this.spanAt(now)
    const y = (value: number): number => (most === least ? height / 2 : height - ((value - least) / (most - least)) * height)
    const x = (at: number): number => width * Math.max(0, Math.min(1, 1 - (now - at) / drawn_ms))
    const [first, ...rest] = this.#points
    if (first === undefined) return ''
    const steps = rest.map(({ at, value }) => `H${x(at).toFixed(1)}V${y(value).toFixed(1)}`)
    return `M${x(first.at).toFixed(1)} ${y(first.value).toFixed(1)}${steps.join('')}H${width}`
  }
}

/** A number over the last minutes: what a sparkline is drawn from. */

export const span_ms = 300_000
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

  get range(): { least: number; most: number } {
    const values = this.#points.map(({ value }) => value)
    return { least: Math.min(...values), most: Math.max(...values) }
  }

  /** A step line in a box of this size, whose right edge is now. */
  path(width: number, height: number, now: number): string {
    const { least, most } = this.range
    const y = (value: number): number => (most === least ? height / 2 : height - ((value - least) / (most - least)) * height)
    const x = (at: number): number => width * Math.max(0, Math.min(1, 1 - (now - at) / span_ms))
    const [first, ...rest] = this.#points
    if (first === undefined) return ''
    const steps = rest.map(({ at, value }) => `H${x(at).toFixed(1)}V${y(value).toFixed(1)}`)
    return `M${x(first.at).toFixed(1)} ${y(first.value).toFixed(1)}${steps.join('')}H${width}`
  }
}

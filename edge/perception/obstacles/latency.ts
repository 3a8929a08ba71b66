/** How long decisions took, since the start: counted in steps of an eighth of an octave, without allocating anything. */

/** Finer than any timer, and longer than anything that is still a latency. */
const least_ms = 0.001
const stepsPerOctave = 8
export const steps = 24 * stepsPerOctave

export interface LatencyFigures {
  p50_ms: number
  p99_ms: number
  max_ms: number
  count: number
}

export interface LatencyStep {
  upTo_ms: number
  count: number
}

export class LatencyHistogram {
  readonly #counts = new Uint32Array(steps)
  /** The longest, and how many. */
  readonly #totals = new Float64Array(2)

  record(latency_ms: number): void {
    const step = Math.ceil(Math.log2(latency_ms / least_ms) * stepsPerOctave)
    const at = step > 0 ? Math.min(step, steps - 1) : 0
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    if (latency_ms > (this.#totals[0] ?? 0)) this.#totals[0] = latency_ms
    this.#totals[1] = (this.#totals[1] ?? 0) + 1
  }

  /** How many took longer than the step before and at most this; steps that nothing fell into are left out. */
  steps(): LatencyStep[] {
    const { max_ms } = this.figures()
    return Array.from(this.#counts, (count, step) => ({ upTo_ms: step === steps - 1 ? max_ms : least_ms * 2 ** (step / stepsPerOctave), count })).filter(({ count }) => count > 0)
  }

  /** Percentiles are the upper edge of their step: 9 % too high at most, never too low. */
  figures(): LatencyFigures {
    const [max_ms = 0, count = 0] = this.#totals
    return { p50_ms: this.#percentile(0.5), p99_ms: this.#percentile(0.99), max_ms, count }
  }

  #percentile(share: number): number {
    const [max_ms = 0, count = 0] = this.#totals
    let left = Math.ceil(count * share)
    for (let step = 0; step < steps; step++) {
      left -= this.#counts[step] ?? 0
      if (left <= 0) return Math.min(max_ms, least_ms * 2 ** (step / stepsPerOctave))
    }
    return max_ms
  }
}

/** A measured figure, as every bench gives it and `BENCH <name> <value> <unit>` prints it. */
export interface Figure {
  name: string
  value: number
  unit: string
}

/** The value below which the given share of the samples lies (nearest rank). */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}

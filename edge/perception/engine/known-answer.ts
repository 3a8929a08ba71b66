/**
 * A model proves itself before it is used: a fixed input must give the outputs that the original
 * file gives. Catches broken files, wrong conversions, and engines that fail without saying so
 * (LiteRT answers all zeros for operators that it does not have).
 */
import { type Static, Type } from '../../base/schema.ts'

export const KnownAnswer = Type.Object({
  /** Start of the generator that makes the input. */
  seed: Type.Integer(),
  /** Range of the input values. */
  range: Type.Tuple([Type.Number(), Type.Number()]),
  /** The largest difference allowed, as a share of the output's largest value. */
  tolerance: Type.Number({ exclusiveMinimum: 0, maximum: 0.01 }),
  outputs: Type.Array(Type.Object({
    length: Type.Integer({ minimum: 1 }),
    /** Largest absolute value, to which the tolerance refers. */
    scale: Type.Number({ exclusiveMinimum: 0 }),
    /** Values at evenly spaced places. */
    samples: Type.Array(Type.Number(), { minItems: 1 }),
    /** Mean of the absolute values: every value counts. */
    mean: Type.Number(),
  })),
})
export type KnownAnswer = Static<typeof KnownAnswer>

/** Values of a linear congruential generator, the same on every machine. */
export function knownInput(length: number, { seed, range }: Pick<KnownAnswer, 'seed' | 'range'>): Float32Array<ArrayBuffer> {
  let state = seed >>> 0
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return range[0] + (range[1] - range[0]) * (state / 2 ** 32)
  })
}

const samplesMax = 16

export function summarise(values: Float32Array): KnownAnswer['outputs'][number] {
  const count = Math.min(samplesMax, values.length)
  const samples = Array.from({ length: count }, (_, index) => values[Math.floor((index * values.length) / count)] ?? 0)
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const mean = values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length
  return { length: values.length, scale, samples, mean }
}

/** The largest difference as a share of the output's scale; infinite when the shape differs or a value is no number. */
export function deviation(outputs: readonly Float32Array[], answer: KnownAnswer): number {
  if (outputs.length !== answer.outputs.length) return Infinity
  let most = 0
  for (const [index, expected] of answer.outputs.entries()) {
    const found = summarise(outputs[index] ?? new Float32Array(1))
    if (found.length !== expected.length) return Infinity
    const differences = [found.mean - expected.mean, found.scale - expected.scale, ...expected.samples.map((value, at) => value - (found.samples[at] ?? 0))]
    for (const difference of differences) most = Math.max(most, Math.abs(difference) / expected.scale)
  }
  return Number.isNaN(most) ? Infinity : most
}

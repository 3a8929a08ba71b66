/** Random numbers that can be had again: every simulated site has a seed. */

/** @returns numbers in [0, 1) (mulberry32) */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A time that people take: log-normal with the given median. */
export function humanTime_ms(median_ms: number, random: () => number, sigma = 0.35): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return median_ms * Math.exp(sigma * normal)
}

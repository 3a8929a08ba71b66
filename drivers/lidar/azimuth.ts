/** Angles as turning lidars send them: hundredths of a degree, clockwise seen from above. */

/** One turn. */
export const fullTurn = 36_000
export const perRadian = fullTurn / (2 * Math.PI)

/** Of each hundredth of a degree: what a packet's resolution can tell apart is looked up, not computed. */
export const cosines: Float64Array<ArrayBuffer> = Float64Array.from({ length: fullTurn }, (_, azimuth) => Math.cos(azimuth / perRadian))
export const sines: Float64Array<ArrayBuffer> = Float64Array.from({ length: fullTurn }, (_, azimuth) => Math.sin(azimuth / perRadian))

/** How far it is from one azimuth to the next one, turning clockwise: 0 to 35999. */
export function turnedFrom(azimuth: number, next: number): number {
  return next >= azimuth ? next - azimuth : next - azimuth + fullTurn
}

/** The index of each laser's ring: rings are counted from the lowest beam. */
export function ringsOf(elevations: readonly number[]): Uint8Array<ArrayBuffer> {
  const order = elevations.map((_, laser) => laser).sort((a, b) => elevations[a]! - elevations[b]!)
  const rings = new Uint8Array(elevations.length)
  for (const [ring, laser] of order.entries()) rings[laser] = ring
  return rings
}

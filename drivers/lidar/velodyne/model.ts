/**
 * What differs between the Velodyne models, and how their lasers are aimed.
 *
 * Sources: VLP-16 User Manual 63-9243 and VLP-32C User Manual 63-9325, both chapter 9.
 */

export interface VelodyneModel {
  name: string
  /** The second factory byte (table "Factory Byte Values"). */
  product: number
  lasers: number
  /** How often all lasers fire in one data block. */
  firings: number
  /** How many lasers fire at the same moment. */
  together: number
  /** Metres that one step of the distance stands for. */
  unit_m: number
  /** The farthest that the maker promises. */
  range_m: number
}

/** How one laser is aimed, and what is added to what it measures. */
export interface Laser {
  /** Radians, up is positive. */
  elevation: number
  /** Radians clockwise from the block's azimuth. */
  azimuth: number
  /** Added to the measured distance. */
  distance_m: number
  /** Added to the horizontal distance, and to the height. */
  outward_m: number
  upward_m: number
  /** To the left of the beam. */
  sideways_m: number
}

/** All lasers fire once, one after the other, and are charged again. */
export const sequence_us = 55.296
/** From one laser (or pair) to the next. */
export const firing_us = 2.304

const degree = Math.PI / 180

export const vlp16: VelodyneModel = { name: 'VLP-16', product: 0x22, lasers: 16, firings: 2, together: 1, unit_m: 0.002, range_m: 100 }
export const vlp32c: VelodyneModel = { name: 'VLP-32C', product: 0x28, lasers: 32, firings: 1, together: 2, unit_m: 0.004, range_m: 200 }

/** Table 9-1 of the VLP-16: elevation in degrees, and by how many millimetres the laser sits above the origin. */
const lasersOfVlp16 = [
  [-15, 11.2], [1, -0.7], [-13, 9.7], [3, -2.2], [-11, 8.1], [5, -3.7], [-9, 6.6], [7, -5.1],
  [-7, 5.1], [9, -6.6], [-5, 3.7], [11, -8.1], [-3, 2.2], [13, -9.7], [-1, 0.7], [15, -11.2],
] as const

/** Table 9-2 of the VLP-32C: elevation and azimuth offset in degrees. */
const lasersOfVlp32c = [
  [-25, 1.4], [-1, -4.2], [-1.667, 1.4], [-15.639, -1.4], [-11.31, 1.4], [0, -1.4], [-0.667, 4.2], [-8.843, -1.4],
  [-7.254, 1.4], [0.333, -4.2], [-0.333, 1.4], [-6.148, -1.4], [-5.333, 4.2], [1.333, -1.4], [0.667, 4.2], [-4, -1.4],
  [-4.667, 1.4], [1.667, -4.2], [1, 1.4], [-3.667, -4.2], [-3.333, 4.2], [3.333, -1.4], [2.333, 1.4], [-2.667, -1.4],
  [-3, 1.4], [7, -1.4], [4.667, 1.4], [-2.333, -4.2], [-2, 4.2], [15, -1.4], [10.333, 1.4], [-1.333, -1.4],
] as const

/** The lasers as the maker's manual gives them, by laser id. */
export function lasersOf(model: VelodyneModel): readonly Laser[] {
  const plain = { azimuth: 0, distance_m: 0, outward_m: 0, upward_m: 0, sideways_m: 0 }
  return model === vlp16
    ? lasersOfVlp16.map(([elevation, up_mm]) => ({ ...plain, elevation: elevation * degree, upward_m: up_mm / 1000 }))
    : lasersOfVlp32c.map(([elevation, azimuth]) => ({ ...plain, elevation: elevation * degree, azimuth: azimuth * degree }))
}

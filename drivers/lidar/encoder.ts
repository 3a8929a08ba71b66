/** What turns a scene into a lidar's datagrams: the twin's half of a decoder. */

/** What a beam meets. */
export interface Surroundings {
  /**
   * Metres to what a beam from the sensor's centre meets, or 0.
   * @param azimuth radians, counter-clockwise from the sensor's forward; @param elevation radians, up is positive
   * @param echo 0 the strongest, 1 the second (behind rain, a fence, glass)
   */
  distance(azimuth: number, elevation: number, echo: 0 | 1): number
  /** 0 to 1, of what the last call met. */
  readonly reflectance: number
}

export interface PacketEncoder {
  /** Microseconds from one packet to the next. */
  readonly period_us: number
  /** Packets of one turn. */
  readonly packetsPerTurn: number
  /** The packet whose first measurement is at sensor time `at_us`. The bytes are overwritten by the next call. */
  encode(at_us: number, surroundings: Surroundings): Uint8Array
}

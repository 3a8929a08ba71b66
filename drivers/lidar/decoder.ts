/** What turns a lidar's datagrams into points, one at a time, without allocating anything. */
import type { Identity } from '../../edge/device/contract.ts'
import type { PointBlock } from '../../edge/device/points.ts'

/**
 * What a datagram was:
 * - `points`: the block holds its points;
 * - `other`: of the sensor, but without points (position, IMU, a zone monitor's report);
 * - `foreign`: not of such a sensor (length, magic numbers);
 * - `damaged`: of such a sensor, but its check sum or its own fields contradict it;
 * - `wrong-sensor`: of another sensor than the one that the metadata or calibration describes;
 * - `late`: older than what was decoded before (out of order, or twice).
 */
export type Verdict = 'points' | 'other' | 'foreign' | 'damaged' | 'wrong-sensor' | 'late'

/** A sensor that is too hot measures with less light, so it sees less far, or is about to switch itself off. */
export type Heat = 'limited' | 'ending'

/** Never throws, whatever the bytes. Keeps what it needs of the packets before: turn, sequence, time. */
export interface PacketDecoder {
  readonly columnsMax: number
  readonly rings: number
  /** Elevation of each ring in radians, from the lowest to the highest, as calibrated. */
  readonly elevations: Float32Array
  /** Beams a second when all is well: far more is a storm. */
  readonly beamsPerSecond: number
  /** How the turning angle runs, seen from above. */
  readonly spins: 'clockwise' | 'counter-clockwise'
  /** What the packets say of the sensor; grows as more is seen. */
  readonly identity: Identity
  /** What the newest packet says of the sensor's heat; nothing while all is well, and of sensors that do not tell. */
  readonly heat?: Heat | undefined
  /** Fills everything of the block but `received`. Points are in the block only when it says `points`. */
  decode(packet: Uint8Array, block: PointBlock): Verdict
  /** Forgets the packets before: the stream begins anew. */
  reset(): void
}

/** Where everything stands in a lidar packet of one format (Ouster, Software User Manual, "Lidar Data Packet Format"). */
import type { Metadata } from './metadata.ts'
import { profileNames, profiles } from './profiles.ts'

/** Kinds of packets, as the header of all profiles but LEGACY says. */
export const packetTypes = { lidar: 1, imu: 2, zones: 3 } as const

/** Bytes; those of LEGACY have neither header nor footer, but a word of status after each column. */
export interface Layout {
  header: number
  columnHeader: number
  channel: number
  column: number
  footer: number
  packet: number
}

export function layoutOf(metadata: Pick<Metadata, 'profile' | 'rows' | 'columnsPerPacket'>): Layout {
  const legacy = metadata.profile === 'LEGACY'
  const channel = profiles[metadata.profile].channelBytes
  const columnHeader = legacy ? 16 : 12
  const column = columnHeader + metadata.rows * channel + (legacy ? 4 : 0)
  const around = legacy ? 0 : 32
  return { header: around, columnHeader, channel, column, footer: around, packet: 2 * around + metadata.columnsPerPacket * column }
}

/** Length of IMU packets of the old form, which have no header. */
export const legacyImu_bytes = 48

/** Lengths that lidar packets of any Ouster sensor have: such a packet of another length than expected is of another sensor. */
export const lidarLengths: ReadonlySet<number> = new Set(
  profileNames.flatMap((profile) => [16, 32, 64, 128].flatMap((rows) => [8, 16].map((columnsPerPacket) => layoutOf({ profile, rows, columnsPerPacket }).packet))),
)

/** What the packet header tells of the sensor's state. */
export interface Telemetry {
  alertFlags: number
  /** Seconds until the sensor shuts down or reduces its laser, when that is imminent. */
  shutdownCountdown_s: number
  shotLimitingCountdown_s: number
  /** 1: the sensor is about to shut down because it is too hot. */
  thermalShutdown: number
  /** 1: about to begin; above: the laser is reduced by (n - 2) * 10 % and more because it is too hot. */
  shotLimiting: number
}

/**
 * The points of an Ouster packet, slowly and word for word as the maker's manual computes them, from the
 * fields that diagnostics read: nothing of the decoder's own way to the points is used.
 *
 * Sensor User Manual, "Lidar range to XYZ".
 */
import type { Metadata } from '../../drivers/lidar/ouster/metadata.ts'
import type { RawPackets } from '../../drivers/lidar/ouster/raw.ts'

export interface ReferencePoint {
  /** The echo's columns stand side by side; rings are counted from the lowest beam. */
  column: number
  ring: number
  /** Metres; all 0 where nothing came back. */
  distance: number
  x: number
  y: number
  z: number
}

const radians = Math.PI / 180

/** Of the columns that hold something. */
export function referencePoints(metadata: Metadata, raw: RawPackets, packet: Uint8Array): ReferencePoint[] {
  const ids = raw.column('MEASUREMENT_ID', packet)
  const status = raw.column('STATUS', packet)
  const echoes = ['RANGE', 'RANGE2'].filter((name) => raw.fields.includes(name)).map((name) => raw.channel(name, packet))
  const { rows, columnsPerPacket, altitudes } = metadata
  const ringOf = altitudes.map((altitude, row) => altitudes.filter((other, at) => other < altitude || (other === altitude && at > row)).length)
  const points: ReferencePoint[] = []
  const held = Array.from({ length: columnsPerPacket }, (_, column) => column).filter((column) => (Number(status[column]) & 1) === 1)
  for (const [index, column] of held.entries()) {
    for (const [echo, ranges] of echoes.entries()) {
      for (let row = 0; row < rows; row++) {
        const range_mm = Number(ranges[row * columnsPerPacket + column])
        points.push({ column: index * echoes.length + echo, ring: ringOf[row] ?? 0, ...placeOf(metadata, row, Number(ids[column]), range_mm) })
      }
    }
  }
  return points
}

function placeOf({ columnsPerFrame, azimuths, altitudes, beamToLidar, lidarToSensor }: Metadata, row: number, id: number, range_mm: number): Omit<ReferencePoint, 'column' | 'ring'> {
  if (range_mm === 0) return { distance: 0, x: 0, y: 0, z: 0 }
  const encoder = 2 * Math.PI * (1 - id / columnsPerFrame)
  const azimuth = encoder - (azimuths[row] ?? 0) * radians
  const altitude = (altitudes[row] ?? 0) * radians
  const [beside = 0, above = 0] = [beamToLidar[3], beamToLidar[11]]
  const along = range_mm - (above === 0 ? beside : Math.hypot(beside, above))
  const lidar = [
    along * Math.cos(azimuth) * Math.cos(altitude) + beside * Math.cos(encoder),
    along * Math.sin(azimuth) * Math.cos(altitude) + beside * Math.sin(encoder),
    along * Math.sin(altitude) + above,
    1,
  ]
  const sensor = (axis: number): number => lidar.reduce((sum, value, at) => sum + value * (lidarToSensor[axis * 4 + at] ?? 0), 0) / 1_000
  return { distance: range_mm / 1_000, x: sensor(0), y: sensor(1), z: sensor(2) }
}

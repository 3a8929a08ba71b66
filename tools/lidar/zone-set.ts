/**
 * The zones that a sensor was given: what triggers each, its body (STL) and, where it was kept, how the
 * maker rendered it (ZRB: where each beam enters and leaves it).
 *
 * A folder of these files, or the same as ZIP, as the sensor's metadata holds it in base64.
 */
import { inflateRawSync } from 'node:zlib'
import { InputError } from '../../edge/base/error.ts'
import type { ZoneRule } from '../../edge/perception/obstacles/zone.ts'

/** In steps of the monitor, `column * rows + row`, rows from the top. */
export interface RenderedZone {
  columns: number
  rows: number
  bin_mm: number
  near: Uint16Array
  far: Uint16Array
}

export interface SetZone {
  id: number
  rule: ZoneRule
  /** The frame of its body. */
  frame: 'sensor' | 'body'
  stl: Uint8Array
  rendered: RenderedZone | undefined
}

export interface ZoneSet {
  /** 4 x 4 row by row, metres. */
  sensorToBody: readonly number[]
  zones: SetZone[]
}

interface Description {
  sensor_to_body_transform: number[]
  zones: Record<string, { mode: string; point_count: number; frame_count: number; stl?: { file_name?: string; coordinate_frame?: string }; zrb?: { file_name?: string } }>
}

/** @param read the file of that name, where there is one */
export function readZoneSet(read: (name: string) => Uint8Array | undefined): ZoneSet {
  const file = read('metadata.json')
  if (file === undefined) throw new InputError('PC-LIDAR-ZONES', 'The zone set has no metadata.json.')
  const { sensor_to_body_transform, zones } = JSON.parse(Buffer.from(file).toString('utf8')) as Description
  return {
    sensorToBody: sensor_to_body_transform,
    zones: Object.entries(zones).flatMap(([id, zone]) => {
      const stl = read(zone.stl?.file_name ?? `${id}.stl`)
      const zrb = read(zone.zrb?.file_name ?? `${id}.zrb`)
      if (stl === undefined) return []
      return [{
        id: Number(id), stl, rendered: zrb === undefined ? undefined : readRendered(zrb),
        rule: { mode: zone.mode === 'VACANCY' ? 'vacancy' as const : 'occupancy' as const, points: zone.point_count, turns: zone.frame_count },
        frame: zone.stl?.coordinate_frame === 'SENSOR' ? 'sensor' as const : 'body' as const,
      }]
    }),
  }
}

const zrbHeader_bytes = 579

function readRendered(file: Uint8Array): RenderedZone {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < zrbHeader_bytes || Buffer.from(file.subarray(0, 4)).toString('latin1') !== 'ZONE') throw new InputError('PC-LIDAR-ZONES', 'A rendered zone does not begin as one.')
  const columns = view.getUint32(55, true)
  const rows = view.getUint32(59, true)
  if (file.length !== zrbHeader_bytes + columns * rows * 4) throw new InputError('PC-LIDAR-ZONES', 'A rendered zone is cut off.')
  const near = new Uint16Array(columns * rows)
  const far = new Uint16Array(columns * rows)
  for (let beam = 0; beam < near.length; beam++) {
    near[beam] = view.getUint16(zrbHeader_bytes + beam * 4, true)
    far[beam] = view.getUint16(zrbHeader_bytes + beam * 4 + 2, true)
  }
  return { columns, rows, bin_mm: view.getFloat32(63, true) * 1000, near, far }
}

/** Of one file, and of all: a sensor has 128 zones at most, some of a megabyte each. */
const unpacked_bytesMax = 8_388_608
const allUnpacked_bytesMax = 268_435_456
const zip = { entry: 0x0201_4b50, end: 0x0605_4b50, endLength: 22, entryLength: 46, localLength: 30, stored: 0, deflated: 8 }

/** The files in a ZIP archive (APPNOTE 6.3: stored or deflated, one volume). @throws InputError (PC-LIDAR-ZONES) */
export function unzip(archive: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength)
  const files = new Map<string, Uint8Array>()
  const end = archive.length - zip.endLength
  try {
    if (view.getUint32(end, true) !== zip.end) throw new RangeError('no end')
    let at = view.getUint32(end + 16, true)
    let bytes = 0
    for (let left = view.getUint16(end + 10, true); left > 0 && view.getUint32(at, true) === zip.entry; left--) {
      const [nameLength, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true)) as [number, number, number]
      const local = view.getUint32(at + 42, true)
      const begin = local + zip.localLength + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
      const data = archive.subarray(begin, begin + view.getUint32(at + 20, true))
      const name = Buffer.from(archive.subarray(at + zip.entryLength, at + zip.entryLength + nameLength)).toString('utf8')
      const unpacked = view.getUint16(at + 10, true) === zip.deflated ? inflateRawSync(data, { maxOutputLength: unpacked_bytesMax }) : data
      bytes += unpacked.length
      if (bytes > allUnpacked_bytesMax) throw new RangeError('too much')
      files.set(name, unpacked)
      at += zip.entryLength + nameLength + extra + comment
    }
  } catch (cause) {
    throw new InputError('PC-LIDAR-ZONES', 'The zone set is not a ZIP archive that can be read.', { cause })
  }
  return files
}

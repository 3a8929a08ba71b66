/**
 * Reads point cloud files (PCD 0.7: a header of text lines, then the points as packed binary records).
 * Only what is needed to compare with recorded truth: binary data, one value a field.
 */
import { InputError } from '../../edge/base/error.ts'

export interface PointCloud {
  /** How many points. */
  length: number
  /** The values of each field, point by point. */
  fields: ReadonlyMap<string, Float64Array>
}

const headerBytesMax = 4_096
const pointsMax = 10_000_000

const readers: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  F4: (view, at) => view.getFloat32(at, true),
  F8: (view, at) => view.getFloat64(at, true),
  U1: (view, at) => view.getUint8(at),
  U2: (view, at) => view.getUint16(at, true),
  U4: (view, at) => view.getUint32(at, true),
  I1: (view, at) => view.getInt8(at),
  I2: (view, at) => view.getInt16(at, true),
  I4: (view, at) => view.getInt32(at, true),
}

const refused = (why: string): InputError => new InputError('PC-LIDAR-CLOUD', `The file is no point cloud that can be read: ${why}.`)

/** @throws InputError (PC-LIDAR-CLOUD) when it is no binary PCD file or ends too early. */
export function readPcd(bytes: Uint8Array): PointCloud {
  const text = Buffer.from(bytes.subarray(0, headerBytesMax)).toString('latin1')
  const end = /^DATA binary\r?\n/m.exec(text)
  if (end === null) throw refused('it has no binary data')
  const words = new Map(text.slice(0, end.index).split(/\r?\n/).map((line) => line.split(/\s+/)).map(([key = '', ...values]) => [key, values]))
  const names = words.get('FIELDS') ?? []
  const sizes = (words.get('SIZE') ?? []).map(Number)
  const types = words.get('TYPE') ?? []
  const length = Number(words.get('POINTS')?.[0])
  if (names.length === 0 || sizes.length !== names.length || types.length !== names.length) throw refused('its fields are not described')
  if ((words.get('COUNT') ?? []).some((count) => count !== '1')) throw refused('a field has several values')
  if (!Number.isInteger(length) || length < 0 || length > pointsMax) throw refused('its number of points is none')
  const values = names.map((name, index) => {
    const read = readers[`${types[index]}${sizes[index]}`]
    if (read === undefined) throw refused(`field ${name} has an unknown type`)
    return read
  })
  const record = sizes.reduce((sum, size) => sum + size, 0)
  const start = end.index + end[0].length
  if (bytes.length < start + length * record) throw refused('it ends too early')
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, length * record)
  const fields = new Map<string, Float64Array>()
  let offset = 0
  for (const [index, read] of values.entries()) {
    const at = offset
    fields.set(names[index] ?? '', Float64Array.from({ length }, (_, point) => read(view, point * record + at)))
    offset += sizes[index] ?? 0
  }
  return { length, fields }
}

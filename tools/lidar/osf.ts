/**
 * The scans in an Ouster OSF file, as far as the evaluation of zones needs them: channel and extra
 * fields, and the sensor's metadata.
 *
 * Format: FlatBuffers with a length before each (Ouster, OSF format, "header", "chunk", "metadata",
 * "lidar_scan_stream"), images in ZPNG: bytes as differences to the left, compressed with Zstandard.
 */
import { zstdDecompressSync } from 'node:zlib'
import { ByteBuffer } from 'flatbuffers'
import { InputError } from '../../edge/base/error.ts'

/** A field of a scan: values of `bytes` each, row by row. */
export interface OsfField {
  name: string
  bytes: number
  data: Uint8Array
}

export interface OsfScan {
  frame: number
  fields: ReadonlyMap<string, OsfField>
}

export interface Osf {
  /** The sensor's metadata as JSON. */
  metadata: string
  scans: OsfScan[]
}

const idents = { header: 'OSF$', chunk: 'OSF!', metadata: 'OSF#' }
/** A check sum of 4 bytes follows each part. */
const sum_bytes = 4
const zpngMagic = 0xfbf8
const image_bytesMax = 67_108_864
/** Names of the channel fields by their numbers. */
const channelNames: Readonly<Record<number, string>> = {
  1: 'RANGE', 2: 'RANGE2', 3: 'SIGNAL', 4: 'SIGNAL2', 5: 'REFLECTIVITY', 6: 'REFLECTIVITY2', 7: 'NEAR_IR', 8: 'FLAGS', 9: 'FLAGS2',
}
/** Bytes of a value, by the number of its type: none, then 8 to 64 bits unsigned and signed, then float and double. */
const typeBytes = [0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8]

/** A table of a FlatBuffer, its fields by number. */
class Table {
  readonly #buffer: ByteBuffer
  readonly #at: number

  constructor(buffer: ByteBuffer, at: number) {
    this.#buffer = buffer
    this.#at = at
  }

  static root(bytes: Uint8Array): Table {
    const buffer = new ByteBuffer(bytes)
    return new Table(buffer, buffer.readInt32(0))
  }

  #place(field: number): number {
    const offset = this.#buffer.__offset(this.#at, 4 + field * 2)
    return offset === 0 ? 0 : this.#at + offset
  }

  number(field: number, read: 'readUint8' | 'readInt32' | 'readUint32'): number {
    const place = this.#place(field)
    return place === 0 ? 0 : this.#buffer[read](place)
  }

  /** @param size of an element; all must lie within the buffer */
  #vector(field: number, size: number): { begin: number; length: number } {
    const place = this.#place(field)
    if (place === 0) return { begin: 0, length: 0 }
    const vector = place + this.#buffer.readInt32(place)
    const length = this.#buffer.readInt32(vector)
    if (length < 0 || vector < 0 || vector + 4 + length * size > this.#buffer.capacity()) throw new InputError('PC-LIDAR-OSF', 'A list in the OSF file is longer than the file.')
    return { begin: vector + 4, length }
  }

  /** A vector of bytes or of structures, or a string. */
  bytes(field: number, size = 1): Uint8Array {
    const { begin, length } = this.#vector(field, size)
    return this.#buffer.bytes().subarray(begin, begin + length * size)
  }

  text(field: number): string {
    return Buffer.from(this.bytes(field)).toString('utf8')
  }

  tables(field: number): Table[] {
    const { begin, length } = this.#vector(field, 4)
    return Array.from({ length }, (_, index) => {
      const place = begin + index * 4
      return new Table(this.#buffer, place + this.#buffer.readInt32(place))
    })
  }
}

/** @throws InputError (PC-LIDAR-OSF) */
export function readOsf(file: Uint8Array): Osf {
  try {
    return scansOf(partsOf(file))
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    throw new InputError('PC-LIDAR-OSF', 'The OSF file breaks its format.', { cause })
  }
}

/** The FlatBuffers of the file, by what they are. */
function partsOf(file: Uint8Array): { chunks: Uint8Array[]; metadata: Uint8Array } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const chunks: Uint8Array[] = []
  for (let at = 0; at + 12 <= file.length;) {
    const length = view.getUint32(at, true)
    const part = file.subarray(at + 4, at + 4 + length)
    const ident = Buffer.from(part.subarray(4, 8)).toString('latin1')
    if (part.length !== length || !Object.values(idents).includes(ident)) break
    if (ident === idents.metadata) return { chunks, metadata: part }
    if (ident === idents.chunk) chunks.push(part)
    at += 4 + length + sum_bytes
  }
  throw new InputError('PC-LIDAR-OSF', 'The OSF file is cut off or is none.')
}

function scansOf({ chunks, metadata }: { chunks: Uint8Array[]; metadata: Uint8Array }): Osf {
  const entries = Table.root(metadata).tables(4).map((entry) => ({ id: entry.number(0, 'readUint32'), type: entry.text(1), buffer: entry.bytes(2) }))
  const sensor = entries.find(({ type }) => type.endsWith('/LidarSensor'))
  const streams = new Set(entries.filter(({ type }) => /\/Lidar(Scan|Frame)Stream$/.test(type)).map(({ id }) => id))
  const messages = chunks.flatMap((chunk) => Table.root(chunk).tables(0)).filter((message) => streams.has(message.number(1, 'readUint32')))
  return {
    metadata: sensor === undefined ? '' : Table.root(sensor.buffer.subarray(4)).text(0),
    // Each message has its own length before it, too.
    scans: messages.map((message) => scanOf(Table.root(message.bytes(2).subarray(4)))),
  }
}

function scanOf(message: Table): OsfScan {
  const fields = new Map<string, OsfField>()
  const kinds = message.bytes(1, 2)
  message.tables(0).forEach((channel, index) => {
    const name = channelNames[kinds[index * 2]!]
    if (name !== undefined) fields.set(name, { name, bytes: typeBytes[kinds[index * 2 + 1]!] ?? 0, data: unpacked(channel.bytes(0)) })
  })
  for (const extra of message.tables(8)) {
    const name = extra.text(0)
    fields.set(name, { name, bytes: typeBytes[extra.number(1, 'readUint8')] ?? 0, data: unpacked(extra.bytes(4)) })
  }
  return { frame: message.number(5, 'readInt32'), fields }
}

/** What a ZPNG image holds; fields of one dimension are not packed. */
function unpacked(data: Uint8Array): Uint8Array {
  if (data.length < 8 || data[0]! + data[1]! * 256 !== zpngMagic) return data
  const width = data[2]! + data[3]! * 256
  const height = data[4]! + data[5]! * 256
  const bytes = data[6]! * data[7]!
  const differences = zstdDecompressSync(data.subarray(8), { maxOutputLength: image_bytesMax })
  if (differences.length !== width * height * bytes) throw new InputError('PC-LIDAR-OSF', 'An image in the OSF file has another size than it says.')
  return bytes === 3 || bytes === 4 ? summedPlanes(differences, width, height, bytes) : summed(differences, width, height, bytes)
}

function summed(differences: Uint8Array, width: number, height: number, bytes: number): Uint8Array {
  const values = new Uint8Array(differences.length)
  const row_bytes = width * bytes
  for (let at = 0; at < height * row_bytes; at++) values[at] = differences[at]! + (at % row_bytes < bytes ? 0 : values[at - bytes]!)
  return values
}

/** Of three and four bytes each has a plane of its own, and the first three are differences to each other as colours are. */
function summedPlanes(differences: Uint8Array, width: number, height: number, bytes: number): Uint8Array {
  const pixels = width * height
  const values = new Uint8Array(differences.length)
  for (let pixel = 0; pixel < pixels; pixel++) {
    const blue = differences[pixel]!
    const green = differences[pixels + pixel]! + blue
    const red = green - differences[2 * pixels + pixel]!
    const steps = [red, green, blue, ...(bytes === 4 ? [differences[3 * pixels + pixel]!] : [])]
    for (let byte = 0; byte < bytes; byte++) {
      const at = pixel * bytes + byte
      values[at] = steps[byte]! + (pixel % width === 0 ? 0 : values[at - bytes]!)
    }
  }
  return values
}

/**
 * Every field of a packet as the sensor sent it, by its name in the maker's documents.
 *
 * For diagnostics and for comparing with the maker's own decoder; the way to the points is the decoder's.
 */
import { layoutOf, type Layout } from './layout.ts'
import type { Metadata } from './metadata.ts'
import { type Field, profiles } from './profiles.ts'

export type RawValues = Uint8Array | Uint16Array | Uint32Array | BigUint64Array

/** Of each column. */
export const columnFields = ['TIMESTAMP', 'ENCODER_COUNT', 'MEASUREMENT_ID', 'STATUS', 'FRAME_ID'] as const
export type ColumnField = (typeof columnFields)[number]

export class RawPackets {
  readonly #metadata: Metadata
  readonly #layout: Layout

  constructor(metadata: Metadata) {
    this.#metadata = metadata
    this.#layout = layoutOf(metadata)
  }

  get length(): number {
    return this.#layout.packet
  }

  /** The channel fields that the profile has. */
  get fields(): readonly string[] {
    return Object.keys(profiles[this.#metadata.profile].fields)
  }

  /** Whether `packet` is a lidar packet by length and header. */
  isLidar(packet: Uint8Array): boolean {
    if (packet.length !== this.#layout.packet) return false
    return this.#legacy || (this.#metadata.fusaHeader ? packet[0] === 1 : packet[0] === 1 && packet[1] === 0)
  }

  frameId(packet: Uint8Array): number {
    const view = viewOf(packet)
    if (this.#legacy) return view.getUint16(10, true)
    return this.#metadata.fusaHeader ? view.getUint32(4, true) : view.getUint16(2, true)
  }

  /** One value of each column; encoder count and frame of a column are in LEGACY packets only, else 0. */
  column(name: ColumnField, packet: Uint8Array): RawValues {
    const { columnsPerPacket } = this.#metadata
    const view = viewOf(packet)
    const values = name === 'TIMESTAMP' ? new BigUint64Array(columnsPerPacket)
      : name === 'MEASUREMENT_ID' || name === 'FRAME_ID' ? new Uint16Array(columnsPerPacket) : new Uint32Array(columnsPerPacket)
    for (let column = 0; column < columnsPerPacket; column++) {
      const at = this.#columnAt(column)
      values[column] = name === 'TIMESTAMP' ? view.getBigUint64(at, true) : this.#columnValue(name, view, at)
    }
    return values
  }

  /** One value of each channel of each column, row by row from the highest beam, in the narrowest type that holds it. */
  channel(name: string, packet: Uint8Array): RawValues {
    const field = profiles[this.#metadata.profile].fields[name]
    const { rows, columnsPerPacket } = this.#metadata
    if (field === undefined) return new Uint8Array(0)
    const values = newValues(field, rows * columnsPerPacket)
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columnsPerPacket; column++) {
        values[row * columnsPerPacket + column] = bitsAt(packet, this.#columnAt(column) + this.#layout.columnHeader + row * this.#layout.channel, field)
      }
    }
    return values
  }

  /** As `channel`, but empty and for a whole turn: columns are put in where they were measured. */
  newImage(name: string): Uint8Array | Uint16Array | Uint32Array {
    const field = profiles[this.#metadata.profile].fields[name]
    return field === undefined ? new Uint8Array(0) : newValues(field, this.#metadata.rows * this.#metadata.columnsPerFrame)
  }

  get #legacy(): boolean {
    return this.#metadata.profile === 'LEGACY'
  }

  #columnAt(column: number): number {
    return this.#layout.header + column * this.#layout.column
  }

  #columnValue(name: Exclude<ColumnField, 'TIMESTAMP'>, view: DataView, at: number): number {
    if (name === 'MEASUREMENT_ID') return view.getUint16(at + 8, true)
    if (name === 'STATUS') return this.#legacy ? view.getUint32(at + this.#layout.column - 4, true) : view.getUint16(at + 10, true)
    if (!this.#legacy) return 0
    return name === 'FRAME_ID' ? view.getUint16(at + 10, true) : view.getUint32(at + 12, true)
  }
}

const viewOf = (packet: Uint8Array): DataView => new DataView(packet.buffer, packet.byteOffset, packet.byteLength)

function newValues(field: Field, length: number): Uint8Array | Uint16Array | Uint32Array {
  const bits = field.bits + field.upshift
  return bits <= 8 ? new Uint8Array(length) : bits <= 16 ? new Uint16Array(length) : new Uint32Array(length)
}

function bitsAt(packet: Uint8Array, at: number, { bit, bits, upshift }: Field): number {
  let value = 0
  const first = bit >> 3
  const last = (bit + bits - 1) >> 3
  for (let byte = last; byte >= first; byte--) value = value * 256 + packet[at + byte]!
  return (Math.floor(value / 2 ** (bit & 7)) % 2 ** bits) * 2 ** upshift
}

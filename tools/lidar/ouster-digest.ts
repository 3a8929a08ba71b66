/**
 * MD5 sums of every field of a recorded stream, made as the maker's SDK makes them for its own tests:
 * over the packets as they come, and over each turn put together to images.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Metadata } from '../../drivers/lidar/ouster/metadata.ts'
import { columnFields, RawPackets, type RawValues } from '../../drivers/lidar/ouster/raw.ts'

type Sums = Record<string, string>

export interface StreamDigest {
  packets: Sums
  turns: Sums[]
}

const bytesOf = (values: RawValues): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
const md5 = (values: RawValues): string => createHash('md5').update(bytesOf(values)).digest('hex')

/** A turn: what is known of each column, and an image of each channel field. Columns that hold nothing stay 0. */
class Turn {
  readonly frame: number
  readonly #raw: RawPackets
  readonly #metadata: Metadata
  readonly #columns: Record<string, BigUint64Array | Uint16Array>
  readonly #images: Map<string, ReturnType<RawPackets['newImage']>>

  constructor(frame: number, raw: RawPackets, metadata: Metadata) {
    const { columnsPerFrame } = metadata
    this.frame = frame
    this.#raw = raw
    this.#metadata = metadata
    this.#columns = {
      TIMESTAMP: new BigUint64Array(columnsPerFrame), ENCODER_COUNT: new BigUint64Array(columnsPerFrame),
      MEASUREMENT_ID: new Uint16Array(columnsPerFrame), STATUS: new BigUint64Array(columnsPerFrame),
    }
    this.#images = new Map(raw.fields.map((name) => [name, raw.newImage(name)]))
  }

  take(packet: Uint8Array): void {
    const { columnsPerFrame, columnsPerPacket, rows } = this.#metadata
    const ids = this.#raw.column('MEASUREMENT_ID', packet)
    const status = this.#raw.column('STATUS', packet)
    const valid = Array.from({ length: columnsPerPacket }, (_, column) => (Number(status[column]) & 1) === 1 && Number(ids[column]) < columnsPerFrame)
    for (const [name, values] of Object.entries(this.#columns)) {
      const found = this.#raw.column(name as 'TIMESTAMP', packet)
      for (let column = 0; column < columnsPerPacket; column++) {
        if (valid[column] === true) values[Number(ids[column])] = values instanceof Uint16Array ? Number(found[column]) : BigInt(found[column]!)
      }
    }
    for (const [name, image] of this.#images) {
      const found = this.#raw.channel(name, packet)
      for (let index = 0; index < rows * columnsPerPacket; index++) {
        const column = index % columnsPerPacket
        if (valid[column] === true) image[Math.floor(index / columnsPerPacket) * columnsPerFrame + Number(ids[column])] = Number(found[index])
      }
    }
  }

  sums(): Sums {
    const fields = [...Object.entries(this.#columns), ...this.#images]
    return { FRAME_ID: String(this.frame), ...Object.fromEntries(fields.map(([name, values]) => [name, md5(values)])) }
  }
}

export class Digester {
  readonly #metadata: Metadata
  readonly #raw: RawPackets
  readonly #packets: Map<string, Hash>
  readonly #turns: Sums[] = []
  #turn: Turn | undefined

  constructor(metadata: Metadata) {
    this.#metadata = metadata
    this.#raw = new RawPackets(metadata)
    this.#packets = new Map([...columnFields, ...this.#raw.fields].map((name) => [name, createHash('md5')]))
  }

  /** Anything but lidar packets is left out. */
  take(packet: Uint8Array): void {
    const raw = this.#raw
    if (!raw.isLidar(packet)) return
    for (const name of columnFields) this.#packets.get(name)?.update(bytesOf(raw.column(name, packet)))
    for (const name of raw.fields) this.#packets.get(name)?.update(bytesOf(raw.channel(name, packet)))
    const frame = raw.frameId(packet)
    if (this.#turn?.frame !== frame) this.#endTurn()
    this.#turn ??= new Turn(frame, raw, this.#metadata)
    this.#turn.take(packet)
  }

  end(): StreamDigest {
    this.#endTurn()
    return { packets: Object.fromEntries([...this.#packets].map(([name, hash]) => [name, hash.digest('hex')])), turns: this.#turns }
  }

  #endTurn(): void {
    if (this.#turn !== undefined) this.#turns.push(this.#turn.sums())
    this.#turn = undefined
  }
}

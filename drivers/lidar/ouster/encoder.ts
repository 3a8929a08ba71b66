/** From a scene to Ouster lidar packets: the twin's half of the decoder, for every profile. */
import type { PacketEncoder, Surroundings } from '../encoder.ts'
import { Beams } from './beams.ts'
import { crc64 } from './crc64.ts'
import { layoutOf, type Layout, packetTypes } from './layout.ts'
import type { Metadata } from './metadata.ts'
import { type Field, profiles } from './profiles.ts'

/** Positions of the encoder in a turn, in LEGACY packets. */
const encoderCounts = 90_112
const radians = Math.PI / 180

export class OusterEncoder implements PacketEncoder {
  readonly period_us: number
  readonly packetsPerTurn: number
  /** What the sensor says of its heat, as `Telemetry` has it; LEGACY packets do not tell. */
  heat = { thermalShutdown: 0, shotLimiting: 0 }

  readonly #metadata: Metadata
  readonly #layout: Layout
  readonly #beams: Beams
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #column_us: number
  /** Counts packets; the first is the one of its time. */
  #packet: number | undefined
  readonly #legacy: boolean
  readonly #echoes: readonly { range: Field; strength: Field; signal: Field | undefined }[]

  constructor(metadata: Metadata) {
    const { fields, returns } = profiles[metadata.profile]
    this.#metadata = metadata
    this.#layout = layoutOf(metadata)
    this.#beams = new Beams(metadata)
    this.#bytes = new Uint8Array(this.#layout.packet)
    this.#words = new Uint32Array(this.#bytes.buffer)
    this.#legacy = metadata.profile === 'LEGACY'
    this.#echoes = ['', '2'].slice(0, returns).map((suffix) => ({ range: fields[`RANGE${suffix}`]!, strength: fields[`REFLECTIVITY${suffix}`]!, signal: fields[`SIGNAL${suffix}`] }))
    this.#column_us = 1e6 / (metadata.framesPerSecond * metadata.columnsPerFrame)
    this.period_us = this.#column_us * metadata.columnsPerPacket
    this.packetsPerTurn = metadata.columnsPerFrame / metadata.columnsPerPacket
  }

  /** Columns outside of the window are marked as holding nothing. Packets follow each other whatever the sensor's clock does. */
  encode(at_us: number, surroundings: Surroundings): Uint8Array {
    this.#packet ??= Math.round(at_us / this.period_us)
    const packet = this.#packet++
    const frame = Math.floor(packet / this.packetsPerTurn)
    const first = (packet - frame * this.packetsPerTurn) * this.#metadata.columnsPerPacket
    this.#words.fill(0)
    if (!this.#legacy) this.#header(frame)
    for (let column = 0; column < this.#metadata.columnsPerPacket; column++) {
      this.#column(column, first + column, frame, at_us + column * this.#column_us, surroundings)
    }
    if (!this.#legacy && !this.#metadata.fusaHeader) crc64(this.#words, this.#words.length - 2, true)
    return this.#bytes
  }

  #header(frame: number): void {
    const words = this.#words
    const { initId, fusaHeader } = this.#metadata
    const serial = Number(this.#metadata.serial)
    const before = fusaHeader ? 2 : 1
    if (fusaHeader) {
      words[0] = packetTypes.lidar | (initId << 8)
      words[1] = frame
    } else {
      words[0] = packetTypes.lidar | (frame << 16)
      words[1] = initId & 0xff_ffff
    }
    words[before] = words[before]! | ((serial & 0xff) << 24)
    words[before + 1] = Math.floor(serial / 256)
    words[4] = (this.heat.thermalShutdown << 16) | (this.heat.shotLimiting << 24)
  }

  #column(index: number, number: number, frame: number, at_us: number, surroundings: Surroundings): void {
    const words = this.#words
    const at = (this.#layout.header + index * this.#layout.column) / 4
    const valid = this.#inWindow(number) ? 1 : 0
    words[at] = Math.round(at_us * 1000) % 2 ** 32
    words[at + 1] = Math.floor(at_us * 1000 / 2 ** 32)
    words[at + 2] = number | ((this.#legacy ? frame & 0xffff : valid) << 16)
    if (this.#legacy) {
      words[at + 3] = Math.floor(number * encoderCounts / this.#metadata.columnsPerFrame)
      words[at + this.#layout.column / 4 - 1] = valid === 1 ? 0xffff_ffff : 0
    }
    if (valid === 0) return
    for (let row = 0; row < this.#metadata.rows; row++) {
      const azimuth = this.#beams.angles[number]! - this.#metadata.azimuths[row]! * radians
      const channel = at * 32 + (this.#layout.columnHeader + row * this.#layout.channel) * 8
      this.#beam(channel, azimuth, this.#metadata.altitudes[row]! * radians, surroundings)
    }
  }

  #beam(channel: number, azimuth: number, elevation: number, surroundings: Surroundings): void {
    for (let echo = 0; echo < this.#echoes.length; echo++) {
      const metres = surroundings.distance(azimuth, elevation, echo === 0 ? 0 : 1)
      if (metres <= 0) continue
      const { range, strength, signal } = this.#echoes[echo]!
      const reflectivity = Math.round(surroundings.reflectance * 255)
      this.#put(channel, range, Math.min(2 ** range.bits - 1, Math.round(metres * 1000 / 2 ** range.upshift)))
      this.#put(channel, strength, reflectivity)
      if (signal !== undefined) this.#put(channel, signal, Math.min(0xffff, Math.round(reflectivity * 100 / metres)))
    }
  }

  /** @param channel its first bit; no field of these runs over the end of a word */
  #put(channel: number, field: Field, value: number): void {
    const bit = channel + field.bit
    this.#words[bit >> 5]! |= value << (bit & 31)
  }

  #inWindow(column: number): boolean {
    const [first, last] = this.#metadata.columnWindow
    return first <= last ? column >= first && column <= last : column >= first || column <= last
  }
}

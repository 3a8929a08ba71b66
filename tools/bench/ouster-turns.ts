/** Turns of an Ouster, cast and encoded once, to be sent again and again with other times and turn numbers. */
import { crc64 } from '../../drivers/lidar/ouster/crc64.ts'
import type { PacketEncoder, Surroundings } from '../../drivers/lidar/encoder.ts'
import { OusterEncoder } from '../../drivers/lidar/ouster/encoder.ts'
import { layoutOf } from '../../drivers/lidar/ouster/layout.ts'
import type { Metadata } from '../../drivers/lidar/ouster/metadata.ts'
import type { Scene } from '../../drivers/lidar/yard/scene.ts'

export interface EncodedPacket {
  bytes: Uint8Array
  words: Uint32Array
  /** Whether it holds a return of what was looked for. */
  shows: boolean
}

/** Packets of whole turns, one after the other; what moves in the scene moves meanwhile. */
export function* packetsOf(encoder: PacketEncoder, scene: Scene, turns: number, soughtReflectance?: number): Generator<EncodedPacket> {
  let shows = false
  const view: Surroundings = {
    distance(azimuth, elevation, echo) {
      const away = scene.distance(azimuth, elevation, echo)
      shows ||= away > 0 && scene.reflectance === soughtReflectance
      return away
    },
    get reflectance() {
      return scene.reflectance
    },
  }
  for (let packet = 0; packet < turns * encoder.packetsPerTurn; packet++) {
    shows = false
    const bytes = Uint8Array.from(encoder.encode(Math.round(packet * encoder.period_us), view))
    scene.advance(encoder.period_us / 1_000)
    yield { bytes, words: bytes.length % 4 === 0 ? new Uint32Array(bytes.buffer) : new Uint32Array(0), shows }
  }
}

export class OusterTurns {
  readonly packets: readonly EncodedPacket[]
  readonly packetsPerTurn: number
  readonly period_us: number
  readonly #columnsPerPacket: number
  /** In words. */
  readonly #first: number
  readonly #stride: number
  readonly #column_us: number

  /** @param metadata of any profile with check sums. */
  constructor(metadata: Metadata, scene: Scene, turns: number, soughtReflectance?: number) {
    const encoder = new OusterEncoder(metadata)
    const { header, column } = layoutOf(metadata)
    this.packetsPerTurn = encoder.packetsPerTurn
    this.period_us = encoder.period_us
    this.#columnsPerPacket = metadata.columnsPerPacket
    this.#first = header / 4
    this.#stride = column / 4
    this.#column_us = encoder.period_us / metadata.columnsPerPacket
    this.packets = [...packetsOf(encoder, scene, turns, soughtReflectance)]
  }

  /** Makes a packet the sensor's packet number `number` since it began: its turn, its times, its check sum. */
  stamp({ words }: EncodedPacket, number: number): void {
    words[0] = (words[0]! & 0xffff) | (Math.floor(number / this.packetsPerTurn) << 16)
    for (let column = 0, at = this.#first; column < this.#columnsPerPacket; column++, at += this.#stride) {
      const at_ns = Math.round((number * this.period_us + column * this.#column_us) * 1_000)
      words[at] = at_ns % 2 ** 32
      words[at + 1] = Math.floor(at_ns / 2 ** 32)
    }
    crc64(words, words.length - 2, true)
  }
}

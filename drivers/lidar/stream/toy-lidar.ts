/** A made-up lidar for the tests of what all UDP lidars share: small, with a check sum and a serial number. */
import { Lidar } from '../../../edge/device/capabilities.ts'
import type { Identity } from '../../../edge/device/contract.ts'
import type { PointBlock } from '../../../edge/device/points.ts'
import type { PacketDecoder, Verdict } from '../decoder.ts'
import { defineDriver, optionsOf } from '../../kit/driver.ts'
import type { PacketEncoder, Surroundings } from '../encoder.ts'
import { udpLidar, udpLidarOptions } from './udp-device.ts'

const magic = 0x544f594c
const columns = 20
const rings = 8
const columnsPerTurn = 500
const turn_us = 100_000
const packetsPerTurn = columnsPerTurn / columns
const header = 20
const elevations = Float32Array.from({ length: rings }, (_, ring) => ((ring * 4 - 20) * Math.PI) / 180)
export const toyBeamsPerSecond = (columnsPerTurn * rings * 1_000_000) / turn_us

/** Header: magic, check sum, serial, sequence (4 bytes each), turn (2), first column (2); time (8); then distances of 2 mm. */
const size = header + 8 + columns * rings * 2

function sumOf(bytes: Buffer): number {
  let sum = 0
  for (let at = 8; at < bytes.length; at++) sum = (Math.imul(sum, 31) + (bytes[at] as number)) >>> 0
  return sum
}

export class ToyEncoder implements PacketEncoder {
  readonly period_us = turn_us / packetsPerTurn
  readonly packetsPerTurn = packetsPerTurn
  serial = 7
  readonly #bytes = Buffer.alloc(size)
  #sequence = 0

  encode(at_us: number, surroundings: Surroundings): Uint8Array {
    const bytes = this.#bytes
    const packet = Math.round(at_us / this.period_us)
    const first = (((packet % packetsPerTurn) + packetsPerTurn) % packetsPerTurn) * columns
    bytes.writeUInt32BE(magic, 0)
    bytes.writeUInt32BE(this.serial, 8)
    bytes.writeUInt32BE(this.#sequence++ >>> 0, 12)
    bytes.writeUInt16BE(Math.floor(packet / packetsPerTurn) & 0xffff, 16)
    bytes.writeUInt16BE(first, 18)
    bytes.writeDoubleBE(at_us, header)
    for (let column = 0; column < columns; column++) {
      for (let ring = 0; ring < rings; ring++) {
        const distance = surroundings.distance(((first + column) / columnsPerTurn) * 2 * Math.PI, elevations[ring] as number, 0)
        bytes.writeUInt16BE(Math.min(65_535, Math.round(distance * 500)), header + 8 + (column * rings + ring) * 2)
      }
    }
    bytes.writeUInt32BE(sumOf(bytes), 4)
    return bytes
  }
}

export class ToyDecoder implements PacketDecoder {
  readonly columnsMax = columns
  readonly rings = rings
  readonly elevations = elevations
  readonly beamsPerSecond = toyBeamsPerSecond
  readonly spins = 'counter-clockwise'
  readonly identity: Identity = { manufacturer: 'Toy', model: 'Toy-8' }
  readonly #expected: number
  #next = -1

  constructor(serial = 7) {
    this.#expected = serial
  }

  decode(packet: Uint8Array, block: PointBlock): Verdict {
    const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
    if (bytes.length !== size || bytes.readUInt32BE(0) !== magic) return 'foreign'
    if (bytes.readUInt32BE(4) !== sumOf(bytes)) return 'damaged'
    if (bytes.readUInt32BE(8) !== this.#expected) return 'wrong-sensor'
    const sequence = bytes.readUInt32BE(12)
    if (sequence < this.#next) return 'late'
    this.identity.serial = `${this.#expected}`
    block.lost = this.#next < 0 ? 0 : sequence - this.#next
    this.#next = sequence + 1
    block.columns = columns
    block.rings = rings
    block.turn = bytes.readUInt16BE(16)
    block.turnAt = -1
    block.start_us = bytes.readDoubleBE(header)
    const first = bytes.readUInt16BE(18)
    for (let column = 0; column < columns; column++) block.angle[column] = ((first + column) / columnsPerTurn) * 2 * Math.PI
    for (let point = 0; point < columns * rings; point++) this.#place(block, point, bytes.readUInt16BE(header + 8 + point * 2) / 500)
    return 'points'
  }

  #place(block: PointBlock, point: number, distance: number): void {
    const angle = block.angle[Math.floor(point / rings)] as number
    const elevation = elevations[point % rings] as number
    block.distance[point] = distance
    block.x[point] = distance * Math.cos(elevation) * Math.cos(angle)
    block.y[point] = distance * Math.cos(elevation) * Math.sin(angle)
    block.z[point] = distance * Math.sin(elevation)
  }

  reset(): void {
    this.#next = -1
  }
}

export const toyDriver = defineDriver({
  name: 'lidar/toy',
  says: 'A made-up lidar.',
  contract: Lidar,
  options: optionsOf(udpLidarOptions(2_468)),
  create: (options, context) => udpLidar(context, options, new ToyDecoder()),
})
export type ToySensor = ReturnType<typeof toyDriver.create>['component']

/** What a busy test machine could reach by itself is far away. */
export const toyLimits = {
  reconnect_ms: 20, first_ms: 400, silent_ms: 400, well_ms: 100, turn_ms: 5_000,
  late_ms: 5_000, clock_jump_ms: 5_000, lost_share_max: 0.9,
}

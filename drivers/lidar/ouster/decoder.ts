/**
 * From Ouster lidar packets to points.
 *
 * The metadata decides what a packet must look like; whatever contradicts it is of another sensor, or
 * of this one set up otherwise. The sensor draws a new initialisation number each time it starts, so a
 * file of metadata outlives it: where serial numbers can be compared, it need not be equal, and what
 * else could have changed (columns and turns) is checked against the packets' own clock.
 */
import type { Identity } from '../../../edge/device/contract.ts'
import { type PointBlock, returnKinds } from '../../../edge/device/points.ts'
import type { Heat, PacketDecoder, Verdict } from '../decoder.ts'
import { Beams } from './beams.ts'
import { crc64 } from './crc64.ts'
import { legacyImu_bytes, type Layout, layoutOf, lidarLengths, packetTypes, type Telemetry } from './layout.ts'
import type { Metadata } from './metadata.ts'
import { profiles } from './profiles.ts'
import { placesOf, Sequence } from './sequence.ts'

/** From this firmware on, every packet has a check sum; before, some have and some have not. */
const summedSince = { major: 3, minor: 2 }
/** Firmware 2 has this in place of the check sum. */
const unsummed = [0x0000_c0de, 0xdead_beef] as const

/** Turns in a row whose pace contradicts the metadata until the metadata is not believed; one is enough in the beginning. */
const wrongTurnsMax = 3
/** How far the pace may be off: modes differ by a factor of two. */
const paceTolerance = 0.3

/** What the packet's own header says of who sent it. */
type Origin = 'right' | 'wrong' | 'restarted'

/** Where one echo stands in a channel's words. */
interface Echo {
  word: number
  mask: number
  upshift: number
  strengthWord: number
  strengthShift: number
  kind: number
}

export class OusterDecoder implements PacketDecoder {
  readonly columnsMax: number
  readonly rings: number
  readonly elevations: Float32Array
  readonly beamsPerSecond: number
  readonly spins = 'clockwise'
  readonly identity: Identity
  /** Of the newest lidar packet; LEGACY packets do not tell. */
  readonly telemetry: Telemetry = { alertFlags: 0, shutdownCountdown_s: 0, shotLimitingCountdown_s: 0, thermalShutdown: 0, shotLimiting: 0 }

  readonly #metadata: Metadata
  readonly #layout: Layout
  readonly #beams: Beams
  readonly #sequence: Sequence
  readonly #places: Int16Array
  readonly #echoes: readonly Echo[]
  /** Of each ring: where its channel begins in a column, in words. */
  readonly #channelAt: Int32Array
  /** The packet, aligned. */
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #legacy: boolean
  readonly #serial: readonly [low: number, high: number]
  readonly #column_ns: number
  /** The nanoseconds, low and high word, at which the turn before was first seen, and that column. */
  readonly #turnBegan = new Uint32Array(3)
  /** Of the packet's columns that hold something: their number and where they begin, in words. */
  readonly #columns: Int32Array
  #columnCount = 0
  /** Whether the sensor is known to send check sums. */
  #summed: boolean
  #initId: number
  #wrongTurns = wrongTurnsMax - 1

  constructor(metadata: Metadata) {
    const profile = profiles[metadata.profile]
    this.#metadata = metadata
    this.#layout = layoutOf(metadata)
    this.#beams = new Beams(metadata)
    this.#legacy = metadata.profile === 'LEGACY'
    this.#places = placesOf(metadata.columnsPerFrame, metadata.columnsPerPacket, metadata.columnWindow)
    this.#sequence = new Sequence(metadata.fusaHeader ? 32 : 16, this.#places)
    this.#echoes = echoesOf(metadata)
    const wordsPerChannel = profile.channelBytes / 4
    this.#channelAt = Int32Array.from(this.#beams.rowOf, (row) => this.#layout.columnHeader / 4 + row * wordsPerChannel)
    this.#bytes = new Uint8Array(this.#layout.packet)
    this.#words = new Uint32Array(this.#bytes.buffer)
    const serial = Number(metadata.serial)
    this.#serial = Number.isSafeInteger(serial) && serial > 0 ? [serial >>> 0, Math.floor(serial / 2 ** 32)] : [0, 0]
    this.#initId = metadata.initId & 0xff_ffff
    this.#summed = sumsAlways(metadata.firmware)
    this.#columns = new Int32Array(metadata.columnsPerPacket)
    this.#column_ns = 1e9 / (metadata.framesPerSecond * metadata.columnsPerFrame)
    this.columnsMax = metadata.columnsPerPacket * profile.returns
    this.rings = metadata.rows
    this.elevations = this.#beams.elevations
    this.beamsPerSecond = windowColumns(metadata) * metadata.framesPerSecond * metadata.rows * profile.returns
    this.identity = { manufacturer: 'Ouster', model: metadata.model, ...(metadata.serial === '' ? {} : { serial: metadata.serial }), ...(metadata.firmware === '' ? {} : { firmware: metadata.firmware }) }
  }

  get heat(): Heat | undefined {
    const { thermalShutdown, shotLimiting } = this.telemetry
    return thermalShutdown !== 0 ? 'ending' : shotLimiting !== 0 ? 'limited' : undefined
  }

  reset(): void {
    this.#sequence.reset()
    this.#wrongTurns = wrongTurnsMax - 1
  }

  decode(packet: Uint8Array, block: PointBlock): Verdict {
    if (packet.length !== this.#layout.packet) return this.#ofOtherLength(packet)
    this.#bytes.set(packet)
    if (!this.#legacy) {
      const type = this.#metadata.fusaHeader ? this.#words[0]! & 0xff : this.#words[0]! & 0xffff
      if (type !== packetTypes.lidar) return type === packetTypes.imu || type === packetTypes.zones ? 'other' : 'foreign'
      if (this.#damaged()) return 'damaged'
      const origin = this.#originOf()
      if (origin === 'wrong') return 'wrong-sensor'
      if (origin === 'restarted') this.reset()
    }
    const column = this.#checkColumns()
    if (typeof column === 'string') return column
    if (!this.#sequence.accept(this.#frameId(), column / this.#metadata.columnsPerPacket)) return 'late'
    if (!this.#paceIsRight(column)) return 'wrong-sensor'
    if (!this.#legacy) this.#readTelemetry()
    this.#fill(block)
    return 'points'
  }

  #ofOtherLength(packet: Uint8Array): Verdict {
    if (this.#legacy) return packet.length === legacyImu_bytes ? 'other' : lidarLengths.has(packet.length) ? 'wrong-sensor' : 'foreign'
    if (this.#metadata.imuLegacy && packet.length === legacyImu_bytes) return 'other'
    if (lidarLengths.has(packet.length)) return 'wrong-sensor'
    if (packet.length < 96 || packet.length > this.#bytes.length) return 'foreign'
    this.#bytes.set(packet)
    const type = this.#metadata.fusaHeader ? packet[0]! : packet[0]! + packet[1]! * 256
    if (type !== packetTypes.imu && type !== packetTypes.zones) return 'foreign'
    return this.#originOf() === 'wrong' ? 'wrong-sensor' : 'other'
  }

  /** A sensor that has sent one right check sum must go on sending right ones; one that never did has none. */
  #damaged(): boolean {
    if (this.#metadata.fusaHeader) return false
    const at = this.#words.length - 2
    if (!this.#summed && this.#words[at] === unsummed[0] && this.#words[at + 1] === unsummed[1]) return false
    const right = crc64(this.#words, at)
    this.#summed ||= right
    return this.#summed && !right
  }

  #originOf(): Origin {
    const words = this.#words
    const fusa = this.#metadata.fusaHeader
    const initId = fusa ? words[0]! >>> 8 : words[1]! & 0xff_ffff
    const before = fusa ? words[2]! : words[1]!
    const after = fusa ? words[3]! : words[2]!
    const serialLow = ((before >>> 24) | (after << 8)) >>> 0
    const serialHigh = after >>> 24
    const known = (this.#serial[0] !== 0 || this.#serial[1] !== 0) && (serialLow !== 0 || serialHigh !== 0)
    if (known && (serialLow !== this.#serial[0] || serialHigh !== this.#serial[1])) return 'wrong'
    if (initId === this.#initId || initId === 0) return 'right'
    const had = this.#initId
    if (!known && had !== 0) return 'wrong'
    this.#initId = initId
    return had === 0 ? 'right' : 'restarted'
  }

  /** The packet's first column number, when all its columns make sense together. */
  #checkColumns(): number | Verdict {
    const { columnsPerPacket, columnsPerFrame } = this.#metadata
    const stride = this.#layout.column / 4
    const statusAt = this.#legacy ? stride - 1 : 2
    const statusShift = this.#legacy ? 0 : 16
    let at = this.#layout.header / 4
    let first = -1
    let frame = 0
    this.#columnCount = 0
    for (let column = 0; column < columnsPerPacket; column++, at += stride) {
      if (((this.#words[at + statusAt]! >>> statusShift) & 1) === 0) continue
      const begins = (this.#words[at + 2]! & 0xffff) - column
      const ofFrame = this.#legacy ? this.#words[at + 2]! >>> 16 : 0
      if (this.#columnCount === 0) {
        first = begins
        frame = ofFrame
      }
      if (begins !== first || ofFrame !== frame) return 'damaged'
      this.#columns[this.#columnCount++] = at
    }
    if (this.#columnCount === 0) return 'other'
    if (first < 0 || first % columnsPerPacket !== 0) return 'damaged'
    return first >= columnsPerFrame || this.#places[first / columnsPerPacket]! < 0 ? 'wrong-sensor' : first
  }

  #frameId(): number {
    if (this.#legacy) return this.#words[this.#columns[0]! + 2]! >>> 16
    return this.#metadata.fusaHeader ? this.#words[1]! : this.#words[0]! >>> 16
  }

  /**
   * Whether turns and columns follow each other as the metadata says: with another mode than that, the
   * angles would be wrong by up to a whole turn. Judged once a turn, where no packet is missing between.
   */
  #paceIsRight(column: number): boolean {
    const { turned, anew } = this.#sequence
    const at = this.#columns[0]!
    if (turned === 1 && !anew) {
      const last = this.#columns[this.#columnCount - 1]!
      const stride = this.#layout.column / 4
      const within = this.#since(this.#words[at]!, this.#words[at + 1]!, last) / ((last - at) / stride) / this.#column_ns
      const expected = this.#metadata.columnsPerFrame + column - this.#turnBegan[2]!
      const around = this.#since(this.#turnBegan[0]!, this.#turnBegan[1]!, at) / expected / this.#column_ns
      const wrong = (this.#columnCount > 1 && Math.abs(within - 1) > paceTolerance) || Math.abs(around - 1) > paceTolerance
      this.#wrongTurns = wrong ? Math.min(this.#wrongTurns + 1, wrongTurnsMax) : 0
    }
    if (turned !== 0 || anew) {
      this.#turnBegan[0] = this.#words[at]!
      this.#turnBegan[1] = this.#words[at + 1]!
      this.#turnBegan[2] = column
    }
    return this.#wrongTurns < wrongTurnsMax
  }

  /** Nanoseconds from a time to that of the column which begins at word `at`. */
  #since(low: number, high: number, at: number): number {
    return (this.#words[at + 1]! - high) * 2 ** 32 + this.#words[at]! - low
  }

  #readTelemetry(): void {
    const { telemetry } = this
    const bytes = this.#bytes
    telemetry.alertFlags = bytes[this.#metadata.fusaHeader ? 8 : 12]!
    telemetry.shutdownCountdown_s = bytes[16]!
    telemetry.shotLimitingCountdown_s = bytes[17]!
    telemetry.thermalShutdown = bytes[18]! & 15
    telemetry.shotLimiting = bytes[19]! & 15
  }

  #fill(block: PointBlock): void {
    const first = this.#columns[0]!
    block.rings = this.rings
    block.columns = this.#columnCount * this.#echoes.length
    block.start_us = this.#words[first + 1]! * 4_294_967.296 + this.#words[first]! * 0.001
    block.turn = this.#sequence.turn
    block.turnAt = -1
    block.lost = this.#sequence.lost
    let into = 0
    for (let index = 0; index < this.#columnCount; index++) {
      const at = this.#columns[index]!
      const number = this.#words[at + 2]! & 0xffff
      for (let echo = 0; echo < this.#echoes.length; echo++, into++) {
        block.angle[into] = this.#beams.angles[number]!
        block.returnOf[into] = this.#echoes[echo]!.kind
        this.#fillColumn(block, into * this.rings, at, number, this.#echoes[echo]!)
      }
    }
  }

  /** The hot loop: one echo of one column. See Beams for what is multiplied here. All arguments are small integers: others are boxed. */
  #fillColumn(block: PointBlock, begin: number, at: number, number: number, echo: Echo): void {
    const words = this.#words
    // Differences of the low words alone: a packet lasts some milliseconds.
    const offset_us = ((words[at]! - words[this.#columns[0]!]!) | 0) * 0.001
    const channelAt = this.#channelAt
    const { x, y, z, distance, intensity, offset_us: offsets } = block
    const { word, mask, upshift, strengthWord, strengthShift } = echo
    const { turning, upright, along, origin } = this.#beams
    const t = number * 6
    const xu = turning[t]!
    const xv = turning[t + 1]!
    const yu = turning[t + 2]!
    const yv = turning[t + 3]!
    const zu = turning[t + 4]!
    const zv = turning[t + 5]!
    const xw = upright[0]!
    const yw = upright[1]!
    const zw = upright[2]!
    const x0 = upright[3]!
    const y0 = upright[4]!
    const z0 = upright[5]!
    const fromAxis = origin.range
    const u0 = origin.u
    const w0 = origin.w
    const rings = this.rings
    for (let ring = 0, point = begin, part = 0; ring < rings; ring++, point++, part += 3) {
      const channel = at + channelAt[ring]!
      const range = ((words[channel + word]! & mask) << upshift) * 0.001
      intensity[point] = (words[channel + strengthWord]! >>> strengthShift) & 0xff
      offsets[point] = offset_us
      distance[point] = range
      if (range === 0) {
        x[point] = 0
        y[point] = 0
        z[point] = 0
        continue
      }
      const behind = range - fromAxis
      const u = behind * along[part]! + u0
      const v = behind * along[part + 1]!
      const w = behind * along[part + 2]! + w0
      x[point] = xu * u + xv * v + xw * w + x0
      y[point] = yu * u + yv * v + yw * w + y0
      z[point] = zu * u + zv * v + zw * w + z0
    }
  }
}

function sumsAlways(firmware: string): boolean {
  const [major = 0, minor = 0] = (/\d+\.\d+/.exec(firmware)?.[0] ?? '0.0').split('.').map(Number)
  return major > summedSince.major || (major === summedSince.major && minor >= summedSince.minor)
}

function windowColumns({ columnWindow: [first, last], columnsPerFrame }: Metadata): number {
  return first <= last ? last - first + 1 : columnsPerFrame - first + last + 1
}

function echoesOf(metadata: Metadata): Echo[] {
  const { fields, returns } = profiles[metadata.profile]
  const kinds = { 'strongest-first': ['strongest', 'second'], 'nearest-first': ['first', 'last'], 'farthest-first': ['last', 'first'] } as const
  return ['', '2'].slice(0, returns).map((suffix, index) => {
    const range = fields[`RANGE${suffix}`]!
    const strength = fields[`REFLECTIVITY${suffix}`]!
    return {
      word: range.bit >> 5, mask: 2 ** range.bits - 1, upshift: range.upshift,
      strengthWord: strength.bit >> 5, strengthShift: strength.bit & 31,
      kind: returns === 1 ? returnKinds.only : returnKinds[kinds[metadata.returnOrder][index]!],
    }
  })
}

/**
 * The point cloud packets of Hesai's PandarXT-16 (User Manual, chapter 3.1): a header, eight blocks of
 * an azimuth and 16 channels, a tail with the time, and a sequence number. Nothing is allocated for a
 * packet.
 *
 * Frame as the maker's: y is the sensor's zero angle, x is to its right at 90 degrees clockwise.
 */
import type { Identity } from '../../../edge/device/contract.ts'
import { type PointBlock, returnKinds } from '../../../edge/device/points.ts'
import { cosines, fullTurn, perRadian, ringsOf, sines, turnedFrom } from '../azimuth.ts'
import type { Heat, PacketDecoder, Verdict } from '../decoder.ts'
import { Turns } from '../turns.ts'
import { type Channel, channelCount, designChannels } from './correction.ts'

export const packetBytes = 568
export const blocks = 8
export const headBytes = 12
/** Of distance (2, little-endian), reflectivity (1) and a reserved byte. */
export const channelBytes = 4
export const blockBytes = 2 + channelCount * channelBytes
export const tailAt = headBytes + blocks * blockBytes
/** 1 when it is too hot: it switches itself off a minute later (3.1.2, tail). */
export const heatAt = tailAt + 9
export const modeAt = tailAt + 10
export const speedAt = tailAt + 11
export const dateAt = tailAt + 13
export const timeAt = tailAt + 19
export const factoryAt = tailAt + 23
export const sequenceAt = tailAt + 24
export const unit_m = 0.004
/** All channels fire once in this time; each a little after the one above it (appendix "Absolute time"). */
export const round_us = 50
export const blockDelay_us = 5.632
export const firstChannel_us = 0.368
export const nextChannel_us = 3.024

const gpsPacketBytes = 512
const yearZero = 1900

/** The second of a dual mode's blocks holds what is named second (3.1.2, Return mode). */
export const returnModes = {
  0x33: { name: 'first', first: returnKinds.first, second: undefined },
  0x37: { name: 'strongest', first: returnKinds.strongest, second: undefined },
  0x38: { name: 'last', first: returnKinds.last, second: undefined },
  0x39: { name: 'last-strongest', first: returnKinds.last, second: returnKinds.strongest },
  0x3b: { name: 'last-first', first: returnKinds.last, second: returnKinds.first },
  0x3c: { name: 'first-strongest', first: returnKinds.first, second: returnKinds.strongest },
} as const
export type ReturnMode = (typeof returnModes)[keyof typeof returnModes]['name']

/** By mode: the return of the first block of a pair, that of the second or `none`; no mode has returns that are both `none`. */
const none = 255
const firstOf = new Uint8Array(256).fill(none)
const secondOf = new Uint8Array(256).fill(none)
for (const [mode, { first, second }] of Object.entries(returnModes)) {
  firstOf[Number(mode)] = first
  if (second !== undefined) secondOf[Number(mode)] = second
}

/** So many packets are two seconds; a sequence that is farther on or back began anew. */
const sequenceWindow = 10_000
/** Half as fast again as the motor can turn: an azimuth that runs on faster is none. */
const stepMax = Math.ceil(((1_800 * fullTurn) / 60e6) * round_us)

export interface PandarOptions {
  /** The channels as corrected; the design values where none are given. */
  channels?: readonly Channel[]
  /**
   * `firing`: each beam is where the sensor pointed when its channel fired (3.1.3, Point cloud data analysis);
   * `block`: all beams of a block are at the block's azimuth, as the common ROS drivers place them.
   */
  azimuth?: 'firing' | 'block'
}

export class PandarXt16Decoder implements PacketDecoder {
  readonly columnsMax = blocks
  readonly rings = channelCount
  readonly elevations: Float32Array
  readonly spins = 'clockwise'
  readonly identity: Identity = { manufacturer: 'Hesai', model: 'PandarXT-16' }
  readonly #turns = new Turns()
  readonly #ring: Uint8Array
  readonly #cosElevation: Float64Array
  readonly #sinElevation: Float64Array
  readonly #cosOffset: Float64Array
  readonly #sinOffset: Float64Array
  /** Of each channel: which part of the way to the next block the sensor has turned. */
  readonly #turned: Float64Array
  readonly #offsets: { readonly single: Float32Array; readonly dual: Float32Array }
  readonly #azimuths = new Uint16Array(blocks)
  /** The date of the last packet as sent, and its microseconds since 1970. */
  readonly #date = new Uint8Array(6)
  readonly #second = new Float64Array(1)
  readonly #sequence = new Uint32Array(1)
  #lastAzimuth = 0
  #begun = false
  #dual = false
  #isHot = false

  constructor(options: PandarOptions = {}) {
    const channels = options.channels ?? designChannels
    const of = (value: (channel: Channel) => number) => Float64Array.from(channels, value)
    this.#ring = ringsOf(channels.map(({ elevation }) => elevation))
    this.elevations = Float32Array.from(channels, ({ elevation }) => elevation).sort()
    this.#cosElevation = of(({ elevation }) => Math.cos(elevation))
    this.#sinElevation = of(({ elevation }) => Math.sin(elevation))
    this.#cosOffset = of(({ azimuth }) => Math.cos(azimuth))
    this.#sinOffset = of(({ azimuth }) => Math.sin(azimuth))
    this.#turned = Float64Array.from(channels, (_, channel) => (options.azimuth === 'block' ? 0 : (firstChannel_us + nextChannel_us * channel) / round_us))
    this.#offsets = { single: this.#offsetsOf(1), dual: this.#offsetsOf(2) }
  }

  get beamsPerSecond(): number {
    return (channelCount / round_us) * 1e6 * (this.#dual ? 2 : 1)
  }

  get heat(): Heat | undefined {
    return this.#isHot ? 'ending' : undefined
  }

  decode(packet: Uint8Array, block: PointBlock): Verdict {
    if (packet.length === gpsPacketBytes) return packet[0] === 0xff && packet[1] === 0xee ? 'other' : 'foreign'
    if (packet.length !== packetBytes || packet[0] !== 0xee || packet[1] !== 0xff) return 'foreign'
    // Protocol 6 is the XT family: another number of channels is another member of it.
    if (packet[2] !== 6 || packet[6] !== channelCount) return 'wrong-sensor'
    const mode = packet[modeAt] as number
    if (packet[7] !== blocks || packet[9] !== 4 || (firstOf[mode] as number) === none || !this.#readAzimuths(packet) || !this.#readTime(packet)) return 'damaged'
    const sequence = u32(packet, sequenceAt)
    const passed = this.#begun ? (sequence - (this.#sequence[0] as number)) | 0 : 1
    if (passed <= 0 && passed > -sequenceWindow) return 'late'
    const jumped = this.#begun && passed === 1 && turnedFrom(this.#lastAzimuth, this.#azimuths[0] as number) > stepMax
    this.#sequence[0] = sequence
    this.#lastAzimuth = this.#azimuths[blocks - 1] as number
    this.#begun = true
    this.#isHot = packet[heatAt] === 1
    if (jumped) return 'damaged'
    this.#dual = (secondOf[mode] as number) !== none
    const rounds = blocks / (this.#dual ? 2 : 1)
    block.start_us = (this.#second[0] as number) + u32(packet, timeAt) + blockDelay_us - round_us * (rounds - 1) + firstChannel_us
    block.lost = passed > 0 && passed <= sequenceWindow ? passed - 1 : 0
    this.#fill(packet, block, mode)
    return 'points'
  }

  reset(): void {
    this.#begun = false
    this.#turns.reset()
  }

  #offsetsOf(echoes: number): Float32Array {
    const offsets = new Float32Array(blocks * channelCount)
    for (let column = 0; column < blocks; column++) {
      for (let channel = 0; channel < channelCount; channel++) {
        offsets[column * channelCount + (this.#ring[channel] as number)] = Math.floor(column / echoes) * round_us + nextChannel_us * channel
      }
    }
    return offsets
  }

  /** @returns false when an azimuth is none or they do not run on as those of a turning sensor. */
  #readAzimuths(packet: Uint8Array): boolean {
    const azimuths = this.#azimuths
    for (let at = 0; at < blocks; at++) {
      const azimuth = u16(packet, headBytes + at * blockBytes)
      if (azimuth >= fullTurn) return false
      azimuths[at] = azimuth
      if (at > 0 && turnedFrom(azimuths[at - 1] as number, azimuth) > stepMax) return false
    }
    return true
  }

  /** @returns false when the date or the time is none. */
  #readTime(packet: Uint8Array): boolean {
    if (u32(packet, timeAt) > 1_000_000) return false
    let same = true
    for (let at = 0; at < 6; at++) same &&= packet[dateAt + at] === this.#date[at]
    if (same) return true
    // Once a second only.
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = packet.subarray(dateAt, dateAt + 6)
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return false
    this.#second[0] = Date.UTC(yearZero + year, month - 1, day, hour, minute, second) * 1000
    this.#date.set(packet.subarray(dateAt, dateAt + 6))
    return true
  }

  #fill(packet: Uint8Array, block: PointBlock, mode: number): void {
    const azimuths = this.#azimuths
    const echoes = this.#dual ? 2 : 1
    // Over the whole packet, so that the resolution of the azimuths does not matter.
    const step = (turnedFrom(azimuths[0] as number, azimuths[blocks - 1] as number) * echoes) / (blocks - echoes)
    block.rings = channelCount
    block.columns = blocks
    block.offset_us.set(this.#dual ? this.#offsets.dual : this.#offsets.single)
    this.#turns.begin(block, azimuths[0] as number)
    for (let at = 0; at < blocks; at++) {
      const second = this.#dual && (at & 1) === 1
      const azimuth = azimuths[at] as number
      if (!second) this.#turns.at(block, at, azimuth)
      block.angle[at] = (azimuth <= fullTurn / 4 ? fullTurn / 4 - azimuth : (fullTurn * 5) / 4 - azimuth) / perRadian
      block.returnOf[at] = second ? (secondOf[mode] as number) : (firstOf[mode] as number)
      this.#fillColumn(packet, block, at, step, second)
    }
  }

  #fillColumn(packet: Uint8Array, block: PointBlock, at: number, step: number, second: boolean): void {
    const { distance, x, y, z, intensity } = block
    const azimuth = this.#azimuths[at] as number
    const start = headBytes + at * blockBytes + 2
    for (let channel = 0; channel < channelCount; channel++) {
      const from = start + channel * channelBytes
      const to = at * channelCount + (this.#ring[channel] as number)
      const low = packet[from] as number
      const high = packet[from + 1] as number
      // Where only one echo came back both blocks hold it (3.1.2); it is told once.
      if ((low | high) === 0 || (second && packet[from - blockBytes] === low && packet[from - blockBytes + 1] === high)) {
        block.nothing(to)
        continue
      }
      let turned = (azimuth + step * (this.#turned[channel] as number) + 0.5) | 0
      if (turned >= fullTurn) turned -= fullTurn
      const cos = cosines[turned] as number
      const sin = sines[turned] as number
      const cosOffset = this.#cosOffset[channel] as number
      const sinOffset = this.#sinOffset[channel] as number
      const metres = (low | (high << 8)) * unit_m
      const outward = metres * (this.#cosElevation[channel] as number)
      distance[to] = metres
      x[to] = outward * (sin * cosOffset + cos * sinOffset)
      y[to] = outward * (cos * cosOffset - sin * sinOffset)
      z[to] = metres * (this.#sinElevation[channel] as number)
      intensity[to] = packet[from + 2] as number
    }
  }
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) + u16(bytes, at + 2) * 0x1_0000

/**
 * The data packets of Velodyne's VLP-16 and VLP-32C (User Manuals 63-9243 and 63-9325, chapter 9):
 * twelve blocks of a flag, an azimuth and 32 times distance and reflectivity, then a time stamp and
 * the factory bytes. Nothing is allocated for a packet.
 */
import type { Identity } from '../../../edge/device/contract.ts'
import { type PointBlock, returnKinds } from '../../../edge/device/points.ts'
import { cosines, fullTurn, perRadian, ringsOf, sines, turnedFrom } from '../azimuth.ts'
import type { PacketDecoder, Verdict } from '../decoder.ts'
import { Turns } from '../turns.ts'
import { firing_us, type Laser, lasersOf, sequence_us, type VelodyneModel } from './model.ts'

export const packetBytes = 1206
export const blocks = 12
export const blockBytes = 100
/** Of distance (2, little-endian) and reflectivity (1). */
export const pointBytes = 3
export const blockHeadBytes = 4
export const timeAt = 1200
export const modeAt = 1204
export const productAt = 1205
export const modes = { strongest: 0x37, last: 0x38, dual: 0x39 } as const
export type ReturnMode = keyof typeof modes
/** The time stamp counts the microseconds of the hour. */
export const hour_us = 3_600_000_000

const positionBytes = 512
const positionTimeAt = 0xc6
const positionPpsAt = 0xca
const positionSentenceAt = 0xce

/** What is older by less came late; what is older by more was measured after the clock had been set back. */
const late_us = 1_000_000
/** Half as fast again as the motor can turn: an azimuth that runs on faster is none. */
const azimuthPerUs = (1_800 * fullTurn) / 60e6

export interface VelodyneOptions {
  /** The lasers as calibrated; the maker's table of the model where none are given. */
  lasers?: readonly Laser[]
}

export class VelodyneDecoder implements PacketDecoder {
  readonly columnsMax: number
  readonly rings: number
  readonly elevations: Float32Array
  readonly spins = 'clockwise'
  readonly identity: Identity
  readonly #model: VelodyneModel
  readonly #turns = new Turns()
  /** Of each laser: ring, then what turns a distance and an azimuth into a place. */
  readonly #ring: Uint8Array
  readonly #away: { readonly [of in 'distance' | 'outward' | 'upward' | 'sideways' | 'cosElevation' | 'sinElevation' | 'cosOffset' | 'sinOffset']: Float64Array }
  /** Of each firing of a block: which part of the way to the next block the sensor has turned (precision azimuth, 9.5). */
  readonly #turned: Float64Array
  /** Of each point of a packet, for single and for dual returns. */
  readonly #offsets: { readonly single: Float32Array; readonly dual: Float32Array }
  readonly #azimuths = new Uint16Array(blocks)
  readonly #steps = new Uint16Array(blocks)
  readonly #stepMax: number
  /** Sensor time of the last packet, as sent and with the hours counted. */
  readonly #time = new Float64Array(2)
  #begun = false
  #dual = false
  #lastAzimuth = 0

  constructor(model: VelodyneModel, { lasers = lasersOf(model) }: VelodyneOptions = {}) {
    const of = (value: (laser: Laser) => number) => Float64Array.from(lasers, value)
    this.#model = model
    this.rings = model.lasers
    this.columnsMax = blocks * model.firings
    this.identity = { manufacturer: 'Velodyne', model: model.name }
    this.#ring = ringsOf(lasers.map(({ elevation }) => elevation))
    this.elevations = Float32Array.from(lasers, ({ elevation }) => elevation).sort()
    this.#away = {
      distance: of(({ distance_m }) => distance_m), outward: of(({ outward_m }) => outward_m),
      upward: of(({ upward_m }) => upward_m), sideways: of(({ sideways_m }) => sideways_m),
      cosElevation: of(({ elevation }) => Math.cos(elevation)), sinElevation: of(({ elevation }) => Math.sin(elevation)),
      cosOffset: of(({ azimuth }) => Math.cos(azimuth)), sinOffset: of(({ azimuth }) => Math.sin(azimuth)),
    }
    const block_us = sequence_us * model.firings
    this.#turned = Float64Array.from({ length: 32 }, (_, at) => this.#firedAt_us(at) / block_us)
    this.#offsets = { single: this.#offsetsOf(1), dual: this.#offsetsOf(2) }
    this.#stepMax = Math.ceil(azimuthPerUs * block_us)
  }

  get beamsPerSecond(): number {
    return (this.#model.lasers / sequence_us) * 1e6 * (this.#dual ? 2 : 1)
  }

  decode(packet: Uint8Array, block: PointBlock): Verdict {
    if (packet.length === positionBytes) return isPosition(packet) ? 'other' : 'foreign'
    if (packet.length !== packetBytes || packet[0] !== 0xff || packet[1] !== 0xee) return 'foreign'
    if (packet[productAt] !== this.#model.product) return 'wrong-sensor'
    const mode = packet[modeAt] as number
    const sent_us = u32(packet, timeAt)
    if (mode < modes.strongest || mode > modes.dual || sent_us >= hour_us || !this.#readAzimuths(packet, mode === modes.dual)) return 'damaged'
    const passed_us = this.#begun ? hourly(sent_us - (this.#time[0] as number)) : 0
    if (this.#begun && passed_us <= 0 && passed_us > -late_us) return 'late'
    const lost = this.#lostIn(passed_us, mode === modes.dual)
    const jumped = this.#begun && lost === 0 && Math.abs(passed_us) < late_us && turnedFrom(this.#lastAzimuth, this.#azimuths[0] as number) > this.#stepMax
    this.#time[0] = sent_us
    this.#time[1] = this.#begun ? (this.#time[1] as number) + passed_us : sent_us
    this.#begun = true
    this.#dual = mode === modes.dual
    this.#lastAzimuth = this.#azimuths[blocks - 1] as number
    if (jumped) return 'damaged'
    block.start_us = this.#time[1]
    block.lost = lost
    this.#fill(packet, block, mode)
    return 'points'
  }

  reset(): void {
    this.#begun = false
    this.#turns.reset()
  }

  /** After the first laser of the block. */
  #firedAt_us(at: number): number {
    const { lasers, together } = this.#model
    return Math.floor(at / lasers) * sequence_us + Math.floor((at % lasers) / together) * firing_us
  }

  #offsetsOf(echoes: number): Float32Array {
    const { lasers, firings } = this.#model
    const offsets = new Float32Array(blocks * 32)
    for (let column = 0; column < blocks * firings; column++) {
      for (let laser = 0; laser < lasers; laser++) {
        offsets[column * lasers + (this.#ring[laser] as number)] = Math.floor(column / echoes) * sequence_us + this.#firedAt_us(laser)
      }
    }
    return offsets
  }

  /** How many packets are missing when so much time has passed since the one before. */
  #lostIn(passed_us: number, dual: boolean): number {
    if (passed_us <= 0 || passed_us > late_us) return 0
    return Math.max(0, Math.round(passed_us / packetPeriod_us(this.#model, dual)) - 1)
  }

  /** @returns false when a block has no flag, an azimuth is none, or they do not run on as those of a turning sensor. */
  #readAzimuths(packet: Uint8Array, dual: boolean): boolean {
    const azimuths = this.#azimuths
    const steps = this.#steps
    for (let at = 0; at < blocks; at++) {
      const head = at * blockBytes
      const azimuth = (packet[head + 2] as number) | ((packet[head + 3] as number) << 8)
      if (packet[head] !== 0xff || packet[head + 1] !== 0xee || azimuth >= fullTurn) return false
      azimuths[at] = azimuth
      if (at > 0 && turnedFrom(azimuths[at - 1] as number, azimuth) > this.#stepMax) return false
    }
    const echoes = dual ? 2 : 1
    for (let at = 0; at < blocks; at++) {
      // The last block takes the step of the one before: the next packet is not here yet.
      steps[at] = at + echoes < blocks ? turnedFrom(azimuths[at] as number, azimuths[at + echoes] as number) : (steps[at - echoes] as number)
    }
    return true
  }

  #fill(packet: Uint8Array, block: PointBlock, mode: number): void {
    const { firings, lasers } = this.#model
    const dual = mode === modes.dual
    const echoes = dual ? 2 : 1
    block.rings = lasers
    block.columns = blocks * firings
    block.offset_us.set(dual ? this.#offsets.dual : this.#offsets.single)
    this.#turns.begin(block, this.#azimuths[0] as number)
    for (let at = 0; at < blocks; at++) {
      const echo = dual ? at & 1 : 0
      const first = dual ? (at >> 1) * firings * 2 + echo : at * firings
      const azimuth = this.#azimuths[at] as number
      if (echo === 0) this.#turns.at(block, first, azimuth)
      for (let firing = 0; firing < firings; firing++) {
        const column = first + firing * echoes
        const turned = azimuth + (this.#steps[at] as number) * (this.#turned[firing * lasers] as number)
        block.angle[column] = turned === 0 ? 0 : (fullTurn - (turned >= fullTurn ? turned - fullTurn : turned)) / perRadian
        block.returnOf[column] = mode === modes.strongest ? returnKinds.strongest : mode === modes.last || echo === 0 ? returnKinds.last : returnKinds.strongest
        this.#fillColumn(packet, block, at, firing, column, echo === 1)
      }
    }
  }

  #fillColumn(packet: Uint8Array, block: PointBlock, at: number, firing: number, column: number, second: boolean): void {
    const { lasers, unit_m } = this.#model
    const { distance, x, y, z, intensity } = block
    const away = this.#away
    const azimuth = this.#azimuths[at] as number
    const step = this.#steps[at] as number
    const start = at * blockBytes + blockHeadBytes + firing * lasers * pointBytes
    for (let laser = 0; laser < lasers; laser++) {
      const from = start + laser * pointBytes
      const to = column * lasers + (this.#ring[laser] as number)
      const low = packet[from] as number
      const high = packet[from + 1] as number
      // Where only one echo came back both blocks hold it (9.3.2); it is told once.
      if ((low | high) === 0 || (second && packet[from - blockBytes] === low && packet[from - blockBytes + 1] === high)) {
        block.nothing(to)
        continue
      }
      let turned = (azimuth + step * (this.#turned[firing * lasers + laser] as number) + 0.5) | 0
      if (turned >= fullTurn) turned -= fullTurn
      const cos = cosines[turned] as number
      const sin = sines[turned] as number
      const cosOffset = away.cosOffset[laser] as number
      const sinOffset = away.sinOffset[laser] as number
      const ahead = cos * cosOffset - sin * sinOffset
      const right = sin * cosOffset + cos * sinOffset
      const metres = (low | (high << 8)) * unit_m + (away.distance[laser] as number)
      // Nearer than a laser's own correction nothing can be: it would stand behind the sensor.
      if (metres <= 0) {
        block.nothing(to)
        continue
      }
      const outward = metres * (away.cosElevation[laser] as number) + (away.outward[laser] as number)
      const sideways = away.sideways[laser] as number
      distance[to] = metres
      x[to] = outward * ahead + sideways * right
      y[to] = sideways * ahead - outward * right
      z[to] = metres * (away.sinElevation[laser] as number) + (away.upward[laser] as number)
      intensity[to] = packet[from + 2] as number
    }
  }
}

export const packetPeriod_us = ({ firings }: VelodyneModel, dual: boolean): number => (blocks * firings * sequence_us) / (dual ? 2 : 1)

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)) + (bytes[at + 3] as number) * 0x100_0000

/** The shorter way from one time of the hour to another. */
const hourly = (difference_us: number): number =>
  difference_us > hour_us / 2 ? difference_us - hour_us : difference_us <= -hour_us / 2 ? difference_us + hour_us : difference_us

/** Position packets (9.3.3): the time, the state of the PPS and a NMEA sentence, or nothing in its place. */
function isPosition(packet: Uint8Array): boolean {
  const sentence = packet[positionSentenceAt]
  return u32(packet, positionTimeAt) < hour_us && (packet[positionPpsAt] as number) <= 3 && (sentence === 0 || sentence === 0x24)
}

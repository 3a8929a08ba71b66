/**
 * Scans (`sSN LMDscandata`) of SICK's TiM5xx, TiM7xx and TiM8xx, byte by byte (telegram listing 8014631,
 * LMDscandata; checked against recorded telegrams of a TiM871S).
 *
 * Angles count counter-clockwise seen from above and 90 degrees is straight ahead, so that the sensor's
 * -45 to 225 degrees are -135 to 135 degrees here.
 */
import { ascii } from '../../../edge/base/bytes.ts'
import type { Identity } from '../../../edge/device/contract.ts'
import { type PointBlock, returnKinds } from '../../../edge/device/points.ts'
import type { PacketDecoder, Verdict } from '../decoder.ts'
import { dateAt, dateBytes, f32, i32, type Payload, startsWith, u16, u32 } from './cola.ts'

export const scanWords = ascii('sSN LMDscandata ')

/** Beams of the finest sensor that speaks this telegram (1/4 degree over 270 degrees). */
export const beamsMax = 1_081
export const forward_deg = 90
/** Smaller distance values are no distances: 0 nothing came back, 1 dazzled, 2 not plausible (listing, reserved values). */
export const reservedValues = 16
const channelsMax = 8
const channelHeader = 21
const usualScans_perS = 15
/** Sensors send millimetres, or two or a tenth of them: anything else is no scale. */
const scaleMax = 100
const offsetMax = 1e6
const wrap_us = 2 ** 32

/** Bits of what the sensor says of itself with each scan (second byte of the device status): the listings know 0, 1, 2, 4 and 5. */
export const deviceStatus = { error: 1, pollutionWarning: 2, pollutionError: 4 } as const

interface Channel {
  at: number
  count: number
  wide: boolean
}

export class ScanDecoder implements PacketDecoder {
  readonly columnsMax = beamsMax
  readonly rings = 1
  readonly elevations = new Float32Array(1)
  readonly spins = 'counter-clockwise'
  readonly identity: Identity = { manufacturer: 'SICK', model: 'TiM' }
  /** Every how manieth scan is sent, as the sensor is configured (LMDscandatacfg). */
  every = 1

  /** Of the newest scan: the sensor's status, its inputs (bit 0 is input 1) and outputs. */
  status = 0
  inputs = 0
  outputs = 0
  /** Geometry of the newest scan, degrees as the sensor counts them. */
  start_deg = 0
  step_deg = 0
  scans_perS = usualScans_perS
  /** The serial number of the sensor, 0 before the first scan. */
  serial = 0

  readonly #cos = new Float32Array(beamsMax)
  readonly #sin = new Float32Array(beamsMax)
  readonly #angle = new Float32Array(beamsMax)
  readonly #offset_us = new Float32Array(beamsMax)
  /** A double in an array does not allocate when it changes. */
  readonly #lastUptime_us = new Float64Array(1)
  /** As it was sent: read only when it is asked for. */
  readonly #date = new Uint8Array(dateBytes)
  #isDated = false
  readonly #distance: Channel = { at: 0, count: 0, wide: true }
  readonly #strength: Channel = { at: 0, count: 0, wide: true }
  /** What the tables were made for. */
  #made = { start: Number.NaN, step: 0, count: 0, scans: 0 }
  #lastCounter = -1
  #wraps = 0
  #turn = 0

  /** Of the newest scan: the sensor's own date in microseconds since 1970, or NaN when it is not sent. */
  get date_us(): number {
    return this.#isDated ? dateAt(this.#date, 0) : Number.NaN
  }

  get beamsPerSecond(): number {
    return (this.#made.count === 0 ? beamsMax : this.#made.count) * this.scans_perS / this.every
  }

  reset(): void {
    this.#lastCounter = -1
    this.#wraps = 0
    this.#lastUptime_us[0] = 0
    this.serial = 0
  }

  /** @param packet the payload of a telegram, checked. */
  decode(packet: Payload, block: PointBlock): Verdict {
    if (!startsWith(packet, scanWords)) return packet.length > 4 && packet[0] === 0x73 ? 'other' : 'foreign'
    const head = scanWords.length
    if (packet.length < head + 40) return 'damaged'
    const serial = u32(packet, head + 4)
    if (this.serial !== 0 && serial !== this.serial) return 'wrong-sensor'
    const encoders = u16(packet, head + 36)
    const channelsAt = head + 38 + encoders * 6
    if (encoders > 4 || !this.#findChannels(packet, channelsAt)) return 'damaged'
    const { count } = this.#distance
    if (count === 0 || count > beamsMax || count > block.capacity) return 'damaged'
    const scale = f32(packet, this.#distance.at + 5)
    const offset = f32(packet, this.#distance.at + 9)
    if (!(scale > 0 && scale <= scaleMax && Math.abs(offset) <= offsetMax)) return 'damaged'
    const lost = this.#follow(u16(packet, head + 12))
    if (lost < 0) return 'late'
    this.serial = serial
    this.status = packet[head + 9] as number
    this.inputs = packet[head + 23] as number
    this.outputs = packet[head + 25] as number
    this.scans_perS = u32(packet, head + 28) / 100 || usualScans_perS
    this.#geometry(packet)
    this.#fill(packet, block, scale, offset)
    block.start_us = this.#unwrap(u32(packet, head + 14))
    block.turn = this.#turn
    block.turnAt = -1
    block.lost = lost
    return 'points'
  }

  /** Finds the channels that are used, and the sensor's date behind the last. False when the telegram is cut off. */
  #findChannels(packet: Payload, from: number): boolean {
    this.#distance.count = 0
    this.#strength.count = 0
    const narrowAt = this.#passChannels(packet, from, true)
    const end = narrowAt < 0 ? -1 : this.#passChannels(packet, narrowAt, false)
    if (end < 0) return false
    this.#keepDate(packet, placeOfDate(packet, end))
    return this.#distance.wide
  }

  #keepDate(packet: Payload, at: number): void {
    this.#isDated = at >= 0
    if (at >= 0) for (let index = 0; index < dateBytes; index++) this.#date[index] = packet[at + index] as number
  }

  /** Where the 16-bit or 8-bit channels from `from` on end, or -1 when they end nowhere. */
  #passChannels(packet: Payload, from: number, wide: boolean): number {
    if (from + 2 > packet.length) return -1
    const channels = u16(packet, from)
    if (channels > channelsMax) return -1
    let at = from + 2
    for (let channel = 0; channel < channels; channel++) {
      if (at + channelHeader > packet.length) return -1
      const count = u16(packet, at + 19)
      const end = at + channelHeader + count * (wide ? 2 : 1)
      if (end > packet.length) return -1
      if (isChannel(packet, at, 0x44, 0x49)) use(this.#distance, at, count, wide)
      else if (isChannel(packet, at, 0x52, 0x53)) use(this.#strength, at, count, wide)
      at = end
    }
    return at
  }

  /** How many scans are missing before this one; -1 when it is older than the last, or the same again. */
  #follow(counter: number): number {
    if (this.#lastCounter === -1) {
      this.#lastCounter = counter
      this.#turn++
      return 0
    }
    const steps = (counter - this.#lastCounter) & 0xffff
    if (steps === 0 || steps > 0x8000) return -1
    this.#lastCounter = counter
    const turns = Math.max(1, Math.round(steps / this.every))
    this.#turn += turns
    return turns - 1
  }

  /** The time since power-up is 32 bits of microseconds: it begins anew every 71 minutes. */
  #unwrap(now_us: number): number {
    if ((this.#lastUptime_us[0] as number) - now_us > wrap_us / 2) this.#wraps++
    this.#lastUptime_us[0] = now_us
    return this.#wraps * wrap_us + now_us
  }

  /** Makes the tables anew when the scan's angles are others than before. */
  #geometry(packet: Payload): void {
    const { at, count } = this.#distance
    const start = i32(packet, at + 13)
    const step = u16(packet, at + 17)
    const made = this.#made
    if (made.start === start && made.step === step && made.count === count && made.scans === this.scans_perS) return
    this.#made = { start, step, count, scans: this.scans_perS }
    this.start_deg = start / 10_000
    this.step_deg = step / 10_000
    for (let beam = 0; beam < count; beam++) {
      const angle = ((this.start_deg + beam * this.step_deg - forward_deg) * Math.PI) / 180
      this.#cos[beam] = Math.cos(angle)
      this.#sin[beam] = Math.sin(angle)
      this.#angle[beam] = angle < 0 ? angle + 2 * Math.PI : angle
      this.#offset_us[beam] = (beam * this.step_deg * 1e6) / (360 * this.scans_perS)
    }
  }

  #fill(packet: Payload, block: PointBlock, scale: number, offset: number): void {
    const { at, count } = this.#distance
    const strength = this.#strength
    const distances = at + channelHeader
    const strengths = strength.at + channelHeader
    for (let beam = 0; beam < count; beam++) {
      const value = u16(packet, distances + beam * 2)
      const distance = value < reservedValues ? 0 : Math.max(0, value * scale + offset) / 1_000
      block.distance[beam] = distance
      block.x[beam] = distance * (this.#cos[beam] as number)
      block.y[beam] = distance * (this.#sin[beam] as number)
      block.z[beam] = 0
      block.angle[beam] = this.#angle[beam] as number
      block.offset_us[beam] = this.#offset_us[beam] as number
      block.returnOf[beam] = returnKinds.only
      block.intensity[beam] = beam >= strength.count ? 0
        : strength.wide ? u16(packet, strengths + beam * 2) : packet[strengths + beam] as number
    }
    block.columns = count
    block.rings = 1
  }
}

function use(channel: Channel, at: number, count: number, wide: boolean): void {
  channel.at = at
  channel.count = count
  channel.wide = wide
}

/** DIST1 or RSSI1: the first echo's; sensors with more echoes number them on. */
function isChannel(packet: Payload, at: number, first: number, second: number): boolean {
  return packet[at] === first && packet[at + 1] === second && packet[at + 4] === 0x31
}

/** Position, name, comment and time follow the channels, each with a flag. Where the time is, or -1. */
function placeOfDate(packet: Payload, at: number): number {
  const positionBytes = 25
  if (at + 2 > packet.length) return -1
  let here = at + 2 + (u16(packet, at) === 1 ? positionBytes : 0)
  for (let text = 0; text < 2; text++) {
    if (here + 4 > packet.length) return -1
    here += u16(packet, here) === 1 ? 4 + u16(packet, here + 2) : 2
  }
  return here + 2 + dateBytes <= packet.length && u16(packet, here) === 1 ? here + 2 : -1
}

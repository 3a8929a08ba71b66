/** An emulated PandarXT-16: the point cloud packets that it sends of what stands around it. */
import { fullTurn, perRadian } from '../azimuth.ts'
import { Echoes, type Wanted } from '../yard/echoes.ts'
import type { PacketEncoder, Surroundings } from '../encoder.ts'
import { UdpLidarTwin, type UdpLidarTwinOptions } from '../yard/udp-twin.ts'
import {
  blockBytes, blockDelay_us, blocks, channelBytes, dateAt, factoryAt, firstChannel_us, headBytes, modeAt, nextChannel_us, packetBytes, type ReturnMode,
  returnModes, round_us, sequenceAt, speedAt, timeAt, unit_m,
} from './codec.ts'
import { type Channel, channelCount, designChannels } from './correction.ts'

export interface PandarEncoderOptions {
  returns?: ReturnMode
  /** Turns a minute: 600 or 1200. */
  rpm?: number
  channels?: readonly Channel[]
}

/** Farther away the sensor sees nothing. */
const range_m = 120
/** 2026-01-01T00:00:00Z: where the sensor's clock begins. */
const epoch_ms = 1_767_225_600_000

export class PandarXt16Encoder implements PacketEncoder {
  readonly period_us: number
  readonly packetsPerTurn: number
  readonly #channels: readonly Channel[]
  readonly #wanted: Wanted
  readonly #echoesPerRound: 1 | 2
  /** Hundredths of a degree a microsecond. */
  readonly #speed: number
  readonly #bytes = new Uint8Array(packetBytes)
  readonly #view = new DataView(this.#bytes.buffer)
  readonly #echoes = new Echoes(range_m)
  #sequence = 0

  constructor(options: PandarEncoderOptions = {}) {
    const { returns = 'strongest', rpm = 600, channels = designChannels } = options
    const mode = Number(Object.entries(returnModes).find(([, { name }]) => name === returns)?.[0])
    this.#channels = channels
    this.#wanted = returns.split('-')[0] as Wanted
    this.#echoesPerRound = returns.includes('-') ? 2 : 1
    this.#speed = (rpm * fullTurn) / 60e6
    this.period_us = (round_us * blocks) / this.#echoesPerRound
    this.packetsPerTurn = Math.round(60e6 / rpm / this.period_us)
    this.#bytes.set([0xee, 0xff, 6, 1, 0, 0, channelCount, blocks, this.#echoesPerRound - 1, 4, this.#echoesPerRound, 1])
    this.#bytes[modeAt] = mode
    this.#view.setUint16(speedAt, rpm, true)
    this.#bytes[factoryAt] = 0x42
  }

  encode(at_us: number, surroundings: Surroundings): Uint8Array {
    const echoes = this.#echoesPerRound
    for (let at = 0; at < blocks; at += echoes) {
      const start_us = at_us + (at / echoes) * round_us
      // The first channel fires a little after its block begins.
      const azimuth = (start_us - firstChannel_us) * this.#speed
      for (let echo = 0; echo < echoes; echo++) this.#view.setUint16(headBytes + (at + echo) * blockBytes, Math.round(((azimuth % fullTurn) + fullTurn) % fullTurn) % fullTurn, true)
      this.#fire(at, start_us, surroundings)
    }
    this.#setTime(at_us + round_us * (blocks / echoes - 1) - blockDelay_us - firstChannel_us)
    this.#sequence = (this.#sequence + 1) >>> 0
    this.#view.setUint32(sequenceAt, this.#sequence, true)
    return this.#bytes
  }

  #fire(at: number, start_us: number, surroundings: Surroundings): void {
    for (const [index, channel] of this.#channels.entries()) {
      const clockwise = (start_us + nextChannel_us * index) * this.#speed + channel.azimuth * perRadian
      this.#echoes.cast(surroundings, fullTurn / 4 - clockwise, channel.elevation)
      const to = headBytes + at * blockBytes + 2 + index * channelBytes
      this.#write(to, this.#echoes.choose(this.#wanted))
      if (this.#echoesPerRound === 2) this.#write(to + blockBytes, this.#echoes.chooseOther())
    }
  }

  #write(to: number, { distance, reflectance }: Echoes): void {
    this.#view.setUint16(to, Math.round(distance / unit_m), true)
    this.#bytes[to + 2] = distance === 0 ? 0 : Math.min(255, Math.round(reflectance * 100))
  }

  /** The packet's absolute time: its date to the second, and the microseconds (appendix "Absolute time"). */
  #setTime(time_us: number): void {
    const whole_us = Math.round(time_us)
    const micros = ((whole_us % 1_000_000) + 1_000_000) % 1_000_000
    const date = new Date(epoch_ms + (whole_us - micros) / 1000)
    this.#bytes.set([
      date.getUTCFullYear() - 1900, date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(),
    ], dateAt)
    this.#view.setUint32(timeAt, micros, true)
  }
}

/** A twin of the sensor: set its scene and its faults. */
export const pandarTwin = (options: UdpLidarTwinOptions & PandarEncoderOptions = {}): UdpLidarTwin => new UdpLidarTwin(new PandarXt16Encoder(options), options)

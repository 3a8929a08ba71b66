/** An emulated VLP-16 or VLP-32C: the data packets that it sends of what stands around it. */
import { fullTurn, perRadian } from '../azimuth.ts'
import { Echoes } from '../yard/echoes.ts'
import type { PacketEncoder, Surroundings } from '../encoder.ts'
import { UdpLidarTwin, type UdpLidarTwinOptions } from '../yard/udp-twin.ts'
import { blockBytes, blockHeadBytes, blocks, hour_us, modeAt, modes, packetBytes, packetPeriod_us, pointBytes, productAt, type ReturnMode, timeAt } from './codec.ts'
import { firing_us, type Laser, lasersOf, sequence_us, type VelodyneModel } from './model.ts'

export interface VelodyneEncoderOptions {
  returns?: ReturnMode
  /** Turns a minute: 300 to 1200. */
  rpm?: number
  lasers?: readonly Laser[]
}

export class VelodyneEncoder implements PacketEncoder {
  readonly period_us: number
  readonly packetsPerTurn: number
  readonly #model: VelodyneModel
  readonly #returns: ReturnMode
  readonly #lasers: readonly Laser[]
  /** Hundredths of a degree a microsecond. */
  readonly #speed: number
  readonly #bytes = new Uint8Array(packetBytes)
  readonly #view = new DataView(this.#bytes.buffer)
  readonly #echoes: Echoes

  constructor(model: VelodyneModel, options: VelodyneEncoderOptions = {}) {
    const { returns = 'strongest', rpm = 600, lasers = lasersOf(model) } = options
    this.#model = model
    this.#returns = returns
    this.#lasers = lasers
    this.#speed = (rpm * fullTurn) / 60e6
    this.#echoes = new Echoes(model.range_m)
    this.period_us = packetPeriod_us(model, returns === 'dual')
    this.packetsPerTurn = Math.round(60e6 / rpm / this.period_us)
    this.#bytes[modeAt] = modes[returns]
    this.#bytes[productAt] = model.product
  }

  encode(at_us: number, surroundings: Surroundings): Uint8Array {
    const echoes = this.#returns === 'dual' ? 2 : 1
    const block_us = this.#model.firings * sequence_us
    for (let at = 0; at < blocks; at += echoes) {
      const start_us = at_us + (at / echoes) * block_us
      for (let echo = 0; echo < echoes; echo++) this.#head(at + echo, start_us)
      for (let firing = 0; firing < this.#model.firings; firing++) this.#fire(at, firing, start_us + firing * sequence_us, surroundings)
    }
    this.#view.setUint32(timeAt, Math.round(((at_us % hour_us) + hour_us) % hour_us) % hour_us, true)
    return this.#bytes
  }

  #head(at: number, start_us: number): void {
    this.#view.setUint16(at * blockBytes, 0xffee)
    this.#view.setUint16(at * blockBytes + 2, Math.round((((start_us * this.#speed) % fullTurn) + fullTurn) % fullTurn) % fullTurn, true)
  }

  #fire(at: number, firing: number, start_us: number, surroundings: Surroundings): void {
    const { together } = this.#model
    for (const [index, laser] of this.#lasers.entries()) {
      const fired_us = start_us + Math.floor(index / together) * firing_us
      this.#echoes.cast(surroundings, -(fired_us * this.#speed + laser.azimuth * perRadian), laser.elevation)
      const to = at * blockBytes + blockHeadBytes + (firing * this.#lasers.length + index) * pointBytes
      this.#write(to, laser, this.#echoes.choose(this.#returns === 'strongest' ? 'strongest' : 'last'))
      if (this.#returns === 'dual') this.#write(to + blockBytes, laser, this.#echoes.chooseOther())
    }
  }

  #write(to: number, laser: Laser, { distance, reflectance }: Echoes): void {
    const steps = distance === 0 ? 0 : Math.round((distance - laser.distance_m) / this.#model.unit_m)
    this.#view.setUint16(to, Math.min(65_535, Math.max(0, steps)), true)
    this.#bytes[to + 2] = distance === 0 ? 0 : Math.min(255, Math.round(reflectance * 100))
  }
}

/** A twin of a sensor of this model: set its scene and its faults. */
export const velodyneTwin = (model: VelodyneModel, options: UdpLidarTwinOptions & VelodyneEncoderOptions = {}): UdpLidarTwin =>
  new UdpLidarTwin(new VelodyneEncoder(model, options), options)

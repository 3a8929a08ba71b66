/** What a lidar sees that is dirty, mounted wrongly or frozen: between a scene and an encoder. */
import type { Surroundings } from '../encoder.ts'

/** What is wrong with the sensor or how it is mounted, until it is set right again. */
export interface ViewFaults {
  /** The share of the beams that dirt on the window swallows; always the same ones. */
  dirty: number
  /** Angles run the other way: left is seen on the right. */
  reversed: boolean
  /** Turned round: what is ahead is seen behind. */
  backwards: boolean
  /** Turned over about its forward axis. */
  upsideDown: boolean
}

/** Dirt comes in spots of about two degrees. */
const spot = 30

export class FaultyView implements Surroundings {
  readonly #scene: Surroundings
  readonly #faults: ViewFaults

  constructor(scene: Surroundings, faults: ViewFaults) {
    this.#scene = scene
    this.#faults = faults
  }

  get reflectance(): number {
    return this.#scene.reflectance
  }

  distance(azimuth: number, elevation: number, echo: 0 | 1): number {
    const { dirty, reversed, backwards, upsideDown } = this.#faults
    const mirrored = reversed !== upsideDown ? -azimuth : azimuth
    const distance = this.#scene.distance(backwards ? mirrored + Math.PI : mirrored, upsideDown ? -elevation : elevation, echo)
    return dirty > 0 && dirtAt(azimuth, elevation) < dirty ? 0 : distance
  }
}

/** From 0 to below 1, the same for the same spot of the window. */
function dirtAt(azimuth: number, elevation: number): number {
  const turned = (azimuth / (2 * Math.PI)) % 1
  const column = Math.floor((turned < 0 ? turned + 1 : turned) * 2 * Math.PI * spot)
  let hash = Math.imul(column + 1, 0x9e3779b1) ^ Math.imul(Math.floor(elevation * spot) + 97, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 4_294_967_296
}

/**
 * Turns that were cast once and are seen again and again: of one turn, a sensor that hangs; of
 * several, a scene that costs no casting and yet never shows the same turn twice in a row.
 */
export class RecordedView implements Surroundings {
  reflectance = 0
  readonly #from: Surroundings
  readonly #distances: number[][] = []
  readonly #reflectances: number[][] = []
  /** How many packets are recorded before it begins from the first again. */
  readonly packets: number
  #packet = -1
  #beam = 0
  #isPlaying = false

  constructor(from: Surroundings, packets: number) {
    this.#from = from
    this.packets = packets
  }

  /** The next packet begins. */
  nextPacket(): void {
    this.#beam = 0
    this.#packet++
    if (this.#packet < this.packets) return
    this.#packet = 0
    this.#isPlaying = true
  }

  /** So many packets of what was recorded are never made. */
  skip(packets: number): void {
    if (packets <= 0) return
    this.#packet = (this.#packet + packets) % this.packets
    this.#isPlaying = true
  }

  distance(azimuth: number, elevation: number, echo: 0 | 1): number {
    if (!this.#isPlaying) this.#record(azimuth, elevation, echo)
    const distance = this.#distances[this.#packet]?.[this.#beam] ?? 0
    this.reflectance = this.#reflectances[this.#packet]?.[this.#beam] ?? 0
    this.#beam++
    return distance
  }

  #record(azimuth: number, elevation: number, echo: 0 | 1): void {
    const distance = this.#from.distance(azimuth, elevation, echo);
    (this.#distances[this.#packet] ??= []).push(distance);
    (this.#reflectances[this.#packet] ??= []).push(this.#from.reflectance)
  }
}

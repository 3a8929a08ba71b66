/** An emulated RPLIDAR A2 that scans what stands in its scene, at the real device's pace. */
import { concat, empty, fromHex } from '../../../edge/base/bytes.ts'
import type { StreamDevice, Via } from '../../kit/twin.ts'
import { StreamTwin } from '../../kit/twin.ts'
import { FaultyView, type ViewFaults } from '../yard/faulty-view.ts'
import { Scene, seeded } from '../yard/scene.ts'
import { type DeviceHealth, encodeDescriptor, encodeReply, node_bytes, Reply, Request, requestAt } from './codec.ts'

export interface RplidarTwinOptions {
  scene?: Scene
  /** Upper half: the series, lower half: the variant. */
  model?: number
  /** Microseconds of a measurement. */
  sample_us?: number
  turns_perS?: number
  /** Firmware before 1.17 does not say how fast it samples. */
  old?: boolean
}

export interface RplidarFaults extends ViewFaults {
  /** The same turn again and again. */
  frozen: boolean
  /** The motor does not turn, whatever its duty. */
  stuck: boolean
  /** The share of its bundles of measurements that lose a byte on the way. */
  loseByte: number
}

const serial = fromHex('ABF09A87C3E392D2A5E492F8254D3A34')
/** Measurements are sent several at a time: timers are no finer. */
const wake_ms = 5
/** What could not be sent for so long never is. */
const backlog_ms = 250
const strongest = 15
const farthest_m = 16

export class RplidarEmulation implements StreamDevice {
  /** What it sees, to set. */
  readonly scene: Scene
  readonly faults: RplidarFaults = { frozen: false, stuck: false, loseByte: 0, dirty: 0, reversed: false, backwards: false, upsideDown: false }
  /** What it says of itself; an error is a protection stop, which a reset ends unless it `persists`. */
  health: DeviceHealth & { persists?: boolean } = { status: 'good', code: 0 }
  /** The duty of its motor, 0 to 1023. */
  motor = 0
  readonly #send: (bytes: Uint8Array) => void
  readonly #options: Required<Omit<RplidarTwinOptions, 'scene'>>
  readonly #view: FaultyView
  readonly #turn: Uint16Array
  readonly #random = seeded(5)
  #rest: Uint8Array = empty
  #timer: NodeJS.Timeout | undefined
  #began = 0
  #sent = 0
  #seen = 0

  constructor(send: (bytes: Uint8Array) => void, { scene = new Scene(), model = 0x28, sample_us = 250, turns_perS = 10, old = false }: RplidarTwinOptions = {}) {
    this.#send = send
    this.scene = scene
    this.#options = { model, sample_us, turns_perS, old }
    this.#view = new FaultyView(scene, this.faults)
    this.#turn = new Uint16Array(Math.round(1_000_000 / sample_us / turns_perS))
  }

  get scanning(): boolean {
    return this.#timer !== undefined
  }

  connected(): void {
    this.#rest = empty
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  receive(bytes: Uint8Array): void {
    this.#rest = concat([this.#rest, bytes])
    while (this.#rest.length > 0) {
      const request = requestAt(this.#rest)
      if (request === 'more') return
      this.#rest = this.#rest.subarray(request?.length ?? 1)
      if (request !== undefined) this.#carryOut(request.code, request.payload)
    }
  }

  #carryOut(code: number, payload: Uint8Array): void {
    const { model, sample_us, old } = this.#options
    // Whatever it is asked, it measures no more (4.2).
    if (code !== Request.motorPwm) this.stop()
    if (code === Request.info) this.#send(encodeReply(Reply.info, concat([Uint8Array.of(model, 29, 1, 7), serial])))
    else if (code === Request.health) this.#sendHealth()
    else if (code === Request.sampleRate && !old) this.#send(encodeReply(Reply.sampleRate, Uint8Array.of(sample_us & 0xff, sample_us >> 8, sample_us & 0xff, sample_us >> 8)))
    else if (code === Request.motorPwm) this.motor = (payload[0] ?? 0) | ((payload[1] ?? 0) << 8)
    else if (code === Request.reset && this.health.persists !== true) this.health = { status: 'good', code: 0 }
    else if (code === Request.scan && this.health.status !== 'error') this.#scan()
  }

  #sendHealth(): void {
    const { status, code } = this.health
    this.#send(encodeReply(Reply.health, Uint8Array.of({ good: 0, warning: 1, error: 2 }[status], code & 0xff, code >> 8)))
  }

  #scan(): void {
    this.#send(encodeDescriptor(Reply.nodes))
    this.#began = performance.now()
    this.#sent = 0
    this.#seen = this.#began
    this.#timer = setInterval(() => this.#measure(), wake_ms)
  }

  #measure(): void {
    const now = performance.now()
    this.scene.advance(now - this.#seen)
    this.#seen = now
    const due = Math.floor(((now - this.#began) * 1_000) / this.#options.sample_us)
    this.#sent = Math.max(this.#sent, due - (backlog_ms * 1_000) / this.#options.sample_us)
    if (this.motor === 0 || this.faults.stuck) this.#sent = due
    const bundle = new Uint8Array((due - this.#sent) * node_bytes)
    for (let at = 0; at < bundle.length; at += node_bytes) this.#node(bundle, at, this.#sent++ % this.#turn.length)
    if (bundle.length > 0) this.#send(this.#random() < this.faults.loseByte ? bundle.subarray(1) : bundle)
  }

  /** 4.2: quality, S and its inverse; angle and C; distance. The angle counts clockwise. */
  #node(bytes: Uint8Array, at: number, index: number): void {
    const clockwise = index / this.#turn.length
    if (!this.faults.frozen) {
      const distance = this.#view.distance(2 * Math.PI * (1 - clockwise), 0, 0)
      this.#turn[index] = distance > farthest_m ? 0 : Math.round(distance * 4_000)
    }
    const distance_q2 = this.#turn[index] as number
    const angle_q6 = Math.floor(clockwise * 360 * 64)
    bytes[at] = ((distance_q2 === 0 ? 0 : strongest) << 2) | (index === 0 ? 1 : 2)
    bytes[at + 1] = ((angle_q6 << 1) & 0xff) | 1
    bytes[at + 2] = angle_q6 >> 7
    bytes[at + 3] = distance_q2 & 0xff
    bytes[at + 4] = distance_q2 >> 8
  }
}

export class RplidarTwin extends StreamTwin<RplidarEmulation> {
  constructor(options: RplidarTwinOptions = {}, via?: Via) {
    super((send) => new RplidarEmulation(send, options), via)
  }
}

/** An emulated lidar: real datagrams over loopback at true pace, of what stands in its scene. */
import { createSocket, type Socket } from 'node:dgram'
import { type Clock, systemClock } from '../../../edge/base/clock.ts'
import type { Mount } from '../../../edge/perception/obstacles/setup.ts'
import { type Faults, noFaults, type Twin } from '../../kit/twin.ts'
import type { PacketEncoder, Surroundings } from '../encoder.ts'
import { FaultyView, RecordedView, type ViewFaults } from './faulty-view.ts'
import { Scene, seeded } from './scene.ts'

export interface LidarFaults extends Faults, ViewFaults {
  /** The same turn again and again. */
  frozen: boolean
  /** So many copies more of each packet. */
  storm: number
  /** How far the sensor's clock is off, microseconds: to change it is a jump. */
  clockJump_us: number
  /** The share of the packets that is lost on the way. */
  drop: number
  /** So many packets of another such sensor, at another address, follow each of its own. */
  foreign: number
}

export const noLidarFaults = (): LidarFaults => ({
  ...noFaults(), frozen: false, storm: 0, clockJump_us: 0, drop: 0, foreign: 0, dirty: 0, reversed: false, backwards: false, upsideDown: false,
})

export interface UdpLidarTwinOptions {
  scene?: Scene
  /** Of the scene that is made when none is given. */
  mount?: Partial<Mount>
  /** How many times as fast as the real sensor; by default 1. */
  rate?: number
  /** So many turns are cast in advance and shown in a loop: for sensors of millions of beams a second whose turns are a whole number of packets. At least two. */
  castTurns?: number
  clock?: Clock
}

const host = '127.0.0.1'
const otherHost = '127.0.0.2'
/** Packets are sent several at a time: timers are no finer. */
const wake_ms = 4
/** What could not be sent for so long never is, as with a real sensor whose line was busy. */
const backlog_ms = 500

export class UdpLidarTwin implements Twin {
  readonly faults = noLidarFaults()
  /** What the sensor sees, to set: put somebody in its way, let it rain. */
  readonly scene: Scene
  readonly #encoder: PacketEncoder
  readonly #clock: Clock
  readonly #rate: number
  readonly #random = seeded(7)
  readonly #view: Surroundings
  readonly #cast: RecordedView | undefined
  #frozen: RecordedView | undefined
  #socket: Socket | undefined
  #stranger: Socket | undefined
  #port = 0
  #cancel = (): void => undefined
  #late = new Set<() => void>()
  /** When packet 0 would have been sent. */
  #began = 0
  #sent = 0
  /** Those that were made before anything was sent. */
  #packetsBefore = 0

  constructor(encoder: PacketEncoder, options: UdpLidarTwinOptions = {}) {
    this.#encoder = encoder
    this.#clock = options.clock ?? systemClock
    this.#rate = options.rate ?? 1
    this.scene = options.scene ?? new Scene(options.mount === undefined ? {} : { mount: options.mount })
    const faulty = new FaultyView(this.scene, this.faults)
    this.#cast = options.castTurns === undefined ? undefined : new RecordedView(faulty, Math.max(2, options.castTurns) * encoder.packetsPerTurn)
    this.#view = this.#cast ?? faulty
  }

  /** How many packets the sensor sent, lost ones included. */
  get packets(): number {
    return this.#sent
  }

  async start(): Promise<{ listen: string; from: string }> {
    this.#port = await freePort()
    this.#castAhead()
    this.#began = this.#clock.now()
    await this.plug()
    return { listen: `udp://${host}:${this.#port}`, from: host }
  }

  async stop(): Promise<void> {
    await this.unplug()
  }

  async plug(): Promise<void> {
    this.#socket = await boundTo(host)
    this.#stranger = await boundTo(otherHost).catch(() => undefined)
    this.#skipTo(this.#clock.now())
    this.#wakeLater()
  }

  async unplug(): Promise<void> {
    this.#cancel()
    for (const cancel of this.#late) cancel()
    this.#late.clear()
    const gone = [this.#socket, this.#stranger].filter((socket) => socket !== undefined)
    this.#socket = undefined
    this.#stranger = undefined
    await Promise.all(gone.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
  }

  #wakeLater(): void {
    this.#cancel = this.#clock.after(wake_ms, () => {
      this.#wakeLater()
      this.#sendDue()
    })
  }

  get #period_ms(): number {
    return this.#encoder.period_us / 1_000 / this.#rate
  }

  /** What should have been sent before is not: the line was cut, or this machine too busy. */
  #skipTo(now: number): void {
    const due = Math.floor((now - this.#began) / this.#period_ms)
    this.scene.advance(((due - this.#sent) * this.#encoder.period_us) / 1_000)
    this.#cast?.skip(due - this.#sent)
    this.#sent = due
  }

  #sendDue(): void {
    const now = this.#clock.now()
    if (now - this.#began - this.#sent * this.#period_ms > backlog_ms) this.#skipTo(now)
    const due = Math.floor((now - this.#began) / this.#period_ms)
    this.scene.advance(((due - this.#sent) * this.#encoder.period_us) / 1_000)
    for (; this.#sent < due; this.#sent++) this.#sendPacket()
  }

  /** Casts the turns that are then shown; the sensor's clock goes on from there. */
  #castAhead(): void {
    if (this.#cast === undefined) return
    const period_us = this.#encoder.period_us
    for (; this.#packetsBefore < this.#cast.packets; this.#packetsBefore++) {
      this.#cast.nextPacket()
      this.#encoder.encode(Math.round(this.#packetsBefore * period_us), this.#cast)
      this.scene.advance(period_us / 1_000)
    }
  }

  #sendPacket(): void {
    const { faults } = this
    const at_us = Math.round((this.#packetsBefore + this.#sent) * this.#encoder.period_us) + faults.clockJump_us
    const packet = Buffer.from(this.#encoder.encode(at_us, this.#seen()))
    if (faults.mute) return
    // What another sensor sends does not get lost with it.
    for (let copies = 0; copies < faults.foreign; copies++) this.#stranger?.send(packet, this.#port, host)
    if (this.#random() < faults.drop) return
    const bytes = this.#damaged(packet)
    if (faults.delay_ms === 0) this.#transmit(bytes)
    else this.#later(faults.delay_ms, () => this.#transmit(bytes))
  }

  /** What the next packet is made of. */
  #seen(): Surroundings {
    this.#cast?.nextPacket()
    if (!this.faults.frozen) {
      this.#frozen = undefined
      return this.#view
    }
    this.#frozen ??= new RecordedView(this.#view, this.#encoder.packetsPerTurn)
    this.#frozen.nextPacket()
    return this.#frozen
  }

  #damaged(packet: Buffer): Buffer {
    const { faults } = this
    if (faults.truncateNext > 0) {
      faults.truncateNext--
      return packet.subarray(0, packet.length >> 1)
    }
    if (faults.corruptNext > 0) {
      faults.corruptNext--
      const middle = packet.length >> 1
      packet[middle] = (packet[middle] as number) ^ 0x10
    }
    return packet
  }

  #transmit(bytes: Uint8Array): void {
    const { garbage, storm } = this.faults
    if (garbage !== undefined) this.#socket?.send(garbage, this.#port, host)
    for (let copies = 0; copies <= storm; copies++) this.#socket?.send(bytes, this.#port, host)
  }

  #later(delay_ms: number, action: () => void): void {
    const cancel = this.#clock.after(delay_ms, () => {
      this.#late.delete(cancel)
      action()
    })
    this.#late.add(cancel)
  }
}

async function boundTo(address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(0, address, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  socket.on('error', () => undefined)
  return socket
}

/** A port that nobody listens on yet. */
async function freePort(): Promise<number> {
  const socket = await boundTo(host)
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

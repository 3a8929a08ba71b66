/** An emulated R30x module: a finger can be laid on it, its library filled, its password set. */
import { concat } from '../../../edge/base/bytes.ts'
import { type StreamDevice, StreamTwin, type Via } from '../../kit/twin.ts'
import {
  dataPackets, encodePacket, encodeParameters, factoryAddress, Instruction, packetFramer, packPicture, type Packet, type Parameters, picture, u16,
} from './codec.ts'
import { Confirmation } from './confirmation.ts'
import { featureBytes, features, pictureOf, similarity, type Skin, templateBytes, templateOf } from './finger.ts'

export { templateOf } from './finger.ts'

/** What lies on the platen. */
export interface Finger {
  /** Whose finger: the same word is the same finger. */
  identity: string
  skin?: Skin
  /** It is lifted after every picture and laid down again, as one is asked to when enrolling. */
  lifts?: boolean
  /** 256 x 288 pixels of 8-bit grey that the sensor sees, instead of the ridges made from the identity. */
  picture?: Uint8Array
}

export interface R30xTwinOptions {
  /** 1 takes the time that a real module takes, 0 none. */
  tempo?: number
  address?: number
  password?: number
  capacity?: number
  system?: number
  packet_bytes?: 32 | 64 | 128 | 256
  /** In [0, 1): decides how two takings of a finger differ. */
  random?: () => number
}

/** What a recorded module took for each instruction, in ms; the others took 12. */
const times_ms: Record<number, number> = {
  [Instruction.getImage]: 185, [Instruction.extract]: 296, [Instruction.match]: 28, [Instruction.search]: 47,
  [Instruction.store]: 58, [Instruction.delete]: 66, [Instruction.empty]: 70, [Instruction.readParameters]: 16,
}

/** Scores from here on are the same finger. */
const threshold = 50

type Answer = number | { content: Uint8Array } | { ok: true; data: Uint8Array }

export class R30xEmulation implements StreamDevice {
  /** Templates by slot. */
  readonly library = new Map<number, Uint8Array>()
  /** How many pictures of a finger were taken: to wait for in a simulation. */
  pictures = 0
  readonly #send: (bytes: Uint8Array) => void
  readonly #tempo: number
  readonly #random: () => number
  readonly #parameters: Parameters
  readonly #framer = packetFramer()
  readonly #buffers = new Map<number, Uint8Array>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #password: number
  #verified = false
  #finger: Finger | undefined
  /** A finger that lifts is away for one look. */
  #away = false
  #image: Finger | undefined
  /** A template that is being received. */
  #incoming: { buffer: number; parts: Uint8Array[] } | undefined
  #busyUntil = 0

  constructor(send: (bytes: Uint8Array) => void, options: R30xTwinOptions = {}) {
    this.#send = send
    this.#tempo = options.tempo ?? 1
    this.#random = options.random ?? Math.random
    this.#password = options.password ?? 0
    this.#parameters = {
      status: 0, system: options.system ?? 9, capacity: options.capacity ?? 1_000, security: 3,
      address: options.address ?? factoryAddress, packet_bytes: options.packet_bytes ?? 128, baud: 57_600,
    }
  }

  /** Lays a finger on the platen, or takes it away. */
  setFinger(finger: Finger | 'dry' | 'wet' | 'none'): void {
    this.#away = false
    if (finger === 'none') this.#finger = undefined
    else this.#finger = typeof finger === 'string' ? { identity: 'somebody', skin: finger } : finger
  }

  /** Enrols a person without their finger. */
  learn(slot: number, identity: string): void {
    this.library.set(slot, templateOf(identity))
  }

  /** Power came back: buffers and the proven password are gone, the library stays. */
  connected(): void {
    this.stop()
    this.#framer.reset()
    this.#buffers.clear()
    this.#image = undefined
    this.#incoming = undefined
    this.#verified = false
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#busyUntil = 0
  }

  receive(bytes: Uint8Array): void {
    for (const packet of this.#framer.push(bytes)) {
      if (packet.address !== this.#parameters.address) continue
      if (packet.kind === 'command') this.#command(packet.content)
      else if (packet.kind !== 'ack') this.#takeData(packet)
    }
  }

  #command(content: Uint8Array): void {
    this.#incoming = undefined
    const instruction = content[0] ?? 0
    this.#after((times_ms[instruction] ?? 12) * this.#tempo, () => this.#answer(this.#carryOut(instruction, content.subarray(1))))
  }

  #answer(answer: Answer): void {
    const acknowledge = (content: Uint8Array): void => this.#send(encodePacket({ address: this.#parameters.address, kind: 'ack', content }))
    if (typeof answer === 'number') return acknowledge(Uint8Array.of(answer))
    if ('content' in answer) return acknowledge(answer.content)
    acknowledge(Uint8Array.of(Confirmation.ok))
    for (const packet of dataPackets(this.#parameters.address, answer.data, this.#parameters.packet_bytes)) {
      const bytes = encodePacket(packet)
      this.#after((bytes.length * 10_000 * this.#tempo) / this.#parameters.baud, () => this.#send(bytes))
    }
  }

  /** One thing after another, as slowly as the module is. */
  #after(delay_ms: number, action: () => void): void {
    if (this.#tempo === 0) return action()
    const now = performance.now()
    this.#busyUntil = Math.max(this.#busyUntil, now) + delay_ms
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      action()
    }, this.#busyUntil - now)
    this.#timers.add(timer)
  }

  #carryOut(instruction: number, args: Uint8Array): Answer {
    if (!this.#verified && this.#password !== 0 && instruction !== Instruction.verifyPassword) return Confirmation.passwordNeeded
    const [buffer = 0] = args
    switch (instruction) {
      case Instruction.verifyPassword: return this.#verify(u32At(args, 0))
      case Instruction.setPassword: return this.#setPassword(u32At(args, 0))
      case Instruction.readParameters: return { content: encodeParameters(this.#parameters) }
      case Instruction.countTemplates: return { content: Uint8Array.of(Confirmation.ok, ...u16(this.library.size)) }
      case Instruction.getImage: return this.#getImage()
      case Instruction.extract: return this.#extract(buffer)
      case Instruction.match: return this.#match()
      case Instruction.search: return this.#search(buffer, u16At(args, 1), u16At(args, 3))
      case Instruction.merge: return this.#merge()
      case Instruction.store: return this.#store(buffer, u16At(args, 1))
      case Instruction.load: return this.#load(buffer, u16At(args, 1))
      case Instruction.uploadTemplate: return this.#upload(buffer)
      case Instruction.downloadTemplate: return this.#download(buffer)
      case Instruction.uploadImage: return this.#uploadImage()
      case Instruction.delete: return this.#delete(u16At(args, 0), u16At(args, 2))
      case Instruction.empty: return this.#empty()
      default: return Confirmation.damagedPacket
    }
  }

  #verify(password: number): Answer {
    this.#verified = password === this.#password
    return this.#verified ? Confirmation.ok : Confirmation.wrongPassword
  }

  #setPassword(password: number): Answer {
    this.#password = password
    return Confirmation.ok
  }

  #getImage(): Answer {
    const finger = this.#finger
    if (finger === undefined || this.#away) {
      this.#away = false
      return Confirmation.noFinger
    }
    this.#image = finger
    this.#away = finger.lifts === true
    this.pictures++
    return Confirmation.ok
  }

  #extract(buffer: number): Answer {
    const finger = this.#image
    if (finger === undefined) return Confirmation.noImage
    if (finger.skin === 'dry') return Confirmation.fewFeatures
    if (finger.skin === 'wet') return Confirmation.imageMessy
    const half = features(finger.identity, this.#random)
    this.#buffers.set(buffer, concat([half, new Uint8Array(templateBytes - featureBytes)]))
    return Confirmation.ok
  }

  #match(): Answer {
    const [first, second] = [this.#buffers.get(1), this.#buffers.get(2)]
    const score = first === undefined || second === undefined ? 0 : similarity(first, second)
    return { content: Uint8Array.of(score >= threshold ? Confirmation.ok : Confirmation.noMatch, ...u16(score)) }
  }

  #search(buffer: number, first: number, count: number): Answer {
    const taking = this.#buffers.get(buffer)
    const [best] = [...this.library]
      .filter(([slot]) => slot >= first && slot < first + count)
      .map(([slot, template]) => ({ slot, score: taking === undefined ? 0 : similarity(taking, template) }))
      .sort((a, b) => b.score - a.score)
    if (best === undefined || best.score < threshold) return { content: Uint8Array.of(Confirmation.notFound, 0, 0, 0, 0) }
    return { content: Uint8Array.of(Confirmation.ok, ...u16(best.slot), ...u16(best.score)) }
  }

  #merge(): Answer {
    const [first, second] = [this.#buffers.get(1), this.#buffers.get(2)]
    if (first === undefined || second === undefined || similarity(first, second) < threshold) return Confirmation.notSame
    const template = concat([first.subarray(0, featureBytes), second.subarray(0, featureBytes)])
    this.#buffers.set(1, template).set(2, template)
    return Confirmation.ok
  }

  #store(buffer: number, slot: number): Answer {
    const template = this.#buffers.get(buffer)
    if (slot >= this.#parameters.capacity) return Confirmation.noSuchSlot
    if (template === undefined) return Confirmation.flashFailed
    this.library.set(slot, template)
    return Confirmation.ok
  }

  #load(buffer: number, slot: number): Answer {
    const template = this.library.get(slot)
    if (slot >= this.#parameters.capacity) return Confirmation.noSuchSlot
    if (template === undefined) return Confirmation.badTemplate
    this.#buffers.set(buffer, template)
    return Confirmation.ok
  }

  #upload(buffer: number): Answer {
    const data = this.#buffers.get(buffer)
    return data === undefined ? Confirmation.uploadFailed : { ok: true, data }
  }

  #download(buffer: number): Answer {
    if (buffer !== 1 && buffer !== 2) return Confirmation.downloadFailed
    this.#incoming = { buffer, parts: [] }
    return Confirmation.ok
  }

  #takeData({ kind, content }: Packet): void {
    if (this.#incoming === undefined) return
    const { buffer, parts } = this.#incoming
    parts.push(content)
    const received = concat(parts)
    if (kind === 'data' && received.length < templateBytes) return
    this.#incoming = undefined
    if (received.length === templateBytes) this.#buffers.set(buffer, received)
    else this.#buffers.delete(buffer)
  }

  #uploadImage(): Answer {
    if (this.#image === undefined) return Confirmation.imageUploadFailed
    const { identity, skin, picture: seen } = this.#image
    const grey = seen?.length === picture.width * picture.height ? seen : pictureOf(identity, skin)
    return { ok: true, data: packPicture(grey) }
  }

  #delete(slot: number, count: number): Answer {
    if (slot + count > this.#parameters.capacity) return Confirmation.deleteFailed
    for (let index = slot; index < slot + count; index++) this.library.delete(index)
    return Confirmation.ok
  }

  #empty(): Answer {
    this.library.clear()
    return Confirmation.ok
  }
}

const u16At = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
const u32At = (bytes: Uint8Array, at: number): number => u16At(bytes, at) * 65_536 + u16At(bytes, at + 2)

export class R30xTwin extends StreamTwin<R30xEmulation> {
  constructor(options: R30xTwinOptions = {}, via?: Via) {
    super((send) => new R30xEmulation(send, options), via)
  }
}

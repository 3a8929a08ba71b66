/** The instructions of an R30x module as functions: one request, one checked answer. */
import { concat } from '../../../edge/base/bytes.ts'
import { DeviceError, PortcullisError } from '../../../edge/base/error.ts'
import { type Accept, more } from '../../kit/exchange.ts'
import type { Connection } from '../../kit/session.ts'
import {
  type Buffer, dataPackets, decodeParameters, encodePacket, Instruction, type Packet, type Parameters, parametersReplyBytes, picture, u16, u32,
} from './codec.ts'
import { Confirmation, refusal } from './confirmation.ts'

export interface ModuleSettings {
  component: string
  address: number
  /** How often a request is repeated. Every instruction may safely be: none of them adds to what is there. */
  retries: number
  /** The longest that handing out a picture or a template may take. */
  transfer_ms: number
  template_bytes: number
  onRetry(): void
}

export class FingerModule {
  readonly #connection: Connection<Packet>
  readonly #settings: ModuleSettings
  /** Until the module's parameters are known: what it has from the factory. */
  #packet_bytes = 128
  /** An answer is overdue: it may still come and must not be taken for the answer to something else. */
  #answerOverdue = false

  constructor(connection: Connection<Packet>, settings: ModuleSettings) {
    this.#connection = connection
    this.#settings = settings
  }

  /** @throws DeviceError (PC-FINGER-PASSWORD). */
  async verifyPassword(password: number): Promise<void> {
    await this.#ask([Instruction.verifyPassword, ...u32(password)])
  }

  async setPassword(password: number): Promise<void> {
    await this.#ask([Instruction.setPassword, ...u32(password)])
  }

  async readParameters(): Promise<Parameters> {
    const parameters = decodeParameters(await this.#ask([Instruction.readParameters], { replyBytes: parametersReplyBytes }))
    this.#packet_bytes = parameters.packet_bytes
    return parameters
  }

  async countTemplates(): Promise<number> {
    return number(await this.#ask([Instruction.countTemplates], { replyBytes: 3 }), 1)
  }

  /** Takes a picture of what lies on the platen. */
  async getImage(): Promise<'taken' | 'no-finger' | 'failed'> {
    const [confirmation] = await this.#ask([Instruction.getImage], { answers: [Confirmation.noFinger, Confirmation.imageFailed] })
    if (confirmation === Confirmation.ok) return 'taken'
    return confirmation === Confirmation.noFinger ? 'no-finger' : 'failed'
  }

  /** Extracts the features of the picture; `false` when it is too poor for that. */
  async extract(buffer: Buffer): Promise<boolean> {
    const [confirmation] = await this.#ask([Instruction.extract, buffer], { answers: [Confirmation.imageMessy, Confirmation.fewFeatures, Confirmation.noImage] })
    return confirmation === Confirmation.ok
  }

  /** Compares the two buffers. */
  async match(): Promise<{ same: boolean; score: number }> {
    const reply = await this.#ask([Instruction.match], { replyBytes: 3, answers: [Confirmation.noMatch] })
    return { same: reply[0] === Confirmation.ok, score: reply.length === 3 ? number(reply, 1) : 0 }
  }

  /** Looks for what is in the buffer among `count` stored templates from slot `first` on. */
  async search(buffer: Buffer, first: number, count: number): Promise<{ slot: number; score: number } | undefined> {
    const reply = await this.#ask([Instruction.search, buffer, ...u16(first), ...u16(count)], { replyBytes: 5, answers: [Confirmation.notFound] })
    return reply[0] === Confirmation.ok ? { slot: number(reply, 1), score: number(reply, 3) } : undefined
  }

  /** Makes one template of both buffers and leaves it in both; `false` when they are of different fingers. */
  async merge(): Promise<boolean> {
    const [confirmation] = await this.#ask([Instruction.merge], { answers: [Confirmation.notSame] })
    return confirmation === Confirmation.ok
  }

  /** @throws DeviceError (PC-FINGER-SLOT, PC-FINGER-MEMORY). */
  async store(buffer: Buffer, slot: number): Promise<void> {
    await this.#ask([Instruction.store, buffer, ...u16(slot)])
  }

  /** @throws DeviceError (PC-FINGER-SLOT, PC-FINGER-MEMORY). */
  async load(buffer: Buffer, slot: number): Promise<void> {
    await this.#ask([Instruction.load, buffer, ...u16(slot)])
  }

  async delete(slot: number, count = 1): Promise<void> {
    await this.#ask([Instruction.delete, ...u16(slot), ...u16(count)])
  }

  async empty(): Promise<void> {
    await this.#ask([Instruction.empty])
  }

  /** From the module to here. @throws DeviceError (PC-FINGER-TRANSFER). */
  uploadTemplate(buffer: Buffer): Promise<Uint8Array> {
    return this.#take([Instruction.uploadTemplate, buffer], this.#settings.template_bytes)
  }

  /** The last picture, two pixels a byte (see `unpackPicture`). @throws DeviceError (PC-FINGER-TRANSFER). */
  uploadPicture(): Promise<Uint8Array> {
    return this.#take([Instruction.uploadImage], picture.packedBytes)
  }

  /** From here to the module, which does not say whether all of it arrived. */
  async downloadTemplate(buffer: Buffer, template: Uint8Array): Promise<void> {
    await this.#ask([Instruction.downloadTemplate, buffer])
    await this.#connection.send(concat(dataPackets(this.#settings.address, template, this.#packet_bytes).map(encodePacket)))
  }

  /** The acknowledgement's content: `ok` or one of `answers`, everything else is an error. */
  #ask(content: number[], { replyBytes = 1, answers = [] as number[] } = {}): Promise<Uint8Array> {
    return this.#repeat(async () => {
      const reply = await this.#request(content, (packet) => this.#acknowledgement(packet, replyBytes))
      const confirmation = reply[0] ?? Confirmation.undefinedError
      if (confirmation !== Confirmation.ok && !answers.includes(confirmation)) throw refusal(this.#settings.component, confirmation)
      return reply
    })
  }

  /** What the module hands out in data packets after its acknowledgement. */
  #take(content: number[], bytes: number): Promise<Uint8Array> {
    return this.#repeat(() => this.#request(content, this.#collector(bytes), this.#settings.transfer_ms))
  }

  #collector(bytes: number): Accept<Packet, Uint8Array> {
    const { address, component } = this.#settings
    const parts: Uint8Array[] = []
    let acknowledged = false
    let received = 0
    return (packet) => {
      if (packet.address !== address) return undefined
      if (!acknowledged) {
        const reply = this.#acknowledgement(packet, 1)
        if (reply === undefined) return undefined
        if (reply[0] !== Confirmation.ok) throw refusal(component, reply[0] ?? Confirmation.undefinedError)
        acknowledged = true
        return more
      }
      if (packet.kind !== 'data' && packet.kind !== 'end') return undefined
      received += packet.content.length
      parts.push(packet.content)
      if (packet.kind === 'data' && received < bytes) return more
      if (packet.kind === 'end' && received === bytes) return concat(parts)
      throw new DeviceError('PC-FINGER-TRANSFER', `The fingerprint module ${component} sent ${received} bytes where ${bytes} were expected.`, { component })
    }
  }

  /** The reply to an instruction; a refusal may be shorter than the reply would be. */
  #acknowledgement({ address, kind, content }: Packet, replyBytes: number): Uint8Array | undefined {
    if (address !== this.#settings.address || kind !== 'ack') return undefined
    const refused = content.length === 1 && content[0] !== Confirmation.ok
    return content.length === replyBytes || refused ? content : undefined
  }

  async #repeat<T>(once: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        if (this.#answerOverdue) await this.#resynchronise()
        return await once()
      } catch (error) {
        const wireFault = error instanceof PortcullisError && wireFaults.has(error.code)
        if (wireFault) this.#answerOverdue = true
        if (!wireFault || attempt >= this.#settings.retries) throw error
        this.#settings.onRetry()
      }
    }
  }

  /**
   * Lets overdue answers pass. An acknowledgement does not say what it answers, but the module
   * answers in order and that of ReadSysPara is like no other: what came before it is old.
   */
  async #resynchronise(): Promise<void> {
    await this.#request([Instruction.readParameters], ({ kind, content }) => (kind === 'ack' && content.length === parametersReplyBytes ? true : undefined))
    this.#answerOverdue = false
  }

  /** Not cancellable: an answer that nobody waits for would be taken for the next one. */
  #request<Reply>(content: number[], accept: Accept<Packet, Reply>, reply_ms?: number): Promise<Reply> {
    const packet = encodePacket({ address: this.#settings.address, kind: 'command', content: Uint8Array.from(content) })
    return this.#connection.request(packet, accept, { retries: 0, ...(reply_ms === undefined ? {} : { reply_ms }) })
  }
}

/** Faults of the wire: the same request may succeed the next time. */
const wireFaults = new Set<string>(['PC-LINK-TIMEOUT', 'PC-FINGER-WIRE', 'PC-FINGER-TRANSFER'])

const number = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

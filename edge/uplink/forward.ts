/**
 * The journal's cursor on its way to the centre.
 *
 * At least once, in order, without gaps: the cursor only moves over the unbroken run of acknowledged
 * facts, and after every reconnect sending starts again right behind it. The centre tells repeats by
 * (device, epoch, seq, hash). Nothing is queued here: what is not under way is in the journal.
 */
import { canonical } from '../base/canonical.ts'
import type { Cancel, Clock } from '../base/clock.ts'
import type { Counters } from '../base/counters.ts'
import { TimeoutError } from '../base/error.ts'
import type { Fact, FactSource } from '../journal/fact.ts'
import type { UplinkLimits } from './limits.ts'
import { type UnderWay, Window } from './window.ts'

export type ForwardCount = 'acknowledged' | 'resent' | 'trimmed' | 'dropped'

/** A connection, as far as facts need one. */
export interface FactChannel {
  sendFact(payload: string, acknowledged: () => void): void
  /** Gives the connection up. */
  drop(why: Error): void
}

export interface ForwarderOptions {
  source: FactSource
  /** The name of the cursor in the journal. */
  reader: string
  clock: Clock
  limits: UplinkLimits
  counters: Counters<ForwardCount>
  /** Something changed that the faces or the cursor's durable copy should follow. */
  onProgress(): void
}

export class Forwarder {
  readonly #options: ForwarderOptions
  #channel: FactChannel | undefined
  #window = new Window(1)
  #cancelWatch: Cancel | undefined
  /** The last fact read from the journal on this connection. */
  #read = 0
  /** The last fact ever sent by this process. */
  #everSent = 0
  #cursor: number
  #saved: number | undefined

  constructor(options: ForwarderOptions) {
    this.#options = options
    this.#cursor = options.source.cursor(options.reader)
  }

  get cursor(): number {
    return this.#cursor
  }

  get inFlight(): number {
    return this.#window.length
  }

  get pending(): number {
    return Math.max(0, this.#options.source.last - this.#cursor)
  }

  attach(channel: FactChannel): void {
    this.#channel = channel
    this.#window = new Window(this.#options.limits.inFlight_max)
    this.#read = this.#cursor
    this.pump()
  }

  detach(): void {
    this.#channel = undefined
    this.#window = new Window(1)
    this.#cancelWatch?.()
    this.#cancelWatch = undefined
  }

  /** Sends what there is and has room. Waits until half the window is free, so as to read in batches. */
  pump(): void {
    const channel = this.#channel
    const { source, limits } = this.#options
    if (channel === undefined || this.#window.length > limits.inFlight_max / 2 || source.last <= this.#read) return
    try {
      for (const fact of source.after(this.#read, this.#window.room)) this.#send(channel, fact)
    } catch (error) {
      channel.drop(error as Error)
    }
    this.#options.onProgress()
  }

  /**
   * Makes the cursor durable; from the first time on, the journal keeps for us what was not sent.
   * @throws what the journal throws; the old position then still holds.
   */
  save(): void {
    if (this.#saved === this.#cursor) return
    this.#options.source.setCursor(this.#options.reader, this.#cursor)
    this.#saved = this.#cursor
  }

  #send(channel: FactChannel, fact: Fact): void {
    const { clock, counters } = this.#options
    const window = this.#window
    const underWay: UnderWay = { seq: fact.seq, missing: fact.seq - this.#read - 1, sent: clock.now(), acknowledged: false }
    this.#read = fact.seq
    if (fact.seq <= this.#everSent) counters.add('resent')
    this.#everSent = Math.max(this.#everSent, fact.seq)
    window.add(underWay)
    channel.sendFact(this.#encode(fact), () => {
      if (window === this.#window) this.#acknowledged(underWay)
    })
    this.#watch()
  }

  #encode(fact: Fact): string {
    const text = canonical(fact)
    const bytes = Buffer.byteLength(text)
    if (bytes <= this.#options.limits.fact_bytes_max) return text
    this.#options.counters.add('trimmed')
    const { body: _body, personal: _personal, ...head } = fact
    return canonical({ ...head, omitted_bytes: bytes })
  }

  #acknowledged(underWay: UnderWay): void {
    const { counters, onProgress } = this.#options
    for (const { seq, missing } of this.#window.acknowledge(underWay)) {
      this.#cursor = seq
      counters.add('acknowledged')
      counters.add('dropped', missing)
    }
    onProgress()
    this.pump()
  }

  /** Gives the connection up when the oldest fact waits too long: one timer, not one a fact. */
  #watch(): void {
    const oldest = this.#window.oldest
    if (oldest === undefined || this.#cancelWatch !== undefined) return
    const { clock, limits } = this.#options
    const due = oldest.sent + limits.ack_ms_max
    this.#cancelWatch = clock.after(Math.max(0, due - clock.now()), () => {
      this.#cancelWatch = undefined
      const late = this.#window.oldest
      if (late !== undefined && clock.now() >= late.sent + limits.ack_ms_max) {
        this.#channel?.drop(new TimeoutError('PC-UPLINK-ACK', 'The broker did not acknowledge in time.'))
      } else {
        this.#watch()
      }
    })
  }
}

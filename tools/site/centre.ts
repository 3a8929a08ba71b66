/** The centre in small: a broker, somebody who reads every fact, and an officer who sends commands. */
import { randomBytes, type KeyObject } from 'node:crypto'
import { systemClock } from '../../edge/base/clock.ts'
import { Listeners } from '../../edge/base/listeners.ts'
import { silent } from '../../edge/base/log.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import { Broker, deviceGrant } from '../../edge/uplink/broker.ts'
import { signOrder } from '../../edge/uplink/order.ts'
import { type Topics, topicsOf } from '../../edge/uplink/topics.ts'
import { connectAsync, type MqttClient } from 'mqtt'

export interface CentreOptions {
  site: string
  device: string
  /** Signs the officer's commands. */
  authority: KeyObject
  /** 0: any free port. */
  port?: number
}

export class Centre {
  /** Every fact that the device sent, once, in the order in which they came. */
  readonly facts = new Listeners<Fact>()
  readonly topics: Topics
  /** The highest number of a fact that arrived; the device repeats what it did not know to have arrived. */
  last = 0
  #broker: Broker
  readonly #options: CentreOptions
  readonly #officer: string
  readonly #client: MqttClient
  readonly #seen = new Set<number>()

  private constructor(options: CentreOptions, broker: Broker, officer: string, client: MqttClient) {
    this.#options = options
    this.#officer = officer
    this.#broker = broker
    this.#client = client
    this.topics = topicsOf(options)
    this.#listen()
  }

  get broker(): Broker {
    return this.#broker
  }

  #listen(): void {
    this.#broker.arrivals.add(({ topic, payload }) => {
      if (topic !== this.topics.facts) return
      const fact = JSON.parse(payload.toString('utf8')) as Fact
      if (this.#seen.has(fact.seq)) return
      this.#seen.add(fact.seq)
      this.last = Math.max(this.last, fact.seq)
      this.facts.emit(fact)
    })
  }

  static async start(options: CentreOptions): Promise<Centre> {
    const officer = randomBytes(9).toString('base64url')
    const broker = await brokerFor(options, officer)
    return new Centre(options, broker, officer, await connectAsync(broker.url, { clientId: officer, reconnectPeriod: 200 }))
  }

  /** The broker goes away, and with it the line to the device. */
  async goAway(): Promise<void> {
    await this.#broker.stop()
  }

  /** It comes back where it was, and knows nothing of what was before. */
  async comeBack(): Promise<void> {
    this.#broker = await brokerFor({ ...this.#options, port: this.#broker.port }, this.#officer)
    this.#listen()
  }

  async stop(): Promise<void> {
    await this.#client.endAsync()
    await this.broker.stop()
  }

  /** The officer decides on the traveller of a passage. */
  async decide(decision: 'grant' | 'refuse' | 'release', passage: number): Promise<void> {
    const topic = this.topics.command({ component: 'gate', command: 'decide' })
    const issuedAt = systemClock.wall()
    const order = signOrder(topic, {
      id: randomBytes(12).toString('hex'), args: { decision, passage }, role: 'officer', issuedBy: 'officer-1', issuedAt, expiresAt: issuedAt + 10_000,
    }, this.#options.authority)
    await this.#client.publishAsync(topic, JSON.stringify(order), { qos: 1 })
  }
}

/** One that lets the device and the officer in, each to what is theirs. */
function brokerFor(options: CentreOptions, officer: string): Promise<Broker> {
  const topics = topicsOf(options)
  return Broker.start({
    port: options.port ?? 0, log: silent,
    access: ({ clientId }) => {
      if (clientId === topics.clientId) return deviceGrant(topics)
      return clientId === officer ? { publish: [topics.commands], subscribe: [`${topics.prefix}/#`] } : undefined
    },
  })
}

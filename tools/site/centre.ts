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
  readonly broker: Broker
  readonly topics: Topics
  /** The highest number of a fact that arrived; the device repeats what it did not know to have arrived. */
  last = 0
  readonly #options: CentreOptions
  readonly #client: MqttClient
  readonly #seen = new Set<number>()

  private constructor(options: CentreOptions, broker: Broker, client: MqttClient) {
    this.#options = options
    this.broker = broker
    this.#client = client
    this.topics = topicsOf(options)
    broker.arrivals.add(({ topic, payload }) => {
      if (topic !== this.topics.facts) return
      const fact = JSON.parse(payload.toString('utf8')) as Fact
      if (this.#seen.has(fact.seq)) return
      this.#seen.add(fact.seq)
      this.last = Math.max(this.last, fact.seq)
      this.facts.emit(fact)
    })
  }

  static async start(options: CentreOptions): Promise<Centre> {
    const topics = topicsOf(options)
    const officer = randomBytes(9).toString('base64url')
    const broker = await Broker.start({
      port: options.port ?? 0, log: silent,
      access: ({ clientId }) => {
        if (clientId === topics.clientId) return deviceGrant(topics)
        return clientId === officer ? { publish: [topics.commands], subscribe: [`${topics.prefix}/#`] } : undefined
      },
    })
    return new Centre(options, broker, await connectAsync(broker.url, { clientId: officer }))
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

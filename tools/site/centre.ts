/** The centre in small: a broker, somebody who reads every fact, and an officer who sends commands. */
import { randomBytes, type KeyObject } from 'node:crypto'
import type { Json } from '../../edge/base/canonical.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { DeviceError } from '../../edge/base/error.ts'
import { Listeners } from '../../edge/base/listeners.ts'
import { silent } from '../../edge/base/log.ts'
import { within } from '../../edge/base/wait.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import { Broker, deviceGrant } from '../../edge/uplink/broker.ts'
import { type Answer, type Order, signOrder } from '../../edge/uplink/order.ts'
import { type CommandTarget, type Topics, topicsOf } from '../../edge/uplink/topics.ts'
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
  readonly #answers = new Listeners<Answer>()

  private constructor(options: CentreOptions, broker: Broker, officer: string, client: MqttClient) {
    this.#options = options
    this.#officer = officer
    this.#broker = broker
    this.#client = client
    client.on('message', (topic, payload) => {
      if (topic.startsWith(this.topics.result(''))) this.#answers.emit(JSON.parse(payload.toString('utf8')) as Answer)
    })
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
    await this.#order({ component: 'gate', command: 'decide' }, { decision, passage }, 'officer')
  }

  /** Has a command carried out and gives its result. @throws DeviceError with the device's own code, TimeoutError (PC-SITE-ANSWER). */
  async ask(target: CommandTarget, args: Record<string, Json>, role: Order['role'], limit_ms = 10_000): Promise<unknown> {
    const id = newId()
    const topic = this.topics.result(id)
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const remove = this.#answers.add((answer) => {
      if (answer.id === id) resolve(answer)
    })
    try {
      await this.#client.subscribeAsync(topic, { qos: 1 })
      await this.#order(target, args, role, id)
      const { code, says, status, result } = await within({ clock: systemClock, limit_ms, code: 'PC-SITE-ANSWER', message: 'The device gave no answer in time.' }, () => promise)
      if (status !== 'done') throw new DeviceError(code ?? 'PC-SITE-ANSWER', says ?? 'The command was not carried out.')
      return result
    } finally {
      remove()
      await this.#client.unsubscribeAsync(topic)
    }
  }

  async #order(target: CommandTarget, args: Record<string, Json>, role: Order['role'], id = newId()): Promise<void> {
    const topic = this.topics.command(target)
    const issuedAt = systemClock.wall()
    const order = signOrder(topic, { id, args, role, issuedBy: `${role}-1`, issuedAt, expiresAt: issuedAt + 10_000 }, this.#options.authority)
    await this.#client.publishAsync(topic, JSON.stringify(order), { qos: 1 })
  }
}

const newId = (): string => randomBytes(12).toString('hex')

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

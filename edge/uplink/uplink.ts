/**
 * The way to the centre and back: facts and states up, commands down, over one MQTT connection.
 *
 * The broker may be away for as long as it likes: facts wait in the journal, nothing grows here.
 */
import { canonical } from '../base/canonical.ts'
import type { Cancel, Clock, Instant } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { CancelledError, describe } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { Backoff, sleep } from '../base/wait.ts'
import { Component } from '../device/component.ts'
import type { SelfTestReport } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSink, FactSource } from '../journal/fact.ts'
import { type CommandCount, Commands } from './commands.ts'
import { UplinkContract } from './contract.ts'
import { type ForwardCount, Forwarder } from './forward.ts'
import { type CommandLimits, commandLimits, type UplinkLimits, uplinkLimits } from './limits.ts'
import { type BrokerAddress, Link, parseUrl } from './link.ts'
import { type Answer, authorityKeys } from './order.ts'
import { States } from './states.ts'
import { type Address, type Topics, topicsOf } from './topics.ts'

export interface UplinkOptions {
  /** The component's name in the device model. */
  name?: string
  site: string
  device: string
  /** Of the software and of the journal, for the presence message. */
  version: string
  epoch: number
  source: FactSource
  sink: FactSink
  model: DeviceModel
  clock: Clock
  log: Logger
  connect: BrokerAddress
  /** Ed25519 public keys (PEM) whose commands this device obeys; none means no command is obeyed. */
  authorities?: readonly string[]
  /** Obeys unsigned commands too: for demonstrations and tests only. */
  acceptUnsigned?: boolean
  limits?: Partial<UplinkLimits>
  commandLimits?: Partial<CommandLimits>
  random?: () => number
}

/** Published, retained, on the presence topic. `since`: when the connection it speaks of was begun. */
export interface Presence {
  status: 'online' | 'offline' | 'lost'
  since: number
  version: string
  epoch: number
}

type UplinkCount = CommandCount | ForwardCount | 'connected' | 'lost' | 'answersUnsent'
const counts: readonly UplinkCount[] = [
  'acknowledged', 'resent', 'trimmed', 'dropped', 'done', 'failed', 'refused', 'repeated', 'unreadable', 'connected', 'lost', 'answersUnsent',
]

const drainCheck_ms = 10
const unsignedWarning = 'UNSIGNED COMMANDS ARE ACCEPTED: never do this on a real site'

export class Uplink {
  readonly component: Component<typeof UplinkContract.members>
  readonly topics: Topics
  readonly #options: UplinkOptions
  readonly #limits: UplinkLimits
  readonly #forwarder: Forwarder
  readonly #commands: Commands
  readonly #counters = new Counters<UplinkCount>(counts)
  readonly #broker: string
  #states: States | undefined
  #life = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #link: Link | undefined
  #answersOut = 0
  #cancelTick: Cancel | undefined

  /** @throws ConfigError (PC-UPLINK-ID, PC-UPLINK-URL, PC-UPLINK-KEY) */
  constructor(options: UplinkOptions) {
    const { clock, source, sink, model, log } = options
    this.#options = options
    this.#limits = { ...uplinkLimits, ...options.limits }
    const { host, port } = parseUrl(options.connect.url)
    this.#broker = `${host}:${port}`
    this.topics = topicsOf(options satisfies Address)
    this.component = new Component(options.name ?? 'uplink', UplinkContract, clock, { selfTest: () => this.#selfTest() })
    this.#forwarder = new Forwarder({
      source, clock, reader: 'uplink', limits: this.#limits, counters: this.#counters, onProgress: () => this.#soon(),
    })
    this.#commands = new Commands({
      topics: this.topics, model, source, sink, clock, log, keys: authorityKeys(options.authorities ?? []),
      acceptUnsigned: options.acceptUnsigned ?? false, limits: { ...commandLimits, ...options.commandLimits },
      counters: this.#counters, onAnswer: (answer) => this.#answer(answer),
    })
    this.#publishFigures()
    this.component.publish('broker', this.#broker)
    this.component.publish('connected', false)
  }

  /**
   * Begins to connect and returns at once: a broker that is away is no reason not to start.
   * @throws what the journal throws when it cannot be read
   */
  async start(signal: AbortSignal): Promise<void> {
    await this.stop()
    this.#commands.start()
    this.#life = new AbortController()
    signal.addEventListener('abort', () => this.#life.abort(), { once: true, signal: this.#life.signal })
    if (signal.aborted) this.#life.abort()
    this.#running = this.#run(this.#life.signal)
  }

  /** Writes the outcome of running commands, sends what it can, says goodbye. Bounded; safe to call twice. */
  async stop(): Promise<void> {
    this.#life.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { model, source, log, acceptUnsigned } = this.#options
    if (acceptUnsigned === true) log.warn({ component: this.component.name }, unsignedWarning)
    this.component.publish('health', { status: 'starting' })
    const states = new States(model, this.topics, () => this.#soon())
    const stopListening = source.onAppend(() => {
      this.#forwarder.pump()
      this.#soon()
    })
    this.#states = states
    this.#settle()
    await this.#stayConnected(signal)
    await this.#commands.stop()
    stopListening()
    states.stop()
    this.#cancelTick?.()
    this.#cancelTick = undefined
    this.#settle()
    this.component.publish('health', { status: 'stopped' })
  }

  async #stayConnected(signal: AbortSignal): Promise<void> {
    const { reconnect_ms_min, reconnect_ms_max, stable_ms_min } = this.#limits
    const { clock, random } = this.#options
    const backoff = new Backoff(reconnect_ms_min, reconnect_ms_max, random)
    while (!signal.aborted) {
      const started = clock.now()
      const why = await this.#session(signal).catch((error: unknown) => error)
      if (signal.aborted) return
      this.#report(why, started)
      if (clock.now() - started >= stable_ms_min) backoff.reset()
      await sleep(clock, backoff.next_ms(), signal).catch(() => undefined)
    }
  }

  /** One connection from start to end; resolves with why it ended. */
  async #session(signal: AbortSignal): Promise<unknown> {
    const { clock, connect } = this.#options
    const { presence, commands } = this.topics
    const since = clock.wall()
    const link = await Link.open({
      address: connect, clientId: this.topics.clientId, clock, limits: this.#limits,
      will: { topic: presence, payload: this.#presence('lost', since) },
      onMessage: (message) => {
        this.#commands.receive(message)
        this.#soon()
      },
    }, signal)
    this.#link = link
    this.#answersOut = 0
    try {
      await link.subscribe(commands, signal)
      await link.deliver(presence, this.#presence('online', since), this.#limits.ack_ms_max, signal)
      this.#connected(link)
      return await lostOrAborted(link, signal)
    } finally {
      if (signal.aborted) await this.#goodbye(link, since)
      this.#forwarder.detach()
      this.#link = undefined
      this.component.publish('connected', false)
      link.drop(new CancelledError())
      this.#soon()
    }
  }

  #connected(link: Link): void {
    this.#counters.add('connected')
    this.component.publish('connected', true)
    this.component.publish('health', { status: 'ready' })
    const { pending } = this.#forwarder
    this.#options.log.info({ component: this.component.name, broker: this.#broker, pending }, 'connected to the centre')
    this.#states?.all()
    this.#forwarder.attach({
      sendFact: (payload, acknowledged) => link.send(this.topics.facts, payload, acknowledged),
      drop: (why) => link.drop(why),
    })
    this.#soon()
  }

  async #goodbye(link: Link, since: number): Promise<void> {
    const { stop_ms_max } = this.#limits
    await this.#commands.stop()
    await this.#drained(link, stop_ms_max)
    this.#forwarder.detach()
    await link.deliver(this.topics.presence, this.#presence('offline', since), stop_ms_max).catch(() => undefined)
    await link.close(stop_ms_max)
  }

  /** Resolves when nothing is under way any more, the connection ended or the time is over. */
  async #drained(link: Link, limit_ms: number): Promise<void> {
    const { clock } = this.#options
    const until = clock.now() + limit_ms
    let connected = true
    void link.lost.then(() => {
      connected = false
    })
    while (connected && this.#forwarder.inFlight + this.#answersOut > 0 && clock.now() < until) await sleep(clock, drainCheck_ms)
  }

  #answer(answer: Answer): void {
    const link = this.#link
    if (link === undefined || this.#answersOut >= this.#limits.answers_max) {
      this.#counters.add('answersUnsent')
    } else {
      this.#answersOut++
      link.send(this.topics.result(answer.id), canonical(answer), () => {
        if (link === this.#link) this.#answersOut--
      })
    }
    this.#soon()
  }

  #presence(status: Presence['status'], since: number): string {
    const { version, epoch } = this.#options
    return canonical({ status, since, version, epoch } satisfies Presence)
  }

  #report(why: unknown, started: Instant): void {
    const { code, message: says } = describe(why)
    this.#counters.add('lost')
    this.component.publish('health', { status: 'degraded', code, says })
    const lasted_ms = Math.round(this.#options.clock.now() - started)
    const { pending } = this.#forwarder
    this.#options.log.warn({ component: this.component.name, broker: this.#broker, code, lasted_ms, pending }, says)
  }

  /** Settles at most once a tick, and only when something changed: idle means no timer. */
  #soon(): void {
    if (this.#cancelTick !== undefined || this.#life.signal.aborted) return
    this.#cancelTick = this.#options.clock.after(this.#limits.tick_ms, () => {
      this.#cancelTick = undefined
      this.#settle()
    })
  }

  #settle(): void {
    try {
      this.#forwarder.save()
    } catch (error) {
      this.#options.log.error({ error, component: this.component.name }, 'the cursor could not be saved; some facts will be sent again')
      this.#soon()
    }
    this.#forwarder.pump()
    const link = this.#link
    if (link !== undefined) this.#states?.flush((topic, payload) => link.show(topic, payload))
    this.#publishFigures()
  }

  #publishFigures(): void {
    const { component } = this
    component.publish('sent', this.#counters.get('acknowledged'))
    component.publish('pending', this.#forwarder.pending)
    component.publish('inFlight', this.#forwarder.inFlight)
    component.publish('lastAcknowledged', this.#forwarder.cursor)
    component.publish('dropped', this.#counters.get('dropped'))
    component.publish('counters', this.#counters.snapshot())
  }

  #selfTest(): Promise<SelfTestReport> {
    const connected = this.#link !== undefined
    const broker = { name: 'broker', passed: connected, says: connected ? 'The broker is connected.' : 'The broker is not reached.' }
    const pending = { name: 'backlog', passed: true, value: this.#forwarder.pending, unit: '1', says: 'Facts that wait for the broker.' }
    return Promise.resolve({ passed: connected, checks: [broker, pending] })
  }
}

/** Leaves no listener behind: a device reconnects for years. */
function lostOrAborted(link: Link, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(undefined)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    void link.lost.then((why) => {
      signal.removeEventListener('abort', onAbort)
      resolve(why)
    })
  })
}

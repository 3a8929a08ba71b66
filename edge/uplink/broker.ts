/**
 * A small MQTT broker inside the process, for demonstrations, tests and sites without a centre.
 *
 * It keeps retained messages in memory and no sessions: what a subscriber misses while it is away is
 * lost, and QoS 1 is acknowledged before it is passed on (aedes does so). A centre that must miss
 * nothing brings its own broker.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { Aedes, type AedesPublishPacket, type AuthenticateError, type Client, type ConnectPacket } from 'aedes'
import { ConfigError, DeviceError } from '../base/error.ts'
import { Counters } from '../base/counters.ts'
import { Listeners } from '../base/listeners.ts'
import type { Logger } from '../base/log.ts'
import { covers, type Topics } from './topics.ts'
import { PacketSizes } from './wire.ts'

/** What a client may do, as topic filters. */
export interface Grant {
  publish: readonly string[]
  subscribe: readonly string[]
}

export interface Credentials {
  clientId: string
  username: string | undefined
  password: Uint8Array | undefined
}

export interface BrokerOptions {
  /** Loopback unless given. */
  host?: string
  /** 0: any free port. */
  port?: number
  log: Logger
  /** Who may come in, and what they may do; `undefined` turns them away. Without it everyone may do everything. */
  access?: (who: Credentials) => Grant | undefined
  limits?: Partial<typeof brokerLimits>
}

export const brokerLimits = { clients_max: 64, packet_bytes_max: 262_144, retained_max: 1_024, drain_ms_max: 10_000 }

/** A message as it arrived, before it is acknowledged. */
export interface Arrival {
  topic: string
  payload: Buffer
  retain: boolean
  clientId: string
}

export type BrokerCount = 'arrived' | 'forbidden' | 'tooLarge' | 'tooMany'

/** What a device needs, and no more. */
export const deviceGrant = (topics: Topics): Grant => ({
  publish: ['facts', 'presence', 'state/#', 'results/+'].map((below) => `${topics.prefix}/${below}`),
  subscribe: [topics.commands],
})

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])
const everything: Grant = { publish: ['#'], subscribe: ['#', '$SYS/#'] }

export class Broker {
  readonly url: string
  readonly port: number
  /** Hears every message that a client may publish, before the client hears that it arrived. */
  readonly arrivals: Listeners<Arrival>
  readonly counters: Counters<BrokerCount>
  readonly #server: Server
  readonly #aedes: Aedes
  readonly #sockets: Set<Socket>

  private constructor(host: string, port: number, house: House) {
    this.port = port
    this.url = `mqtt://${host.includes(':') ? `[${host}]` : host}:${port}`
    this.arrivals = house.arrivals
    this.counters = house.counters
    this.#server = house.server
    this.#aedes = house.aedes
    this.#sockets = house.sockets
  }

  /** @throws ConfigError (PC-BROKER-OPEN), DeviceError (PC-BROKER-LISTEN) */
  static async start(options: BrokerOptions): Promise<Broker> {
    const host = options.host ?? '127.0.0.1'
    if (!loopback.has(host) && options.access === undefined) {
      throw new ConfigError('PC-BROKER-OPEN', 'A broker that others can reach must know who may come in.')
    }
    const house = await build(options)
    const port = await listen(house.server, host, options.port ?? 0).catch((cause: unknown) => {
      house.aedes.close()
      throw new DeviceError('PC-BROKER-LISTEN', 'The broker cannot listen on its address.', { cause })
    })
    options.log.info({ host, port, open: options.access === undefined }, 'the embedded broker listens')
    return new Broker(host, port, house)
  }

  /** Ends every connection; resolves when the port is free. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#aedes.close(resolve))
    await closed
  }
}

interface House {
  server: Server
  aedes: Aedes
  sockets: Set<Socket>
  arrivals: Listeners<Arrival>
  counters: Counters<BrokerCount>
}

async function build(options: BrokerOptions): Promise<House> {
  const limits = { ...brokerLimits, ...options.limits }
  const counters = new Counters<BrokerCount>(['arrived', 'forbidden', 'tooLarge', 'tooMany'])
  const arrivals = new Listeners<Arrival>()
  const aedes = await Aedes.createBroker({ drainTimeout: limits.drain_ms_max, ...rules(options, limits, arrivals, counters) })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    aedes.handle(socket)
    const sizes = new PacketSizes(limits.packet_bytes_max)
    // The broker reads by `readable`; a listener for `data` sees the same bytes and does not change that.
    socket.on('data', (chunk: Buffer) => {
      if (sizes.accept(chunk)) return
      counters.add('tooLarge')
      socket.destroy()
    })
  })
  server.maxConnections = limits.clients_max
  server.on('drop', () => counters.add('tooMany'))
  return { server, aedes, sockets, arrivals, counters }
}

/** Who may do what; nobody's session is kept, so nothing is queued for those who are away. */
function rules(
  { access }: BrokerOptions, limits: typeof brokerLimits,
  arrivals: Listeners<Arrival>, counters: Counters<BrokerCount>,
) {
  const grants = new WeakMap<Client, Grant>()
  const retained = new Set<string>()
  return {
    preConnect(_client: Client, packet: ConnectPacket, done: (error: Error | null, success: boolean) => void): void {
      packet.clean = true
      done(null, true)
    },
    authenticate(
      client: Client, username: string | undefined, password: Buffer | undefined,
      done: (error: AuthenticateError | null, success: boolean | null) => void,
    ): void {
      const grant = access === undefined ? everything : access({ clientId: client.id, username, password })
      if (grant !== undefined) grants.set(client, grant)
      done(null, grant !== undefined)
    },
    authorizePublish(
      client: Client | null, packet: Pick<AedesPublishPacket, 'topic' | 'payload' | 'retain'>,
      done: (error?: Error | null) => void,
    ): void {
      const { topic, retain } = packet
      const grant = client === null ? everything : grants.get(client)
      const oneTooMany = retain && !retained.has(topic) && retained.size >= limits.retained_max
      if (oneTooMany || grant?.publish.some((filter) => covers(filter, topic)) !== true) {
        counters.add(oneTooMany ? 'tooMany' : 'forbidden')
        return done(new Error('forbidden'))
      }
      // An empty payload takes the retained message away (MQTT 3.1.1, 3.3.1.3).
      if (retain && packet.payload.length === 0) retained.delete(topic)
      else if (retain) retained.add(topic)
      counters.add('arrived')
      arrivals.emit({ topic, retain, payload: Buffer.from(packet.payload), clientId: client?.id ?? '' })
      done(null)
    },
    authorizeSubscribe<S extends { topic: string }>(
      client: Client, subscription: S,
      done: (error: Error | null, subscription?: S | null) => void,
    ): void {
      const granted = grants.get(client)?.subscribe.some((filter) => covers(filter, subscription.topic)) === true
      if (!granted) counters.add('forbidden')
      done(null, granted ? subscription : null)
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

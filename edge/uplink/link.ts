/**
 * One connection to the broker, from its start to its end; a new one is made for every attempt.
 *
 * MQTT 3.1.1 with a clean session, whatever the broker: the journal's cursor is the only memory of
 * what must be sent, so nothing else may queue or resend; and commands do not wait at the broker for
 * a device that was away, they expire. The client library's own reconnect, queue and store stay unused.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { MqttClient } from 'mqtt'
import type { Clock } from '../base/clock.ts'
import { ConfigError, DeviceError, InputError, PortcullisError } from '../base/error.ts'
import { within } from '../base/wait.ts'
import type { UplinkLimits } from './limits.ts'
import { PacketSizes } from './wire.ts'

export interface BrokerAddress {
  /** `mqtt://host[:1883]` or `mqtts://host[:8883]`. */
  url: string
  username?: string
  password?: string
  /** PEM: whom to trust as broker (instead of the public authorities), and this device's own identity. */
  ca?: string
  cert?: string
  key?: string
}

export interface Message {
  topic: string
  payload: Uint8Array
  retained: boolean
}

export interface LinkOptions {
  address: BrokerAddress
  clientId: string
  will: { topic: string; payload: string }
  clock: Clock
  limits: UplinkLimits
  onMessage(message: Message): void
}

/** Host, port and whether TLS is on. @throws ConfigError (PC-UPLINK-URL) */
export function parseUrl(url: string): { host: string; port: number; tls: boolean } {
  const parsed = URL.parse(url)
  const tls = parsed?.protocol === 'mqtts:'
  const known = tls || parsed?.protocol === 'mqtt:'
  if (parsed === null || !known || parsed.hostname === '' || parsed.username !== '' || parsed.password !== '') {
    throw new ConfigError('PC-UPLINK-URL', 'The broker must be given as mqtt://host:port or mqtts://host:port, without user and password.')
  }
  return { host: parsed.hostname.replaceAll(/[[\]]/g, ''), port: Number(parsed.port || (tls ? 8883 : 1883)), tls }
}

export class Link {
  /** Resolves, once, with why the connection ended. */
  readonly lost: Promise<PortcullisError>
  readonly #client: MqttClient
  readonly #socket: Socket
  readonly #options: LinkOptions
  #why: Error | undefined

  private constructor(client: MqttClient, socket: Socket, options: LinkOptions) {
    this.#client = client
    this.#socket = socket
    this.#options = options
    client.on('error', (error) => this.drop(error))
    client.on('message', (topic, payload, packet) => options.onMessage({ topic, payload, retained: packet.retain }))
    const sizes = new PacketSizes(options.limits.packet_bytes_max)
    socket.on('data', (chunk: Buffer) => {
      if (sizes.accept(chunk)) return
      this.drop(new InputError('PC-UPLINK-PACKET', 'The broker sent a packet that is too large or malformed.'))
    })
    this.lost = new Promise((resolve) => socket.once('close', () => resolve(explain(this.#why))))
  }

  /** @throws DeviceError (PC-UPLINK-AWAY), ConfigError (PC-UPLINK-REFUSED, PC-UPLINK-TLS), TimeoutError, CancelledError */
  static async open(options: LinkOptions, signal: AbortSignal): Promise<Link> {
    const { clock, limits } = options
    // Loaded here, not at the top: the library takes longer to load than the rest of the uplink, and start-up need not wait.
    const { MqttClient: Client } = await import('mqtt')
    let link: Link | undefined
    try {
      return await within(
        { clock, limit_ms: limits.connect_ms_max, signal, code: 'PC-UPLINK-CONNECT', message: 'The broker did not accept the connection in time.' },
        async () => {
          const socket = dial(options.address)
          const client = new Client(() => socket, clientOptions(options))
          link = new Link(client, socket, options)
          await link.#settled((done) => client.once('connect', () => done()))
          return link
        },
      )
    } catch (error) {
      link?.drop(error as Error)
      throw error
    }
  }

  /** Resolves when the broker granted it. @throws ConfigError (PC-UPLINK-REFUSED), TimeoutError (PC-UPLINK-ACK) */
  async subscribe(filter: string, signal: AbortSignal): Promise<void> {
    await this.#acknowledged(this.#options.limits.ack_ms_max, signal, (done) => {
      this.#client.subscribe(filter, { qos: 1 }, (error, granted) => {
        const refused = error !== null || granted?.some(({ qos }) => qos > 2) === true
        done(refused ? new ConfigError('PC-UPLINK-REFUSED', 'The broker does not let this device read its commands.') : undefined)
      })
    })
  }

  /** Leaves a value on the broker and waits for the acknowledgement. @throws TimeoutError (PC-UPLINK-ACK), DeviceError (PC-UPLINK-AWAY) */
  async deliver(topic: string, payload: string, limit_ms: number, signal?: AbortSignal): Promise<void> {
    await this.#acknowledged(limit_ms, signal, (done) => this.#publish(topic, payload, true, () => done()))
  }

  /** Sends with QoS 1; `acknowledged` is called at most once, and never after the connection ended. */
  send(topic: string, payload: string, acknowledged: () => void): void {
    this.#publish(topic, payload, false, acknowledged)
  }

  /** Leaves a value on the broker for whoever asks; lost with the connection. */
  show(topic: string, payload: string): void {
    if (this.#client.connected) this.#client.publish(topic, payload, { qos: 0, retain: true })
  }

  /** Ends at once, without goodbye: the broker publishes the last will. */
  drop(why: Error): void {
    this.#why ??= why
    this.#client.end(true)
    this.#socket.destroy()
  }

  /** Says goodbye, so that the last will is not published; ends without it when that takes too long. */
  async close(limit_ms: number): Promise<void> {
    const { clock } = this.#options
    try {
      await within({ clock, limit_ms, code: 'PC-UPLINK-ACK', message: 'The broker did not take the goodbye in time.' }, async () => {
        this.#client.end(false)
        await this.lost
      })
    } catch (error) {
      this.drop(error as Error)
    }
  }

  #publish(topic: string, payload: string, retain: boolean, acknowledged: () => void): void {
    // Never while the connection is down: the library would queue it.
    if (!this.#client.connected) return
    this.#client.publish(topic, payload, { qos: 1, retain }, (error) => {
      if (error === undefined || error === null) acknowledged()
    })
  }

  #acknowledged(limit_ms: number, signal: AbortSignal | undefined, ask: (done: (error?: Error) => void) => void): Promise<void> {
    const { clock } = this.#options
    const message = 'The broker did not acknowledge in time.'
    return within({ clock, limit_ms, signal, code: 'PC-UPLINK-ACK', message }, () => this.#settled(ask))
  }

  /** Resolves when `ask` is done, rejects when the connection ends first. */
  #settled(ask: (done: (error?: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      void this.lost.then(reject)
      ask((error) => (error === undefined ? resolve() : reject(error)))
    })
  }
}

function dial(address: BrokerAddress): Socket {
  const { host, port, tls } = parseUrl(address.url)
  if (!tls) return connectTcp({ host, port })
  const { ca, cert, key } = address
  // A name is announced so that the broker can choose its certificate; an address must not be (RFC 6066, 3).
  const servername = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ host, port, ...servername, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) })
}

function clientOptions({ address, clientId, will, limits }: LinkOptions): ConstructorParameters<typeof MqttClient>[1] {
  return {
    clientId, protocolVersion: 4, clean: true, keepalive: limits.keepalive_s,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
    reconnectPeriod: 0, resubscribe: false, queueQoSZero: false, connectTimeout: limits.connect_ms_max,
  }
}

const tlsFailure = /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|HOSTNAME_MISMATCH|EPROTO)/
/** CONNACK return codes: identifier rejected, bad user name or password, not authorized (MQTT 3.1.1, 3.2.2.3). */
const refusals = new Set<unknown>([2, 4, 5])

function explain(cause: Error | undefined): PortcullisError {
  if (cause instanceof PortcullisError) return cause
  const code = (cause as { code?: unknown } | undefined)?.code
  if (refusals.has(code)) {
    return new ConfigError('PC-UPLINK-REFUSED', 'The broker does not accept this device: check its identity and rights.', { cause })
  }
  if (typeof code === 'string' && tlsFailure.test(code)) {
    return new ConfigError('PC-UPLINK-TLS', 'The secure connection to the broker failed: check the certificates and the clock.', { cause })
  }
  return new DeviceError('PC-UPLINK-AWAY', 'The broker is not reached; facts wait in the journal.', { cause })
}

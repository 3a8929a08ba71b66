/**
 * One life of the link to a PLC: secure channel, session, subscription. It never repairs itself: whatever
 * breaks ends it with one reason, and the driver begins a new one, so that no half-dead session is believed.
 */
import type * as Opcua from 'node-opcua'
import type {
  ClientSecureChannelLayer, ClientSession, ClientSubscription, DataValue, ICertificateKeyPairProvider, NodeId, NotificationMessage, OPCUAClient, StatusCode, Variant, WriteValueOptions,
} from 'node-opcua'
import type { Clock } from '../../../edge/base/clock.ts'
import type { Counters } from '../../../edge/base/counters.ts'
import { DeviceError, type ErrorCode, PortcullisError } from '../../../edge/base/error.ts'
import type { Logger } from '../../../edge/base/log.ts'
import { within } from '../../../edge/base/wait.ts'
import type { Identity } from '../../../edge/device/contract.ts'
import { plcError } from './codes.ts'
import { Sequence, type Seen } from './meaning.ts'
import { type OpcuaBarrierOptions, type PlcCommand, type PlcValue, type Use, uses } from './options.ts'
import type { Credentials } from './credentials.ts'

type Library = typeof Opcua

export const linkCounters = ['connects', 'losses', 'requests', 'notifications', 'keepAlives', 'gaps', 'overflows', 'complaints'] as const
export type LinkCounter = (typeof linkCounters)[number]

export interface LinkOptions {
  component: string
  options: OpcuaBarrierOptions
  credentials: Credentials | undefined
  clock: Clock
  log: Logger
  counters: Counters<LinkCounter>
  onSeen(use: Use, seen: Seen): void
  /** The PLC showed that the subscription lives: with news, or with none. */
  onHeard(): void
  /** It ended by itself; called once. */
  onLost(error: PortcullisError): void
}

const openLimit_ms = 10_000
/** The server gives up what belongs to us after this, if we are gone. */
const session_ms = 10_000
const lifetime_ms = 10_000
/** The least that the library asks for. */
const keepAliveCount = 3
/** Values of one node between two publishings. */
const queueSize = 10
const message_B_max = 1_048_576
/** Who we are where nobody asks for a proof. */
const anonymousUri = 'urn:portcullis:anonymous'

export class Link {
  readonly #options: LinkOptions
  readonly #library: Library
  readonly #client: OPCUAClient
  readonly #sequence = new Sequence()
  /** The data type of each variable that is written. */
  readonly #types = new Map<string, number>()
  #channel: ClientSecureChannelLayer | undefined
  #session: ClientSession | undefined
  #subscription: ClientSubscription | undefined
  #namespaces: readonly string[] = []
  #ended = false

  /** @throws DeviceError (PC-LINK-OPEN, PC-PLC-REFUSED, PC-LINK-TIMEOUT). */
  static async open(options: LinkOptions, signal: AbortSignal): Promise<Link> {
    const { component, counters, log } = options
    const library = await import('node-opcua')
    const { hear } = await import('../../../edge/opcua/library.ts')
    hear(options.clock, (_level, says) => log.debug({ component, says }, 'the OPC UA stack complains'), () => counters.add('complaints'))
    const link = new Link(options, library, await keysOf(options.credentials, library))
    try {
      await within(
        { clock: options.clock, limit_ms: openLimit_ms, signal, component, code: 'PC-LINK-OPEN', message: `${options.options.endpoint} could not be opened in time.` },
        () => link.#open(),
      )
      return link
    } catch (error) {
      await link.close()
      throw error
    }
  }

  private constructor(options: LinkOptions, library: Library, certificateKeyPairProvider: ICertificateKeyPairProvider) {
    this.#options = options
    this.#library = library
    const { credentials, options: { security, reply_ms } } = options
    const isOpen = security === 'none'
    this.#client = library.OPCUAClient.create({
      applicationName: 'Portcullis', clientName: options.component,
      applicationUri: credentials?.uri ?? anonymousUri, certificateKeyPairProvider, ...(credentials === undefined ? {} : { serverCertificate: credentials.server }),
      securityMode: isOpen ? library.MessageSecurityMode.None : library.MessageSecurityMode.SignAndEncrypt,
      securityPolicy: isOpen ? library.SecurityPolicy.None : library.SecurityPolicy[security.policy ?? 'Basic256Sha256'],
      endpointMustExist: false, keepSessionAlive: false, requestedSessionTimeout: session_ms, defaultTransactionTimeout: reply_ms, transportTimeout: reply_ms,
      connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 100 },
      transportSettings: { maxMessageSize: message_B_max, maxChunkCount: 32 },
    })
    this.#client.on('secure_channel_created', (channel) => {
      this.#channel = channel
    })
    for (const event of ['connection_lost', 'close', 'abort'] as const) this.#client.on(event, () => this.#lose(this.#lost()))
    this.#client.on('timed_out_request', () => undefined)
  }

  /** What the server says it is (OPC 10000-5, 6.3.1: BuildInfo). */
  async identity(): Promise<Identity> {
    const { VariableIds, AttributeIds } = this.#library
    const ids = [VariableIds.Server_ServerStatus_BuildInfo_ManufacturerName, VariableIds.Server_ServerStatus_BuildInfo_ProductName, VariableIds.Server_ServerStatus_BuildInfo_SoftwareVersion]
    const found = await this.#ask((session) => session.read(ids.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value }))))
    const [manufacturer, model, firmware] = found.map(({ value }) => (typeof value.value === 'string' ? value.value.slice(0, 64) : 'unknown'))
    return { manufacturer: manufacturer ?? 'unknown', model: model ?? 'unknown', firmware: firmware ?? 'unknown' }
  }

  /** Begins to be told what changes. @throws DeviceError (PC-PLC-NODE) when the PLC has not all that the profile names. */
  async watch(): Promise<void> {
    const { options, onSeen } = this.#options
    const { AttributeIds, ClientMonitoredItemGroup, TimestampsToReturn } = this.#library
    const watched = uses.flatMap((use) => {
      const node = nodeOf(use, options)
      return node === undefined ? [] : [{ use, nodeId: this.#resolve(node), attributeId: AttributeIds.Value }]
    })
    await this.#ask((session) => session.read(watched)).then((values) => values.forEach((value, index) => this.#mustBeThere(value, watched[index]!.use)))
    await this.#learnTypes()
    const subscription = await this.#subscribe()
    const group = ClientMonitoredItemGroup.create(subscription, watched, { samplingInterval: options.sampling_ms, queueSize, discardOldest: true }, TimestampsToReturn.Both)
    group.on('err', () => this.#lose(this.#lost()))
    group.on('changed', (_item, value, index) => {
      if (this.#ended) return
      // OPC 10000-4, 7.39.1: the overflow bit of the info bits of a data value.
      if ((value.statusCode.value & 0x0480) === 0x0480) this.#options.counters.add('overflows')
      onSeen(watched[index]!.use, seenOf(value, this.#library))
    })
  }

  /** @throws DeviceError (PC-PLC-REFUSED) when the PLC does not take the value; as `#ask`. */
  async write(node: string, value: PlcValue): Promise<void> {
    const nodeToWrite: WriteValueOptions = { nodeId: this.#resolve(node), attributeId: this.#library.AttributeIds.Value, value: { value: this.#variant(node, value) } }
    const status = await this.#ask((session) => session.write(nodeToWrite))
    if (status.isNotGood()) throw this.#refused('PC-PLC-REFUSED', `The PLC refused a value: ${status.name}.`)
  }

  /** @param for_ms how long it may stay open, where the method takes that. */
  async command(command: PlcCommand, for_ms = 0): Promise<void> {
    if ('node' in command) return await this.write(command.node, command.value)
    const { DataType } = this.#library
    const inputArguments = command.takes === undefined ? [] : [{ dataType: DataType.UInt32, value: for_ms }]
    const { statusCode } = await this.#ask((session) => session.call({ objectId: this.#resolve(command.object), methodId: this.#resolve(command.method), inputArguments }))
    if (statusCode.isNotGood()) throw this.#refused('PC-PLC-REFUSED', `The PLC refused a method: ${statusCode.name}.`)
  }

  /** True where the sign of life is a level and no number. */
  isLevel(node: string): boolean {
    return this.#types.get(node) === this.#library.DataType.Boolean
  }

  /** How often the PLC really tells what has changed. */
  get publishing_ms(): number {
    return this.#subscription?.publishingInterval ?? this.#options.options.publish_ms
  }

  /** Idempotent. Politely while the PLC hears us, because PLCs have few sessions to give away; then the connection is cut. */
  async close(): Promise<void> {
    this.#ended = true
    const { clock, component, options: { reply_ms } } = this.#options
    const disconnected = (): Promise<void> => within(
      { clock, limit_ms: reply_ms, component, code: 'PC-LINK-TIMEOUT', message: 'The PLC did not answer in time.' },
      () => this.#client.disconnect(),
    ).catch(() => undefined)
    await disconnected()
    this.#channel?.forceConnectionBreak()
    await disconnected()
  }

  async #open(): Promise<void> {
    const { options: { endpoint }, credentials } = this.#options
    try {
      await this.#client.connect(endpoint)
    } catch (cause) {
      // Whoever acknowledged our hello and then hung up is there, and does not want us.
      throw this.#client.bytesRead > 0 ? this.#unwanted(cause) : this.#refused('PC-LINK-OPEN', `No OPC UA server answers at ${endpoint}.`, cause)
    }
    const { UserTokenType } = this.#library
    const user = credentials?.user
    try {
      this.#session = await this.#client.createSession(user === undefined ? { type: UserTokenType.Anonymous } : { type: UserTokenType.UserName, userName: user.name, password: user.password })
    } catch (cause) {
      throw this.#ended ? this.#lost() : this.#unwanted(cause)
    }
    this.#session.on('session_closed', () => this.#lose(this.#lost()))
    this.#namespaces = await this.#ask((session) => session.readNamespaceArray())
  }

  async #subscribe(): Promise<ClientSubscription> {
    const { options: { publish_ms } } = this.#options
    const { ClientSubscription } = this.#library
    // The library throws out of an event when a server revises its times beyond the session's; a warning is enough.
    ClientSubscription.ignoreNextWarning = true
    const subscription = ClientSubscription.create(this.#session!, {
      requestedPublishingInterval: publish_ms, requestedMaxKeepAliveCount: keepAliveCount,
      requestedLifetimeCount: Math.max(4 * keepAliveCount, Math.ceil(lifetime_ms / publish_ms)), maxNotificationsPerPublish: uses.length * queueSize, publishingEnabled: true,
    })
    this.#subscription = subscription
    subscription.on('internal_error', () => this.#lose(this.#lost()))
    subscription.on('status_changed', () => this.#lose(this.#lost()))
    subscription.on('terminated', () => this.#lose(this.#lost()))
    subscription.on('raw_notification', (message: NotificationMessage) => this.#hear(message))
    await new Promise<void>((resolve, reject) => {
      subscription.once('started', () => resolve())
      subscription.once('error', (cause: Error) => reject(this.#unwanted(cause)))
    })
    return subscription
  }

  #hear({ sequenceNumber, notificationData }: NotificationMessage): void {
    if (this.#ended) return
    const { counters, component, onHeard } = this.#options
    const isKeepAlive = (notificationData ?? []).length === 0
    counters.add(isKeepAlive ? 'keepAlives' : 'notifications')
    if (!this.#sequence.follows(sequenceNumber, isKeepAlive)) {
      counters.add('gaps')
      return this.#lose(plcError(component, 'PC-PLC-GAP'))
    }
    onHeard()
  }

  /** A value is written in the type that the PLC's variable has, which no profile need repeat. */
  async #learnTypes(): Promise<void> {
    const { commands, open_ms, beat } = this.#options.options
    const written = [beat.ours, open_ms, ...Object.values(commands).map((command) => ('node' in command ? command.node : undefined))]
    for (const node of new Set(written)) {
      if (node === undefined || this.#types.has(node)) continue
      const type = await this.#ask((session) => session.getBuiltInDataType(this.#resolve(node))).catch((error: unknown) => {
        throw error instanceof PortcullisError && error.code !== 'PC-LINK-LOST' ? error : this.#missing(node)
      })
      this.#types.set(node, type)
    }
  }

  /** One request within its limit. @throws DeviceError (PC-LINK-LOST), TimeoutError (PC-LINK-TIMEOUT). */
  async #ask<T>(request: (session: ClientSession) => Promise<T>): Promise<T> {
    const { clock, component, counters, options: { reply_ms } } = this.#options
    const session = this.#session
    if (session === undefined || this.#ended) throw this.#lost()
    counters.add('requests')
    return await within(
      { clock, limit_ms: reply_ms, component, code: 'PC-LINK-TIMEOUT', message: `${component} did not answer in time.` },
      () => request(session).catch((cause: unknown) => {
        throw cause instanceof PortcullisError ? cause : this.#lost(cause)
      }),
    )
  }

  #resolve(node: string): NodeId {
    const { uri, rest } = /^nsu=(?<uri>[^;]+);(?<rest>.+)$/s.exec(node)?.groups ?? {}
    const index = this.#namespaces.indexOf(uri ?? '')
    if (index < 0 || rest === undefined) throw this.#missing(node)
    return this.#library.resolveNodeId(`ns=${index};${rest}`)
  }

  /** @throws DeviceError (PC-PLC-NODE) when the variable is of a type that does not hold the value. */
  #variant(node: string, value: PlcValue): Variant {
    const dataType = this.#types.get(node)
    if (dataType === undefined) throw this.#missing(node)
    try {
      return new this.#library.Variant({ dataType, value })
    } catch (cause) {
      throw this.#refused('PC-PLC-NODE', `The type of ${node} does not hold what the profile writes.`, cause)
    }
  }

  #mustBeThere({ statusCode }: DataValue, use: Use): void {
    const { StatusCodes } = this.#library
    const absent = [StatusCodes.BadNodeIdUnknown, StatusCodes.BadNodeIdInvalid, StatusCodes.BadAttributeIdInvalid, StatusCodes.BadUserAccessDenied, StatusCodes.BadNotReadable]
    if (absent.some((code) => code.equals(statusCode))) throw this.#missing(nodeOf(use, this.#options.options) ?? use)
  }

  #missing(node: string): DeviceError {
    return this.#refused('PC-PLC-NODE', `The PLC has no readable or writable node ${node}.`)
  }

  #lost(cause?: unknown): DeviceError {
    return this.#refused('PC-LINK-LOST', `The link to ${this.#options.component} was lost.`, cause)
  }

  /** With the status that the PLC gave, where it gave one. */
  #unwanted(cause: unknown): DeviceError {
    const { component } = this.#options
    const { statusCode, response } = cause as { statusCode?: StatusCode; response?: { responseHeader?: { serviceResult?: StatusCode } } }
    const status = (statusCode ?? response?.responseHeader?.serviceResult)?.name
    return this.#refused('PC-PLC-REFUSED', `The PLC of ${component} refuses us, or is another than the one that is trusted${status === undefined ? '' : ` (${status})`}.`, cause)
  }

  #refused(code: ErrorCode, message: string, cause?: unknown): DeviceError {
    return new DeviceError(code, message, { component: this.#options.component, ...(cause === undefined ? {} : { cause }) })
  }

  #lose(error: PortcullisError): void {
    if (this.#ended) return
    this.#ended = true
    this.#options.onLost(error)
  }
}

/** The library wants a key even where it uses none: that one is made once and kept by nobody. */
let throwaway: Promise<ICertificateKeyPairProvider> | undefined

async function keysOf(credentials: Credentials | undefined, { InMemoryCertificateKeyPairProvider }: Library): Promise<ICertificateKeyPairProvider> {
  if (credentials !== undefined) return new InMemoryCertificateKeyPairProvider([credentials.certificate], { hidden: credentials.key })
  throwaway ??= (async () => {
    const made = new InMemoryCertificateKeyPairProvider()
    await made.ensureCertificateExists({ subject: 'CN=anonymous', applicationUri: anonymousUri, dns: [], ip: [] })
    return made
  })()
  return await throwaway
}

function nodeOf(use: Use, { state, mode, passed, fault, beat }: OpcuaBarrierOptions): string | undefined {
  return { state: state.node, mode: mode.node, passed, fault: fault?.node, beat: beat.theirs }[use]
}

function seenOf({ value, statusCode, sourceTimestamp, serverTimestamp }: DataValue, { DataType }: Library): Seen {
  // Severity is the two highest bits of a status code (OPC 10000-4, 7.39.1).
  const severity = statusCode.value >>> 30
  const is64 = value.dataType === DataType.UInt64 || value.dataType === DataType.Int64
  return {
    value: is64 && Array.isArray(value.value) ? Number(value.value[0]) * 0x1_0000_0000 + Number(value.value[1]) : value.value,
    quality: severity === 0 ? 'good' : severity === 1 ? 'uncertain' : 'bad',
    stamped: (sourceTimestamp ?? serverTimestamp)?.getTime(),
  }
}

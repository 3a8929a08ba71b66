/** A client in a process of its own, told by the tests what to do; see client-rig.ts. Speaks over the IPC channel. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  AttributeIds, BrowseDirection, type ClientSession, ClientSubscription, coerceNodeId, constructEventFilter, DataType, type DataValue, HistoryReadRequest,
  MessageSecurityMode, OPCUACertificateManager, OPCUAClient, ReadEventDetails, resolveNodeId, SecurityPolicy, setErrorLogger, setWarningLogger, type StatusCode,
  TimestampsToReturn, type UserIdentityInfo, UserTokenType, type Variant, VariantArrayType,
} from 'node-opcua'

export interface ConnectArgs {
  url: string
  /** Where this client keeps its certificates. */
  folder: string
  user?: { name: string; password: string }
  /** The folder of a user certificate. */
  userCertificate?: string
  mode?: 'None' | 'Sign' | 'SignAndEncrypt'
  policy?: 'None' | 'Basic256Sha256' | 'Aes128_Sha256_RsaOaep' | 'Aes256_Sha256_RsaPss'
  /** How long the session is to live without a word. */
  session_ms?: number
}

export interface Argument {
  type: keyof typeof DataType
  value: unknown
  list?: boolean
}

export interface Value {
  status: string
  type: string
  value: unknown
  at: number | null
}

const clients = new Map<number, { client: OPCUAClient; session: ClientSession; subscriptions: ClientSubscription[] }>()
let next = 1
const silence = (): void => undefined
setErrorLogger(silence)
setWarningLogger(silence)

const say = (message: unknown): void => void process.send?.(message)

/** Plain data of whatever a variant holds. */
function plain(value: unknown): unknown {
  if (value instanceof Date) return value.getTime()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Uint32Array || value instanceof Int32Array || value instanceof Float64Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object') {
    return 'namespace' in value && 'identifierType' in value ? (value as { toString(): string }).toString() : JSON.parse(JSON.stringify(value)) as unknown
  }
  return value
}

const valueOf = ({ value, statusCode, sourceTimestamp }: DataValue): Value =>
  ({ status: statusCode.name, type: DataType[value.dataType] ?? '', value: plain(value.value), at: sourceTimestamp?.getTime() ?? null })

const sessionOf = (id: number): ClientSession => {
  const found = clients.get(id)
  if (found === undefined) throw new Error('no such client')
  return found.session
}

/** The services themselves, without the library's own limits and repairs. */
const bare = (session: ClientSession) => session as unknown as {
  createSubscription(options: object): Promise<{ subscriptionId: number; revisedPublishingInterval: number; revisedLifetimeCount: number }>
  createMonitoredItems(options: object): Promise<{ results?: { statusCode: StatusCode; revisedQueueSize: number }[] }>
}

/** Makes a certificate that begins and ends as told, unless it is there. @returns its SHA-256 */
async function certificate({ folder, uri, from, days, name = 'client' }: { folder: string; uri: string; from: number; days: number; name?: string }): Promise<string> {
  const manager = new OPCUACertificateManager({ rootFolder: folder, automaticallyAcceptUnknownCertificate: true, disableFileWatchers: true })
  await manager.initialize()
  await manager.createSelfSignedCertificate({ outputFile: join(folder, 'own/certs/certificate.pem'), subject: `/CN=${name}`, applicationUri: uri, dns: ['localhost'], startDate: new Date(from), validity: days })
  await manager.dispose()
  return createHash('sha256').update(derOf(join(folder, 'own/certs/certificate.pem'))).digest('hex')
}

const derOf = (file: string): Buffer => Buffer.from(readFileSync(file, 'utf8').replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')

async function connect(args: ConnectArgs): Promise<number> {
  const manager = new OPCUACertificateManager({ rootFolder: args.folder, automaticallyAcceptUnknownCertificate: true, disableFileWatchers: true })
  const client = OPCUAClient.create({
    applicationName: 'test', clientCertificateManager: manager, certificateFile: join(args.folder, 'own/certs/certificate.pem'), privateKeyFile: join(args.folder, 'own/private/private_key.pem'),
    securityMode: MessageSecurityMode[args.mode ?? 'SignAndEncrypt'], securityPolicy: SecurityPolicy[args.policy ?? 'Basic256Sha256'],
    endpointMustExist: false, connectionStrategy: { maxRetry: 0 }, keepSessionAlive: true, requestedSessionTimeout: args.session_ms ?? 60_000,
  })
  try {
    await client.connect(args.url)
    const session = await client.createSession(identityOf(args))
    const id = next++
    clients.set(id, { client, session, subscriptions: [] })
    return id
  } catch (error) {
    await client.disconnect().catch(silence)
    throw error
  }
}

function identityOf({ user, userCertificate }: ConnectArgs): UserIdentityInfo {
  if (user !== undefined) return { type: UserTokenType.UserName, userName: user.name, password: user.password }
  if (userCertificate === undefined) return { type: UserTokenType.Anonymous }
  return { type: UserTokenType.Certificate, certificateData: derOf(join(userCertificate, 'own/certs/certificate.pem')), privateKey: readFileSync(join(userCertificate, 'own/private/private_key.pem'), 'utf8') }
}

const variant = ({ type, value, list }: Argument) => ({ dataType: DataType[type], value: type === 'ByteString' ? Buffer.from(String(value), 'base64') : value, arrayType: list === true ? VariantArrayType.Array : VariantArrayType.Scalar })

const does = {
  certificate,
  connect,
  async close({ id }: { id: number }) {
    const found = clients.get(id)
    clients.delete(id)
    await found?.session.close(true).catch(silence)
    await found?.client.disconnect().catch(silence)
  },
  async read({ id, nodes, attribute = 'Value' }: { id: number; nodes: string[]; attribute?: keyof typeof AttributeIds }): Promise<Value[]> {
    return (await sessionOf(id).read(nodes.map((nodeId) => ({ nodeId, attributeId: AttributeIds[attribute] })))).map(valueOf)
  },
  async browse({ id, node }: { id: number; node: string }): Promise<Record<string, string>> {
    const { references } = await sessionOf(id).browse({ nodeId: node, browseDirection: BrowseDirection.Forward, referenceTypeId: resolveNodeId('HierarchicalReferences'), includeSubtypes: true, resultMask: 63, nodeClassMask: 0 })
    return Object.fromEntries((references ?? []).map((reference) => [reference.browseName.name ?? '', reference.nodeId.toString()]))
  },
  async typeOf({ id, node }: { id: number; node: string }): Promise<string[]> {
    const names: string[] = []
    const step = async (at: string, browseDirection: BrowseDirection, reference: string): Promise<void> => {
      const { references } = await sessionOf(id).browse({ nodeId: at, browseDirection, referenceTypeId: resolveNodeId(reference), includeSubtypes: true, resultMask: 63, nodeClassMask: 0 })
      const found = references?.[0]
      if (found === undefined || names.length > 9) return
      names.push(found.browseName.name ?? '')
      await step(found.nodeId.toString(), BrowseDirection.Inverse, 'HasSubtype')
    }
    await step(node, BrowseDirection.Forward, 'HasTypeDefinition')
    return names
  },
  async call({ id, object, method, args }: { id: number; object: string; method: string; args: Argument[] }) {
    const { statusCode, outputArguments } = await sessionOf(id).call({ objectId: object, methodId: method, inputArguments: args.map(variant) })
    return { status: statusCode.name, outputs: (outputArguments ?? []).map((output: Variant) => plain(output.value)) }
  },
  async write({ id, node, argument }: { id: number; node: string; argument: Argument }) {
    return (await sessionOf(id).write({ nodeId: node, attributeId: AttributeIds.Value, value: { value: variant(argument) } })).name
  },
  /** @returns how often it tells what changed, and how long it lives without a word. */
  async subscribe({ id, publish = true, period_ms = 100 }: { id: number; publish?: boolean; period_ms?: number }): Promise<{ period_ms: number; life_ms?: number }> {
    const found = clients.get(id)!
    const subscription = publish
      ? ClientSubscription.create(found.session, { requestedPublishingInterval: period_ms, requestedMaxKeepAliveCount: 10, requestedLifetimeCount: 1_000, publishingEnabled: true })
      : undefined
    if (subscription === undefined) {
      const { revisedPublishingInterval, revisedLifetimeCount } = await bare(found.session).createSubscription({ requestedPublishingInterval: period_ms, requestedMaxKeepAliveCount: 100_000, requestedLifetimeCount: 1_000_000, publishingEnabled: true, maxNotificationsPerPublish: 0, priority: 0 })
      return { period_ms: revisedPublishingInterval, life_ms: revisedLifetimeCount * revisedPublishingInterval }
    }
    await new Promise<void>((resolve, reject) => {
      subscription.once('started', () => resolve())
      subscription.once('internal_error', reject)
    })
    found.subscriptions.push(subscription)
    return { period_ms: subscription.publishingInterval }
  },
  /** Tells every change as a message of its own. */
  async watch({ id, node, fields }: { id: number; node: string; fields?: string[] }) {
    const subscription = clients.get(id)!.subscriptions[0]!
    const attributeId = fields === undefined ? AttributeIds.Value : AttributeIds.EventNotifier
    const item = await subscription.monitor(
      { nodeId: coerceNodeId(node), attributeId },
      { samplingInterval: 100, queueSize: 100, discardOldest: true, ...(fields === undefined ? {} : { filter: constructEventFilter(fields) }) }, TimestampsToReturn.Both,
    )
    item.on('changed', (changed: unknown) => {
      say({ news: node, value: fields === undefined ? valueOf(changed as DataValue) : Object.fromEntries((changed as Variant[]).map((field, at) => [fields[at], plain(field.value)])) })
    })
    return { queue: (item as unknown as { monitoringParameters: { queueSize: number } }).monitoringParameters.queueSize }
  },
  /** Asks for many items at once, each with the longest queue there is; says how each went, and the longest queue that was given. */
  async items({ id, node, count, fields, lives = 1_000_000 }: { id: number; node: string; count: number; fields?: string[]; lives?: number }) {
    const { subscriptionId } = await bare(sessionOf(id)).createSubscription({ requestedPublishingInterval: 100, requestedMaxKeepAliveCount: 10, requestedLifetimeCount: lives, publishingEnabled: true, maxNotificationsPerPublish: 0, priority: 0 })
    const results: Record<string, number> = {}
    let queue = 0
    const [attributeId, filter] = fields === undefined ? [AttributeIds.Value, {}] : [AttributeIds.EventNotifier, { filter: constructEventFilter(fields) }]
    for (let made = 0; made < count; made += 500) {
      const itemsToCreate = Array.from({ length: Math.min(500, count) }, (_, at) => ({ itemToMonitor: { nodeId: node, attributeId }, monitoringMode: 2, requestedParameters: { clientHandle: made + at, samplingInterval: 0, queueSize: 1_000_000, discardOldest: true, ...filter } }))
      const answer = await bare(sessionOf(id)).createMonitoredItems({ subscriptionId, timestampsToReturn: TimestampsToReturn.Both, itemsToCreate })
      for (const { statusCode, revisedQueueSize } of answer.results ?? []) {
        results[statusCode.name] = (results[statusCode.name] ?? 0) + 1
        queue = Math.max(queue, revisedQueueSize)
      }
    }
    return { results, queue }
  },
  /** How long the session lives without a word. */
  async life_ms({ id }: { id: number }): Promise<number> {
    return sessionOf(id).timeout
  },
  async historyOfValue({ id, node, from, to }: { id: number; node: string; from: number; to: number }): Promise<Value[]> {
    const { historyData } = await sessionOf(id).readHistoryValue(node, new Date(from), new Date(to))
    return ((historyData as unknown as { dataValues?: DataValue[] } | null)?.dataValues ?? []).map(valueOf)
  },
  async historyOfEvents({ id, node, from, to, most = 0, fields }: { id: number; node: string; from: number; to: number; most?: number; fields: string[] }) {
    const events: unknown[] = []
    const statuses: string[] = []
    for (let continuationPoint: Buffer | undefined; statuses.length < 20;) {
      const request = new HistoryReadRequest({
        historyReadDetails: new ReadEventDetails({ numValuesPerNode: most, startTime: new Date(from), endTime: new Date(to), filter: constructEventFilter(fields) }),
        nodesToRead: [{ nodeId: resolveNodeId(node), ...(continuationPoint === undefined ? {} : { continuationPoint }) }], timestampsToReturn: TimestampsToReturn.Both, releaseContinuationPoints: false,
      })
      const { results } = await sessionOf(id).historyRead(request)
      const result = results?.[0]
      statuses.push(result?.statusCode.name ?? '')
      const data = result?.historyData as unknown as { events?: { eventFields: Variant[] }[] } | null
      events.push(...(data?.events ?? []).map(({ eventFields }) => Object.fromEntries(eventFields.map((field, at) => [fields[at], plain(field.value)]))))
      continuationPoint = result?.continuationPoint ?? undefined
      if (continuationPoint === undefined || continuationPoint.length === 0) break
    }
    return { statuses, events }
  },
  /** Reads one value again and again; reads per second. */
  async rate({ id, nodes, for_ms }: { id: number; nodes: string[]; for_ms: number }): Promise<number> {
    const session = sessionOf(id)
    const wanted = nodes.map((nodeId) => ({ nodeId: resolveNodeId(nodeId), attributeId: AttributeIds.Value }))
    const begin = performance.now()
    let reads = 0
    while (performance.now() - begin < for_ms) {
      await session.read(wanted)
      reads += nodes.length
    }
    return (reads * 1000) / (performance.now() - begin)
  },
}
export type Does = typeof does

process.on('message', (message: { ask: number; what: keyof Does; args: never }) => {
  const work = does[message.what] as (args: never) => Promise<unknown>
  work(message.args).then(
    (answer) => say({ answer: message.ask, value: answer ?? null }),
    (error: unknown) => say({ answer: message.ask, error: error instanceof Error ? error.message : String(error) }),
  )
})
say('ready')

/** What of node-opcua is set for the whole process: limits that it keeps as constants, and its own words. */
import { X509Certificate } from 'node:crypto'
import {
  CreateSessionRequest, CreateSubscriptionRequest, ModifySubscriptionRequest, MonitoredItem, OPCUACertificateManager, type OPCUAServerOptions, type Request,
  setDebugLogger, setErrorLogger, setWarningLogger, type StatusCode, StatusCodes, Subscription,
} from 'node-opcua'
import type { Clock } from '../base/clock.ts'
import { limitQueues } from './queue.ts'
import type { OpcuaLimits } from './section.ts'
import './transport.ts'

const kB = 1_024
/** Connections beyond the sessions: for whoever is just coming, asks which endpoints there are, or is to hear a no. */
const spare = 16
/** Answers of Browse and HistoryRead that wait to be fetched, of each session. */
const continuations = 10
/** Texts and lists longer than this stand in no request that makes sense here. */
const text_B_max = 256 * kB
const list_max = 10_000
/** What a filter of events may name: an alarm has about forty fields. */
const clauses_max = 100
const keyBits_min = 2_048
/** So many lines of the library are written in so long. */
const complaints_max = 20
const complaints_ms = 10_000
/** So long a session or a subscription waits at most for a client that is gone. */
const abandoned_ms_max = 600_000
/** A subscription lives for at least so many times without a word (OPC 10000-4, 5.14.2.2). */
const keepAlivesOfLife = 3

export function limitsOf(limits: OpcuaLimits): OPCUAServerOptions {
  const { sessions, operations } = limits
  return {
    maxConnectionsPerEndpoint: sessions + spare,
    timeout: limits.silent_ms,
    serverCapabilities: {
      maxSessions: sessions, maxSubscriptionsPerSession: limits.subscriptions_per_session, maxSubscriptions: sessions * limits.subscriptions_per_session,
      maxMonitoredItems: limits.items, maxMonitoredItemsPerSubscription: limits.items_per_subscription, maxMonitoredItemsQueueSize: limits.queue,
      minSupportedSampleRate: limits.sampling_ms_min, maxBrowseContinuationPoints: continuations, maxHistoryContinuationPoints: continuations,
      maxStringLength: text_B_max, maxByteStringLength: text_B_max, maxArrayLength: list_max, maxSelectClauseParameters: clauses_max, maxWhereClauseParameters: clauses_max,
      operationLimits: {
        maxNodesPerRead: operations, maxNodesPerBrowse: operations, maxNodesPerWrite: operations, maxNodesPerRegisterNodes: operations,
        maxNodesPerTranslateBrowsePathsToNodeIds: operations, maxMonitoredItemsPerCall: operations, maxNodesPerMethodCall: limits.calls,
        maxNodesPerHistoryReadData: limits.calls, maxNodesPerHistoryReadEvents: limits.calls,
      },
    },
    transportSettings: {
      // A client may ask for less, never for more (OPC 10000-6, 7.1.2.3).
      adjustTransportLimits: ({ receiveBufferSize, sendBufferSize, maxMessageSize }) => {
        const chunk = limits.chunk_kB_max * kB
        const message = atMost(maxMessageSize, limits.message_kB_max * kB)
        const receive = Math.max(8_192, atMost(receiveBufferSize, chunk))
        const send = Math.max(8_192, atMost(sendBufferSize, chunk))
        return { receiveBufferSize: receive, sendBufferSize: send, maxMessageSize: message, maxChunkCount: Math.ceil(message / Math.min(receive, send)) + 1 }
      },
    },
  }
}

/** Nothing asked for means whatever the server allows. */
const atMost = (asked: number, limit: number): number => (asked === 0 ? limit : Math.min(asked, limit))

export function limitLibrary(limits: OpcuaLimits, onOverflow: () => void): void {
  limitQueues(limits, onOverflow)
  Subscription.maximumLifetimeDuration = abandoned_ms_max
  Subscription.minimumPublishingInterval = limits.publish_ms_min
  MonitoredItem.minimumSamplingInterval = limits.sampling_ms_min
}

/**
 * Before a request is carried out: the library would grant a session 50 minutes, and a subscription that may be silent
 * for days lives on as long when its client is gone, with all its items.
 */
export function shorten(request: Request): void {
  if (request instanceof CreateSessionRequest) request.requestedSessionTimeout = Math.min(request.requestedSessionTimeout, abandoned_ms_max)
  if (!(request instanceof CreateSubscriptionRequest || request instanceof ModifySubscriptionRequest)) return
  const every_ms = Math.max(Subscription.minimumPublishingInterval, Math.min(Subscription.maximumPublishingInterval, request.requestedPublishingInterval || 0))
  request.requestedMaxKeepAliveCount = Math.min(request.requestedMaxKeepAliveCount, Math.floor(abandoned_ms_max / keepAlivesOfLife / every_ms))
}

/** Hears what the library says of one kind. */
export type Ear = (...words: unknown[]) => void

/**
 * What the library says, as lines for the log, where there are not too many: whoever makes it complain could fill the
 * log. All are counted.
 */
export function complaints(clock: Clock, complain: (level: 'warn' | 'error', says: string) => void, count: () => void): (level: 'warn' | 'error') => Ear {
  let since = -Infinity
  let said = 0
  return (level) => (...words) => {
    count()
    const now = clock.now()
    if (now - since > complaints_ms) {
      since = now
      said = 0
    }
    if (said++ < complaints_max) complain(level, textOf(words))
  }
}

/** The library writes to the console; here its words go to the log. */
export function hear(...args: Parameters<typeof complaints>): void {
  const to = complaints(...args)
  setDebugLogger(() => undefined)
  setWarningLogger(to('warn'))
  setErrorLogger(to('error'))
}

/**
 * One line without colours, of what may be text from outside. A text of several lines is a message or a token in full,
 * with whoever logs in and what they prove it with. What is left may tell a client's address, no person.
 */
const textOf = (words: readonly unknown[]): string =>
  // oxlint-disable-next-line no-control-regex -- it takes them out
  words.map((word) => (typeof word === 'string' && !word.trim().includes('\n') ? word : '')).join(' ').replaceAll(/\u001b\[[0-9;]*m/g, '').replaceAll(/[^\x21-\x7e]+/g, ' ').trim().slice(0, 200)

/**
 * User certificates are pinned by their fingerprint in the profile, so no folder of them is kept. What is
 * checked here: that its days have begun and are not over, and that its key is long enough.
 */
export class UserCertificates extends OPCUACertificateManager {
  readonly #clock: Clock

  constructor(folder: string, clock: Clock) {
    super({ rootFolder: folder, disableFileWatchers: true })
    this.#clock = clock
  }

  override initialize(...args: unknown[]): never {
    return answer(args, undefined) as never
  }

  override async dispose(): Promise<void> {
    // Nothing was opened.
  }

  override checkCertificate(...args: unknown[]): never {
    return answer(args.slice(1), this.#judge(args[0] as Buffer)) as never
  }

  #judge(der: Buffer): StatusCode {
    try {
      const { publicKey, validFrom, validTo } = new X509Certificate(der)
      const now = this.#clock.wall()
      if (publicKey.asymmetricKeyType !== 'rsa' || (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < keyBits_min) return StatusCodes.BadCertificatePolicyCheckFailed
      return Date.parse(validFrom) <= now && now <= Date.parse(validTo) ? StatusCodes.Good : StatusCodes.BadCertificateTimeInvalid
    } catch {
      return StatusCodes.BadCertificateInvalid
    }
  }
}

/** The library calls back where it is given something to call, else it waits for a promise. */
function answer<T>(args: readonly unknown[], value: T): Promise<T> | undefined {
  const callback = args.at(-1)
  if (typeof callback !== 'function') return Promise.resolve(value)
  ;(callback as (error: null, value: T) => void)(null, value)
  return undefined
}

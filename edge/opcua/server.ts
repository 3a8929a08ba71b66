/** The OPC UA server of one device: node-opcua, with our limits, our people and the generated address space. */
import { hostname } from 'node:os'
import type { ISessionContext, Request, ServerSecureChannelLayer, ServerSession, UserIdentityToken } from 'node-opcua'
import { MessageSecurityMode, nodesets, OPCUAServer, SecurityPolicy, type StatusCode, StatusCodes, type Subscription, UserNameIdentityToken, X509IdentityToken } from 'node-opcua'
import type { Cancel, Clock } from '../base/clock.ts'
import { ConfigError, ForbiddenError, ResourceError } from '../base/error.ts'
import { Counters } from '../base/counters.ts'
import type { DeviceModel } from '../device/model.ts'
import { hear, limitLibrary, limitsOf, shorten, UserCertificates } from './library.ts'
import { People } from './people.ts'
import { waitingOf } from './queue.ts'
import type { OpcuaSection } from './section.ts'
import type { Remember } from './space/history.ts'
import { instanceUri } from './space/machine.ts'
import { Space } from './space/space.ts'
import { type OwnCertificate, ownCertificate, Trust } from './trust.ts'
import type { About, Door, OpcuaAbout, OpcuaFigures } from './words.ts'

export interface OpcuaServerOptions {
  section: OpcuaSection
  about: About
  model: DeviceModel
  /** Where certificates are kept. */
  folder: string
  clock: Clock
  door: Door
  remember: Remember
  /** Hears the library's own complaints. */
  complain(level: 'warn' | 'error', says: string): void
}

const policies = [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss]
/** Somebody who is busy is told to be there this often. */
const seen_ms = 10_000
/** User names and passwords of people are far shorter. */
const secret_max = 256
/** Why the library says that a session ended. */
const endings: Record<string, 'logout' | 'expired'> = { CloseSession: 'logout', Timeout: 'expired' }
const counts = ['refused_untrusted', 'refused_user', 'refused_limit', 'refused_broken', 'overflows', 'complaints', 'calls'] as const

export class OpcuaServer {
  readonly about: OpcuaAbout
  readonly trust: Trust
  readonly #options: OpcuaServerOptions
  readonly #server: Guarded
  readonly #people: People
  readonly #counters: Counters<(typeof counts)[number]>
  readonly #seen = new WeakMap<ServerSecureChannelLayer, number>()
  #space: Space | undefined
  #cancelPrune: Cancel = () => undefined

  /**
   * Resolves when clients can connect.
   * @throws ConfigError (PC-OPCUA-PORT, PC-OPCUA-CERTIFICATE, PC-OPCUA-CLOCK).
   */
  static async start(options: OpcuaServerOptions): Promise<OpcuaServer> {
    const { section, about, folder, clock } = options
    const names = [...new Set([...section.names, hostname()])]
    const trust = new Trust(folder)
    try {
      const own = await ownCertificate(trust, { uri: instanceUri(about), names, clock })
      const server = new OpcuaServer(options, trust, names, own)
      await server.#open()
      return server
    } catch (error) {
      await trust.dispose()
      throw error
    }
  }

  private constructor(options: OpcuaServerOptions, trust: Trust, names: readonly string[], own: OwnCertificate) {
    this.#options = options
    this.trust = trust
    const counters = new Counters<(typeof counts)[number]>(counts)
    this.#counters = counters
    this.#people = new People(options.door)
    hear(options.clock, options.complain, () => counters.add('complaints'))
    const { section, about } = options
    limitLibrary(section.limits, () => counters.add('overflows'))
    this.#server = new Guarded(this.#people, (why) => this.#refused(why), {
      host: section.host, port: section.port, hostname: names[0], alternateHostname: names.slice(1),
      certificateFile: own.file, privateKeyFile: own.key, serverCertificateManager: trust, userCertificateManager: new UserCertificates(options.folder, options.clock),
      nodesets: [nodesets.standard, nodesets.di, nodesets.ia, nodesets.machinery, nodesets.autoId],
      securityModes: [MessageSecurityMode.SignAndEncrypt], securityPolicies: policies, allowAnonymous: section.anonymous === 'read',
      serverInfo: { applicationUri: instanceUri(about), productUri: 'urn:portcullis', applicationName: { text: `Portcullis ${about.id}` } },
      buildInfo: { productName: 'Portcullis', softwareVersion: about.version, manufacturerName: section.machine.manufacturer, productUri: 'urn:portcullis' },
      // The journal is where acts are kept; events of the library would repeat arguments.
      isAuditing: false, unresolvedPermissionPolicy: 'deny',
      ...limitsOf(section.limits),
    })
    this.about = { address: '', fingerprint: own.fingerprint, until: own.until }
  }

  /** What the library counts, and we. */
  async figures(): Promise<OpcuaFigures> {
    const { engine } = this.#server
    const subscriptions = this.#subscriptions()
    const sum = (of: (subscription: Subscription) => number): number => subscriptions.reduce((all, one) => all + of(one), 0)
    return {
      sessions: engine.currentSessionCount, subscriptions: subscriptions.length, items: sum(({ monitoredItemCount }) => monitoredItemCount), queued: sum(waitingOf),
      waiting: await this.trust.waiting(), counters: this.#counters.snapshot(),
    }
  }

  /**
   * Parts with clients that let one subscription after the other die and never fetch what tells them so: the library
   * keeps that for as long as the session lasts.
   */
  partWithDeaf(): void {
    const { engine } = this.#server
    for (const { authenticationToken, publishEngine } of engine.getSessions?.() ?? []) {
      if (publishEngine.pendingClosedSubscriptionCount <= this.#options.section.limits.subscriptions_per_session) continue
      this.#refused('limit')
      engine.closeSession(authenticationToken, true, 'Terminated')
    }
  }

  /** The gatekeeper ended somebody's session. */
  ended(session: string): void {
    const client = this.#people.clientOf(session)
    if (client !== undefined) this.#server.engine.closeSession(client.authenticationToken, true, 'Terminated')
  }

  async distrust(fingerprint: string): Promise<void> {
    await this.trust.distrust(fingerprint)
    for (const endpoint of this.#server.endpoints) endpoint.abruptlyInterruptChannels()
  }

  acknowledged(component: string, alarm: string): void {
    this.#space?.acknowledged(component, alarm)
  }

  async stop(): Promise<void> {
    this.#cancelPrune()
    this.#space?.dispose()
    await this.#server.shutdown(0)
    await this.trust.dispose()
  }

  async #open(): Promise<void> {
    const server = this.#server
    const { section, about, model, clock, remember } = this.#options
    await server.initialize()
    const space = server.engine.addressSpace
    if (space === null) throw new ConfigError('PC-OPCUA-START', 'The OPC UA server has no address space.', { component: 'opcua' })
    server.roleResolvers.push(this.#people)
    this.#space = new Space({
      space, model, about, section, clock, remember, call: (context, component, command, args) => this.#call(context, component, command, args),
    })
    server.on('create_session', (session) => {
      session.once('session_closed', (_session: ServerSession, _deleted: boolean, reason: string) => this.#people.leave(session, endings[reason] ?? 'lost'))
    })
    server.on('connectionRefused', () => this.#refused('limit'))
    server.on('openSecureChannelFailure', () => this.#refused('broken'))
    server.on('request', (request, channel) => {
      shorten(request)
      this.#watch(request, channel)
    })
    this.trust.onRefused = (why) => {
      this.#refused(why)
      this.#cancelPrune()
      this.#cancelPrune = clock.after(1_000, () => void this.trust.forgetOldest())
    }
    try {
      await server.start()
    } catch (cause) {
      await server.shutdown(0).catch(() => undefined)
      throw new ConfigError('PC-OPCUA-PORT', `The OPC UA server cannot listen on ${section.host}, port ${section.port}.`, { component: 'opcua', cause })
    }
    ;(this.about as { address: string }).address = server.getEndpointUrl()
  }

  async #call(context: ISessionContext, component: string, command: string, args: Record<string, unknown>): Promise<unknown> {
    const session = this.#people.sessionOf(context.session)
    if (session === undefined) throw new ForbiddenError('PC-OPCUA-USER', 'Methods need a user.', { component: 'opcua' })
    this.#counters.add('calls')
    return await this.#options.door.carryOut(session.id, { component, command, args })
  }

  /** Tells the gatekeeper that somebody is there, not more often than it needs to know. */
  #watch(request: Request, channel: ServerSecureChannelLayer): void {
    const now = this.#options.clock.now()
    if (now - (this.#seen.get(channel) ?? -Infinity) < seen_ms) return
    const session = this.#people.sessionOf(this.#server.getSession(request.requestHeader.authenticationToken))
    if (session === undefined) return
    this.#seen.set(channel, now)
    this.#options.door.seen(session.id)
  }

  #refused(why: 'untrusted' | 'user' | 'limit' | 'broken'): void {
    this.#counters.add(`refused_${why}`)
    this.#options.door.refused(why)
  }

  /** Those of sessions, and those that outlive theirs for a while. */
  #subscriptions(): Subscription[] {
    const { engine } = this.#server
    const { _orphanPublishEngine: orphans } = engine as unknown as { _orphanPublishEngine?: { subscriptions: Subscription[] } }
    return [...(engine.getSessions?.() ?? []).flatMap((session: ServerSession) => session.publishEngine.subscriptions), ...orphans?.subscriptions ?? []]
  }
}

/** node-opcua's server, with our people in the place where it asks whether a user may come in. */
class Guarded extends OPCUAServer {
  readonly #people: People
  readonly #refused: (why: 'user' | 'limit') => void

  constructor(people: People, refused: (why: 'user' | 'limit') => void, options: ConstructorParameters<typeof OPCUAServer>[0]) {
    super({ ...options, userManager: { isValidUserAsync(name, password, callback) { void prove(people, refused, this, name, password, callback) } } })
    this.#people = people
    this.#refused = refused
  }

  protected override isUserAuthorized(
    channel: ServerSecureChannelLayer, session: ServerSession, token: UserIdentityToken,
    callback: Verdict,
  ): void {
    if (token instanceof X509IdentityToken) {
      void this.#certify(channel, session, token, callback)
      return
    }
    if (!(token instanceof UserNameIdentityToken)) this.#people.leave(session, 'logout')
    super.isUserAuthorized(channel, session, token, (error, authorized, status) => {
      if (authorized === true) this.#people.vouch(session, token)
      callback(error, authorized, status)
    })
  }

  async #certify(channel: ServerSecureChannelLayer, session: ServerSession, token: X509IdentityToken, verdict: Verdict): Promise<void> {
    try {
      await this.#people.byCertificate(session, token.certificateData, whereOf(channel))
      this.#people.vouch(session, token)
    } catch (error) {
      const full = error instanceof ResourceError
      this.#refused(full ? 'limit' : 'user')
      verdict(null, false, full ? StatusCodes.BadTooManySessions : StatusCodes.BadUserAccessDenied)
      return
    }
    verdict(null, true)
  }
}

type Verdict = (error: Error | null, authorized?: boolean, status?: StatusCode) => void

async function prove(people: People, refused: (why: 'user' | 'limit') => void, client: ServerSession, name: string, password: string, verdict: Verdict): Promise<void> {
  try {
    if (name.length > secret_max || password.length > secret_max) throw new ForbiddenError('PC-OPCUA-USER', 'No name or password is that long.', { component: 'opcua' })
    await people.bySecret(client, name, password, whereOf(client.channel))
  } catch (error) {
    refused(error instanceof ResourceError ? 'limit' : 'user')
    verdict(null, false)
    return
  }
  verdict(null, true)
}

const whereOf = (channel: ServerSecureChannelLayer | undefined): string => `opcua ${channel?.remoteAddress ?? 'unknown'}`.slice(0, 64)

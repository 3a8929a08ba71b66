/**
 * Serves the technician's page: its files to anybody, the device to whoever has logged in.
 *
 * It holds no logic of its own: what it shows is the device model's declaration and values, what it
 * does goes through the gatekeeper. Everything is bounded. Over the network it is served encrypted only.
 */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastifyWebsocket from '@fastify/websocket'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Gatekeeper } from '../../access/contract.ts'
import type { Cancel, Clock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { CancelledError, ConfigError, describe, ForbiddenError } from '../../base/error.ts'
import type { Logger } from '../../base/log.ts'
import { parse, Type } from '../../base/schema.ts'
import { Component, type ComponentOf } from '../../device/component.ts'
import type { SelfTestReport } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import type { FactSource } from '../../journal/fact.ts'
import { type SceneCount, SceneTeller, type LidarScene } from '../lidar/teller.ts'
import { isLoopback, isOwnHost, isOwnOrigin, protectiveHeaders } from '../protection.ts'
import { TechnicianPage } from './contract.ts'
import { Desk } from './desk.ts'
import { Doors } from './doors.ts'
import { type TechnicianLimits, technicianLimits } from './limits.ts'
import { Live, type LiveCount } from './live.ts'
import { refusal, statusOf } from './refusal.ts'
import { type StillCount, Stills } from './stills.ts'

export interface TechnicianOptions {
  model: DeviceModel
  gatekeeper: Gatekeeper
  /** Searched by whoever is logged in. */
  journal?: FactSource | undefined
  clock: Clock
  log: Logger
  /** Such as `mong-cai/bac-luan-1/bl1-e07`. */
  device: string
  /** Loopback unless given; another needs `tls`. */
  host?: string
  /** 0 takes any free port. */
  port: number
  /** PEM. */
  tls?: { cert: string; key: string } | undefined
  /** Where `tools/bundle/bundle-page.ts` put the page. */
  pageDir: string
  /** Where the diagnosis puts its bundles. */
  outbox?: string | undefined
  /** What the lidars see, of a device that has obstacle paths. */
  lidar?: LidarScene | undefined
  random?: ((bytes: number) => Uint8Array) | undefined
  limits?: Partial<TechnicianLimits>
}

const Build = Type.Object({ build: Type.String({ pattern: '^[0-9a-f]{8,64}$' }) })

type Count = LiveCount | StillCount | SceneCount | 'connectionsRefused' | 'requestsForeign' | 'requestsRefused'

const counts: readonly Count[] = [
  'viewers', 'viewersRefused', 'viewersSilent', 'viewersBehind', 'viewersTalking', 'eventsMissed', 'valuesTooLong',
  'stills', 'stillsRefused', 'scenes', 'scenesRefused', 'scenesTalking', 'cloudsShown', 'cloudsSkipped',
  'connectionsRefused', 'requestsForeign', 'requestsRefused',
]

/** How often the counters are made known. */
const count_ms = 1_000
const day_ms = 86_400_000
/** Before its end, a certificate is to be renewed. */
const renewal_days = 14

export class TechnicianServer {
  /** For the device model, so that every face shows how the page fares. */
  readonly component: ComponentOf<typeof TechnicianPage>
  readonly #options: TechnicianOptions
  readonly #limits: TechnicianLimits
  readonly #counters = new Counters<Count>(counts)
  readonly #stills: Stills
  readonly #certificate: X509Certificate | undefined
  readonly #undo: Cancel[] = []
  #app: FastifyInstance | undefined
  #live: Live | undefined
  #build = ''
  #address: string | undefined

  /** @throws ConfigError (PC-TECHNICIAN-TLS) without TLS for the network, or with a certificate that is none. */
  constructor(options: TechnicianOptions) {
    const { clock, host = '127.0.0.1', model, tls } = options
    this.#options = options
    this.#limits = { ...technicianLimits, ...options.limits }
    this.#certificate = tls === undefined ? undefined : certificateIn(tls.cert)
    if (tls === undefined && !isLoopback(host) && host !== 'localhost') {
      throw new ConfigError('PC-TECHNICIAN-TLS', "The technician's page is served over the network only with TLS: give `tls`, or serve it on 127.0.0.1.", { component: 'technician' })
    }
    this.#stills = new Stills(model, clock, this.#limits, this.#counters)
    this.component = new Component('technician', TechnicianPage, clock, {
      selfTest: () => this.#selfTest(),
      watch: async ({ camera }, _signal, caller) => {
        this.#stills.permit(caller.id, camera)
        return {}
      },
    })
  }

  /** The page's address; `undefined` while it is not served. */
  get address(): string | undefined {
    return this.#address
  }

  /** Resolves when the page can be opened. @throws ConfigError (PC-SCREEN-PAGE, PC-SCREEN-ADDRESS, PC-TECHNICIAN-TLS). */
  async start(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw new CancelledError('technician')
    this.component.publish('health', { status: 'starting' })
    try {
      this.#build = await readBuild(this.#options.pageDir)
      this.#app = await this.#serve()
      this.#address = await this.#listen(this.#app)
    } catch (error) {
      await this.stop()
      const { code, message } = describe(error)
      this.component.publish('health', { status: 'failed', code, says: message })
      throw error
    }
    const onAbort = (): void => void this.stop()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#undo.push(() => signal?.removeEventListener('abort', onAbort))
    this.component.publish('address', this.#address)
    this.component.publish('build', this.#build)
    this.component.publish('health', { status: 'ready' })
    this.#options.log.info({ component: 'technician', address: this.#address, build: this.#build }, "The technician's page is served.")
  }

  /** Ends every session of the page; resolves when every connection is closed. Safe to call more than once. */
  async stop(): Promise<void> {
    const app = this.#app
    this.#app = undefined
    this.#address = undefined
    for (const undo of this.#undo.splice(0)) undo()
    this.#live = undefined
    await app?.close()
    this.component.publish('health', { status: 'stopped' })
  }

  async #serve(): Promise<FastifyInstance> {
    const { header_B_max, request_ms, body_B_max } = this.#limits
    const { clock, gatekeeper, journal, lidar, model, outbox, pageDir, random, tls } = this.#options
    const app = this.#made({ logger: false as const, bodyLimit: body_B_max, requestTimeout: request_ms, keepAliveTimeout: request_ms, forceCloseConnections: true, http: { maxHeaderSize: header_B_max, headersTimeout: request_ms } })
    app.server.maxConnections = this.#limits.connectionsMax
    app.server.on('drop', () => this.#counters.add('connectionsRefused'))
    // JSON alone: what other pages can send without asking first is not even read.
    app.removeContentTypeParser('text/plain')
    app.setErrorHandler((error, _, reply) => this.#refuse(error, reply))
    app.setNotFoundHandler((_, reply) => this.#refuse({ statusCode: 404 }, reply))
    await app.register(fastifyWebsocket, { options: { maxPayload: 1_024, perMessageDeflate: false } })
    // After the plugin's own hook, which tells a WebSocket from a request, and before any route.
    app.addHook('onRequest', async (request, reply) => this.#protect(request, reply))
    await app.register(fastifyStatic, { root: resolve(pageDir), cacheControl: false, dotfiles: 'deny' })
    const doors = new Doors({ gatekeeper, clock, limits: this.#limits, secure: tls !== undefined, random })
    const live = new Live({
      model, clock, limits: this.#limits, counters: this.#counters,
      about: () => ({ build: this.#build, device: this.#options.device, lidar: lidar !== undefined, downloads: outbox !== undefined }),
    })
    this.#live = live
    const teller = lidar === undefined ? undefined : new SceneTeller(lidar, clock, this.#counters)
    // Whoever is open is told that it ends before they are closed.
    const forget = gatekeeper.onEnded(({ session, why }) => live.end(session, why))
    this.#undo.push(() => doors.stop(), forget, () => live.close(), () => teller?.stop())
    doors.add(app)
    new Desk({ model, gatekeeper, clock, limits: this.#limits, journal, outbox, doors, live, stills: this.#stills, lidar: teller }).add(app)
    teller?.start()
    this.#count()
    return app
  }

  #made(options: object): FastifyInstance {
    const { tls } = this.#options
    if (tls === undefined) return fastify(options)
    try {
      return fastify({ ...options, https: { ...tls, minVersion: 'TLSv1.2' } })
    } catch (cause) {
      throw new ConfigError('PC-TECHNICIAN-TLS', "The technician's page cannot be served with this certificate and key.", { component: 'technician', cause })
    }
  }

  async #listen(app: FastifyInstance): Promise<string> {
    const { host = '127.0.0.1', port } = this.#options
    try {
      return await app.listen({ host, port })
    } catch (cause) {
      throw new ConfigError('PC-SCREEN-ADDRESS', `The technician's page cannot be served on ${host}, port ${port}.`, { component: 'technician', cause })
    }
  }

  #count(): void {
    let cancel: Cancel = () => undefined
    const count = (): void => {
      this.component.publish('counters', this.#counters.snapshot())
      this.component.publish('viewers', this.#live?.size ?? 0)
      cancel = this.#options.clock.after(count_ms, count)
    }
    count()
    this.#undo.push(() => cancel())
  }

  /** Nothing of another page, and nothing by a name that anybody could point here. */
  #protect(request: FastifyRequest, reply: FastifyReply): void {
    void reply.headers(protectiveHeaders)
    const { host, origin } = request.headers
    const reads = request.method === 'GET' && !request.ws
    if (this.#isOwn(host) && (reads || isOwnOrigin(origin, host, this.#certificate === undefined ? 'http' : 'https'))) return
    this.#counters.add('requestsForeign')
    throw new ForbiddenError('PC-SCREEN-FOREIGN', 'The page answers only to its own address.')
  }

  #isOwn(host: string | undefined): boolean {
    if (isOwnHost(host)) return true
    const name = host?.replace(/:\d+$/, '') ?? ''
    return name !== '' && this.#certificate?.checkHost(name) !== undefined
  }

  #refuse(error: unknown, reply: FastifyReply): void {
    this.#counters.add('requestsRefused')
    void reply.code(statusOf(error)).send(refusal(error))
  }

  async #selfTest(): Promise<SelfTestReport> {
    const build = await readBuild(this.#options.pageDir).catch(() => undefined)
    const checks: SelfTestReport['checks'] = [
      { name: 'page', passed: build !== undefined && build === this.#build, says: 'The served page is complete and the one that was started with.' },
      { name: 'address', passed: this.#address !== undefined, says: 'The page is served.' },
    ]
    if (this.#certificate !== undefined) {
      const days = Math.floor((Date.parse(this.#certificate.validTo) - this.#options.clock.wall()) / day_ms)
      checks.push({ name: 'certificate', passed: days >= renewal_days, value: days, unit: 'd', says: 'How long the certificate is still good.' })
    }
    return { passed: checks.every(({ passed }) => passed), checks }
  }
}

/** Which bundle lies in this folder. @throws ConfigError (PC-SCREEN-PAGE). */
async function readBuild(pageDir: string): Promise<string> {
  try {
    const content: unknown = JSON.parse(await readFile(join(pageDir, 'build.json'), 'utf8'))
    return parse(Build, content, 'PC-SCREEN-PAGE', "page's build.json").build
  } catch (cause) {
    throw new ConfigError('PC-SCREEN-PAGE', "The technician's page is not built: run `node tools/bundle/bundle-page.ts`.", { component: 'technician', cause })
  }
}

function certificateIn(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new ConfigError('PC-TECHNICIAN-TLS', "The technician's page has a certificate that is none.", { component: 'technician', cause })
  }
}

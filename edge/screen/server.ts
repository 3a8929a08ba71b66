/**
 * Serves the traveller's page: its files, the gate's view over a WebSocket, and the live mirror.
 *
 * The page may know only what `snapshot.ts` names. The server answers on the loopback address
 * unless told otherwise, takes no input but requests to read, and every kind of client is bounded.
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastifyWebsocket from '@fastify/websocket'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Cancel, Clock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { CancelledError, ConfigError, describe, ForbiddenError, PortcullisError, ResourceError, UsageError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { parse, Type } from '../base/schema.ts'
import { Camera } from '../device/capabilities.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import type { SelfTestReport } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import { Gate } from '../gate/contract.ts'
import { Screen } from './contract.ts'
import { Mirror, type MirrorCount, type MirrorLimits } from './mirror.ts'
import { isLoopback, isOwnHost, isOwnOrigin, protectiveHeaders } from './protection.ts'
import { type Language, mirrorPhase, shown, type Snapshot } from './snapshot.ts'
import { type ViewerCount, type ViewerLimits, Viewers } from './viewers.ts'

export interface ScreenLimits extends ViewerLimits, MirrorLimits {
  /** TCP connections of every kind together. */
  connectionsMax: number
  /** How long a request may take to arrive. */
  request_ms: number
  header_B_max: number
}

export const screenLimits: Readonly<ScreenLimits> = {
  viewersMax: 8,
  beat_ms: 500,
  silent_ms: 5_000,
  buffered_B_max: 65_536,
  mirrorsMax: 4,
  frameGap_ms: 80,
  frame_B_max: 2_000_000,
  stalled_ms: 3_000,
  connectionsMax: 48,
  request_ms: 5_000,
  header_B_max: 8_192,
}

export interface ScreenOptions {
  model: DeviceModel
  /** The gate's name in the model. */
  gate: string
  /** The camera's name in the model; without one there is no mirror. */
  camera?: string
  clock: Clock
  log: Logger
  /** Loopback unless given: the page needs no network. */
  host?: string
  /** 0 takes any free port. */
  port: number
  /** The first is the one the page starts in. */
  languages: readonly Language[]
  /** Where `tools/bundle/bundle-page.ts` put the page. */
  pageDir: string
  limits?: Partial<ScreenLimits>
}

const Build = Type.Object({ build: Type.String({ pattern: '^[0-9a-f]{8,64}$' }) })

type Count = ViewerCount | MirrorCount | 'connectionsRefused' | 'requestsForeign' | 'viewsInvalid'

const counts: readonly Count[] = [
  'viewers', 'viewersRefused', 'viewersSlow', 'viewersSilent', 'viewersTalking',
  'mirrors', 'mirrorsRefused', 'mirrorsStalled', 'framesShown', 'framesSkipped', 'framesTooLarge', 'framesTooOld',
  'connectionsRefused', 'requestsForeign', 'viewsInvalid',
]

/** How often the counters are made known. */
const count_ms = 1_000

export class ScreenServer {
  /** For the device model, so that every face shows how the page fares. */
  readonly component: ComponentOf<typeof Screen>
  readonly #options: ScreenOptions
  readonly #limits: ScreenLimits
  readonly #counters = new Counters<Count>(counts)
  readonly #undo: Cancel[] = []
  #app: FastifyInstance | undefined
  #viewers: Viewers | undefined
  #mirror: Mirror | undefined
  #build = ''
  #address: string | undefined

  constructor(options: ScreenOptions) {
    if (options.languages.length === 0) throw new UsageError('PC-SCREEN-LANGUAGE', 'The page needs at least one language.')
    this.#options = options
    this.#limits = { ...screenLimits, ...options.limits }
    this.component = new Component('screen', Screen, options.clock, { selfTest: () => this.#selfTest() })
  }

  /** The page's address, such as `http://127.0.0.1:8080`; `undefined` while it is not served. */
  get address(): string | undefined {
    return this.#address
  }

  /**
   * Resolves when the page can be opened. `signal` stops it again.
   * @throws ConfigError PC-SCREEN-PAGE or PC-SCREEN-ADDRESS; UsageError when gate or camera are none.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw new CancelledError('screen')
    this.component.publish('health', { status: 'starting' })
    try {
      this.#build = await readBuild(this.#options.pageDir)
      this.#follow()
      this.#app = await this.#serve()
      this.#address = await this.#listen(this.#app)
    } catch (error) {
      await this.stop()
      this.component.publish('health', { status: 'failed', ...healthOf(error) })
      throw error
    }
    const onAbort = (): void => void this.stop()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#undo.push(() => signal?.removeEventListener('abort', onAbort))
    this.component.publish('address', this.#address)
    this.component.publish('build', this.#build)
    this.component.publish('health', { status: 'ready' })
    this.#options.log.info({ component: 'screen', address: this.#address, build: this.#build }, "The traveller's page is served.")
  }

  /** Resolves when every connection is closed. Safe to call more than once. */
  async stop(): Promise<void> {
    const app = this.#app
    this.#app = undefined
    this.#address = undefined
    for (const undo of this.#undo.splice(0)) undo()
    this.#mirror?.close()
    this.#viewers?.close()
    this.#viewers = undefined
    await app?.close()
    this.component.publish('health', { status: 'stopped' })
  }

  /** Keeps viewers and mirror in step with the gate. */
  #follow(): void {
    const { model, clock, camera } = this.#options
    const gate = model.as(this.#options.gate, Gate)
    this.#mirror =
      camera === undefined ? undefined : new Mirror(model.as(camera, Camera), clock, this.#limits, this.#counters)
    this.#viewers = new Viewers(clock, this.#limits, this.#counters, this.#message())
    const show = (): void => this.#viewers?.show(this.#message())
    this.#undo.push(gate.onChange('view', show), gate.onChange('health', show))
    let cancel: Cancel = () => undefined
    const count = (): void => {
      this.component.publish('counters', this.#counters.snapshot())
      this.component.publish('viewers', this.#viewers?.size ?? 0)
      cancel = clock.after(count_ms, count)
    }
    count()
    this.#undo.push(() => cancel())
  }

  /** The snapshot of now as text; sets the mirror accordingly. */
  #message(): string {
    const view = this.#view()
    if (view?.phase === mirrorPhase) this.#mirror?.open(view.passage)
    else this.#mirror?.close()
    const { languages } = this.#options
    return JSON.stringify({ build: this.#build, languages, mirror: this.#mirror?.isOpen ?? false, view } satisfies Snapshot)
  }

  /** A gate that cannot do its work has no view to be trusted, except that an emergency stays one. */
  #view(): Snapshot['view'] {
    const gate = this.#options.model.as(this.#options.gate, Gate)
    const view = gate.read('view')
    if (view === undefined || (!gate.usable && view.phase !== 'emergency')) return null
    try {
      return shown(view)
    } catch (error) {
      this.#counters.add('viewsInvalid')
      this.#options.log.error({ component: 'screen', error }, 'The gate published a view that cannot be shown.')
      return null
    }
  }

  async #serve(): Promise<FastifyInstance> {
    const { request_ms, header_B_max } = this.#limits
    const app = fastify({
      logger: false, bodyLimit: 1, requestTimeout: request_ms, keepAliveTimeout: request_ms, forceCloseConnections: true,
      http: { maxHeaderSize: header_B_max, headersTimeout: request_ms },
    })
    app.server.maxConnections = this.#limits.connectionsMax
    app.server.on('drop', () => this.#counters.add('connectionsRefused'))
    app.setErrorHandler((error, _, reply) => refuse(error, reply))
    app.setNotFoundHandler((_, reply) => refuse({ statusCode: 404 }, reply))
    await app.register(fastifyWebsocket, { options: { maxPayload: 1_024, perMessageDeflate: false } })
    // After the plugin's own hook, which tells a WebSocket from a request, and before any route.
    app.addHook('onRequest', async (request, reply) => this.#protect(request, reply))
    await app.register(fastifyStatic, { root: resolve(this.#options.pageDir), cacheControl: false, dotfiles: 'deny' })
    app.get('/state', { websocket: true }, (socket) => this.#viewers?.add(socket))
    app.get('/mirror', (request, reply) => this.#reflect(request, reply))
    app.get('/health', () => this.#health())
    return app
  }

  async #listen(app: FastifyInstance): Promise<string> {
    const { host = '127.0.0.1', port } = this.#options
    try {
      return await app.listen({ host, port })
    } catch (cause) {
      const says = `The traveller's page cannot be served on ${host}, port ${port}.`
      throw new ConfigError('PC-SCREEN-ADDRESS', says, { component: 'screen', cause })
    }
  }

  #protect(request: FastifyRequest, reply: FastifyReply): void {
    void reply.headers(protectiveHeaders)
    const { host, origin } = request.headers
    if (isOwnHost(host) && (!request.ws || isOwnOrigin(origin, host))) return
    this.#counters.add('requestsForeign')
    throw new ForbiddenError('PC-SCREEN-FOREIGN', 'The page answers only to its own address.')
  }

  #reflect(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (!isLoopback(request.socket.remoteAddress)) {
      throw new ForbiddenError('PC-SCREEN-MIRROR-AWAY', 'The mirror is shown on the device itself only.')
    }
    // Not an error: the gate may have moved on while the page was asking.
    if (this.#mirror?.isOpen !== true) return reply.code(204).send()
    if (!this.#mirror.watch(reply.raw)) throw new ResourceError('PC-SCREEN-MIRROR-FULL', 'Too many mirrors are open.')
    return reply.hijack()
  }

  #health(): object {
    return { status: this.component.health.status, build: this.#build, viewers: this.#viewers?.size ?? 0 }
  }

  async #selfTest(): Promise<SelfTestReport> {
    const build = await readBuild(this.#options.pageDir).catch(() => undefined)
    const viewers = this.#viewers?.size ?? 0
    const checks = [
      { name: 'page', passed: build === this.#build, says: 'The served page is complete and the one that was started with.' },
      { name: 'address', passed: this.#address !== undefined, says: 'The page is served.' },
      { name: 'viewers', passed: viewers > 0, value: viewers, unit: '1', says: 'A page watches the gate.' },
    ]
    return { passed: checks.every((check) => check.passed), checks }
  }
}

/** Which bundle lies in this folder. @throws ConfigError (PC-SCREEN-PAGE). */
async function readBuild(pageDir: string): Promise<string> {
  try {
    const content: unknown = JSON.parse(await readFile(join(pageDir, 'build.json'), 'utf8'))
    return parse(Build, content, 'PC-SCREEN-PAGE', "page's build.json").build
  } catch (cause) {
    const says = "The traveller's page is not built: run `node tools/bundle/bundle-page.ts`."
    throw new ConfigError('PC-SCREEN-PAGE', says, { component: 'screen', cause })
  }
}

function healthOf(error: unknown): { code: string; says: string } {
  const { code, message } = describe(error)
  return { code, says: message }
}

/** Says what was wrong with a request without repeating any of it. */
function refuse(error: unknown, reply: FastifyReply): void {
  const known = error instanceof PortcullisError
  const body = known ? describe(error) : { code: 'PC-SCREEN-REQUEST', message: 'The page cannot answer this request.' }
  void reply.code(known ? statusOf(error) : ((error as { statusCode?: number }).statusCode ?? 500)).send(body)
}

function statusOf(error: PortcullisError): number {
  if (error instanceof ForbiddenError) return 403
  return error instanceof ResourceError ? 503 : 500
}

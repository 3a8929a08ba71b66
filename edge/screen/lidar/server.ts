/**
 * Serves the lidar view: the page's files, and over a WebSocket the setup, the state and the clouds.
 * It only shows: the page cannot command anything. Loopback unless told otherwise.
 */
import { resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastifyWebsocket, { type WebSocket } from '@fastify/websocket'
import { type FastifyInstance, fastify } from 'fastify'
import type { Cancel, Clock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { ConfigError, ForbiddenError } from '../../base/error.ts'
import type { CloudRing } from '../../perception/obstacles/cloud.ts'
import { isOwnHost, isOwnOrigin, protectiveHeaders } from '../protection.ts'
import { encodeCloud, type ViewSetup, type ViewState } from './wire.ts'

/** What is shown: a running device, or a capture being played. */
export interface LidarScene {
  readonly setup: ViewSetup
  /** In the order of `setup.sources`. */
  readonly clouds: readonly CloudRing[]
  state(): ViewState
}

export interface ViewLimits {
  viewersMax: number
  /** How often the state is told, and clouds that are new. */
  period_ms: number
  /** A page that is so far behind misses clouds. */
  buffered_B_max: number
}

export const viewLimits: ViewLimits = { viewersMax: 4, period_ms: 100, buffered_B_max: 2_000_000 }

/** WebSocket close codes (RFC 6455, 7.4.1). */
const policyViolation = 1008
const tryAgainLater = 1013

export interface ViewServerOptions {
  scene: LidarScene
  clock: Clock
  host?: string
  /** 0 takes any free port. */
  port: number
  /** Where the bundled page lies. */
  pageDir: string
  limits?: Partial<ViewLimits>
}

export class LidarViewServer {
  readonly counters = new Counters(['viewers', 'viewersRefused', 'viewersTalking', 'cloudsShown', 'cloudsSkipped', 'requestsForeign'])
  readonly #options: ViewServerOptions
  readonly #limits: ViewLimits
  readonly #viewers = new Set<WebSocket>()
  /** How many clouds of each source were finished when one was shown last. */
  readonly #shown: number[]
  #app: FastifyInstance | undefined
  #cancel: Cancel = () => undefined

  constructor(options: ViewServerOptions) {
    this.#options = options
    this.#limits = { ...viewLimits, ...options.limits }
    this.#shown = options.scene.clouds.map(() => 0)
  }

  /** Resolves with the page's address. @throws ConfigError (PC-SCREEN-ADDRESS). */
  async start(): Promise<string> {
    const { host = '127.0.0.1', port, pageDir } = this.#options
    const app = fastify({ logger: false, bodyLimit: 1, forceCloseConnections: true })
    this.#app = app
    await app.register(fastifyWebsocket, { options: { maxPayload: 1_024, perMessageDeflate: false } })
    app.addHook('onRequest', async (request, reply) => {
      void reply.headers(protectiveHeaders)
      const { host: asked, origin } = request.headers
      if (isOwnHost(asked) && (!request.ws || isOwnOrigin(origin, asked))) return
      this.counters.add('requestsForeign')
      throw Object.assign(new ForbiddenError('PC-SCREEN-FOREIGN', 'The page answers only to its own address.'), { statusCode: 403 })
    })
    await app.register(fastifyStatic, { root: resolve(pageDir), cacheControl: false, dotfiles: 'deny' })
    app.get('/scene', { websocket: true }, (socket) => this.#welcome(socket))
    try {
      const address = await app.listen({ host, port })
      this.#tick()
      return address
    } catch (cause) {
      await this.stop()
      throw new ConfigError('PC-SCREEN-ADDRESS', `The lidar view cannot be served on ${host}, port ${port}.`, { cause })
    }
  }

  async stop(): Promise<void> {
    this.#cancel()
    for (const viewer of this.#viewers) viewer.terminate()
    this.#viewers.clear()
    await this.#app?.close()
    this.#app = undefined
  }

  #welcome(socket: WebSocket): void {
    if (this.#viewers.size >= this.#limits.viewersMax) {
      this.counters.add('viewersRefused')
      socket.close(tryAgainLater, `PC-SCREEN-FULL: ${this.#limits.viewersMax} pages already watch.`)
      return
    }
    this.counters.add('viewers')
    this.#viewers.add(socket)
    socket.on('close', () => this.#viewers.delete(socket))
    socket.on('message', () => {
      this.counters.add('viewersTalking')
      socket.close(policyViolation, 'PC-SCREEN-TALK: this socket only tells.')
    })
    socket.send(JSON.stringify(this.#options.scene.setup))
    // Whoever comes late sees what is there, and not only what comes next.
    for (let source = 0; source < this.#shown.length; source++) this.#showCloud(source, [socket])
  }

  #tick(): void {
    const { scene, clock } = this.#options
    const state = JSON.stringify(scene.state())
    for (const viewer of this.#viewers) if (this.#keepsUp(viewer)) viewer.send(state)
    for (const [source, { finished }] of scene.clouds.entries()) {
      if (finished === this.#shown[source]) continue
      this.#shown[source] = finished
      this.#showCloud(source, this.#viewers)
    }
    this.#cancel = clock.after(this.#limits.period_ms, () => this.#tick())
  }

  #showCloud(source: number, viewers: Iterable<WebSocket>): void {
    let bytes: Uint8Array | undefined
    const whole = this.#options.scene.clouds[source]?.newest((cloud) => {
      bytes = encodeCloud(source, cloud)
    })
    if (whole !== true || bytes === undefined) return
    for (const viewer of viewers) {
      if (!this.#keepsUp(viewer)) this.counters.add('cloudsSkipped')
      else {
        viewer.send(bytes)
        this.counters.add('cloudsShown')
      }
    }
  }

  #keepsUp(viewer: WebSocket): boolean {
    return viewer.readyState === viewer.OPEN && viewer.bufferedAmount <= this.#limits.buffered_B_max
  }
}

/**
 * Serves the lidar view: the page's files, and over a WebSocket the setup, the state and the clouds.
 * It only shows: the page cannot command anything. Loopback unless told otherwise.
 */
import { resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastifyWebsocket from '@fastify/websocket'
import { type FastifyInstance, fastify } from 'fastify'
import type { Clock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { ConfigError, ForbiddenError } from '../../base/error.ts'
import { isOwnHost, isOwnOrigin, protectiveHeaders } from '../protection.ts'
import { type LidarScene, type SceneCount, SceneTeller, type ViewLimits } from './teller.ts'

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
  readonly counters = new Counters<SceneCount | 'requestsForeign'>(['scenes', 'scenesRefused', 'scenesTalking', 'cloudsShown', 'cloudsSkipped', 'requestsForeign'])
  readonly #options: ViewServerOptions
  readonly #teller: SceneTeller
  #app: FastifyInstance | undefined

  constructor(options: ViewServerOptions) {
    this.#options = options
    this.#teller = new SceneTeller(options.scene, options.clock, this.counters, options.limits)
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
    app.get('/scene', { websocket: true }, (socket) => this.#teller.add(socket))
    try {
      const address = await app.listen({ host, port })
      this.#teller.start()
      return address
    } catch (cause) {
      await this.stop()
      throw new ConfigError('PC-SCREEN-ADDRESS', `The lidar view cannot be served on ${host}, port ${port}.`, { cause })
    }
  }

  async stop(): Promise<void> {
    this.#teller.stop()
    await this.#app?.close()
    this.#app = undefined
  }
}

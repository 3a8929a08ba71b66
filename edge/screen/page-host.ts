/**
 * What every page of the device is served by: its files and routes, to its own address alone.
 *
 * Each kind of client is bounded, every answer bears the protective headers, a refusal says its code
 * and one sentence and repeats nothing of the request. Loopback unless told otherwise.
 */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastifyWebsocket from '@fastify/websocket'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Clock } from '../base/clock.ts'
import type { Counters } from '../base/counters.ts'
import { ConfigError, ForbiddenError } from '../base/error.ts'
import { parse, Type } from '../base/schema.ts'
import type { SelfTestReport } from '../device/contract.ts'
import { isOwnHost, isOwnOrigin, protectiveHeaders } from './protection.ts'
import { refusal, statusOf } from './refusal.ts'

export interface PageLimits {
  /** TCP connections of every kind together. */
  connectionsMax: number
  /** How long a request may take to arrive. */
  request_ms: number
  header_B_max: number
  body_B_max: number
}

/** Of a page that only shows: nobody needs to send it anything. */
export const pageLimits: Readonly<PageLimits> = { connectionsMax: 48, request_ms: 5_000, header_B_max: 8_192, body_B_max: 1 }

export type PageCount = 'connectionsRefused' | 'requestsForeign' | 'requestsRefused'
export const pageCounts: readonly PageCount[] = ['connectionsRefused', 'requestsForeign', 'requestsRefused']

export interface PageHostOptions {
  /** Which component's errors these are. */
  component: string
  /** How people call it, such as `the traveller's page`. */
  says: string
  /** Loopback unless given. */
  host?: string | undefined
  /** 0 takes any free port. */
  port: number
  /** PEM. */
  tls?: { cert: string; key: string } | undefined
  /** Where `tools/bundle/bundle-page.ts` put the page. */
  pageDir: string
  limits: PageLimits
  counters: Counters<PageCount>
}

const Build = Type.Object({ build: Type.String({ pattern: '^[0-9a-f]{8,64}$' }) })
const message_B_max = 1_024
const day_ms = 86_400_000
/** Before its end, a certificate is to be renewed. */
const renewal_days = 14

export class PageHost {
  readonly #options: PageHostOptions
  readonly #certificate: X509Certificate | undefined
  #app: FastifyInstance | undefined
  #build = ''
  #address: string | undefined

  /** @throws ConfigError (PC-SCREEN-TLS) for a certificate that is none. */
  constructor(options: PageHostOptions) {
    this.#options = options
    this.#certificate = options.tls === undefined ? undefined : this.#certificateIn(options.tls.cert)
  }

  /** Such as `http://127.0.0.1:8080`; `undefined` while the page is not served. */
  get address(): string | undefined {
    return this.#address
  }

  /** Which bundle of the page is served. */
  get build(): string {
    return this.#build
  }

  /** Resolves with the address once the page can be opened. @throws ConfigError (PC-SCREEN-PAGE, PC-SCREEN-ADDRESS, PC-SCREEN-TLS). */
  async open(addRoutes: (app: FastifyInstance) => void): Promise<string> {
    this.#build = await this.#readBuild()
    this.#app = this.#server()
    await this.#protect(this.#app)
    addRoutes(this.#app)
    this.#address = await this.#listen(this.#app)
    return this.#address
  }

  /** Resolves when every connection is closed. Safe to call more than once. */
  async close(): Promise<void> {
    const app = this.#app
    this.#app = undefined
    this.#address = undefined
    await app?.close()
  }

  /** What a self-test finds of it at this wall time. */
  async checks(clock: Clock): Promise<SelfTestReport['checks']> {
    const build = await this.#readBuild().catch(() => undefined)
    const checks: SelfTestReport['checks'] = [
      { name: 'page', passed: build !== undefined && build === this.#build, says: 'The served page is complete and the one that was started with.' },
      { name: 'address', passed: this.#address !== undefined, says: 'The page is served.' },
    ]
    if (this.#certificate !== undefined) {
      const days = Math.floor((Date.parse(this.#certificate.validTo) - clock.wall()) / day_ms)
      checks.push({ name: 'certificate', passed: days >= renewal_days, value: days, unit: 'd', says: 'How long the certificate is still good.' })
    }
    return checks
  }

  #server(): FastifyInstance {
    const { tls, limits: { body_B_max, header_B_max, request_ms }, component, says } = this.#options
    // As an object: the library's types tell servers with TLS from those without.
    const options: object = {
      logger: false, bodyLimit: body_B_max, requestTimeout: request_ms, keepAliveTimeout: request_ms, forceCloseConnections: true,
      http: { maxHeaderSize: header_B_max, headersTimeout: request_ms },
    }
    if (tls === undefined) return fastify(options)
    try {
      return fastify({ ...options, https: { ...tls, minVersion: 'TLSv1.2' } })
    } catch (cause) {
      throw new ConfigError('PC-SCREEN-TLS', `With this certificate and key, ${says} cannot be served.`, { component, cause })
    }
  }

  async #protect(app: FastifyInstance): Promise<void> {
    const { counters, limits, pageDir } = this.#options
    app.server.maxConnections = limits.connectionsMax
    app.server.on('drop', () => counters.add('connectionsRefused'))
    // JSON alone: what other pages can send without asking first is not even read.
    app.removeContentTypeParser('text/plain')
    app.setErrorHandler((error, _, reply) => this.#refuse(error, reply))
    app.setNotFoundHandler((_, reply) => this.#refuse({ statusCode: 404 }, reply))
    await app.register(fastifyWebsocket, { options: { maxPayload: message_B_max, perMessageDeflate: false } })
    // After the plugin's own hook, which tells a WebSocket from a request, and before any route.
    app.addHook('onRequest', async (request, reply) => this.#demandOwn(request, reply))
    await app.register(fastifyStatic, { root: resolve(pageDir), cacheControl: false, dotfiles: 'deny' })
  }

  async #listen(app: FastifyInstance): Promise<string> {
    const { component, host = '127.0.0.1', port, says } = this.#options
    try {
      return await app.listen({ host, port })
    } catch (cause) {
      throw new ConfigError('PC-SCREEN-ADDRESS', `On ${host}, port ${port}, ${says} cannot be served.`, { component, cause })
    }
  }

  /** Nothing of another page, and nothing by a name that anybody could point here. */
  #demandOwn(request: FastifyRequest, reply: FastifyReply): void {
    void reply.headers(protectiveHeaders)
    const { host, origin } = request.headers
    const looks = request.method === 'GET' && !request.ws
    if (this.#isOwn(host) && (looks || isOwnOrigin(origin, host, this.#certificate === undefined ? 'http' : 'https'))) return
    this.#options.counters.add('requestsForeign')
    throw new ForbiddenError('PC-SCREEN-FOREIGN', 'The page answers only to its own address.')
  }

  #isOwn(host: string | undefined): boolean {
    if (isOwnHost(host)) return true
    const name = host?.replace(/:\d+$/, '') ?? ''
    return name !== '' && this.#certificate?.checkHost(name) !== undefined
  }

  #refuse(error: unknown, reply: FastifyReply): void {
    this.#options.counters.add('requestsRefused')
    void reply.code(statusOf(error)).send(refusal(error))
  }

  /** Which bundle lies in the folder. */
  async #readBuild(): Promise<string> {
    const { component, pageDir, says } = this.#options
    try {
      const content: unknown = JSON.parse(await readFile(join(pageDir, 'build.json'), 'utf8'))
      return parse(Build, content, 'PC-SCREEN-PAGE', "page's build.json").build
    } catch (cause) {
      throw new ConfigError('PC-SCREEN-PAGE', `There is no bundle of ${says}: run \`node tools/bundle/bundle-page.ts\`.`, { component, cause })
    }
  }

  #certificateIn(pem: string): X509Certificate {
    const { component, says } = this.#options
    try {
      return new X509Certificate(pem)
    } catch (cause) {
      throw new ConfigError('PC-SCREEN-TLS', `The certificate for ${says} is none.`, { component, cause })
    }
  }
}

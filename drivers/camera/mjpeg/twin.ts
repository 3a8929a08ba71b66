/** An emulated IP camera: a real HTTP server that plays pictures as `multipart/x-mixed-replace`. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type Clock, systemClock } from '../../../edge/base/clock.ts'
import { noFaults, type Twin } from '../../kit/twin.ts'
import { Playback } from '../playback.ts'
import { authorization, type Credential } from '../authorization.ts'

export interface MjpegTwinOptions {
  /** What the Content-Type says; by default `picture`. */
  boundary?: string
  /** What stands before each part; by default two dashes and the boundary. */
  delimiter?: string
  /** Says each picture's length; by default it does. */
  contentLength?: boolean
  /** Its Content-Type, when not the usual one. */
  contentType?: string
  /** Who may watch; by default anybody. */
  credential?: Credential & { scheme: 'basic' | 'digest' }
  /** PEM key and certificate: then it is HTTPS. */
  tls?: { key: string; cert: string }
  clock?: Clock
}

const path = '/stream'
const clientsMax = 8

export class MjpegTwin implements Twin {
  readonly faults = noFaults()
  /** What the camera sees. */
  readonly world = new Playback()
  readonly #options: MjpegTwinOptions
  readonly #clock: Clock
  readonly #clients = new Set<ServerResponse>()
  readonly #nonce = Buffer.from(`${Math.random()}`).toString('hex')
  #server: Server | undefined
  #number = 0
  #cancelPlay = (): void => undefined
  #late = new Set<() => void>()

  constructor(options: MjpegTwinOptions = {}) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** How many watch. */
  get clients(): number {
    return this.#clients.size
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#number}${path}`
  }

  async start(): Promise<{ url: string }> {
    await this.world.ready()
    await this.plug()
    return { url: this.url }
  }

  stop(): Promise<void> {
    return this.unplug()
  }

  async plug(): Promise<void> {
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => this.#receive(request, response)
    const { tls } = this.#options
    const server = tls === undefined ? createServer(onRequest) : createSecureServer(tls, onRequest)
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#number, '127.0.0.1', resolve)
    })
    const address = server.address()
    if (address !== null && typeof address === 'object') this.#number = address.port
    this.#cancelPlay = this.world.run(this.#clock, (picture) => {
      if (!this.faults.mute) this.#sendLater(this.#part(picture))
    })
  }

  async unplug(): Promise<void> {
    const gone = this.#server
    this.#server = undefined
    this.#cancelPlay()
    for (const cancel of this.#late) cancel()
    this.#late.clear()
    this.#clients.clear()
    if (gone === undefined) return
    const closed = new Promise((resolve) => gone.close(resolve))
    gone.closeAllConnections()
    await closed
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    if (this.faults.mute) return
    const refused = this.#refusal(request, response)
    if (refused !== undefined) return void response.writeHead(refused).end()
    const { boundary = 'picture', contentType = `multipart/x-mixed-replace; boundary=${boundary}` } = this.#options
    response.writeHead(200, { 'server': 'Portcullis twin', 'content-type': contentType, 'cache-control': 'no-store', 'connection': 'close' })
    response.flushHeaders()
    response.once('close', () => this.#clients.delete(response))
    this.#clients.add(response)
  }

  /** The status with which a request is turned down. */
  #refusal(request: IncomingMessage, response: ServerResponse): number | undefined {
    const { credential } = this.#options
    if (request.url !== path) return 404
    if (request.method !== 'GET') return 405
    if (this.#clients.size >= clientsMax) return 503
    if (credential === undefined) return undefined
    const challenge = credential.scheme === 'basic' ? 'Basic realm="camera"' : `Digest realm="camera", nonce="${this.#nonce}", qop="auth", algorithm=SHA-256`
    const given = request.headers.authorization ?? ''
    const clientNonce = /cnonce="([^"]*)"/.exec(given)?.[1] ?? ''
    if (given === authorization(challenge, credential, { method: 'GET', uri: path }, clientNonce)) return undefined
    response.setHeader('www-authenticate', challenge)
    return 401
  }

  #sendLater(part: Uint8Array): void {
    const { delay_ms } = this.faults
    if (delay_ms === 0) return this.#send(part)
    const cancel = this.#clock.after(delay_ms, () => {
      this.#late.delete(cancel)
      this.#send(part)
    })
    this.#late.add(cancel)
  }

  /** A client that does not keep up misses pictures. */
  #send(part: Uint8Array): void {
    for (const client of this.#clients) {
      if (!client.writableNeedDrain) client.write(part)
    }
  }

  #part(picture: Uint8Array): Uint8Array {
    const { boundary = 'picture', delimiter = `--${boundary}`, contentLength = true } = this.#options
    const { faults } = this
    const header = `${delimiter}\r\nContent-Type: image/jpeg\r\n${contentLength ? `Content-Length: ${picture.length}\r\n` : ''}\r\n`
    return Buffer.concat([faults.garbage ?? Buffer.alloc(0), Buffer.from(header, 'latin1'), this.#damaged(picture), Buffer.from('\r\n')])
  }

  #damaged(picture: Uint8Array): Uint8Array {
    const { faults } = this
    const middle = Math.floor(picture.length / 2)
    if (faults.truncateNext > 0) {
      faults.truncateNext--
      return picture.subarray(0, middle)
    }
    if (faults.corruptNext > 0) {
      faults.corruptNext--
      return Uint8Array.from(picture, (byte, at) => (at === middle ? byte ^ 0x10 : byte))
    }
    return picture
  }
}

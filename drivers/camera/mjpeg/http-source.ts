/** The endless answer of an IP camera to one HTTP request. */
import { randomBytes, X509Certificate } from 'node:crypto'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from 'node:tls'
import { ConfigError, DeviceError, type ErrorCode } from '../../../edge/base/error.ts'
import { within } from '../../../edge/base/wait.ts'
import type { DriverContext } from '../../kit/driver.ts'
import type { PictureSource, SourceListener } from '../source.ts'
import { authorization, type Credential, credentialOf } from '../authorization.ts'
import { boundaryOf, partStart } from './multipart.ts'

export interface HttpCamera {
  url: string
  open_ms: number
  /** Reference to `user:password`. */
  credential?: string
  /** Reference to the certificates (PEM) that are trusted instead of the system's. */
  ca?: string
}

const headerMax = 16_384

/** An answer that carries pictures. */
interface Stream {
  response: IncomingMessage
  boundary: string
}

export function httpSource(camera: HttpCamera, context: DriverContext): PictureSource {
  const url = new URL(camera.url)
  // Without the query, which holds a password with some cameras.
  const where = `${url.origin}${url.pathname}`
  const opening = new Opening(camera, url, where, context)
  return {
    kind: 'MJPEG',
    where,
    async deliver(listener, signal) {
      const stream = await within(
        { clock: context.clock, limit_ms: camera.open_ms, signal, component: context.name, code: 'PC-LINK-OPEN', message: `Nothing answers at ${where}.` },
        (inner) => opening.open(inner),
      )
      await passOn(stream, listener, signal)
    },
  }
}

/** Passes the body on until it ends, breaks or is no longer wanted. */
async function passOn({ response, boundary }: Stream, listener: SourceListener, signal: AbortSignal): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    response.once('close', resolve)
  })
  const giveUp = (): void => void response.destroy()
  signal.addEventListener('abort', giveUp, { once: true })
  listener.onOpened(manufacturerOf(response), partStart(boundary))
  response.on('data', (bytes: Uint8Array) => listener.onBytes(bytes))
  if (signal.aborted) giveUp()
  await closed
  signal.removeEventListener('abort', giveUp)
}

/** What the camera's web server calls itself, fit to be shown. */
function manufacturerOf(response: IncomingMessage): string {
  const server = String(response.headers.server ?? '').replaceAll(/[^\x20-\x7e]/g, '').trim().slice(0, 64)
  return server === '' ? 'unknown' : server
}

class Opening {
  readonly #camera: HttpCamera
  readonly #url: URL
  readonly #where: string
  readonly #context: DriverContext

  constructor(camera: HttpCamera, url: URL, where: string, context: DriverContext) {
    this.#camera = camera
    this.#url = url
    this.#where = where
    this.#context = context
  }

  async open(signal: AbortSignal): Promise<Stream> {
    const trusted = await this.#trusted()
    let response = await this.#ask(signal, trusted)
    if (response.statusCode === 401) {
      const challenge = response.headers['www-authenticate'] ?? ''
      response.destroy()
      response = await this.#ask(signal, trusted, await this.#answer(challenge))
    }
    try {
      return { response, boundary: this.#boundary(response) }
    } catch (error) {
      response.destroy()
      throw error
    }
  }

  async #trusted(): Promise<ConnectionOptions> {
    const { ca } = this.#camera
    if (ca === undefined) return {}
    const pem = await this.#context.secret(ca)
    try {
      return pinned(pem)
    } catch (cause) {
      throw new ConfigError('PC-CAMERA-CA', `The certificates that ${this.#context.name} should trust cannot be read.`, { component: this.#context.name, cause })
    }
  }

  async #answer(challenge: string): Promise<string> {
    const credential = await this.#credential()
    const answer = authorization(challenge, credential, { method: 'GET', uri: `${this.#url.pathname}${this.#url.search}` }, randomBytes(16).toString('hex'))
    if (answer !== undefined) return answer
    throw this.#error('PC-CAMERA-AUTH', `${this.#where} asks for a way of signing in that is not supported.`)
  }

  async #credential(): Promise<Credential> {
    const { credential } = this.#camera
    if (credential === undefined) throw this.#error('PC-CAMERA-AUTH', `${this.#where} asks for a user and password, and the profile gives none.`)
    const parsed = credentialOf(await this.#context.secret(credential))
    if (parsed !== undefined) return parsed
    throw new ConfigError('PC-CAMERA-CREDENTIAL', `The credential of ${this.#context.name} is not of the form user:password.`, { component: this.#context.name })
  }

  /** The boundary between the pictures, when the answer is what a camera sends. */
  #boundary({ statusCode = 0, headers }: IncomingMessage): string {
    if (statusCode === 401 || statusCode === 403) throw this.#error('PC-CAMERA-AUTH', `${this.#where} does not accept the user and password.`)
    if (statusCode !== 200) throw this.#error('PC-CAMERA-HTTP', `${this.#where} answers with status ${statusCode}; redirects are not followed.`)
    const boundary = boundaryOf(headers['content-type'])
    if (boundary === undefined) throw this.#error('PC-CAMERA-CONTENT', `${this.#where} sends no multipart stream of pictures.`)
    return boundary
  }

  #ask(signal: AbortSignal, trusted: ConnectionOptions, answer?: string): Promise<IncomingMessage> {
    const start = this.#url.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const request = start(this.#url, {
        agent: false, maxHeaderSize: headerMax,
        headers: { 'accept': 'multipart/x-mixed-replace, image/jpeg', ...(answer === undefined ? {} : { authorization: answer }) },
        ...trusted,
      })
      const giveUp = (): void => void request.destroy()
      signal.addEventListener('abort', giveUp, { once: true })
      request.once('response', (response) => {
        signal.removeEventListener('abort', giveUp)
        // A body that breaks off ends in a close, too: that is what is listened to.
        response.on('error', () => undefined)
        resolve(response)
      })
      request.on('error', (cause) => {
        signal.removeEventListener('abort', giveUp)
        reject(this.#unreachable(cause))
      })
      request.end()
    })
  }

  #unreachable(cause: NodeJS.ErrnoException): DeviceError {
    if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(cause.code ?? '')) {
      return this.#error('PC-CAMERA-TLS', `The certificate of ${this.#where} is not trusted.`, cause)
    }
    return this.#error('PC-LINK-OPEN', `Nothing answers at ${this.#where}.`, cause)
  }

  #error(code: ErrorCode, message: string, cause?: unknown): DeviceError {
    return new DeviceError(code, message, { component: this.#context.name, cause })
  }
}

/**
 * Cameras sign their own certificate, and for any name: one that is itself in the list is the
 * right one whatever its name. @throws when there is no certificate in `pem`.
 */
function pinned(pem: Uint8Array): ConnectionOptions {
  const text = Buffer.from(pem).toString('latin1')
  const listed = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [text]
  const fingerprints = new Set(listed.map((certificate) => new X509Certificate(certificate).fingerprint256))
  return {
    ca: listed,
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      fingerprints.has(certificate.fingerprint256) ? undefined : checkServerIdentity(host, certificate),
  }
}

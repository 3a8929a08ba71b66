/** How people get in and out: by secret or by the authority's answer, each bounded by address. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Gatekeeper, Session } from '../../access/contract.ts'
import type { Clock } from '../../base/clock.ts'
import { ForbiddenError, ResourceError } from '../../base/error.ts'
import { parse, Type } from '../../base/schema.ts'
import type { TechnicianLimits } from './limits.ts'
import { Rates } from './rates.ts'
import { cookieIn, cookieName, setCookie, Visitors } from './visitors.ts'
import type { Who } from './wire.ts'

const closed = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false })
const person = Type.String({ minLength: 1, maxLength: 64 })
const Login = closed({ person, secret: Type.String({ minLength: 1, maxLength: 256 }) })
const Challenge = closed({ person })
const Answer = closed({ person, answer: Type.String({ minLength: 1, maxLength: 1_024 }) })

export interface DoorsOptions {
  gatekeeper: Gatekeeper
  clock: Clock
  limits: TechnicianLimits
  /** The page is served encrypted. */
  secure: boolean
  random?: ((bytes: number) => Uint8Array) | undefined
}

export class Doors {
  readonly visitors: Visitors
  readonly #options: DoorsOptions
  readonly #logins: Rates
  readonly #requests: Rates

  constructor(options: DoorsOptions) {
    const { clock, gatekeeper, limits, random = randomBytes } = options
    this.#options = options
    this.visitors = new Visitors(gatekeeper, random)
    this.#logins = new Rates(clock, limits.logins)
    this.#requests = new Rates(clock, limits.requests)
  }

  add(app: FastifyInstance): void {
    const { gatekeeper } = this.#options
    app.get('/session', (request) => ({ who: this.#shown(this.#session(request)) }))
    app.post('/login', async (request, reply) => {
      const { person, secret } = this.#asked(request, Login)
      return this.#admit(await gatekeeper.login(person, secret, from(request)), request, reply)
    })
    app.post('/challenge', (request) => {
      const { person } = this.#asked(request, Challenge)
      return { challenge: gatekeeper.challenge(person, from(request)) }
    })
    app.post('/answer', async (request, reply) => {
      const { person, answer } = this.#asked(request, Answer)
      return this.#admit(await gatekeeper.answer(person, answer, from(request)), request, reply)
    })
    app.post('/logout', async (request, reply) => {
      const session = this.#session(request)
      if (session !== undefined) gatekeeper.end(session, 'logout')
      void reply.header('set-cookie', setCookie(this.#cookie(request), '', this.#options.secure))
      return {}
    })
  }

  /** Whose request it is. @throws ForbiddenError (PC-TECHNICIAN-LOGIN), ResourceError (PC-TECHNICIAN-RATE). */
  demand(request: FastifyRequest): Session {
    const session = this.#session(request)
    if (session === undefined) throw new ForbiddenError('PC-TECHNICIAN-LOGIN', 'Log in first.')
    if (!this.#requests.take(session.id)) throw new ResourceError('PC-TECHNICIAN-RATE', 'Too many requests at once: wait a moment.')
    return session
  }

  stop(): void {
    for (const session of this.visitors.list()) this.#options.gatekeeper.end(session, 'shutdown')
    this.visitors.stop()
  }

  #asked<S extends Parameters<typeof parse>[0]>(request: FastifyRequest, schema: S): ReturnType<typeof parse<S>> {
    if (!this.#logins.take(request.ip)) throw new ResourceError('PC-TECHNICIAN-RATE', 'Too many logins at once: wait a moment.')
    return parse(schema, request.body ?? {}, 'PC-TECHNICIAN-INPUT', 'request')
  }

  #admit(session: Session, request: FastifyRequest, reply: FastifyReply): { who: Who | undefined } {
    const before = this.#session(request)
    if (before !== undefined) this.#options.gatekeeper.end(before, 'replaced')
    void reply.header('set-cookie', setCookie(this.#cookie(request), this.visitors.admit(session), this.#options.secure))
    return { who: this.#shown(session) }
  }

  #session(request: FastifyRequest): Session | undefined {
    return this.visitors.of(cookieIn(request.headers.cookie, this.#cookie(request)))
  }

  #cookie(request: FastifyRequest): string {
    return cookieName(request.headers.host, this.#options.secure)
  }

  #shown(session: Session | undefined): Who | undefined {
    return session === undefined ? undefined : { person: session.person, role: session.role }
  }
}

/** The address without its port, which changes with every connection. */
const from = (request: FastifyRequest): { face: 'page'; where: string } => ({ face: 'page', where: request.ip })

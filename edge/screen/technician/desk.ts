/** What people do when they are in: commands, the journal, the log, pictures, files, and the two sockets. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Gatekeeper, Session } from '../../access/contract.ts'
import type { Clock } from '../../base/clock.ts'
import { describe, ForbiddenError, UsageError } from '../../base/error.ts'
import { parse, Type } from '../../base/schema.ts'
import { allows, type MemberSpec } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import type { FactSource } from '../../journal/fact.ts'
import { Logs } from '../../service/contract.ts'
import type { SceneTeller } from '../lidar/teller.ts'
import type { Doors } from './doors.ts'
import { Held, pressAgain } from './held.ts'
import { searchJournal } from './journal-search.ts'
import type { TechnicianLimits } from './limits.ts'
import type { Live, Viewer } from './live.ts'
import { Rates } from './rates.ts'
import type { Stills } from './stills.ts'
import type { Said } from './wire.ts'

const closed = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false })
const Name = Type.String({ minLength: 1, maxLength: 64 })
const Wall = Type.Number({ minimum: 0, maximum: 8.64e15 })
const Count = Type.Integer({ minimum: 0 })
const Command = closed({ component: Name, command: Name, args: Type.Object({}, { additionalProperties: true }), confirmed: Type.Optional(Type.Boolean()) })
const Search = closed({
  kind: Type.Optional(Type.String({ maxLength: 64 })), component: Type.Optional(Type.String({ maxLength: 64 })), text: Type.Optional(Type.String({ maxLength: 128 })),
  from: Type.Optional(Wall), to: Type.Optional(Wall), before: Type.Optional(Count),
})
const Tail = closed({ count: Type.Integer({ minimum: 1, maximum: 500 }), component: Type.Optional(Name), after: Type.Optional(Count) })
const Said = Type.Union([
  closed({ kind: Type.Literal('active') }), closed({ kind: Type.Enum(['holding', 'release']), component: Name }),
  closed({ kind: Type.Literal('hold'), component: Name, args: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
])

/** As the diagnosis names its files. */
const bundleName = /^diag-[A-Za-z0-9.-]{1,100}\.tar\.gz$/

export interface DeskOptions {
  model: DeviceModel
  gatekeeper: Gatekeeper
  clock: Clock
  limits: TechnicianLimits
  journal: FactSource | undefined
  /** Where bundles lie. */
  outbox: string | undefined
  doors: Doors
  live: Live
  stills: Stills
  lidar: SceneTeller | undefined
}

export class Desk {
  readonly #options: DeskOptions
  readonly #messages: Rates
  /** Searches run one after the other: each reads a lot. */
  #searching: Promise<unknown> = Promise.resolve()
  #searches = 0

  constructor(options: DeskOptions) {
    this.#options = options
    this.#messages = new Rates(options.clock, options.limits.messages)
  }

  add(app: FastifyInstance): void {
    const { doors, lidar, stills } = this.#options
    app.post('/command', (request) => this.#command(doors.demand(request), request.body))
    app.post('/journal', (request) => this.#search(doors.demand(request), request.body))
    app.post('/log', (request) => this.#tail(doors.demand(request), request.body))
    app.get('/camera/:name', async (request, reply) => {
      const { person } = technician(doors.demand(request))
      return reply.type('image/jpeg').send(Buffer.from(await stills.next(person, paramOf(request, 'name'))))
    })
    app.get('/bundle/:file', (request, reply) => this.#bundle(technician(doors.demand(request)), paramOf(request, 'file'), reply))
    // Who may not listen is refused before there is a socket.
    const guarded = { websocket: true as const, onRequest: async (request: FastifyRequest) => void doors.demand(request) }
    app.get('/live', guarded, (socket, request) => this.#listen(socket, request))
    if (lidar !== undefined) app.get('/lidar', guarded, (socket, request) => this.#show(lidar, socket, request))
  }

  /** What moves a barrier or a vehicle must have been confirmed; what is personal is not for this face. */
  async #command(session: Session, body: unknown): Promise<{ result: unknown }> {
    const { component, command, args, confirmed } = parse(Command, body, 'PC-TECHNICIAN-INPUT', 'request')
    const { gatekeeper, model } = this.#options
    const members: Record<string, MemberSpec> = model.get(component).contract.members
    const spec = Object.hasOwn(members, command) ? members[command] : undefined
    if (spec?.kind === 'command' && spec.personal) throw new ForbiddenError('PC-TECHNICIAN-PERSONAL', 'This command handles personal data: the page does not offer it.')
    if (spec?.kind === 'command' && spec.moves && confirmed !== true) throw new UsageError('PC-TECHNICIAN-CONFIRM', 'This moves something: it must be confirmed.')
    return { result: await gatekeeper.carryOut(session, { component, command, args }) }
  }

  async #search(session: Session, body: unknown): Promise<unknown> {
    const query = parse(Search, body ?? {}, 'PC-TECHNICIAN-INPUT', 'request')
    const { gatekeeper, journal, limits } = this.#options
    if (journal === undefined) throw new UsageError('PC-TECHNICIAN-ABSENT', 'This device keeps no journal.')
    if (this.#searches >= limits.viewersMax) throw new UsageError('PC-TECHNICIAN-RATE', 'Too many people search the journal: wait a moment.')
    gatekeeper.touch(session)
    this.#searches++
    const found = this.#searching.then(() => searchJournal(journal, query)).finally(() => this.#searches--)
    this.#searching = found.catch(() => undefined)
    return await found
  }

  /** Looking at the log is looking, as at a value, and no command: a page that follows it would fill the journal. */
  async #tail({ person, role }: Session, body: unknown): Promise<unknown> {
    const asked = parse(Tail, body ?? {}, 'PC-TECHNICIAN-INPUT', 'request')
    const logs = this.#options.model.list().find(({ contract }) => contract.name === Logs.name)
    if (logs === undefined) throw new UsageError('PC-TECHNICIAN-ABSENT', 'This device keeps no log.')
    return await this.#options.model.as(logs.name, Logs).invoke('tail', asked, { id: person, role })
  }

  async #bundle(_: Session, name: string, reply: FastifyReply): Promise<FastifyReply> {
    const { outbox } = this.#options
    const file = outbox === undefined || !bundleName.test(name) ? undefined : join(outbox, name)
    const found = file === undefined ? undefined : await stat(file).catch(() => undefined)
    if (file === undefined || found?.isFile() !== true) throw new UsageError('PC-TECHNICIAN-ABSENT', 'There is no such file.')
    return reply.type('application/gzip').header('content-length', found.size).header('content-disposition', `attachment; filename="${name}"`).send(createReadStream(file))
  }

  #listen(socket: WebSocket, request: FastifyRequest): void {
    const session = this.#options.doors.demand(request)
    const viewer = this.#options.live.add(socket, session)
    if (viewer === undefined) return
    const held = new Map<string, Held>()
    socket.on('message', (data) => this.#hear(viewer, data as Buffer, held))
    socket.on('close', () => {
      for (const each of held.values()) void each.release()
    })
    this.#options.gatekeeper.touch(session)
  }

  #show(lidar: SceneTeller, socket: WebSocket, request: FastifyRequest): void {
    const { id } = this.#options.doors.demand(request)
    socket.once('close', this.#options.gatekeeper.onEnded(({ session }) => {
      if (session.id === id) socket.terminate()
    }))
    lidar.add(socket)
  }

  #hear(viewer: Viewer, data: Buffer, held: Map<string, Held>): void {
    const said = saidIn(data)
    if (said === undefined || !this.#messages.take(viewer.session.id)) {
      for (const each of held.values()) void each.release()
      viewer.dismiss('PC-TECHNICIAN-TALK: this socket hears a few words only, and not too often.')
      return
    }
    // A socket whose session has ended is heard until it is closed, but not heeded.
    if (!this.#options.gatekeeper.touch(viewer.session)) return
    if (said.kind === 'hold') this.#hold(viewer, said, held)
    else if (said.kind === 'holding') held.get(said.component)?.hold()
    else if (said.kind === 'release') void held.get(said.component)?.release()
  }

  #hold(viewer: Viewer, { component, args = {} }: Extract<Said, { kind: 'hold' }>, held: Map<string, Held>): void {
    const tell = (code: string, message: string): void => viewer.tell({ kind: 'held', component, code, message })
    const { clock, gatekeeper, model } = this.#options
    try {
      // The last movement has not ended yet, or its page does not know what it says.
      if (held.has(component)) throw pressAgain()
      const one = new Held({ model, gatekeeper, clock, session: viewer.session, component, args, onFailure: tell, onEnd: () => held.delete(component) })
      held.set(component, one)
      one.hold()
    } catch (error) {
      const { code, message } = describe(error)
      tell(code, message)
      void held.get(component)?.release()
    }
  }
}

function technician(session: Session): Session {
  if (!allows(session.role, 'technician')) throw new ForbiddenError('PC-DEVICE-ROLE', 'This needs the role technician.')
  return session
}

const paramOf = (request: FastifyRequest, name: string): string => (request.params as Record<string, string>)[name] ?? ''

function saidIn(data: Buffer): Said | undefined {
  try {
    return parse(Said, JSON.parse(data.toString('utf8')), 'PC-TECHNICIAN-INPUT', 'message')
  } catch {
    return undefined
  }
}

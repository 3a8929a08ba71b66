/** What a program on the line may see and do: by its session, as anybody at the console. */
import type { Ending, Face, Gatekeeper, Session } from '../../access/contract.ts'
import type { Clock } from '../../base/clock.ts'
import { ForbiddenError, InputError } from '../../base/error.ts'
import type { CommandSpec, Members, MemberSpec } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import { frameMax } from './framing.ts'
import { NewsDesk } from './news.ts'
import { type Asked, protocolVersion, type Reply, type Request, requestMax } from './request.ts'

export interface VisitOptions {
  model: DeviceModel
  gatekeeper: Gatekeeper
  clock: Clock
  /** `site/device`. */
  device: string
  version: string
}

export interface Visited {
  from: { face: Face; where: string }
  /** Resolves when the line has taken it. */
  say(reply: Reply): Promise<void>
}

const newsPerS = 5

type Answers = { [Word in Request['ask']]: (request: Asked<Word>, signal: AbortSignal) => unknown }

export class Visit {
  readonly #options: VisitOptions
  readonly #visited: Visited
  readonly #news: NewsDesk
  readonly #forget: () => void
  #session: Session | undefined
  #isOver = false

  constructor(options: VisitOptions, visited: Visited) {
    this.#options = options
    this.#visited = visited
    this.#news = new NewsDesk({ model: options.model, clock: options.clock, tell: (items, lost) => visited.say({ news: items, lost }) })
    this.#forget = options.gatekeeper.onEnded(({ session, why }) => this.#onEnded(session, why))
  }

  /** They are at it: the idle time begins anew. */
  touch(): void {
    if (this.#session !== undefined) this.#options.gatekeeper.touch(this.#session)
  }

  /** @throws what the model and the gatekeeper throw, and PC-FRAMES-LOGIN, -CONFIRM, -PERSONAL, -PROPERTY. */
  async answer(request: Request, signal: AbortSignal): Promise<unknown> {
    const answer = this.#answers[request.ask] as (request: Request, signal: AbortSignal) => unknown
    return await answer(request, signal)
  }

  /** Idempotent. */
  close(why: Ending): void {
    this.#isOver = true
    this.#forget()
    this.#leave(why)
  }

  readonly #answers: Answers = {
    hello: () => {
      const { device, version } = this.#options
      return { protocol: protocolVersion, device, version, frame_bytes: frameMax, request_bytes: requestMax, ...this.#who() }
    },
    login: ({ person, secret }) => this.#enter(this.#options.gatekeeper.login(person, secret, this.#visited.from)),
    challenge: ({ person }) => ({ challenge: this.#options.gatekeeper.challenge(person, this.#visited.from) }),
    answer: ({ person, answer }) => this.#enter(this.#options.gatekeeper.answer(person, answer, this.#visited.from)),
    logout: () => this.#leave('logout'),
    leave: () => this.#leave('logout'),
    components: () => {
      this.#known()
      return this.#options.model.list().map(({ name, contract, health }) => ({ name, contract: contract.name, says: contract.says, health }))
    },
    describe: ({ component }) => this.#describe(component),
    read: ({ component, property }) => this.#read(component, property),
    call: (request, signal) => this.#call(request, signal),
    watch: ({ components, per_s }) => {
      this.#known()
      for (const name of components) this.#options.model.get(name)
      this.#news.watch(components, per_s ?? newsPerS)
      return {}
    },
    // Whoever has the calls carries it out.
    cancel: () => ({}),
  }

  #describe(component: string): unknown {
    this.#known()
    const { contract } = this.#options.model.get(component)
    const shown = Object.entries(contract.members as Members).filter(([, member]) => member.kind !== 'stream' && !isPersonal(member))
    return { contract: contract.name, says: contract.says, members: Object.fromEntries(shown) }
  }

  #read(name: string, property: string | undefined): unknown {
    this.#known()
    const component = this.#options.model.get(name)
    const names = Object.entries(component.contract.members).filter(([, { kind }]) => kind === 'property').map(([known]) => known)
    if (property !== undefined && !names.includes(property)) throw new InputError('PC-FRAMES-PROPERTY', 'The component has no such property.')
    const readings = names.filter((known) => property === undefined || known === property).map((known) => [known, component.reading(known)] as const)
    return Object.fromEntries(readings.filter(([, reading]) => reading !== undefined))
  }

  async #call({ component, command, args, confirmed }: Asked<'call'>, signal: AbortSignal): Promise<unknown> {
    const session = this.#known()
    const spec = this.#commandOf(component, command)
    if (spec?.personal === true) {
      throw new ForbiddenError('PC-FRAMES-PERSONAL', 'This command handles what is personal or secret: a person must type it.')
    }
    if (spec?.moves === true && confirmed !== true) {
      throw new ForbiddenError('PC-FRAMES-CONFIRM', 'This command can move something: a person must confirm it.')
    }
    return await this.#options.gatekeeper.carryOut(session, { component, command, args: args ?? {} }, signal)
  }

  #commandOf(component: string, command: string): CommandSpec | undefined {
    const members = this.#options.model.get(component).contract.members as Members
    const spec = Object.hasOwn(members, command) ? members[command] : undefined
    return spec?.kind === 'command' ? spec : undefined
  }

  async #enter(proving: Promise<Session>): Promise<unknown> {
    const session = await proving
    this.#leave('replaced')
    // The line was lost while the secret was looked at.
    if (this.#isOver) this.#options.gatekeeper.end(session, 'lost')
    else this.#session = session
    return this.#who()
  }

  #leave(why: Ending): object {
    const session = this.#session
    this.#session = undefined
    this.#news.stop()
    if (session !== undefined) this.#options.gatekeeper.end(session, why)
    return {}
  }

  #onEnded(ended: Session, why: Ending): void {
    if (ended.id !== this.#session?.id) return
    this.#session = undefined
    this.#news.stop()
    void this.#visited.say({ ended: why })
  }

  #known(): Session {
    if (this.#session === undefined) throw new ForbiddenError('PC-FRAMES-LOGIN', 'Nobody has logged in on this line.')
    return this.#session
  }

  #who(): object {
    return this.#session === undefined ? {} : { person: this.#session.person, role: this.#session.role }
  }
}

const isPersonal = (member: MemberSpec): boolean => (member.kind === 'command' || member.kind === 'event') && member.personal

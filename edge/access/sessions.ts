/** Who is logged in: for how long, how many at most, and what ends it. */
import type { Cancel, Clock, Instant } from '../base/clock.ts'
import { hex } from '../base/bytes.ts'
import { ResourceError } from '../base/error.ts'
import { Listeners } from '../base/listeners.ts'
import type { Ending, Face, PersonRole, Session } from './contract.ts'

export interface Ended {
  session: Session
  why: Ending
}

/** A session as long as it lasts. */
export interface Live {
  readonly session: Session
  /** Counts the sessions since the start: facts name it so, because whoever knows the id has the session. */
  readonly number: number
  /** Aborts when it ends. */
  readonly signal: AbortSignal
  /** Commands begun so far, and how many of them run. */
  begun: number
  running: number
}

interface Entry extends Live {
  abort: AbortController
  active: Instant
  cancelIdle: Cancel
  cancelExpiry: Cancel
}

export interface SessionsOptions {
  clock: Clock
  /** How many at a time; programs of OPC UA, which stay for weeks, take nobody's place. */
  most: { people: number; ofOne: number; opcua: number }
  idle_s: Readonly<Record<Face, number>>
  random(bytes: number): Uint8Array
}

export interface Admitted {
  person: string
  role: PersonRole
  face: Face
  where: string
  /** It ends after this long whatever happens. */
  for_ms?: number
}

export class Sessions {
  /** Hears of every end, whatever caused it. */
  readonly ended = new Listeners<Ended & { number: number }>()
  readonly #options: SessionsOptions
  readonly #entries = new Map<string, Entry>()
  #count = 0

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /**
   * @param person whose place it would be; nobody learns how often somebody is logged in before they have proven to be them
   * @throws ResourceError (PC-ACCESS-FULL) when there is no room for one more, counting out whom it would replace.
   */
  demandRoom(from: { face: Face; where: string }, person?: string): void {
    const ofOpcua = from.face === 'opcua'
    const { people, ofOne, opcua } = this.#options.most
    const most = ofOpcua ? opcua : people
    const replaced = this.#at(from)
    const beside = [...this.#entries.values()].filter((entry) => (entry.session.face === 'opcua') === ofOpcua && !replaced.includes(entry))
    if (beside.length >= most) throw new ResourceError('PC-ACCESS-FULL', `${most} people are logged in already.`, { component: 'access' })
    // Programs of one user come as often as they like, within what OPC UA has.
    if (ofOpcua || beside.filter(({ session }) => session.person === person).length < ofOne) return
    throw new ResourceError('PC-ACCESS-FULL', `${person} is logged in ${ofOne} times already: log out somewhere else.`, { component: 'access' })
  }

  /** A second login on one serial port replaces the first: there is one keyboard. @throws as `demandRoom`. */
  open({ for_ms, ...who }: Admitted): Live {
    this.demandRoom(who, who.person)
    for (const { session } of this.#at(who)) this.end(session.id, 'replaced')
    const { clock, random } = this.#options
    const abort = new AbortController()
    const session: Session = Object.freeze({ id: hex(random(16)), ...who, since: clock.wall() })
    const entry: Entry = {
      session, number: ++this.#count, abort, signal: abort.signal, begun: 0, running: 0, active: clock.now(), cancelIdle: () => undefined,
      cancelExpiry: for_ms === undefined ? () => undefined : clock.after(for_ms, () => this.end(session.id, 'expired')),
    }
    this.#entries.set(session.id, entry)
    this.#watch(entry)
    return entry
  }

  /** By its id: what else the caller's session says does not count. */
  find({ id }: Pick<Session, 'id'>): Live | undefined {
    return this.#entries.get(id)
  }

  touch({ id }: Pick<Session, 'id'>): boolean {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.active = this.#options.clock.now()
    return entry !== undefined
  }

  end(id: string, why: Ending): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    entry.cancelIdle()
    entry.cancelExpiry()
    entry.abort.abort()
    this.ended.emit({ session: entry.session, why, number: entry.number })
  }

  endAll(why: Ending, which: (session: Session) => boolean = () => true): void {
    for (const session of this.list().filter(which)) this.end(session.id, why)
  }

  list(): Session[] {
    return [...this.#entries.values()].map(({ session }) => session)
  }

  #at({ face, where }: { face: Face; where: string }): Entry[] {
    if (face !== 'serial') return []
    return [...this.#entries.values()].filter(({ session }) => session.face === face && session.where === where)
  }

  /** One timer a session: it looks again when it finds that somebody did something since. */
  #watch(entry: Entry): void {
    const { clock, idle_s } = this.#options
    const limit_ms = idle_s[entry.session.face] * 1000
    const idle_ms = (): number => (entry.running > 0 ? 0 : clock.now() - entry.active)
    entry.cancelIdle = clock.after(Math.max(1, limit_ms - idle_ms()), () => {
      if (idle_ms() >= limit_ms) this.end(entry.session.id, 'idle')
      else this.#watch(entry)
    })
  }
}

/**
 * The open pages: each is told the device once, then what changes, at a bounded rate.
 *
 * What a page is owed is a set of values, not a queue of messages: one that cannot keep up misses
 * values in between and costs no memory, and when it has caught up it is told how things are then.
 */
import type { WebSocket } from '@fastify/websocket'
import type { Ending, Session } from '../../access/contract.ts'
import type { Cancel, Clock, Instant } from '../../base/clock.ts'
import type { Counters } from '../../base/counters.ts'
import { BoundedQueue } from '../../base/queue.ts'
import { every } from '../../base/wait.ts'
import type { News } from '../../device/component.ts'
import type { MemberSpec } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import { Farewells } from '../farewells.ts'
import { declared } from './declaration.ts'
import type { TechnicianLimits } from './limits.ts'
import type { Told } from './wire.ts'

export type LiveCount = 'viewers' | 'viewersRefused' | 'viewersSilent' | 'viewersBehind' | 'viewersTalking' | 'eventsMissed' | 'valuesTooLong'

/** A page that is so many times further behind than one that is told nothing is gone. */
const behind_max = 4

export interface LiveOptions {
  model: DeviceModel
  clock: Clock
  limits: TechnicianLimits
  counters: Counters<LiveCount>
  /** What the page is told first, beside the components. */
  about(): Omit<Extract<Told, { kind: 'device' }>, 'kind' | 'who' | 'components'>
}

/** One open page. */
export interface Viewer {
  readonly session: Session
  tell(told: Told): void
  /** It breaks the rules. */
  dismiss(reason: string): void
}

interface Entry extends Viewer {
  socket: WebSocket
  /** Components and properties that it does not know yet. */
  owed: Set<string>
  events: BoundedQueue<string>
  answered: Instant
  told: Instant
}

export class Live {
  readonly #options: LiveOptions
  readonly #entries = new Set<Entry>()
  readonly #farewells: Farewells
  readonly #stopListening: () => void
  readonly #stopTicking: Cancel
  #components = 0
  #pinged: Instant = 0

  constructor(options: LiveOptions) {
    this.#options = options
    this.#farewells = new Farewells(options.clock)
    this.#stopListening = options.model.news.add((news) => this.#hear(news))
    this.#components = options.model.list().length
    this.#stopTicking = every(options.clock, options.limits.tell_ms, () => this.#tick())
  }

  get size(): number {
    return this.#entries.size
  }

  /** @returns `undefined` when there are too many. */
  add(socket: WebSocket, session: Session): Viewer | undefined {
    const { clock, counters, limits } = this.#options
    if (this.size >= limits.viewersMax) {
      counters.add('viewersRefused')
      this.#farewells.dismiss(socket, 'tryAgainLater', `PC-TECHNICIAN-FULL: ${limits.viewersMax} pages are open already.`)
      return undefined
    }
    counters.add('viewers')
    const entry: Entry = {
      socket, session, owed: new Set(), events: new BoundedQueue(limits.eventsMax, 'drop-oldest'), answered: clock.now(), told: -Infinity,
      tell: (told) => this.#send(socket, JSON.stringify(told)),
      dismiss: (reason) => {
        counters.add('viewersTalking')
        this.#entries.delete(entry)
        this.#farewells.dismiss(socket, 'policyViolation', reason)
      },
    }
    this.#entries.add(entry)
    socket.on('pong', () => {
      entry.answered = clock.now()
    })
    socket.on('close', () => this.#entries.delete(entry))
    this.#begin(entry)
    this.#tellEntry(entry, new Map())
    return entry
  }

  /** The session has ended: its pages are told why. */
  end(session: Session, why: Ending): void {
    for (const entry of this.#entries) {
      if (entry.session.id !== session.id) continue
      this.#entries.delete(entry)
      entry.tell({ kind: 'ended', why })
      this.#farewells.dismiss(entry.socket, 'normal', why)
    }
  }

  close(): void {
    this.#stopListening()
    this.#stopTicking()
    this.#farewells.stop()
    for (const { socket } of this.#entries) socket.terminate()
    this.#entries.clear()
  }

  #begin(entry: Entry): void {
    const { model, about } = this.#options
    const { person, role } = entry.session
    const components = model.list()
    entry.tell({ kind: 'device', ...about(), who: { person, role }, components: components.map(declared) })
    for (const { name, contract } of components) {
      for (const [property, { kind }] of Object.entries<MemberSpec>(contract.members)) if (kind === 'property') entry.owed.add(keyOf(name, property))
    }
  }

  #hear(news: News): void {
    if (this.#entries.size === 0) return
    if (news.kind === 'property') {
      for (const { owed } of this.#entries) owed.add(keyOf(news.component, news.name))
      return
    }
    const { component, name, data, at } = news
    const members: Record<string, MemberSpec> = this.#options.model.get(component).contract.members
    const spec = Object.hasOwn(members, name) ? members[name] : undefined
    if (spec?.kind !== 'event' || spec.personal) return
    const text = JSON.stringify({ kind: 'event', component, name, severity: spec.severity, data, at } satisfies Told)
    for (const { events } of this.#entries) if (!events.push(text)) this.#options.counters.add('eventsMissed')
  }

  #tick(): void {
    const { clock, counters, limits, model } = this.#options
    const now = clock.now()
    const count = model.list().length
    if (count !== this.#components) for (const entry of this.#entries) this.#begin(entry)
    this.#components = count
    const ping = now - this.#pinged >= limits.beat_ms
    if (ping) this.#pinged = now
    const encoded = new Map<string, string | undefined>()
    for (const entry of this.#entries) {
      // One that answers without reading would heap up what it is told of its own words.
      if (now - entry.answered > limits.silent_ms || entry.socket.bufferedAmount > behind_max * limits.buffered_B_max) {
        counters.add('viewersSilent')
        this.#entries.delete(entry)
        entry.socket.terminate()
        continue
      }
      if (ping && entry.socket.readyState === entry.socket.OPEN) entry.socket.ping()
      this.#tellEntry(entry, encoded)
    }
  }

  #tellEntry(entry: Entry, encoded: Map<string, string | undefined>): void {
    const { clock, counters, limits } = this.#options
    if (entry.socket.bufferedAmount > limits.buffered_B_max) {
      counters.add('viewersBehind')
      return
    }
    for (let event = entry.events.shift(); event !== undefined; event = entry.events.shift()) this.#send(entry.socket, event)
    if (entry.owed.size === 0 && clock.now() - entry.told < limits.beat_ms) return
    entry.told = clock.now()
    this.#send(entry.socket, `{"kind":"values","wall":${clock.wall()},"values":{${this.#values(entry.owed, encoded)}}}`)
    entry.owed.clear()
  }

  /** Each value is written once for all pages that are owed it. */
  #values(owed: ReadonlySet<string>, encoded: Map<string, string | undefined>): string {
    const byComponent = new Map<string, string[]>()
    for (const key of owed) {
      if (!encoded.has(key)) encoded.set(key, this.#encode(key))
      const text = encoded.get(key)
      if (text === undefined) continue
      const [component = ''] = partsOf(key)
      const values = byComponent.get(component)
      if (values === undefined) byComponent.set(component, [text])
      else values.push(text)
    }
    return [...byComponent].map(([component, values]) => `${JSON.stringify(component)}:{${values.join(',')}}`).join(',')
  }

  #encode(key: string): string | undefined {
    const [component = '', property = ''] = partsOf(key)
    const reading = this.#options.model.get(component).reading(property)
    const text = reading === undefined ? undefined : JSON.stringify(reading.value)
    if (reading === undefined || text === undefined) return undefined
    const name = JSON.stringify(property)
    if (text.length <= this.#options.limits.value_B_max) return `${name}:[${text},${reading.at}]`
    this.#options.counters.add('valuesTooLong')
    return `${name}:[null,${reading.at},${text.length}]`
  }

  #send(socket: WebSocket, text: string): void {
    if (socket.readyState === socket.OPEN) socket.send(text)
  }
}

const keyOf = (component: string, property: string): string => `${component}\0${property}`
const partsOf = (key: string): string[] => key.split('\0')

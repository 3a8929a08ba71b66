/**
 * The OPC UA server as the rest of the program sees it: a component, and a thread that is watched and
 * started again. Everything that the server shows is a copy; whoever calls a method is let in, and
 * served, by the gatekeeper here.
 */
import { join } from 'node:path'
import type { Gatekeeper, Session } from '../access/contract.ts'
import type { Cancel, Clock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { describe, DeviceError, ForbiddenError, UsageError } from '../base/error.ts'
import type { LogLevel, Logger } from '../base/log.ts'
import { BoundedQueue } from '../base/queue.ts'
import { type Caller, Component, type ComponentOf, type News } from '../device/component.ts'
import type { EventSpec, SelfTestReport } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSink } from '../journal/fact.ts'
import { WorkerHost, type WorkerLimits } from '../run/worker.ts'
import { Opcua } from './contract.ts'
import { askedMax, kindOf } from './questions.ts'
import type { OpcuaSection } from './section.ts'
import type { About, Answer, Asked, OpcuaAbout, OpcuaFigures, OpcuaNews, OpcuaRequest, OpcuaSetup } from './words.ts'

export interface OpcuaServiceOptions {
  section: OpcuaSection
  about: About
  model: DeviceModel
  gatekeeper: Gatekeeper
  /** Where it writes that somebody acknowledged an alarm. */
  facts: FactSink
  /** The journal's file, which the server reads history from. */
  journal: string
  /** The device's state folder. */
  state: string
  clock: Clock
  log: Logger
  /** Where the thread's own log is followed. */
  logChannel: string
  /** The program of the thread, when it is not the source beside this. */
  program?: URL
  limits?: Partial<WorkerLimits>
}

/** Reading the type definitions takes seconds on a small computer. */
const workerLimits: Partial<WorkerLimits> = { start_ms: 90_000, silent_ms: 15_000, heap_mb: 192, pendingMax: askedMax + 64, restartFirst_ms: 1_000 }
/** News are handed on together this often; of a value only the latest. */
const flush_ms = 50
/** Events that wait while the thread is busy. */
const eventsMax = 1_000
const handOver_ms = 10_000
/** The same reason is told again after so long. */
const told_ms = 10_000
const stop_ms = 2_000
const day_ms = 86_400_000
/** So long before its last day it is said that the server's certificate ends: people must make clients trust the next. */
const ending_days = 30

export class OpcuaService {
  readonly component: ComponentOf<typeof Opcua>
  readonly #options: OpcuaServiceOptions
  readonly #host: WorkerHost
  readonly #sessions = new Map<string, Session>()
  readonly #values = new Map<string, News>()
  readonly #events = new BoundedQueue<News>(eventsMax, 'drop-oldest')
  readonly #told = new Map<string, number>()
  readonly #counters = new Counters(['events_dropped', 'handovers_failed'])
  readonly #undo: Cancel[] = []
  #flushing = false
  #cancelFlush: Cancel = () => undefined

  constructor(options: OpcuaServiceOptions) {
    this.#options = options
    const { clock, log, program = new URL('./worker.ts', import.meta.url), limits } = options
    this.component = new Component('opcua', Opcua, clock, {
      selfTest: async () => this.#selfTest(),
      trust: async ({ fingerprint }) => await this.#tell({ kind: 'trust', fingerprint }),
      distrust: async ({ fingerprint }) => await this.#tell({ kind: 'distrust', fingerprint }),
      acknowledge: (args, _signal, caller) => this.#acknowledge(args, caller),
    })
    this.#host = new WorkerHost({ name: 'opcua', program, data: this.#setup(), clock, log, limits: { ...workerLimits, ...limits } })
  }

  /**
   * Resolves when clients can connect. `signal` stops it again.
   * @throws ConfigError (PC-OPCUA-PORT, PC-OPCUA-CERTIFICATE, PC-OPCUA-CLOCK), as WorkerHost.start.
   */
  async start(signal?: AbortSignal): Promise<void> {
    const { model, gatekeeper } = this.#options
    this.component.publish('health', { status: 'starting' })
    this.#undo.push(
      model.news.add((news) => this.#note(news)),
      gatekeeper.onEnded(({ session }) => this.#ended(session)),
      this.#host.onNews((news) => this.#hear(news as OpcuaNews)),
      this.#host.onUsable((usable) => this.#usable(usable)),
    )
    try {
      await this.#host.start(signal)
    } catch (error) {
      await this.stop()
      const { code, message } = describe(error)
      this.component.publish('health', { status: 'failed', code, says: message })
      throw error
    }
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    this.#cancelFlush()
    if (this.#host.usable) await this.#tell({ kind: 'stop' }, stop_ms).catch(() => undefined)
    await this.#host.stop()
    this.#endAll()
    this.component.publish('health', { status: 'stopped' })
  }

  /** Read anew each time the thread is started: it begins with what is so then. */
  #setup(): OpcuaSetup {
    const { section, about, state, journal, log, logChannel, model } = this.#options
    return {
      section, about, folder: join(state, section.folder), journal, log: log.level as LogLevel, logChannel,
      get components() {
        return model.list().map(({ name, contract }) => ({ name, contract }))
      },
      get known() {
        return known(model)
      },
    }
  }

  #usable(usable: boolean): void {
    if (!usable) {
      this.#endAll()
      this.component.publish('health', { status: 'failed', code: 'PC-RUN-WORKER-LOST', says: 'The OPC UA server is started again.' })
      return
    }
    const { address, fingerprint, until } = this.#host.about as OpcuaAbout
    this.component.publish('address', address)
    this.component.publish('fingerprint', fingerprint)
    this.component.publish('until', new Date(until).toISOString())
    this.#judge()
    this.#options.log.info({ component: 'opcua', address }, 'OPC UA clients can connect.')
    // What changed between reading it for the thread and the thread being ready.
    for (const news of known(this.#options.model)) this.#note(news)
  }

  #note(news: News): void {
    if (news.kind === 'property') this.#values.set(`${news.component}.${news.name}`, news)
    else if (!this.#events.push(this.#withoutPersonal(news))) this.#counters.add('events_dropped')
    if (this.#flushing || !this.#host.usable) return
    this.#flushing = true
    this.#cancelFlush = this.#options.clock.after(flush_ms, () => void this.#flush())
  }

  /** Of an event whose data are personal the other thread learns only that it was. */
  #withoutPersonal(news: News & { kind: 'event' }): News {
    const spec = this.#options.model.get(news.component).contract.members[news.name as 'health'] as unknown as EventSpec
    return spec.personal ? { ...news, data: {} } : news
  }

  async #flush(): Promise<void> {
    const news = [...this.#values.values()]
    this.#values.clear()
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) news.push(event)
    await this.#tell({ kind: 'news', news }).catch(() => this.#counters.add('handovers_failed'))
    this.#flushing = false
    if (this.#values.size + this.#events.length > 0 && this.#host.usable) {
      this.#flushing = true
      this.#cancelFlush = this.#options.clock.after(flush_ms, () => void this.#flush())
    }
  }

  #hear(news: OpcuaNews): void {
    switch (news.kind) {
      case 'ask': return void this.#answer(news.id, news.asked)
      case 'seen': {
        const session = this.#sessions.get(news.session)
        if (session !== undefined && !this.#options.gatekeeper.touch(session)) this.#ended(session)
        return
      }
      case 'left': {
        const session = this.#sessions.get(news.session)
        this.#sessions.delete(news.session)
        if (session !== undefined) this.#options.gatekeeper.end(session, news.why)
        return
      }
      case 'refused': return this.#refused(news.why)
      case 'figures': return this.#figures(news.figures)
    }
  }

  async #answer(id: number, asked: Asked): Promise<void> {
    const answer = await this.#work(asked).then((value): Answer => ({ value }), (error: unknown): Answer => ({ kind: kindOf(error), ...describe(error) }))
    await this.#tell({ kind: 'answer', id, answer }).catch(() => this.#counters.add('handovers_failed'))
  }

  async #work(asked: Asked): Promise<unknown> {
    const { gatekeeper } = this.#options
    if (asked.what === 'enter') {
      const session = await this.#enter(asked)
      this.#sessions.set(session.id, session)
      return session
    }
    const session = this.#sessions.get(asked.session)
    if (session === undefined) throw new ForbiddenError('PC-OPCUA-USER', 'The session of this user has ended.', { component: 'opcua' })
    const { component, command, args } = asked
    return await gatekeeper.carryOut(session, { component, command, args })
  }

  async #enter({ proof, where }: Asked & { what: 'enter' }): Promise<Session> {
    const { gatekeeper, section } = this.#options
    if (proof.by === 'secret') return await gatekeeper.login(proof.person, proof.secret, { face: 'opcua', where })
    const user = section.users.find(({ certificate }) => certificate === proof.fingerprint)
    if (user === undefined) throw new ForbiddenError('PC-OPCUA-USER', 'This user certificate is given to nobody.', { component: 'opcua' })
    return gatekeeper.admit(user.person, user.role, { face: 'opcua', where })
  }

  #ended(session: Session): void {
    if (!this.#sessions.delete(session.id) || !this.#host.usable) return
    this.#tell({ kind: 'ended', session: session.id }).catch(() => this.#counters.add('handovers_failed'))
  }

  #endAll(): void {
    for (const session of this.#sessions.values()) this.#options.gatekeeper.end(session, 'lost')
    this.#sessions.clear()
  }

  #refused(why: 'untrusted' | 'user' | 'limit' | 'broken'): void {
    const now = this.#options.clock.now()
    if (now - (this.#told.get(why) ?? -Infinity) < told_ms) return
    this.#told.set(why, now)
    this.component.raise('refused', { why })
  }

  #figures({ sessions, subscriptions, items, queued, waiting, counters }: OpcuaFigures): void {
    this.component.publish('sessions', sessions)
    this.component.publish('subscriptions', subscriptions)
    this.component.publish('items', items)
    this.component.publish('queued', queued)
    this.component.publish('waiting', waiting)
    this.component.publish('counters', { ...counters, ...this.#counters.snapshot() })
    if (this.#host.usable) this.#judge()
  }

  /** It is ready; clients may be turning away from its certificate, or will. */
  #judge(): void {
    const days = this.#days
    if (days > ending_days) return this.component.publish('health', { status: 'ready' })
    this.component.publish('health', { status: 'degraded', code: 'PC-OPCUA-CERTIFICATE', says: days < 0 ? 'The last day of its own certificate is over.' : 'Its own certificate ends within a month.' })
  }

  /** Days that the certificate of the running server is still good. */
  get #days(): number {
    return Math.floor(((this.#host.about as OpcuaAbout).until - this.#options.clock.wall()) / day_ms)
  }

  /** Durable before anybody sees it: a restart raises again what nobody acknowledged. */
  async #acknowledge({ component, alarm, comment }: { component: string; alarm: string; comment: string }, caller: Caller): Promise<Record<string, never>> {
    if (caller.role === 'viewer') throw new ForbiddenError('PC-OPCUA-VIEWER', 'A viewer looks on: somebody else must acknowledge.', { component: 'opcua' })
    const spec = this.#options.model.get(component).contract.members[alarm as 'health'] as unknown as EventSpec | undefined
    if (alarm !== 'Failure' && alarm !== 'OffSpec' && !((spec?.kind as string | undefined) === 'event' && spec?.severity === 'alarm')) {
      throw new UsageError('PC-OPCUA-ALARM', `${component} has no such alarm.`, { component: 'opcua' })
    }
    await this.#options.facts.append({ kind: 'opcua.acknowledged', class: 'audit', body: { component, alarm, by: caller.id, comment } })
    if (this.#host.usable) await this.#tell({ kind: 'acknowledged', component, alarm })
    return {}
  }

  async #tell(request: OpcuaRequest, limit_ms = handOver_ms): Promise<Record<string, never>> {
    if (!this.#host.usable) throw new DeviceError('PC-OPCUA-DOWN', 'The OPC UA server does not run.', { component: 'opcua' })
    await this.#host.ask(request, limit_ms)
    return {}
  }

  #selfTest(): SelfTestReport {
    const waiting = this.component.read('waiting')?.length ?? 0
    const checks = [
      { name: 'server', passed: this.#host.usable, says: 'Clients can connect.' },
      ...this.#host.usable ? [{ name: 'certificate', passed: this.#days > ending_days, value: this.#days, unit: 'd', says: 'How long its own certificate is still good.' }] : [],
      { name: 'trust', passed: waiting === 0, value: waiting, unit: '1', says: 'No client waits to be trusted.' },
    ]
    return { passed: checks.every(({ passed }) => passed), checks }
  }
}

/** All that the components have made known. */
function known(model: DeviceModel): News[] {
  return model.list().flatMap((component) => Object.entries(component.contract.members).flatMap(([name, spec]): News[] => {
    const reading = (spec as { kind: string }).kind === 'property' ? component.reading(name) : undefined
    return reading === undefined ? [] : [{ kind: 'property', component: component.name, name, value: reading.value, at: reading.at }]
  }))
}

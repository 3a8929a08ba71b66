/**
 * Carries out what the centre asks, and nothing else.
 *
 * A command goes through the same door as every other face's (`component.invoke`), with the role
 * that the signed order bears. The fact that it was taken is durable before it is begun, and the fact
 * of its outcome before the centre hears of it.
 */
import type { KeyObject } from 'node:crypto'
import { canonical, type Json } from '../base/canonical.ts'
import type { Clock, Instant } from '../base/clock.ts'
import type { Counters } from '../base/counters.ts'
import { describe } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { within } from '../base/wait.ts'
import { type Component, refusedBefore } from '../device/component.ts'
import type { Members } from '../device/contract.ts'
import { demandNow } from '../device/in-service.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSink, FactSource, NewFact } from '../journal/fact.ts'
import { commandFact, Ledger, resultFact } from './ledger.ts'
import type { CommandLimits } from './limits.ts'
import type { Message } from './link.ts'
import { type Answer, distrust, type Order, readOrder, refuse, type Refusal, untimely } from './order.ts'
import type { CommandTarget, Topics } from './topics.ts'

export const refusalFact = 'uplink.refusal'

export type CommandCount = 'done' | 'failed' | 'refused' | 'repeated' | 'unreadable'

export interface CommandsOptions {
  topics: Topics
  model: DeviceModel
  source: FactSource
  sink: FactSink
  clock: Clock
  log: Logger
  keys: readonly KeyObject[]
  /** Only for demonstrations and tests on one machine. */
  acceptUnsigned: boolean
  limits: CommandLimits
  counters: Counters<CommandCount>
  onAnswer(answer: Answer): void
}

export class Commands {
  readonly #options: CommandsOptions
  readonly #ledger: Ledger
  #abort = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #tokens: number
  #refilled: Instant

  constructor(options: CommandsOptions) {
    this.#options = options
    this.#ledger = new Ledger(options.limits.remembered_max)
    this.#tokens = options.limits.burst_max
    this.#refilled = options.clock.now()
  }

  /** Brings back what earlier runs took. */
  start(): void {
    this.#abort = new AbortController()
    this.#ledger.recall(this.#options.source, this.#options.limits.recalled_facts_max, this.#options.clock.wall())
  }

  /** Takes a message from the broker; answers come later through `onAnswer`. Never throws. */
  receive({ topic, payload, retained }: Message): void {
    const { topics, limits } = this.#options
    const target = topics.target(topic)
    const order = readOrder(payload, limits.payload_bytes_max)
    if (target === undefined || this.#abort.signal.aborted) return this.#unreadable()
    if ('refused' in order) return order.id === undefined ? this.#unreadable() : this.#answerRefusal(order, order.id)
    if (!this.#withinRate()) return this.#answerRefusal(busy, order.id)
    const refusal = this.#judge(topic, order, retained)
    if (refusal !== undefined) return this.#track(this.#recordRefusal(target, order, refusal))
    if (this.#ledger.has(order.id)) return this.#repeat(order.id)
    if (this.#running.size >= limits.running_max) return this.#answerRefusal(busy, order.id)
    this.#begin(target, order)
  }

  /** Takes no more, cancels what runs and waits until its outcome is written. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await Promise.all(this.#running)
  }

  /** What speaks against the order; a repeated one passes here even when it has expired since. */
  #judge(topic: string, order: Order, retained: boolean): Refusal | undefined {
    const { keys, acceptUnsigned, clock, limits } = this.#options
    if (retained) return refuse('PC-UPLINK-RETAINED', 'A command must not be retained: it would come again after every reconnect.')
    const untrusted = distrust(topic, order, { keys, acceptUnsigned })
    if (untrusted !== undefined || this.#ledger.has(order.id)) return untrusted
    if (order.issuedAt < this.#ledger.horizon) return tooOld
    return untimely(order, clock.wall(), limits)
  }

  #begin(target: CommandTarget, order: Order): void {
    const component = this.#component(target)
    if ('refused' in component) return this.#track(this.#recordRefusal(target, order, component))
    const { clock, acceptUnsigned, log } = this.#options
    if (!this.#ledger.take(order.id, order.expiresAt, clock.wall())) return this.#answerRefusal(busy, order.id)
    if (acceptUnsigned && order.signature === undefined) log.warn({ command: target }, 'an unsigned command is carried out')
    this.#track(this.#carryOut(component, target, order))
  }

  #component({ component: name, command }: CommandTarget): Component | Refusal {
    const component = this.#options.model.list().find((candidate) => candidate.name === name)
    const members: Members = component?.contract.members ?? {}
    const spec = Object.hasOwn(members, command) ? members[command] : undefined
    if (component === undefined || spec?.kind !== 'command') return unknown
    if (spec.personal) return refuse('PC-UPLINK-PERSONAL', 'A command that handles personal data is never taken from outside.')
    return component
  }

  async #carryOut(component: Component, target: CommandTarget, order: Order): Promise<void> {
    const { id, args, role, issuedBy, issuedAt, expiresAt, signature } = order
    const taken = { id, ...target, args: args as Json, role, issuedBy, issuedAt, expiresAt, signed: signature !== undefined }
    if (!(await this.#record({ kind: commandFact, class: 'command', body: taken }))) {
      this.#ledger.release(id)
      return this.#answerRefusal(refuse('PC-UPLINK-JOURNAL', 'The command could not be recorded, so it was not carried out.'), id)
    }
    const answer = await this.#invoke(component, target, order)
    const recorded = await this.#record({ kind: resultFact, class: 'command', body: { ...answer } })
    this.#answer(recorded ? answer : unrecorded(id))
  }

  async #invoke(component: Component, { command }: CommandTarget, order: Order): Promise<Answer> {
    const { id, args, role, issuedBy } = order
    try {
      const caller = { id: issuedBy, role }
      // Nothing is moved from afar either while travellers are in it.
      demandNow(this.#options.model, component, command, args, caller)
      const invoke = component.invoke.bind(component) as (...call: unknown[]) => Promise<unknown>
      const result = await invoke(command, args, caller, this.#abort.signal)
      return this.#done(id, result)
    } catch (error) {
      const { code, message } = describe(error)
      return { id, status: refusedBefore.has(code) ? 'refused' : 'failed', code, says: message }
    }
  }

  #done(id: string, result: unknown): Answer {
    if (result === undefined) return { id, status: 'done' }
    const fits = Buffer.byteLength(canonical(result)) <= this.#options.limits.result_bytes_max
    if (fits) return { id, status: 'done', result: result as Json }
    return { id, status: 'done', code: 'PC-UPLINK-RESULT', says: 'The command was carried out; its result is too large to send.' }
  }

  async #recordRefusal(target: CommandTarget, order: Order, refusal: Refusal): Promise<void> {
    const body = { id: order.id, ...target, role: order.role, code: refusal.refused }
    await this.#record({ kind: refusalFact, class: 'audit', body })
    this.#answerRefusal(refusal, order.id)
  }

  /** Whether the fact is durable. */
  async #record(fact: NewFact): Promise<boolean> {
    const { clock, sink, limits, log } = this.#options
    try {
      const message = 'A fact about a command was not durable in time.'
      await within({ clock, limit_ms: limits.record_ms_max, code: 'PC-UPLINK-JOURNAL', message }, () => sink.append(fact))
      return true
    } catch (error) {
      log.error({ error, fact: fact.kind }, 'a fact about a command could not be recorded')
      return false
    }
  }

  #repeat(id: string): void {
    this.#options.counters.add('repeated')
    const answer = this.#ledger.answer(id)
    if (answer !== undefined) this.#options.onAnswer(answer)
  }

  #answer(answer: Answer): void {
    this.#ledger.settle(answer)
    this.#options.counters.add(answer.status)
    this.#options.onAnswer(answer)
  }

  #answerRefusal({ refused, says }: Refusal, id: string): void {
    this.#options.counters.add('refused')
    this.#options.onAnswer({ id, status: 'refused', code: refused, says })
  }

  #unreadable(): void {
    this.#options.counters.add('unreadable')
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  /** Token bucket: whether one more command may be looked at. */
  #withinRate(): boolean {
    const { clock, limits } = this.#options
    const now = clock.now()
    this.#tokens = Math.min(limits.burst_max, this.#tokens + ((now - this.#refilled) / 1000) * limits.rate_per_s)
    this.#refilled = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

const busy = refuse('PC-UPLINK-BUSY', 'Too many commands at once: ask again later.')
const unknown = refuse('PC-UPLINK-UNKNOWN', 'This device has no such command.')
const tooOld = refuse('PC-UPLINK-EXPIRED', 'The command is older than what this device remembers.')

const unrecorded = (id: string): Answer => ({
  id, status: 'failed', code: 'PC-UPLINK-JOURNAL', says: 'The command was carried out, but its outcome could not be recorded.',
})

/**
 * A barrier that a PLC drives, over OPC UA.
 *
 * Nothing is believed that the PLC does not show: a command counts when the feedback follows, else what
 * is safe is commanded and the caller hears of it. It never depends on this driver alone to shut: the PLC
 * watches our sign of life and, where it has a node for that, the limit of each opening.
 */
import type { Cancel, Instant } from '../../../edge/base/clock.ts'
import { Counters } from '../../../edge/base/counters.ts'
import { CancelledError, DeviceError, describe, type PortcullisError, TimeoutError } from '../../../edge/base/error.ts'
import { Listeners } from '../../../edge/base/listeners.ts'
import { sleep, within } from '../../../edge/base/wait.ts'
import { Barrier, type BarrierState } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import type { Health, SelfTestReport } from '../../../edge/device/contract.ts'
import { defineDriver, type Device, type DriverContext, mismatch } from '../../kit/driver.ts'
import { Lives } from '../../kit/lives.ts'
import { plcError } from './codes.ts'
import { type Credentials, readCredentials } from './credentials.ts'
import { type Door, firstDoor, letNoMore, letOpen, nextDoor } from './door.ts'
import { Feedback } from './feedback.ts'
import { Link, type LinkCounter, linkCounters } from './link.ts'
import { options, type OpcuaBarrierOptions, type PlcCommand } from './options.ts'

const day_ms = 86_400_000
/** How often the counters are made known. */
const told_ms = 1_000
/** Our sign of life counts up to this: it fits every number that a PLC has. */
const beatMax = 100

class OpcuaBarrier implements Device<(typeof Barrier)['members']> {
  readonly component: ComponentOf<typeof Barrier>
  readonly #options: OpcuaBarrierOptions
  readonly #context: DriverContext
  readonly #lives: Lives
  readonly #counters = new Counters<LinkCounter>(linkCounters)
  /** Tells whoever waits for the feedback that there is something new. */
  readonly #seen = new Listeners<void>()
  #link: Link | undefined
  #feedback: Feedback | undefined
  #credentials: Credentials | undefined
  #door: Door | undefined
  /** What was seen before the link was lost. */
  #earlier: Door | undefined
  /** Tells an opening under way that a later command overrules it. */
  #order = 0
  /** We were told to let everybody out: that outlives the link. */
  #free = false
  #cancelShutting: Cancel = () => undefined

  constructor(options: OpcuaBarrierOptions, context: DriverContext) {
    this.#options = options
    this.#context = context
    const { name, clock, log } = context
    this.component = new Component(name, Barrier, clock, {
      selfTest: () => this.#selfTest(),
      open: async ({ for_ms }, signal) => {
        await this.#open(for_ms, signal)
        return {}
      },
      close: async () => {
        if (this.#door?.last.mode === 'free') throw this.#refusal('PC-BARRIER-MODE', 'The barrier stands free; that must be switched off first.')
        await this.#shut()
        return {}
      },
      free: async ({ on }) => {
        await this.#setFree(on)
        return {}
      },
    })
    this.component.publish('state', 'unknown')
    this.#lives = new Lives({ component: this.component, clock, log, limits: options, live: (signal, onReady) => this.#live(signal, onReady) })
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#lives.start(signal)
  }

  async stop(): Promise<void> {
    this.#cancelShutting()
    // One that stands free lets people out of an emergency: that does not end with this program.
    if (this.#door !== undefined && 'opened' in this.#door.letting) await this.#shut().catch((error: unknown) => this.#note(error))
    await this.#lives.stop()
  }

  /** One life of the link, from opening to loss. */
  async #live(signal: AbortSignal, onReady: () => void): Promise<void> {
    const { clock, log, name } = this.#context
    const life = new AbortController()
    const ended = new Promise<never>((_, reject) => {
      life.signal.addEventListener('abort', () => reject(life.signal.reason as Error), { once: true })
    })
    ended.catch(() => undefined)
    const onStop = (): void => life.abort(new CancelledError(name))
    signal.addEventListener('abort', onStop, { once: true })
    let link: Link | undefined
    try {
      const feedback = new Feedback(this.#options)
      this.#credentials = await readCredentials(this.#options.security, (reference) => this.#context.secret(reference), clock, name)
      link = await Link.open({
        component: name, options: this.#options, credentials: this.#credentials, clock, log, counters: this.#counters,
        onSeen: (use, seen) => {
          feedback.take(use, seen, clock.now())
          this.#look()
        },
        onHeard: () => feedback.heard(clock.now()),
        onLost: (error) => {
          this.#lost(error)
          life.abort(error)
        },
      }, life.signal)
      await Promise.race([ended, this.#begin(link, feedback, life.signal)])
      onReady()
      log.info({ component: name, where: this.#options.endpoint }, 'connected')
      await Promise.race([ended, this.#beat(link, life.signal), this.#watch(feedback, link, life.signal)])
    } catch (error) {
      this.#lost(error)
      throw error
    } finally {
      signal.removeEventListener('abort', onStop)
      await link?.close()
      life.abort(new CancelledError(name))
      this.component.publish('counters', this.#counters.snapshot())
    }
  }

  /** Ready means safe and known: the right PLC, whose program runs, and nothing open that an earlier life opened. */
  async #begin(link: Link, feedback: Feedback, signal: AbortSignal): Promise<void> {
    const { clock, name } = this.#context
    const identity = await link.identity()
    const wrong = mismatch(identity, this.#options.expect)
    if (wrong !== undefined) throw this.#refusal('PC-LINK-WRONG-DEVICE', `Another device is connected as ${name}: ${wrong}.`)
    feedback.begin(clock.now(), link.publishing_ms)
    await link.watch()
    while (!feedback.isComplete) {
      this.#check(feedback)
      await sleep(clock, this.#tick_ms, signal)
    }
    this.component.publish('identity', identity)
    this.#link = link
    this.#feedback = feedback
    this.#counters.add('connects')
    if (this.#free && feedback.mode !== 'free') await this.#command(this.#options.commands.free)
    else if (feedback.mode === 'normal' && feedback.state !== 'closed') await this.#command(this.#options.commands.close)
    this.#look()
  }

  /** At once, before the link is cleared away: nobody may believe it for another moment. */
  #lost(error: unknown): void {
    if (this.#link === undefined) return
    this.#cancelShutting()
    this.#counters.add('losses')
    const { code, message } = describe(error)
    this.component.publish('health', { status: 'failed', code, says: message })
    this.#link = undefined
    this.#feedback = undefined
    this.#earlier = this.#door ?? this.#earlier
    this.#door = undefined
    this.component.publish('state', 'unknown')
    this.#seen.emit()
  }

  /** Our sign of life. One that the PLC does not take in time ends the link, and with it the sign. */
  async #beat(link: Link, signal: AbortSignal): Promise<void> {
    const { ours, every_ms } = this.#options.beat
    for (let count = 0; ; count = (count + 1) % (beatMax + 1)) {
      await link.write(ours, link.isLevel(ours) ? count % 2 === 1 : count)
      await sleep(this.#context.clock, every_ms, signal)
    }
  }

  async #watch(feedback: Feedback, link: Link, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context
    feedback.begin(clock.now(), link.publishing_ms)
    for (let told = Number.NEGATIVE_INFINITY; ;) {
      this.#check(feedback)
      this.#look()
      if (clock.now() - told >= told_ms) {
        told = clock.now()
        this.component.publish('counters', this.#counters.snapshot())
      }
      await sleep(clock, this.#tick_ms, signal)
    }
  }

  /** @throws DeviceError (PC-PLC-SILENT, PC-PLC-FROZEN, PC-PLC-STALE). */
  #check(feedback: Feedback): void {
    const trouble = feedback.trouble(this.#context.clock.now())
    if (trouble !== undefined) throw plcError(this.#context.name, trouble)
  }

  get #tick_ms(): number {
    return Math.min(100, this.#options.publish_ms)
  }

  #look(): void {
    const feedback = this.#feedback
    if (feedback === undefined) return
    const { component } = this
    const sight = { state: feedback.state, mode: feedback.mode, counted: feedback.counted, at: this.#context.clock.now() }
    const door = this.#door === undefined ? firstDoor(sight, this.#earlier) : nextDoor(this.#door, sight, { grace_ms: 3 * this.#options.publish_ms })
    this.#door = door
    component.publish('health', this.#health(feedback))
    if (this.#options.passed !== undefined) component.publish('passed', door.passed)
    if (sight.mode !== 'unknown') component.publish('mode', sight.mode)
    component.publish('state', sight.state)
    if (door.forced) component.raise('forced', {})
    this.#seen.emit()
  }

  #health(feedback: Feedback): Health {
    const { name } = this.#context
    const of = (status: Health['status'], { code, message }: PortcullisError): Health => ({ status, code, says: message })
    if (feedback.state === 'unknown' || feedback.mode === 'unknown') return of('failed', plcError(name, 'PC-PLC-VALUE'))
    return feedback.isFaulty ? of('degraded', plcError(name, 'PC-BARRIER-FAULT')) : { status: 'ready' }
  }

  async #open(for_ms: number, signal: AbortSignal): Promise<void> {
    const link = this.#connected
    const { component } = this
    if (!component.usable) throw plcError(component.name, 'PC-PLC-VALUE')
    if (this.#door?.last.mode !== 'normal') throw this.#refusal('PC-BARRIER-MODE', `The barrier stands ${this.#door?.last.mode ?? 'unknown'} and lets nobody through one by one.`)
    const order = ++this.#order
    const isOverruled = (): boolean => signal.aborted || order !== this.#order
    const { open_ms, commands } = this.#options
    if (open_ms !== undefined) await link.write(open_ms, for_ms)
    if (isOverruled()) throw new CancelledError(component.name)
    this.#cancelShutting()
    this.#cancelShutting = this.#context.clock.after(for_ms, () => void this.#shut().catch((error: unknown) => this.#note(error)))
    if (this.#door !== undefined) this.#door = letOpen(this.#door)
    try {
      await this.#command(commands.open, for_ms)
      await this.#confirmed(['opening', 'open'], isOverruled)
    } catch (error) {
      if (order === this.#order) await this.#shut().catch((second: unknown) => this.#note(second))
      throw error
    }
  }

  async #shut(): Promise<void> {
    this.#order++
    this.#cancelShutting()
    const { commands } = this.#options
    if (this.#door !== undefined) this.#door = letNoMore(this.#door, this.#context.clock.now())
    await this.#command(commands.close)
    await this.#confirmed(['closed', 'closing']).catch(async (error: unknown) => {
      await this.#command(commands.close)
      throw this.#door?.last.state === 'blocked' ? plcError(this.#context.name, 'PC-BARRIER-OBSTACLE', error) : error
    })
  }

  async #setFree(on: boolean): Promise<void> {
    this.#free = on
    this.#order++
    this.#cancelShutting()
    const { commands } = this.#options
    const command = on ? commands.free : commands.normal
    await this.#command(command)
    await this.#until(() => this.#door !== undefined && (this.#door.last.mode === 'free') === on).catch(async (error: unknown) => {
      await this.#command(command)
      throw error
    })
  }

  /** A pulse ends even when whoever asked for it has gone. */
  async #command(command: PlcCommand, for_ms?: number): Promise<void> {
    const link = this.#connected
    await link.command(command, for_ms)
    if (!('pulse' in command) || command.pulse === undefined) return
    await sleep(this.#context.clock, command.pulse.for_ms)
    await link.write(command.node, command.pulse.rest)
  }

  #confirmed(states: readonly BarrierState[], isOverruled = (): boolean => false): Promise<void> {
    return this.#until(() => {
      if (isOverruled()) throw new CancelledError(this.component.name)
      return this.#door !== undefined && states.includes(this.#door.last.state)
    })
  }

  /** Waits for the feedback. @throws DeviceError (PC-BARRIER-UNCONFIRMED, PC-LINK-LOST). */
  async #until(holds: () => boolean): Promise<void> {
    const { clock, name } = this.#context
    const limit = { clock, limit_ms: this.#options.confirm_ms, component: name, code: 'PC-BARRIER-UNCONFIRMED', message: '' } as const
    const link = this.#connected
    let stop = (): void => undefined
    const seen = new Promise<void>((resolve, reject) => {
      const look = (): void => {
        try {
          if (this.#link !== link) reject(this.#refusal('PC-LINK-LOST', `The link to ${name} was lost.`))
          else if (holds()) resolve()
        } catch (error) {
          reject(error)
        }
      }
      stop = this.#seen.add(look)
      look()
    })
    await within(limit, () => seen).catch((error: unknown) => {
      throw error instanceof TimeoutError ? plcError(name, 'PC-BARRIER-UNCONFIRMED') : error
    }).finally(stop)
  }

  get #connected(): Link {
    if (this.#link === undefined) throw this.#refusal('PC-LINK-DOWN', `${this.component.name} is not connected.`)
    return this.#link
  }

  async #selfTest(): Promise<SelfTestReport> {
    const link = this.#connected
    const feedback = this.#feedback as Feedback
    const asked: Instant = this.#context.clock.now()
    await link.identity()
    const took_ms = Math.round(this.#context.clock.now() - asked)
    const until = this.#credentials?.until
    const days = until === undefined ? undefined : Math.floor((until - this.#context.clock.wall()) / day_ms)
    const checks = [
      { name: 'reply', passed: true, value: took_ms, unit: 'ms', says: 'The PLC answers.' },
      { name: 'feedback', passed: feedback.state !== 'unknown' && feedback.state !== 'blocked', says: `The barrier is ${feedback.state}, its mode ${feedback.mode}.` },
      { name: 'fault', passed: !feedback.isFaulty, says: feedback.isFaulty ? 'The PLC reports a fault.' : 'The PLC reports no fault.' },
      { name: 'lateness', passed: true, value: Math.round(feedback.late_ms), unit: 'ms', says: "How much later than at best the PLC's last sign of life came." },
      days === undefined
        ? { name: 'certificates', passed: true, says: 'The link is not secured, as the profile says.' }
        : { name: 'certificates', passed: days > 30, value: days, unit: 'd', says: 'How long both certificates are still valid.' },
    ]
    return { passed: checks.every(({ passed }) => passed), checks }
  }

  #refusal(code: `PC-${string}`, message: string): DeviceError {
    return new DeviceError(code, message, { component: this.component.name })
  }

  #note(error: unknown): void {
    this.#context.log.warn({ component: this.component.name, ...describe(error) }, 'could not shut; the PLC does')
  }
}

export const driver = defineDriver({
  name: 'barrier/opcua',
  says: 'A barrier that a PLC drives, over OPC UA: commands confirmed by feedback, signs of life both ways.',
  contract: Barrier,
  options,
  create: (options, context): Device<(typeof Barrier)['members']> => new OpcuaBarrier(options, context),
})

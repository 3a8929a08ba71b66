/**
 * LOT flap turnstile over Modbus RTU.
 *
 * It never depends on this driver to shut: before each grant the turnstile's own times are set and
 * read back, so that it gives the passage up by itself when the cable, the power supply of this
 * computer or this program fails. Anti-panic is kept by the turnstile over a reboot, and only
 * `free({ on: false })` ends it.
 */
import type { Cancel } from '../../../edge/base/clock.ts'
import { CancelledError, DeviceError, describe, TimeoutError } from '../../../edge/base/error.ts'
import { type Static, Type } from '../../../edge/base/schema.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { Barrier } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import type { Identity, SelfTestReport } from '../../../edge/device/contract.ts'
import { defineDriver, type Device, type DriverContext, expectOption, linkLimits, mismatch, optionsOf, portOption } from '../../kit/driver.ts'
import { ModbusUnit, type ModbusReply, replyFramer } from '../../kit/modbus-rtu.ts'
import { type Connection, Session } from '../../kit/session.ts'
import { type Transport, transportTo } from '../../kit/transport.ts'
import { fromMode, register, statusBlock, timesFor, toMode, toStatus } from './codec.ts'
import { credited, firstSight, type Flap, nextSight, type Sight } from './flap.ts'

const options = optionsOf({
  port: portOption(),
  baud: Type.Integer({ minimum: 1_200, maximum: 115_200, default: 115_200, description: 'Bits per second.' }),
  unit: Type.Integer({ minimum: 1, maximum: 32, default: 1, description: 'The turnstile\'s bus address, as its DIP switches say.' }),
  direction: Type.Enum(['entry', 'exit'], { default: 'entry', description: 'Which way a passage is granted and counted.' }),
  poll_ms: Type.Integer({ minimum: 20, maximum: 2_000, default: 100, description: 'How often its registers are read.' }),
  move_ms: Type.Integer({ minimum: 50, maximum: 10_000, default: 600, description: 'How long its flap moves.' }),
  clear_ms: Type.Integer({ minimum: 100, maximum: 60_000, default: 3_000, description: 'How long somebody may stand in the shut passage before it counts as blocked.' }),
  expect: expectOption(),
  ...linkLimits,
})
export type TurnstileOptions = Static<typeof options>

/** A frame may stop this long in its middle: USB adapters send in bursts of up to 16 ms. */
const gap_ms = 50

class Turnstile implements Device<(typeof Barrier)['members']> {
  readonly component: ComponentOf<typeof Barrier>
  readonly #options: TurnstileOptions
  readonly #context: DriverContext
  readonly #session: Session<ModbusReply>
  #flap: Flap | undefined
  /** What was seen before the link was lost. */
  #earlier: Flap | undefined
  /** Tells a grant under way that a later command overrules it. */
  #order = 0
  #cancelShutting: Cancel = () => undefined

  constructor(options: TurnstileOptions, context: DriverContext, transport: Transport) {
    this.#options = options
    this.#context = context
    this.component = new Component(context.name, Barrier, context.clock, {
      selfTest: () => this.#selfTest(),
      open: ({ for_ms }, signal) => this.#open(for_ms, signal),
      close: () => this.#close(),
      free: ({ on }) => this.#free(on),
    })
    this.component.publish('state', 'unknown')
    this.#session = new Session<ModbusReply>({
      component: this.component, transport, framer: replyFramer(options.unit), clock: context.clock, log: context.log,
      limits: options, expect: options.expect, gap_ms,
      identify: (connection, signal) => this.#identify(connection, signal),
      serve: (connection, signal) => this.#serve(connection, signal),
      onLost: () => this.#lost(),
    })
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#session.start(signal)
  }

  async stop(): Promise<void> {
    this.#cancelShutting()
    if (this.component.usable) await this.#shut().catch((error: unknown) => this.#note(error))
    await this.#session.stop()
  }

  get #unit(): ModbusUnit {
    return new ModbusUnit(this.#session.connection, this.#options.unit)
  }

  async #identify(connection: Connection<ModbusReply>, signal: AbortSignal): Promise<Identity> {
    const unit = new ModbusUnit(connection, this.#options.unit)
    const objects = await unit.identify({ signal })
    const identity = { manufacturer: objects.get(0) ?? 'unknown', model: objects.get(1) ?? 'unknown', firmware: objects.get(2) ?? 'unknown' }
    // The session refuses another turnstile than the one expected: nothing is written to it.
    if (mismatch(identity, this.#options.expect) === undefined) await this.#begin(unit, signal)
    return identity
  }

  /** Ready means safe and known: what an earlier life of this program granted is cancelled, and the state was read. */
  async #begin(unit: ModbusUnit, signal: AbortSignal): Promise<void> {
    await this.#cancelPassages(unit, signal)
    await unit.write(register.accumulate, [0], { signal })
    this.#earlier = this.#flap ?? this.#earlier
    this.#flap = undefined
    this.#see(await this.#look(unit, signal))
  }

  async #serve(connection: Connection<ModbusReply>, signal: AbortSignal): Promise<void> {
    const unit = new ModbusUnit(connection, this.#options.unit)
    for (;;) {
      const sight = await this.#look(unit, signal)
      this.#see(sight)
      this.component.publish('health', sight.status.error === 0
        ? { status: 'ready' }
        : { status: 'degraded', code: 'PC-BARRIER-FAULT', says: 'The turnstile reports a fault of its own.' })
      await sleep(this.#context.clock, this.#options.poll_ms, signal)
    }
  }

  async #look(unit: ModbusUnit, signal?: AbortSignal): Promise<Sight> {
    const status = toStatus(await unit.read(statusBlock.address, statusBlock.count, { signal }))
    const mode = toMode((await unit.read(register.mode, 1, { signal }))[0] ?? 0)
    return { status, mode, at: this.#context.clock.now() }
  }

  #see(sight: Sight): void {
    const { direction } = this.#options
    const before = this.#flap
    const flap = before === undefined ? firstSight(sight, direction, this.#options, this.#earlier) : nextSight(before, sight, direction, this.#options)
    this.#flap = flap
    const { component } = this
    component.publish('mode', sight.mode)
    component.publish('passed', flap.passed)
    component.publish('objects', { entry: sight.status.objects.entry !== 0, exit: sight.status.objects.exit !== 0 })
    component.publish('state', flap.state)
    if (flap.forced) component.raise('forced', {})
  }

  #lost(): void {
    this.#cancelShutting()
    this.#earlier = this.#flap ?? this.#earlier
    this.#flap = undefined
    this.component.publish('state', 'unknown')
  }

  async #open(for_ms: number, signal: AbortSignal): Promise<Record<string, never>> {
    const order = ++this.#order
    const unit = this.#unit
    const { status, mode } = this.#flap?.last ?? await this.#look(unit, signal)
    if (mode !== 'normal') throw this.#refusal('PC-BARRIER-MODE', `The turnstile stands ${mode} and lets nobody through one by one.`)
    await this.#limitTo(for_ms, unit, signal)
    if (signal.aborted || order !== this.#order) throw new CancelledError(this.component.name)
    this.#cancelShutting()
    this.#cancelShutting = this.#context.clock.after(for_ms, () => void this.#shut().catch((error: unknown) => this.#note(error)))
    try {
      await this.#grant(status.counted[this.#options.direction], unit)
      if (signal.aborted) throw new CancelledError(this.component.name)
    } catch (error) {
      await this.#shut().catch((second: unknown) => this.#note(second))
      throw error
    }
    if (this.#flap !== undefined) this.#flap = credited(this.#flap)
    return {}
  }

  /** The turnstile itself must give the passage up in time. */
  async #limitTo(for_ms: number, unit: ModbusUnit, signal: AbortSignal): Promise<void> {
    const { start_s, finish_s } = timesFor(for_ms)
    const isSet = async (): Promise<boolean> => {
      const [start, finish] = await unit.read(register.times, 2, { signal })
      return start === start_s && finish === finish_s
    }
    if (await isSet()) return
    await unit.write(register.times, [start_s, finish_s], { signal })
    if (!await isSet()) throw this.#refusal('PC-BARRIER-LIMIT', 'The turnstile does not keep the time limit it was given, so it is not opened.')
  }

  /** A lost answer is no reason to grant twice: what the registers then say decides. */
  async #grant(countedBefore: number, unit: ModbusUnit): Promise<void> {
    const { direction, retries } = this.#options
    const address = register.passages + (direction === 'exit' ? 1 : 0)
    for (let tries = 0; ; tries++) {
      try {
        return await unit.write(address, [1], { retries: 0 })
      } catch (error) {
        if (!(error instanceof TimeoutError) || tries >= retries) throw error
        const { left, counted } = (await this.#look(unit)).status
        if (left[direction] > 0 || counted[direction] !== countedBefore) return
      }
    }
  }

  async #close(): Promise<Record<string, never>> {
    await this.#shut()
    return {}
  }

  async #shut(): Promise<void> {
    this.#order++
    this.#cancelShutting()
    await this.#cancelPassages(this.#unit)
  }

  #cancelPassages(unit: ModbusUnit, signal?: AbortSignal): Promise<void> {
    return unit.write(register.passages, [0, 0], { signal })
  }

  async #free(on: boolean): Promise<Record<string, never>> {
    const unit = this.#unit
    const wanted = fromMode(on ? 'free' : 'normal')
    await unit.write(register.mode, [wanted])
    const [mode] = await unit.read(register.mode, 1)
    if (mode !== wanted) throw this.#refusal('PC-BARRIER-MODE', 'The turnstile did not take the mode it was given.')
    this.component.publish('mode', toMode(mode))
    return {}
  }

  async #selfTest(): Promise<SelfTestReport> {
    const unit = this.#unit
    const { status, mode } = await this.#look(unit)
    const [details] = await unit.read(register.errorDetails, 1)
    const [start_s, finish_s] = await unit.read(register.times, 2)
    const checks = [
      { name: 'fault', passed: status.error === 0, value: details ?? 0, unit: '1', says: 'The turnstile reports no fault; the value is its fault register.' },
      { name: 'mode', passed: mode !== 'locked', says: `The turnstile stands ${mode}.` },
      { name: 'own limit', passed: true, value: (start_s ?? 0) + (finish_s ?? 0), unit: 's', says: 'How long the turnstile itself keeps a passage open.' },
    ]
    return { passed: checks.every((check) => check.passed), checks }
  }

  #refusal(code: `PC-BARRIER-${string}`, message: string): DeviceError {
    return new DeviceError(code, message, { component: this.component.name })
  }

  #note(error: unknown): void {
    this.#context.log.warn({ component: this.component.name, ...describe(error) }, 'could not shut; its own limit does')
  }
}

/** The driver over a given transport. */
export const turnstileOver = (options: TurnstileOptions, context: DriverContext, transport: Transport): Device<(typeof Barrier)['members']> =>
  new Turnstile(options, context, transport)

export const driver = defineDriver({
  name: 'barrier/lot-turnstile',
  says: 'LOT flap turnstile over Modbus RTU: one passage per grant, counters, anti-panic.',
  contract: Barrier,
  options,
  create: (options, context) => turnstileOver(options, context, transportTo(options.port, { baud: options.baud })),
})

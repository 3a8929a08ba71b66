/** Driver for the RPLIDAR A series (A1, A2, A3 in the standard scan) on a serial port. */
import { DeviceError, TimeoutError } from '../../../edge/base/error.ts'
import { type Static, Type } from '../../../edge/base/schema.ts'
import { sleep, within } from '../../../edge/base/wait.ts'
import { Lidar } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import type { Identity, SelfTestReport } from '../../../edge/device/contract.ts'
import { troubleCode, troubleSays } from '../../../edge/device/lidar-trouble.ts'
import type { PointBlock } from '../../../edge/device/points.ts'
import { defineDriver, type Device, type DriverContext, expectOption, linkLimits, mismatch, optionsOf, portOption } from '../../kit/driver.ts'
import type { Framer } from '../../kit/framing.ts'
import { type Connection, Session } from '../../kit/session.ts'
import { transportTo } from '../../kit/transport.ts'
import { selfTest } from '../stream/self-test.ts'
import { SourceWatch, watchOptions } from '../stream/source-watch.ts'
import { StreamReport } from '../stream/stream-report.ts'
import { tick_ms } from '../stream/tally.ts'
import { NodeBlocks } from './blocks.ts'
import { type DeviceHealth, encodeRequest, healthOf, identityOf, motorPwmMax, motorRequest, Reply, Request, sampleTimesOf, stopRequest } from './codec.ts'
import { type ReplyFrame, ReplyReader } from './reader.ts'

const range = (minimum: number, maximum: number, usual: number, description: string) =>
  Type.Integer({ minimum, maximum, default: usual, description })

const settings = optionsOf({
  port: portOption(),
  baud: range(9_600, 1_000_000, 115_200, 'The speed of the serial line: 115200 for A1 and A2, 256000 for A2M7, A2M12 and A3.'),
  motor: range(1, motorPwmMax, 660, 'The duty of the motor\'s PWM in 1024ths; the A1 knows only on and off.'),
  spin_ms: range(500, 9_000, 8_000, 'How long the first whole turn may take after the motor was switched on.'),
  expect: expectOption(),
  ...linkLimits,
  ...watchOptions(),
  first_ms: range(50, 60_000, 5_000, 'How long the first points may take: the motor starts from rest.'),
})

/** What was on its way when the scan was stopped has come by then (4.1 asks for a millisecond at least). */
const quiet_ms = 20
/** Microseconds of a measurement where the device does not say: every model can do so many. */
const usual_us = 500
const rest_ms = 500

type LidarMembers = typeof Lidar.members

export const driver = defineDriver({
  name: 'lidar/rplidar',
  says: 'RPLIDAR A1, A2 or A3 on a serial port.',
  contract: Lidar,
  options: settings,
  create: (options, context) => new Rplidar(options, context),
})

class Rplidar implements Device<LidarMembers> {
  readonly component: Component<LidarMembers>
  readonly #context: DriverContext
  readonly #options: Static<typeof settings>
  readonly #session: Session<ReplyFrame>
  readonly #blocks: NodeBlocks
  readonly #reader: ReplyReader
  #watch: SourceWatch
  #connection: Connection<ReplyFrame> | undefined
  #deviceHealth: DeviceHealth = { status: 'good', code: 0 }
  #report: StreamReport | undefined

  constructor(options: Static<typeof settings>, context: DriverContext) {
    this.#options = options
    this.#context = context
    this.#watch = new SourceWatch(options)
    this.#blocks = new NodeBlocks(context.clock.now, (block) => this.#onBlock(block))
    this.#reader = new ReplyReader(this.#blocks)
    this.component = new Component(context.name, Lidar, context.clock, { selfTest: (_, signal) => this.#selfTest(signal) })
    this.#session = new Session<ReplyFrame>({
      component: this.component, clock: context.clock, log: context.log, limits: options, expect: options.expect,
      transport: transportTo(options.port, { baud: options.baud, keepLines: true }),
      framer: this.#framer(),
      identify: (connection, signal) => this.#identify(connection, signal),
      serve: (_, signal) => this.#supervise(signal),
      onFrame: () => undefined,
      onLost: () => this.#report?.end(),
      counted: () => ({ ...this.#watch.tally.snapshot(), measurements: this.#reader.valid, failed: this.#reader.failed, resyncs: this.#reader.resyncs }),
    })
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#session.start(signal)
  }

  /** The motor is not left running. */
  async stop(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (connection !== undefined) {
      const { clock, name } = this.#context
      await within({ clock, limit_ms: rest_ms, component: name, code: 'PC-LINK-TIMEOUT', message: `${name} could not be stopped in time.` }, async () => {
        await connection.send(stopRequest)
        await connection.send(motorRequest(0))
        await connection.setReady?.(true)
        // To be closed in the middle of a scan would throw away what was just sent.
        await sleep(clock, quiet_ms)
      }).catch((error: unknown) => this.#context.log.debug({ component: name, error: error as Error }, 'left running'))
    }
    await this.#session.stop()
  }

  /** The reader's, with what it found torn counted, and what it gathered handed on at once. */
  #framer(): Framer<ReplyFrame> {
    const reader = this.#reader
    const blocks = this.#blocks
    return {
      push: (bytes) => {
        const { failed, resyncs } = reader
        const frames = reader.push(bytes)
        if (reader.failed > failed) this.#watch.other('damaged')
        blocks.lost += reader.resyncs - resyncs
        blocks.flush()
        return frames
      },
      reset: () => reader.reset(),
      get pending() {
        return reader.pending
      },
      get discarded() {
        return reader.discarded
      },
    }
  }

  #onBlock(block: PointBlock): void {
    this.#watch.points(block)
    this.component.stream('points', block)
  }

  /** Asks what it is and how it is, and begins to scan; done when a whole turn has come. */
  async #identify(connection: Connection<ReplyFrame>, signal: AbortSignal): Promise<Identity> {
    const { clock } = this.#context
    const ask = async (request: number, reply: number, tries = {}): Promise<Uint8Array> =>
      await connection.request(encodeRequest(request), ({ type, content }) => (type === reply ? content : undefined), tries)
    await connection.send(stopRequest)
    await sleep(clock, quiet_ms, signal)
    const identity = identityOf(await ask(Request.info, Reply.info))
    if (mismatch(identity, this.#options.expect) !== undefined) return identity
    this.#connection = connection
    this.#deviceHealth = healthOf(await ask(Request.health, Reply.health))
    if (this.#deviceHealth.status === 'error') await this.#resetAfterError(connection)
    this.#blocks.sample_us = await ask(Request.sampleRate, Reply.sampleRate, { retries: 0 }).then(standardOf, unlessSilent)
    // DTR set holds the motor of an A1 still; the others listen to the duty, which the A1 does not know.
    await connection.setReady?.(false)
    await connection.send(motorRequest(this.#options.motor))
    this.#watch = new SourceWatch(this.#options)
    await ask(Request.scan, Reply.nodes)
    await this.#spinUp(signal)
    return identity
  }

  /** In its protection stop the device does nothing but take a reset (4.7). @throws DeviceError (PC-LIDAR-FAULT) always */
  async #resetAfterError(connection: Connection<ReplyFrame>): Promise<never> {
    const { name } = this.#context
    await connection.send(encodeRequest(Request.reset))
    throw new DeviceError('PC-LIDAR-FAULT', `${name} reports its fault ${this.#deviceHealth.code} and was reset.`, { component: name })
  }

  /** @throws DeviceError with the code of what keeps it from being used */
  async #spinUp(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context
    const began = clock.now()
    while (!this.#watch.ready) {
      await sleep(clock, tick_ms, signal)
      this.#watch.tick()
      if (this.#watch.trouble === 'silent' || clock.now() - began > this.#options.spin_ms) throw this.#untrusted(this.#watch.trouble ?? 'fault')
    }
  }

  /** @throws DeviceError (PC-LIDAR-SILENT) when nothing comes any more: the link is then opened anew. */
  async #supervise(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#context
    this.#report = new StreamReport({ component: this.component, clock, log, tally: this.#watch.tally, countedByLink: true })
    for (;;) {
      this.#tell(this.#report)
      if (this.#watch.trouble === 'silent') throw this.#untrusted('silent')
      await sleep(clock, tick_ms, signal)
      this.#watch.tick()
      this.#report.tick()
    }
  }

  #tell(report: StreamReport): void {
    const { trouble, warning, ready } = this.#watch
    if (trouble !== undefined) report.trouble(trouble)
    else if (ready && this.#deviceHealth.status === 'warning') this.component.publish('health', { status: 'degraded', code: 'PC-LIDAR-WARNING', says: `${this.component.name} warns that it may soon fail: its number is ${this.#deviceHealth.code}.` })
    else if (ready) report.well(warning)
  }

  #untrusted(trouble: keyof typeof troubleCode): DeviceError {
    const { name } = this.#context
    return new DeviceError(troubleCode[trouble], troubleSays(name, trouble), { component: name })
  }

  async #selfTest(signal: AbortSignal): Promise<SelfTestReport> {
    void this.#session.connection
    const { component, tally, limits, nominal } = { component: this.component, tally: this.#watch.tally, limits: this.#options, nominal: 1_000_000 / this.#blocks.sample_us }
    const { checks } = await selfTest({ component, clock: this.#context.clock, tally, limits, nominal }, signal)
    const { status, code } = this.#deviceHealth
    const all = [{ name: 'device', passed: status !== 'error', value: code, says: status === 'good' ? 'It found nothing wrong with itself when it was connected.' : 'It found something wrong with itself when it was connected.' }, ...checks]
    return { passed: all.every(({ passed }) => passed), checks: all }
  }
}

const standardOf = (content: Uint8Array): number => sampleTimesOf(content).standard_us || usual_us

/** Firmware before 1.17 does not know the question. */
function unlessSilent(error: unknown): number {
  if (error instanceof TimeoutError) return usual_us
  throw error
}

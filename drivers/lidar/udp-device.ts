/**
 * A lidar that sends datagrams, as a part of the device: socket, sender, budget, decoder, watch.
 *
 * Whatever arrives is decoded into the one block and passed on at once; nothing of ours is allocated
 * for a packet. Health says whether it may be believed (`SourceWatch`); points are passed on even
 * while it may not, so that people can look at them. Points of another sensor than `expect` never are.
 */
import type { RemoteInfo } from 'node:dgram'
import type { Cancel } from '../../edge/base/clock.ts'
import { describe, DeviceError, type PortcullisError } from '../../edge/base/error.ts'
import { Type } from '../../edge/base/schema.ts'
import { Backoff, sleep } from '../../edge/base/wait.ts'
import { Lidar, type LidarTrouble } from '../../edge/device/capabilities.ts'
import { Component } from '../../edge/device/component.ts'
import type { Health } from '../../edge/device/contract.ts'
import { type StreamTrouble, troubleCode, troubleSays } from '../../edge/device/lidar-trouble.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { type Device, type DriverContext, type Expected, expectOption, linkLimits, mismatch } from '../kit/driver.ts'
import { Budget } from './budget.ts'
import { type ListenAddress, listenAddress, listenOn, type Listening } from './datagrams.ts'
import type { PacketDecoder } from './decoder.ts'
import { selfTest } from './self-test.ts'
import { SourceWatch, type WatchLimits, watchOptions } from './source-watch.ts'
import { tick_ms } from './tally.ts'

type LidarMembers = typeof Lidar.members

export interface UdpLidarOptions extends WatchLimits {
  listen: string
  via?: string | undefined
  from?: string | undefined
  expect?: Expected | undefined
  reconnect_ms: number
}

/** @param port where such a sensor sends to unless it is told otherwise. */
export const udpLidarOptions = (port: number) => ({
  listen: Type.String({
    pattern: '^udp://.+:[0-9]+$', default: `udp://0.0.0.0:${port}`,
    description: 'Where the sensor sends to: udp://address:port of this machine (0.0.0.0 for all its addresses) or of a multicast group.',
  }),
  via: Type.Optional(Type.String({ description: 'For a multicast group: the address of this machine whose network it is joined on.' })),
  from: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F:.]+$', description: 'The sensor\'s address; what others send is foreign. Without it, the first that sends good packets is the sensor.' })),
  expect: expectOption(),
  ...watchOptions(),
  reconnect_ms: linkLimits.reconnect_ms,
})

const backoffSpread = 30
const second_ms = 1_000
/** A group is joined again after so long a silence: switches forget who listens. */
const rejoin_ms = 5_000
/** What a datagram costs that is not decoded, in beams. */
const strangerCost = 32

export function udpLidar(context: DriverContext, options: UdpLidarOptions, decoder: PacketDecoder): Device<LidarMembers> {
  return new UdpLidar(context, options, decoder)
}

class UdpLidar implements Device<LidarMembers> {
  readonly component: Component<LidarMembers>
  readonly #context: DriverContext
  readonly #options: UdpLidarOptions
  readonly #address: ListenAddress
  readonly #decoder: PacketDecoder
  readonly #block: PointBlock
  #watch: SourceWatch
  readonly #budget: Budget
  #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  /** Who the sensor is: as given, or as learnt. */
  #sender: string | undefined
  /** The same as IPv6 sockets write it (RFC 4291, 2.5.5.2). */
  #mapped: string | undefined
  /** What a datagram of the sensor costs: the beams of the last one. */
  #cost = strangerCost
  /** Whether it is known to be the sensor that is expected: only then its points are passed on. */
  #isExpected: boolean
  #listening: Listening | undefined
  #wasAway = false
  /** Code of the trouble that was reported last. */
  #reported: string | undefined
  #second = { began: 0, turns: 0, beams: 0, returns: 0 }
  #firstTryDone = (): void => undefined

  constructor(context: DriverContext, options: UdpLidarOptions, decoder: PacketDecoder) {
    this.#context = context
    this.#options = options
    this.#decoder = decoder
    this.#address = listenAddress(options.listen)
    this.#block = new PointBlock(decoder.columnsMax, decoder.rings)
    this.#watch = new SourceWatch(options)
    this.#budget = new Budget(decoder.beamsPerSecond, context.clock.now())
    this.#isExpected = options.expect === undefined
    this.component = new Component(context.name, Lidar, context.clock, {
      selfTest: (_, signal) => selfTest({
        component: this.component, clock: context.clock, tally: this.#watch.tally, limits: options,
        nominal: decoder.beamsPerSecond, receiveBuffer: this.#listening?.receiveBuffer,
      }, signal),
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#abort = new AbortController()
    this.#watch = new SourceWatch(this.#options)
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal })
    await new Promise<void>((resolve) => {
      this.#firstTryDone = resolve
      this.#running = this.#run(this.#abort.signal)
    })
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    this.component.publish('health', { status: 'stopped' })
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context
    const { reconnect_ms } = this.#options
    const backoff = new Backoff(reconnect_ms, reconnect_ms * backoffSpread)
    while (!signal.aborted) {
      if (this.component.health.status === 'stopped') this.component.publish('health', { status: 'starting' })
      try {
        const listening = await listenOn(this.#address, this.#options.via)
        backoff.reset()
        await this.#listen(listening, signal)
      } catch (error) {
        this.#report(error)
      }
      this.#firstTryDone()
      if (!signal.aborted) await sleep(clock, backoff.next_ms(), signal).catch(() => undefined)
    }
    this.#firstTryDone()
  }

  /** One life of the socket. @throws DeviceError when it fails or must be made anew. */
  async #listen(listening: Listening, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#context
    const ended = Promise.withResolvers<void>()
    const onStop = (): void => ended.resolve()
    signal.addEventListener('abort', onStop, { once: true })
    this.#listening = listening
    this.#beginAnew()
    this.#second = { ...this.#totals(), began: clock.now() }
    log.info({ component: this.component.name, where: this.#options.listen, receiveBuffer: listening.receiveBuffer }, 'listening')
    let cancel: Cancel = () => undefined
    let silentFor_ms = 0
    const tick = (): void => {
      cancel = clock.after(tick_ms, tick)
      this.#tick()
      silentFor_ms = this.#watch.away ? silentFor_ms + tick_ms : 0
      if (this.#address.isGroup && silentFor_ms >= rejoin_ms) ended.resolve()
    }
    cancel = clock.after(tick_ms, tick)
    const lost = (cause: unknown): void => ended.reject(new DeviceError('PC-LINK-LOST', `The socket of ${this.component.name} failed.`, { component: this.component.name, cause }))
    listening.socket.on('error', lost)
    listening.socket.on('message', this.#onDatagram)
    try {
      if (!signal.aborted) await ended.promise
    } finally {
      cancel()
      signal.removeEventListener('abort', onStop)
      this.#listening = undefined
      await listening.close()
      this.#publishFigures(0, 0, 0)
    }
  }

  readonly #onDatagram = (bytes: Uint8Array, { address }: RemoteInfo): void => {
    const watch = this.#watch
    const now = this.#context.clock.now()
    const isStranger = this.#sender !== undefined && address !== this.#sender && address !== this.#mapped
    if (!this.#budget.take(isStranger ? strangerCost : this.#cost, now)) {
      watch.dropped()
      return
    }
    if (isStranger) {
      watch.other('foreign')
      return
    }
    const block = this.#block
    const verdict = this.#decoder.decode(bytes, block)
    if (verdict !== 'points') {
      watch.other(verdict)
      return
    }
    block.received = now
    if (this.#sender === undefined) this.#hearOnly(address)
    this.#cost = Math.max(strangerCost, block.beams)
    watch.points(block)
    if (this.#isExpected) this.component.stream('points', block)
  }

  #hearOnly(sender: string | undefined): void {
    this.#sender = sender
    this.#mapped = sender === undefined ? undefined : `::ffff:${sender}`
  }

  /** What was there before says nothing of what comes now: it may be another sensor. */
  #beginAnew(): void {
    this.#decoder.reset()
    this.#watch.reset()
    this.#hearOnly(this.#options.from)
    this.#isExpected = this.#options.expect === undefined
  }

  #tick(): void {
    const watch = this.#watch
    watch.tick()
    if (watch.away && !this.#wasAway) this.#beginAnew()
    this.#wasAway = watch.away
    if (this.#context.clock.now() - this.#second.began >= second_ms) this.#endSecond()
    if (watch.trouble !== undefined) this.#fail(watch.trouble)
    else if (watch.ready) this.#accept(watch.warning)
  }

  /** All is well with the stream; is it the right sensor? */
  #accept(warning: StreamTrouble | undefined): void {
    const { component } = this
    const { identity } = this.#decoder
    const wrong = mismatch(identity, this.#options.expect)
    this.#isExpected = wrong === undefined
    if (wrong !== undefined) {
      this.#publishTrouble('wrong-sensor', 'PC-LINK-WRONG-DEVICE', `Another device is connected as ${component.name}: ${wrong}.`)
      return
    }
    component.publish('identity', { ...identity })
    if (!component.usable) this.#context.log.info({ component: component.name, where: this.#options.listen, model: identity.model }, 'connected')
    this.#reported = undefined
    if (warning === undefined) this.#publishHealth({ status: 'ready' })
    else this.#publishHealth({ status: 'degraded', code: troubleCode[warning], says: troubleSays(component.name, warning) })
  }

  #fail(trouble: StreamTrouble): void {
    this.#publishTrouble(trouble, troubleCode[trouble], troubleSays(this.component.name, trouble))
  }

  #publishTrouble(reason: LidarTrouble, code: string, says: string): void {
    this.#publishHealth({ status: 'failed', code, says })
    if (this.#reported === code) return
    this.#reported = code
    this.#context.log.warn({ component: this.component.name, code, reason }, 'not to be believed')
    this.component.raise('trouble', { reason })
  }

  #publishHealth(health: Health): void {
    const { status, code } = this.component.health
    if (status !== health.status || code !== health.code) this.component.publish('health', health)
    this.#firstTryDone()
  }

  /** The socket could not be had, or failed. */
  #report(error: unknown): void {
    const { code, message } = describe(error)
    if (this.#reported !== code) this.#context.log.warn({ component: this.component.name, error: error as PortcullisError }, 'not usable')
    this.#reported = code
    this.#publishHealth({ status: 'failed', code, says: message })
  }

  #totals(): { turns: number; beams: number; returns: number } {
    const { tally } = this.#watch
    return { turns: tally.get('turns'), beams: tally.get('beams'), returns: tally.get('returns') }
  }

  #endSecond(): void {
    const { began, ...before } = this.#second
    const after = this.#totals()
    const now = this.#context.clock.now()
    const elapsed_s = (now - began) / second_ms
    const beams = after.beams - before.beams
    this.#publishFigures((after.turns - before.turns) / elapsed_s, beams / elapsed_s, beams === 0 ? 0 : (after.returns - before.returns) / beams)
    this.#second = { ...after, began: now }
  }

  #publishFigures(turns: number, rate: number, returns: number): void {
    const { component } = this
    component.publish('turns', Math.round(turns * 10) / 10)
    component.publish('rate', Math.round(rate))
    component.publish('returns', Math.round(returns * 1_000) / 1_000)
    component.publish('counters', this.#watch.tally.snapshot())
  }
}

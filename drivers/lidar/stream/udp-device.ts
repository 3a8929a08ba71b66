/**
 * A lidar that sends datagrams, as a part of the device: socket, sender, budget, decoder, watch.
 *
 * Whatever arrives is decoded into the one block and passed on at once; nothing of ours is allocated
 * for a packet. Health says whether it may be believed (`SourceWatch`); points are passed on even
 * while it may not, so that people can look at them. Points of another sensor than `expect` never are.
 */
import type { RemoteInfo } from 'node:dgram'
import type { Cancel } from '../../../edge/base/clock.ts'
import { DeviceError } from '../../../edge/base/error.ts'
import { Type } from '../../../edge/base/schema.ts'
import { Backoff, sleep } from '../../../edge/base/wait.ts'
import { Lidar } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import { PointBlock } from '../../../edge/device/points.ts'
import { type Device, type DriverContext, type Expected, expectOption, linkLimits, mismatch } from '../../kit/driver.ts'
import { Budget } from './budget.ts'
import { type ListenAddress, listenAddress, listenOn, type Listening } from './datagrams.ts'
import type { PacketDecoder } from '../decoder.ts'
import { selfTest } from './self-test.ts'
import { SourceWatch, type WatchLimits, watchOptions } from './source-watch.ts'
import { StreamReport } from './stream-report.ts'
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
/** A group is joined again after so long a silence: switches forget who listens. */
const rejoin_ms = 5_000
/** So many datagrams a second from elsewhere are foreign; far more are a storm. */
const strangersPerSecond = 2_000
/** What a datagram costs before any has told how many beams it has. */
const leastCost = 32

export function udpLidar(context: DriverContext, options: UdpLidarOptions, decoder: PacketDecoder): Device<LidarMembers> {
  return new UdpLidar(context, options, decoder)
}

interface Stream {
  watch: SourceWatch
  report: StreamReport
  /** For what the sensor sends, in beams. */
  budget: Budget
  /** For what others send, in datagrams: of their own, so that they cannot use up the sensor's. */
  strangers: Budget
}

class UdpLidar implements Device<LidarMembers> {
  readonly component: Component<LidarMembers>
  readonly #context: DriverContext
  readonly #options: UdpLidarOptions
  readonly #address: ListenAddress
  readonly #decoder: PacketDecoder
  readonly #block: PointBlock
  /** Of this start: what came before it does not count. */
  #stream: Stream
  #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  /** Who the sensor is: as given, or as learnt. */
  #sender: string | undefined
  /** The same as IPv6 sockets write it (RFC 4291, 2.5.5.2). */
  #mapped: string | undefined
  /** What a datagram of the sensor costs: the beams of the last one. */
  #cost = leastCost
  /** Whether it is known to be the sensor that is expected: only then its points are passed on. */
  #isExpected: boolean
  #listening: Listening | undefined
  #wasAway = false
  #firstTryDone = (): void => undefined

  constructor(context: DriverContext, options: UdpLidarOptions, decoder: PacketDecoder) {
    this.#context = context
    this.#options = options
    this.#decoder = decoder
    this.#address = listenAddress(options.listen)
    this.#block = new PointBlock(decoder.columnsMax, decoder.rings)
    this.#isExpected = options.expect === undefined
    this.component = new Component(context.name, Lidar, context.clock, {
      selfTest: (_, signal) => selfTest({
        component: this.component, clock: context.clock, tally: this.#stream.watch.tally, limits: options,
        nominal: decoder.beamsPerSecond, receiveBuffer: this.#listening?.receiveBuffer,
      }, signal),
    })
    this.#stream = this.#newStream()
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#abort = new AbortController()
    this.#stream = this.#newStream()
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

  #newStream(): Stream {
    const { clock, log } = this.#context
    const watch = new SourceWatch(this.#options)
    return {
      watch,
      report: new StreamReport({ component: this.component, clock, log, tally: watch.tally }),
      budget: new Budget(this.#decoder.beamsPerSecond, clock.now()),
      strangers: new Budget(strangersPerSecond, clock.now()),
    }
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
        this.#stream.report.unusable(error)
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
    ended.promise.catch(() => undefined)
    const onStop = (): void => ended.resolve()
    signal.addEventListener('abort', onStop, { once: true })
    this.#listening = listening
    this.#beginAnew()
    log.info({ component: this.component.name, where: this.#options.listen, receiveBuffer: listening.receiveBuffer }, 'listening')
    let cancel: Cancel = () => undefined
    let silentFor_ms = 0
    const tick = (): void => {
      cancel = clock.after(tick_ms, tick)
      this.#tick()
      silentFor_ms = this.#stream.watch.away ? silentFor_ms + tick_ms : 0
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
      this.#stream.report.end()
    }
  }

  readonly #onDatagram = (bytes: Uint8Array, { address }: RemoteInfo): void => {
    const { watch, budget, strangers } = this.#stream
    const now = this.#context.clock.now()
    if (this.#sender !== undefined && address !== this.#sender && address !== this.#mapped) {
      if (strangers.take(1, now)) watch.other('foreign')
      else watch.dropped()
      return
    }
    if (!budget.take(this.#cost, now)) {
      watch.dropped()
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
    this.#cost = Math.max(leastCost, block.beams)
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
    this.#stream.watch.reset()
    this.#hearOnly(this.#options.from)
    this.#isExpected = this.#options.expect === undefined
  }

  #tick(): void {
    const { watch, report } = this.#stream
    watch.tick()
    if (watch.away && !this.#wasAway) this.#beginAnew()
    this.#wasAway = watch.away
    report.tick()
    if (watch.trouble !== undefined) report.trouble(watch.trouble)
    else if (watch.ready) this.#accept()
    else return
    this.#firstTryDone()
  }

  /** All is well with the stream; is it the right sensor? */
  #accept(): void {
    const { component } = this
    const { identity } = this.#decoder
    const wrong = mismatch(identity, this.#options.expect)
    this.#isExpected = wrong === undefined
    if (wrong !== undefined) {
      this.#stream.report.troubleAs('wrong-sensor', 'PC-LINK-WRONG-DEVICE', `Another device is connected as ${component.name}: ${wrong}.`)
      return
    }
    component.publish('identity', { ...identity })
    if (!component.usable) this.#context.log.info({ component: component.name, where: this.#options.listen, model: identity.model }, 'connected')
    this.#stream.report.well(this.#stream.watch.warning, this.#decoder.heat)
  }
}

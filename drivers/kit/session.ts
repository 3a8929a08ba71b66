/**
 * Keeps a device on a byte stream in use: open, identify, serve, and after a loss begin again.
 *
 * A driver says how frames look, how the device identifies itself and what to do while it is
 * there; the session does the rest the same way for all: health, counters, time limits, back-off.
 */
import { Counters } from '../../edge/base/counters.ts'
import { DeviceError } from '../../edge/base/error.ts'
import type { Clock } from '../../edge/base/clock.ts'
import { Listeners } from '../../edge/base/listeners.ts'
import type { Logger } from '../../edge/base/log.ts'
import { within } from '../../edge/base/wait.ts'
import type { Component, WireBytes } from '../../edge/device/component.ts'
import type { Identity } from '../../edge/device/contract.ts'
import { type Expected, mismatch } from './driver.ts'
import { type Accept, Exchange, type ExchangeLimits, type LinkCounter, type RequestOptions } from './exchange.ts'
import type { Framer } from './framing.ts'
import { Lives } from './lives.ts'
import type { Link, Transport } from './transport.ts'

/** What a driver does with the device while it is connected. */
export interface Connection<Frame> {
  request<Reply>(bytes: Uint8Array, accept: Accept<Frame, Reply>, options?: RequestOptions): Promise<Reply>
  /** For what gets no reply. */
  send(bytes: Uint8Array): Promise<void>
  /** Sets the modem line DTR, where the link has one. */
  setReady?(on: boolean): Promise<void>
}

export interface SessionOptions<Frame> {
  component: Component
  transport: Transport
  framer: Framer<Frame>
  clock: Clock
  log: Logger
  limits: ExchangeLimits & { reconnect_ms: number }
  expect?: Expected | undefined
  /** How long a frame may stop in its middle before it is given up. */
  gap_ms?: number
  /** It sends frames unasked all the time: a request must not tear the one that is just arriving. */
  streams?: boolean
  /** Asks the device what it is; throwing means that it is not there. */
  identify(connection: Connection<Frame>, signal: AbortSignal): Promise<Identity>
  /** Runs while the device is connected (polling); returning early is fine, throwing reconnects. */
  serve?(connection: Connection<Frame>, signal: AbortSignal): Promise<void>
  /** A frame that no request asked for. */
  onFrame?(frame: Frame): void
  /** The device is gone: what it said last is no longer known. */
  onLost?(): void
  /** What the driver itself counts, to be shown with the link's counters. */
  counted?(): Record<string, number>
}

const openLimit_ms = 5_000
const identifyLimit_ms = 10_000
/** For the loop to hand out what has arrived, once it turns again. */
const grace_ms = 5

export class Session<Frame> {
  readonly counters = new Counters<LinkCounter>(['framesIn', 'framesOut', 'timeouts', 'retries', 'unmatched', 'discardedBytes', 'connects', 'losses'])
  readonly #options: SessionOptions<Frame>
  /** Who traces the bytes; while nobody does, that costs one look for each piece of them. */
  readonly #wire = new Listeners<WireBytes>()
  readonly #lives: Lives
  #connection: Connection<Frame> | undefined

  constructor(options: SessionOptions<Frame>) {
    this.#options = options
    options.component.wire = this.#wire
    const { component, clock, log, limits } = options
    this.#lives = new Lives({ component, clock, log, limits, live: (signal, onReady) => this.#connect(signal, onReady) })
  }

  /** The connection. @throws DeviceError (PC-LINK-DOWN) while the device is not there. */
  get connection(): Connection<Frame> {
    if (this.#connection === undefined) {
      const component = this.#options.component.name
      throw new DeviceError('PC-LINK-DOWN', `${component} is not connected.`, { component })
    }
    return this.#connection
  }

  /** Resolves when the device is ready, or when the first try has failed; tries go on. */
  start(signal: AbortSignal): Promise<void> {
    return this.#lives.start(signal)
  }

  stop(): Promise<void> {
    return this.#lives.stop()
  }

  /** One life of the link, from opening to loss. Always ends by throwing, unless `signal` aborts. */
  async #connect(signal: AbortSignal, onReady: () => void): Promise<void> {
    const { component, transport, framer, clock, log, expect, identify, serve } = this.#options
    const life = new AbortController()
    const ended = new Promise<never>((_, reject) => {
      life.signal.addEventListener('abort', () => reject(new DeviceError('PC-LINK-LOST', `The link to ${component.name} was lost.`, { component: component.name })), { once: true })
    })
    ended.catch(() => undefined)
    const onStop = (): void => life.abort()
    signal.addEventListener('abort', onStop, { once: true })
    let link: Link | undefined
    let exchange: Exchange<Frame> | undefined
    const frames = this.#frameReader((frame) => exchange?.receive(frame) ?? false)
    const stopCounting = this.#publishCountersRegularly()
    try {
      link = await Promise.race([ended, this.#open(transport, frames.onBytes, life)])
      exchange = this.#exchange(link)
      const connection: Connection<Frame> = { request: (...call) => exchange!.request(...call), send: (bytes) => link!.write(bytes), setReady: async (on) => link!.setReady?.(on) }
      const identity = await Promise.race([ended, within(
        { clock, limit_ms: identifyLimit_ms, signal: life.signal, component: component.name, code: 'PC-LINK-IDENTIFY', message: `${component.name} did not say what it is in time.` },
        (inner) => identify(connection, inner),
      )])
      const wrong = mismatch(identity, expect)
      if (wrong !== undefined) throw new DeviceError('PC-LINK-WRONG-DEVICE', `Another device is connected as ${component.name}: ${wrong}.`, { component: component.name })
      component.publish('identity', identity)
      this.#connection = connection
      this.counters.add('connects')
      component.publish('health', { status: 'ready' })
      log.info({ component: component.name, where: transport.where, model: identity.model }, 'connected')
      onReady()
      await Promise.race([ended, serve === undefined ? ended : serve(connection, life.signal).then(() => ended)])
    } finally {
      const wasReady = this.#connection !== undefined
      this.#connection = undefined
      signal.removeEventListener('abort', onStop)
      frames.stop()
      stopCounting()
      framer.reset()
      exchange?.close()
      life.abort()
      link?.close()
      if (wasReady) {
        this.counters.add('losses')
        this.#options.onLost?.()
      }
      this.#publishCounters()
    }
  }

  #publishCounters(): void {
    const { component, framer, counted } = this.#options
    this.counters.add('discardedBytes', framer.discarded - this.counters.get('discardedBytes'))
    component.publish('counters', { ...counted?.(), ...this.counters.snapshot() })
  }

  /** Makes the counters known once a second, not with every byte. */
  #publishCountersRegularly(): () => void {
    let cancel = (): void => undefined
    const tick = (): void => {
      this.#publishCounters()
      cancel = this.#options.clock.after(1_000, tick)
    }
    tick()
    return () => cancel()
  }

  #open(transport: Transport, onBytes: (bytes: Uint8Array) => void, life: AbortController): Promise<Link> {
    const { component, clock } = this.#options
    return within(
      { clock, limit_ms: openLimit_ms, signal: life.signal, component: component.name, code: 'PC-LINK-OPEN', message: `${transport.where} could not be opened in time.` },
      async (signal) => {
        const link = await transport.open({ onBytes, onClosed: () => life.abort() }, signal)
        if (life.signal.aborted) link.close()
        return { ...link, write: (bytes) => this.#write(link, bytes) }
      },
    )
  }

  #write(link: Link, bytes: Uint8Array): Promise<void> {
    if (this.#wire.size > 0) this.#wire.emit({ direction: 'out', bytes })
    return link.write(bytes)
  }

  #exchange(link: Link): Exchange<Frame> {
    const { component, clock, limits, framer, streams } = this.#options
    return new Exchange<Frame>({
      component: component.name, clock, limits, counters: this.counters,
      send: (bytes) => link.write(bytes),
      beforeTry: () => {
        if (streams !== true) framer.reset()
      },
    })
  }

  /** Bytes in, frames to the request under way or to the driver; an unfinished frame is given up after a gap. */
  #frameReader(offer: (frame: Frame) => boolean): { onBytes(bytes: Uint8Array): void; stop(): void } {
    const { framer, clock, gap_ms, onFrame } = this.#options
    let cancelGap = (): void => undefined
    let stopped = false
    // Timers that are due run before bytes that wait: after a pause of our own the rest may have come long ago.
    const giveUp = (): void => {
      cancelGap = clock.after(grace_ms, () => framer.reset())
    }
    return {
      onBytes: (bytes) => {
        // What a port still hands out while it closes belongs to no life of the link.
        if (stopped) return
        if (this.#wire.size > 0) this.#wire.emit({ direction: 'in', bytes })
        cancelGap()
        for (const frame of framer.push(bytes)) {
          this.counters.add('framesIn')
          if (offer(frame)) continue
          if (onFrame === undefined) this.counters.add('unmatched')
          else onFrame(frame)
        }
        if (gap_ms !== undefined && framer.pending > 0) cancelGap = clock.after(gap_ms, giveUp)
      },
      stop: () => {
        stopped = true
        cancelGap()
      },
    }
  }
}

/**
 * Keeps a camera in use, whatever its pictures come through: open, first pictures, watch, and after
 * a loss begin again with growing pauses. Health and counters follow the same rules as the kit's
 * Session, which is for devices that are asked; a camera only ever sends.
 *
 * A camera is ready once two pictures in a row have differed: a frozen one that is opened anew does
 * not come back as ready only to be found frozen again.
 */
import type { Instant } from '../../edge/base/clock.ts'
import { Counters } from '../../edge/base/counters.ts'
import { describe, DeviceError, type PortcullisError } from '../../edge/base/error.ts'
import { Backoff, sleep } from '../../edge/base/wait.ts'
import { Camera } from '../../edge/device/capabilities.ts'
import { Component } from '../../edge/device/component.ts'
import type { Device, DriverContext } from '../kit/driver.ts'
import { steady_ms } from '../kit/lives.ts'
import { selfTest } from './self-test.ts'
import { type CameraCounter, cameraCounters, type CameraLimits, type PictureSource } from './source.ts'
import { stuckCode, Viewing } from './viewing.ts'

type CameraMembers = typeof Camera.members

const backoffSpread = 30

/** A camera as a part of the device. */
export function cameraDevice(context: DriverContext, limits: CameraLimits, source: PictureSource): Device<CameraMembers> {
  return new Supervision(context, limits, source)
}

class Supervision implements Device<CameraMembers> {
  readonly component: Component<CameraMembers>
  readonly #context: DriverContext
  readonly #limits: CameraLimits
  readonly #source: PictureSource
  readonly #counters = new Counters<CameraCounter>(cameraCounters)
  #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(context: DriverContext, limits: CameraLimits, source: PictureSource) {
    this.#context = context
    this.#limits = limits
    this.#source = source
    this.component = new Component(context.name, Camera, context.clock, {
      selfTest: (_, signal) => selfTest(this.component, context.clock, limits, signal),
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#abort = new AbortController()
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal })
    await new Promise<void>((resolve) => {
      this.#running = this.#run(this.#abort.signal, resolve)
    })
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    this.component.publish('health', { status: 'stopped' })
  }

  async #run(signal: AbortSignal, firstTryDone: () => void): Promise<void> {
    const { component } = this
    const { clock } = this.#context
    const backoff = new Backoff(this.#limits.reconnect_ms, this.#limits.reconnect_ms * backoffSpread)
    while (!signal.aborted) {
      if (component.health.status === 'stopped') component.publish('health', { status: 'starting' })
      let readyAt: Instant | undefined
      const error = await this.#view(signal, () => {
        readyAt = clock.now()
        firstTryDone()
      })
      if (!signal.aborted) this.#report(error)
      firstTryDone()
      if (readyAt !== undefined && clock.now() - readyAt >= steady_ms) backoff.reset()
      await sleep(clock, backoff.next_ms(), signal).catch(() => undefined)
    }
  }

  /** One life of the source, from opening to loss. Resolves with why it ended. */
  async #view(signal: AbortSignal, onReady: () => void): Promise<unknown> {
    const { component } = this
    const { clock, log } = this.#context
    const life = new AbortController()
    signal.addEventListener('abort', () => life.abort(), { once: true, signal: life.signal })
    const failed = Promise.withResolvers<unknown>()
    const viewing = new Viewing({
      component, clock, counters: this.#counters, limits: this.#limits, kind: this.#source.kind,
      onReady: (identity) => {
        component.publish('identity', identity)
        component.publish('health', { status: 'ready' })
        log.info({ component: component.name, where: this.#source.where, model: identity.model }, 'connected')
        onReady()
      },
      onFailed: failed.resolve,
    })
    const ended = this.#source.deliver(viewing, life.signal).then(
      () => new DeviceError('PC-LINK-LOST', `The link to ${component.name} was lost.`, { component: component.name }),
      (error: unknown) => error,
    )
    const why = await Promise.race([failed.promise, ended])
    viewing.end()
    life.abort()
    await ended
    return why
  }

  #report(error: unknown): void {
    const { component } = this
    const { code, message } = describe(error)
    const isNews = component.health.code !== code
    component.publish('health', { status: 'failed', code, says: message })
    if (!isNews) return
    this.#context.log.warn({ component: component.name, error: error as PortcullisError }, 'not usable')
    if (code === stuckCode.silent) component.raise('stuck', { reason: 'silent' })
    if (code === stuckCode.frozen) component.raise('stuck', { reason: 'frozen' })
  }
}

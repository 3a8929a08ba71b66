/** A camera in front of which QR codes can be held (see `codePicture`). */
import { type Cancel, type Clock, systemClock } from '../../../edge/base/clock.ts'
import { Camera, type Frame } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import { noFaults, type Twin } from '../../kit/twin.ts'

/** A camera part that shows the same picture again and again until another one is held up. */
export class SceneTwin implements Twin {
  readonly faults = noFaults()
  readonly camera: Component<typeof Camera['members']>
  readonly #clock: Clock
  readonly #every_ms: number
  #jpeg: Uint8Array | undefined
  #sequence = 0
  #cancel: Cancel = () => undefined

  constructor({ clock = systemClock, every_ms = 40 } = {}) {
    this.#clock = clock
    this.#every_ms = every_ms
    this.camera = new Component('camera', Camera, clock, { selfTest: async () => ({ passed: true, checks: [] }) })
  }

  /** What the camera sees from now on; `undefined` is nothing at all. */
  look(jpeg: Uint8Array | undefined): void {
    this.#jpeg = jpeg
  }

  async start(): Promise<{ camera: string }> {
    await this.plug()
    return { camera: this.camera.name }
  }

  async stop(): Promise<void> {
    this.#cancel()
    this.camera.publish('health', { status: 'stopped' })
  }

  async unplug(): Promise<void> {
    this.#cancel()
    this.camera.publish('health', { status: 'failed', code: 'PC-TWIN-UNPLUGGED', says: 'The camera is unplugged.' })
  }

  async plug(): Promise<void> {
    this.camera.publish('health', { status: 'ready' })
    this.#take()
  }

  #take(): void {
    this.#cancel = this.#clock.after(this.#every_ms, () => this.#take())
    const brokenNow = this.faults.garbage !== undefined && this.#sequence % 2 === 0
    const picture = brokenNow ? this.faults.garbage : this.#jpeg
    if (picture !== undefined && !this.faults.mute) this.#show(picture)
  }

  #show(jpeg: Uint8Array): void {
    const frame: Frame = { sequence: this.#sequence++, taken: this.#clock.now(), jpeg }
    this.camera.stream('frames', frame)
  }
}

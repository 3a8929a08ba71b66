/** One life of a camera's link: bytes become pictures, pictures are watched, counted and passed on. */
import type { Cancel, Clock, Instant } from '../../edge/base/clock.ts'
import type { Counters } from '../../edge/base/counters.ts'
import { DeviceError } from '../../edge/base/error.ts'
import type { Camera, Frame } from '../../edge/device/capabilities.ts'
import type { Component } from '../../edge/device/component.ts'
import type { Identity } from '../../edge/device/contract.ts'
import { mismatch } from '../kit/driver.ts'
import { type PictureStart, PictureStream, pictureSize } from './jpeg.ts'
import { Newest } from './newest.ts'
import type { CameraCounter, CameraLimits, SourceListener } from './source.ts'
import { type Stuck, tick_ms, Watch } from './watch.ts'

export const stuckCode = { silent: 'PC-CAMERA-SILENT', frozen: 'PC-CAMERA-FROZEN' } as const satisfies Record<Stuck, string>
const stuckSays = { silent: 'sends no pictures', frozen: 'sends the same picture again and again' } as const

const second_ms = 1_000

export interface ViewingOptions {
  component: Component<typeof Camera.members>
  clock: Clock
  counters: Counters<CameraCounter>
  limits: CameraLimits
  kind: string
  /** The camera is the right one and its picture moves. */
  onReady(identity: Identity): void
  /** The camera must not be believed any longer. */
  onFailed(error: DeviceError): void
}

export class Viewing implements SourceListener {
  readonly #options: ViewingOptions
  readonly #watch: Watch
  readonly #newest: Newest<Frame>
  #stream: PictureStream | undefined
  #manufacturer = 'unknown'
  #ready = false
  #cancelTick: Cancel = () => undefined
  #second: { began: Instant; frames: number }

  constructor(options: ViewingOptions) {
    const { component, clock, counters, limits } = options
    this.#options = options
    this.#watch = new Watch(limits)
    this.#newest = new Newest(clock, limits.rate_max, (frame) => component.stream('frames', frame), () => counters.add('dropped'))
    this.#second = { began: clock.now(), frames: 0 }
  }

  onOpened(manufacturer: string, start: PictureStart): void {
    const { limits, counters } = this.#options
    this.#manufacturer = manufacturer
    this.#stream = new PictureStream(start, limits.frame_bytes_max, counters)
    this.#tickLater()
  }

  onBytes(bytes: Uint8Array): void {
    for (const picture of this.#stream?.push(bytes) ?? []) this.#onPicture(picture)
  }

  /** The link is gone; nothing is passed on any longer. */
  end(): void {
    this.#cancelTick()
    this.#newest.stop()
    this.#stream = undefined
    if (this.#ready) this.#options.counters.add('losses')
    this.#ready = false
    this.#options.component.publish('rate', 0)
    this.#publishCounters()
  }

  #onPicture(jpeg: Uint8Array): void {
    const { clock, counters } = this.#options
    counters.add('framesIn')
    this.#second.frames++
    this.#watch.picture(jpeg)
    if (!this.#ready && this.#watch.moving) this.#identify(jpeg)
    if (this.#ready) this.#newest.offer({ sequence: counters.get('framesIn'), taken: clock.now(), jpeg })
  }

  #identify(jpeg: Uint8Array): void {
    const { component, counters, limits, kind, onReady, onFailed } = this.#options
    const size = pictureSize(jpeg)
    const identity = { manufacturer: this.#manufacturer, model: size === undefined ? kind : `${kind} ${size.width}x${size.height}` }
    const wrong = mismatch(identity, limits.expect)
    if (wrong !== undefined) {
      onFailed(new DeviceError('PC-LINK-WRONG-DEVICE', `Another device is connected as ${component.name}: ${wrong}.`, { component: component.name }))
      return
    }
    this.#ready = true
    counters.add('connects')
    onReady(identity)
  }

  #tickLater(): void {
    this.#cancelTick = this.#options.clock.after(tick_ms, () => {
      this.#tickLater()
      this.#tick()
    })
  }

  #tick(): void {
    const { component, clock, counters, onFailed } = this.#options
    const elapsed_ms = clock.now() - this.#second.began
    if (elapsed_ms >= second_ms) {
      component.publish('rate', Math.round((this.#second.frames * second_ms * 10) / elapsed_ms) / 10)
      this.#second = { began: clock.now(), frames: 0 }
      this.#publishCounters()
    }
    const stuck = this.#watch.tick()
    if (stuck === undefined) return
    counters.add('stuck')
    onFailed(new DeviceError(stuckCode[stuck], `${component.name} ${stuckSays[stuck]}.`, { component: component.name }))
  }

  #publishCounters(): void {
    this.#options.component.publish('counters', this.#options.counters.snapshot())
  }
}

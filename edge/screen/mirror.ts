/**
 * The live mirror: the camera's pictures as they are, as `multipart/x-mixed-replace` (RFC 2046, 5.1).
 *
 * Privacy is in the shape: a mirror is opened for one passage and listens to the camera only while
 * someone watches; pictures taken before it opened are not shown; when it closes every stream ends.
 */
import type { ServerResponse } from 'node:http'
import type { Cancel, Clock, Instant } from '../base/clock.ts'
import type { Component, ComponentOf } from '../device/component.ts'
import type { Camera, Frame } from '../device/capabilities.ts'
import type { Counters } from '../base/counters.ts'
import { protectiveHeaders } from './protection.ts'

export interface MirrorLimits {
  /** How many streams may run at once. */
  mirrorsMax: number
  /** The shortest time between two pictures of a stream. */
  frameGap_ms: number
  /** A larger picture is left out. */
  frame_B_max: number
  /** A stream that takes no picture for so long is dropped. */
  stalled_ms: number
}

export type MirrorCount =
  | 'mirrors' | 'mirrorsRefused' | 'mirrorsStalled' | 'framesShown' | 'framesSkipped' | 'framesTooLarge' | 'framesTooOld'

const boundary = 'next-picture'

interface Watcher {
  response: ServerResponse
  shown: Instant
}

export class Mirror {
  readonly #camera: ComponentOf<typeof Camera>
  readonly #clock: Clock
  readonly #limits: MirrorLimits
  readonly #counters: Counters<MirrorCount>
  readonly #watchers = new Set<Watcher>()
  #opened: { passage: number; at: Instant } | undefined
  #stopListening: Cancel | undefined

  constructor(camera: Component, clock: Clock, limits: MirrorLimits, counters: Counters<MirrorCount>) {
    this.#camera = camera as unknown as ComponentOf<typeof Camera>
    this.#clock = clock
    this.#limits = limits
    this.#counters = counters
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  /** Opens the mirror for the traveller of this passage, and for nobody before or after. */
  open(passage: number): void {
    if (this.#opened?.passage === passage) return
    this.close()
    this.#opened = { passage, at: this.#clock.now() }
  }

  close(): void {
    this.#opened = undefined
    for (const { response } of this.#watchers) {
      if (response.writableLength > 0) response.destroy()
      else response.end()
    }
    this.#watchers.clear()
    this.#listenWhileWatched()
  }

  /** Streams to this response until the mirror closes; `false` when there are too many streams. */
  watch(response: ServerResponse): boolean {
    if (this.#watchers.size >= this.#limits.mirrorsMax) {
      this.#counters.add('mirrorsRefused')
      return false
    }
    this.#counters.add('mirrors')
    const watcher: Watcher = { response, shown: -Infinity }
    this.#watchers.add(watcher)
    response.on('close', () => this.#forget(watcher))
    response.on('error', () => this.#forget(watcher))
    response.writeHead(200, { ...protectiveHeaders, 'content-type': `multipart/x-mixed-replace; boundary=${boundary}` })
    response.write(`--${boundary}\r\n`)
    this.#listenWhileWatched()
    return true
  }

  #forget(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    this.#listenWhileWatched()
  }

  #listenWhileWatched(): void {
    if (this.#watchers.size === 0) {
      this.#stopListening?.()
      this.#stopListening = undefined
    } else {
      this.#stopListening ??= this.#camera.onStream('frames', (frame) => this.#pass(frame))
    }
  }

  #pass(frame: Frame): void {
    if (this.#opened === undefined) return
    if (frame.taken < this.#opened.at) return this.#counters.add('framesTooOld')
    if (frame.jpeg.length > this.#limits.frame_B_max) return this.#counters.add('framesTooLarge')
    for (const watcher of this.#watchers) this.#showTo(watcher, frame.jpeg)
  }

  #showTo(watcher: Watcher, jpeg: Uint8Array): void {
    const since_ms = this.#clock.now() - watcher.shown
    if (watcher.response.writableNeedDrain) {
      this.#counters.add('framesSkipped')
      if (since_ms > this.#limits.stalled_ms) this.#dropStalled(watcher)
      return
    }
    if (since_ms < this.#limits.frameGap_ms) return this.#counters.add('framesSkipped')
    watcher.shown = this.#clock.now()
    this.#counters.add('framesShown')
    watcher.response.cork()
    watcher.response.write(`content-type: image/jpeg\r\ncontent-length: ${jpeg.length}\r\n\r\n`)
    watcher.response.write(jpeg)
    // The boundary that begins the next picture goes out at once: browsers show a picture when they see it.
    watcher.response.write(`\r\n--${boundary}\r\n`)
    watcher.response.uncork()
  }

  #dropStalled(watcher: Watcher): void {
    this.#counters.add('mirrorsStalled')
    this.#forget(watcher)
    watcher.response.destroy()
  }
}

/** Tells pages what the lidars see, over a WebSocket: the setup, then the state and the clouds that are new. */
import type { WebSocket } from '@fastify/websocket'
import type { Cancel, Clock } from '../../base/clock.ts'
import type { Counters } from '../../base/counters.ts'
import { every } from '../../base/wait.ts'
import type { CloudRing } from '../../perception/obstacles/cloud.ts'
import { Farewells } from '../farewells.ts'
import { encodeCloud, type ViewSetup, type ViewState } from './wire.ts'

/** What is shown: a running device, or a capture being played. */
export interface LidarScene {
  readonly setup: ViewSetup
  /** In the order of `setup.sources`. */
  readonly clouds: readonly CloudRing[]
  state(): ViewState
}

export interface ViewLimits {
  viewersMax: number
  /** How often the state is told, and clouds that are new. */
  period_ms: number
  /** A page that is so far behind misses clouds. */
  buffered_B_max: number
}

export const viewLimits: ViewLimits = { viewersMax: 4, period_ms: 100, buffered_B_max: 2_000_000 }

export type SceneCount = 'scenes' | 'scenesRefused' | 'scenesTalking' | 'cloudsShown' | 'cloudsSkipped'

export class SceneTeller {
  readonly #scene: LidarScene
  readonly #clock: Clock
  readonly #counters: Counters<SceneCount>
  readonly #limits: ViewLimits
  readonly #viewers = new Set<WebSocket>()
  /** How many clouds of each source were finished when one was shown last. */
  readonly #shown: number[]
  readonly #farewells: Farewells
  #stopTelling: Cancel = () => undefined

  constructor(scene: LidarScene, clock: Clock, counters: Counters<SceneCount>, limits: Partial<ViewLimits> = {}) {
    this.#scene = scene
    this.#clock = clock
    this.#counters = counters
    this.#limits = { ...viewLimits, ...limits }
    this.#farewells = new Farewells(clock)
    this.#shown = scene.clouds.map(() => 0)
  }

  start(): void {
    this.#stopTelling = every(this.#clock, this.#limits.period_ms, () => {
      if (this.#viewers.size > 0) this.#tell()
    })
  }

  stop(): void {
    this.#stopTelling()
    this.#farewells.stop()
    for (const viewer of this.#viewers) viewer.terminate()
    this.#viewers.clear()
  }

  add(socket: WebSocket): void {
    if (this.#viewers.size >= this.#limits.viewersMax) {
      this.#counters.add('scenesRefused')
      this.#farewells.dismiss(socket, 'tryAgainLater', `PC-SCREEN-FULL: ${this.#limits.viewersMax} pages already watch.`)
      return
    }
    this.#counters.add('scenes')
    this.#viewers.add(socket)
    socket.on('close', () => this.#viewers.delete(socket))
    socket.on('message', () => {
      this.#counters.add('scenesTalking')
      this.#viewers.delete(socket)
      this.#farewells.dismiss(socket, 'policyViolation', 'PC-SCREEN-TALK: this socket only tells.')
    })
    socket.send(JSON.stringify(this.#scene.setup))
    // Whoever comes late sees what is there, and not only what comes next.
    for (let source = 0; source < this.#shown.length; source++) this.#showCloud(source, [socket])
  }

  #tell(): void {
    const state = JSON.stringify(this.#scene.state())
    for (const viewer of this.#viewers) if (this.#keepsUp(viewer)) viewer.send(state)
    for (const [source, { finished }] of this.#scene.clouds.entries()) {
      if (finished === this.#shown[source]) continue
      this.#shown[source] = finished
      this.#showCloud(source, this.#viewers)
    }
  }

  #showCloud(source: number, viewers: Iterable<WebSocket>): void {
    let bytes: Uint8Array | undefined
    const whole = this.#scene.clouds[source]?.newest((cloud) => {
      bytes = encodeCloud(source, cloud)
    })
    if (whole !== true || bytes === undefined) return
    for (const viewer of viewers) {
      if (!this.#keepsUp(viewer)) this.#counters.add('cloudsSkipped')
      else {
        viewer.send(bytes)
        this.#counters.add('cloudsShown')
      }
    }
  }

  #keepsUp(viewer: WebSocket): boolean {
    return viewer.readyState === viewer.OPEN && viewer.bufferedAmount <= this.#limits.buffered_B_max
  }
}

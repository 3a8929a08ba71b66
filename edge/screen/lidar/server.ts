/**
 * Serves the lidar view: the page's files, and over a WebSocket the setup, the state and the clouds.
 * It only shows: the page cannot command anything. Loopback unless told otherwise.
 */
import type { Clock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { type PageCount, pageCounts, PageHost, pageLimits } from '../page-host.ts'
import { type LidarScene, type SceneCount, SceneTeller, type ViewLimits } from './teller.ts'

export interface ViewServerOptions {
  scene: LidarScene
  clock: Clock
  host?: string
  /** 0 takes any free port. */
  port: number
  /** Where the bundled page lies. */
  pageDir: string
  limits?: Partial<ViewLimits>
}

export class LidarViewServer {
  readonly counters = new Counters<SceneCount | PageCount>(['scenes', 'scenesRefused', 'scenesTalking', 'cloudsShown', 'cloudsSkipped', ...pageCounts])
  readonly #host: PageHost
  readonly #teller: SceneTeller

  constructor({ scene, clock, limits, ...served }: ViewServerOptions) {
    this.#host = new PageHost({ ...served, component: 'lidar-view', says: 'the lidar view', limits: pageLimits, counters: this.counters })
    this.#teller = new SceneTeller(scene, clock, this.counters, limits)
  }

  /** Resolves with the page's address. @throws ConfigError (PC-SCREEN-PAGE, PC-SCREEN-ADDRESS). */
  async start(): Promise<string> {
    try {
      const address = await this.#host.open((app) => app.get('/scene', { websocket: true }, (socket) => this.#teller.add(socket)))
      this.#teller.start()
      return address
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#teller.stop()
    await this.#host.close()
  }
}

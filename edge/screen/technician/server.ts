/**
 * Serves the technician's page: its files to anybody, the device to whoever has logged in.
 *
 * It holds no logic of its own: what it shows is the device model's declaration and values, what it
 * does goes through the gatekeeper. Everything is bounded. Over the network it is served encrypted only.
 */
import type { FastifyInstance } from 'fastify'
import type { Gatekeeper } from '../../access/contract.ts'
import type { Cancel, Clock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { CancelledError, ConfigError, describe } from '../../base/error.ts'
import type { Logger } from '../../base/log.ts'
import { every } from '../../base/wait.ts'
import { Component, type ComponentOf } from '../../device/component.ts'
import type { SelfTestReport } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import type { FactSource } from '../../journal/fact.ts'
import { type SceneCount, SceneTeller, type LidarScene } from '../lidar/teller.ts'
import { type PageCount, pageCounts, PageHost } from '../page-host.ts'
import { isLoopback } from '../protection.ts'
import { TechnicianPage } from './contract.ts'
import { Desk } from './desk.ts'
import { Doors } from './doors.ts'
import { type TechnicianLimits, technicianLimits } from './limits.ts'
import { Live, type LiveCount } from './live.ts'
import { type StillCount, Stills } from './stills.ts'

export interface TechnicianOptions {
  model: DeviceModel
  gatekeeper: Gatekeeper
  /** Searched by whoever is logged in. */
  journal?: FactSource | undefined
  clock: Clock
  log: Logger
  /** Such as `mong-cai/bac-luan-1/bl1-e07`. */
  device: string
  /** Loopback unless given; another needs `tls`. */
  host?: string
  /** 0 takes any free port. */
  port: number
  /** PEM. */
  tls?: { cert: string; key: string } | undefined
  /** Where `tools/bundle/bundle-page.ts` put the page. */
  pageDir: string
  /** Where the diagnosis puts its bundles. */
  outbox?: string | undefined
  /** What the lidars see, of a device that has obstacle paths. */
  lidar?: LidarScene | undefined
  random?: ((bytes: number) => Uint8Array) | undefined
  limits?: Partial<TechnicianLimits>
}

type Count = LiveCount | StillCount | SceneCount | PageCount

const counts: readonly Count[] = [
  'viewers', 'viewersRefused', 'viewersSilent', 'viewersBehind', 'viewersTalking', 'eventsMissed', 'valuesTooLong',
  'stills', 'stillsRefused', 'scenes', 'scenesRefused', 'scenesTalking', 'cloudsShown', 'cloudsSkipped',
  ...pageCounts,
]

/** How often the counters are made known. */
const count_ms = 1_000

export class TechnicianServer {
  /** For the device model, so that every face shows how the page fares. */
  readonly component: ComponentOf<typeof TechnicianPage>
  readonly #options: TechnicianOptions
  readonly #limits: TechnicianLimits
  readonly #counters = new Counters<Count>(counts)
  readonly #stills: Stills
  readonly #host: PageHost
  readonly #undo: Cancel[] = []
  #live: Live | undefined

  /** @throws ConfigError (PC-SCREEN-TLS) without TLS for the network, or with a certificate that is none. */
  constructor(options: TechnicianOptions) {
    const { clock, host = '127.0.0.1', model, pageDir, port, tls } = options
    this.#options = options
    this.#limits = { ...technicianLimits, ...options.limits }
    if (tls === undefined && !isLoopback(host) && host !== 'localhost') {
      throw new ConfigError('PC-SCREEN-TLS', "The technician's page is served over the network only with TLS: give `tls`, or serve it on 127.0.0.1.", { component: 'technician' })
    }
    this.#host = new PageHost({ component: 'technician', says: "the technician's page", host, port, tls, pageDir, limits: this.#limits, counters: this.#counters })
    this.#stills = new Stills(model, clock, this.#limits, this.#counters)
    this.component = new Component('technician', TechnicianPage, clock, {
      selfTest: () => this.#selfTest(),
      watch: async ({ camera }, _signal, caller) => {
        this.#stills.permit(caller.id, camera)
        return {}
      },
    })
  }

  /** The page's address; `undefined` while it is not served. */
  get address(): string | undefined {
    return this.#host.address
  }

  /** Resolves when the page can be opened. @throws ConfigError (PC-SCREEN-PAGE, PC-SCREEN-ADDRESS, PC-SCREEN-TLS). */
  async start(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw new CancelledError('technician')
    this.component.publish('health', { status: 'starting' })
    try {
      await this.#host.open((app) => this.#serve(app))
    } catch (error) {
      await this.stop()
      const { code, message } = describe(error)
      this.component.publish('health', { status: 'failed', code, says: message })
      throw error
    }
    const onAbort = (): void => void this.stop()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#undo.push(() => signal?.removeEventListener('abort', onAbort))
    const { address = '', build } = this.#host
    this.component.publish('address', address)
    this.component.publish('build', build)
    this.component.publish('health', { status: 'ready' })
    this.#options.log.info({ component: 'technician', address, build }, "The technician's page is served.")
  }

  /** Ends every session of the page; resolves when every connection is closed. Safe to call more than once. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    this.#live = undefined
    await this.#host.close()
    this.component.publish('health', { status: 'stopped' })
  }

  #serve(app: FastifyInstance): void {
    const { clock, gatekeeper, journal, lidar, model, outbox, random, tls } = this.#options
    const doors = new Doors({ gatekeeper, clock, limits: this.#limits, secure: tls !== undefined, random })
    const live = new Live({
      model, clock, limits: this.#limits, counters: this.#counters,
      about: () => ({ build: this.#host.build, device: this.#options.device, lidar: lidar !== undefined, downloads: outbox !== undefined }),
    })
    this.#live = live
    const teller = lidar === undefined ? undefined : new SceneTeller(lidar, clock, this.#counters)
    // Whoever is open is told that it ends before they are closed.
    const forget = gatekeeper.onEnded(({ session, why }) => live.end(session, why))
    this.#undo.push(() => doors.stop(), forget, () => live.close(), () => teller?.stop())
    doors.add(app)
    new Desk({ model, gatekeeper, clock, limits: this.#limits, journal, outbox, doors, live, stills: this.#stills, lidar: teller }).add(app)
    teller?.start()
    this.#undo.push(every(clock, count_ms, () => this.#count()))
    this.#count()
  }

  #count(): void {
    this.component.publish('counters', this.#counters.snapshot())
    this.component.publish('viewers', this.#live?.size ?? 0)
  }

  async #selfTest(): Promise<SelfTestReport> {
    const checks = await this.#host.checks(this.#options.clock)
    return { passed: checks.every(({ passed }) => passed), checks }
  }
}

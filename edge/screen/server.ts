/**
 * Serves the traveller's page: its files, the gate's view over a WebSocket, and the live mirror.
 *
 * The page may know only what `snapshot.ts` names. The server answers on the loopback address
 * unless told otherwise, takes no input but requests to read, and every kind of client is bounded.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Cancel, Clock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { CancelledError, describe, ForbiddenError, ResourceError, UsageError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { every } from '../base/wait.ts'
import { Camera } from '../device/capabilities.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import type { SelfTestReport } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import { Gate } from '../gate/contract.ts'
import { Screen } from './contract.ts'
import { Mirror, type MirrorCount, type MirrorLimits } from './mirror.ts'
import { type PageCount, pageCounts, PageHost, type PageLimits, pageLimits } from './page-host.ts'
import { isLoopback } from './protection.ts'
import { type Language, mirrorPhase, shown, type Snapshot } from './snapshot.ts'
import { type ViewerCount, type ViewerLimits, Viewers } from './viewers.ts'

export type ScreenLimits = ViewerLimits & MirrorLimits & PageLimits

export const screenLimits: Readonly<ScreenLimits> = {
  viewersMax: 8,
  beat_ms: 500,
  silent_ms: 5_000,
  buffered_B_max: 65_536,
  mirrorsMax: 4,
  frameGap_ms: 80,
  frame_B_max: 2_000_000,
  stalled_ms: 3_000,
  ...pageLimits,
}

export interface ScreenOptions {
  model: DeviceModel
  /** The gate's name in the model. */
  gate: string
  /** The camera's name in the model; without one there is no mirror. */
  camera?: string
  clock: Clock
  log: Logger
  /** Loopback unless given: the page needs no network. */
  host?: string
  /** 0 takes any free port. */
  port: number
  /** The first is the one the page starts in. */
  languages: readonly Language[]
  /** Where `tools/bundle/bundle-page.ts` put the page. */
  pageDir: string
  limits?: Partial<ScreenLimits>
}

type Count = ViewerCount | MirrorCount | PageCount | 'viewsInvalid'

const counts: readonly Count[] = [
  'viewers', 'viewersRefused', 'viewersSlow', 'viewersSilent', 'viewersTalking',
  'mirrors', 'mirrorsRefused', 'mirrorsStalled', 'framesShown', 'framesSkipped', 'framesTooLarge', 'framesTooOld',
  ...pageCounts, 'viewsInvalid',
]

/** How often the counters are made known. */
const count_ms = 1_000

export class ScreenServer {
  /** For the device model, so that every face shows how the page fares. */
  readonly component: ComponentOf<typeof Screen>
  readonly #options: ScreenOptions
  readonly #limits: ScreenLimits
  readonly #counters = new Counters<Count>(counts)
  readonly #undo: Cancel[] = []
  readonly #host: PageHost
  #viewers: Viewers | undefined
  #mirror: Mirror | undefined

  constructor(options: ScreenOptions) {
    if (options.languages.length === 0) throw new UsageError('PC-SCREEN-LANGUAGE', 'The page needs at least one language.')
    this.#options = options
    this.#limits = { ...screenLimits, ...options.limits }
    const { host, port, pageDir } = options
    this.#host = new PageHost({ component: 'screen', says: "the traveller's page", host, port, pageDir, limits: this.#limits, counters: this.#counters })
    this.component = new Component('screen', Screen, options.clock, { selfTest: () => this.#selfTest() })
  }

  /** The page's address, such as `http://127.0.0.1:8080`; `undefined` while it is not served. */
  get address(): string | undefined {
    return this.#host.address
  }

  /**
   * Resolves when the page can be opened. `signal` stops it again.
   * @throws ConfigError PC-SCREEN-PAGE or PC-SCREEN-ADDRESS; UsageError when gate or camera are none.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw new CancelledError('screen')
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
    this.#options.log.info({ component: 'screen', address, build }, "The traveller's page is served.")
  }

  /** Resolves when every connection is closed. Safe to call more than once. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    this.#mirror?.close()
    this.#viewers?.close()
    this.#viewers = undefined
    await this.#host.close()
    this.component.publish('health', { status: 'stopped' })
  }

  /** Keeps viewers and mirror in step with the gate. */
  #follow(): void {
    const { model, clock, camera } = this.#options
    const gate = model.as(this.#options.gate, Gate)
    this.#mirror =
      camera === undefined ? undefined : new Mirror(model.as(camera, Camera), clock, this.#limits, this.#counters)
    this.#viewers = new Viewers(clock, this.#limits, this.#counters, this.#message())
    const show = (): void => this.#viewers?.show(this.#message())
    this.#undo.push(gate.onChange('view', show), gate.onChange('health', show))
    this.#undo.push(every(clock, count_ms, () => this.#count()))
    this.#count()
  }

  #count(): void {
    this.component.publish('counters', this.#counters.snapshot())
    this.component.publish('viewers', this.#viewers?.size ?? 0)
  }

  /** The snapshot of now as text; sets the mirror accordingly. */
  #message(): string {
    const view = this.#view()
    if (view?.phase === mirrorPhase) this.#mirror?.open(view.passage)
    else this.#mirror?.close()
    const { languages } = this.#options
    return JSON.stringify({ build: this.#host.build, languages, mirror: this.#mirror?.isOpen ?? false, view } satisfies Snapshot)
  }

  /** A gate that cannot do its work has no view to be trusted, except that an emergency stays one. */
  #view(): Snapshot['view'] {
    const gate = this.#options.model.as(this.#options.gate, Gate)
    const view = gate.read('view')
    if (view === undefined || (!gate.usable && view.phase !== 'emergency')) return null
    try {
      return shown(view)
    } catch (error) {
      this.#counters.add('viewsInvalid')
      this.#options.log.error({ component: 'screen', error }, 'The gate published a view that cannot be shown.')
      return null
    }
  }

  #serve(app: FastifyInstance): void {
    this.#follow()
    app.get('/state', { websocket: true }, (socket) => this.#viewers?.add(socket))
    app.get('/mirror', (request, reply) => this.#reflect(request, reply))
    app.get('/health', () => this.#health())
  }

  #reflect(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (!isLoopback(request.socket.remoteAddress)) {
      throw new ForbiddenError('PC-SCREEN-MIRROR-AWAY', 'The mirror is shown on the device itself only.')
    }
    // Not an error: the gate may have moved on while the page was asking.
    if (this.#mirror?.isOpen !== true) return reply.code(204).send()
    if (!this.#mirror.watch(reply.raw)) throw new ResourceError('PC-SCREEN-MIRROR-FULL', 'Too many mirrors are open.')
    return reply.hijack()
  }

  #health(): object {
    return { status: this.component.health.status, build: this.#host.build, viewers: this.#viewers?.size ?? 0 }
  }

  async #selfTest(): Promise<SelfTestReport> {
    const viewers = this.#viewers?.size ?? 0
    const checks = [
      ...await this.#host.checks(this.#options.clock),
      { name: 'viewers', passed: viewers > 0, value: viewers, unit: '1', says: 'A page watches the gate.' },
    ]
    return { passed: checks.every((check) => check.passed), checks }
  }
}

/** Compares live faces with photographs: the worker measures, the machine in face/verify.ts decides. */
import { randomInt } from 'node:crypto'
import type { Clock, Instant } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { CancelledError, describe, InputError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { Type } from '../base/schema.ts'
import type { Frame } from '../device/capabilities.ts'
import { Component } from '../device/component.ts'
import { contract, property } from '../device/contract.ts'
import { WorkerHost, type WorkerLimits } from '../run/worker.ts'
import type { EngineName } from './engine/engine.ts'
import type { ModelIdentity } from './engine/models.ts'
import type { Findings, Wanted } from './face/analyser.ts'
import {
  begin, type Challenge, chooseChallenges, deadlineOf, likenessOf, type Prompt, promptOf, type Result, rounded, type Signal, step,
  type Verification, type VerifySettings, verifySettings, wantedOf,
} from './face/verify.ts'
import { NewestFrame } from './newest-frame.ts'
import type { AnalyseRequest, PerceptionSetup } from './worker.ts'

export const FaceMatcher = contract('face-matcher', 'Compares live faces with photographs.', {
  engine: property(Type.Enum(['onnx', 'litert']), 'What runs the neural nets.'),
  models: property(Type.Record(Type.String(), Type.String()), 'SHA-256 of each model file, by the name of the model.'),
  threshold: property(Type.Number(), 'Likeness from which two faces count as the same.', '1'),
})
export type FaceMatcher = typeof FaceMatcher

export interface FaceServiceOptions {
  clock: Clock
  log: Logger
  /** Folder that holds the models and their manifest. */
  models: string
  /** Default `auto`: the fastest that runs here. */
  engine?: EngineName | 'auto'
  /** The worker's program, where it is not the source beside this file. */
  worker?: URL
  settings?: Partial<Omit<VerifySettings, 'limit_ms'>>
  /** What a traveller may be asked for. Blink and come closer say little alone: a turn is always added to them. */
  challenges?: { pool: readonly Challenge[]; each: number }
  /** Decides on the challenges; must not be foreseeable. */
  random?: () => number
  workerLimits?: Partial<WorkerLimits>
}

export interface FaceVerifyRequest {
  /** The photograph on record, JPEG. */
  photo: Uint8Array
  /** Subscribes to live pictures; returns what ends that. */
  frames(listener: (frame: Frame) => void): () => void
  /** Hears what the traveller is to be asked for, each time it changes. */
  onPrompt(prompt: Prompt): void
  limit_ms: number
}

export interface FaceVerdict {
  result: Result
  /** Likeness of the live face to the photograph. */
  score?: number
  threshold: number
  signals: Signal[]
  /** SHA-256 of each model that took part, by its name. */
  models: { readonly [name: string]: string }
  /** Frames that were measured, and that came too fast. */
  frames: number
  dropped: number
  elapsed_ms: number
  /** From the arrival of the last frame that was used to the verdict. */
  compute_ms: number
}

/** Whoever could foresee the challenge could bring a recording that answers it. */
const unforeseeable = (): number => randomInt(2 ** 32) / 2 ** 32

/** One picture takes the worker some 100 ms at most, LiteRT three times that. */
const analyse_ms_max = 3_000
/** The verdict must be out before whoever waits gives up. */
const margin_ms = 250

export class FaceService {
  readonly component: Component<FaceMatcher['members']>
  readonly #options: FaceServiceOptions
  readonly #settings: Omit<VerifySettings, 'limit_ms'>
  readonly #worker: WorkerHost
  #stopping = false
  readonly #counters = new Counters(['match', 'no-match', 'not-found', 'several', 'attack', 'unavailable', 'frames', 'dropped', 'broken'])

  constructor(options: FaceServiceOptions) {
    this.#options = options
    this.#settings = { ...verifySettings, ...options.settings }
    const { models, engine = 'auto', clock, log } = options
    const data: PerceptionSetup = { models, ...(engine === 'auto' ? {} : { engine }) }
    this.#worker = new WorkerHost({
      name: 'perception', program: options.worker ?? new URL('./worker.ts', import.meta.url), data, clock, log,
      ...(options.workerLimits === undefined ? {} : { limits: options.workerLimits }),
    })
    this.component = new Component('face', FaceMatcher, clock, { selfTest: async () => this.#selfTest() })
    this.#worker.onUsable((usable) => this.#publish(usable))
  }

  /** Loads the models and lets each prove itself. @throws ConfigError with the reason's code, as FaceAnalyser.load does. */
  async start(signal?: AbortSignal): Promise<void> {
    this.#stopping = false
    this.component.publish('health', { status: 'starting' })
    try {
      await this.#worker.start(signal)
    } catch (error) {
      const { code, message } = describe(error)
      this.component.publish('health', { status: 'failed', code, says: message })
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#worker.stop()
    this.component.publish('health', { status: 'stopped' })
  }

  get usable(): boolean {
    return this.#worker.usable
  }

  onUsable(listener: (usable: boolean) => void): () => void {
    return this.#worker.onUsable(listener)
  }

  /** Which models the worker runs; empty until it is ready. */
  get models(): readonly ModelIdentity[] {
    return (this.#worker.about as ModelIdentity[] | undefined) ?? []
  }

  /** Never rejects but with CancelledError: what goes wrong is the result `unavailable`. */
  async verify(request: FaceVerifyRequest, signal: AbortSignal): Promise<FaceVerdict> {
    const started = this.#options.clock.now()
    const newest = new NewestFrame(this.#options.clock, request.frames)
    try {
      const ended = await this.#follow(request, newest, started, signal)
      return this.#verdict(ended.verification, started, ended.lastFrame, newest.dropped)
    } catch (error) {
      if (error instanceof CancelledError || signal.aborted) throw new CancelledError('face')
      this.#options.log.warn({ error: describe(error) }, 'a face could not be verified')
      return this.#verdict(undefined, started, started, newest.dropped)
    } finally {
      newest.close()
    }
  }

  async #follow(request: FaceVerifyRequest, newest: NewestFrame, started: Instant, signal: AbortSignal): Promise<{ verification: Verification; lastFrame: Instant }> {
    const { clock, random = unforeseeable, challenges = { pool: ['turn-left', 'turn-right'], each: 1 } } = this.#options
    request.onPrompt('look-at-camera')
    const photo = await this.#photoVector(request.photo, signal)
    const settings = { ...this.#settings, limit_ms: Math.max(1, request.limit_ms - margin_ms) }
    let verification = begin(settings, photo, chooseChallenges(challenges.pool, challenges.each, settings.tries, random), started)
    let prompt: Prompt = 'look-at-camera'
    let lastFrame = started
    while (verification.stage.at !== 'done') {
      const frame = await newest.take(deadlineOf(verification), signal)
      if (signal.aborted) throw new CancelledError('face')
      if (frame !== undefined) lastFrame = frame.taken
      const findings = frame === undefined ? undefined : await this.#measure(frame, wantedOf(verification), signal)
      verification = step(verification, findings, clock.now())
      const next = promptOf(verification)
      if (next !== prompt && verification.stage.at !== 'done') request.onPrompt(next)
      prompt = next
    }
    return { verification, lastFrame }
  }

  /** @throws InputError (PC-FACE-PHOTO) when the photograph does not show one face. */
  async #photoVector(jpeg: Uint8Array, signal: AbortSignal): Promise<Float32Array> {
    const found = await this.#analyse({ jpeg, wanted: { vector: true, texture: false } }, signal)
    if (found.faces !== 1 || found.face?.vector === undefined) {
      throw new InputError('PC-FACE-PHOTO', 'The photograph on record does not show exactly one face.', { component: 'face' })
    }
    return found.face.vector
  }

  /** A broken picture is counted and passed over. */
  async #measure(frame: Frame, wanted: Wanted, signal: AbortSignal): Promise<Findings | undefined> {
    this.#counters.add('frames')
    try {
      return await this.#analyse({ jpeg: frame.jpeg, wanted }, signal)
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      this.#counters.add('broken')
      return undefined
    }
  }

  async #analyse(request: AnalyseRequest, signal: AbortSignal): Promise<Findings> {
    return (await this.#worker.ask(request, analyse_ms_max, signal)) as Findings
  }

  #verdict(verification: Verification | undefined, started: Instant, lastFrame: Instant, dropped: number): FaceVerdict {
    const now = this.#options.clock.now()
    const stage = verification?.stage
    const result = stage?.at === 'done' ? stage.result : 'unavailable'
    const score = verification === undefined ? undefined : likenessOf(verification)
    this.#counters.add(result)
    this.#counters.add('dropped', dropped)
    this.component.publish('counters', this.#counters.snapshot())
    return {
      result,
      ...(score === undefined ? {} : { score: rounded(score) }),
      threshold: this.#settings.likeness_min,
      signals: stage?.at === 'done' ? stage.signals : [],
      models: this.#hashes(),
      frames: verification?.frames ?? 0,
      dropped,
      elapsed_ms: Math.round(now - started),
      compute_ms: Math.max(0, Math.round(now - lastFrame)),
    }
  }

  #hashes(): Record<string, string> {
    return Object.fromEntries(this.models.map(({ name, sha256 }) => [name, sha256]))
  }

  #publish(usable: boolean): void {
    // A worker that ends because it was told to is no fault.
    if (!usable && this.#stopping) return
    if (!usable) {
      this.component.publish('health', { status: 'failed', code: 'PC-RUN-WORKER-LOST', says: 'The perception worker is not running; it is started again.' })
      return
    }
    const engine = this.models[0]?.engine
    if (engine !== undefined) this.component.publish('engine', engine)
    this.component.publish('models', this.#hashes())
    this.component.publish('threshold', this.#settings.likeness_min)
    this.component.publish('health', { status: 'ready' })
  }

  #selfTest() {
    const passed = this.usable
    const says = passed ? 'The models gave their known answers when the worker started.' : 'The perception worker is not running.'
    return { passed, checks: [{ name: 'models', passed, value: this.models.length, unit: '1', says }] }
  }
}

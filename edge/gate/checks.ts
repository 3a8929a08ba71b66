/**
 * The checks that the gate asks for: the document against lists and dates, the live face against the
 * photograph on record, the finger against its template. Their answers come back as inputs.
 */
import type { Cancel, Clock, Instant, WallTime } from '../base/clock.ts'
import { CancelledError, describe } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Presented, Desk } from './desk.ts'
import { checkDocument, type DocumentFields } from './document-check.ts'
import type { Effect } from './effect.ts'
import type { DocumentIdentity, Enrolments } from './enrolment.ts'
import type { FaceMatching } from './face-matching.ts'
import type { Input, Part } from './input.ts'
import type { Lists } from './lists.ts'
import type { GateParts } from './parts.ts'
import type { GateSetup } from './policy.ts'
import { WallTrust } from './wall-trust.ts'

/** How often the age of the lists and the clock are looked at, besides for each document. */
const look_ms = 5_000

export interface ChecksOptions {
  clock: Clock
  log: Logger
  setup: GateSetup
  parts: GateParts
  desk: Desk
  lists: Lists
  enrolments: Enrolments
  face: FaceMatching
  /** IANA name: a document is valid to the end of its last day at the site. */
  timeZone: string
  feed(input: Input): void
}

type CheckEffect = Extract<Effect, { kind: 'checkDocument' | 'startFace' | 'startFinger' | 'cancelFace' | 'cancelFinger' }>

export class Checks {
  readonly #options: ChecksOptions
  readonly #trust: WallTrust
  /** The checks under way, by what cancels them. */
  readonly #running = new Map<string, AbortController>()
  #cancelLook: Cancel = () => undefined
  /** Tells whether the lists are fresh and the clock can be believed, where that has changed. */
  #look: () => void = () => undefined
  #lastSensor: Instant | undefined

  constructor(options: ChecksOptions) {
    this.#options = options
    this.#trust = new WallTrust(options.clock)
  }

  /** Tells which checks can be made, now and whenever that changes. Returns what ends that. */
  start(tell: (part: Part, usable: boolean) => void): () => void {
    const { clock, face } = this.#options
    const said = new Map<Part, boolean>()
    const tellOnce = (part: Part, usable: boolean): void => {
      if (said.get(part) === usable) return
      said.set(part, usable)
      tell(part, usable)
    }
    this.#look = () => {
      this.#cancelLook()
      tellOnce('clock', this.#clockTrusted())
      tellOnce('lists', this.#listsFresh())
      this.#cancelLook = clock.after(look_ms, this.#look)
    }
    this.#look()
    tellOnce('face', face.usable)
    return face.onUsable((usable) => tellOnce('face', usable))
  }

  stop(): void {
    this.#cancelLook()
    for (const check of this.#running.values()) check.abort()
    this.#running.clear()
  }

  perform(effect: CheckEffect): void {
    switch (effect.kind) {
      case 'checkDocument':
        this.#lastSensor = undefined
        this.#look()
        return this.#run(`document ${effect.ref}`, () => this.#document(effect.ref))
      case 'startFace':
        return this.#run(`face ${effect.ref} ${effect.attempt}`, (signal) => this.#face(effect.ref, effect.attempt, signal))
      case 'startFinger':
        return this.#run(`finger ${effect.ref} ${effect.attempt}`, (signal) => this.#finger(effect.ref, effect.attempt, signal))
      case 'cancelFace':
        return this.#running.get(`face ${effect.ref} ${effect.attempt}`)?.abort()
      case 'cancelFinger':
        return this.#running.get(`finger ${effect.ref} ${effect.attempt}`)?.abort()
    }
  }

  /** When the last thing that a decision waited for was seen; asked for once. */
  takeLastSensor(): Instant | undefined {
    const instant = this.#lastSensor
    this.#lastSensor = undefined
    return instant
  }

  /** Every check ends in an input: what fails or throws becomes the answer that lets nobody through. */
  #run(name: string, check: (signal: AbortSignal) => Promise<Input>): void {
    const abort = new AbortController()
    this.#running.set(name, abort)
    check(abort.signal)
      .then((input) => {
        if (!abort.signal.aborted) this.#options.feed(input)
      })
      .catch((error: unknown) => this.#options.log.error({ error: describe(error) }, 'a check failed'))
      .finally(() => {
        if (this.#running.get(name) === abort) this.#running.delete(name)
      })
  }

  async #document(ref: string): Promise<Input> {
    const { desk, lists, enrolments, clock, setup, timeZone } = this.#options
    const kept = desk.get(ref)
    if (kept === undefined) return this.#unchecked(ref)
    try {
      const enrolment = await enrolments.find(identityOf(kept.presented))
      if (enrolment !== undefined) kept.enrolment = enrolment
      const record = { photo: enrolment !== undefined, fingerTemplate: enrolment?.fingerTemplate !== undefined }
      const wall = clock.wall()
      const findings = checkDocument(fieldsOf(kept.presented), record, { lists, policy: setup.policy, today: dayAt(wall, timeZone), wall })
      return { kind: 'documentVerdict', ref, ...findings }
    } catch (error) {
      this.#options.log.error({ error: describe(error) }, 'a document could not be checked')
      return this.#unchecked(ref)
    }
  }

  #unchecked(ref: string): Input {
    return { kind: 'documentVerdict', ref, result: 'document-unchecked', resident: 'unknown', photo: false, fingerTemplate: false, lists: {} }
  }

  async #face(ref: string, attempt: number, signal: AbortSignal): Promise<Input> {
    const { desk, face, parts, feed, setup, clock, log } = this.#options
    const photo = desk.get(ref)?.enrolment?.photo
    const verdict = { kind: 'faceVerdict', ref, attempt } as const
    if (photo === undefined) return { ...verdict, result: 'unavailable' }
    try {
      const found = await face.verify({
        photo,
        frames: (listener) => parts.camera.onStream('frames', listener),
        onPrompt: (instruction) => feed({ kind: 'facePrompt', ref, attempt, instruction }),
        limit_ms: Math.round(setup.limits.face_s * 1000),
      }, signal)
      this.#lastSensor = clock.now() - found.compute_ms
      return {
        ...verdict, result: found.result, threshold: found.threshold, models: found.models, signals: found.signals,
        ...(found.score === undefined ? {} : { score: found.score }),
      }
    } catch (error) {
      if (!(error instanceof CancelledError)) log.warn({ error: describe(error) }, 'the face could not be compared')
      return { ...verdict, result: 'unavailable' }
    }
  }

  async #finger(ref: string, attempt: number, signal: AbortSignal): Promise<Input> {
    const { desk, parts, setup, clock, log } = this.#options
    const template = desk.get(ref)?.enrolment?.fingerTemplate
    const verdict = { kind: 'fingerVerdict', ref, attempt } as const
    if (template === undefined || parts.finger === undefined) return { ...verdict, result: 'unavailable' }
    try {
      const { outcome, score } = await parts.finger.invoke('verify', { template: Buffer.from(template).toString('base64'), limit_ms: Math.round(setup.limits.finger_s * 1000) }, undefined, signal)
      this.#lastSensor = clock.now()
      return { ...verdict, result: outcome, score }
    } catch (error) {
      if (!(error instanceof CancelledError)) log.warn({ error: describe(error) }, 'the finger could not be compared')
      return { ...verdict, result: 'unavailable' }
    }
  }

  #listsFresh(): boolean {
    const { lists, setup, clock } = this.#options
    return setup.policy.lists.every((name) => lists.freshness(name, clock.wall()) === 'fresh')
  }

  #clockTrusted(): boolean {
    return this.#trust.trusted(Math.max(0, ...this.#options.lists.loaded.map(({ issued }) => Date.parse(issued))))
  }
}

const identityOf = (presented: Presented): DocumentIdentity =>
  presented.from === 'mrz'
    ? { issuer: presented.document.issuer, documentNumber: presented.document.documentNumber, birth: presented.document.birth }
    : { issuer: 'VNM', documentNumber: presented.claim.personalNumber, birth: presented.claim.birth }

function fieldsOf(presented: Presented): DocumentFields {
  if (presented.from === 'card') {
    const { personalNumber, fullName, birth } = presented.claim
    return { authenticity: 'claim', documentCode: '', expiry: '', issuer: 'VNM', documentNumber: '', personalNumber, names: fullName, birth }
  }
  const { documentCode, issuer, documentNumber, surname, givenNames, birth, expiry, optional } = presented.document
  const personalNumber = optional.find((field) => field !== '')
  return {
    authenticity: 'mrz', documentCode, issuer, documentNumber, names: `${surname} ${givenNames}`, birth, expiry,
    ...(personalNumber === undefined ? {} : { personalNumber }),
  }
}

/** `YYYY-MM-DD` at the site. */
const dayAt = (wall: WallTime, timeZone: string): string => new Intl.DateTimeFormat('en-CA', { timeZone }).format(wall)

/** What the tests of the gate at work stand on: real components with scripted devices, a real journal that can be held up. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { canonical } from '../base/canonical.ts'
import { ManualClock } from '../base/clock.ts'
import { DeviceError, InternalError, TimeoutError } from '../base/error.ts'
import { createLogger } from '../base/log.ts'
import { Listeners } from '../base/listeners.ts'
import {
  Barrier, Camera, CodeReader, DocumentReader, FingerprintScanner, Indicator, PresenceSensor, SafetyInput,
} from '../device/capabilities.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import type { Fact, NewFact } from '../journal/fact.ts'
import { Journal } from '../journal/journal.ts'
import { deviceKey } from '../journal/seal.ts'
import { type RecordedMachine, type Replay, replaySteps } from '../journal/steps.ts'
import { composeMrz, type MrzFields } from '../perception/document/mrz-compose.ts'
import type { Phase } from './contract.ts'
import { GateController, type GateControllerOptions, type GateJournal, startKind, stepKind } from './controller.ts'
import type { Effect } from './effect.ts'
import { enrolmentFile, Enrolments, sealEnrolment } from './enrolment.ts'
import type { FaceAnswer, FaceMatching, FaceRequest } from './face-matching.ts'
import type { SafetyReason } from './input.ts'
import { gateMachine } from './machine.ts'
import { entryOf, type ListBody, Lists, type ListKey } from './lists.ts'
import type { ListName } from './policy.ts'
import { type SetupChoice, setupOf } from './rehearsal.ts'
import type { State } from './state.ts'

export const authority = generateKeyPairSync('ed25519')
export const key: Uint8Array = new Uint8Array(32).fill(9)
export const noon = Date.UTC(2026, 10, 21, 5)

/** Nobody else in these tests is called so. */
export const anna: MrzFields = {
  format: 'TD3', issuer: 'VNM', documentNumber: 'C7715309', surname: 'QUYNHTRANG', givenNames: 'BICHNGOC', birth: '1987-06-05', sex: 'female', expiry: '2031-02-03',
}
/** What must be in no fact's body and in no log line. */
export const telling = /QUYNHTRANG|BICHNGOC|C7715309|1987-06-05|870605/i

export function signList(list: ListName, entries: readonly ListKey[] = [], by: KeyObject = authority.privateKey): string {
  const salt = '00112233445566778899aabbccddeeff'
  const body: ListBody = {
    format: 'portcullis-list/1', list, sequence: 1, issued: '2026-11-21T00:00:00Z', expires: '2026-11-23T00:00:00Z', salt,
    entries: entries.map((entry) => entryOf(key, { list, salt }, entry)),
  }
  return JSON.stringify({ body, signature: { key: 'authority', value: sign(null, Buffer.from(canonical(body)), by).toString('base64') } })
}

/** The journal, with a hand on it. */
export class HeldJournal implements GateJournal {
  readonly real: Journal
  /** Appends wait while this is set. */
  held = false
  /** Which facts are refused, as by a full disk. */
  refuses: (fact: NewFact) => boolean = () => false
  state: 'ok' | 'reserve' | 'unavailable' = 'ok'
  readonly #states = new Listeners<'ok' | 'reserve' | 'unavailable'>()
  readonly #waiting: (() => void)[] = []

  constructor(real: Journal) {
    this.real = real
  }

  async append(fact: NewFact): Promise<{ seq: number }> {
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.refuses(fact)) throw new DeviceError('PC-JOURNAL-STORAGE', 'The disk does not take it.')
    return await this.real.append(fact)
  }

  release(): void {
    this.held = false
    for (const go of this.#waiting.splice(0)) go()
  }

  turn(state: 'ok' | 'reserve' | 'unavailable'): void {
    this.state = state
    this.#states.emit(state)
  }

  onState(listener: (state: 'ok' | 'reserve' | 'unavailable') => void): () => void {
    return this.#states.add(listener)
  }
}

/** Face recognition that says what the test wants. */
export class ScriptedFace implements FaceMatching {
  usable = true
  answer: Partial<FaceAnswer> = { result: 'match', score: 0.9 }
  /** Set: the answer waits for `finish`. */
  waits = false
  /** Set: the comparison breaks. */
  breaks = false
  cancelled = 0
  finish: () => void = () => undefined
  request: FaceRequest | undefined
  readonly #usable = new Listeners<boolean>()

  onUsable(listener: (usable: boolean) => void): () => void {
    return this.#usable.add(listener)
  }

  turn(usable: boolean): void {
    this.usable = usable
    this.#usable.emit(usable)
  }

  async verify(request: FaceRequest, signal: AbortSignal): Promise<FaceAnswer> {
    this.request = request
    request.onPrompt('turn-left')
    signal.addEventListener('abort', () => this.cancelled++, { once: true })
    if (this.waits) await new Promise<void>((resolve) => (this.finish = resolve))
    if (this.breaks) throw new InternalError('PC-BASE-INVARIANT', 'The worker broke.')
    return { result: 'match', threshold: 0.5, models: { embed: 'ab'.repeat(32) }, signals: [], compute_ms: 40, ...this.answer }
  }
}

const patience_ms = 10_000
const tested = { selfTest: async () => ({ passed: true, checks: [] }) }

export interface RigChoice extends SetupChoice {
  folder: string
  /** Whose record with photograph, and finger template, lies on the device. */
  enrolled?: { document: MrzFields; finger?: boolean }
  lists?: { [Name in ListName]?: ListKey[] }
  emergency?: SafetyReason
}

export class Rig {
  readonly clock: ManualClock
  readonly journal: HeldJournal
  readonly face = new ScriptedFace()
  /** Commands to doors and lamps as they arrive, such as `exit.open`. */
  readonly commands: string[] = []
  /** Effects that were commanded without a durable fact that asks for them: must stay empty, but for what may. */
  readonly tooEarly: string[] = []
  readonly log: string[] = []
  readonly reader
  readonly codes
  readonly camera
  readonly finger
  readonly entry: ComponentOf<typeof Barrier>
  readonly exit: ComponentOf<typeof Barrier>
  readonly front
  readonly inside
  readonly behind
  readonly fire
  readonly controller: GateController
  /** Doors that do not obey. */
  readonly jammed = new Set<string>()
  fingerSays: { outcome: 'match' | 'no-match' | 'no-finger' | 'poor-image'; score: number } | undefined = { outcome: 'match', score: 120 }

  static async make(choice: RigChoice): Promise<Rig> {
    const { folder } = choice
    mkdirSync(folder, { recursive: true })
    const clock = new ManualClock(noon)
    const journal = await Journal.open({ file: join(folder, 'journal.db'), device: 'd', clock, log: createLogger('silent'), keys: deviceKey(Buffer.alloc(32, 7)), limits: { reserve_bytes: 1024 } })
    return new Rig(choice, journal, clock)
  }

  private constructor(choice: RigChoice, journal: Journal, clock: ManualClock) {
    this.clock = clock
    this.journal = new HeldJournal(journal)
    const log = createLogger('trace', { write: (line) => void this.log.push(line) })
    this.reader = new Component('passport', DocumentReader, clock, tested)
    this.codes = new Component('card', CodeReader, clock, tested)
    this.camera = new Component('camera', Camera, clock, tested)
    this.front = this.#sensor('front')
    this.inside = this.#sensor('inside')
    this.behind = this.#sensor('behind')
    this.fire = new Component('fire', SafetyInput, clock, tested)
    this.entry = this.#door('entry')
    this.exit = this.#door('exit')
    this.finger = new Component('finger', FingerprintScanner, clock, {
      ...tested,
      verify: async () => {
        if (this.fingerSays === undefined) throw new DeviceError('PC-LINK-LOST', 'The scanner is gone.')
        return this.fingerSays
      },
      enrol: async () => ({ outcome: 'no-finger' as const }),
      image: async () => ({ outcome: 'no-finger' as const, width: 0, height: 0, grey: '' }),
    })
    const { folder, enrolled, lists: listed = {}, emergency, ...setup } = choice
    const records = join(folder, 'enrolments')
    mkdirSync(records, { recursive: true })
    if (enrolled !== undefined) {
      const record = { photo: Buffer.from('a photograph'), ...(enrolled.finger === true ? { fingerTemplate: Buffer.alloc(512, 3) } : {}) }
      writeFileSync(join(records, enrolmentFile(enrolled.document, key)), sealEnrolment(enrolled.document, record, key, authority.privateKey))
    }
    const lists = new Lists({ key, signers: new Map([['authority', authority.publicKey]]) })
    for (const name of ['watchlist', 'revoked', 'residents'] as const) lists.take(signList(name, listed[name]))
    const options: GateControllerOptions = {
      name: 'gate', clock, log, setup: setupOf(setup), journal: this.journal, face: this.face, lists, timeZone: 'Asia/Ho_Chi_Minh',
      enrolments: new Enrolments({ folder: records, key, authority: authority.publicKey }),
      parts: {
        reader: this.reader, codes: this.codes, camera: this.camera, finger: this.finger, exit: this.exit, front: this.front, behind: this.behind,
        ...(choice.layout === 'single' ? {} : { entry: this.entry, inside: this.inside }),
        lampEntry: this.#lamp('entryLamp'), lampExit: this.#lamp('exitLamp'), fire: this.fire,
      },
      ...(emergency === undefined ? {} : { emergency }),
    }
    this.controller = new GateController(options)
  }

  /** All parts come up, and the gate with them. */
  async start(): Promise<void> {
    const { reader, codes, camera, finger, front, inside, behind, entry, exit, fire } = this
    for (const part of [reader, codes, camera, finger, front, inside, behind, entry, exit, fire] as unknown as Component[]) part.publish('health', { status: 'ready' })
    fire.publish('active', false)
    await this.controller.start()
    await this.settle()
  }

  async stop(): Promise<void> {
    await this.controller.stop()
    await this.journal.real.close()
  }

  get view() {
    return this.controller.component.read('view')
  }

  get facts(): Fact[] {
    return this.journal.real.after(0, 1_000)
  }

  /** The newest `gate.passage`. */
  get passage(): { [name: string]: unknown } | undefined {
    return this.facts.findLast(({ kind }) => kind === 'gate.passage')?.body as { [name: string]: unknown } | undefined
  }

  /** Lets everything that can happen now happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) await nextTurn()
  }

  /** Waits for what files and other threads must do first: no clock here counts that. */
  async until(holds: () => boolean, what: string): Promise<void> {
    for (const started = performance.now(); !holds(); await nextTurn()) {
      if (performance.now() - started > patience_ms) throw new TimeoutError('PC-BASE-RECORD-LATE', `It did not come to this: ${what}.`)
    }
    await this.settle()
  }

  /** Until the gate is in the phase. */
  reach(phase: Phase): Promise<void> {
    return this.until(() => this.view?.phase === phase, phase)
  }

  /** Lets time pass, in steps that a device would notice. */
  async wait(seconds: number): Promise<void> {
    for (let left_ms = seconds * 1_000; left_ms > 0; left_ms -= 250) {
      this.clock.advance(Math.min(250, left_ms))
      await this.settle()
    }
  }

  async present(document: MrzFields = anna): Promise<void> {
    this.front.publish('count', 1)
    this.reader.raise('read', { lines: composeMrz(document) })
    await this.settle()
    if (!this.journal.held && this.journal.state === 'ok') await this.until(() => this.view?.phase !== 'reading' && this.view?.phase !== 'checking', 'the document is checked')
  }

  async stepIn(): Promise<void> {
    this.inside.publish('count', 1)
    this.front.publish('count', 0)
    await this.settle()
  }

  async stepOut(): Promise<void> {
    this.exit.publish('passed', (this.exit.read('passed') ?? 0) + 1)
    this.behind.publish('count', 1)
    this.inside.publish('count', 0)
    await this.settle()
    this.behind.publish('count', 0)
    await this.settle()
  }

  /** From the journal, all decisions again. */
  replay(): Replay {
    const recorded: RecordedMachine = { startKind, machine: gateMachine, initialFrom: (body) => (body as unknown as { state: State }).state }
    return replaySteps(this.journal.real, stepKind, recorded)
  }

  #sensor(name: string): ComponentOf<typeof PresenceSensor> {
    const sensor = new Component(name, PresenceSensor, this.clock, tested)
    sensor.publish('count', 0)
    return sensor
  }

  #door(name: 'entry' | 'exit'): ComponentOf<typeof Barrier> {
    const moved = (command: string, state: 'open' | 'closed'): Record<string, never> => {
      this.commands.push(`${name}.${command}`)
      if (!this.#isDurable(command, name)) this.tooEarly.push(`${name}.${command}`)
      if (this.jammed.has(name)) throw new DeviceError('PC-BARRIER-MODE', 'The door does not obey.')
      door.publish('state', state)
      return {}
    }
    const door: ComponentOf<typeof Barrier> = new Component(name, Barrier, this.clock, {
      ...tested,
      open: async () => moved('open', 'open'),
      close: async () => moved('close', 'closed'),
      free: async ({ on }) => moved(on ? 'free' : 'unfree', on ? 'open' : 'closed'),
    })
    door.publish('state', 'closed')
    door.publish('passed', 0)
    return door
  }

  #lamp(name: string): ComponentOf<typeof Indicator> {
    return new Component(name, Indicator, this.clock, {
      ...tested,
      show: async ({ sign: shown }) => {
        this.commands.push(`${name}.${shown}`)
        return {}
      },
    })
  }

  /** As many durable facts ask for this command as there were such commands by now. */
  #isDurable(command: string, door: string): boolean {
    const asked = this.facts.filter(({ kind }) => kind === stepKind)
      .flatMap(({ body }) => (body as unknown as { effects: Effect[] }).effects)
      .filter((effect) => 'door' in effect && effect.door === door && commandOf(effect) === command).length
    return this.commands.filter((each) => each === `${door}.${command}`).length <= asked
  }
}

const commandOf = (effect: Extract<Effect, { door: unknown }>): string => (effect.kind === 'free' && !effect.on ? 'unfree' : effect.kind)

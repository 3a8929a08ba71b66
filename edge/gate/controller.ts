/**
 * The gate at work: binds the pure machine to the components, the journal and the checks.
 *
 * It decides nothing. News from the parts become inputs, each step becomes a fact, and effects are
 * carried out once their fact is durable.
 */
import type { Json } from '../base/canonical.ts'
import type { Cancel } from '../base/clock.ts'
import { DeviceError, describe, UsageError } from '../base/error.ts'
import { MachineRunner, type Step } from '../base/machine.ts'
import { type Caller, Component } from '../device/component.ts'
import type { SelfTestReport } from '../device/contract.ts'
import type { FactSink } from '../journal/fact.ts'
import { parseCitizenCard } from '../perception/document/citizen-card.ts'
import { parseMrz } from '../perception/document/mrz.ts'
import { Checks, type ChecksOptions } from './checks.ts'
import { Gate, type Outcome, type Reason } from './contract.ts'
import { Desk, type Presented } from './desk.ts'
import { type Effect, mayGoUnrecorded, type PassageRecord } from './effect.ts'
import type { Decision, DoorName, Input, Part, SafetyReason } from './input.ts'
import { gateMachine } from './machine.ts'
import { mode } from './mode.ts'
import { listenToParts, namesOf } from './parts.ts'
import { initialState, type State } from './state.ts'
import { view } from './view.ts'

/** The kind of fact that a step becomes; `portcullis journal replay` feeds them to the machine again. */
export const stepKind = 'gate.step'
/** Begins a run of steps: its body holds the state in which the first of them was taken. */
export const startKind = 'gate.start'
/** The summary of a passage; its personal part says who. */
export const passageKind = 'gate.passage'
/** The emergency began, or an officer ended it: a start finds the newest. */
export const emergencyKind = 'gate.emergency'
/** An officer took the gate out of service, or back: a start finds the newest. */
export const serviceKind = 'gate.service'

/** How long a step may take to become durable before the gate counts the journal as lost. */
const recordLimit_ms = 2_000
const backlogMax = 256
/** While the journal does not take steps, how often it is tried again. */
const journalRetry_ms = 1_000

export interface GateControllerOptions extends Omit<ChecksOptions, 'desk' | 'feed'> {
  name: string
  journal: GateJournal
  /** The journal's last word of an emergency that no officer ended. */
  emergency?: SafetyReason | undefined
  /** The officer who had taken the gate out of service, if it still is. */
  outOfServiceBy?: string | undefined
}

/** What the gate needs of the journal; when it is not `ok`, nobody begins a passage. */
export type GateJournal = FactSink & {
  readonly state: 'ok' | 'reserve' | 'unavailable'
  onState(listener: (state: 'ok' | 'reserve' | 'unavailable') => void): () => void
}

export class GateController {
  readonly component: Component<(typeof Gate)['members']>
  readonly #options: GateControllerOptions
  readonly #desk = new Desk()
  readonly #checks: Checks
  #runner: MachineRunner<State, Input, Effect> | undefined
  #ends: (() => void)[] = []
  #totals: Partial<Record<Outcome, number>> = {}
  /** The last step was written down. */
  #recording = true
  /** No step since the last start fact is known to be lost. */
  #unbroken = false
  /** Counts steps, so that a replay sees where one is missing. */
  #steps = 0
  #inEmergency = false
  #journalProbe: Cancel | undefined
  #decision_ms: number | undefined

  constructor(options: GateControllerOptions) {
    this.#options = options
    const { name, clock } = options
    this.component = new Component(name, Gate, clock, {
      selfTest: async () => this.#selfTest(),
      decide: async ({ decision, passage }, _signal, caller) => {
        this.#mustBeMeant(decision, passage)
        this.#feedOfficer(decision, caller)
        await this.#written()
        return {}
      },
      service: async ({ on }, signal, caller) => {
        // Taken out at once, whatever the journal says; back only when that is durable.
        if (!on) this.#feedOfficer('service-off', caller)
        await options.journal.append({ kind: serviceKind, class: 'safety', body: { on, by: caller.id } })
        if (on && !signal.aborted) this.#feedOfficer('service-on', caller)
        return {}
      },
    })
    this.#checks = new Checks({ ...options, desk: this.#desk, feed: (input) => this.#feed(input) })
  }

  async start(): Promise<void> {
    const { setup, clock, journal, parts, emergency, outOfServiceBy } = this.#options
    this.#inEmergency = emergency !== undefined
    this.#unbroken = false
    this.#runner = new MachineRunner({
      machine: gateMachine, initial: initialState(setup), clock, recordLimit_ms, backlogMax,
      record: (step, before) => this.#record(step, before),
      perform: (effect) => this.#perform(effect),
      unrecorded: (step, error) => this.#unrecorded(step, error),
      onState: (state) => this.#show(state),
    })
    this.component.publish('health', { status: 'ready' })
    this.component.publish('totals', {})
    this.component.publish('parts', namesOf(parts))
    this.#feed({ kind: 'start', ...(emergency === undefined ? {} : { emergency }) })
    if (outOfServiceBy !== undefined) this.#feed({ kind: 'officer', decision: 'service-off', by: outOfServiceBy })
    this.#tellJournal()
    this.#ends = [
      journal.onState(() => this.#tellJournal()),
      listenToParts(parts, setup.layout, (input) => this.#feed(input)),
      this.#checks.start((part, usable) => this.#tellPart(part, usable)),
      parts.reader.onEvent('read', ({ lines }) => this.#read(lines)),
      parts.reader.onEvent('unreadable', () => this.#feed({ kind: 'documentUnreadable' })),
      ...(parts.codes === undefined ? [] : [parts.codes.onEvent('read', ({ content }) => this.#readCode(content))]),
    ]
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
    this.#ends = []
    // What was decided before may still open a door or begin a check: both end only after that.
    await this.#runner?.stop()
    this.#journalProbe?.()
    this.#checks.stop()
    await this.#closeDoors()
    this.#runner = undefined
    this.#desk.clear()
    this.component.publish('health', { status: 'stopped' })
  }

  #feed(input: Input): void {
    this.#runner?.feed(input)
  }

  /**
   * A decision that was on its way while its traveller left must not fall on the next one.
   * @throws UsageError (PC-GATE-NOBODY, PC-GATE-PASSAGE).
   */
  #mustBeMeant(decision: Decision, passage: number | undefined): void {
    if (this.#runner === undefined) return
    const { stage, passages } = this.#runner.state
    const component = this.component.name
    if (decision === 'grant' && stage.at !== 'referred') throw new UsageError('PC-GATE-NOBODY', 'No traveller waits for an officer.', { component })
    if (passage === undefined ? decision === 'grant' : passage !== passages) {
      throw new UsageError('PC-GATE-PASSAGE', 'The decision is not on the passage that runs: name the passage that it is on.', { component })
    }
  }

  #feedOfficer(decision: Decision | 'service-on' | 'service-off', caller: Caller): void {
    if (this.#runner === undefined) throw new DeviceError('PC-GATE-STOPPED', 'The gate is not running.', { component: this.component.name })
    this.#feed({ kind: 'officer', decision, by: caller.id })
  }

  /** Nobody is told that a decision was taken before it is durable. @throws DeviceError (PC-GATE-JOURNAL) */
  async #written(): Promise<void> {
    await this.#runner?.settled()
    if (!this.#recording) throw new DeviceError('PC-GATE-JOURNAL', 'The decision was taken, but the journal could not keep it.', { component: this.component.name })
  }

  #tellPart(part: Part, usable: boolean): void {
    this.#feed({ kind: 'part', part, usable })
  }

  #read(lines: readonly string[]): void {
    const reading = parseMrz(lines, this.#options.clock.wall())
    if (!reading.ok) this.#feed({ kind: 'documentUnreadable' })
    else this.#keep({ from: 'mrz', document: reading.document })
  }

  #readCode(content: string): void {
    const reading = parseCitizenCard(content, this.#options.clock.wall())
    if (!reading.ok) this.#feed({ kind: 'documentUnreadable' })
    else this.#keep({ from: 'card', claim: reading.claim })
  }

  #keep(presented: Presented): void {
    this.#feed({ kind: 'documentRead', ref: this.#desk.keep(presented) })
    this.component.publish('counters', { documentsTurnedAway: this.#desk.turnedAway })
  }

  /** A run whose steps are not all in the journal could not be replayed: after a hole a new one begins. */
  async #record(step: Step<Input, Effect>, before: State): Promise<void> {
    const { journal } = this.#options
    const number = ++this.#steps
    const begun = this.#unbroken ? undefined : journal.append({ kind: startKind, class: 'passage', body: { state: before as unknown as Json, number } })
    this.#unbroken = true
    await Promise.all([begun, journal.append({ kind: stepKind, class: 'passage', body: { ...step, number } as unknown as Json })])
    if (this.#recording) return
    this.#recording = true
    this.#tellJournal()
  }

  /** Without a durable fact nobody is let in or through: see `mayGoUnrecorded`. */
  #unrecorded(step: Step<Input, Effect>, error: unknown): readonly Effect[] {
    const { log, clock } = this.#options
    this.#unbroken = false
    log.error({ component: this.component.name, error: describe(error) }, 'a step could not be written to the journal')
    if (this.#recording) {
      this.#recording = false
      this.#tellJournal()
    }
    // Says so again until it is written down: the step that tells it is itself the test of the journal.
    this.#journalProbe?.()
    this.#journalProbe = clock.after(journalRetry_ms, () => this.#tellJournal())
    return step.effects.filter(mayGoUnrecorded)
  }

  #tellJournal(): void {
    const usable = this.#recording && this.#options.journal.state === 'ok'
    this.component.publish('health', usable ? { status: 'ready' } : { status: 'degraded', code: 'PC-GATE-JOURNAL', says: 'The journal does not take facts: nobody is let through.' })
    this.#tellPart('journal', usable)
  }

  #show(state: State): void {
    const { component } = this
    const shown = view(state)
    component.publish('inService', shown.phase !== 'out-of-service')
    component.publish('view', shown)
    component.publish('mode', mode(state))
    const inEmergency = state.stage.at === 'emergency'
    if (inEmergency !== this.#inEmergency) this.#noteEmergency(inEmergency ? state.stage.reason : undefined)
    this.#inEmergency = inEmergency
  }

  #noteEmergency(reason: Reason | undefined): void {
    const { journal, log } = this.#options
    journal.append({ kind: emergencyKind, class: 'safety', body: reason === undefined ? { on: false } : { on: true, reason } })
      .catch((error: unknown) => log.error({ error: describe(error) }, 'an emergency could not be written to the journal'))
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'checkDocument':
      case 'startFace':
      case 'startFinger':
      case 'cancelFace':
      case 'cancelFinger':
        return this.#checks.perform(effect)
      case 'open':
      case 'close':
      case 'free':
        return this.#moveDoor(effect)
      case 'sign':
        return this.#showSign(effect)
      case 'alert':
        return this.#alert(effect)
      case 'record': {
        const { kind: _kind, ...record } = effect
        return this.#writePassage(record)
      }
      case 'forget':
        return this.#desk.forget(effect.ref)
    }
  }

  #door(name: DoorName) {
    return name === 'entry' ? this.#options.parts.entry : this.#options.parts.exit
  }

  #moveDoor(effect: Extract<Effect, { kind: 'open' | 'close' | 'free' }>): void {
    const door = this.#door(effect.door)
    if (door === undefined) return
    if (effect.kind === 'open' && effect.door === 'exit') {
      const since = this.#checks.takeLastSensor()
      if (since !== undefined) this.#decision_ms = Math.round((this.#options.clock.now() - since) * 10) / 10
    }
    const moved = effect.kind === 'open' ? door.invoke('open', { for_ms: effect.for_ms })
      : effect.kind === 'free' ? door.invoke('free', { on: effect.on })
        : door.invoke('close', {})
    moved.catch((error: unknown) => {
      const { code } = describe(error)
      this.#options.log.warn({ component: door.name, error: describe(error) }, `${effect.kind} failed`)
      this.#feed({ kind: 'effectFailed', effect, code })
    })
  }

  #showSign({ side, sign }: Extract<Effect, { kind: 'sign' }>): void {
    const lamp = side === 'entry' ? this.#options.parts.lampEntry : this.#options.parts.lampExit
    lamp?.invoke('show', { sign }).catch((error: unknown) => {
      this.#options.log.warn({ component: lamp.name, error: describe(error) }, 'a lamp could not be set')
    })
  }

  #alert({ severity, reason }: Extract<Effect, { kind: 'alert' }>): void {
    const passage = this.#runner?.state.passages ?? 0
    if (severity === 'alarm') this.component.raise('alarm', { reason })
    else this.component.raise('referral', { reason, passage })
  }

  #writePassage({ ref, ...record }: PassageRecord): void {
    const { journal, log } = this.#options
    const personal = ref === undefined ? undefined : this.#desk.get(ref)?.presented
    const decision_ms = this.#decision_ms
    this.#decision_ms = undefined
    journal.append({
      kind: passageKind, class: 'passage',
      body: { ...record, ...(decision_ms === undefined ? {} : { decision_ms }) } as unknown as Json,
      ...(personal === undefined ? {} : { personal: structuredClone(personal) as unknown as Json }),
    }).catch((error: unknown) => log.error({ error: describe(error) }, 'the summary of a passage could not be written'))
    this.#totals = { ...this.#totals, [record.outcome]: (this.#totals[record.outcome] ?? 0) + 1 }
    this.component.publish('totals', this.#totals)
    this.component.raise('ended', {
      outcome: record.outcome, passage: record.passage, cycle_ms: record.cycle_ms,
      ...(record.reason === undefined ? {} : { reason: record.reason }),
    })
  }

  /** A gate that goes away leaves no door open, unless people are being let out. */
  async #closeDoors(): Promise<void> {
    if (this.#runner === undefined || this.#runner.state.stage.at === 'emergency') return
    const { entry, exit } = this.#options.parts
    await Promise.allSettled([...(entry === undefined ? [] : [entry]), exit].map((door) => door.invoke('close', {})))
  }

  #selfTest(): SelfTestReport {
    const state = this.#runner?.state
    const now = state === undefined ? 'closed' : mode(state)
    const idle = this.#desk.size === 0 || state?.stage.at !== 'idle'
    const checks = [
      { name: 'mode', passed: now === 'full', says: `The gate can do ${now === 'full' ? 'all checks' : `only: ${now}`}.` },
      { name: 'privacy', passed: idle, says: 'An idle gate keeps no traveller\'s data.' },
    ]
    return { passed: checks.every((check) => check.passed), checks }
  }
}

/**
 * What comes of a TiM's telegrams: points and field states for the component, and whether they may be
 * believed. Nothing of its own is allocated for a scan; the link's framing allocates what it joins (a
 * scan comes in two or three pieces of TCP: one copy of it, a few small objects a piece).
 */
import type { Clock } from '../../../edge/base/clock.ts'
import type { Logger } from '../../../edge/base/log.ts'
import type { Lidar, LidarTrouble } from '../../../edge/device/capabilities.ts'
import type { Component } from '../../../edge/device/component.ts'
import type { Health } from '../../../edge/device/contract.ts'
import { troubleCode, troubleSays } from '../../../edge/device/lidar-trouble.ts'
import { PointBlock } from '../../../edge/device/points.ts'
import { SourceWatch, type WatchLimits } from '../stream/source-watch.ts'

import type { Payload } from './cola.ts'
import { type Field, type FieldState, isConfigured } from './fields.ts'
import { type FieldResult, nameInSet, parseResults, placeOf, setOf, setOfInputs, setOfResults } from './results.ts'
import { beamsMax, deviceStatus, ScanDecoder } from './scan.ts'
import type { SensorSetup } from './sensor.ts'

type LidarMembers = typeof Lidar.members

export interface ScanStreamOptions {
  component: Component<LidarMembers>
  clock: Clock
  log: Logger
  limits: WatchLimits
  /** How many telegrams the framing has found damaged so far. */
  damaged(): number
}

const second_ms = 1_000

export class ScanStream {
  readonly decoder = new ScanDecoder()
  readonly watch: SourceWatch
  readonly #options: ScanStreamOptions
  readonly #block = new PointBlock(beamsMax, 1)
  #fields: readonly Field[] = []
  /** As chosen by telegram; undefined when the inputs choose. */
  #chosenSet: number | undefined
  /** The set that the sensor says is active. */
  #set = 0
  /** The set whose fields are known. */
  #known = 0
  /** Nothing was said yet of the fields of the set that is known. */
  #isUntold = false
  /** It is the sensor that is expected: what it sends is passed on. */
  #isAccepted = false
  #damagedSeen = 0
  #reported: string | undefined
  #second = { began: 0, turns: 0, beams: 0, returns: 0 }

  constructor(options: ScanStreamOptions) {
    this.#options = options
    this.watch = new SourceWatch(options.limits)
  }

  /** The link is new: what came before says nothing. */
  begin(setup: SensorSetup): void {
    this.decoder.reset()
    this.decoder.every = setup.every
    this.watch.reset()
    this.#fields = setup.fields
    this.#chosenSet = setup.set
    this.#set = 0
    this.#known = 0
    this.#isAccepted = false
    this.#damagedSeen = this.#options.damaged()
    this.#useSet(setup.set ?? 1)
  }

  /** It is the right sensor: its points are passed on from now on. */
  accept(): void {
    this.#isAccepted = true
    this.#second = { ...this.#totals(), began: this.#options.clock.now() }
  }

  /** The link is gone: nothing is known any more. @param isTrouble false when nobody wants it any more. */
  end(isTrouble: boolean): void {
    const { component } = this.#options
    this.#isAccepted = false
    this.#publishFields(() => 'unknown')
    this.#publishFigures(0, 0, 0)
    if (isTrouble) component.raise('trouble', { reason: 'silent' })
  }

  /** Another set is active and has fields, and the sensor, which tells of changes only, has said nothing of them. */
  get isUntold(): boolean {
    return this.#isUntold
  }

  /** A telegram that no request asked for. */
  receive(payload: Payload): void {
    const { component, clock } = this.#options
    const verdict = this.decoder.decode(payload, this.#block)
    if (verdict === 'points') {
      this.#block.received = clock.now()
      this.watch.points(this.#block)
      // A window that is too dirty is an error, too, and has a name of its own.
      if (this.#says(deviceStatus.error) && !this.#says(deviceStatus.pollutionError)) this.watch.fault()
      this.#useSet(this.#chosenSet ?? setOfInputs(this.decoder.inputs))
      if (this.#isAccepted) component.stream('points', this.#block)
      return
    }
    this.watch.other(verdict)
    if (verdict !== 'other') return
    const results = parseResults(payload)
    if (results !== undefined) this.take(results)
  }

  /** Results of the sensor's field evaluation; undefined when it has been asked and gives none. */
  take(results: readonly FieldResult[] | undefined): void {
    this.#isUntold = false
    if (results === undefined) return
    // They may come before the scan that says that another set is active.
    this.#known = setOfResults(results, this.#fields, this.#set)
    this.#publishFields((place) => results.find((result) => result.place === place)?.state ?? 'unknown')
  }

  /** `tick_ms` have passed. */
  tick(): void {
    const { watch } = this
    const damaged = this.#options.damaged()
    for (; this.#damagedSeen < damaged; this.#damagedSeen++) watch.other('damaged')
    watch.tick()
    if (watch.trouble !== undefined) this.#fail(watch.trouble, troubleCode[watch.trouble], troubleSays(this.#options.component.name, watch.trouble))
    else if (watch.ready) this.#judgeStatus()
    if (this.#options.clock.now() - this.#second.began >= second_ms) this.#endSecond()
  }

  #says(bit: number): boolean {
    return (this.decoder.status & bit) !== 0
  }

  /** The stream is well; what does the sensor say of itself? */
  #judgeStatus(): void {
    const { component } = this.#options
    const { warning } = this.watch
    if (this.#says(deviceStatus.pollutionError)) {
      this.#fail('blinded', 'PC-LIDAR-DIRTY', `${component.name} says that its window is too dirty to see through.`)
      return
    }
    this.#reported = undefined
    if (this.#says(deviceStatus.pollutionWarning)) this.#publishHealth({ status: 'degraded', code: 'PC-LIDAR-DIRTY', says: `${component.name} says that its window is getting dirty.` })
    else if (warning !== undefined) this.#publishHealth({ status: 'degraded', code: troubleCode[warning], says: troubleSays(component.name, warning) })
    else this.#publishHealth({ status: 'ready' })
  }

  #fail(reason: LidarTrouble, code: string, says: string): void {
    const { component, log } = this.#options
    this.#publishHealth({ status: 'failed', code, says })
    if (this.#reported === code) return
    this.#reported = code
    log.warn({ component: component.name, code, reason }, 'not to be believed')
    component.raise('trouble', { reason })
  }

  #publishHealth(health: Health): void {
    const { component } = this.#options
    if (component.health.status !== health.status || component.health.code !== health.code) component.publish('health', health)
  }

  /** Another set is active: nothing is known of its fields until the sensor says so. */
  #useSet(set: number): void {
    if (set === this.#set) return
    this.#set = set
    if (set === this.#known) return
    this.#known = set
    this.#publishFields(() => 'unknown')
    this.#isUntold = this.#ofKnownSet().length > 0
  }

  #ofKnownSet(): readonly Field[] {
    return this.#fields.filter((field) => setOf(field.index) === this.#known && isConfigured(field))
  }

  /** Of the fields that are configured in the set that is known. */
  #publishFields(stateAt: (place: number) => FieldState): void {
    this.#options.component.publish('fields', Object.fromEntries(this.#ofKnownSet().map(({ index }) => [nameInSet(index), stateAt(placeOf(index))])))
  }

  #totals(): { turns: number; beams: number; returns: number } {
    const { tally } = this.watch
    return { turns: tally.get('turns'), beams: tally.get('beams'), returns: tally.get('returns') }
  }

  #endSecond(): void {
    const { began, ...before } = this.#second
    const after = this.#totals()
    const now = this.#options.clock.now()
    const elapsed_s = (now - began) / second_ms
    const beams = after.beams - before.beams
    this.#publishFigures((after.turns - before.turns) / elapsed_s, beams / elapsed_s, beams === 0 ? 0 : (after.returns - before.returns) / beams)
    this.#second = { ...after, began: now }
  }

  #publishFigures(turns: number, rate: number, returns: number): void {
    const { component } = this.#options
    component.publish('turns', Math.round(turns * 10) / 10)
    component.publish('rate', Math.round(rate))
    component.publish('returns', Math.round(returns * 1_000) / 1_000)
  }
}


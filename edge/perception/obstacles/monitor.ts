/**
 * The obstacle decision: clear, slow or stop, the strictest of all sources, made as each packet arrives.
 *
 * Pure: every instant is passed in, nothing is read or written outside, so the same calls give the same
 * decisions. What has not been seen, is too old, or cannot be believed stops the vehicle.
 */
import type { Instant } from '../../base/clock.ts'
import type { LidarTrouble } from '../../device/capabilities.ts'
import type { PointBlock } from '../../device/points.ts'
import { Candidate, levels } from './safety/candidate.ts'
import type { CloudRing } from './cloud.ts'
import type { Cause, Decision, Motion } from './contract.ts'
import { FieldChoice } from './safety/field-choice.ts'
import { FieldMap } from './safety/fields.ts'
import { type FieldFindings, Infringements } from './safety/findings.ts'
import { Release } from './safety/release.ts'
import type { FieldSet, ObstacleSetup } from './setup.ts'
import { SourcePath, type SourceState } from './safety/source-path.ts'
import { sweepState } from './safety/sweep.ts'

/** How long something that was found in a field counts, in turns: then it should have been seen again. */
const turnsHeld = 1.5
/** Sensors' own fields that are remembered. */
const sensorFieldsMax = 256
/** Something that stays is told again when it has moved so far, metres, but not more often than this. */
const moved_m = 0.25
const told_ms = 500
const slowLevel = 1
const stopLevel = 2
/** Stricter than any slow field. */
const stopStrictness = 1_000
/** Evidence is compared in squares of 2 x 2 cells: so many cells around a field count with it. */
const haloCells = 2

export interface SafetyMonitorOptions {
  /** Where the points of a source are handed on to. */
  cloud?(source: string): CloudRing | undefined
}

interface SensorField {
  source: number
  name: string
  infringed: boolean
}

export class SafetyMonitor {
  /** Changes when the decision does. */
  version = 0
  /** Packets and troubles of sources that the profile does not name. */
  strangers = 0
  readonly #setup: ObstacleSetup
  readonly #names: readonly string[]
  readonly #paths: readonly SourcePath[]
  readonly #numbers: ReadonlyMap<string, number>
  /** What the sources' drivers say of them. */
  readonly #troubles: (LidarTrouble | undefined)[]
  readonly #choice: FieldChoice
  readonly #infringements = new Infringements()
  readonly #sensorFields: SensorField[] = []
  readonly #limitRanks: readonly number[]
  readonly #asked = new Candidate()
  readonly #release: Release
  readonly #told = new Candidate()
  /** The latest instant that was passed in; since when findings count; when it was told last. */
  readonly #now = new Float64Array(1).fill(-Infinity)
  readonly #since = new Float64Array(1).fill(-Infinity)
  readonly #toldAt = new Float64Array(1).fill(-Infinity)
  #decision: Decision = { level: 'stop', limit_mps: 0, cause: { kind: 'starting' } }

  /** @throws ConfigError when the fields cannot be drawn. */
  constructor(setup: ObstacleSetup, options: SafetyMonitorOptions = {}) {
    this.#setup = setup
    const map = new FieldMap(setup, haloCells * setup.evidence.cell_m)
    this.#names = Object.keys(setup.sources)
    this.#numbers = new Map(this.#names.map((name, number) => [name, number]))
    this.#paths = Object.entries(setup.sources).map(([name, source], number) =>
      new SourcePath({ setup, source, number, map, infringements: this.#infringements, cloud: options.cloud?.(name) }))
    this.#troubles = this.#names.map(() => undefined)
    this.#choice = new FieldChoice(setup.fields, setup.motion_ms)
    this.#limitRanks = ranks(setup.fields)
    this.#release = new Release(setup.release_ms)
  }

  /** A packet of a source arrived; `block.received` is now. */
  onBlock(source: string, block: PointBlock): void {
    const number = this.#numbers.get(source)
    if (number === undefined) {
      this.strangers++
      return
    }
    if (block.received > this.#now[0]!) this.#now[0] = block.received
    this.#paths[number]!.process(block)
    this.#decide()
  }

  /** What the source's driver says of it; undefined when it is well. */
  onSourceTrouble(source: string, trouble: LidarTrouble | undefined): void {
    const number = this.#numbers.get(source)
    if (number === undefined) {
      this.strangers++
      return
    }
    this.#troubles[number] = trouble
    this.#decide()
  }

  /** What a sensor's own evaluation says of one of its fields. Anything but free is infringed. */
  onSensorField(source: string, field: string, infringed: boolean): void {
    const number = this.#numbers.get(source)
    const known = this.#sensorFields.find((other) => other.source === number && other.name === field)
    if (known !== undefined) known.infringed = infringed
    else if (number === undefined || this.#sensorFields.length >= sensorFieldsMax) this.strangers++
    else this.#sensorFields.push({ source: number, name: field, infringed })
    this.#decide()
  }

  onMotion(motion: Motion, now: Instant): void {
    if (now > this.#now[0]!) this.#now[0] = now
    this.#choice.set(motion, this.#now)
    for (const path of this.#paths) path.speed_mps = motion.speed_mps
    this.#decide()
  }

  /** Time goes by: looks for what is too old. */
  tick(now: Instant): void {
    if (now > this.#now[0]!) this.#now[0] = now
    this.#decide()
  }

  decision(): Decision {
    return this.#decision
  }

  /** The field sets that count now. */
  get fieldsInUse(): string {
    return this.#choice.names(this.#now)
  }

  /** `ok`, or why the source is not believed. */
  sourceState(source: string): SourceState | LidarTrouble | 'unknown' {
    const number = this.#numbers.get(source)
    return number === undefined ? 'unknown' : (this.#troubles[number] ?? this.#paths[number]!.state)
  }

  /** Of each source: what could not be used. */
  counters(): Record<string, SourcePath['counters']> {
    return Object.fromEntries(this.#names.map((name, number) => [name, this.#paths[number]!.counters]))
  }

  #decide(): void {
    const asked = this.#asked
    asked.clear()
    this.#askSources(asked)
    this.#askFields(asked)
    this.#askSensorFields(asked)
    this.#release.ask(asked, this.#now)
    this.#tell()
  }

  #askSources(asked: Candidate): void {
    for (let number = 0; number < this.#paths.length; number++) {
      const path = this.#paths[number]!
      path.check(this.#now)
      const { state } = path
      const trouble = this.#troubles[number]
      if (trouble === undefined && state === 'ok') continue
      const isAge = trouble === undefined && (state === 'stale' || state === 'starting')
      if (!asked.offer(stopStrictness, stopLevel, isAge ? state : 'source')) continue
      asked.source = number
      if (!isAge) asked.trouble = trouble ?? state
    }
  }

  #askFields(asked: Candidate): void {
    const inUse = this.#choice.inUse(this.#now)
    if (inUse === 0) asked.offer(stopStrictness, stopLevel, 'motion')
    this.#lookBack()
    const { stop, slow } = this.#infringements
    const stopped = stop.since(this.#since)
    const slowed = slow.since(this.#since)
    const isKnown = this.#choice.isKnown(this.#now)
    for (let number = 0; number < this.#paths.length; number++) {
      const path = this.#paths[number]!
      path.hold(stopped, slowed)
      if (!isKnown) path.forgetSpeed()
    }
    for (let set = 0; set < this.#setup.fields.length; set++) {
      const bit = 1 << set
      if ((inUse & bit) === 0) continue
      // A set that the last known motion would not ask for counts only because nobody says how the vehicle moves.
      const cause = (this.#choice.asked & bit) === 0 ? 'motion' : 'field'
      if ((stopped & bit) !== 0 && asked.offer(stopStrictness, stopLevel, cause)) {
        asked.source = stop.by[set]!
        asked.set = set
      }
      if ((slowed & bit) !== 0 && asked.offer(this.#limitRanks[set]!, slowLevel, cause)) {
        asked.source = slow.by[set]!
        asked.set = set
      }
    }
  }

  /**
   * Sets since when findings count: what is still there has been seen again since, even by the slowest source.
   * Never back: a turn that took longer does not bring back what was gone.
   */
  #lookBack(): void {
    let longest_ms = 0
    for (let number = 0; number < this.#paths.length; number++) {
      const turn_ms = this.#paths[number]!.sweep.state[sweepState.turn_ms]!
      if (turn_ms > longest_ms) longest_ms = turn_ms
    }
    const since = this.#now[0]! - turnsHeld * longest_ms
    if (since > this.#since[0]!) this.#since[0] = since
  }

  #askSensorFields(asked: Candidate): void {
    for (let number = 0; number < this.#sensorFields.length; number++) {
      const field = this.#sensorFields[number]!
      if (!field.infringed || !asked.offer(stopStrictness, stopLevel, 'sensor-field')) continue
      asked.source = field.source
      asked.sensorField = number
    }
  }

  /** Makes a new decision of what holds, when it is another one. */
  #tell(): void {
    const { shown } = this.#release
    if (shown.equals(this.#told) && this.version > 0 && !this.#hasMoved(shown)) return
    this.#told.copy(shown)
    this.#toldAt[0] = this.#now[0]!
    this.#decision = this.#decisionOf(shown)
    this.version++
  }

  #hasMoved(shown: Candidate): boolean {
    const { cause } = this.#decision
    if (shown.set < 0 || cause?.x === undefined || this.#now[0]! - this.#toldAt[0]! < told_ms) return false
    const { position } = this.#findingsOf(shown)
    return Math.abs(position[3 * shown.set]! - cause.x) + Math.abs(position[3 * shown.set + 1]! - (cause.y ?? 0)) > moved_m
  }

  #findingsOf(shown: Candidate): FieldFindings {
    return shown.level === stopLevel ? this.#infringements.stop : this.#infringements.slow
  }

  #decisionOf(shown: Candidate): Decision {
    const level = levels[shown.level]!
    if (shown.cause === 'none') return { level }
    return { level, limit_mps: shown.level === stopLevel ? 0 : this.#setup.fields[shown.set]!.limit_mps, cause: this.#causeOf(shown, shown.cause) }
  }

  #causeOf(shown: Candidate, kind: Cause['kind']): Cause {
    const cause: Cause = { kind }
    const name = this.#names[shown.source]
    if (name !== undefined) cause.source = name
    if (shown.trouble !== '') cause.trouble = shown.trouble
    const sensorField = this.#sensorFields[shown.sensorField]
    if (sensorField !== undefined) cause.field = sensorField.name
    const set = this.#setup.fields[shown.set]
    if (set === undefined) return cause
    cause.field = `${set.name}.${levels[shown.level]}`
    const { position } = this.#findingsOf(shown)
    const at = 3 * shown.set
    return { ...cause, x: position[at]!, y: position[at + 1]!, z: position[at + 2]! }
  }
}

/** Of each set: how strict its slow field is among all; the lower its limit the stricter. */
function ranks(fields: readonly FieldSet[]): number[] {
  const limits = [...new Set(fields.map(({ limit_mps }) => limit_mps))].sort((a, b) => b - a)
  return fields.map(({ limit_mps }) => limits.indexOf(limit_mps) + 1)
}

/**
 * Values of the profile, changed at the device: each change is checked with the whole profile as it
 * would be, kept in the overlay, and in force after the next start of the program.
 */
import { rename } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { writeDurably } from '../base/durable-file.ts'
import { ConfigError, describe, ForbiddenError, InputError, ResourceError, UsageError } from '../base/error.ts'
import { type Caller, Component } from '../device/component.ts'
import { allows } from '../device/contract.ts'
import { roleToChange } from './changeable.ts'
import { Settings } from './contract.ts'
import { type Change, changes_max, damagedCode, file_bytes_max, type Overlay, pathOf, readOverlay, valueAt, valueOf, withChanges } from './overlay.ts'
import { limitsOf } from './schema-words.ts'
import { withoutSecrets } from '../base/without-secrets.ts'

/** Characters of a value in the list of changes, and in one answer. */
const listed_max = 512
const answer_max = 32_768

/** What only those who know profiles can say. */
export interface SettingsRules {
  /** What is wrong with a whole profile, in one plain sentence; nothing when it is good. */
  check(profile: unknown): Promise<string | undefined>
  /** The JSON Schema of what a path leads to; `undefined` where the profile cannot have anything. */
  schemaOf(path: readonly string[]): Readonly<Record<string, unknown>> | undefined
  /** It refers to a secret, or people's safety hangs on it: for engineers. */
  isGuarded(path: readonly string[]): boolean
}

/** What the start made of the overlay. */
export interface OverlayAtStart {
  overlay: Overlay
  /** Why it was left aside, as far as it was. */
  aside?: { code: string; says: string }
}

export interface SettingsOptions {
  clock: Clock
  /** Where the overlay lies. */
  file: string
  start: OverlayAtStart
  /** The profile as the operator wrote it. */
  bare: unknown
  /** The profile that the device runs on, with every default. */
  inForce: unknown
  rules: SettingsRules
}

export class SettingsService {
  readonly component: Component<(typeof Settings)['members']>
  readonly #options: SettingsOptions
  /** Changes that the running program was started with. */
  readonly #active: ReadonlySet<number>
  #overlay: Overlay
  /** What lies there could not be read: it is moved away before it is written over. */
  #damaged: boolean
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: SettingsOptions) {
    const { clock, start: { overlay, aside } } = options
    this.#options = options
    this.#overlay = overlay
    this.#damaged = aside?.code === damagedCode
    this.#active = new Set(aside === undefined ? overlay.changes.map(({ id }) => id) : [])
    this.component = new Component('settings', Settings, clock, {
      get: async ({ path }) => this.#get(pathOf(path)),
      set: ({ path, value }, _signal, caller) => this.#inTurn(() => this.#set(pathOf(path), valueOf(value), caller)),
      undo: ({ id }, _signal, caller) => this.#inTurn(() => this.#undo(id, caller)),
      selfTest: async () => {
        const { code, says = 'The changes fit the profile.' } = this.component.health
        const passed = code === undefined
        return { passed, checks: [{ name: 'overlay', passed, value: this.#overlay.changes.length, unit: '1', says }] }
      },
    })
    this.#show()
    this.component.publish('health', aside === undefined ? { status: 'ready' } : { status: 'degraded', ...aside })
  }

  get changes(): readonly Change[] {
    return this.#overlay.changes
  }

  stop(): void {
    this.component.publish('health', { status: 'stopped' })
  }

  #get(path: readonly string[]): { value: string; says: string; limits: string } {
    const { inForce, rules } = this.#options
    const schema = rules.schemaOf(path)
    if (schema === undefined) throw unknown(path)
    const value = shown(valueAt(inForce, path))
    if (value.length > answer_max) throw new UsageError('PC-SETTINGS-LARGE', 'This is too much to show at once: ask for a part of it.')
    const { description } = schema
    const says = [typeof description === 'string' ? description : '', this.#later(path), whoMay[this.#roleFor(path) ?? 'nobody']]
    return { value, says: says.filter((sentence) => sentence !== '').join(' '), limits: limitsOf(schema) }
  }

  /** What the next start will make of a value, where that differs. */
  #later(path: readonly string[]): string {
    const { start: { overlay }, bare } = this.#options
    const waiting = [
      ...this.#overlay.changes.filter(({ id }) => !this.#active.has(id)),
      ...overlay.changes.filter(({ id }) => this.#active.has(id) && !this.#overlay.changes.some((one) => one.id === id)),
    ]
    if (!waiting.some((change) => change.path.every((step, at) => at >= path.length || step === path[at]))) return ''
    const later = shown(valueAt(this.#pending() ?? bare, path))
    return later === '' ? 'With the next start it is as usual again.' : `With the next start: ${later}.`
  }

  async #set(path: string[], value: unknown, caller: Caller): Promise<{ id: number }> {
    this.#mayChange(path, caller)
    if (this.#options.rules.schemaOf(path) === undefined) throw unknown(path)
    const { next, changes } = this.#overlay
    if (changes.length >= changes_max) throw new ResourceError('PC-SETTINGS-FULL', `At most ${changes_max} changes are kept: take some back, or write them into the profile.`)
    const before = valueAt(this.#pending(), path) ?? valueAt(this.#options.inForce, path)
    const change: Change = { id: next, path, ...(before === undefined ? {} : { before }), value, by: caller.id, at: this.#options.clock.wall() }
    const changed = { ...this.#overlay, next: next + 1, changes: [...changes, change] }
    await this.#mustFit(changed)
    await this.#keep(changed, path, caller)
    return { id: change.id }
  }

  async #undo(id: number, caller: Caller): Promise<Record<string, never>> {
    const change = this.#overlay.changes.find((one) => one.id === id)
    if (change === undefined) throw new UsageError('PC-SETTINGS-NONE', `There is no change ${id} to take back.`)
    this.#mayChange(change.path, caller)
    const changed = { ...this.#overlay, changes: this.#overlay.changes.filter((one) => one !== change) }
    // Of changes that do not fit as they are, each can go.
    if (this.#options.start.aside === undefined) await this.#mustFit(changed)
    await this.#keep(changed, change.path, caller)
    return {}
  }

  /** The profile as the next start would have it. */
  #pending(): unknown {
    return withChanges(this.#options.bare, this.#overlay.changes)
  }

  /** @throws ForbiddenError (PC-SETTINGS-FIXED, PC-SETTINGS-ROLE) */
  #mayChange(path: readonly string[], caller: Caller): void {
    const role = this.#roleFor(path)
    if (role === undefined) throw new ForbiddenError('PC-SETTINGS-FIXED', `${path.join('.')} is not changed at the device: it is the operator's, in the profile.`)
    if (!allows(caller.role, role)) throw new ForbiddenError('PC-SETTINGS-ROLE', `Changing ${path.join('.')} needs the role ${role}.`)
  }

  #roleFor(path: readonly string[]): 'technician' | 'engineer' | undefined {
    const role = roleToChange(path)
    return role !== undefined && this.#options.rules.isGuarded(path) ? 'engineer' : role
  }

  /** @throws InputError (PC-SETTINGS-INVALID) with the first mistake. */
  async #mustFit({ changes }: Overlay): Promise<void> {
    const { bare, rules } = this.#options
    const whole = withChanges(bare, changes)
    const mistake = whole === undefined ? 'There is no place in the profile for it.' : await rules.check(whole)
    if (mistake !== undefined) throw new InputError('PC-SETTINGS-INVALID', `The profile would not be right any more: ${mistake}`)
  }

  /** @throws ResourceError (PC-SETTINGS-FULL), ConfigError (PC-SETTINGS-STORAGE) when it cannot be kept, or not be read again: it then does not count. */
  async #keep(overlay: Overlay, path: readonly string[], caller: Caller): Promise<void> {
    const written = Buffer.from(`${JSON.stringify(overlay)}\n`)
    if (written.length > file_bytes_max) throw new ResourceError('PC-SETTINGS-FULL', 'The changes are too large to be kept: take some back, or write them into the profile.')
    try {
      readOverlay(written)
      if (this.#damaged) await rename(this.#options.file, `${this.#options.file}.damaged`)
      this.#damaged = false
      await writeDurably(this.#options.file, written)
    } catch (cause) {
      throw new ConfigError('PC-SETTINGS-STORAGE', `The change could not be kept: ${describe(cause).message}`, { cause })
    }
    this.#overlay = overlay
    this.#show()
    this.component.raise('changed', { path: path.join('.'), by: caller.id })
  }

  #show(): void {
    this.component.publish('changes', this.#overlay.changes.map(({ id, path, before, value, by, at }) => ({
      id, path: path.join('.'), before: shown(before).slice(0, listed_max), value: shown(value).slice(0, listed_max), by, at, active: this.#active.has(id),
    })))
  }

  /** One change after the other: each is checked against all before it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

const shown = (value: unknown): string => (value === undefined ? '' : JSON.stringify(withoutSecrets(value)))

const whoMay = { nobody: 'It is not changed at the device.', engineer: 'An engineer may change it.', technician: '' }

const unknown = (path: readonly string[]): UsageError =>
  new UsageError('PC-SETTINGS-UNKNOWN', `There is nothing at ${path.join('.')} in a profile of this device.`)

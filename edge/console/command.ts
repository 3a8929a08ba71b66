/** What a command of the console is, and what it may use. */
import type { Session } from '../access/contract.ts'
import type { Clock } from '../base/clock.ts'
import { UsageError } from '../base/error.ts'
import type { Component } from '../device/component.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSource } from '../journal/fact.ts'
import type { Choice } from './choices.ts'
import type { FileDesk } from './file-desk.ts'
import type { Terminal } from './terminal.ts'
import type { Filter } from './words.ts'

/** What stays the same for all who use the console. */
export interface Surroundings {
  readonly model: DeviceModel
  readonly clock: Clock
  /** `site/device`, as the profile names it. */
  readonly device: string
  readonly version: string
  /** The newest facts; without it `show journal` tells figures only. */
  readonly facts: FactSource | undefined
  readonly files: FileDesk | undefined
}

export interface Context extends Surroundings {
  readonly session: Session
  readonly terminal: Terminal
  /** Aborts on Ctrl-C and when the session ends. */
  readonly signal: AbortSignal
  /** For a machine at the other end. */
  readonly json: boolean
  /** What stands behind `|`. */
  readonly filters: readonly Filter[]
  /** Carries out a command of the model in the session's name. @throws what the Gatekeeper throws. */
  carry(component: string, command: string, args: unknown, signal?: AbortSignal): Promise<unknown>
  /**
   * The same again for whoever looks on, after `carry` has put it on the record: a fact each half second would
   * fill the journal, and whoever only looks on is idle. What moves something goes on the record each time.
   */
  again(component: string, command: string, args: unknown): Promise<unknown>
  /** They are at it: the idle time begins anew. */
  touch(): void
  /** Asks whether something may move. @throws UsageError (PC-CONSOLE-CONFIRM) unless they type yes. */
  confirm(what: string): Promise<void>
  /** Asks for a line, not shown when hidden; `undefined` when they gave up. */
  ask(prompt: string, hidden?: boolean): Promise<string | undefined>
  /** Ends the session; with a name it is that person's turn. */
  logout(next?: string): void
  /** What another command line tells, unless that talks with the person; what is repeated is done by `again`. */
  look(words: readonly string[], isRepeated: boolean): AsyncIterable<Item>
  /** Explains the commands that begin with these words. */
  describe(words: readonly string[]): Iterable<string>
}

/** A few rows, and what they mean for a machine; asked for one after the other, as the line takes them. */
export interface Item {
  rows: readonly string[]
  json?: unknown
}

export interface Arg {
  name: string
  says: string
  optional?: boolean
  /** Any number of words. */
  rest?: boolean
  /** What it can be; with `open` also something else. */
  choices?(model: DeviceModel, before: readonly string[], partial: string): readonly Choice[]
  open?: boolean
  /** A whole number within these. */
  from?: number
  to?: number
}

export const groups = ['show', 'test', 'settings', 'service', 'log', 'files', 'power', 'session'] as const

export interface Command {
  words: readonly string[]
  group: (typeof groups)[number]
  says: string
  example: string
  args?: readonly Arg[]
  /** Must be typed in full: nobody stops a device by a slip. */
  exact?: boolean
  /** It talks with the person while it runs: cannot be watched or filtered. */
  live?: boolean
  /** It tells what happens while it happens: nobody turns pages meanwhile. */
  follows?: boolean
  /** It may change something, and each time stands on the record: cannot be watched. */
  changes?: boolean
  run(context: Context, args: readonly (string | undefined)[]): AsyncIterable<Item> | Iterable<Item>
}

export const componentChoices = (model: DeviceModel): Choice[] => model.list().map(({ name, contract }) => ({ word: name, says: contract.says }))

/** The component of a capability of which there is one. @throws UsageError (PC-CONSOLE-ABSENT). */
export function only(model: DeviceModel, contract: string): Component {
  const found = model.list().find((component) => component.contract.name === contract)
  if (found === undefined) throw new UsageError('PC-CONSOLE-ABSENT', `This device has no ${contract}.`)
  return found
}

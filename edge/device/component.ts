/** A living thing that keeps a contract: current values, news, and commands that check who calls. */
import type { Clock, WallTime } from '../base/clock.ts'
import { CancelledError, type ErrorCode, ForbiddenError, UsageError } from '../base/error.ts'
import { Listeners } from '../base/listeners.ts'
import { parse } from '../base/schema.ts'
import { within } from '../base/wait.ts'
import {
  allows, type Args, type Caller, type CommandSpec, type Common, type Contract, type Events, type Handlers, type Health, type Members,
  type Properties, type Results, type Streams,
} from './contract.ts'

export type { Caller } from './contract.ts'

/** Errors for which the component does not hear of the command: those of `invoke` itself, and of `demandNow` (in-service.ts). */
export const refusedBefore: ReadonlySet<ErrorCode> = new Set(['PC-DEVICE-ROLE', 'PC-DEVICE-ARGS', 'PC-DEVICE-COMMAND', 'PC-DEVICE-SERVICE'])

/** The device's own controller. */
export const self: Caller = { id: 'self', role: 'controller' }

export interface Reading<T = unknown> {
  value: T
  at: WallTime
}

/** Something that a component made known. */
export type News =
  | { kind: 'property'; component: string; name: string; value: unknown; at: WallTime }
  | { kind: 'event'; component: string; name: string; data: unknown; at: WallTime }

/** Bytes on their way between this computer and a part; only good during the call. */
export interface WireBytes {
  direction: 'in' | 'out'
  bytes: Uint8Array
}

export class Component<M extends Members & Common = Common> {
  readonly name: string
  readonly contract: Contract<M>
  /** Everything that happens here, for the faces. */
  readonly news = new Listeners<News>()
  /** What goes over its wire, of parts that have one here: for traces alone, and unredacted. */
  wire: Listeners<WireBytes> | undefined
  readonly #clock: Clock
  readonly #handlers: Handlers<M>
  readonly #readings = new Map<string, Reading>()
  readonly #named = new Map<string, Listeners<unknown>>()

  constructor(name: string, contract: Contract<M>, clock: Clock, handlers: Handlers<M>) {
    this.name = name
    this.contract = contract
    this.#clock = clock
    this.#handlers = handlers
    this.#set('health', { status: 'stopped' })
    this.#set('counters', {})
  }

  /** The latest value of a property; `undefined` until it was first known. */
  read<K extends keyof Properties<M> & string>(name: K): Properties<M>[K] | undefined {
    return this.#readings.get(name)?.value as Properties<M>[K] | undefined
  }

  /** The latest value of a property by its name as text, with its time: for the faces. */
  reading(name: string): Reading | undefined {
    return this.#readings.get(name)
  }

  get health(): Health {
    return (this.#readings.get('health') as Reading<Health>).value
  }

  /** True while the component can do its work, fully or in part. */
  get usable(): boolean {
    return this.health.status === 'ready' || this.health.status === 'degraded'
  }

  /** The owner's side: makes a property's new value known. The same value again is no news. */
  publish<K extends keyof Properties<M> & string>(name: K, value: Properties<M>[K]): void {
    this.#set(name, value)
  }

  /** The owner's side: makes an event known. */
  raise<K extends keyof Events<M> & string>(name: K, data: Events<M>[K]): void {
    this.#named.get(name)?.emit(data)
    this.news.emit({ kind: 'event', component: this.name, name, data, at: this.#clock.wall() })
  }

  /** The owner's side: passes an item of a stream on. */
  stream<K extends keyof Streams<M> & string>(name: K, item: Streams<M>[K]): void {
    this.#named.get(name)?.emit(item)
  }

  onChange<K extends keyof Properties<M> & string>(name: K, listener: (value: Properties<M>[K]) => void): () => void {
    return this.#listen(name, listener as (news: unknown) => void)
  }

  onEvent<K extends keyof Events<M> & string>(name: K, listener: (data: Events<M>[K]) => void): () => void {
    return this.#listen(name, listener as (news: unknown) => void)
  }

  onStream<K extends keyof Streams<M> & string>(name: K, listener: (item: Streams<M>[K]) => void): () => void {
    return this.#listen(name, listener as (news: unknown) => void)
  }

  /**
   * Says what speaks against a command before the component hears of it; fills in defaults of the arguments.
   * @throws ForbiddenError (PC-DEVICE-ROLE), InputError (PC-DEVICE-ARGS), UsageError (PC-DEVICE-COMMAND): see `refusedBefore`.
   */
  demand(name: string, args: unknown, caller: Caller): CommandSpec {
    const members: Members = this.contract.members
    const spec = Object.hasOwn(members, name) ? members[name] : undefined
    if (spec?.kind !== 'command' || this.#handlers[name as keyof Handlers<M>] === undefined) {
      throw new UsageError('PC-DEVICE-COMMAND', `There is no such command on ${this.name}.`, { component: this.name })
    }
    if (!allows(caller.role, spec.role)) {
      throw new ForbiddenError('PC-DEVICE-ROLE', `This command needs the role ${spec.role}.`, { component: this.name })
    }
    parse(spec.args, args, 'PC-DEVICE-ARGS', `command ${this.name}.${name}`)
    return spec
  }

  /**
   * Carries out a command within its time limit.
   * @throws as `demand`, TimeoutError (PC-DEVICE-TIMEOUT), or what the component itself throws.
   */
  async invoke<K extends keyof Args<M> & string>(
    name: K,
    args: Args<M>[K],
    caller: Caller = self,
    signal?: AbortSignal,
  ): Promise<Results<M>[K & keyof Results<M>]> {
    const spec = this.demand(name, args, caller)
    const handler = this.#handlers[name]
    if (signal?.aborted === true) throw new CancelledError(this.name)
    return await within(
      {
        clock: this.#clock, limit_ms: spec.limit_ms, signal, component: this.name,
        code: 'PC-DEVICE-TIMEOUT', message: `The command ${this.name}.${name} took longer than ${spec.limit_ms} ms.`,
      },
      (inner) => handler(args, inner, caller),
    )
  }

  #listen(name: string, listener: (news: unknown) => void): () => void {
    let listeners = this.#named.get(name)
    if (listeners === undefined) {
      listeners = new Listeners()
      this.#named.set(name, listeners)
    }
    return listeners.add(listener)
  }

  #set(name: string, value: unknown): void {
    const before = this.#readings.get(name)
    const at = this.#clock.wall()
    this.#readings.set(name, { value, at })
    if (before !== undefined && same(before.value, value)) return
    this.#named.get(name)?.emit(value)
    this.news.emit({ kind: 'property', component: this.name, name, value, at })
  }
}

/** Any component of a capability `C`. */
export type ComponentOf<C extends Contract> = C extends Contract<infer M> ? (M extends Common ? Component<M> : never) : never

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const left = Object.entries(a)
  const right = b as Record<string, unknown>
  return left.length === Object.keys(b).length && left.every(([key, value]) => key in right && same(value, right[key]))
}

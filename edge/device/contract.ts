/**
 * What a component is, declared once: its properties, events, commands and streams.
 *
 * Every face (console, OPC UA, MQTT, web pages, docs) is a view of this declaration, so a driver or
 * controller that declares itself is everywhere at once and adds no line to any of them.
 */
import { invariant } from '../base/error.ts'
import { type Static, type TSchema, Type } from '../base/schema.ts'

/**
 * Who may call a command. An engineer may do all that a technician may; everyone may do what a
 * viewer may; `controller` is the device's own decision-maker and no person.
 */
export type Role = 'viewer' | 'officer' | 'technician' | 'engineer' | 'controller'

const mayActAs: Record<Role, readonly Role[]> = {
  viewer: ['viewer'],
  officer: ['viewer', 'officer'],
  technician: ['viewer', 'technician'],
  engineer: ['viewer', 'technician', 'engineer'],
  controller: ['viewer', 'officer', 'technician', 'engineer', 'controller'],
}

export const allows = (caller: Role, needed: Role): boolean => mayActAs[caller].includes(needed)

/** How urgently a person should hear of an event. */
export type Severity = 'info' | 'warning' | 'alarm'

interface Declared {
  /** One plain sentence for people. */
  says: string
}

export interface PropertySpec<S extends TSchema = TSchema> extends Declared {
  kind: 'property'
  schema: S
  /** UCUM unit, such as `ms`, `mm`, `1`. */
  unit?: string
}

export interface CommandSpec<A extends TSchema = TSchema, R extends TSchema = TSchema> extends Declared {
  kind: 'command'
  args: A
  result: R
  role: Role
  /** It can move a barrier or a vehicle: faces ask for confirmation. */
  moves: boolean
  /** It goes on only while somebody holds a key. */
  held?: HoldToRun
  /** People may call it only while the device is out of service (`device/in-service.ts`); what is held is so by itself. */
  outOfService: boolean
  /** Its arguments or result hold personal data: faces neither show nor log them. */
  personal: boolean
  /** The longest it may take. */
  limit_ms: number
}

/**
 * A movement in somebody's hand (a hold-to-run control, ISO 12100:2010, 3.28.3). The command resolves
 * once it has begun, and ends by itself after its time; faces call it again and again while the key is
 * held, and `release` when it is let go. They offer it only while the device is out of service.
 */
export interface HoldToRun {
  /** The command of the same component that ends it now; it takes no arguments. */
  release: string
  /** The argument that says how long it goes on by itself, in whole milliseconds; faces give as much as its maximum, or less. */
  time: string
  /** The property in which one sees what it does. */
  shows: string
}

export interface EventSpec<S extends TSchema = TSchema> extends Declared {
  kind: 'event'
  data: S
  severity: Severity
  /** Its data are personal: only controllers listen, faces do not show it. */
  personal: boolean
}

/** High-rate data inside the process (camera frames, scans). Not checked, not shown as values. */
export interface StreamSpec<T = unknown> extends Declared {
  kind: 'stream'
  /** What it carries is personal, and so is what comes over the wire for it. */
  personal: boolean
  readonly carries?: T
}

export type MemberSpec = PropertySpec | CommandSpec | EventSpec | StreamSpec

/** The members of a contract by name. */
export type Members = Record<string, MemberSpec>

export interface Contract<M extends Members = Members> {
  /** The capability, such as `barrier`. */
  readonly name: string
  readonly says: string
  readonly members: M
}

export function property<S extends TSchema>(schema: S, says: string, unit?: string): PropertySpec<S> {
  return { kind: 'property', schema, says, ...(unit === undefined ? {} : { unit }) }
}

export interface CommandOptions<R extends TSchema> {
  role: Role
  result?: R
  moves?: boolean
  held?: HoldToRun
  outOfService?: boolean
  personal?: boolean
  limit_ms?: number
}

const Nothing = Type.Object({})
export type Nothing = typeof Nothing

export function command<A extends Record<string, TSchema>, R extends TSchema = Nothing>(
  args: A,
  says: string,
  options: CommandOptions<R>,
): CommandSpec<ReturnType<typeof argsOf<A>>, R> {
  return {
    kind: 'command',
    args: argsOf(args),
    result: options.result ?? (Nothing as unknown as R),
    says,
    role: options.role,
    moves: options.moves ?? false,
    ...(options.held === undefined ? {} : { held: options.held }),
    outOfService: options.outOfService ?? options.held !== undefined,
    personal: options.personal ?? false,
    limit_ms: options.limit_ms ?? 5_000,
  }
}

const argsOf = <A extends Record<string, TSchema>>(args: A) => Type.Object(args, { additionalProperties: false })

export function event<D extends Record<string, TSchema>>(
  data: D,
  says: string,
  options: { severity: Severity; personal?: boolean },
): EventSpec<ReturnType<typeof argsOf<D>>> {
  return { kind: 'event', data: argsOf(data), says, severity: options.severity, personal: options.personal ?? false }
}

export function stream<T>(says: string, { personal = false } = {}): StreamSpec<T> {
  return { kind: 'stream', says, personal }
}

/** Declares a capability. Every contract also has the members of `common`. */
export function contract<M extends Members>(name: string, says: string, members: M): Contract<M & Common> {
  const held = Object.values(members).filter((spec) => spec.kind === 'command' && spec.held !== undefined) as CommandSpec[]
  // A person has one hand for the key.
  invariant(held.length <= 1, `${name} is held by one command`)
  for (const spec of held) demandRelease(name, spec, members)
  return { name, says, members: { ...common, ...members } }
}

/** What nobody could let go must not be declared. */
function demandRelease(name: string, { held, args, moves, personal, role }: CommandSpec, members: Members): void {
  const release = members[held?.release ?? '']
  const time = propertiesOf(args)[held?.time ?? '']
  invariant(moves && !personal, `${name}: what is held moves, and is not personal`)
  invariant(release?.kind === 'command' && release.held === undefined && Object.keys(propertiesOf(release.args)).length === 0, `${name} can be let go by a command without arguments`)
  invariant(release.kind === 'command' && allows(role, release.role), `${name}: who holds it may let it go`)
  invariant(time?.type === 'integer' && time.maximum !== undefined, `${name} ends by itself after a time that has a maximum`)
  invariant(members[held?.shows ?? '']?.kind === 'property', `${name} shows what it does`)
}

const propertiesOf = (args: TSchema): Record<string, { type?: string; maximum?: number }> => (args as { properties?: Record<string, object> }).properties ?? {}

export const Health = Type.Object({
  status: Type.Enum(['stopped', 'starting', 'ready', 'degraded', 'failed']),
  code: Type.Optional(Type.String()),
  says: Type.Optional(Type.String()),
})
export type Health = Static<typeof Health>

export const Identity = Type.Object({
  manufacturer: Type.String(),
  model: Type.String(),
  serial: Type.Optional(Type.String()),
  firmware: Type.Optional(Type.String()),
})
export type Identity = Static<typeof Identity>

export const SelfTestReport = Type.Object({
  passed: Type.Boolean(),
  checks: Type.Array(
    Type.Object({
      name: Type.String(),
      passed: Type.Boolean(),
      value: Type.Optional(Type.Number()),
      unit: Type.Optional(Type.String()),
      says: Type.String(),
    }),
  ),
})
export type SelfTestReport = Static<typeof SelfTestReport>

/** What every component has. */
export const common = {
  health: property(Health, 'Whether the component can do its work, and if not, why.'),
  identity: property(Identity, 'What the component says it is.'),
  counters: property(Type.Record(Type.String(), Type.Number()), 'What it counted since it started.', '1'),
  selfTest: command({}, 'Checks the component without moving anything.', {
    role: 'technician',
    result: SelfTestReport,
    limit_ms: 30_000,
  }),
} as const satisfies Members
export type Common = typeof common

type Named<M extends Members, K extends MemberSpec['kind']> = {
  [Name in keyof M & string as M[Name]['kind'] extends K ? Name : never]: M[Name]
}

export type Properties<M extends Members> = {
  [Name in keyof Named<M, 'property'>]: Named<M, 'property'>[Name] extends PropertySpec<infer S> ? Static<S> : never
}
export type Events<M extends Members> = {
  [Name in keyof Named<M, 'event'>]: Named<M, 'event'>[Name] extends EventSpec<infer S> ? Static<S> : never
}
export type Streams<M extends Members> = {
  [Name in keyof Named<M, 'stream'>]: Named<M, 'stream'>[Name] extends StreamSpec<infer T> ? T : never
}
export type Args<M extends Members> = {
  [Name in keyof Named<M, 'command'>]: Named<M, 'command'>[Name] extends CommandSpec<infer A> ? Static<A> : never
}
export type Results<M extends Members> = {
  [Name in keyof Named<M, 'command'>]: Named<M, 'command'>[Name] extends CommandSpec<TSchema, infer R>
    ? Static<R>
    : never
}

/** Who calls a command: a person's or service's name, and the role it has proven. */
export interface Caller {
  id: string
  role: Role
}

/** What carries out each command. */
export type Handlers<M extends Members> = {
  [Name in keyof Args<M>]: (args: Args<M>[Name], signal: AbortSignal, caller: Caller) => Promise<Results<M>[Name & keyof Results<M>]>
}

/** What a driver is: a name, a contract it keeps, options it takes, and how to make one. */
import type { Clock } from '../../edge/base/clock.ts'
import type { Logger } from '../../edge/base/log.ts'
import { type Static, type TSchema, Type } from '../../edge/base/schema.ts'
import type { Component } from '../../edge/device/component.ts'
import type { Common, Contract, Identity, Members } from '../../edge/device/contract.ts'

/** What a driver may use of the device it is part of. */
export interface DriverContext {
  /** The part's name in the profile. */
  name: string
  clock: Clock
  log: Logger
  /** Another part that the options name (see `partOf`): started before this one. */
  part<M extends Members & Common>(name: string, contract: Contract<M>): Component<M>
  /** The bytes behind a reference such as `credential:scanner`. @throws ConfigError (PC-PROFILE-SECRET). */
  secret(reference: string): Promise<Uint8Array>
}

/** A part that runs. */
export interface Device<M extends Members & Common = Common> {
  readonly component: Component<M>
  /** Resolves when the part works, or when it is clear that it does not yet: it then keeps trying. */
  start(signal: AbortSignal): Promise<void>
  /** Releases every descriptor and timer. */
  stop(): Promise<void>
}

export interface Driver<M extends Members & Common = Common, O extends TSchema = TSchema> {
  /** As the profile's `use` names it: `<family>/<model>`. */
  readonly name: string
  readonly says: string
  readonly contract: Contract<M>
  readonly options: O
  create(options: Static<O>, context: DriverContext): Device<M>
}

/** Gives a driver its types. */
export function defineDriver<M extends Members & Common, O extends TSchema>(driver: Driver<M, O>): Driver<M, O> {
  return driver
}

/** Options are closed: a word the driver does not know is a mistake in the profile. */
export const optionsOf = <P extends Record<string, TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false })

/** An option that names another part of the profile which must keep the given contract. */
export const partOf = (contract: Contract) => Type.String({ 'x-part': contract.name, description: `The name of a part that is a ${contract.name}.` })

/** An option that refers to a secret without holding it. */
export const secretReference = () =>
  Type.String({ pattern: '^(credential|file|env):.+$', 'x-secret': true, description: 'Where the secret is kept: credential:NAME, file:PATH or env:NAME.' })

/** A serial device by path, or the same bytes behind a serial device server by address. */
export const portOption = () =>
  Type.String({ pattern: '^(/.+|(tcp|udp)://.+:[0-9]+)$', description: 'A serial port (/dev/ttyUSB0), tcp://host:port of a serial device server, or udp://host:port.' })

const within = (least: number, most: number, usual: number, description: string) =>
  Type.Integer({ minimum: least, maximum: most, default: usual, description })

/** Limits that every driver over a byte stream has. */
export const linkLimits = {
  reply_ms: within(10, 60_000, 500, 'How long the device may take to answer.'),
  retries: within(0, 10, 2, 'How often a request is repeated when no good answer comes.'),
  reconnect_ms: within(10, 60_000, 250, 'The first pause before trying again after the link was lost; it doubles up to 30 times this.'),
}

/** What the device must say it is; a part of what is given suffices. */
export const expectOption = () =>
  Type.Optional(Type.Object({ model: Type.Optional(Type.String()), serial: Type.Optional(Type.String()) }, { additionalProperties: false, description: 'What the device must say it is, or it is not used.' }))
export type Expected = { model?: string | undefined; serial?: string | undefined }

/** What differs between the device that is there and the one the profile expects; `undefined` when nothing. */
export function mismatch(found: Identity, expected: Expected | undefined): string | undefined {
  if (expected?.model !== undefined && expected.model !== found.model) return `model ${found.model}, expected ${expected.model}`
  if (expected?.serial !== undefined && expected.serial !== found.serial) return `serial number ${found.serial ?? 'unknown'}, expected ${expected.serial}`
  return undefined
}

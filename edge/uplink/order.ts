/**
 * A command as it comes over the wire: an order, signed by the authority that this device obeys.
 *
 * The signature (Ed25519, RFC 8032) is over the canonical JSON (RFC 8785) of the order's fields and
 * the topic it is for, so that an order is good for one command of one device only.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { canonical, type Json } from '../base/canonical.ts'
import type { WallTime } from '../base/clock.ts'
import { ConfigError, describe, type ErrorCode } from '../base/error.ts'
import { mistakes, type Static, Type } from '../base/schema.ts'
import { commandLimits } from './limits.ts'

/** Roles that the centre may claim. `controller` is the device's own and never comes from outside. */
export const RemoteRole = Type.Enum(['viewer', 'officer', 'technician', 'engineer'])

export const Order = Type.Object({
  /** Chosen by the centre, never used twice; the answer bears it. */
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
  args: Type.Record(Type.String(), Type.Unknown()),
  role: RemoteRole,
  /** The account that asks, not a person's name. */
  issuedBy: Type.String({ minLength: 1, maxLength: 128 }),
  /** Milliseconds since 1970 UTC, like `expiresAt`. */
  issuedAt: Type.Integer({ minimum: 0 }),
  expiresAt: Type.Integer({ minimum: 0 }),
  /** Base64 of 64 bytes, in its one canonical form (RFC 4648, 3.5). */
  signature: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9+/]{85}[AQgw]==$' })),
}, { additionalProperties: false })
export type Order = Static<typeof Order>

/** Why a command is not carried out. */
export interface Refusal {
  refused: ErrorCode
  says: string
}

/** What could not be read as an order; `id` is absent when not even that could be read. */
export interface Unreadable extends Refusal {
  id?: string
}

export const refuse = (refused: ErrorCode, says: string): Refusal => ({ refused, says })

const Named = Type.Pick(Order, ['id'])

/** Reads an order; total over all bytes. */
export function readOrder(payload: Uint8Array, bytes_max = commandLimits.payload_bytes_max): Order | Unreadable {
  if (payload.length > bytes_max) return refuse('PC-UPLINK-COMMAND', `A command may have at most ${bytes_max} bytes.`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    return refuse('PC-UPLINK-COMMAND', 'The command is not JSON.')
  }
  const first = mistakes(Order, value)[0]
  if (first === undefined) return value as Order
  const id = named(value)
  const refusal = refuse('PC-UPLINK-COMMAND', `The command is not valid at ${first.path[0]?.slice(0, 32) ?? 'its top'}.`)
  return id === undefined ? refusal : { ...refusal, id }
}

function named(value: unknown): string | undefined {
  const id: unknown = (value as { id?: unknown } | null)?.id
  return mistakes(Named, { id }).length === 0 ? (id as string) : undefined
}

/** What is signed. @throws InternalError (PC-BASE-CANONICAL) when the arguments cannot be written canonically. */
export function signedText(topic: string, order: Order): string {
  const { signature: _signature, ...rest } = order
  return canonical({ topic, ...rest })
}

/** The centre's side. */
export function signOrder(topic: string, order: Order, key: KeyObject): Order {
  return { ...order, signature: sign(null, Buffer.from(signedText(topic, order)), key).toString('base64') }
}

/** Reads the authorities' keys. @throws ConfigError (PC-UPLINK-KEY) for anything but Ed25519 public keys in PEM. */
export function authorityKeys(pems: readonly string[]): KeyObject[] {
  return pems.map((pem) => {
    try {
      const key = createPublicKey(pem)
      if (key.asymmetricKeyType === 'ed25519') return key
    } catch (cause) {
      throw new ConfigError('PC-UPLINK-KEY', "The authority's key cannot be read.", { cause })
    }
    throw new ConfigError('PC-UPLINK-KEY', "The authority's key must be an Ed25519 public key.")
  })
}

export interface Trust {
  keys: readonly KeyObject[]
  acceptUnsigned: boolean
}

/** Whether the order comes from an authority; `undefined` when it does. */
export function distrust(topic: string, order: Order, trust: Trust): Refusal | undefined {
  let text: Buffer
  try {
    text = Buffer.from(signedText(topic, order))
  } catch (error) {
    return refuse('PC-UPLINK-COMMAND', describe(error).message)
  }
  if (order.signature === undefined) {
    return trust.acceptUnsigned ? undefined : refuse('PC-UPLINK-UNSIGNED', 'The command is not signed.')
  }
  const signature = Buffer.from(order.signature, 'base64')
  if (trust.keys.some((key) => verify(null, text, key, signature))) return undefined
  return refuse('PC-UPLINK-SIGNATURE', 'The signature is not that of an authority of this device.')
}

export interface TimeLimits {
  lifetime_ms_max: number
  skew_ms_max: number
}

/**
 * Whether the order holds now; `undefined` when it does. No grace after expiry: the stricter reading
 * wins. An order from the future says that one of the two clocks is wrong.
 */
export function untimely(order: Order, now: WallTime, limits: TimeLimits): Refusal | undefined {
  const { issuedAt, expiresAt } = order
  if (issuedAt > now + limits.skew_ms_max) {
    return refuse('PC-UPLINK-CLOCK', "The command is from the future: the centre's clock or this device's is wrong.")
  }
  if (expiresAt <= now) return refuse('PC-UPLINK-EXPIRED', 'The command has expired.')
  if (expiresAt - issuedAt > limits.lifetime_ms_max) return refuse('PC-UPLINK-LIFETIME', 'The command is valid for too long.')
  return undefined
}

/** What the centre is told. `refused`: nothing was done. `failed`: it was begun. */
export interface Answer {
  id: string
  status: 'done' | 'refused' | 'failed'
  code?: ErrorCode
  says?: string
  result?: Json
}

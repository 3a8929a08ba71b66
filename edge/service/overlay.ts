/**
 * What was changed at the device itself, over the profile that the operator wrote: one small file of
 * paths and values. The profile stays as it is; without the overlay, it is the whole truth again.
 */
import { ConfigError, InputError } from '../base/error.ts'
import { mistakes, type Static, Type } from '../base/schema.ts'

/** Changes that an overlay may hold. */
export const changes_max = 256
export const file_bytes_max = 1_048_576
const depth_max = 16
/** Steps that would lead out of the profile's own values. */
const strayed = new Set(['__proto__', 'constructor', 'prototype'])

const Step = Type.String({ minLength: 1, maxLength: 64 })

export const Change = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  path: Type.Array(Step, { minItems: 1, maxItems: depth_max }),
  /** Missing when there was nothing. */
  before: Type.Optional(Type.Unknown()),
  value: Type.Unknown(),
  by: Type.String({ maxLength: 128 }),
  at: Type.Number(),
}, { additionalProperties: false })
export type Change = Static<typeof Change>

const Overlay = Type.Object({
  format: Type.Literal('portcullis-overlay-1'),
  /** The id that the next change gets: none is given twice. */
  next: Type.Integer({ minimum: 1 }),
  changes: Type.Array(Change, { maxItems: changes_max }),
}, { additionalProperties: false })
export type Overlay = Static<typeof Overlay>

export const damagedCode = 'PC-SETTINGS-DAMAGED'

export const emptyOverlay = (): Overlay => ({ format: 'portcullis-overlay-1', next: 1, changes: [] })

/** @throws ConfigError (PC-SETTINGS-DAMAGED) for anything that is no overlay. */
export function readOverlay(bytes: Uint8Array): Overlay {
  const value = bytes.length > file_bytes_max ? undefined : parsed(Buffer.from(bytes).toString('utf8'))
  const isGood = value !== undefined && mistakes(Overlay, value).length === 0
    && (value as Overlay).changes.every(({ path, value: changed }) => !path.some((step) => strayed.has(step)) && !isTooDeep(changed))
  if (isGood) return value as Overlay
  throw new ConfigError(damagedCode, 'The file of the settings that were changed at the device is damaged: the device runs on its profile alone.')
}

/** @throws InputError (PC-SETTINGS-PATH) */
export function pathOf(text: string): string[] {
  const path = text === '' ? [] : text.split('.')
  if (path.length <= depth_max && path.every((step) => step !== '' && step.length <= 64 && !strayed.has(step))) return path
  throw new InputError('PC-SETTINGS-PATH', 'A path is made of names with dots between them, such as gate.limits.door_s.')
}

/** @throws InputError (PC-SETTINGS-VALUE) */
export function valueOf(text: string): unknown {
  const value = parsed(text)
  if (value !== undefined && !isTooDeep(value)) return value
  throw new InputError('PC-SETTINGS-VALUE', 'The value is not JSON: texts stand in double quotes, such as "debug".')
}

/** What a path leads to; `undefined` when nothing is there. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let here = value
  for (const step of path) {
    if (here === null || typeof here !== 'object' || !Object.hasOwn(here, step)) return undefined
    here = (here as Record<string, unknown>)[step]
  }
  return here
}

/** A copy of the profile with the changes made, in their order; `undefined` when one has no place to be. */
export function withChanges(profile: unknown, changes: readonly Change[]): unknown {
  const copy: unknown = structuredClone(profile)
  for (const { path, value } of changes) {
    const last = path.at(-1) as string
    const place = valueAt(copy, path.slice(0, -1))
    if (place === null || typeof place !== 'object') return undefined
    if (Array.isArray(place) && !Object.hasOwn(place, last)) return undefined
    ;(place as Record<string, unknown>)[last] = structuredClone(value)
  }
  return copy
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isTooDeep(value: unknown, left = depth_max): boolean {
  if (value === null || typeof value !== 'object') return false
  return left === 0 || Object.entries(value).some(([name, item]) => strayed.has(name) || isTooDeep(item, left - 1))
}

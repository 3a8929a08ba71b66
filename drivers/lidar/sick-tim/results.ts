/** What the sensor's own field evaluation says (`sSN LFErec`), and which of its field sets it speaks of. */
import { carriedBy, type Payload, Reader } from './cola.ts'
import { type Field, fieldsMax, fieldsPerSet, type FieldState, isConfigured } from './fields.ts'

export interface FieldResult {
  /** 1 to 3 on a TiM: the field's place in the set that is active. */
  place: number
  state: FieldState
  /** When it last changed, by the sensor's own date in microseconds since 1970; NaN when it is not sent. */
  date_us: number
}

/** By number: 0 invalid, 1 free, 2 infringed, 3 the evaluation is not active. */
const states: readonly FieldState[] = ['unknown', 'free', 'infringed', 'unknown']
/** What an LMS5xx adds when it says where the field was infringed. */
const whereBytes = 15

/**
 * One result for each field. The telegram's own fields, for each: version (2 bytes), place (1), system
 * counter (4), scale and offset of distance and angle (16), the result (1), three
 * words, and the date with a flag (2 or 13). Undefined when it is no such telegram.
 */
export function parseResults(payload: Payload): FieldResult[] | undefined {
  const carried = carriedBy(payload, 'sSN', 'LFErec') ?? carriedBy(payload, 'sRA', 'LFErec')
  if (carried === undefined) return undefined
  return readAll(carried, false) ?? readAll(carried, true)
}

function readAll(carried: Payload, withWhere: boolean): FieldResult[] | undefined {
  const reader = new Reader(carried)
  const count = reader.u16()
  if (count > fieldsMax) return undefined
  const results: FieldResult[] = []
  for (let field = 0; field < count; field++) {
    reader.skip(2)
    const place = reader.u8()
    reader.skip(20)
    const state = states[reader.u8()]
    const where = [reader.u16(), reader.u16(), reader.u16()].some((word) => word !== 0)
    if (withWhere && where) reader.skip(whereBytes)
    const date_us = reader.u16() === 0 ? Number.NaN : reader.date()
    if (!reader.ok || state === undefined) return undefined
    results.push({ place, state, date_us })
  }
  return reader.ok && reader.left === 0 ? results : undefined
}

/** Its version (2 bytes) and its counter (4) come before the state of each input. */
const inputStatesAt = 6
const inputs = 4

/** Which inputs are on, where a telegram tells of them (`LIDinputstate`): bit 0 is input 1. */
export function parseInputs(payload: Payload): number | undefined {
  const carried = carriedBy(payload, 'sSN', 'LIDinputstate') ?? carriedBy(payload, 'sRA', 'LIDinputstate')
  if (carried === undefined || carried.length < inputStatesAt + inputs) return undefined
  // 1 is on, 0 off, 2 not used.
  return carried.subarray(inputStatesAt, inputStatesAt + inputs).reduce((bits, state, input) => bits | (state === 1 ? 1 << input : 0), 0)
}

/** The set (from 1) that the sensor's four inputs choose: all low is set 1, input 1 alone is set 2, ... */
export const setOfInputs = (inputs: number): number => (inputs & 0x0f) + 1

/** @param set from 1, @param place from 1. */
export const fieldOf = (set: number, place: number): number => (set - 1) * fieldsPerSet + place - 1
/** Of a field by its index: its set, and its place in it, both from 1. */
export const setOf = (index: number): number => Math.floor(index / fieldsPerSet) + 1
export const placeOf = (index: number): number => (index % fieldsPerSet) + 1
export const nameInSet = (index: number): string => `set${setOf(index)}.field${placeOf(index)}`

/** Whether the set has all the fields that the sensor speaks of; it may have some whose evaluation says nothing. */
export function covers(results: readonly FieldResult[], fields: readonly Field[], set: number): boolean {
  return results.every(({ place, state }) => state === 'unknown' || fields.some((field) => field.index === fieldOf(set, place) && isConfigured(field)))
}

/**
 * The set that the results are about: the one that is said to be active, unless the sensor speaks of
 * other fields than this set has; then the first whose configured fields are just those, or, where
 * there is none, cover them.
 */
export function setOfResults(results: readonly FieldResult[], fields: readonly Field[], said: number): number {
  const configured = (set: number, place: number): boolean => {
    const field = fields.find(({ index }) => index === fieldOf(set, place))
    return field !== undefined && isConfigured(field)
  }
  const fits = (set: number): boolean => results.every(({ place, state }) => (state !== 'unknown') === configured(set, place))
  if (fields.length === 0 || fits(said)) return said
  const all = Array.from({ length: fieldsMax / fieldsPerSet }, (_, index) => index + 1)
  return all.find(fits) ?? [said, ...all].find((set) => covers(results, fields, set)) ?? said
}

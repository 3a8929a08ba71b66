/**
 * How a value of the device model looks in OPC UA, both ways.
 *
 * Booleans, numbers and texts are what they are: integers Int32 or UInt32 where their schema's bounds
 * fit, else Int64; other numbers Double. A choice of words is an enumeration. Lists of these are arrays.
 * Everything else (records, lists of records) is a String that holds JSON.
 */
import { DataType, Variant, VariantArrayType, type VariantOptions } from 'node-opcua'
import { InputError } from '../../base/error.ts'
import type { TSchema } from '../../base/schema.ts'

/** What of a JSON Schema matters here. */
interface Plain {
  type?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Plain[]
  items?: Plain
  properties?: Record<string, Plain>
  additionalProperties?: unknown
  minimum?: number
  maximum?: number
}

export type Kind = 'boolean' | 'int32' | 'uint32' | 'int64' | 'double' | 'text' | 'choice' | 'json'

export interface Shape {
  kind: Kind
  /** A list of these. */
  list: boolean
  /** Of a choice: its words in order. */
  words: readonly string[]
  /** Of a single number. */
  minimum?: number
  maximum?: number
}

/** The OPC UA built-in type that carries each kind. */
export const carriers: Record<Kind, DataType> = {
  boolean: DataType.Boolean, int32: DataType.Int32, uint32: DataType.UInt32, int64: DataType.Int64, double: DataType.Double,
  text: DataType.String, choice: DataType.Int32, json: DataType.String,
}

export function shapeOf(schema: TSchema): Shape {
  const plain = schema as Plain
  const single = singleOf(plain)
  if (single !== undefined) return { list: false, ...single }
  const item = plain.type === 'array' && plain.items !== undefined ? singleOf(plain.items) : undefined
  return item === undefined ? { kind: 'json', list: false, words: [] } : { kind: item.kind, words: item.words, list: true }
}

/** The fields of a record whose schema names all of them, by name. */
export function fieldsOf(schema: TSchema): Record<string, TSchema> {
  const { type, properties } = schema as Plain
  return type === 'object' && properties !== undefined ? properties : {}
}

function singleOf(plain: Plain): Omit<Shape, 'list'> | undefined {
  const words = wordsOf(plain)
  if (words !== undefined) return { kind: 'choice', words }
  const bounds = { ...(plain.minimum === undefined ? {} : { minimum: plain.minimum }), ...(plain.maximum === undefined ? {} : { maximum: plain.maximum }) }
  if (plain.type === 'boolean') return { kind: 'boolean', words: [] }
  if (plain.type === 'string') return { kind: 'text', words: [] }
  if (plain.type === 'number') return { kind: 'double', words: [], ...bounds }
  return plain.type === 'integer' ? { kind: integerKind(plain), words: [], ...bounds } : undefined
}

function integerKind({ minimum = -Infinity, maximum = Infinity }: Plain): Kind {
  if (minimum >= -(2 ** 31) && maximum < 2 ** 31) return 'int32'
  return minimum >= 0 && maximum < 2 ** 32 ? 'uint32' : 'int64'
}

function wordsOf({ enum: choice, const: only, anyOf }: Plain): string[] | undefined {
  const all = choice ?? (only === undefined ? anyOf?.map((one) => one.const) : [only])
  return all !== undefined && all.length > 0 && all.every((word) => typeof word === 'string') ? all : undefined
}

/** The value as OPC UA sends it; nothing is a null value. */
export function toVariant(shape: Shape, value: unknown): Variant {
  if (value === undefined || value === null) return new Variant({ dataType: DataType.Null })
  const dataType = carriers[shape.kind]
  const options: VariantOptions = shape.list
    ? { dataType, arrayType: VariantArrayType.Array, value: (Array.isArray(value) ? value : []).map((item) => encode(shape, item)) }
    : { dataType, arrayType: VariantArrayType.Scalar, value: encode(shape, value) }
  return new Variant(options)
}

function encode(shape: Shape, value: unknown): unknown {
  if (shape.kind === 'choice') return shape.words.indexOf(String(value))
  if (shape.kind === 'int64') return pairOf(value as number)
  return shape.kind === 'json' ? JSON.stringify(value) : value
}

/**
 * A client's value as the device model takes it; a null value is nothing.
 * @throws InputError (PC-OPCUA-VALUE).
 */
export function fromVariant(shape: Shape, { dataType, value }: Pick<Variant, 'dataType' | 'value'>): unknown {
  if (dataType === DataType.Null || value === null || value === undefined) return undefined
  if (dataType !== carriers[shape.kind]) throw wrong()
  if (!shape.list) return decode(shape, value)
  if (typeof value !== 'object' || !('length' in value)) throw wrong()
  return Array.from(value as ArrayLike<unknown>, (item) => decode(shape, item))
}

function decode(shape: Shape, value: unknown): unknown {
  if (shape.kind === 'choice') return shape.words[value as number] ?? bad()
  if (shape.kind === 'int64') return numberOf(value)
  return shape.kind === 'json' ? parsed(value) : value
}

/** node-opcua holds 64-bit integers as two halves, the high one first. */
function pairOf(value: number): [number, number] {
  const whole = BigInt.asUintN(64, BigInt(Math.trunc(Number.isFinite(value) ? value : 0)))
  return [Number(whole >> 32n), Number(whole & 0xffff_ffffn)]
}

function numberOf(pair: unknown): number {
  if (!Array.isArray(pair) && !(pair instanceof Uint32Array)) throw wrong()
  const [high, low] = pair as [number, number]
  const value = Number(BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)))
  return Number.isSafeInteger(value) ? value : bad()
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text)) as unknown
  } catch {
    throw wrong()
  }
}

function bad(): never {
  throw wrong()
}

const wrong = (): InputError => new InputError('PC-OPCUA-VALUE', 'An argument is not what the method takes.')

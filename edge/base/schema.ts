/**
 * Checking data from outside against a TypeBox schema.
 *
 * TypeBox gives the type and the JSON Schema in one, Ajv the errors a person can act on.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Static, TSchema } from 'typebox'
import { type ErrorCode, InputError } from './error.ts'

export type { Static, TSchema } from 'typebox'
export { Type } from 'typebox'

const ajv = new Ajv({ allErrors: true, strict: false, useDefaults: true, allowUnionTypes: true })
const compiled = new WeakMap<TSchema, ValidateFunction>()

function validator(schema: TSchema): ValidateFunction {
  let validate = compiled.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(schema)
    compiled.set(schema, validate)
  }
  return validate
}

/** One thing wrong with a value: where (as path segments) and why, in words. */
export interface Mistake {
  path: readonly string[]
  text: string
}

/** Fills in defaults and returns what is wrong with `value`; nothing wrong is an empty list. */
export function mistakes(schema: TSchema, value: unknown): Mistake[] {
  const validate = validator(schema)
  if (validate(value)) return []
  return (validate.errors ?? []).filter((error) => error.keyword !== 'if').map(toMistake)
}

/** The value, typed, with defaults filled in. @throws InputError with `code` naming the first mistake. */
export function parse<S extends TSchema>(schema: S, value: unknown, code: ErrorCode, what: string): Static<S> {
  const first = mistakes(schema, value)[0]
  if (first === undefined) return value as Static<S>
  const where = first.path.length === 0 ? '' : ` at ${first.path.join('.')}`
  throw new InputError(code, `The ${what} is not valid${where}: ${first.text}.`)
}

function toMistake(error: ErrorObject): Mistake {
  const path = error.instancePath.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const { params } = error
  switch (error.keyword) {
    case 'required':
      return { path, text: `"${String(params['missingProperty'])}" is missing` }
    case 'additionalProperties':
      return { path: [...path, String(params['additionalProperty'])], text: `"${String(params['additionalProperty'])}" is not known here` }
    case 'enum':
      return { path, text: `it must be one of ${(params['allowedValues'] as unknown[]).join(', ')}` }
    case 'const':
      return { path, text: `it must be ${JSON.stringify(params['allowedValue'])}` }
    case 'type':
      return { path, text: `it must be of type ${String(params['type'])}` }
    default:
      return { path, text: `it ${error.message ?? 'is wrong'}` }
  }
}

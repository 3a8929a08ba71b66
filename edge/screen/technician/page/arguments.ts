/** What somebody filled into a form, as a command's schema wants it. */
import type { Schema } from '../wire.ts'
import { texts } from './texts.ts'

export const isOptional = (args: Schema, name: string, { default: usual }: Schema): boolean => usual === undefined && args.required?.includes(name) !== true

/** @returns the arguments, or what is wrong in one line */
export function argumentsOf(args: Schema, given: (name: string) => string | boolean): { args: Record<string, unknown> } | { wrong: string } {
  const found: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(args.properties ?? {})) {
    const text = given(name)
    if (typeof text === 'boolean') {
      found[name] = text
      continue
    }
    if (text.trim() === '') {
      if (isOptional(args, name, schema) || schema.default !== undefined) continue
      return { wrong: `${name} ${texts.command.missing}.` }
    }
    const value = valueOf(schema, text)
    if (value === undefined) return { wrong: `${name} ${isNumber(schema) ? texts.command.number : texts.command.json}.` }
    found[name] = value
  }
  return { args: found }
}

export const isNumber = ({ type }: Schema): boolean => type === 'integer' || type === 'number'

function valueOf(schema: Schema, text: string): unknown {
  if (schema.enum !== undefined) return schema.enum.find((choice) => String(choice) === text)
  if (isNumber(schema)) return Number.isFinite(Number(text)) ? Number(text) : undefined
  if (schema.type === 'string') return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

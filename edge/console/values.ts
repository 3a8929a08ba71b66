/** Arguments and values of the device model as words and rows, from nothing but their schemas. */
import { UsageError } from '../base/error.ts'
import type { TSchema } from '../base/schema.ts'
import type { Component } from '../device/component.ts'
import type { CommandSpec } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import { type Choice, listed, pick } from './choices.ts'

/** What the console reads of a JSON Schema. */
interface Shape {
  type?: string
  enum?: unknown[]
  properties?: Record<string, Shape>
  required?: string[]
  patternProperties?: object
  additionalProperties?: unknown
  default?: unknown
  minimum?: number
  maximum?: number
  items?: Shape
}

const shapeOf = (schema: TSchema): Shape => schema

export function commandsOf(component: Component): [string, CommandSpec][] {
  return Object.entries(component.contract.members).flatMap(([name, spec]) => (spec.kind === 'command' ? [[name, spec]] : []))
}

/** `name=` for each argument that was not given yet; behind the `=` what can stand there. */
export function argumentChoices(model: DeviceModel, component: Component, spec: CommandSpec, before: readonly string[], partial: string): Choice[] {
  const properties = shapeOf(spec.args).properties ?? {}
  const equals = partial.indexOf('=')
  if (equals < 0) {
    const given = new Set(before.map((word) => word.split('=')[0]))
    return Object.entries(properties).filter(([name]) => !given.has(name)).map(([name, shape]) => ({ word: `${name}=`, says: limits(shape, spec, name) }))
  }
  const name = partial.slice(0, equals)
  const shape = properties[name]
  return shape === undefined ? [] : valueWords(model, component, name, shape).map((value) => ({ word: `${name}=${value}`, says: '' }))
}

/** What an argument may be: its enumeration, names of components, or the labels that the component knows now. */
function valueWords(model: DeviceModel, component: Component, name: string, shape: Shape): string[] {
  if (shape.enum !== undefined) return shape.enum.map(String)
  if (shape.type === 'boolean') return ['true', 'false']
  if (shape.type !== 'string') return shape.default === undefined ? [] : [JSON.stringify(shape.default)]
  if (/^(component|part)$/.test(name)) return model.list().map((each) => each.name)
  return [...new Set([...labels(component), ...recorded(component, name)])]
}

/** Keys of the records that the component shows: lines of a board, fields of a lidar. */
function labels(component: Component): string[] {
  return Object.entries(component.contract.members).flatMap(([name, spec]) => {
    if (spec.kind !== 'property' || name === 'counters' || shapeOf(spec.schema).patternProperties === undefined) return []
    const value = component.reading(name)?.value
    return typeof value === 'object' && value !== null ? Object.keys(value) : []
  })
}

/** Values of the same name in the lists that the component shows: people who have an account. */
function recorded(component: Component, name: string): string[] {
  return Object.entries(component.contract.members).flatMap(([member, spec]) => {
    const value = spec.kind === 'property' ? component.reading(member)?.value : undefined
    if (!Array.isArray(value)) return []
    return value.flatMap((item: unknown) => {
      const found = typeof item === 'object' && item !== null ? (item as Record<string, unknown>)[name] : undefined
      return typeof found === 'string' ? [found] : []
    })
  })
}

/** An argument in a few words, such as `integer 100..60000`. */
function limits(shape: Shape, spec: CommandSpec, name: string): string {
  const kind = shape.enum === undefined ? (shape.type ?? 'value') : listed(shape.enum.map(String))
  const range = shape.minimum === undefined && shape.maximum === undefined ? '' : ` ${shape.minimum ?? ''}..${shape.maximum ?? ''}`
  const optional = isOptional(spec, name, shape) ? ', optional' : ''
  return `${kind}${range}${optional}`
}

function isOptional(spec: CommandSpec, name: string, shape: Shape): boolean {
  return shape.default !== undefined || shapeOf(spec.args).required?.includes(name) !== true
}

/** `open for_ms=<integer 100..60000>`: how a command is called. */
export function usageOf(name: string, spec: CommandSpec): string {
  const properties = Object.entries(shapeOf(spec.args).properties ?? {})
  return [name, ...properties.map(([argument, shape]) => {
    const text = `${argument}=<${limits(shape, spec, argument)}>`
    return isOptional(spec, argument, shape) ? `[${text}]` : text
  })].join(' ')
}

/** The names of a command's arguments, and those of them that have one of a few values. */
export function argumentNames(spec: CommandSpec): { name: string; values: readonly string[] | undefined; optional: boolean }[] {
  return Object.entries(shapeOf(spec.args).properties ?? {}).map(([name, shape]) => ({
    name, values: shape.enum?.map(String), optional: isOptional(spec, name, shape),
  }))
}

/** The arguments of `name=value` words, as their schemas want them. @throws UsageError (PC-CONSOLE-SYNTAX). */
export function argumentsOf(spec: CommandSpec, words: readonly string[]): Record<string, unknown> {
  const properties = shapeOf(spec.args).properties ?? {}
  const names = Object.keys(properties)
  const given: Record<string, unknown> = {}
  for (const word of words) {
    const equals = word.indexOf('=')
    const name = equals < 0 ? undefined : pick(word.slice(0, equals), names)
    const shape = name === undefined ? undefined : properties[name]
    if (name === undefined || shape === undefined) {
      throw new UsageError('PC-CONSOLE-SYNTAX', `"${word}" is not one of ${names.length === 0 ? 'its arguments: it takes none' : listed(names.map((each) => `${each}=...`))}.`)
    }
    given[name] = valueOf(name, shape, word.slice(equals + 1))
  }
  return given
}

const switches: Readonly<Record<string, boolean>> = { true: true, on: true, yes: true, false: false, off: false, no: false }

function valueOf(name: string, shape: Shape, text: string): unknown {
  if (shape.enum !== undefined) return pick(text, shape.enum.map(String)) ?? text
  switch (shape.type ?? 'json') {
    case 'string': return text
    case 'integer': case 'number': {
      const number = text.trim() === '' ? Number.NaN : Number(text)
      if (Number.isFinite(number)) return number
      break
    }
    case 'boolean':
      if (Object.hasOwn(switches, text)) return switches[text]
      break
    default:
      try {
        return JSON.parse(text) as unknown
      } catch {
        break
      }
  }
  throw new UsageError('PC-CONSOLE-SYNTAX', `"${name}" is not of type ${shape.type ?? 'JSON'}.`)
}

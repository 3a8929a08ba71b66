/** The commands of a component as methods. */
import type { CallMethodResultOptions, ISessionContext, Namespace, UAObject } from 'node-opcua'
import { type ArgumentOptions, DataType, type StatusCode, StatusCodes, Variant } from 'node-opcua'
import { ForbiddenError, InputError, PortcullisError, ResourceError, TimeoutError, UsageError, DeviceError } from '../../base/error.ts'
import type { TSchema } from '../../base/schema.ts'
import type { Component } from '../../device/component.ts'
import type { CommandSpec } from '../../device/contract.ts'
import { mayCall } from './rights.ts'
import { fieldsOf, fromVariant, type Shape, shapeOf, toVariant } from './shape.ts'
import type { Types } from './types.ts'

/** What carries out a command in the name of whoever called. */
export type Call = (context: ISessionContext, component: string, command: string, args: Record<string, unknown>) => Promise<unknown>

/** What a person at a screen confirms with a second key, a program says with its first argument. */
const confirmed = 'confirmed'

interface Argument {
  name: string
  shape: Shape
  optional: boolean
  schema: TSchema & { description?: string; default?: unknown }
}

/**
 * All commands of a component below its method set, but those that no person may call, and those whose
 * arguments or results are personal.
 */
export function addMethods(component: Component, methods: UAObject, own: Namespace, types: Types, anonymous: boolean, call: Call): void {
  for (const [name, member] of Object.entries(component.contract.members)) {
    const spec = member as { kind: string } & CommandSpec
    if (spec.kind !== 'command' || spec.personal || spec.role === 'controller') continue
    addMethod(component, name, spec, methods, own, types, anonymous, call)
  }
}

function addMethod(component: Component, name: string, spec: CommandSpec, methods: UAObject, own: Namespace, types: Types, anonymous: boolean, call: Call): void {
  const path = `${component.contract.name}.${name}`
  const taken = argumentsOf(spec.args)
  const given = argumentsOf(spec.result)
  const described = (argument: Argument): ArgumentOptions => ({
    name: argument.name, description: saysOf(argument), valueRank: argument.shape.list || argument.optional ? 1 : -1,
    dataType: types.dataType(argument.shape, `${path}.${argument.name}`),
  })
  const confirm: ArgumentOptions[] = spec.moves ? [{ name: confirmed, description: 'Something moves: true, once somebody made sure that nobody is hurt.', dataType: DataType.Boolean, valueRank: -1 }] : []
  const method = own.addMethod(methods, {
    browseName: name, nodeId: `s=${component.name}.${name}`, description: `${spec.says} Needs the role ${spec.role}.`,
    inputArguments: [...confirm, ...taken.map(described)], outputArguments: given.map((argument) => described({ ...argument, optional: false })),
    rolePermissions: mayCall(spec.role, anonymous),
  })
  method.bindMethod(async (input: Variant[], context: ISessionContext): Promise<CallMethodResultOptions> => {
    if (spec.moves && input[0]?.value !== true) return { statusCode: StatusCodes.BadInvalidArgument }
    try {
      const result = await call(context, component.name, name, argsFrom(taken, input.slice(confirm.length)))
      const fields = (result ?? {}) as Record<string, unknown>
      return { statusCode: StatusCodes.Good, outputArguments: given.map(({ name: field, shape }) => toVariant(shape, fields[field])) }
    } catch (error) {
      return { statusCode: statusOf(error) }
    }
  })
}

function argumentsOf(schema: TSchema): Argument[] {
  const { required = [] } = schema as { required?: string[] }
  return Object.entries(fieldsOf(schema)).map(([name, field]) => ({
    name, shape: shapeOf(field), schema: field, optional: !required.includes(name) || (field as { default?: unknown }).default !== undefined,
  }))
}

function saysOf({ schema, shape, optional }: Argument): string {
  const { description = '', default: usual } = schema
  const limits = shape.minimum === undefined && shape.maximum === undefined ? '' : ` ${shape.minimum ?? ''} to ${shape.maximum ?? ''}.`
  const nothing = optional ? ` An empty list leaves it out${usual === undefined ? '' : `, for ${JSON.stringify(usual)}`}.` : ''
  return `${description}${shape.kind === 'json' ? ' JSON.' : ''}${limits}${nothing}`.trim()
}

function argsFrom(taken: readonly Argument[], input: readonly Variant[]): Record<string, unknown> {
  const args: Record<string, unknown> = {}
  taken.forEach(({ name, shape, optional }, at) => {
    const given = input[at] ?? new Variant({ dataType: DataType.Null })
    const value = optional && !shape.list ? onlyOne(fromVariant({ ...shape, list: true }, given)) : fromVariant(shape, given)
    if (value !== undefined) args[name] = value
    else if (!optional) throw new InputError('PC-OPCUA-VALUE', 'An argument is missing.')
  })
  return args
}

/** OPC UA knows no argument that can be left out: such a one comes as a list, with it or empty. */
function onlyOne(list: unknown): unknown {
  if (!Array.isArray(list) || list.length === 0) return undefined
  if (list.length > 1) throw new InputError('PC-OPCUA-VALUE', 'An argument that can be left out is a list of one or none.')
  return list[0]
}

/** What a client sees of an error. Its code and sentence stand in the journal, beside who asked. */
export function statusOf(error: unknown): StatusCode {
  if (error instanceof ForbiddenError) return StatusCodes.BadUserAccessDenied
  if (error instanceof InputError) return StatusCodes.BadInvalidArgument
  if (error instanceof TimeoutError) return StatusCodes.BadTimeout
  if (error instanceof ResourceError) return StatusCodes.BadResourceUnavailable
  if (error instanceof DeviceError) return StatusCodes.BadDeviceFailure
  if (error instanceof UsageError) return StatusCodes.BadInvalidState
  return error instanceof PortcullisError ? StatusCodes.BadUnexpectedError : StatusCodes.BadInternalError
}

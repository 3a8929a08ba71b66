/** The properties of a component as variables: values with their time, unit, range and quality. */
import type { Namespace, UAObject, UAVariable } from 'node-opcua'
import { DataType, StatusCodes, Variant } from 'node-opcua'
import type { Component } from '../../device/component.ts'
import type { PropertySpec } from '../../device/contract.ts'
import { mayLook } from './rights.ts'
import { fieldsOf, type Shape, shapeOf, toVariant } from './shape.ts'
import type { Types } from './types.ts'
import { unitOf } from './units.ts'

/** Says what it is whatever the component's health, so its value is always good. */
const always = new Set(['health', 'identity', 'counters'])

interface Shown {
  variable: UAVariable
  shape: Shape
  /** Of a field of a record: its name. */
  field?: string
}

/** All properties of one component below its parameter set. */
export class Values {
  readonly #component: Component
  readonly #own: Namespace
  readonly #types: Types
  readonly #anonymous: boolean
  readonly #shown = new Map<string, Shown[]>()

  constructor(component: Component, parameters: UAObject, own: Namespace, types: Types, anonymous: boolean) {
    this.#component = component
    this.#own = own
    this.#types = types
    this.#anonymous = anonymous
    for (const [name, spec] of Object.entries(component.contract.members)) {
      if ((spec as { kind: string }).kind === 'property') this.#shown.set(name, this.#show(name, spec as PropertySpec, parameters))
    }
    for (const name of this.#shown.keys()) this.update(name)
  }

  get names(): string[] {
    return [...this.#shown.keys()]
  }

  variable(name: string): UAVariable | undefined {
    return this.#shown.get(name)?.[0]?.variable
  }

  /** Takes over what the component last said. When its health changed, every value's quality may have. */
  update(name: string): void {
    for (const one of name === 'health' ? this.#shown.keys() : [name]) this.#write(one)
  }

  #write(name: string): void {
    const reading = this.#component.reading(name)
    const doubtful = !this.#component.usable && !always.has(name)
    for (const { variable, shape, field } of this.#shown.get(name) ?? []) {
      const value = field === undefined ? reading?.value : (reading?.value as Record<string, unknown> | undefined)?.[field]
      if (reading === undefined) variable.setValueFromSource({ dataType: DataType.Null }, StatusCodes.BadWaitingForInitialData)
      else variable.setValueFromSource(toVariant(shape, value), doubtful ? StatusCodes.UncertainLastUsableValue : StatusCodes.Good, new Date(reading.at))
    }
  }

  /** A record is shown as JSON, and each of its plain fields as a variable of its own beside it. */
  #show(name: string, spec: PropertySpec, parameters: UAObject): Shown[] {
    const path = `${this.#component.contract.name}.${name}`
    const nodeId = `${this.#component.name}.${name}`
    const shape = shapeOf(spec.schema)
    const whole = this.#variable(name, path, nodeId, shape, spec, parameters)
    const fields = Object.entries(shape.kind === 'json' ? fieldsOf(spec.schema) : {}).map(([field, schema]) => ({ field, shape: shapeOf(schema) }))
    return [{ variable: whole, shape }, ...fields.filter((one) => one.shape.kind !== 'json').map((one) => ({
      ...one, variable: this.#variable(one.field, `${path}.${one.field}`, `${nodeId}.${one.field}`, one.shape, { says: spec.says }, whole),
    }))]
  }

  #variable(name: string, path: string, nodeId: string, shape: Shape, { says, unit }: { says: string; unit?: string }, parent: UAObject | UAVariable): UAVariable {
    const numeric = shape.kind === 'int32' || shape.kind === 'uint32' || shape.kind === 'int64' || shape.kind === 'double'
    const measured = numeric && unit !== undefined
    const ranged = measured && shape.minimum !== undefined && shape.maximum !== undefined
    const variable = this.#own.addVariable({
      browseName: name, nodeId: `s=${nodeId}`, description: says, componentOf: parent,
      dataType: this.#types.dataType(shape, path), valueRank: shape.list ? 1 : -1,
      typeDefinition: measured ? (ranged ? 'AnalogUnitRangeType' : 'AnalogUnitType') : 'BaseDataVariableType',
      accessLevel: 'CurrentRead', userAccessLevel: 'CurrentRead', rolePermissions: mayLook(this.#anonymous),
    })
    if (measured) this.#detail(variable, 'EngineeringUnits', 'EUInformation', unitOf(unit))
    if (ranged) this.#detail(variable, 'EURange', 'Range', this.#own.addressSpace.constructExtensionObject(rangeType(this.#own), { low: shape.minimum, high: shape.maximum }))
    return variable
  }

  #detail(variable: UAVariable, name: string, dataType: string, value: object): void {
    const property = this.#own.addVariable({ browseName: { name, namespaceIndex: 0 }, propertyOf: variable, dataType, typeDefinition: 'PropertyType', accessLevel: 'CurrentRead' })
    property.setValueFromSource(new Variant({ dataType: DataType.ExtensionObject, value }))
  }
}

const rangeType = (own: Namespace) => {
  const type = own.addressSpace.findDataType('Range')
  if (type === null) throw new TypeError('namespace 0 has no Range')
  return type
}

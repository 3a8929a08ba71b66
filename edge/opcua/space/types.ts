/** The types that the device model adds to the address space: enumerations, kinds of devices, kinds of events. */
import type { AddressSpace, Namespace, NodeId, UAEventType, UAObjectType, Variant } from 'node-opcua'
import { DataType, resolveNodeId } from 'node-opcua'
import { invariant } from '../../base/error.ts'
import type { Contract, EventSpec } from '../../device/contract.ts'
import { carriers, fieldsOf, type Shape, shapeOf, toVariant } from './shape.ts'

export const spaces = {
  di: 'http://opcfoundation.org/UA/DI/',
  machinery: 'http://opcfoundation.org/UA/Machinery/',
  autoId: 'http://opcfoundation.org/UA/AutoID/',
} as const

/** Readers are devices of AutoID (OPC 30010), everything else of DI (OPC 10000-100). */
const readerTypes: Record<string, string> = { 'document-reader': 'OcrReaderDeviceType', 'code-reader': 'OpticalReaderDeviceType' }

export const isReader = (contract: string): boolean => Object.hasOwn(readerTypes, contract)

/** Names that every event has (OPC 10000-5, 6.4.2): a field of the same name steps aside. */
const ofEveryEvent = new Set(['eventId', 'eventType', 'sourceNode', 'sourceName', 'time', 'receiveTime', 'localTime', 'message', 'severity', 'conditionClassId', 'conditionClassName', 'conditionSubClassId', 'conditionSubClassName'])
const fieldName = (field: string): string => (ofEveryEvent.has(field) ? `${field}Value` : field)

/** The fields of an event's data, as raising an event takes them. */
export function eventFields(spec: EventSpec, data: unknown): Record<string, Variant> {
  const values = (data ?? {}) as Record<string, unknown>
  return Object.fromEntries(Object.entries(fieldsOf(spec.data)).map(([field, schema]) => {
    const name = fieldName(field)
    return [`${name[0]?.toLowerCase() ?? ''}${name.slice(1)}`, toVariant(shapeOf(schema), values[field])]
  }))
}

const healthKey = 'device.health'

export class Types {
  readonly #space: AddressSpace
  readonly #own: Namespace
  readonly #choices = new Map<string, NodeId>()
  readonly #devices = new Map<string, UAObjectType>()
  readonly #events = new Map<string, UAEventType>()

  constructor(space: AddressSpace, own: Namespace) {
    this.#space = space
    this.#own = own
  }

  /** The data type of a shape; a choice becomes an enumeration named after where it was first seen. */
  dataType(shape: Shape, name: string): NodeId {
    if (shape.kind !== 'choice') return resolveNodeId(DataType[carriers[shape.kind]])
    const key = `${name} ${shape.words.join(' ')}`
    const known = this.#choices.get(key)
    if (known !== undefined) return known
    const twin = [...this.#choices.keys()].filter((other) => other.startsWith(`${name} `)).length
    const browseName = twin === 0 ? name : `${name}.${twin + 1}`
    const made = this.#own.addEnumerationType({
      browseName, nodeId: `s=type.choice.${browseName}`,
      enumeration: [...shape.words],
    }).nodeId
    this.#choices.set(key, made)
    return made
  }

  /** The kind of device that keeps a contract. */
  device(contract: Contract): UAObjectType {
    const known = this.#devices.get(contract.name)
    if (known !== undefined) return known
    const reader = readerTypes[contract.name]
    const base = reader === undefined ? this.#typeOf('DeviceType', spaces.di) : this.#typeOf(reader, spaces.autoId)
    const made = this.#own.addObjectType({
      browseName: contract.name, nodeId: `s=type.device.${contract.name}`, description: contract.says, subtypeOf: base,
    })
    this.#devices.set(contract.name, made)
    return made
  }

  /** The kind of event that a contract declares, with a property for each field. */
  event(contract: Contract, name: string, spec: EventSpec): UAEventType {
    const key = `${contract.name}.${name}`
    const known = this.#events.get(key)
    if (known !== undefined) return known
    const made = this.#own.addEventType({ browseName: key, subtypeOf: 'BaseEventType' })
    for (const [field, schema] of Object.entries(fieldsOf(spec.data))) {
      const shape = shapeOf(schema)
      this.#own.addVariable({
        browseName: { name: fieldName(field), namespaceIndex: this.#own.index }, propertyOf: made, typeDefinition: 'PropertyType',
        dataType: this.dataType(shape, `${key}.${field}`), valueRank: shape.list ? 1 : -1, modellingRule: 'Mandatory',
      })
    }
    this.#events.set(key, made)
    return made
  }

  /** The kind of event that tells of a component's health, as the journal remembers it. */
  healthEvent(): UAEventType {
    const known = this.#events.get(healthKey)
    if (known !== undefined) return known
    const made = this.#own.addEventType({ browseName: healthKey, subtypeOf: 'BaseEventType' })
    for (const field of ['status', 'code']) {
      this.#own.addVariable({ browseName: { name: field, namespaceIndex: this.#own.index }, propertyOf: made, typeDefinition: 'PropertyType', dataType: DataType.String, modellingRule: 'Mandatory' })
    }
    this.#events.set(healthKey, made)
    return made
  }

  #typeOf(name: string, uri: string): UAObjectType {
    const type = this.#space.findObjectType(name, this.#space.getNamespaceIndex(uri))
    invariant(type !== null, `the companion specification has the type ${name}`)
    return type
  }
}

/** One component as a device object of DI (OPC 10000-100, 5.5): nameplate, health, parameters, methods, events, alarms. */
import type { AddressSpace, EventNotifierFlags, Namespace, UAObject, UAVariable } from 'node-opcua'
import { DataType, StatusCodes } from 'node-opcua'
import { invariant } from '../../base/error.ts'
import type { Component, News } from '../../device/component.ts'
import type { EventSpec, Health, Identity } from '../../device/contract.ts'
import { Alarms, severities } from './alarms.ts'
import { addMethods, type Call } from './methods.ts'
import { mayLook } from './rights.ts'
import { eventFields, isReader, spaces, type Types } from './types.ts'
import { Values } from './values.ts'

/** DeviceHealthEnumeration (OPC 10000-100, 4.5.4). */
export const deviceHealth: Record<Health['status'], number> = { ready: 0, failed: 1, starting: 2, stopped: 2, degraded: 3 }
/** DeviceStatusEnumeration of AutoID: idle, error, scanning. */
const readerStatus: Record<Health['status'], number> = { ready: 2, degraded: 2, failed: 1, starting: 0, stopped: 0 }

/** An object whose events are recorded: EventNotifier with SubscribeToEvents and HistoryRead (OPC 10000-3, 8.59). */
export const eventsAndHistory = 0x05 as EventNotifierFlags

/** Capabilities that tell who people are: nothing for who has no name. */
const tellsOfPeople: ReadonlySet<string> = new Set(['access'])

export interface DeviceOptions {
  component: Component
  space: AddressSpace
  own: Namespace
  types: Types
  /** Where devices are kept (DeviceSet). */
  parent: UAObject
  anonymous: boolean
  call: Call
}

export class DeviceNode {
  readonly component: Component
  readonly object: UAObject
  /** DI's health variable: its history is the component's. */
  readonly healthVariable: UAVariable
  readonly alarms: Alarms
  readonly #values: Values
  readonly #types: Types
  readonly #index: { di: number; autoId: number }

  constructor({ component, space, own, types, parent, anonymous, call }: DeviceOptions) {
    this.component = component
    this.#types = types
    this.#index = { di: space.getNamespaceIndex(spaces.di), autoId: space.getNamespaceIndex(spaces.autoId) }
    const reader = isReader(component.contract.name)
    const open = anonymous && !tellsOfPeople.has(component.contract.name)
    this.object = types.device(component.contract).instantiate({
      browseName: { name: component.name, namespaceIndex: own.index }, nodeId: `s=${component.name}`, namespace: own, componentOf: parent,
      description: component.contract.says, eventNotifier: eventsAndHistory, eventSourceOf: space.rootFolder.objects.server,
      optionals: ['ParameterSet', 'MethodSet', 'DeviceHealth', 'DeviceHealthAlarms', 'Identification', ...(reader ? ['DeviceInfo', 'ScanActive', 'LastScanTimestamp'] : [])],
    })
    const part = (name: string, index = this.#index.di): UAObject => {
      const found = this.object.getComponentByName(name, index) as UAObject | null
      invariant(found !== null, `a device has ${name}`)
      return found
    }
    this.healthVariable = part('DeviceHealth') as unknown as UAVariable
    // Who may not look at a device hears nothing of its events, either.
    this.object.setRolePermissions(mayLook(open))
    this.#values = new Values(component, part('ParameterSet'), own, types, open)
    addMethods(component, part('MethodSet'), own, types, open, call)
    for (const [name, spec] of this.#events()) types.event(component.contract, name, spec)
    this.alarms = new Alarms(component, this.object, part('DeviceHealthAlarms'), own, open)
    this.#group(part('Identification'))
    this.#start(reader)
  }

  /** Takes over what the component made known. */
  take(news: News): void {
    if (news.kind === 'event') return this.#raise(news.name, news.data, news.at)
    this.#values.update(news.name)
    if (news.name === 'identity') this.#nameplate(news.value as Identity)
    if (news.name === 'health') {
      this.#health(news.value as Health, news.at)
      this.alarms.health(news.value as Health, news.at)
    }
  }

  #events(): [string, EventSpec][] {
    return Object.entries(this.component.contract.members).filter(([, spec]) => (spec as { kind: string }).kind === 'event' && !(spec as unknown as EventSpec).personal) as unknown as [string, EventSpec][]
  }

  #start(reader: boolean): void {
    for (const [name, value] of Object.entries({ HardwareRevision: '', DeviceRevision: '', DeviceManual: '' })) this.#text(name, value)
    this.#child('RevisionCounter')?.setValueFromSource({ dataType: DataType.Int32, value: -1 }, StatusCodes.Good)
    this.#nameplate((this.component.reading('identity')?.value as Identity | undefined) ?? { manufacturer: '', model: '' })
    if (reader) {
      this.#text('AutoIdModelVersion', '1.01', this.#index.autoId)
      this.#text('DeviceName', this.component.name, this.#index.autoId)
      this.#text('DeviceInfo', this.component.contract.says, this.#index.autoId)
      this.#child('LastScanTimestamp', this.#index.autoId)?.setValueFromSource({ dataType: DataType.Null }, StatusCodes.BadWaitingForInitialData)
    }
    const health = this.component.reading('health')
    if (health === undefined) return
    this.#health(health.value as Health, health.at)
    if (this.component.health.status === 'failed' || this.component.health.status === 'degraded') this.alarms.health(this.component.health, health.at)
  }

  #nameplate({ manufacturer, model, serial = '', firmware = '' }: Identity): void {
    for (const [name, value] of Object.entries({ Manufacturer: manufacturer, Model: model })) {
      this.#child(name)?.setValueFromSource({ dataType: DataType.LocalizedText, value: { text: value } }, StatusCodes.Good)
    }
    this.#text('SerialNumber', serial)
    this.#text('SoftwareRevision', firmware)
  }

  #health({ status }: Health, at: number): void {
    this.healthVariable.setValueFromSource({ dataType: DataType.Int32, value: deviceHealth[status] }, StatusCodes.Good, new Date(at))
    if (!isReader(this.component.contract.name)) return
    this.#child('DeviceStatus', this.#index.autoId)?.setValueFromSource({ dataType: DataType.Int32, value: readerStatus[status] }, StatusCodes.Good)
    this.#child('ScanActive', this.#index.autoId)?.setValueFromSource({ dataType: DataType.Boolean, value: readerStatus[status] === 2 }, StatusCodes.Good)
  }

  /** An event whose data are personal is not shown; of a reader, only that it read something, and when. */
  #raise(name: string, data: unknown, at: number): void {
    const spec = (this.component.contract.members as unknown as Record<string, EventSpec | undefined>)[name]
    if (spec === undefined) return
    if (isReader(this.component.contract.name)) {
      this.#child('LastScanTimestamp', this.#index.autoId)?.setValueFromSource({ dataType: DataType.DateTime, value: new Date(at) }, StatusCodes.Good)
    }
    if (spec.personal) return
    this.object.raiseEvent(this.#types.event(this.component.contract, name, spec), {
      message: { dataType: DataType.LocalizedText, value: { text: spec.says } },
      severity: { dataType: DataType.UInt16, value: severities[spec.severity] },
      time: { dataType: DataType.DateTime, value: new Date(at) },
      ...eventFields(spec, data),
    })
    this.alarms.event(name, spec.says, at)
  }

  /** The nameplate again where DI's clients look for it. */
  #group(identification: UAObject): void {
    for (const name of ['Manufacturer', 'Model', 'SerialNumber', 'SoftwareRevision', 'HardwareRevision', 'DeviceHealth']) {
      const node = this.#child(name)
      if (node !== undefined) identification.addReference({ referenceType: 'Organizes', nodeId: node.nodeId })
    }
  }

  #text(name: string, value: string, index?: number): void {
    this.#child(name, index)?.setValueFromSource({ dataType: DataType.String, value }, StatusCodes.Good)
  }

  #child(name: string, index = this.#index.di): UAVariable | undefined {
    return (this.object.getChildByName(name, index) as UAVariable | null) ?? undefined
  }
}

/**
 * Alarms and conditions of one component (OPC 10000-9): a failure or loss of quality stands while the
 * component's health says so, an event that is an alarm stands until somebody acknowledged it.
 */
import type { Namespace, UAAlarmConditionEx, UAObject } from 'node-opcua'
import { NodeId, StatusCodes } from 'node-opcua'
import type { WallTime } from '../../base/clock.ts'
import type { Component } from '../../device/component.ts'
import type { EventSpec, Health } from '../../device/contract.ts'
import { mayAct } from './rights.ts'
import { spaces } from './types.ts'

export const severities = { info: 100, warning: 500, alarm: 900 } as const

/** NAMUR NE 107, as DI names it: which status stands for which alarm. */
const ofHealth = {
  Failure: { type: 'FailureAlarmType', status: 'failed', severity: severities.alarm },
  OffSpec: { type: 'OffSpecAlarmType', status: 'degraded', severity: severities.warning },
} as const

export class Alarms {
  readonly #component: Component
  readonly #alarms = new Map<string, UAAlarmConditionEx>()

  constructor(component: Component, device: UAObject, folder: UAObject, own: Namespace, anonymous: boolean) {
    this.#component = component
    const space = own.addressSpace
    const make = (name: string, type: string, says: string): void => {
      const alarm = own.instantiateAlarmCondition(type, {
        browseName: name, nodeId: `s=${component.name}.alarm.${name}`, componentOf: folder, conditionSource: device, conditionName: `${component.name} ${name}`,
        description: says, inputNode: NodeId.nullNodeId,
      })
      alarm.acknowledge.setRolePermissions(mayAct(anonymous))
      this.#alarms.set(name, alarm)
    }
    for (const [name, { type }] of Object.entries(ofHealth)) {
      make(name, space.findEventType(type, space.getNamespaceIndex(spaces.di))!.nodeId as unknown as string, `${component.name}: ${component.contract.says}`)
    }
    for (const [name, member] of Object.entries(component.contract.members)) {
      const spec = member as unknown as { kind: string } & EventSpec
      if (spec.kind !== 'event' || spec.severity !== 'alarm' || spec.personal) continue
      make(name, 'AlarmConditionType', spec.says)
      this.#alarms.get(name)?.on('acknowledged', () => this.#end(name))
    }
    for (const name of Object.keys(ofHealth)) this.#alarms.get(name)?.on('acknowledged', () => this.#keep(name))
  }

  /** The name of an alarm of this component, by its node; undefined when it is none of them. */
  nameOf(node: NodeId): string | undefined {
    return [...this.#alarms].find(([, alarm]) => alarm.nodeId.toString() === node.toString())?.[0]
  }

  health({ status, code, says }: Health, at: WallTime): void {
    for (const [name, { status: ofAlarm, severity }] of Object.entries(ofHealth)) {
      const message = [code, says].filter((part) => part !== undefined).join(': ') || `${this.#component.name} is ${status}.`
      if (status === ofAlarm) this.#raise(name, severity, message, at)
      else this.#clear(name, message, at)
    }
  }

  /** An event that is an alarm happened, now or before the program started. */
  event(name: string, says: string, at: WallTime): void {
    if (this.#alarms.has(name)) this.#raise(name, severities.alarm, says, at)
  }

  /** Somebody acknowledged it elsewhere: at another face. */
  acknowledged(name: string): void {
    const alarm = this.#alarms.get(name)
    const branch = alarm?.currentBranch()
    if (alarm === undefined || branch === undefined || branch.getAckedState()) return
    alarm.acknowledgeAndAutoConfirmBranch(branch, '')
  }

  #raise(name: string, severity: number, message: string, at: WallTime): void {
    const alarm = this.#alarms.get(name)
    alarm?.activateAlarm()
    alarm?.raiseNewCondition({ message, severity, quality: StatusCodes.Good, retain: true, time: new Date(at) })
  }

  #clear(name: string, message: string, at: WallTime): void {
    const alarm = this.#alarms.get(name)
    const branch = alarm?.currentBranch()
    if (alarm === undefined || branch === undefined || !branch.getActiveState()) return
    const open = !branch.getAckedState()
    alarm.deactivateAlarm(open)
    alarm.raiseNewCondition({ message, severity: severities.info, quality: StatusCodes.Good, retain: open, time: new Date(at) })
  }

  /** An event is over once somebody cares for it. */
  #end(name: string): void {
    const alarm = this.#alarms.get(name)
    if (alarm?.currentBranch().getActiveState() !== true) return
    alarm.deactivateAlarm(false)
    alarm.raiseNewCondition({ severity: severities.info, quality: StatusCodes.Good, retain: false })
  }

  /** A failure that lasts stays of interest though somebody cares for it (OPC 10000-9, 5.5.2). */
  #keep(name: string): void {
    const alarm = this.#alarms.get(name)
    const branch = alarm?.currentBranch()
    if (alarm === undefined || branch?.getActiveState() !== true) return
    branch.setRetain(true)
    alarm.raiseConditionEvent(branch, true)
  }
}

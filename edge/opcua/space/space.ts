/** The address space: a generated view of the device model. Adding a component adds no line here. */
import type { AddressSpace, ISessionContext, StatusCode, UAMethod, UAObject, UAObjectType, Variant } from 'node-opcua'
import { MethodIds, ObjectIds, resolveNodeId, StatusCodes } from 'node-opcua'
import type { Clock } from '../../base/clock.ts'
import { invariant } from '../../base/error.ts'
import type { News } from '../../device/component.ts'
import type { DeviceModel } from '../../device/model.ts'
import type { OpcuaSection } from '../section.ts'
import type { About } from '../words.ts'
import { DeviceNode, eventsAndHistory } from './device.ts'
import { eventKind, History, type Remember, textOf } from './history.ts'
import { addMachine } from './machine.ts'
import { type Call, statusOf } from './methods.ts'
import { allMayCall, mayLook } from './rights.ts'
import { spaces, Types } from './types.ts'

/** The namespace of what the device model adds. */
export const ownUri = 'urn:portcullis:device'
export const acknowledgedKind = 'opcua.acknowledged'

/** DeviceSet of DI (OPC 10000-100, 5.10). */
const deviceSetId = 5001

export interface SpaceOptions {
  space: AddressSpace
  model: DeviceModel
  about: About
  section: OpcuaSection
  clock: Clock
  call: Call
  remember: Remember
}

/** Methods of namespace 0 that anybody who looks may call: they concern the client's own subscription only. */
const harmless: ReadonlySet<string> = new Set([
  MethodIds.ConditionType_ConditionRefresh, MethodIds.ConditionType_ConditionRefresh2, MethodIds.Server_GetMonitoredItems, MethodIds.Server_ResendData,
].map((id) => resolveNodeId(id).toString()))

export class Space {
  readonly devices = new Map<string, DeviceNode>()
  readonly #options: SpaceOptions
  readonly #own: number
  readonly #stop: () => void
  /** Alarms that a client is just acknowledging: the library does it once that is durable. */
  readonly #acknowledging = new Set<string>()

  constructor(options: SpaceOptions) {
    this.#options = options
    const { space, model, about, section, clock, call, remember } = options
    const anonymous = section.anonymous === 'read'
    // Who else is connected is nobody's business here, and would cost a megabyte a client.
    const others = space.findNode(resolveNodeId(ObjectIds.Server_ServerDiagnostics_SessionsDiagnosticsSummary))
    if (others !== null) space.deleteNode(others)
    for (const namespace of space.getNamespaceArray()) namespace.setDefaultRolePermissions(mayLook(anonymous))
    for (const id of harmless) space.findNode(id)?.setRolePermissions(allMayCall(anonymous))
    const own = space.registerNamespace(ownUri)
    own.setDefaultRolePermissions(mayLook(anonymous))
    this.#own = own.index
    space.installAlarmsAndConditionsService()
    const types = new Types(space, own)
    const parent = space.findNode(`ns=${space.getNamespaceIndex(spaces.di)};i=${deviceSetId}`) as UAObject | null
    invariant(parent !== null, 'DI has a set of devices')
    for (const component of model.list()) {
      this.devices.set(component.name, new DeviceNode({ component, space, own, types, parent, anonymous, call }))
    }
    types.healthEvent()
    addMachine(space, own, about, section.machine, [...this.devices.values()].map(({ object }) => object))
    space.rootFolder.objects.server.setEventNotifier(eventsAndHistory)
    new History({ space, types, clock, devices: this.devices, remember, most: section.limits.history_max }).offer()
    this.#restore()
    space.addMethodCallInterceptor((context, object, method, input) => this.#guard(context, object, method, input))
    this.#stop = model.news.add((news) => this.#take(news))
  }

  /** Somebody acknowledged an alarm. */
  acknowledged(component: string, alarm: string): void {
    if (!this.#acknowledging.has(`${component} ${alarm}`)) this.devices.get(component)?.alarms.acknowledged(alarm)
  }

  dispose(): void {
    this.#stop()
  }

  #take(news: News): void {
    this.devices.get(news.component)?.take(news)
  }

  /** Alarms of the last day that nobody has acknowledged stand again after a restart. */
  #restore(): void {
    const { clock, remember, section } = this.#options
    const now = clock.wall()
    const open = new Map<string, { component: string; event: string; at: number }>()
    for (const { kind, at, body } of remember({ kinds: [eventKind, acknowledgedKind], from: now - 24 * 60 * 60_000, to: now, most: section.limits.history_max, newestFirst: true }).reverse()) {
      const component = textOf(body['component'])
      const event = textOf(kind === eventKind ? body['event'] : body['alarm'])
      if (kind === eventKind && body['severity'] === 'alarm') open.set(`${component} ${event}`, { component, event, at })
      if (kind === acknowledgedKind) open.delete(`${component} ${event}`)
    }
    for (const { component, event, at } of open.values()) {
      const device = this.devices.get(component)
      const spec = device?.component.contract.members[event as 'health'] as { kind: string; says: string } | undefined
      if (spec?.kind === 'event') device?.alarms.event(event, spec.says, at)
    }
  }

  /**
   * Before any method runs. Commands of the model guard themselves; of all others only what concerns a
   * client's own subscription, and acknowledging, which is durable before it shows.
   */
  async #guard(context: ISessionContext, object: UAObject | UAObjectType | null, method: UAMethod, input: readonly Variant[]): Promise<StatusCode> {
    const alarm = object === null ? undefined : this.#alarmOf(object)
    if (alarm !== undefined) return method.browseName.name === 'Acknowledge' ? this.#acknowledge(context, alarm, input) : StatusCodes.BadUserAccessDenied
    if (method.nodeId.namespace === this.#own) return StatusCodes.Good
    return harmless.has(method.nodeId.toString()) ? StatusCodes.Good : StatusCodes.BadUserAccessDenied
  }

  async #acknowledge(context: ISessionContext, { component, alarm }: { component: string; alarm: string }, input: readonly Variant[]): Promise<StatusCode> {
    const comment = textOf((input[1]?.value as { text?: unknown } | undefined)?.text).slice(0, 256)
    const key = `${component} ${alarm}`
    this.#acknowledging.add(key)
    try {
      await this.#options.call(context, 'opcua', 'acknowledge', { component, alarm, comment })
      return StatusCodes.Good
    } catch (error) {
      return statusOf(error)
    } finally {
      this.#acknowledging.delete(key)
    }
  }

  #alarmOf(object: UAObject | UAObjectType): { component: string; alarm: string } | undefined {
    if (object.nodeId.namespace !== this.#own) return undefined
    for (const [component, { alarms }] of this.devices) {
      const alarm = alarms.nameOf(object.nodeId)
      if (alarm !== undefined) return { component, alarm }
    }
    return undefined
  }
}

/**
 * What the journal remembers of the last day, as history (OPC 10000-11): events of each device and of
 * the whole, and the health of each device. Nothing is kept for it in memory: what does not fit into one
 * answer is read from the journal again, from where the client's continuation point says.
 */
import type { AddressSpace, ContinuationPoint, IVariableHistorian, ISessionContext, UAObject, UAVariable } from 'node-opcua'
import {
  checkFilter, DataType, DataTypeIds, DataValue, extractEventFields, FilterContextOnAddressSpace, HistoryReadResult, PermissionType,
  ReadEventDetails, type ReadRawModifiedDetails, resolveNodeId, StatusCodes,
} from 'node-opcua'
import type { Clock, WallTime } from '../../base/clock.ts'
import type { EventSpec, Health } from '../../device/contract.ts'
import { severities } from './alarms.ts'
import { type DeviceNode, deviceHealth } from './device.ts'
import { eventFields, type Types } from './types.ts'

/** A fact that tells of a component. */
export interface Remembered {
  seq: number
  at: WallTime
  kind: string
  body: Record<string, unknown>
}

export interface Wanted {
  kinds: readonly string[]
  /** Of all components unless named. */
  component?: string
  from: WallTime
  to: WallTime
  most: number
  newestFirst: boolean
  /** Only what lies beyond this fact, in the order asked for. */
  beyond?: number
}

/** The journal, as far as history needs it. */
export type Remember = (wanted: Wanted) => Remembered[]

/** How far back clients may look. */
const day_ms = 24 * 60 * 60_000
export const eventKind = 'device.event'
export const healthKind = 'device.health'

export interface HistoryOptions {
  space: AddressSpace
  types: Types
  clock: Clock
  devices: ReadonlyMap<string, DeviceNode>
  remember: Remember
  /** What one request may read. */
  most: number
}

interface Span {
  from: WallTime
  to: WallTime
  newestFirst: boolean
}

interface HistoryRead {
  (context: ISessionContext, details: unknown, range: unknown, encoding: unknown, more: { continuationPoint?: ContinuationPoint | null }): Promise<HistoryReadResult>
}

/** Makes what the journal remembers readable. */
export class History {
  readonly #options: HistoryOptions

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /** Offers the history of all devices, and of the whole. */
  offer(): void {
    const { devices, space } = this.#options
    for (const device of devices.values()) {
      this.#keepHealth(device.healthVariable, device.component.name)
      this.#keepEvents(device.object, device.component.name)
    }
    this.#keepEvents(space.rootFolder.objects.server)
  }

  #keepHealth(variable: UAVariable, component: string): void {
    const historian: IVariableHistorian = {
      push: async () => undefined,
      extractDataValues: (details, most, newestFirst, reversed, callback) => {
        const values = this.#health(component, details, most, newestFirst)
        callback(null, reversed ? values.reverse() : values)
      },
    }
    this.#options.space.installHistoricalDataNode(variable, { historian })
  }

  #health(component: string, { startTime, endTime }: ReadRawModifiedDetails, most: number, newestFirst: boolean): DataValue[] {
    const { remember } = this.#options
    const span = this.#span(startTime, endTime)
    return remember({ kinds: [healthKind], component, from: span.from, to: span.to, most: most === 0 ? this.#options.most : Math.min(most, this.#options.most), newestFirst })
      .map(({ at, body }) => new DataValue({
        value: { dataType: DataType.Int32, value: deviceHealth[body['status'] as Health['status']] ?? 2 }, sourceTimestamp: new Date(at), serverTimestamp: new Date(at),
      }))
  }

  /** node-opcua reads history of variables only; of an object it asks whatever its node offers under this name. */
  #keepEvents(object: UAObject, component?: string): void {
    const read: HistoryRead = async (context, details, _range, _encoding, more) => {
      if (!(details instanceof ReadEventDetails)) return refused('BadHistoryOperationUnsupported')
      // Of the Server object everybody may ask: what they hear is judged device by device.
      if (component !== undefined && !context.checkPermission(object, PermissionType.ReadHistory)) return refused('BadUserAccessDenied')
      return this.#events(context, object, details, component, more.continuationPoint ?? undefined)
    }
    Object.assign(object, { historyRead: read })
  }

  #events(context: ISessionContext, object: UAObject, details: ReadEventDetails, component: string | undefined, more: ContinuationPoint | undefined): HistoryReadResult {
    const { remember, most } = this.#options
    if (!given(details.startTime) && !given(details.endTime)) return refused('BadInvalidArgument')
    const span = this.#span(details.startTime, details.endTime)
    const beyond = more === undefined || more.length === 0 ? undefined : Number(more.toString('latin1'))
    if (beyond !== undefined && !Number.isSafeInteger(beyond)) return refused('BadContinuationPointInvalid')
    const count = details.numValuesPerNode === 0 ? most : Math.min(details.numValuesPerNode, most)
    const facts = remember({ kinds: [eventKind, healthKind], ...(component === undefined ? {} : { component }), ...span, most: count + 1, ...(beyond === undefined ? {} : { beyond }) })
    const shown = facts.slice(0, count)
    const events = shown.flatMap((fact) => {
      const event = this.#event(context, fact, object)
      if (event === undefined || !checkFilter(new FilterContextOnAddressSpace(context, event), details.filter.whereClause)) return []
      return [{ eventFields: extractEventFields(context, details.filter.selectClauses ?? [], event) }]
    })
    const last = facts.length > count ? shown.at(-1) : undefined
    return new HistoryReadResult({
      statusCode: events.length === 0 ? StatusCodes.GoodNoData : StatusCodes.Good,
      historyData: this.#options.space.constructExtensionObject(resolveNodeId(DataTypeIds.HistoryEvent), { events }),
      ...(last === undefined ? {} : { continuationPoint: Buffer.from(String(last.seq), 'latin1') }),
    })
  }

  /** A fact as the event that it was. Nothing of a component that is gone or that this client may not see, or of an event that is personal. */
  #event(context: ISessionContext, { at, kind, body }: Remembered, object: UAObject) {
    const { devices, space, types } = this.#options
    const device = devices.get(textOf(body['component']))
    const common = {
      sourceNode: { dataType: DataType.NodeId, value: (device?.object ?? object).nodeId },
      time: { dataType: DataType.DateTime, value: new Date(at) },
      receiveTime: { dataType: DataType.DateTime, value: new Date(at) },
    }
    if (device === undefined || !context.checkPermission(device.object, PermissionType.ReceiveEvents)) return undefined
    if (kind === healthKind) {
      const text = (name: string) => ({ dataType: DataType.String, value: textOf(body[name]) })
      return space.constructEventData(types.healthEvent(), {
        ...common, status: text('status'), code: text('code'), severity: { dataType: DataType.UInt16, value: body['status'] === 'ready' ? severities.info : severities.warning },
        message: { dataType: DataType.LocalizedText, value: { text: `${device.component.name} is ${textOf(body['status'])}.` } },
      })
    }
    const name = textOf(body['event'])
    const spec = (device.component.contract.members as unknown as Record<string, EventSpec & { kind: string } | undefined>)[name]
    if (spec?.kind !== 'event' || spec.personal) return undefined
    return space.constructEventData(types.event(device.component.contract, name, spec), {
      ...common, ...eventFields(spec, body['data']), severity: { dataType: DataType.UInt16, value: severities[spec.severity] },
      message: { dataType: DataType.LocalizedText, value: { text: spec.says } },
    })
  }

  /** Both ends are part of it (OPC 10000-11, 6.4.3.2); a time that is not given is a day ago, or now. */
  #span(start: Date | null | undefined, end: Date | null | undefined): Span {
    const now = this.#options.clock.wall()
    const [one, other] = [given(start) ? start.getTime() : undefined, given(end) ? end.getTime() : undefined]
    const newestFirst = one === undefined || (other !== undefined && other < one)
    const [from, to] = newestFirst ? [other === undefined || one === undefined ? undefined : other, one ?? other] : [one, other]
    return { from: Math.max(from ?? -Infinity, now - day_ms), to: to ?? now, newestFirst }
  }
}

/** A word of a fact's body; a journal may hold anything. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The oldest date of OPC UA stands for none (OPC 10000-6, 5.2.2.5). */
const given = (date: Date | null | undefined): date is Date => date !== null && date !== undefined && date.getTime() > Date.UTC(1601, 0, 2)

const refused = (why: 'BadHistoryOperationUnsupported' | 'BadUserAccessDenied' | 'BadInvalidArgument' | 'BadContinuationPointInvalid'): HistoryReadResult =>
  new HistoryReadResult({ statusCode: StatusCodes[why] })

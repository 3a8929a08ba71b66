/**
 * What waits for a client that fetches too slowly is bounded as the profile says, whatever it is.
 *
 * node-opcua only tells clients of the longest queue of a server, and keeps to one of its own: 5,000 values, and for
 * events no fewer than 100. It counts an item that watches events, each of which is kept with all its fields, like one
 * that watches a number. And where a value that is not good has to give way it throws out of a timer: one client that
 * watches a broken part and does not fetch would end the thread. Importing this module is enough, before the first client.
 */
import { AttributeIds, type DataValue, MonitoredItem, MonitoredItemCreateResult, StatusCode, StatusCodes, Subscription } from 'node-opcua'

interface Item {
  queueSize: number
  queue: unknown[]
  $subscription?: Subscription
  _set_parameters(asked: object): void
  _setOverflowBit(notification: { value?: DataValue }): void
  dispose(): void
}

export interface QueueLimits {
  /** Of one item. */
  queue: number
  /** Items of all clients that watch events. */
  event_items: number
}

let limits: QueueLimits = { queue: Infinity, event_items: Infinity }
let overflowed: () => void = () => undefined
/** The items that watch events. */
const watchers = new Set<object>()

/** @param onOverflow hears of each value and event that gave way before it was fetched */
export function limitQueues(most: QueueLimits, onOverflow: () => void): void {
  limits = most
  overflowed = onOverflow
}

/** Values and events that wait to be fetched. */
export function waitingOf(subscription: Subscription): number {
  const { monitoredItems } = subscription as unknown as { monitoredItems: Map<number, Item> }
  return [...monitoredItems.values()].reduce((sum, { queue }) => sum + queue.length, subscription.pendingNotificationsCount)
}

const item = MonitoredItem.prototype as unknown as Item
const setParameters = item._set_parameters

item._set_parameters = function (this: Item, asked: object): void {
  setParameters.call(this, asked)
  this.queueSize = Math.min(this.queueSize, limits.queue)
}

/** The bit stands with any quality (OPC 10000-4, 7.39.1). */
item._setOverflowBit = function (this: Item, notification): void {
  overflowed()
  const { value } = notification
  if (value !== undefined) value.statusCode = StatusCode.makeStatusCode(value.statusCode, 'Overflow | InfoTypeDataValue')
  if (this.$subscription !== undefined) this.$subscription.subscriptionDiagnostics.monitoringQueueOverflowCount++
}

const notifier: number = AttributeIds.EventNotifier
const { preCreateMonitoredItem: create } = Subscription.prototype

Subscription.prototype.preCreateMonitoredItem = function (this: Subscription, space, stamps, request): ReturnType<typeof create> {
  if (request.itemToMonitor.attributeId !== notifier) return create.call(this, space, stamps, request)
  if (watchers.size >= limits.event_items) {
    return { createResult: new MonitoredItemCreateResult({ statusCode: StatusCodes.BadTooManyMonitoredItems }), monitoredItemCreateRequest: request }
  }
  const made = create.call(this, space, stamps, request)
  if (made.monitoredItem !== undefined) watchers.add(made.monitoredItem)
  return made
}

const { dispose } = item

item.dispose = function (this: Item): void {
  watchers.delete(this)
  dispose.call(this)
}

/**
 * Writes into the journal what the components of the device make known: each change of health, and
 * every event that people should hear of. Values that change all the time are not facts.
 */
import type { Json } from '../base/canonical.ts'
import { describe } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { News } from '../device/component.ts'
import type { Health } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSink, NewFact } from '../journal/fact.ts'

export class Chronicle {
  readonly #model: DeviceModel
  readonly #sink: FactSink
  readonly #log: Logger
  readonly #statuses = new Map<string, string>()
  #remove: () => void = () => undefined
  /** Facts that the journal did not take. */
  lost = 0

  constructor(model: DeviceModel, sink: FactSink, log: Logger) {
    this.#model = model
    this.#sink = sink
    this.#log = log
  }

  start(): void {
    this.#remove = this.#model.news.add((news) => {
      const fact = this.#factOf(news)
      if (fact !== undefined) this.#append(fact)
    })
  }

  stop(): void {
    this.#remove()
  }

  #factOf(news: News): NewFact | undefined {
    if (news.kind === 'property') return news.name === 'health' ? this.#healthFact(news.component, news.value as Health) : undefined
    const spec = this.#model.get(news.component).contract.members[news.name as 'health'] as { kind: string; personal?: boolean; severity?: string }
    if (spec.kind !== 'event' || spec.personal === true || spec.severity === 'info') return undefined
    return {
      kind: 'device.event', class: spec.severity === 'alarm' ? 'safety' : 'fault',
      body: { component: news.component, event: news.name, severity: spec.severity, data: news.data as Json },
    }
  }

  /** A change of status or code is a fact; a changed sentence alone is not. */
  #healthFact(component: string, health: Health): NewFact | undefined {
    const status = `${health.status} ${health.code ?? ''}`
    if (this.#statuses.get(component) === status) return undefined
    this.#statuses.set(component, status)
    if (health.status === 'starting' || health.status === 'stopped') return undefined
    return { kind: 'device.health', class: 'fault', body: { component, status: health.status, ...(health.code === undefined ? {} : { code: health.code }) } }
  }

  #append(fact: NewFact): void {
    this.#sink.append(fact).catch((error: unknown) => {
      this.lost++
      this.#log.error({ error: describe(error), lost: this.lost }, 'the journal did not take a fact')
    })
  }
}

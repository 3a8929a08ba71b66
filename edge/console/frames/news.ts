/** News of components for a slow line: of a property the newest value only, of events a bounded number. */
import type { Cancel, Clock } from '../../base/clock.ts'
import { BoundedQueue } from '../../base/queue.ts'
import type { News } from '../../device/component.ts'
import type { Members } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import type { Item } from './request.ts'

const eventsMax = 128
/** Properties that wait at a time: as many as a large device has. */
const valuesMax = 2_048
const itemsMax = 32

export interface NewsOptions {
  model: DeviceModel
  clock: Clock
  /** Resolves when the line has taken it. */
  tell(items: Item[], lost: number): Promise<void>
}

export class NewsDesk {
  readonly #options: NewsOptions
  readonly #values = new Map<string, Item>()
  readonly #events = new BoundedQueue<Item>(eventsMax, 'drop-oldest')
  #watched: ReadonlySet<string> = new Set()
  #pause_ms = 1_000
  #forget: () => void = () => undefined
  #cancelTimer: Cancel | undefined
  #isTelling = false
  #dropped = 0

  constructor(options: NewsOptions) {
    this.#options = options
  }

  /** From now on news of these, at once their present values. */
  watch(components: readonly string[], per_s: number): void {
    this.stop()
    this.#watched = new Set(components)
    this.#pause_ms = 1_000 / per_s
    if (this.#watched.size === 0) return
    for (const name of this.#watched) this.#takePresent(name)
    this.#forget = this.#options.model.news.add((news) => this.#take(news))
    this.#plan()
  }

  stop(): void {
    this.#forget()
    this.#forget = () => undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#watched = new Set()
    this.#values.clear()
    this.#events.clear()
  }

  #takePresent(name: string): void {
    const component = this.#options.model.get(name)
    for (const [property, spec] of Object.entries(component.contract.members)) {
      const reading = spec.kind === 'property' ? component.reading(property) : undefined
      if (reading !== undefined) this.#keep({ component: name, property, ...reading })
    }
  }

  #take(news: News): void {
    const { component, name, at } = news
    if (!this.#watched.has(component)) return
    if (news.kind === 'property') this.#keep({ component, property: name, value: news.value, at })
    else if (!this.#isPersonal(component, name)) this.#events.push({ component, event: name, data: news.data, at })
    this.#plan()
  }

  #keep(item: Extract<Item, { property: string }>): void {
    const key = `${item.component}\0${item.property}`
    if (this.#values.size < valuesMax || this.#values.has(key)) this.#values.set(key, item)
    else this.#dropped++
  }

  #isPersonal(component: string, event: string): boolean {
    const spec = (this.#options.model.get(component).contract.members as Members)[event]
    return spec?.kind !== 'event' || spec.personal
  }

  #plan(): void {
    if (this.#cancelTimer !== undefined || this.#isTelling || this.#values.size + this.#events.length === 0) return
    this.#cancelTimer = this.#options.clock.after(this.#pause_ms, () => {
      this.#cancelTimer = undefined
      void this.#flush()
    })
  }

  /** The next message is not begun before the line has taken this one. */
  async #flush(): Promise<void> {
    this.#isTelling = true
    try {
      await this.#options.tell(this.#nextItems(), this.#events.dropped + this.#dropped)
    } finally {
      this.#isTelling = false
    }
    this.#plan()
  }

  #nextItems(): Item[] {
    const items: Item[] = []
    while (items.length < itemsMax) {
      const event = this.#events.shift()
      if (event === undefined) break
      items.push(event)
    }
    for (const [key, item] of this.#values) {
      if (items.length >= itemsMax) break
      items.push(item)
      this.#values.delete(key)
    }
    return items
  }
}

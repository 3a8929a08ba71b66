/**
 * The health of every component, left on the broker for whoever looks.
 *
 * Values, not facts: each replaces the one before, so a component that flickers costs one message a
 * tick, and after a reconnect all are sent anew.
 */
import { canonical } from '../base/canonical.ts'
import type { DeviceModel } from '../device/model.ts'
import type { Topics } from './topics.ts'

export class States {
  readonly #model: DeviceModel
  readonly #topics: Topics
  readonly #changed = new Set<string>()
  readonly #stopListening: () => void

  constructor(model: DeviceModel, topics: Topics, onChange: () => void) {
    this.#model = model
    this.#topics = topics
    this.#stopListening = model.news.add((news) => {
      if (news.kind !== 'property' || news.name !== 'health') return
      this.#changed.add(news.component)
      onChange()
    })
  }

  /** After a reconnect the broker may have forgotten. */
  all(): void {
    for (const { name } of this.#model.list()) this.#changed.add(name)
  }

  flush(show: (topic: string, payload: string) => void): void {
    for (const { name, health } of this.#model.list()) {
      if (this.#changed.delete(name)) show(this.#topics.state(name, 'health'), canonical(health))
    }
  }

  stop(): void {
    this.#stopListening()
  }
}

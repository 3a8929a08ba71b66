/** All components of one device by name: what every face reads and commands. */
import { UsageError } from '../base/error.ts'
import { Listeners } from '../base/listeners.ts'
import type { Component, News } from './component.ts'
import type { Common, Contract, Members } from './contract.ts'

export class DeviceModel {
  /** Everything that any component makes known. */
  readonly news = new Listeners<News>()
  readonly #components = new Map<string, Component>()

  add<M extends Members & Common>(component: Component<M>): void {
    if (this.#components.has(component.name)) {
      throw new UsageError('PC-DEVICE-NAME', `There are two components named ${component.name}.`)
    }
    this.#components.set(component.name, component as unknown as Component)
    component.news.add((news) => this.news.emit(news))
  }

  /** In the order in which they were added. */
  list(): Component[] {
    return [...this.#components.values()]
  }

  /** @throws UsageError (PC-DEVICE-UNKNOWN) when there is no such component. */
  get(name: string): Component {
    const component = this.#components.get(name)
    if (component === undefined) {
      throw new UsageError('PC-DEVICE-UNKNOWN', `There is no component named ${name}.`)
    }
    return component
  }

  /** The component, known to keep the given contract. @throws UsageError (PC-DEVICE-CONTRACT). */
  as<M extends Members & Common>(name: string, contract: Contract<M>): Component<M> {
    const component = this.get(name)
    if (component.contract.name !== contract.name) {
      throw new UsageError('PC-DEVICE-CONTRACT', `${name} is a ${component.contract.name}, not a ${contract.name}.`)
    }
    return component as unknown as Component<M>
  }
}

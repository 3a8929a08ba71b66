/** The device as this page knows it: its components, their values, and what happened. */
import { LitElement } from 'lit'
import type { Health, HoldToRun, Role } from '../../../device/contract.ts'
import type { ShownCommand, ShownComponent, ShownValue, Told } from '../wire.ts'
import { History } from './history.ts'

const events_max = 100

type DeviceTold = Extract<Told, { kind: 'device' }>
type EventTold = Extract<Told, { kind: 'event' }>

const mayActAs: Readonly<Record<string, readonly Role[]>> = {
  viewer: ['viewer'], officer: ['viewer', 'officer'], technician: ['viewer', 'technician'], engineer: ['viewer', 'technician', 'engineer'],
}

export class Device {
  about: DeviceTold | undefined
  /** Newest first. */
  events: EventTold[] = []
  /** False while nothing is heard: what is known is old. */
  live = false
  /** Why the server would not let a button be held. */
  held: Extract<Told, { kind: 'held' }> | undefined
  wall = 0
  readonly #values = new Map<string, ShownValue>()
  readonly #histories = new Map<string, History>()
  readonly #watchers = new Set<() => void>()

  get components(): readonly ShownComponent[] {
    return this.about?.components ?? []
  }

  component(name: string): ShownComponent | undefined {
    return this.components.find((each) => each.name === name)
  }

  of(capability: string): ShownComponent[] {
    return this.components.filter((each) => each.capability === capability)
  }

  /** The command of a component that is held by a button. */
  heldCommand(component: string): (ShownCommand & { name: string; held: HoldToRun }) | undefined {
    for (const [name, spec] of Object.entries(this.component(component)?.members ?? {})) {
      if (spec.kind === 'command' && spec.held !== undefined) return { ...spec, name, held: spec.held }
    }
    return undefined
  }

  reading(component: string, property: string): ShownValue | undefined {
    return this.#values.get(`${component} ${property}`)
  }

  value(component: string, property: string): unknown {
    return this.reading(component, property)?.[0]
  }

  health(component: string): Health {
    return (this.value(component, 'health') as Health | undefined) ?? { status: 'starting' }
  }

  history(component: string, property: string): History | undefined {
    return this.#histories.get(`${component} ${property}`)
  }

  /** Whether the person who is logged in may do what needs this role. The server decides; this only shows. */
  may(role: Role): boolean {
    return mayActAs[this.about?.who.role ?? '']?.includes(role) === true
  }

  hear(told: Told): void {
    switch (told.kind) {
      case 'device':
        this.about = told
        break
      case 'values':
        this.wall = told.wall
        for (const [component, values] of Object.entries(told.values)) {
          for (const [property, value] of Object.entries(values)) this.#learn(`${component} ${property}`, value)
        }
        break
      case 'event':
        this.events = [told, ...this.events].slice(0, events_max)
        break
      case 'held':
        this.held = told
        break
      case 'ended':
        this.forget()
        break
    }
    this.live = told.kind !== 'ended'
    this.changed()
  }

  lose(): void {
    this.live = false
    this.changed()
  }

  /** Nothing stays on the page when somebody is logged out. */
  forget(): void {
    this.about = undefined
    this.events = []
    this.held = undefined
    this.live = false
    this.#values.clear()
    this.#histories.clear()
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher()
  }

  #learn(key: string, value: ShownValue): void {
    this.#values.set(key, value)
    if (typeof value[0] !== 'number') return
    const history = this.#histories.get(key) ?? new History()
    history.add(value[1], value[0])
    this.#histories.set(key, history)
  }
}

/** The one device that this page is about. */
export const device = new Device()

/** A piece of the page that is drawn again when the device changes. In the page's own tree, so that one style sheet serves. */
export class DeviceView extends LitElement {
  #unwatch: () => void = () => undefined

  override connectedCallback(): void {
    super.connectedCallback()
    this.#unwatch = device.watch(() => this.requestUpdate())
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#unwatch()
  }

  protected override createRenderRoot(): HTMLElement {
    return this
  }
}

/**
 * A component that lives in another thread, as this thread sees it: the faces, the chronicle and the
 * uplink need not know that a part's driver runs elsewhere.
 *
 * Properties and events come as news; commands go there. Streams do not cross: what is too much to be
 * a value stays where it is made.
 */
import type { Clock } from '../base/clock.ts'
import { UsageError } from '../base/error.ts'
import { Component, type News } from './component.ts'
import type { Caller, Common, Contract, Handlers, Health, Members } from './contract.ts'

/** A command on its way to the thread where the component lives. */
export interface RemoteCommand {
  component: string
  command: string
  args: unknown
  caller: Caller
}

/** Carries a command there. @throws what the component throws, by its code. */
export type Carry = (request: RemoteCommand, limit_ms: number, signal: AbortSignal) => Promise<unknown>

export class Mirror<M extends Members & Common = Common> {
  readonly component: Component<M>

  constructor(name: string, contract: Contract<M>, clock: Clock, carry: Carry) {
    const handlers = Object.entries(contract.members).flatMap(([command, spec]) => spec.kind !== 'command' ? [] : [[
      command,
      (args: unknown, signal: AbortSignal, caller: Caller) => carry({ component: name, command, args, caller }, spec.limit_ms, signal),
    ]])
    this.component = new Component(name, contract, clock, Object.fromEntries(handlers) as Handlers<M>)
  }

  /** Takes over what the component made known there. */
  apply(news: News): void {
    if (news.kind === 'property') this.component.publish(news.name as never, news.value as never)
    else this.component.raise(news.name as never, news.data as never)
  }

  /** The thread is gone: what the component said last is no longer so. */
  lose(health: Health): void {
    this.component.publish('health' as never, health as never)
  }
}

/** All that a component has made known so far: what a mirror needs to begin with. */
function* known(component: Component): Generator<News> {
  for (const [name, spec] of Object.entries(component.contract.members)) {
    const reading = spec.kind === 'property' ? component.reading(name) : undefined
    if (reading !== undefined) yield { kind: 'property', component: component.name, name, value: reading.value, at: reading.at }
  }
}

/** The side where the components live: tells all that they make known, and carries out what comes for them. */
export class Originals {
  readonly #components: ReadonlyMap<string, Component>

  constructor(components: readonly Component[], tell: (news: News) => void) {
    this.#components = new Map(components.map((component) => [component.name, component]))
    for (const component of components) {
      for (const news of known(component)) tell(news)
      component.news.add(tell)
    }
  }

  /** @throws UsageError (PC-DEVICE-UNKNOWN), and what the component throws. */
  async invoke({ component: name, command, args, caller }: RemoteCommand): Promise<unknown> {
    const component = this.#components.get(name)
    if (component === undefined) throw new UsageError('PC-DEVICE-UNKNOWN', `There is no component named ${name}.`)
    return await component.invoke(command as never, args as never, caller)
  }
}

/**
 * Carries out what somebody asks through a face: by the same door as the centre's commands
 * (`component.invoke`), with the role of the session, and on the record. That it was asked is durable
 * before it begins, its outcome before it is told.
 */
import { canonical, type Json } from '../base/canonical.ts'
import { describe, ForbiddenError, InputError, ResourceError } from '../base/error.ts'
import { withoutSecrets } from '../base/without-secrets.ts'
import { type Component, refusedBefore } from '../device/component.ts'
import type { Caller, CommandSpec } from '../device/contract.ts'
import { demandNow } from '../device/in-service.ts'
import type { DeviceModel } from '../device/model.ts'
import type { NewFact } from '../journal/fact.ts'
import type { Session } from './contract.ts'
import { type AccessFacts, commandFact, refusalFact, resultFact } from './facts.ts'
import type { Live, Sessions } from './sessions.ts'

export interface Asked {
  component: string
  command: string
  args: unknown
}

/** Commands of one session that run at a time. */
const running_max = 8
/** A fact holds 64 KiB. */
const args_bytes_max = 32 * 1024

export class SessionCommands {
  readonly #model: DeviceModel
  readonly #sessions: Sessions
  readonly #facts: AccessFacts
  readonly #running = new Set<Promise<unknown>>()

  constructor(model: DeviceModel, sessions: Sessions, facts: AccessFacts) {
    this.#model = model
    this.#sessions = sessions
    this.#facts = facts
  }

  /**
   * @throws ForbiddenError (PC-ACCESS-ENDED), ResourceError (PC-ACCESS-BUSY, PC-ACCESS-JOURNAL), UsageError
   *   (PC-DEVICE-UNKNOWN), and what `Component.invoke` throws; CancelledError when the session ends meanwhile.
   */
  async carryOut(session: Pick<Session, 'id'>, asked: Asked, signal?: AbortSignal): Promise<unknown> {
    const live = this.#sessions.find(session)
    if (live === undefined) throw new ForbiddenError('PC-ACCESS-ENDED', 'The session has ended: log in again.', { component: 'access' })
    if (live.running >= running_max) throw new ResourceError('PC-ACCESS-BUSY', 'Too many commands of this session run at once.', { component: 'access' })
    live.running++
    const work = this.#recorded(live, asked, signal === undefined ? live.signal : AbortSignal.any([live.signal, signal]))
    this.#running.add(work)
    try {
      return await work
    } finally {
      this.#running.delete(work)
      live.running--
      this.#sessions.touch(live.session)
    }
  }

  /** Resolves when the outcome of every command begun so far is written. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  async #recorded(live: Live, asked: Asked, signal: AbortSignal): Promise<unknown> {
    const { session } = live
    const component = this.#model.get(asked.component)
    const caller: Caller = { id: session.person, role: session.role }
    const { person, role, face, where } = session
    const fact = { id: `${live.number}.${++live.begun}`, component: component.name, command: asked.command, person, role, face, where }
    const spec = await this.#demand(component, asked, caller, fact)
    await this.#facts.write({ kind: commandFact, class: 'command', body: spec.personal ? fact : { ...fact, args: withoutSecrets(asked.args) as Json } })
    try {
      const invoke = component.invoke.bind(component) as (...call: unknown[]) => Promise<unknown>
      const result = await invoke(asked.command, asked.args, caller, signal)
      await this.#outcome({ id: fact.id, status: 'done' })
      return result
    } catch (error) {
      if (!(error instanceof OutcomeError)) await this.#outcome({ id: fact.id, status: 'failed', code: describe(error).code })
      throw error
    }
  }

  /**
   * What is refused is a fact, too, if it is a command at all; its arguments, which nothing vouches for, are none.
   * What is moved by hand is refused while the device is in service, whichever face asks for it.
   */
  async #demand(component: Component, { command, args }: Asked, caller: Caller, fact: { [field: string]: Json }): Promise<CommandSpec> {
    try {
      const spec = demandNow(this.#model, component, command, args, caller)
      if (sizeOf(args) > args_bytes_max) throw new InputError('PC-DEVICE-ARGS', `The arguments may have at most ${args_bytes_max} bytes.`)
      return spec
    } catch (error) {
      const { code } = describe(error)
      if (refusedBefore.has(code) && code !== 'PC-DEVICE-COMMAND') await this.#facts.write({ kind: refusalFact, class: 'audit', body: { ...fact, code } })
      throw error
    }
  }

  async #outcome(body: NewFact['body']): Promise<void> {
    try {
      await this.#facts.write({ kind: resultFact, class: 'command', body })
    } catch (cause) {
      throw new OutcomeError('PC-ACCESS-OUTCOME', 'The command was begun, but its outcome could not be recorded.', { component: 'access', cause })
    }
  }
}

class OutcomeError extends ResourceError {}

function sizeOf(args: unknown): number {
  try {
    return Buffer.byteLength(canonical(args))
  } catch (cause) {
    throw new InputError('PC-DEVICE-ARGS', 'The arguments cannot be written as JSON.', { cause })
  }
}

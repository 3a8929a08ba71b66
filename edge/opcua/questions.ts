/** What the server's thread asks the main thread, where the gatekeeper is: who may come in, and their commands. */
import type { Session } from '../access/contract.ts'
import { DeviceError, type ErrorCode, ForbiddenError, InputError, InternalError, type PortcullisError, ResourceError, TimeoutError, UsageError } from '../base/error.ts'
import type { Answer, Asked, Door, ErrorKind, OpcuaNews, Proof } from './words.ts'

/** Commands and logins that may wait at the same time: each client has one or two. */
export const askedMax = 256

const errors: Record<ErrorKind, new (code: ErrorCode, message: string, details: { component: string }) => PortcullisError> = {
  forbidden: ForbiddenError, input: InputError, timeout: TimeoutError, resource: ResourceError, device: DeviceError, usage: UsageError, other: InternalError,
}

/** What kind of error something is, for the other thread. */
export function kindOf(error: unknown): ErrorKind {
  const found = (Object.entries(errors) as [ErrorKind, (typeof errors)[ErrorKind]][]).find(([, type]) => error instanceof type)
  return found?.[0] ?? 'other'
}

export class Questions implements Door {
  readonly #tell: (news: OpcuaNews) => void
  readonly #open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #next = 0

  constructor(tell: (news: OpcuaNews) => void) {
    this.#tell = tell
  }

  async enter(proof: Proof, where: string): Promise<Session> {
    return await this.#ask({ what: 'enter', proof, where }) as Session
  }

  async carryOut(session: string, { component, command, args }: { component: string; command: string; args: unknown }): Promise<unknown> {
    return await this.#ask({ what: 'carry-out', session, component, command, args })
  }

  seen(session: string): void {
    this.#tell({ kind: 'seen', session })
  }

  left(session: string, why: 'logout' | 'lost' | 'expired'): void {
    this.#tell({ kind: 'left', session, why })
  }

  refused(why: 'untrusted' | 'user' | 'limit' | 'broken'): void {
    this.#tell({ kind: 'refused', why })
  }

  answer(id: number, answer: Answer): void {
    const question = this.#open.get(id)
    this.#open.delete(id)
    if ('value' in answer) question?.resolve(answer.value)
    else question?.reject(new errors[answer.kind](answer.code as ErrorCode, answer.message, { component: 'opcua' }))
  }

  /** The main thread answers within the time limit of the command. */
  #ask(asked: Asked): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#open.size >= askedMax) throw new ResourceError('PC-OPCUA-BUSY', 'Too many clients wait for an answer.', { component: 'opcua' })
      const id = this.#next++
      this.#open.set(id, { resolve, reject })
      this.#tell({ kind: 'ask', id, asked })
    })
  }
}

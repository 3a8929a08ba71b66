/** Who is at the device, and what they may do: the same for every face. */
import type { WallTime } from '../base/clock.ts'
import { Type } from '../base/schema.ts'
import { command, contract, event, property, type Role } from '../device/contract.ts'

/** People have these roles; `controller` is the device itself. */
export type PersonRole = Exclude<Role, 'controller'>

/** Through which face somebody came. */
export type Face = 'serial' | 'terminal' | 'network' | 'page' | 'opcua'

/** Somebody who has proven who they are. */
export interface Session {
  readonly id: string
  readonly person: string
  readonly role: PersonRole
  readonly face: Face
  /** Which port, terminal or address. */
  readonly where: string
  readonly since: WallTime
}

/** Why a session ended. */
export type Ending = 'logout' | 'idle' | 'lost' | 'replaced' | 'removed' | 'changed' | 'tamper' | 'expired' | 'shutdown'

/** What every face uses to let people in and to carry out what they ask. */
export interface Gatekeeper {
  /**
   * Proves a person by their secret. Takes the same time whether the person exists or not.
   * @throws ForbiddenError (PC-ACCESS-REFUSED, PC-ACCESS-LOCKED with the seconds to wait), ResourceError (PC-ACCESS-FULL).
   */
  login(person: string, secret: string, from: { face: Face; where: string }): Promise<Session>
  /** What somebody without a secret gives to the operator's authority to sign; good once, for some minutes. */
  challenge(person: string, from: { face: Face; where: string }): string
  /** Takes the authority's answer. @throws as login, and PC-ACCESS-ANSWER, PC-ACCESS-EXPIRED, PC-ACCESS-REPLAYED. */
  answer(person: string, answer: string, from: { face: Face; where: string }): Promise<Session>
  /**
   * Takes in somebody whom the face itself has proven: by a certificate that the profile gives to them.
   * They need no account. @throws ForbiddenError (PC-ACCESS-LOCKED), ResourceError (PC-ACCESS-FULL).
   */
  admit(person: string, role: PersonRole, from: { face: Face; where: string }): Session
  /** They did something: the idle time begins anew. False when the session has ended. */
  touch(session: Session): boolean
  end(session: Session, why: Ending): void
  onEnded(listener: (ended: { session: Session; why: Ending }) => void): () => void
  /**
   * Carries out a command of the device model in somebody's name: the fact that it was asked is durable
   * before it begins, its outcome before it is told. @throws what `Component.invoke` throws, PC-ACCESS-ENDED.
   */
  carryOut(session: Session, asked: { component: string; command: string; args: unknown }, signal?: AbortSignal): Promise<unknown>
}

const person = Type.String({ pattern: '^[a-z][a-z0-9.-]{0,31}$' })

export const AccessContract = contract('access', 'Lets people in: accounts, sessions, lock-outs.', {
  sessions: property(Type.Array(Type.Object({ person, role: Type.String(), face: Type.String(), where: Type.String(), since: Type.Number() }), { maxItems: 288 }), 'Who is logged in.'),
  accounts: property(Type.Array(Type.Object({ person, role: Type.String(), locked_s: Type.Integer() }), { maxItems: 256 }), 'Who has an account.'),
  tampered: event({ where: Type.String() }, 'Somebody opened the housing or its tamper contact failed.', { severity: 'alarm' }),
  locked: event({ person, where: Type.String(), failures: Type.Integer(), wait_s: Type.Integer() }, 'Too many attempts to log in failed.', { severity: 'alarm' }),
  add: command({ person, role: Type.Enum(['viewer', 'technician', 'officer', 'engineer']), secret: Type.String({ minLength: 10, maxLength: 128 }) }, 'Adds an account, or gives it a new secret and role.', { role: 'engineer', personal: true }),
  remove: command({ person }, 'Removes an account and ends its sessions.', { role: 'engineer' }),
  unlock: command({ person }, 'Ends the lock-out of an account.', { role: 'engineer' }),
})

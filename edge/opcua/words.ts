/** What the main thread and the server's thread say to each other. */
import type { WallTime } from '../base/clock.ts'
import type { LogLevel } from '../base/log.ts'
import type { Session } from '../access/contract.ts'
import type { News } from '../device/component.ts'
import type { Contract } from '../device/contract.ts'
import type { OpcuaSection } from './section.ts'

/** What the device says of itself. */
export interface About {
  site: string
  id: string
  kind: string
  version: string
}

/** What the server's thread begins with. */
export interface OpcuaSetup {
  section: OpcuaSection
  about: About
  /** Absolute paths. */
  folder: string
  journal: string
  log: LogLevel
  logChannel: string
  components: readonly { name: string; contract: Contract }[]
  /** All that the components have made known. */
  known: readonly News[]
}

/** Who wants in: a person by their secret, or by a certificate that the profile names. */
export type Proof = { by: 'secret'; person: string; secret: string } | { by: 'certificate'; fingerprint: string }

/** What the server's thread asks the main thread for. */
export type Asked =
  | { what: 'enter'; proof: Proof; where: string }
  | { what: 'carry-out'; session: string; component: string; command: string; args: unknown }

export type ErrorKind = 'forbidden' | 'input' | 'timeout' | 'resource' | 'device' | 'usage' | 'other'

/** What the main thread answers: a value, or the error's code and sentence. */
export type Answer = { value: unknown } | { kind: ErrorKind; code: string; message: string }

/** What the server's thread tells. */
export type OpcuaNews =
  | { kind: 'ask'; id: number; asked: Asked }
  | { kind: 'seen'; session: string }
  | { kind: 'left'; session: string; why: 'logout' | 'lost' | 'expired' }
  | { kind: 'refused'; why: 'untrusted' | 'user' | 'limit' | 'broken' }
  | { kind: 'figures'; figures: OpcuaFigures }

export interface OpcuaFigures {
  sessions: number
  subscriptions: number
  items: number
  /** Values and events that wait to be fetched. */
  queued: number
  waiting: { fingerprint: string; application: string; until: string }[]
  counters: Record<string, number>
}

/** What the main thread sends. */
export type OpcuaRequest =
  | { kind: 'answer'; id: number; answer: Answer }
  | { kind: 'news'; news: readonly News[] }
  | { kind: 'ended'; session: string }
  | { kind: 'trust' | 'distrust'; fingerprint: string }
  | { kind: 'acknowledged'; component: string; alarm: string }
  | { kind: 'stop' }

/** What the server says of itself once it can be reached. */
export interface OpcuaAbout {
  address: string
  fingerprint: string
  /** The end of the last day of its certificate. */
  until: WallTime
}

/** The server's side of the gatekeeper. */
export interface Door {
  enter(proof: Proof, where: string): Promise<Session>
  carryOut(session: string, asked: { component: string; command: string; args: unknown }): Promise<unknown>
  seen(session: string): void
  left(session: string, why: 'logout' | 'lost' | 'expired'): void
  refused(why: 'untrusted' | 'user' | 'limit' | 'broken'): void
}

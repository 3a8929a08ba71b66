/**
 * Lets people in: the one gatekeeper of all faces.
 *
 * Nobody has a way in but a secret that was made for them, an answer of the authority, or a
 * certificate that the profile names. What was typed at a login is never kept: a name that has no
 * account is only ever called `unknown`, because people type passwords there.
 */
import { type KeyObject, randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Cancel, Clock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { ConfigError, type ErrorCode, ForbiddenError, ResourceError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { SafetyInput } from '../device/capabilities.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSink } from '../journal/fact.ts'
import { authorityKeys } from '../uplink/order.ts'
import { AccountDesk } from './account-desk.ts'
import { Accounts } from './accounts.ts'
import { type Answer, type Grant, readAnswer } from './challenge.ts'
import { Challenges } from './challenges.ts'
import { AccessContract, type Ending, type Face, type Gatekeeper, type PersonRole, type Session } from './contract.ts'
import { AccessFacts, accountsFact, endedFact, refusalFact, sessionFact, unsealedFact } from './facts.ts'
import { Guard } from './guard.ts'
import { type LockKey, LockedError } from './lockouts.ts'
import { demandName } from './name.ts'
import type { AccessSetup } from './section.ts'
import { type ScryptCost, SecretHashing } from './secret.ts'
import { type Asked, SessionCommands } from './session-commands.ts'
import { type Admitted, type Ended, type Live, Sessions } from './sessions.ts'
import { Showing } from './showing.ts'
import { TamperWatch } from './tamper.ts'

export interface AccessOptions {
  clock: Clock
  log: Logger
  model: DeviceModel
  sink: FactSink
  /** How challenges call this device. */
  device: string
  /** The file of accounts; what else must be remembered lies beside it. */
  file: string
  /** Ed25519 public keys in PEM, whose answers let people in. */
  authorities: readonly string[]
  section: AccessSetup
  random?(bytes: number): Uint8Array
  /** Less than the usual only in tests. */
  cost?: ScryptCost
}

/** Where somebody stands. `where` must stay the same for one place: an address without its changing port. */
interface From {
  face: Face
  where: string
}

export type AccessCount = 'logins' | 'answers' | 'certificates' | 'refused' | 'locked'

/** How often the file of accounts is looked at. */
const look_ms = 5_000
/** The file beside the accounts. */
const recordName = 'access-record.json'

export class Access implements Gatekeeper {
  readonly component: ComponentOf<typeof AccessContract>
  readonly #options: AccessOptions
  readonly #authorities: readonly KeyObject[]
  readonly #hashing: SecretHashing
  readonly #accounts: Accounts
  readonly #guard: Guard
  readonly #challenges: Challenges
  readonly #sessions: Sessions
  readonly #facts: AccessFacts
  readonly #commands: SessionCommands
  readonly #showing: Showing
  readonly #desk: AccountDesk
  readonly #counters = new Counters<AccessCount>(['logins', 'answers', 'certificates', 'refused', 'locked'])
  /** Facts on their way that nobody waits for. */
  readonly #writing = new Set<Promise<void>>()
  #tamper: TamperWatch | undefined
  #cancelLook: Cancel = () => undefined
  #open = false

  /** @throws ConfigError (PC-UPLINK-KEY, PC-ACCESS-AUTHORITY). */
  constructor(options: AccessOptions) {
    const { clock, log, model, sink, device, file, section, random = randomBytes } = options
    this.#options = options
    this.#authorities = authorityKeys(options.authorities)
    if (section.tamper !== undefined && this.#authorities.length === 0) {
      throw new ConfigError('PC-ACCESS-AUTHORITY', 'A tamper contact needs an authority: without one, nobody could ever be let in again.', { component: 'access' })
    }
    this.#hashing = new SecretHashing(options.cost)
    this.#accounts = new Accounts(file)
    this.#guard = new Guard({ file: join(dirname(file), recordName), clock, log, watchesHousing: section.tamper !== undefined, random })
    this.#challenges = new Challenges({ clock, device, authorities: this.#authorities, open_ms: section.challenge_min * 60_000, random })
    this.#sessions = new Sessions({ clock, most: { people: section.sessions_max, ofOne: section.person_sessions_max, opcua: section.opcua_sessions_max }, idle_s: section.idle_s, random })
    this.#facts = new AccessFacts(sink, clock)
    this.#commands = new SessionCommands(model, this.#sessions, this.#facts)
    const desk = new AccountDesk({
      clock, hashing: this.#hashing, accounts: this.#accounts, guard: this.#guard, facts: this.#facts, sessions: this.#sessions,
      refresh: () => this.#refresh(), onChange: () => this.#show(),
    })
    this.#desk = desk
    this.component = new Component('access', AccessContract, clock, {
      add: (args, _signal, caller) => desk.add(args, caller),
      remove: (args, _signal, caller) => desk.remove(args, caller),
      unlock: (args, _signal, caller) => desk.unlock(args, caller),
      selfTest: () => desk.selfTest(this.#authorities.length),
    })
    this.#showing = new Showing({ component: this.component, clock, accounts: this.#accounts, guard: this.#guard, sessions: this.#sessions })
    this.#sessions.ended.add((ended) => this.#onEnded(ended))
  }

  async start(): Promise<void> {
    this.component.publish('health', { status: 'starting' })
    await this.#guard.load()
    await this.#refresh()
    const { tamper } = this.#options.section
    if (tamper !== undefined) {
      this.#tamper = new TamperWatch({ contact: this.#options.model.as(tamper, SafetyInput), clock: this.#options.clock, onOpened: () => this.#onOpened(tamper) })
      this.#tamper.start()
    }
    this.#open = true
    this.#show()
    this.#look()
  }

  /** Ends every session; resolves when the outcome of what they asked for is written. */
  async stop(): Promise<void> {
    this.#open = false
    this.#cancelLook()
    this.#tamper?.stop()
    this.#sessions.endAll('shutdown')
    await this.#commands.settled()
    await Promise.allSettled(this.#writing)
    this.#showing.stop()
    this.component.publish('health', { status: 'stopped' })
  }

  async login(person: string, secret: string, from: From): Promise<Session> {
    const { at, place } = this.#placeOf(from)
    this.#demandOpen()
    this.#demandClosedHousing()
    this.#sessions.demandRoom(at)
    await this.#refresh()
    if (this.#accounts.damage !== undefined) throw this.#accounts.damage
    const account = this.#accounts.get(person)
    const key = this.#guard.keyOf(person, account !== undefined)
    await this.#attempt([key, place], { bySecret: true })
    const right = await this.#hashing.matches(secret, account?.secret).catch(async (error: unknown) => {
      await this.#guard.forgive([key, place])
      throw error
    })
    if (!right || account === undefined || this.#accounts.get(person) !== account) {
      return await this.#refuse([key, place], account?.person, at, 'PC-ACCESS-REFUSED', 'The name or the secret is wrong.')
    }
    await this.#guard.passed(key, place)
    this.#demandClosedHousing()
    return await this.#begin({ person, role: account.role, ...at }, 'secret')
  }

  challenge(person: string, from: From): string {
    this.#demandOpen()
    demandName(person)
    if (this.#authorities.length === 0) throw new ForbiddenError('PC-ACCESS-AUTHORITY', 'This device obeys no authority that could answer.', { component: 'access' })
    return this.#challenges.show(person, this.#placeOf(from).place)
  }

  async answer(person: string, text: string, from: From): Promise<Session> {
    const { at, place } = this.#placeOf(from)
    this.#demandOpen()
    this.#sessions.demandRoom(at)
    await this.#refresh()
    const known = this.#accounts.get(person) !== undefined
    // Nobody guesses a signature: a person's failures hold up no answer, or strangers could keep them out for ever.
    await this.#attempt([place], { bySecret: false })
    const answer = readAnswer(text)
    const wasSealed = this.#guard.sealed
    const judged = answer === undefined ? { refused: 'PC-ACCESS-ANSWER' as const } : this.#judge(answer, person, place)
    if ('refused' in judged) return await this.#refuse([place], known ? person : undefined, at, judged.refused, whyRefused[judged.refused] ?? '')
    await this.#keepFor(person, at, place)
    judged.use()
    await this.#guard.passed(this.#guard.keyOf(person, known), place)
    const { role, for_min } = judged.grant
    // Whoever opened the housing since this answer was judged is not looked for yet.
    if (wasSealed) await this.#unseal(person)
    else if (this.#guard.sealed) this.#demandClosedHousing()
    return await this.#begin({ person, role, ...at, for_ms: Math.min(for_min, this.#options.section.grant_h_max * 60) * 60_000 }, 'answer')
  }

  admit(person: string, role: PersonRole, from: From): Session {
    const { at, place } = this.#placeOf(from)
    this.#demandOpen()
    this.#demandClosedHousing()
    demandName(person)
    const wait_ms = this.#guard.lockouts.wait_ms(place)
    if (wait_ms > 0) throw new LockedError(wait_ms)
    const live = this.#sessions.open({ person, role, ...at })
    this.#inBackground(this.#recordBegin(live, 'certificate'), () => this.#sessions.end(live.session.id, 'lost'))
    return live.session
  }

  touch(session: Session): boolean {
    return this.#sessions.touch(session)
  }

  end(session: Session, why: Ending): void {
    this.#sessions.end(session.id, why)
  }

  onEnded(listener: (ended: Ended) => void): () => void {
    return this.#sessions.ended.add(listener)
  }

  carryOut(session: Session, asked: Asked, signal?: AbortSignal): Promise<unknown> {
    return this.#commands.carryOut(session, asked, signal)
  }

  /** An answer is good once: it is not used up by somebody who finds no room, nor is that a failure. */
  async #keepFor(person: string, at: From, place: LockKey): Promise<void> {
    try {
      this.#sessions.demandRoom(at, person)
    } catch (error) {
      await this.#guard.forgive([place])
      throw error
    }
  }

  #judge(answer: Answer, person: string, place: string): { grant: Grant; use(): void } | { refused: ErrorCode } {
    const judged = this.#challenges.judge(answer, person, place)
    if ('grant' in judged && this.#isSealed() && judged.grant.role !== 'engineer') return { refused: 'PC-ACCESS-TAMPERED' }
    return judged
  }

  async #attempt(keys: readonly LockKey[], how: { bySecret: boolean }): Promise<void> {
    try {
      await this.#guard.attempt(keys, how)
    } catch (error) {
      this.#count('locked')
      throw error
    }
  }

  /** @param who an account's person; nobody else is named */
  async #refuse(keys: readonly LockKey[], who: string | undefined, at: From, code: ErrorCode, message: string): Promise<never> {
    this.#count('refused')
    const { lockouts } = this.#guard
    const wait_s = Math.ceil(Math.max(...keys.map((key) => lockouts.wait_ms(key))) / 1000)
    const person = who ?? 'unknown'
    if (wait_s > 0) this.component.raise('locked', { person, where: at.where, failures: Math.max(...keys.map((key) => lockouts.failures(key))), wait_s })
    this.#show()
    await this.#facts.write({ kind: refusalFact, class: 'audit', body: { code, person, ...at } })
      .catch((error: unknown) => this.#options.log.error({ error, component: 'access' }, 'a refused login could not be recorded'))
    throw new ForbiddenError(code, message, { component: 'access' })
  }

  async #begin(who: Admitted, by: 'secret' | 'answer'): Promise<Session> {
    this.#demandOpen()
    const live = this.#sessions.open(who)
    try {
      await this.#recordBegin(live, by)
    } catch (error) {
      this.#sessions.end(live.session.id, 'lost')
      throw error
    }
    if (live.signal.aborted) throw new ForbiddenError('PC-ACCESS-ENDED', 'The session has ended: log in again.', { component: 'access' })
    return live.session
  }

  async #recordBegin({ session, number }: Live, by: 'secret' | 'answer' | 'certificate'): Promise<void> {
    this.#count(`${by === 'secret' ? 'login' : by}s`)
    this.#show()
    const { person, role, face, where } = session
    await this.#facts.write({ kind: sessionFact, class: 'audit', body: { session: number, person, role, face, where, by } })
  }

  #onEnded({ session, why, number }: Ended & { number: number }): void {
    this.#show()
    this.#inBackground(this.#facts.write({ kind: endedFact, class: 'audit', body: { session: number, person: session.person, why } }))
  }

  #onOpened(where: string): void {
    this.#inBackground(this.#guard.seal(true))
    this.#sessions.endAll('tamper')
    this.component.raise('tampered', { where })
    this.#show()
  }

  async #unseal(by: string): Promise<void> {
    await this.#facts.write({ kind: unsealedFact, class: 'safety', body: { by } })
    await this.#guard.seal(false)
  }

  /** Whoever is not in the file any more does not stay until somebody else logs in. */
  #look(): void {
    this.#cancelLook = this.#options.clock.after(look_ms, () => {
      this.#inBackground(this.#refresh().then(() => {
        if (this.#open) this.#look()
      }))
    })
  }

  /** The file may have been changed by `portcullis provision`. */
  async #refresh(): Promise<void> {
    if (!await this.#accounts.refresh()) return
    this.#desk.follow()
    this.#show()
    const { damage } = this.#accounts
    if (damage !== undefined) this.#options.log.error({ error: damage, component: 'access' }, 'the accounts cannot be used')
    const body = { accounts: this.#accounts.list().length, ...(damage === undefined ? {} : { code: damage.code }) }
    this.#inBackground(this.#facts.write({ kind: accountsFact, class: 'audit', body }))
  }

  #isSealed(): boolean {
    return this.#guard.sealed || this.#tamper?.known === false
  }

  #demandOpen(): void {
    if (!this.#open) throw new ResourceError('PC-ACCESS-BUSY', 'Nobody is let in now: the device starts or stops.', { component: 'access' })
  }

  #demandClosedHousing(): void {
    if (this.#isSealed()) throw new ForbiddenError('PC-ACCESS-TAMPERED', whyRefused['PC-ACCESS-TAMPERED'] ?? '', { component: 'access' })
  }

  /** What is shown on terminals must not move their cursor. */
  #placeOf({ face, where }: From): { at: From; place: LockKey } {
    const plain = where.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 64)
    return { at: { face, where: plain }, place: `place ${face} ${plain}` }
  }

  #count(what: AccessCount): void {
    this.#counters.add(what)
    this.component.publish('counters', this.#counters.snapshot())
  }

  #show(): void {
    this.#showing.show(this.#open)
  }

  #inBackground(work: Promise<void>, onFailure: () => void = () => undefined): void {
    const tracked = work.catch((error: unknown) => {
      this.#options.log.error({ error, component: 'access' }, 'what happened at the access could not be recorded')
      onFailure()
    }).finally(() => this.#writing.delete(tracked))
    this.#writing.add(tracked)
  }
}

const whyRefused: Partial<Record<ErrorCode, string>> = {
  'PC-ACCESS-ANSWER': 'This is no answer, or it was mistyped.',
  'PC-ACCESS-FOREIGN': 'The answer is for another challenge: another device, person or place, or an older one.',
  'PC-ACCESS-SIGNATURE': 'The answer is not signed by the authority of this device.',
  'PC-ACCESS-REPLAYED': 'The answer has been used.',
  'PC-ACCESS-EXPIRED': 'The challenge is too old, or a newer one was asked for: take that.',
  'PC-ACCESS-TAMPERED': "The housing was opened, or its contact is not known: only an engineer with the authority's answer is let in.",
}

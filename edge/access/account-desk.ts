/** What engineers do to accounts, as commands of the model: on the record before it is done. */
import type { Clock } from '../base/clock.ts'
import { ForbiddenError, InputError, UsageError } from '../base/error.ts'
import type { Args, Caller, SelfTestReport } from '../device/contract.ts'
import type { Account, Accounts } from './accounts.ts'
import type { AccessContract } from './contract.ts'
import { type AccessFacts, accountFact } from './facts.ts'
import type { Guard } from './guard.ts'
import { demandName } from './name.ts'
import { type SecretHashing, weakness } from './secret.ts'
import type { Sessions } from './sessions.ts'

export interface AccountDeskOptions {
  clock: Clock
  hashing: SecretHashing
  accounts: Accounts
  guard: Guard
  facts: AccessFacts
  sessions: Sessions
  /** Reads the file of accounts if it has changed. */
  refresh(): Promise<void>
  onChange(): void
}

type Asked = Args<(typeof AccessContract)['members']>
type Empty = Record<string, never>

export class AccountDesk {
  readonly #options: AccountDeskOptions
  /** The accounts as they were when they could be read last. */
  #known = new Map<string, Account>()

  constructor(options: AccountDeskOptions) {
    this.#options = options
  }

  /** @throws InputError (PC-ACCESS-WEAK, PC-ACCESS-PERSON), ForbiddenError (PC-ACCESS-SELF), ResourceError (PC-ACCESS-ACCOUNTS-FULL). */
  async add({ person, role, secret }: Asked['add'], caller: Caller): Promise<Empty> {
    const { accounts, hashing, guard, facts, sessions, clock, refresh } = this.#options
    demandGoodAccount(person, secret)
    await refresh()
    const before = accounts.get(person)
    const own = caller.id === person
    if (own && before !== undefined && before.role !== role) throw ownAccount()
    const hashed = await hashing.hash(secret)
    accounts.demandRoom(person)
    await facts.write({ kind: accountFact, class: 'audit', body: { change: before === undefined ? 'added' : 'changed', person, role, by: caller.id } })
    await accounts.put({ person, role, secret: hashed, by: caller.id, at: clock.wall() })
    this.#remember()
    await guard.unlock(person)
    // Whoever came with the old secret or role comes again; who changes their own goes on.
    if (!own) sessions.endAll('changed', (session) => session.person === person)
    return this.#done()
  }

  /** @throws UsageError (PC-ACCESS-NOBODY), ForbiddenError (PC-ACCESS-SELF). */
  async remove({ person }: Asked['remove'], caller: Caller): Promise<Empty> {
    const { accounts, facts, guard, sessions } = this.#options
    if (caller.id === person) throw ownAccount()
    await this.#demandAccount(person)
    await facts.write({ kind: accountFact, class: 'audit', body: { change: 'removed', person, by: caller.id } })
    await accounts.remove(person)
    this.#remember()
    await guard.unlock(person)
    sessions.endAll('removed', (session) => session.person === person)
    return this.#done()
  }

  /** @throws UsageError (PC-ACCESS-NOBODY). */
  async unlock({ person }: Asked['unlock'], caller: Caller): Promise<Empty> {
    await this.#demandAccount(person)
    await this.#options.facts.write({ kind: accountFact, class: 'audit', body: { change: 'unlocked', person, by: caller.id } })
    await this.#options.guard.unlock(person)
    return this.#done()
  }

  /** The file was changed by somebody else: who is not in it any more, or otherwise, goes. A damaged one says nothing of anybody. */
  follow(): void {
    const { accounts, sessions } = this.#options
    if (accounts.damage !== undefined) return
    for (const [person, before] of this.#known) {
      const now = accounts.get(person)
      const isSame = now?.role === before.role && now.secret.hash === before.secret.hash
      if (!isSame) sessions.endAll(now === undefined ? 'removed' : 'changed', (session) => session.person === person)
    }
    this.#remember()
  }

  async selfTest(authorities: number): Promise<SelfTestReport> {
    const { accounts, hashing, clock, refresh } = this.#options
    await refresh()
    const count = accounts.list().length
    const begun = clock.now()
    await hashing.hash('a secret of this test')
    const took_ms = Math.round(clock.now() - begun)
    const checks = [
      { name: 'accounts', passed: accounts.damage === undefined, value: count, unit: '1', says: accounts.damage?.message ?? 'The file of accounts can be used.' },
      { name: 'way in', passed: count + authorities > 0, value: authorities, unit: '1', says: 'There is an account or an authority, so that somebody can be let in.' },
      { name: 'hashing', passed: true, value: took_ms, unit: 'ms', says: 'How long proving a secret takes.' },
    ]
    return { passed: checks.every(({ passed }) => passed), checks }
  }

  #remember(): void {
    this.#known = new Map(this.#options.accounts.list().map((account) => [account.person, account]))
  }

  async #demandAccount(person: string): Promise<void> {
    await this.#options.refresh()
    if (this.#options.accounts.get(person) === undefined) throw new UsageError('PC-ACCESS-NOBODY', 'Nobody of this name has an account.', { component: 'access' })
  }

  #done(): Empty {
    this.#options.onChange()
    return {}
  }
}

/** @throws InputError (PC-ACCESS-WEAK, PC-ACCESS-PERSON). */
export function demandGoodAccount(person: string, secret: string): void {
  demandName(person)
  const weak = weakness(person, secret)
  if (weak !== undefined) throw new InputError('PC-ACCESS-WEAK', `The secret is too weak: ${weak}.`, { component: 'access' })
}

const ownAccount = (): ForbiddenError => new ForbiddenError('PC-ACCESS-SELF', 'Nobody removes their own account or changes their own role: let somebody else do it.', { component: 'access' })

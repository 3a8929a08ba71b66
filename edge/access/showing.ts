/** What the faces see of access: health, who is logged in, who has an account and must wait. */
import type { Cancel, Clock } from '../base/clock.ts'
import type { ComponentOf } from '../device/component.ts'
import type { Health } from '../device/contract.ts'
import type { Accounts } from './accounts.ts'
import type { AccessContract } from './contract.ts'
import type { Guard } from './guard.ts'
import type { Sessions } from './sessions.ts'

export interface ShowingOptions {
  component: ComponentOf<typeof AccessContract>
  clock: Clock
  accounts: Accounts
  guard: Guard
  sessions: Sessions
}

export class Showing {
  readonly #options: ShowingOptions
  #cancel: Cancel = () => undefined

  constructor(options: ShowingOptions) {
    this.#options = options
  }

  /** @param open whether people are let in at all */
  show(open: boolean): void {
    const { component, accounts, guard, sessions, clock } = this.#options
    component.publish('sessions', sessions.list().map(({ person, role, face, where, since }) => ({ person, role, face, where, since })))
    const list = accounts.list().map(({ person, role }) => ({ person, role, locked_s: Math.ceil(guard.lockouts.wait_ms(guard.keyOf(person, true)) / 1000) }))
    component.publish('accounts', list)
    this.#cancel()
    if (!open) return
    component.publish('health', this.#health())
    const next_s = Math.min(...list.map(({ locked_s }) => locked_s).filter((locked_s) => locked_s > 0))
    // When a wait is over, that is news; each second of it is none.
    if (Number.isFinite(next_s)) this.#cancel = clock.after(next_s * 1000, () => this.show(open))
  }

  stop(): void {
    this.#cancel()
  }

  #health(): Health {
    const { accounts: { damage }, guard } = this.#options
    if (damage !== undefined) return { status: 'failed', code: damage.code, says: damage.message }
    if (guard.sealed) return { status: 'degraded', code: 'PC-ACCESS-TAMPERED', says: "The housing was opened: only an engineer with the authority's answer is let in." }
    if (guard.trouble === 'PC-ACCESS-RECORD') return { status: 'degraded', code: guard.trouble, says: 'The record of failed attempts was damaged: secrets are not taken for a quarter of an hour.' }
    if (guard.trouble !== undefined) return { status: 'degraded', code: guard.trouble, says: 'Failed attempts cannot be written down: the storage must be looked at.' }
    return { status: 'ready' }
  }
}

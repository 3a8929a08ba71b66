/**
 * Who has an account at this device: one small file in the state folder that only its owner may read.
 *
 * A file that is damaged, or that others may read or write, gives nobody an account: never a default one.
 */
import { readFile, rename, stat } from 'node:fs/promises'
import { canonical, sha256 } from '../base/canonical.ts'
import type { WallTime } from '../base/clock.ts'
import { writeDurably } from '../base/durable-file.ts'
import { ConfigError, ResourceError } from '../base/error.ts'
import { mistakes, type Static, Type } from '../base/schema.ts'
import { personPattern } from './name.ts'
import { HashedSecret } from './secret.ts'

const Account = Type.Object({
  person: Type.String({ pattern: personPattern.source }),
  role: Type.Enum(['viewer', 'technician', 'officer', 'engineer']),
  secret: HashedSecret,
  /** Who made it, and who changed it last: a person, `provision`, or what the centre calls itself. */
  createdBy: Type.String({ maxLength: 128 }),
  createdAt: Type.Integer(),
  changedBy: Type.String({ maxLength: 128 }),
  changedAt: Type.Integer(),
}, { additionalProperties: false })
export type Account = Static<typeof Account>

const accounts_max = 256
const file_bytes_max = 512 * 1024

const AccountsFile = Type.Object({
  format: Type.Literal('portcullis-accounts/1'),
  accounts: Type.Array(Account, { maxItems: accounts_max }),
  /** SHA-256 of the canonical JSON (RFC 8785) of the accounts, hexadecimal: finds damage, proves nothing. */
  digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
}, { additionalProperties: false })

const digestOf = (accounts: readonly Account[]): string => sha256(canonical(accounts)).toString('hex')

/** The accounts of a file by person. @throws ConfigError (PC-ACCESS-ACCOUNTS) without what the file holds. */
export function readAccounts(text: string): Map<string, Account> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw damaged('it is not JSON')
  }
  const wrong = mistakes(AccountsFile, value)[0]
  if (wrong !== undefined) throw damaged(`it is not as it should be at ${wrong.path.slice(0, 3).join('.') || 'its start'}`)
  const { accounts, digest } = value as Static<typeof AccountsFile>
  if (digestOf(accounts) !== digest) throw damaged('its check sum is wrong')
  const byPerson = new Map(accounts.map((account) => [account.person, account]))
  if (byPerson.size !== accounts.length) throw damaged('somebody stands in it twice')
  return byPerson
}

export function writeAccounts(accounts: readonly Account[]): string {
  return `${JSON.stringify({ format: 'portcullis-accounts/1', accounts, digest: digestOf(accounts) })}\n`
}

const damaged = (why: string): ConfigError => new ConfigError('PC-ACCESS-ACCOUNTS', `The file of accounts cannot be used: ${why}. Nobody has an account now.`, { component: 'access' })

/** What somebody's account becomes. */
export interface AccountChange {
  person: string
  role: Account['role']
  secret: HashedSecret
  by: string
  at: WallTime
}

export class Accounts {
  readonly #file: string
  #accounts = new Map<string, Account>()
  /** Which file was read last: its time, size, number, mode and owner; empty for none. */
  #seen: string | undefined
  #turn: Promise<unknown> = Promise.resolve()
  /** What is wrong with the file. */
  damage: ConfigError | undefined

  constructor(file: string) {
    this.#file = file
  }

  get(person: string): Account | undefined {
    return this.#accounts.get(person)
  }

  list(): Account[] {
    return [...this.#accounts.values()]
  }

  /** @throws ResourceError (PC-ACCESS-ACCOUNTS-FULL) when somebody new has no place. */
  demandRoom(person: string): void {
    if (this.#accounts.has(person) || this.#accounts.size < accounts_max) return
    throw new ResourceError('PC-ACCESS-ACCOUNTS-FULL', `There are ${accounts_max} accounts already.`, { component: 'access' })
  }

  /** Reads the file if it has changed since. True when it was read. Never throws: see `damage`. */
  refresh(): Promise<boolean> {
    return this.#inTurn(() => this.#refresh())
  }

  /**
   * Makes or changes an account; resolves once it is durable. A damaged file is kept beside the new one, which begins empty.
   * @throws ResourceError (PC-ACCESS-ACCOUNTS-FULL, PC-ACCESS-STORAGE).
   */
  put({ person, role, secret, by, at }: AccountChange): Promise<void> {
    return this.#inTurn(async () => {
      this.demandRoom(person)
      const { createdBy, createdAt } = this.#accounts.get(person) ?? { createdBy: by, createdAt: at }
      await this.#replace(new Map(this.#accounts).set(person, { person, role, secret, createdBy, createdAt, changedBy: by, changedAt: at }))
    })
  }

  /** False when there was none. @throws ResourceError (PC-ACCESS-STORAGE). */
  remove(person: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const rest = new Map(this.#accounts)
      if (!rest.delete(person)) return false
      await this.#replace(rest)
      return true
    })
  }

  async #refresh(): Promise<boolean> {
    const seen = await this.#look()
    if (seen === this.#seen) return false
    this.#seen = seen
    this.#accounts = new Map()
    this.damage = undefined
    try {
      if (seen !== '') this.#accounts = await this.#read()
    } catch (error) {
      this.damage = error instanceof ConfigError ? error : damaged('it cannot be read')
    }
    return true
  }

  async #read(): Promise<Map<string, Account>> {
    const { size, mode } = await stat(this.#file)
    if ((mode & 0o077) !== 0) throw damaged('others than its owner may read or write it')
    if (size > file_bytes_max) throw damaged('it is too large')
    return readAccounts(await readFile(this.#file, 'utf8'))
  }

  async #look(): Promise<string> {
    try {
      const { mtimeMs, size, ino, mode, uid } = await stat(this.#file)
      return `${mtimeMs} ${size} ${ino} ${mode} ${uid}`
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : 'unreadable'
    }
  }

  async #replace(accounts: Map<string, Account>): Promise<void> {
    try {
      if (this.damage !== undefined) await rename(this.#file, `${this.#file}.damaged`)
      await writeDurably(this.#file, writeAccounts([...accounts.values()]))
    } catch (cause) {
      throw new ResourceError('PC-ACCESS-STORAGE', 'The accounts cannot be written: they stay as they were.', { component: 'access', cause })
    }
    this.#seen = await this.#look()
    this.#accounts = accounts
    this.damage = undefined
  }

  /** One change of the file after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}

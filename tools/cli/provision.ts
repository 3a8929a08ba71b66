/** `portcullis provision`: gives a new device its state folder with the credentials that profiles refer to, and its first account. */
import { randomBytes } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { demandGoodAccount } from '../../edge/access/account-desk.ts'
import { Accounts } from '../../edge/access/accounts.ts'
import type { PersonRole } from '../../edge/access/contract.ts'
import { demandName } from '../../edge/access/name.ts'
import { SecretHashing } from '../../edge/access/secret.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { UsageError } from '../../edge/base/error.ts'
import { publicKey } from '../../profiles/boot/secrets.ts'
import { provision } from '../authority/authority.ts'
import { readGiven } from './given.ts'
import { newSecret } from './typed-secret.ts'

interface Options {
  state: string
  authority?: string
  listKey?: string
  account?: string
  role: PersonRole
  secret?: string
  accounts: string
}

export function command(): Command {
  return new Command('provision')
    .description("Prepares the state folder of a new device: a journal key of its own, the list key, the authority's public key; and makes accounts on the bench.")
    .requiredOption('-s, --state <folder>', 'the state folder')
    .option('--authority <file>', "the authority's public key (PEM)")
    .option('--list-key <file>', 'the list key, 32 bytes, the same on all devices of the authority')
    .option('--account <person>', 'also, or only, makes an account: small letters, digits, dots and hyphens')
    .addOption(new Option('--role <role>', 'of the account').choices(['viewer', 'technician', 'officer', 'engineer']).default('engineer'))
    .option('--secret <file>', 'the file that holds the secret of the account, or - for standard input; else it is asked for')
    .option('--accounts <name>', 'the file of accounts in the state folder, as the profile names it', 'accounts.json')
    .addHelpText('after', `
Example:
  portcullis provision --state /var/lib/portcullis --authority authority.pub --list-key lists.key
  portcullis provision --state /var/lib/portcullis --account nguyen --role engineer`)
    .action(async (options: Options) => {
      const { authority, listKey, account } = options
      if (authority === undefined && listKey === undefined && account === undefined) {
        throw new UsageError('PC-CLI-OPTION', 'Say what the device is to be given: --authority and --list-key, or --account.')
      }
      const keys = authority === undefined && listKey === undefined ? undefined : readKeys(options)
      // Whatever can be wrong is known before anything is written.
      const secret = account === undefined ? undefined : await goodSecret(account, options)
      if (keys !== undefined) {
        await provision(options.state, { journal: randomBytes(32), ...keys })
        process.stdout.write(`${options.state} is ready: run the device with portcullis run --profile <file> --state ${options.state}\n`)
      }
      if (account !== undefined && secret !== undefined) await addAccount(account, secret, options)
    })
}

function readKeys({ state, authority: authorityFile, listKey }: Options): { lists: Buffer; authority: string } {
  if (authorityFile === undefined || listKey === undefined) throw new UsageError('PC-CLI-OPTION', 'A new device needs both --authority and --list-key.')
  if (existsSync(join(state, 'credentials', 'journal'))) {
    throw new UsageError('PC-PROVISION-TWICE', `${state} has been provisioned: a new journal key would make its personal data unreadable.`)
  }
  const authority = readGiven(authorityFile)
  const lists = readGiven(listKey)
  if (lists.length !== 32) throw new UsageError('PC-PROVISION-KEY', 'The list key must have 32 bytes.')
  publicKey(authority, authorityFile)
  return { lists, authority: authority.toString('utf8') }
}

async function goodSecret(person: string, options: Options): Promise<string> {
  demandName(person)
  await opened(person, options)
  const secret = await newSecret(options.secret)
  demandGoodAccount(person, secret)
  return secret
}

/** @throws UsageError (PC-CLI-FILE, PC-PROVISION-ACCOUNT), ConfigError (PC-ACCESS-ACCOUNTS). */
async function opened(person: string, { state, authority, accounts: name }: Options): Promise<Accounts> {
  if (authority === undefined && !existsSync(state)) throw new UsageError('PC-CLI-FILE', `The folder ${state} is not there.`)
  const accounts = new Accounts(join(state, name))
  await accounts.refresh()
  if (accounts.damage !== undefined) throw accounts.damage
  if (accounts.get(person) === undefined) return accounts
  throw new UsageError('PC-PROVISION-ACCOUNT', `${person} has an account: an engineer changes it at the device.`)
}

async function addAccount(person: string, secret: string, options: Options): Promise<void> {
  const accounts = await opened(person, options)
  await accounts.put({ person, role: options.role, secret: await new SecretHashing().hash(secret), by: 'provision', at: systemClock.wall() })
  const { uid, gid } = statSync(options.state)
  // The service must read what root has made for it.
  if (process.getuid?.() === 0) await chown(join(options.state, options.accounts), uid, gid)
  process.stdout.write(`${person} may log in as ${options.role}\n`)
}

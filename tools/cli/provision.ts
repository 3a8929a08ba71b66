/** `portcullis provision`: gives a new device its state folder with the credentials that profiles refer to. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../edge/base/error.ts'
import { publicKey } from '../../profiles/boot/secrets.ts'
import { provision } from '../authority/authority.ts'
import { readGiven } from './given.ts'

export function command(): Command {
  return new Command('provision')
    .description('Prepares the state folder of a new device: a journal key of its own, the list key, the authority\'s public key.')
    .requiredOption('-s, --state <folder>', 'the state folder')
    .requiredOption('--authority <file>', "the authority's public key (PEM)")
    .requiredOption('--list-key <file>', 'the list key, 32 bytes, the same on all devices of the authority')
    .addHelpText('after', '\nExample:\n  portcullis provision --state /var/lib/portcullis --authority authority.pub --list-key lists.key')
    .action(async (options: { state: string; authority: string; listKey: string }) => {
      if (existsSync(join(options.state, 'credentials', 'journal'))) {
        throw new UsageError('PC-PROVISION-TWICE', `${options.state} has been provisioned: a new journal key would make its personal data unreadable.`)
      }
      const authority = readGiven(options.authority)
      const lists = readGiven(options.listKey)
      if (lists.length !== 32) throw new UsageError('PC-PROVISION-KEY', 'The list key must have 32 bytes.')
      publicKey(authority, options.authority)
      await provision(options.state, { journal: randomBytes(32), lists, authority: authority.toString('utf8') })
      process.stdout.write(`${options.state} is ready: run the device with portcullis run --state ${options.state}\n`)
    })
}

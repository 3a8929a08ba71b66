/** `portcullis sign challenge`: lets somebody in at a device that shows a challenge, without network and without an account. */
import { Command, Option } from 'commander'
import { answerChallenge, for_min_max, readChallenge } from '../../edge/access/challenge.ts'
import type { PersonRole } from '../../edge/access/contract.ts'
import { UsageError } from '../../edge/base/error.ts'
import { readPrivateKey } from '../authority/authority.ts'

interface Options {
  key: string
  role: PersonRole
  for: string
}

export const challenge = (): Command => new Command('challenge')
  .description('Answers the challenge that a device shows: the answer goes to standard output, what it allows to standard error.')
  .argument('<challenge>', 'as the device shows it: device:person:XXXX-XXXX-XXXX-XXXX')
  .requiredOption('--key <file>', "the authority's private key (PEM)")
  .addOption(new Option('--role <role>', 'what the person may do').choices(['viewer', 'technician', 'officer', 'engineer']).default('technician'))
  .option('--for <time>', 'for how long from the login: 30m, 8h; the device may allow less', '8h')
  .addHelpText('after', '\nExample:\n  portcullis sign challenge bl1-e07:nguyen:KNF2-EEY8-85QH-5E6X --role technician --for 8h --key authority.key')
  .action(async (text: string, options: Options) => {
    const asked = readChallenge(text)
    if (asked === undefined) throw new UsageError('PC-SIGN-CHALLENGE', 'This is no challenge, or it was mistyped.')
    const for_min = minutes(options.for)
    const answer = answerChallenge(asked, { role: options.role, for_min }, await readPrivateKey(options.key))
    process.stderr.write(`This lets ${asked.person} in on ${asked.device}, once, as ${options.role} for ${for_min} minutes:\n`)
    process.stdout.write(`${answer}\n`)
  })

function minutes(text: string): number {
  const { count = '', unit = '' } = /^(?<count>\d{1,4})(?<unit>m|h)$/.exec(text)?.groups ?? {}
  const for_min = Number(count) * (unit === 'h' ? 60 : 1)
  if (for_min >= 1 && for_min <= for_min_max) return for_min
  throw new UsageError('PC-SIGN-TIME', `The time must be such as 30m or 8h, and at most ${for_min_max / 60} hours.`)
}

/** `portcullis sign`: the authority's tool for keys, lists, commands and challenges. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { systemClock } from '../../edge/base/clock.ts'
import { InputError, UsageError } from '../../edge/base/error.ts'
import { parse, type Static, Type } from '../../edge/base/schema.ts'
import { enrolmentFile, sealEnrolment } from '../../edge/gate/enrolment.ts'
import { keysOf, type ListKey } from '../../edge/gate/lists.ts'
import type { ListName } from '../../edge/gate/policy.ts'
import { signOrder } from '../../edge/uplink/order.ts'
import { topicsOf } from '../../edge/uplink/topics.ts'
import { newAuthority, readPrivateKey, signedList } from '../authority/authority.ts'
import { readGiven } from './given.ts'
import { challenge } from './sign-challenge.ts'

/** One line of the file that a list is made from. */
const Entry = Type.Object({
  issuer: Type.String({ pattern: '^[A-Z]{1,3}$' }),
  documentNumber: Type.Optional(Type.String({ default: '' })),
  personalNumber: Type.Optional(Type.String()),
  names: Type.Optional(Type.String({ default: '' })),
  birth: Type.Optional(Type.String({ default: '' })),
}, { additionalProperties: false })

const hour_ms = 3_600_000

export function command(): Command {
  return new Command('sign')
    .description("The authority's keys, lists, commands and answers to challenges.")
    .addCommand(keys())
    .addCommand(list())
    .addCommand(enrolment())
    .addCommand(order())
    .addCommand(challenge())
    .addHelpText('after', '\nExample:\n  portcullis sign keys ~/authority')
}

const keys = (): Command => new Command('keys')
  .description('Makes the authority\'s key pair and the list key in a folder.')
  .argument('<folder>')
  .addHelpText('after', '\nExample:\n  portcullis sign keys ~/authority')
  .action((folder: string) => {
    const files = { private: join(folder, 'authority.key'), public: join(folder, 'authority.pub'), lists: join(folder, 'lists.key') }
    if (existsSync(files.private)) throw new UsageError('PC-SIGN-EXISTS', `${files.private} is there already: keys are never overwritten.`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { privateKey, publicPem } = newAuthority()
    writeFileSync(files.private, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
    writeFileSync(files.public, publicPem)
    writeFileSync(files.lists, randomBytes(32), { mode: 0o600, flag: 'wx' })
    process.stdout.write(`${Object.values(files).join('\n')}\n`)
  })

interface ListOptions {
  key: string
  listKey: string
  sequence: string
  hours: string
}

const list = (): Command => new Command('list')
  .description('Makes a signed list from a file of documents or people, one JSON object a line, and writes it to standard output.')
  .argument('<kind>', 'watchlist, revoked or residents')
  .argument('<file>', 'lines such as {"issuer":"VNM","documentNumber":"C1234567"} or {"issuer":"VNM","names":"NGUYEN VAN A","birth":"1990-01-01"}')
  .requiredOption('--key <file>', "the authority's private key (PEM)")
  .requiredOption('--list-key <file>', 'the list key, 32 bytes')
  .requiredOption('--sequence <number>', 'greater than that of the list before')
  .option('--hours <number>', 'how long it is valid', '24')
  .addHelpText('after', '\nExample:\n  portcullis sign list watchlist people.jsonl --key authority.key --list-key lists.key --sequence 7 > watchlist.json')
  .action(async (kind: string, file: string, options: ListOptions) => {
    if (!['watchlist', 'revoked', 'residents'].includes(kind)) throw new UsageError('PC-SIGN-LIST', `There is no list named ${kind}: take watchlist, revoked or residents.`)
    const issued = systemClock.wall()
    const signed = signedList({
      list: kind as ListName, sequence: positive(options.sequence, 'sequence'), issued,
      expires: issued + positive(options.hours, 'hours') * hour_ms, entries: readEntries(file),
    }, readListKey(options.listKey), await readPrivateKey(options.key))
    process.stdout.write(`${JSON.stringify(signed)}\n`)
  })

interface EnrolmentOptions {
  key: string
  listKey: string
  issuer: string
  number: string
  birth: string
  photo: string
  finger?: string
  out: string
}

const enrolment = (): Command => new Command('enrolment')
  .description("Seals a traveller's photograph, and a fingerprint template, into a record that only their document opens on a device.")
  .requiredOption('--key <file>', "the authority's private key (PEM)")
  .requiredOption('--list-key <file>', 'the list key, 32 bytes')
  .requiredOption('--issuer <code>', 'issuing state of the document, as in its machine-readable zone')
  .requiredOption('--number <number>', 'number of the document')
  .requiredOption('--birth <date>', 'YYYY-MM-DD')
  .requiredOption('--photo <file>', 'JPEG of the face, from the document\'s chip')
  .option('--finger <file>', "template in the scanner's own format")
  .requiredOption('--out <folder>', 'the folder enrolments of the lists')
  .addHelpText('after', '\nExample:\n  portcullis sign enrolment --issuer VNM --number C1234567 --birth 1990-01-01 --photo face.jpg --key authority.key --list-key lists.key --out lists/enrolments')
  .action(async (options: EnrolmentOptions) => {
    if (!/^\d{4}-\d\d-\d\d$/.test(options.birth)) throw new UsageError('PC-SIGN-DATE', 'The date of birth must be given as YYYY-MM-DD.')
    const identity = { issuer: options.issuer, documentNumber: options.number, birth: options.birth }
    const listKey = readListKey(options.listKey)
    const record = { photo: readGiven(options.photo), ...(options.finger === undefined ? {} : { fingerTemplate: readGiven(options.finger) }) }
    const file = join(options.out, enrolmentFile(identity, listKey))
    writeFileSync(file, sealEnrolment(identity, record, listKey, await readPrivateKey(options.key)), { mode: 0o600 })
    process.stdout.write(`${file}\n`)
  })

interface OrderOptions {
  key: string
  site: string
  device: string
  args: string
  role: 'viewer' | 'officer' | 'technician' | 'engineer'
  by: string
  seconds: string
}

const order = (): Command => new Command('command')
  .description('Makes a signed command for a device and writes its topic and its message to standard output.')
  .argument('<component>')
  .argument('<command>')
  .requiredOption('--key <file>', "the authority's private key (PEM)")
  .requiredOption('--site <site>')
  .requiredOption('--device <id>')
  .option('--args <json>', 'the arguments', '{}')
  .addOption(new Option('--role <role>', 'the role that it is given in').choices(['viewer', 'officer', 'technician', 'engineer']).default('officer'))
  .option('--by <account>', 'the account that asks', 'centre')
  .option('--seconds <number>', 'how long it is valid', '30')
  .addHelpText('after', '\nExample:\n  portcullis sign command gate decide --args \'{"decision":"release"}\' --key authority.key --site mong-cai/bac-luan-1 --device bl1-e07')
  .action(async (component: string, name: string, options: OrderOptions) => {
    const topic = topicsOf(options).command({ component, command: name })
    const issuedAt = systemClock.wall()
    const signed = signOrder(topic, {
      id: randomBytes(12).toString('hex'), args: readArguments(options.args), role: options.role, issuedBy: options.by,
      issuedAt, expiresAt: issuedAt + positive(options.seconds, 'seconds') * 1000,
    }, await readPrivateKey(options.key))
    process.stdout.write(`${topic}\n${JSON.stringify(signed)}\n`)
  })

function readListKey(file: string): Uint8Array {
  const key = readGiven(file)
  if (key.length !== 32) throw new UsageError('PC-SIGN-LIST-KEY', `${file} is no list key: it must have 32 bytes.`)
  return key
}

function readEntries(file: string): ListKey[] {
  return readGiven(file).toString('utf8').split('\n').filter((line) => line.trim() !== '').flatMap((line, index) => {
    const entry = readEntry(line, `${file}:${index + 1}`)
    return keysOf({ ...entry, documentNumber: entry.documentNumber ?? '', names: entry.names ?? '', birth: entry.birth ?? '' })
  })
}

function readEntry(line: string, where: string): Static<typeof Entry> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new InputError('PC-SIGN-ENTRY', `${where} is not a JSON object.`)
  }
  return parse(Entry, value, 'PC-SIGN-ENTRY', `entry at ${where}`)
}

function readArguments(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new UsageError('PC-SIGN-ARGS', 'The arguments are not a JSON object.')
}

function positive(text: string, what: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new UsageError('PC-SIGN-NUMBER', `The ${what} must be a whole number from 1.`)
  return number
}

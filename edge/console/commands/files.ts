/** Files over the line, and the bundle for whoever understands the device from far away. */
import { UsageError } from '../../base/error.ts'
import type { DeviceModel } from '../../device/model.ts'
import { type Choice, pick } from '../choices.ts'
import { type Command, type Context, type Item, only } from '../command.ts'
import { ConsoleContract } from '../contract.ts'
import type { FileDesk, NamedFile } from '../file-desk.ts'
import { figure, table, timeOf } from '../rows.ts'
import { withProgress } from './progress.ts'
import { demandRole } from './role.ts'

const deskOf = ({ files }: Context): FileDesk => {
  if (files === undefined) throw new UsageError('PC-CONSOLE-ABSENT', 'This device has no file transfer.')
  return files
}

async function* list(context: Context): AsyncGenerator<Item> {
  const { outbox, inbox } = deskOf(context).room
  const [outgoing, arrived] = [await outbox.list(), await inbox.list()]
  const rows = [
    ...outgoing.map(({ name, size, modified_s }) => ['to send', String(size), timeOf(modified_s * 1_000), name]),
    ...arrived.map(({ name, size, modified_ms }) => ['received', String(size), timeOf(modified_ms), name]),
  ]
  yield { rows: rows.length === 0 ? ['There are no files.'] : table(['', 'bytes', 'of', 'file'], rows), json: { outgoing, arrived } }
}

async function* send(context: Context, [begun = '', protocol = 'zmodem']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const desk = deskOf(context)
  const file = pick(begun, (await desk.room.outbox.list()).map(({ name }) => name))
  if (file === undefined) throw new UsageError('PC-CONSOLE-FILE', 'There is no such file to send; "files" lists those there are.')
  const hint = protocol === 'zmodem' ? 'rz' : 'rb'
  yield { rows: [`Start receiving with ${protocol.toUpperCase()} at your end now, such as ${hint}; five Ctrl-X give up.`] }
  const { bytes } = await transfer(context, 'send', { file, protocol }) as { bytes: number }
  yield { rows: [`${file} was sent: ${bytes} bytes.`], json: { file, bytes } }
}

async function* receive(context: Context, [protocol = 'zmodem']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const hint = protocol === 'zmodem' ? 'sz <file>' : 'sb <file>'
  yield { rows: [`Start sending with ${protocol.toUpperCase()} at your end now, such as ${hint}; five Ctrl-X give up.`] }
  const { files } = await transfer(context, 'receive', { protocol }) as { files: { file: string; bytes: number }[] }
  yield { rows: files.map(({ file, bytes }) => `${file} was received: ${bytes} bytes.`), json: { files } }
}

/** The command of the console's own component: so it is on the record. The line is this one. */
async function transfer(context: Context, command: 'send' | 'receive', args: unknown): Promise<unknown> {
  return await deskOf(context).offering(context.session.person, (work) => context.terminal.exclusively(work),
    () => context.carry(only(context.model, 'console').name, command, args))
}

async function* remove(context: Context, [begun = '']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const { name } = only(context.model, 'console')
  demandRole(context, name, 'remove')
  const file = pick(begun, (await deskOf(context).room.inbox.list()).map(({ name }) => name))
  if (file === undefined) throw new UsageError('PC-CONSOLE-FILE', 'No such file was received; "files" lists those there are.')
  await context.confirm(`${file} will be gone; nothing brings it back.`)
  await context.carry(name, 'remove', { file })
  yield { rows: [`${file} is removed.`], json: { file } }
}

async function* diag(context: Context): AsyncGenerator<Item> {
  const { name } = only(context.model, 'diagnosis')
  const made = await withProgress(context, name, async () => await context.carry(name, 'bundle', {}) as { file: string; bytes: number; sha256: string; took_ms: number })
  const file = made.file.split('/').at(-1) ?? made.file
  yield { rows: [`${file}: ${made.bytes} bytes, made in ${figure(made.took_ms / 1000)} s`, `SHA-256 ${made.sha256}`, `"send ${file}" sends it over this line.`], json: made }
}

const protocols = { name: 'protocol', says: 'how; zmodem unless named', optional: true, choices: () => [{ word: 'zmodem', says: 'with CRC-32 and resuming' }, { word: 'ymodem', says: 'for programs that know no other' }] }
/** Files that a component of the model lists: names that Tab completes. */
const named = (property: 'outbox' | 'inbox') => (model: DeviceModel): Choice[] => {
  const console = model.list().find(({ contract }) => contract.name === ConsoleContract.name)
  const files = console?.reading(property)?.value as NamedFile[] | undefined
  return (files ?? []).map(({ file, bytes }) => ({ word: file, says: `${bytes} bytes` }))
}

const group = 'files'

const file = { name: 'file', says: 'one of "files", or how it alone begins', open: true }

export const fileCommands: readonly Command[] = [
  { words: ['files'], group, says: 'files to send, and files that were received', example: 'files', run: list },
  { words: ['send'], group, says: 'sends a file over this line', example: 'send diag-bl1-e07-20260101T000000Z.tar.gz', live: true, run: send, args: [{ ...file, choices: named('outbox') }, protocols] },
  {
    words: ['files', 'remove'], group, says: 'removes a file that was received', example: 'files remove notes.bin', live: true, run: remove,
    args: [{ ...file, choices: named('inbox') }],
  },
  { words: ['receive'], group, says: 'receives files over this line', example: 'receive', live: true, run: receive, args: [protocols] },
  { words: ['diag'], group, says: 'packs what somebody far away needs to understand the device', example: 'diag', live: true, run: diag },
]

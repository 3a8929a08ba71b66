import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { parse } from '../../base/schema.ts'
import { Line, lineCounts } from '../line.ts'
import { rig, secretOf, type Seat } from '../rig.ts'
import { FileTransfer, TransferSettings } from './transfer.ts'

const transfer = new FileTransfer({ clock: systemClock, settings: parse(TransferSettings, {}, 'PC-TEST-INPUT', 'settings') })
const never = new AbortController().signal
const silently = (): void => undefined

/** The terminal program takes over the line from the person in front of it. */
function laptopAt(seat: Seat): { line: Line; stop(): void } {
  const line = new Line({ face: 'serial', where: 'laptop', baud: 115_200, clock: systemClock, counters: new Counters(lineCounts) })
  line.attach({ write: async (bytes) => seat.type(bytes), close: silently })
  let going = true
  const look = (): void => {
    if (!going) return
    const came = Buffer.from(seat.out, 'latin1')
    seat.out = ''
    if (came.length > 0) line.onBytes(came)
    systemClock.after(2, look)
  }
  look()
  return { line, stop: () => {
    going = false
  } }
}

void t.test('send and receive are commands of the console, on the record with the hash of what came', async (t) => {
  const { device, console, seat } = await rig(t, { transfer })
  await seat.login('nguyen')
  const content = randomBytes(30_000)
  const folder = join(device.folder, 'laptop')
  mkdirSync(folder)
  writeFileSync(join(folder, 'fix.bin'), content)
  const news: unknown[] = []
  console.component.onEvent('received', (data) => news.push(data))

  seat.type('receive\r')
  await seat.until(/Start sending/)
  const sender = laptopAt(seat)
  await transfer.send(sender.line, join(folder, 'fix.bin'), 'zmodem', never, silently)
  sender.stop()
  seat.type('\r')
  await seat.until(/> $/)
  t.ok(readFileSync(join(device.folder, 'inbox', 'fix.bin')).equals(content))
  const sha256 = createHash('sha256').update(content).digest('hex')
  t.strictSame(news, [{ file: 'fix.bin', bytes: 30_000, sha256, by: 'nguyen' }])

  mkdirSync(join(device.folder, 'outbox'))
  writeFileSync(join(device.folder, 'outbox', 'diag.tar.gz'), content)
  seat.type('send diag.tar.gz\r')
  await seat.until(/Start receiving/)
  const receiver = laptopAt(seat)
  t.match(await transfer.receive(receiver.line, folder, 1_000_000, 'zmodem', never, silently), [{ file: 'diag.tar.gz', sha256 }])
  receiver.stop()
  seat.type('\r')
  await seat.until(/> $/)
  t.ok(device.facts.some((fact) => JSON.stringify(fact).includes('diag.tar.gz')), 'it is on the record')

  const completed = async (text: string, expected: RegExp): Promise<void> => {
    seat.type(`${text}\t`)
    t.match(await seat.until(expected), expected)
    seat.type('\x15\x03')
    await seat.until(/\^C\r\n.*> $/)
  }
  await completed('send d', /send diag\.tar\.gz $/)
  await completed('files rem', /files remove $/)
  await completed('files remove f', /files remove fix\.bin $/)
  await completed('call console remove file=f', /file=fix\.bin $/)
  seat.type('files remove fix\r')
  await seat.until(/fix\.bin will be gone; nothing brings it back\.\r\nType yes to go on: $/)
  t.match(await seat.ask('no'), 'PC-CONSOLE-CONFIRM')
  t.ok(existsSync(join(device.folder, 'inbox', 'fix.bin')), 'only with a yes')
  seat.type('files remove fix\r')
  await seat.until(/Type yes to go on: $/)
  t.match(await seat.ask('yes'), 'fix.bin is removed.')
  t.notOk(existsSync(join(device.folder, 'inbox', 'fix.bin')))
  t.match(device.facts.findLast(({ kind }) => kind === 'access.command')?.body, { person: 'nguyen', component: 'console', command: 'remove', args: { file: 'fix.bin' } })
  t.strictSame(console.component.read('inbox'), [])
  t.match(await seat.ask('files remove fix.bin --json --yes'), 'PC-CONSOLE-FILE')
  t.match(await seat.ask('call console remove file=../accounts.json'), 'PC-CONSOLE-FILE', 'nothing beside the inbox')
  t.ok(existsSync(join(device.folder, 'accounts.json')))
  seat.type('login vien\r')
  await seat.until(/challenge\): $/)
  seat.type(`${secretOf('vien')}\r`)
  await seat.until(/Welcome, vien[^]*> $/)
  t.match(await seat.ask('files remove anything'), 'PC-CONSOLE-ROLE')
})

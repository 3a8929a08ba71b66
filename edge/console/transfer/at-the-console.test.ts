import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { parse } from '../../base/schema.ts'
import { Line, lineCounts } from '../line.ts'
import { rig, type Seat } from '../rig.ts'
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
})

/** Who sits at the line means no good, or their terminal does not. */
import { connect } from 'node:net'
import t from 'tap'
import { ManualClock, systemClock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { sleep } from '../base/wait.ts'
import { Line, lineCounts } from './line.ts'
import { rig, secretOf } from './rig.ts'
import { socketOf } from './sockets.ts'

t.setTimeout(180_000)

/** Until something is so that no output tells. */
async function until(holds: () => boolean): Promise<void> {
  for (let waited_ms = 0; !holds(); waited_ms += 5) {
    if (waited_ms > 20_000) throw new Error('it did not become so')
    await sleep(systemClock, 5)
  }
}

void t.test('whoever reads nothing does not keep the device from stopping', async (t) => {
  const { device, console } = await rig(t, { section: { local: true, ports: [] } })
  const socket = connect(socketOf(device.folder)).on('error', () => undefined)
  t.teardown(() => socket.destroy())
  let out = ''
  socket.on('data', (bytes) => void (out += bytes.toString('latin1')))
  await until(() => out.endsWith('login: '))
  socket.write('li\r')
  await until(() => out.endsWith('challenge): '))
  socket.write(`${secretOf('li')}\r`)
  await until(() => out.includes('Welcome'))
  socket.pause()
  socket.write('commands --json\r'.repeat(400))
  const written = (): number => console.component.read('counters')?.['bytes_out'] ?? 0
  for (let before = -1; written() !== before || before < 50_000; await sleep(systemClock, 1_100)) before = written()
  await console.stop()
  t.match(console.component.health, { status: 'stopped' })
})

void t.test('nor do they keep their place', async (t) => {
  const clock = new ManualClock()
  const line = new Line({ face: 'network', where: 'laptop', clock, counters: new Counters(lineCounts) })
  let isClosed = false
  line.attach({ write: () => new Promise(() => undefined), close: () => void (isClosed = true) })
  const writing = t.rejects(line.write(Buffer.from('who?')), { code: 'PC-CONSOLE-LOST' })
  await until(() => clock.pending > 0)
  clock.advance(120_000)
  await writing
  t.ok(isClosed && line.gone.aborted)
})

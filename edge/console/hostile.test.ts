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

void t.test('what a component calls its pins cannot move the cursor when it is completed', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('nguyen')
  device.model.get('gizmo').publish('pins' as never, { 'zap\u001b]0;owned\u0007\u009b2J': true } as never)
  seat.type('call gizmo pulse pin=z\t')
  await until(() => seat.out.includes('zap'))
  for (const control of ['\u001b]', '\u009b', '\u0007']) t.notMatch(seat.out, control)
})

void t.test('more typed ahead than fits: no line is carried out of which a part is missing', async (t) => {
  const { seat, device, console } = await rig(t)
  await seat.login('nguyen')
  seat.type('wiggle lamp\r')
  await seat.until(/shows go/)
  seat.type('\r'.repeat(2_040))
  seat.type(`call gizmo pulse pin=motorLeft on=false | grep ${'x'.repeat(100)}`)
  seat.type(` ${'y'.repeat(200)}\r`)
  seat.type('call gizmo pulse pin=motorRight on=false\r')
  seat.type('\r'.repeat(100_000))
  await seat.until(/shows off[^]*\^C\r\nbl1-e07> $/)
  t.ok((console.component.read('counters')?.['overflow'] ?? 0) > 90_000)
  seat.type('\r')
  await sleep(systemClock, 20)
  seat.type('call gizmo pulse pin=motorRight on=true\r')
  await seat.until(/Done\./)
  t.strictSame(device.done.filter((each) => each.startsWith('pulse')), ['pulse motorRight true'])
})

void t.test('a key that was let go while the line was held opens nothing afterwards', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('li')
  device.outOfService()
  seat.type('service flap\r')
  await seat.until(/go on: $/)
  seat.type('yes\r')
  await seat.until(/Any other key ends/)
  seat.type(' \x13')
  await until(() => device.done.at(-1) === 'barrier closed')
  t.strictSame(device.done, ['barrier open', 'barrier closed'], 'it shuts by itself though nothing can be said')
  for (let press = 0; press < 10; press++) seat.type(' \x13')
  seat.type('\x11')
  await seat.until(/flap state +closed/)
  t.strictSame(device.done, ['barrier open', 'barrier closed'])
})

void t.test('a secret that was typed where it does not belong is not kept', async (t) => {
  const { seat } = await rig(t)
  await seat.login('vien')
  for (const line of ['call access add p=bo r=viewer s=hush9hush9', 'call gizmo teach ph=hush9 --json', 'set parts.camera.url rtsp://a:hush9@cam/1']) await seat.ask(line)
  seat.out = ''
  seat.type('\x1b[A')
  await until(() => seat.out.includes('\u0007'))
  t.notMatch(seat.out, 'hush9')
})

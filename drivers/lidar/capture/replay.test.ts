import { createSocket } from 'node:dgram'
import t from 'tap'
import { ManualClock, systemClock } from '../../../edge/base/clock.ts'
import { until } from '../../kit/conformance.ts'
import { replay, udpTarget } from './replay.ts'
import type { Datagram } from './udp.ts'

const at = (at_us: number, port = 2368): Datagram => ({ at_us, from: '10.0.0.1', fromPort: 2368, port, payload: Uint8Array.of(1, 2, at_us % 256) })

async function* recording(...times_us: number[]): AsyncGenerator<Datagram> {
  for (const time_us of times_us) yield at(time_us)
}

/** Lets everything run that waits for nothing but its turn. */
const settle = (): Promise<void> => new Promise((resolve) => {
  setImmediate(resolve)
})

async function playedBy(clock: ManualClock, until_ms: number): Promise<void> {
  await settle()
  while (clock.now() < until_ms) {
    clock.advance(1)
    await settle()
  }
}

void t.test('each datagram goes out when it is due', async (t) => {
  for (const speed of [1, 2]) {
    const clock = new ManualClock()
    const sent: [number, number][] = []
    const done = replay(recording(1_000_000, 1_000_100, 1_020_000, 1_050_000), ({ at_us }) => void sent.push([at_us, clock.now()]), { clock, speed })
    await playedBy(clock, 60)
    t.strictSame(sent, [[1_000_000, 0], [1_000_100, 0], [1_020_000, 20 / speed], [1_050_000, 50 / speed]], `at speed ${speed}`)
    t.strictSame(await done, { datagrams: 4, bytes: 12, recorded_us: 50_000 })
    t.equal(clock.pending, 0)
  }
})

void t.test('as fast as possible waits for nothing but the target', async (t) => {
  const clock = new ManualClock()
  const sent: number[] = []
  const played = await replay(recording(1, 5_000_000, 90_000_000), async ({ at_us }) => {
    await settle()
    sent.push(at_us)
  }, { clock, speed: Infinity })
  t.strictSame(sent, [1, 5_000_000, 90_000_000])
  t.equal(played.datagrams, 3)
  t.equal(clock.now(), 0)
})

void t.test('a clock that jumped in the recording neither stalls nor hurries the rest', async (t) => {
  const clock = new ManualClock()
  const sent: number[] = []
  const done = replay(recording(10_000_000, 9_000_000, 9_010_000, 9_000_000_000), () => void sent.push(clock.now()), { clock, speed: 1 })
  await playedBy(clock, 5_020)
  await done
  t.strictSame(sent, [0, 0, 10, 5_010])
})

void t.test('it stops when it is told to, and hands on what goes wrong', async (t) => {
  const clock = new ManualClock()
  const abort = new AbortController()
  const waiting = replay(recording(0, 1_000_000), () => undefined, { clock, speed: 1, signal: abort.signal })
  await settle()
  abort.abort()
  await t.rejects(waiting, { code: 'PC-BASE-CANCELLED' })
  t.equal(clock.pending, 0)
  await t.rejects(replay(recording(0), () => Promise.reject(new Error('full')), { clock, speed: 1 }), { message: 'full' })
})

void t.test('over the network', async (t) => {
  const sockets = [createSocket('udp4'), createSocket('udp4')]
  const heard: [number, string][] = []
  const ports: number[] = []
  for (const [index, socket] of sockets.entries()) {
    socket.on('message', (bytes) => heard.push([index, bytes.toString('hex')]))
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', resolve)
    })
    ports.push(socket.address().port)
  }
  t.teardown(() => sockets.map((socket) => socket.close()))
  const one = await udpTarget(`udp://127.0.0.1:${ports[0]}`)
  await replay(recording(1, 2), one.send, { clock: systemClock, speed: Infinity })
  one.close()
  await until(() => heard.length === 2, 'both are heard')
  t.strictSame(heard, [[0, '010201'], [0, '010202']])
  const recorded = await udpTarget('udp://localhost')
  await recorded.send(at(3, ports[1]))
  recorded.close()
  await until(() => heard.length === 3, 'the third is heard')
  t.strictSame(heard[2], [1, '010203'], 'without a port, at the one recorded')
  for (const wrong of ['127.0.0.1:5', 'tcp://127.0.0.1:5', 'udp://', 'udp://127.0.0.1:5/x', 'nonsense']) await t.rejects(udpTarget(wrong), { code: 'PC-CAPTURE-TARGET' }, wrong)
  await t.rejects(udpTarget('udp://no-such-host.invalid:1'), { code: 'PC-LINK-OPEN' })
})

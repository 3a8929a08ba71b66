import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { ManualClock, systemClock } from '../../../edge/base/clock.ts'
import { createLogger } from '../../../edge/base/log.ts'
import { sleep, within } from '../../../edge/base/wait.ts'
import { troubleOf } from '../../../edge/device/lidar-trouble.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { listenAddress } from './datagrams.ts'
import { seeded } from '../yard/scene.ts'
import { ToyEncoder, toyDriver as driver, type ToySensor, toyLimits as quick } from './toy-lidar.ts'
import { UdpLidarTwin } from '../yard/udp-twin.ts'

const twoBlocks = (sensor: ToySensor): Promise<void> => {
  let stop = (): void => undefined
  return within({ clock: systemClock, limit_ms: 15_000, code: 'PC-TEST-POINTS', message: 'No points came.' }, () => new Promise<void>((resolve, reject) => {
    let heard = 0
    stop = sensor.onStream('points', ({ beams }) => {
      if (beams !== 160) reject(new Error('it shows no points'))
      if (++heard === 2) resolve()
    })
  })).finally(() => stop())
}

conformance(t, { driver, twin: () => new UdpLidarTwin(new ToyEncoder()), options: quick, answers: false, exercise: twoBlocks })

async function bound(address: string, port = 0): Promise<{ socket: Socket; port: number; close(): Promise<void> }> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, address, resolve)
  })
  return { socket, port: socket.address().port, close: () => new Promise((resolve) => socket.close(resolve)) }
}

interface Bare {
  sensor: ToySensor
  port: number
  /** Sends good packets, one a millisecond. */
  talk(from: Socket, packets: number): Promise<void>
}

/** A sensor's driver without a twin. */
function bare(name: string, options: Record<string, unknown>, body: (t: Test, bare: Bare) => Promise<void>): void {
  void t.test(name, async (t) => {
    const { port, close } = await bound('127.0.0.1')
    await close()
    const given = { listen: `udp://127.0.0.1:${port}`, ...quick, ...options }
    const device = driver.create(given as never, standaloneContext('front'))
    await device.start(new AbortController().signal)
    const encoder = new ToyEncoder()
    const random = seeded(1)
    const { host } = listenAddress(given.listen)
    let at_us = 0
    const talk = async (from: Socket, packets: number): Promise<void> => {
      for (let packet = 0; packet < packets; packet++) {
        at_us += encoder.period_us
        from.send(Buffer.from(encoder.encode(at_us, { reflectance: 0, distance: () => 1 + random() })), port, host)
        await sleep(systemClock, 1)
      }
    }
    try {
      await body(t, { sensor: device.component, port, talk })
    } finally {
      await device.stop()
    }
  })
}

bare('without an address the first good sender is the sensor, until it falls silent', {}, async (t, { sensor, talk }) => {
  const first = await bound('127.0.0.4')
  const second = await bound('127.0.0.5')
  let heard = 0
  sensor.onStream('points', () => heard++)
  await talk(first.socket, 20)
  await until(() => heard === 20, 'the first is heard')
  await talk(second.socket, 20)
  await talk(first.socket, 5)
  await until(() => heard === 25, 'the second is not')
  for (let tries = 0; heard === 25 && tries < 10_000; tries++) await talk(second.socket, 1)
  t.equal(heard, 26, 'once the first is silent, the second is heard')
  await Promise.all([first.close(), second.close()])
})

bare('datagrams of any length are borne', {}, async (t, { sensor, port, talk }) => {
  const { socket, close } = await bound('127.0.0.1')
  let heard = 0
  sensor.onStream('points', () => heard++)
  for (const length of [0, 1, 7, 347, 1_206, 9_000, 65_507]) socket.send(new Uint8Array(length), port, '127.0.0.1')
  await talk(socket, 10)
  await until(() => heard === 10, 'good packets are heard')
  await until(() => sensor.read('counters')?.['foreign'] === 7, 'the others are counted')
  t.equal(sensor.read('counters')?.['lost'], 0)
  await close()
})

void t.test('an address that this machine does not have is named', async (t) => {
  // TEST-NET-1 (RFC 5737) is nobody's.
  const device = driver.create({ ...quick, listen: 'udp://192.0.2.1:2368' } as never, standaloneContext('front'))
  await device.start(new AbortController().signal)
  t.match(device.component.health, { status: 'failed', code: 'PC-LIDAR-PORT', says: /does not have that address/ })
  await device.stop()
})

void t.test('a group that is joined on the loopback interface is heard', async (t) => {
  const probe = await bound('127.0.0.1')
  await probe.close()
  const group = '239.255.77.2'
  const device = driver.create({ ...quick, listen: `udp://${group}:${probe.port}`, via: '127.0.0.1' } as never, standaloneContext('front'))
  let heard = 0
  device.component.onStream('points', () => heard++)
  const started = device.start(new AbortController().signal)
  const { socket, close } = await bound('127.0.0.1')
  socket.setMulticastInterface('127.0.0.1')
  const encoder = new ToyEncoder()
  for (let packet = 0; heard === 0 && packet < 1_000; packet++) {
    socket.send(Buffer.from(encoder.encode(packet * encoder.period_us, { reflectance: 0, distance: () => 1 })), probe.port, group)
    await sleep(systemClock, 5)
  }
  t.ok(heard > 0)
  await started
  await close()
  await device.stop()
})

void t.test('a port that somebody else has is named, and used once it is free', async (t) => {
  const other = await bound('127.0.0.1')
  const log: string[] = []
  const device = driver.create({ ...quick, listen: `udp://127.0.0.1:${other.port}` } as never, {
    ...standaloneContext('front'), log: createLogger('trace', { write: (line) => void log.push(line) }),
  })
  await device.start(new AbortController().signal)
  t.match(device.component.health, { status: 'failed', code: 'PC-LIDAR-PORT', says: /another program, or another part, has it\.$/ })
  t.equal(troubleOf(device.component.health), 'silent')
  await sleep(systemClock, 200)
  t.equal(log.filter((line) => line.includes('PC-LIDAR-PORT')).length, 1, 'it is said once, however often it is tried')
  await other.close()
  await until(() => device.component.health.code === 'PC-LIDAR-SILENT', 'it listens')
  await device.stop()
})

void t.test('addresses', async (t) => {
  t.strictSame(listenAddress('udp://0.0.0.0:2368'), { host: '0.0.0.0', port: 2_368, family: 'udp4', isGroup: false })
  t.strictSame(listenAddress('udp://239.1.2.3:7502'), { host: '239.1.2.3', port: 7_502, family: 'udp4', isGroup: true })
  t.strictSame(listenAddress('udp://[::]:7502'), { host: '::', port: 7_502, family: 'udp6', isGroup: false })
  t.strictSame(listenAddress('udp://[ff02::77]:7502'), { host: 'ff02::77', port: 7_502, family: 'udp6', isGroup: true })
  for (const wrong of ['udp://sensor:2368', 'tcp://1.2.3.4:5', 'udp://1.2.3.4', 'udp://1.2.3.4:99999', '']) {
    t.throws(() => listenAddress(wrong), { code: 'PC-LINK-ADDRESS' }, wrong)
  }
})

void t.test('over IPv6 a sensor is known by its IPv4 address, too', { skip: networkInterfaces()['lo']?.some(({ family }) => family === 'IPv6') === true ? false : 'no IPv6 here' }, async (t) => {
  const probe = await bound('127.0.0.1')
  await probe.close()
  const device = driver.create({ ...quick, listen: `udp://[::]:${probe.port}`, from: '127.0.0.1' } as never, standaloneContext('front'))
  let heard = 0
  device.component.onStream('points', () => heard++)
  const started = device.start(new AbortController().signal)
  const { socket, close } = await bound('127.0.0.1')
  const encoder = new ToyEncoder()
  for (let packet = 0; heard === 0 && packet < 1_000; packet++) {
    socket.send(Buffer.from(encoder.encode(packet * encoder.period_us, { reflectance: 0, distance: () => 1 })), probe.port, '127.0.0.1')
    await sleep(systemClock, 5)
  }
  t.ok(heard > 0)
  await started
  await close()
  await device.stop()
})

void t.test('a group that stays silent is joined again', async (t) => {
  const { port, close } = await bound('127.0.0.1')
  await close()
  const clock = new ManualClock()
  const log: string[] = []
  const device = driver.create({ ...quick, listen: `udp://239.255.77.3:${port}`, via: '127.0.0.1' } as never, {
    ...standaloneContext('front', clock), log: createLogger('trace', { write: (line) => void log.push(line) }),
  })
  const joined = (): number => log.filter((line) => line.includes('listening')).length
  const started = device.start(new AbortController().signal)
  await until(() => joined() === 1, 'it has joined')
  for (let ticks = 0; ticks < 60; ticks++) clock.advance(50)
  await started
  t.match(device.component.health, { code: 'PC-LIDAR-SILENT' })
  t.equal(joined(), 1, 'not yet')
  for (let ticks = 0; ticks < 1_000 && joined() === 1; ticks++) {
    clock.advance(50)
    await sleep(systemClock, 1)
  }
  t.equal(joined(), 2)
  t.match(device.component.health, { code: 'PC-LIDAR-SILENT' }, 'nothing has changed for anybody else')
  await device.stop()
  t.equal(clock.pending, 0)
})

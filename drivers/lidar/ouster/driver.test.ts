import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { TimeoutError } from '../../../edge/base/error.ts'
import { within } from '../../../edge/base/wait.ts'
import type { Lidar } from '../../../edge/device/capabilities.ts'
import type { Component } from '../../../edge/device/component.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { driver } from './driver.ts'
import { OusterEncoder } from './encoder.ts'
import { fetchMetadata } from './metadata-fetch.ts'
import { metadataJson, sampleMetadata } from './sample.ts'
import { type OusterTwin, ousterTwin } from './twin.ts'

type Sensor = Component<typeof Lidar.members>

/** Small and slow enough for busy machines; limits small enough for a quick test. */
const small = { model: 'OS-1-32', profile: 'RNG15_RFL8_NIR8', columnsPerFrame: 512 } as const
const quick = { first_ms: 2_000, silent_ms: 600, late_ms: 2_000, reconnect_ms: 50, http_ms: 2_000 }

/** One turn's worth of blocks. */
async function turnOf(sensor: Sensor): Promise<number> {
  let blocks = 0
  let stop = (): void => undefined
  await within({ clock: systemClock, limit_ms: 1_500, code: 'PC-TEST-POINTS', message: 'No points came.' }, () => new Promise<void>((resolve) => {
    stop = sensor.onStream('points', (block) => {
      if (block.rings === 32 && ++blocks === 32) resolve()
    })
  })).finally(() => stop())
  return blocks
}

conformance(t, {
  driver,
  twin: () => ousterTwin({ ...small, castTurns: 2 }),
  options: quick,
  exercise: async (sensor) => void await turnOf(sensor),
})

const folder = mkdtempSync(join(tmpdir(), 'ouster-'))
t.teardown(() => rmSync(folder, { recursive: true }))
let files = 0
const fileOf = (json: string): string => {
  const file = join(folder, `${files++}.json`)
  writeFileSync(file, json)
  return file
}

/** The driver with metadata from a file, against a twin. */
async function withFile(twin: OusterTwin, json: string, body: (sensor: Sensor) => Promise<void>): Promise<void> {
  const { listen, from } = await twin.start()
  const device = driver.create({ ...quick, listen, from, metadata: fileOf(json) } as never, standaloneContext('front'))
  await device.start(new AbortController().signal)
  try {
    await body(device.component)
  } finally {
    await device.stop()
    await twin.stop()
  }
}

void t.test('with its metadata in a file, a sensor works in every kind of profile', async (t) => {
  for (const profile of ['LEGACY', 'RNG19_RFL8_SIG16_NIR16_DUAL'] as const) {
    const twin = ousterTwin({ ...small, profile, castTurns: 2 })
    await withFile(twin, metadataJson(twin.metadata), async (sensor) => {
      await until(() => sensor.health.status === 'ready', 'it is ready')
      t.equal(await turnOf(sensor), 32, profile)
      t.match(sensor.read('identity'), { manufacturer: 'Ouster', model: 'OS-1-32', serial: '990000000001' })
    })
  }
})

void t.test('a sensor that says that it is too hot is degraded, and says how much', async (t) => {
  const twin = ousterTwin({ ...small, castTurns: 2 })
  await withFile(twin, metadataJson(twin.metadata), async (sensor) => {
    await until(() => sensor.health.status === 'ready', 'it is ready')
    twin.encoder.heat = { thermalShutdown: 0, shotLimiting: 3 }
    await until(() => sensor.health.status === 'degraded', 'it sees less far')
    t.match(sensor.health, { code: 'PC-LIDAR-HOT', says: /sees less far\.$/ })
    twin.encoder.heat = { thermalShutdown: 1, shotLimiting: 9 }
    await until(() => /switch itself off/.test(sensor.health.says ?? ''), 'it is about to go')
    t.equal(sensor.health.status, 'degraded')
    twin.encoder.heat = { thermalShutdown: 0, shotLimiting: 0 }
    await until(() => sensor.health.status === 'ready', 'it has cooled down')
  })
})

void t.test('metadata of another sensor, or of another mode, is told at once', async (t) => {
  const wrong = [{ ...sampleMetadata(small), serial: '990000000077' }, sampleMetadata({ ...small, columnsPerFrame: 1024 }), sampleMetadata({ ...small, model: 'OS-1-64' })]
  for (const metadata of wrong) {
    await withFile(ousterTwin({ ...small, castTurns: 2 }), metadataJson(metadata), async (sensor) => {
      await until(() => sensor.health.code === 'PC-LIDAR-WRONG-SENSOR', 'it is the wrong one')
      t.equal(sensor.health.status, 'failed')
    })
  }
})

void t.test('a profile that says nothing, too much or the wrong thing of the sensor is refused', async (t) => {
  const create = (options: Record<string, unknown>): unknown => driver.create({ ...quick, listen: 'udp://127.0.0.1:7502', ...options } as never, standaloneContext('front'))
  t.throws(() => create({}), { code: 'PC-LIDAR-METADATA' })
  t.throws(() => create({ metadata: fileOf('{}'), http: 'http://127.0.0.1' }), { code: 'PC-LIDAR-METADATA' })
  t.throws(() => create({ metadata: fileOf('{}') }), { code: 'PC-LIDAR-METADATA' })
  t.throws(() => create({ metadata: join(folder, 'none.json') }), { code: 'PC-LIDAR-CALIBRATION' })
})

void t.test('a sensor that does not give its metadata is asked again', async (t) => {
  const twin = ousterTwin({ ...small, castTurns: 2 })
  const where = await twin.start()
  await twin.unplug()
  const device = driver.create({ ...quick, ...where } as never, standaloneContext('front'))
  await device.start(new AbortController().signal)
  t.match(device.component.health, { status: 'failed', code: 'PC-LIDAR-METADATA-FETCH', says: /cannot be asked/ })
  await twin.plug()
  await until(() => device.component.health.status === 'ready', 'it has come')
  t.equal(device.component.read('identity')?.model, 'OS-1-32')
  await device.stop()
  await twin.stop()
})

void t.test('a sensor that is exchanged, or set up otherwise, is asked anew', async (t) => {
  let encoder = new OusterEncoder(sampleMetadata(small))
  let metadata = sampleMetadata(small)
  let asked = 0
  const server = createServer((_, response) => {
    asked++
    response.end(metadataJson(metadata))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = createSocket('udp4')
  const target = createSocket('udp4')
  await new Promise<void>((resolve) => target.bind(0, '127.0.0.1', resolve))
  const { port } = target.address()
  await new Promise<void>((resolve) => target.close(resolve))
  const began = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) * 1_000) / encoder.period_us)
    for (sent = Math.max(sent, due - 50); sent < due; sent++) socket.send(Uint8Array.from(encoder.encode(sent * encoder.period_us, { reflectance: 0.5, distance: () => 4 + Math.random() })), port, '127.0.0.1')
  }, 4)
  const device = driver.create({ ...quick, listen: `udp://127.0.0.1:${port}`, http: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } as never, standaloneContext('front'))
  t.teardown(async () => {
    clearInterval(timer)
    await device.stop()
    socket.close()
    server.closeAllConnections()
    server.close()
  })
  await device.start(new AbortController().signal)
  await until(() => device.component.health.status === 'ready', 'it is ready')
  t.equal(device.component.read('identity')?.serial, '990000000001')

  metadata = { ...sampleMetadata({ ...small, model: 'OS-0-32' }), serial: '990000000042' }
  encoder = new OusterEncoder(metadata)
  sent = 0
  await until(() => device.component.health.code === 'PC-LIDAR-WRONG-SENSOR', 'it is another')
  await until(() => device.component.health.status === 'ready', 'it was asked what it is')
  t.match(device.component.read('identity'), { model: 'OS-0-32', serial: '990000000042' })
  t.equal(asked, 2, 'a sensor that is well is not asked')
})

void t.test('asking has a limit of time and of length', async (t) => {
  let answers = 0
  const server = createServer((_, response) => {
    if (answers++ === 0) return
    response.writeHead(answers === 2 ? 503 : 200)
    response.end(answers === 2 ? 'busy' : Buffer.alloc(9_000_000, 32))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const ask = (): Promise<string> => fetchMetadata({ sensor: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, limit_ms: answers === 0 ? 100 : 10_000, clock: systemClock, signal: new AbortController().signal })
  await t.rejects(ask(), TimeoutError)
  await t.rejects(ask(), { code: 'PC-LIDAR-METADATA-FETCH', message: /503/ })
  await t.rejects(ask(), { code: 'PC-LIDAR-METADATA-FETCH', message: /longer than any/ })
  server.closeAllConnections()
  server.close()
})

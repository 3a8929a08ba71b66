import t, { type Test } from 'tap'
import type { Component } from '../../../edge/device/component.ts'
import { DeviceError } from '../../../edge/base/error.ts'
import { systemClock } from '../../../edge/base/clock.ts'
import { sleep } from '../../../edge/base/wait.ts'
import type { Lidar } from '../../../edge/device/capabilities.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { pseudoTerminalsAvailable, type Via } from '../../kit/twin.ts'
import { driver } from './driver.ts'
import { RplidarTwin, type RplidarTwinOptions } from './twin.ts'

type LidarComponent = Component<typeof Lidar.members>

const quick = { reply_ms: 150, retries: 1, reconnect_ms: 20, first_ms: 1_000, well_ms: 100, silent_ms: 400, spin_ms: 9_000 }

/** A room of 8 by 6 metres, to tell left from right and front from back. */
function roomTwin(via: Via | undefined, options: RplidarTwinOptions = {}): RplidarTwin {
  const twin = new RplidarTwin(options, via)
  const { scene } = twin.device
  scene.wall({ from: [5, -2], to: [5, 4], height: 3 })
  scene.wall({ from: [-3, -2], to: [-3, 4], height: 3 })
  scene.wall({ from: [-3, 4], to: [5, 4], height: 3 })
  scene.wall({ from: [-3, -2], to: [5, -2], height: 3 })
  return twin
}

/** Waits for two turns that may be believed. */
async function turns(component: LidarComponent): Promise<void> {
  let begun = 0
  let turn = -1
  const stop = component.onStream('points', (block) => {
    if (component.usable && block.turn !== turn) begun++
    turn = block.turn
  })
  try {
    for (let waited_ms = 0; begun < 3; waited_ms += 10) {
      const { status, code } = component.health
      const isGone = status === 'failed' && code !== 'PC-LIDAR-LOSSY' && code !== 'PC-LIDAR-DAMAGED'
      if (waited_ms > 14_000 || (isGone && waited_ms > 1_000)) throw new DeviceError('PC-LIDAR-SILENT', 'There are no points.')
      await sleep(systemClock, 10)
    }
  } finally {
    stop()
  }
}

const vias: Via[] = pseudoTerminalsAvailable() ? ['pty', 'tcp'] : ['tcp']
for (const via of vias) {
  void t.test(`the RPLIDAR driver over ${via}`, (t) => {
    conformance(t, {
      driver,
      twin: () => roomTwin(via),
      // Garbage before each bundle tears one measurement of each: bad, but not the end of the link.
      options: { ...quick, damaged_share_max: 1, lost_share_max: 1 },
      exercise: turns,
    })
    t.end()
  })
}

async function running(t: Test, options: Record<string, unknown>, body: (component: LidarComponent, twin: RplidarTwin) => Promise<void>, twinOptions: RplidarTwinOptions = {}): Promise<RplidarTwin> {
  const twin = roomTwin('tcp', twinOptions)
  const device = driver.create({ ...await twin.start(), ...defaults, ...quick, ...options }, standaloneContext('lidar'))
  t.teardown(() => twin.stop())
  await device.start(new AbortController().signal)
  try {
    await body(device.component, twin)
  } finally {
    await device.stop()
  }
  return twin
}

const defaults = Object.fromEntries(Object.entries(driver.options.properties).flatMap(([name, schema]) => ('default' in schema ? [[name, schema.default]] : []))) as Parameters<typeof driver.create>[0]

void t.test('it sees the room as it is, says what it is, and leaves the motor at rest', async (t) => {
  const twin = await running(t, {}, async (component, { device }) => {
    t.equal(component.health.status, 'ready')
    t.match(component.read('identity'), { manufacturer: 'SLAMTEC', model: 'RPLIDAR A2M8', firmware: '1.29' })
    t.equal(device.motor, 660)
    const nearest = new Map<number, number>()
    const stop = component.onStream('points', ({ columns, angle, distance, rings, turnAt, lost }) => {
      t.ok(rings === 1 && turnAt < columns && lost === 0)
      for (let column = 0; column < columns; column++) {
        const side = (angle[column] ?? 0) / (Math.PI / 2)
        if (Math.abs(side - Math.round(side)) < 0.02) nearest.set(Math.round(side) % 4, distance[column] ?? 0)
      }
    })
    await until(() => nearest.size === 4, 'all sides were seen')
    stop()
    for (const [side, distance] of [[0, 5], [1, 4], [2, 3], [3, 2]] as const) t.ok(Math.abs((nearest.get(side) ?? 0) - distance) < 0.3, `side ${side}: ${nearest.get(side)} m`)
    await until(() => (component.read('rate') ?? 0) > 2_000, 'the figures are there')
    t.ok((component.read('returns') ?? 0) > 0.9)
    t.ok((component.read('turns') ?? 0) > 5)
    t.match(component.read('counters'), { framesIn: Number, measurements: Number, failed: 0, resyncs: 0 })
    const report = await component.invoke('selfTest', {})
    t.ok(report.passed)
    t.ok(report.checks.some(({ name }) => name === 'device'))
  })
  await until(() => twin.device.motor === 0 && !twin.device.scanning, 'the motor is at rest')
})

void t.test('old firmware that does not know how fast it samples is used all the same', async (t) => {
  await running(t, {}, async (component) => {
    t.equal(component.health.status, 'ready')
  }, { old: true, sample_us: 500, model: 0x18 })
})

void t.test('what must not be believed is named', async (t) => {
  await running(t, { silent_ms: 1_000 }, async (component, twin) => {
    const troubles: string[] = []
    component.onEvent('trouble', ({ reason }) => void troubles.push(reason))
    const named = async (code: string): Promise<void> => {
      await until(() => component.health.code === code, code)
      t.equal(component.health.status, 'failed')
    }
    const well = (): Promise<void> => until(() => component.health.status === 'ready', 'it is well again')
    twin.device.faults.frozen = true
    await named('PC-LIDAR-FROZEN')
    twin.device.faults.frozen = false
    await well()
    twin.device.faults.loseByte = 0.5
    await until(() => ['PC-LIDAR-DAMAGED', 'PC-LIDAR-LOSSY'].includes(component.health.code ?? ''), 'the loss of bytes is seen')
    twin.device.faults.loseByte = 0
    await well()
    twin.device.stop()
    await until(() => component.health.code === 'PC-LIDAR-SILENT', 'silence is seen')
    await well()
    t.ok(['frozen', 'silent'].every((reason) => troubles.includes(reason)), troubles.join(', '))
  })
})

void t.test('the device\'s own word on its health', async (t) => {
  const twin = roomTwin('tcp')
  t.teardown(() => twin.stop())
  twin.device.health = { status: 'error', code: 0x8002, persists: true }
  const device = driver.create({ ...defaults, ...quick, ...await twin.start() }, standaloneContext('lidar'))
  await device.start(new AbortController().signal)
  t.match(device.component.health, { status: 'failed', code: 'PC-LIDAR-FAULT', says: /fault 32770/ })
  t.equal(twin.device.motor, 0, 'the motor of a device in protection stop is left alone')
  twin.device.health = { status: 'error', code: 1 }
  await until(() => device.component.health.status === 'ready', 'a reset helped')
  await device.stop()
  twin.device.health = { status: 'warning', code: 7 }
  await device.start(new AbortController().signal)
  await until(() => device.component.health.code === 'PC-LIDAR-WARNING', 'the warning is known')
  t.equal(device.component.health.status, 'degraded')
  t.ok((await device.component.invoke('selfTest', {})).passed, 'a warning is no failure')
  await device.stop()
})

void t.test('of a motor that does not turn nothing is believed', async (t) => {
  const twin = roomTwin('tcp')
  t.teardown(() => twin.stop())
  twin.device.faults.stuck = true
  const device = driver.create({ ...defaults, ...quick, first_ms: 300, ...await twin.start() }, standaloneContext('lidar'))
  await device.start(new AbortController().signal)
  t.match(device.component.health, { status: 'failed', code: 'PC-LIDAR-SILENT' })
  await device.stop()
})

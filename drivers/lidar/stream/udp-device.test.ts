import t, { type Test } from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { createLogger } from '../../../edge/base/log.ts'
import { mistakes } from '../../../edge/base/schema.ts'
import { within } from '../../../edge/base/wait.ts'
import type { LidarTrouble } from '../../../edge/device/capabilities.ts'
import { troubleOf } from '../../../edge/device/lidar-trouble.ts'
import type { PointBlock } from '../../../edge/device/points.ts'
import { standaloneContext, until } from '../../kit/conformance.ts'
import { ToyEncoder, toyBeamsPerSecond, toyDriver as driver, type ToySensor, toyLimits as quick } from './toy-lidar.ts'
import { UdpLidarTwin } from '../yard/udp-twin.ts'

const nextBlock = async (sensor: ToySensor): Promise<PointBlock> => {
  let stop = (): void => undefined
  return await within({ clock: systemClock, limit_ms: 15_000, code: 'PC-TEST-POINTS', message: 'No points came.' }, () => new Promise<PointBlock>((resolve) => {
    stop = sensor.onStream('points', resolve)
  })).finally(() => stop())
}

// Most of the time is spent waiting.
t.jobs = 4

interface Site {
  sensor: ToySensor
  twin: UdpLidarTwin
  encoder: ToyEncoder
  /** Reasons of the trouble events, in order. */
  troubles: LidarTrouble[]
  log: string[]
  restart(): Promise<void>
}

function site(name: string, { castTurns, ...options }: Record<string, unknown> & { castTurns?: number }, body: (t: Test, site: Site) => Promise<void>): void {
  void t.test(name, { buffered: true }, async (t) => {
    const encoder = new ToyEncoder()
    const twin = new UdpLidarTwin(encoder, castTurns === undefined ? {} : { castTurns })
    const where = await twin.start()
    const given = { ...where, ...quick, ...options }
    t.strictSame(mistakes(driver.options, given), [])
    const log: string[] = []
    const device = driver.create(given as never, { ...standaloneContext('front'), log: createLogger('trace', { write: (line) => void log.push(line) }) })
    const troubles: LidarTrouble[] = []
    device.component.onEvent('trouble', ({ reason }) => troubles.push(reason))
    await device.start(new AbortController().signal)
    const restart = async (): Promise<void> => {
      await device.stop()
      await device.start(new AbortController().signal)
    }
    try {
      await body(t, { sensor: device.component, twin, encoder, troubles, log, restart })
    } finally {
      await device.stop()
      await twin.stop()
    }
  })
}

const failedWith = async (t: Test, { sensor, troubles }: Site, trouble: LidarTrouble): Promise<void> => {
  await until(() => troubleOf(sensor.health) === trouble, `it is ${trouble}`)
  t.match(sensor.health, { status: 'failed', code: `PC-LIDAR-${trouble.toUpperCase()}`, says: /^front .+\.$/ })
  t.strictSame(troubles, [trouble], 'the trouble is told once')
}

const wellAgain = async (t: Test, { sensor, troubles }: Site): Promise<void> => {
  await until(() => sensor.health.status === 'ready', 'it is ready again')
  t.equal(troubleOf(sensor.health), undefined)
  t.equal(troubles.length, 1)
}

site('it says how fast it turns, how many beams it has and how many come back', {}, async (t, { sensor }) => {
  await until(() => (sensor.read('rate') ?? 0) > 0 && (sensor.read('counters')?.['points'] ?? 0) > 300, 'it has counted')
  await until(() => (sensor.read('turns') ?? 0) >= 5, 'it turns')
  t.ok((sensor.read('rate') ?? 0) <= toyBeamsPerSecond * 2)
  const returns = sensor.read('returns') ?? 0
  t.ok(returns > 0.3 && returns < 0.9, `beams that look up see nothing: ${returns}`)
  t.match(sensor.read('identity'), { manufacturer: 'Toy', model: 'Toy-8', serial: '7' })
})

site('silent: mute and well again', {}, async (t, site) => {
  site.twin.faults.mute = true
  await failedWith(t, site, 'silent')
  await until(() => site.sensor.read('rate') === 0, 'its figures say so')
  await t.rejects(site.sensor.invoke('selfTest', {}).then(({ passed }) => {
    if (!passed) throw new Error('not passed')
  }), 'its self-test fails')
  site.twin.faults.mute = false
  await wellAgain(t, site)
})

site('frozen: the same turn again and again', {}, async (t, site) => {
  site.twin.faults.frozen = true
  await failedWith(t, site, 'frozen')
  site.twin.faults.frozen = false
  await wellAgain(t, site)
})

site('clock: a jump of an hour', {}, async (t, site) => {
  site.twin.faults.clockJump_us = 3_600_000_000
  await failedWith(t, site, 'clock')
  await wellAgain(t, site)
  await site.restart()
  t.equal(site.sensor.health.status, 'ready', 'a sensor has the clock that it has')
})

site('damaged: check sums that do not hold', {}, async (t, site) => {
  site.twin.faults.corruptNext = 1
  await nextBlock(site.sensor)
  t.equal(site.sensor.health.status, 'ready', 'one is none')
  site.twin.faults.corruptNext = Infinity
  await failedWith(t, site, 'damaged')
  site.twin.faults.corruptNext = 0
  await wellAgain(t, site)
})

site('foreign: packets cut in half are of no such sensor', {}, async (t, site) => {
  site.twin.faults.truncateNext = Infinity
  await failedWith(t, site, 'foreign')
  site.twin.faults.truncateNext = 0
  await wellAgain(t, site)
})

site('lossy: degraded first, not believed beyond the limit', { lost_share_max: 0.4 }, async (t, site) => {
  site.twin.faults.drop = 0.2
  await until(() => site.sensor.health.status === 'degraded', 'it is degraded')
  t.match(site.sensor.health, { code: 'PC-LIDAR-LOSSY' })
  site.twin.faults.drop = 0.6
  await failedWith(t, site, 'lossy')
  site.twin.faults.drop = 0
  await wellAgain(t, site)
})

site('late: packets that are held up', { silent_ms: 2_000, late_ms: 400 }, async (t, site) => {
  site.twin.faults.delay_ms = 1_000
  await failedWith(t, site, 'late')
  site.twin.faults.delay_ms = 0
  await until(() => site.sensor.health.status === 'ready', 'it is ready again')
})

site('storm: what is too much is not even looked at, and our loop goes on', {}, async (t, site) => {
  site.twin.faults.storm = 15
  await failedWith(t, site, 'storm')
  let turns = 0
  const count = (): void => {
    turns++
    if (turns < 20) systemClock.after(1, count)
  }
  count()
  await until(() => turns === 20, 'timers run during the storm')
  site.twin.faults.storm = 0
  await wellAgain(t, site)
  await until(() => (site.sensor.read('counters')?.['dropped'] ?? 0) > 100, 'it says how much was too much')
})

site('wrong-sensor: of the same make, but not the one that is described', {}, async (t, site) => {
  site.encoder.serial = 8
  await until(() => troubleOf(site.sensor.health) === 'wrong-sensor', 'it is another sensor')
  t.equal(site.sensor.health.code, 'PC-LIDAR-WRONG-SENSOR')
  site.encoder.serial = 7
  await wellAgain(t, site)
})

site('another sensor than the expected one is heard, but its points are not passed on', { expect: { model: 'Toy-16' } }, async (t, { sensor, troubles }) => {
  t.match(sensor.health, { status: 'failed', code: 'PC-LINK-WRONG-DEVICE' })
  t.strictSame(troubles, ['wrong-sensor'])
  let passed = 0
  sensor.onStream('points', () => passed++)
  await until(() => (sensor.read('counters')?.['points'] ?? 0) > 300, 'it has heard it')
  t.equal(passed, 0)
})

site('strangers: packets of another address are counted and not decoded, however well-formed', {}, async (t, { sensor, twin }) => {
  twin.faults.foreign = 3
  await until(() => sensor.health.status === 'degraded', 'they are noticed')
  t.match(sensor.health, { code: 'PC-LIDAR-FOREIGN' })
  await until(() => (sensor.read('counters')?.['foreign'] ?? 0) > 0, 'they are counted')
  t.equal(sensor.read('counters')?.['stale'], 0, 'none of them was decoded')
  twin.faults.foreign = 0
  await until(() => sensor.health.status === 'ready', 'it is ready again')
})

site('strangers in a storm do not keep the sensor from being heard', {}, async (_, { sensor, twin }) => {
  twin.faults.foreign = 30
  await until(() => troubleOf(sensor.health) === 'storm', 'it is a storm')
  let heard = 0
  sensor.onStream('points', () => heard++)
  await until(() => heard > 50, 'its points come through')
  twin.faults.foreign = 0
  await until(() => sensor.health.status === 'ready', 'it is over')
})

site('a scene that was cast in advance is not taken for a frozen sensor', { castTurns: 2 }, async (t, { sensor, troubles }) => {
  await until(() => (sensor.read('counters')?.['turns'] ?? 0) > 10, 'it has turned ten times')
  t.equal(sensor.health.status, 'ready')
  t.strictSame(troubles, [])
})

const failing = async (sensor: ToySensor): Promise<string[]> => {
  const { passed, checks } = await sensor.invoke('selfTest', {})
  const names = checks.filter((check) => !check.passed).map(({ name }) => name)
  if (passed !== (names.length === 0)) throw new Error('the report contradicts itself')
  return names
}

site('the self-test says what is wrong: window covered', {}, async (t, { sensor, twin }) => {
  t.strictSame(await failing(sensor), [])
  twin.faults.dirty = 1
  await nextBlock(sensor)
  t.strictSame(await failing(sensor), ['returns'])
})

site('the self-test says what is wrong: packets lost', { lost_share_max: 0.3 }, async (t, { sensor, twin }) => {
  twin.faults.drop = 0.75
  await until(() => troubleOf(sensor.health) === 'lossy', 'it is lossy')
  t.strictSame(await failing(sensor), ['stream', 'rate', 'lost'])
})

site('the self-test says what is wrong: nothing comes', {}, async (t, { sensor, twin }) => {
  await twin.unplug()
  await until(() => sensor.health.status === 'failed', 'it is silent')
  t.strictSame(await failing(sensor), ['stream', 'packets', 'rate', 'returns'])
  await twin.plug()
})

site('the self-test says what is wrong: somebody else sends', {}, async (t, { sensor, twin }) => {
  twin.faults.foreign = 3
  await until(() => sensor.health.status === 'degraded', 'it is noticed')
  t.strictSame(await failing(sensor), ['foreign'])
})

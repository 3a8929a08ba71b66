/** What the main thread makes of a safety thread that is late, silent, or gone. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ManualClock, systemClock } from '../../base/clock.ts'
import { silent } from '../../base/log.ts'
import { sleep } from '../../base/wait.ts'
import type { News } from '../../device/component.ts'
import { ObstacleService } from './service.ts'
import { setupOf } from './safety/trial.ts'

/** As service-fixture.ts, which is no module to import here, says. */
const acts = { drive: 1, slow: 2, late: 3, miss: 4, die: 5, block: 6, nothing: 7 } as const
const release_ms = 1_000
const program = new URL('./service-fixture.ts', import.meta.url)

/** @param hindrance a file: while it is there the tracking thread does not start. */
async function serviceOf(t: Test, hindrance = '') {
  const clock = new ManualClock()
  const service = new ObstacleService({
    setup: setupOf({ sources: { front: { mount: { z: 1 } } }, release_ms }), clock, log: silent,
    worker: { program, data: {} }, tracking: { program, models: hindrance, engine: 'auto' },
  })
  const { component } = service
  const events: News[] = []
  component.news.add((news) => {
    if (news.kind === 'event') events.push(news)
  })
  await service.start()
  t.teardown(() => service.stop())
  const act = async (what: keyof typeof acts): Promise<void> => void await component.invoke('motion', { speed_mps: acts[what], steering_deg: 0, load: 'empty' })
  /** The events since the last question. */
  const told = (): string[] => events.splice(0).map(({ name }) => name)
  const said = (): string => {
    const { level, cause } = component.read('decision') ?? { level: 'none' }
    return `${level} ${cause?.kind ?? ''}`.trim()
  }
  /** Another thread takes real time to start; how much does not matter. */
  const driveAgain = async (): Promise<void> => {
    for (let tries = 0; tries < 3_000; tries++) {
      try {
        return await act('drive')
      } catch {
        await sleep(systemClock, 20)
      }
    }
  }
  return { clock, service, component, act, driveAgain, told, said, events }
}

void t.test('it says what the safety thread says, and shows how long decisions took', async (t) => {
  const { component, act, told, said, events, service } = await serviceOf(t)
  t.equal(said(), 'stop starting')
  await act('drive')
  t.equal(said(), 'clear')
  t.strictSame(component.read('histogram'), [{ upTo_ms: 0.25, count: 98 }, { upTo_ms: 2, count: 2 }])
  t.match(component.read('latency'), { p99_ms: 1, count: 100 })
  t.strictSame(component.health, { status: 'ready' })
  t.strictSame(told(), ['released', 'source'])
  await act('block')
  t.equal(said(), 'stop field')
  t.match(service.decidedBy, { source: 'front' })
  t.match(events, [{ name: 'stopped', data: { cause: { field: 'ahead.stop', x: 2 } } }])
})

void t.test('what both threads count is shown, and a tracking thread that does not start is tried again', async (t) => {
  const hindrance = join(t.testdir({ hindrance: '' }), 'hindrance')
  const { clock, component, act } = await serviceOf(t, hindrance)
  /** Threads take real time to start and to fail; how much does not matter. */
  const healthBecomes = async (status: string): Promise<void> => {
    for (let tries = 0; component.health.status !== status && tries < 3_000; tries++) {
      await act('drive')
      await sleep(systemClock, 20)
    }
  }
  await healthBecomes('degraded')
  t.match(component.health, { code: 'PC-OBSTACLES-TRACKING' })
  t.equal(component.read('decision')?.level, 'clear', 'the vehicle may drive all the same')
  rmSync(hindrance)
  for (let waited = 0; waited < 1_300; waited += 100) {
    clock.advance(100)
    await act('drive')
  }
  await healthBecomes('ready')
  t.strictSame(component.health, { status: 'ready' })
  await act('drive')
  t.match(component.read('counters'), { pointsInvalid: 1, pointsBelow: 2, pointsDropped: 3, strangers: 4, tails: 5, ghosts: 6, cellsRefused: 7, clustersRefused: 8, tracksRefused: 9 })
})

void t.test('a decision that was too late is a fact and a fault until decisions are in time again', async (t) => {
  const { component, act, told, said } = await serviceOf(t)
  await act('drive')
  told()
  await act('miss')
  t.strictSame([said(), told()], ['stop late', ['missed', 'stopped']])
  t.match(component.health, { status: 'degraded', code: 'PC-OBSTACLES-LATE' })
  await act('late')
  t.match(component.health, { status: 'degraded', code: 'PC-OBSTACLES-LATE' })
  await act('drive')
  t.strictSame([said(), component.health.status], ['clear', 'ready'])
  t.match(component.read('counters'), { missed: 1, stops: 1 })
})

void t.test('silence stops the vehicle, and one word alone does not let it drive again', async (t) => {
  const { clock, component, act, told, said } = await serviceOf(t)
  await act('drive')
  told()
  clock.advance(240)
  t.equal(said(), 'clear')
  clock.advance(100)
  t.strictSame([said(), told()], ['stop late', ['stopped']])
  t.match(component.health, { status: 'degraded', code: 'PC-OBSTACLES-LATE' })
  clock.advance(400)
  t.match(component.read('counters'), { silences: 1, stops: 1 }, 'one silence, however long')
  await act('slow')
  t.equal(said(), 'stop late', 'heard again, and not yet believed')
  await act('block')
  t.equal(said(), 'stop field', 'a stop with a cause is believed at once')
  for (let waited = 0; waited < release_ms; waited += 100) {
    t.match(said(), /^stop/, `${waited} ms after it was heard again`)
    await act('slow')
    clock.advance(100)
  }
  await act('slow')
  t.equal(said(), 'slow field')
  t.strictSame(component.health, { status: 'ready' })
})

void t.test('a thread that dies stops the vehicle, takes its sensors along, and is started again', async (t) => {
  const { clock, service, component, act, driveAgain, told, said } = await serviceOf(t)
  await act('drive')
  told()
  await t.rejects(act('die'), { code: 'PC-RUN-WORKER-LOST' })
  t.equal(said(), 'stop late')
  t.match(component.health, { status: 'failed', code: 'PC-RUN-WORKER-LOST' })
  t.strictSame([component.read('sources'), component.read('fields')], [{ front: 'lost' }, ''])
  t.match(service.mirrors[0]?.component.health, { status: 'failed', code: 'PC-RUN-WORKER-LOST' })
  await t.rejects(act('drive'), { code: 'PC-RUN-WORKER-LOST' })
  clock.advance(500)
  await driveAgain()
  t.equal(said(), 'clear')
  t.match(told(), ['stopped', 'source', 'released', 'source'])
})

void t.test('a thread that hangs is ended and started again', async (t) => {
  const { clock, component, act, driveAgain, said } = await serviceOf(t)
  await act('drive')
  // Nothing is heard: of this clock's two seconds the thread knows nothing.
  clock.advance(2_100)
  t.match([said(), component.health], ['stop late', { status: 'failed', code: 'PC-RUN-WORKER-LOST' }])
  clock.advance(500)
  await driveAgain()
  t.equal(said(), 'stop late')
  for (let waited = 0; waited < release_ms; waited += 100) {
    clock.advance(100)
    await act('drive')
  }
  t.equal(said(), 'clear')
})

void t.test('more words about the motion than the thread takes are refused, not kept', async (t) => {
  const { act } = await serviceOf(t)
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => act('nothing')))
  const refused = results.filter((result) => result.status === 'rejected')
  t.equal(refused.length, 40 - 16)
  t.match(refused, Array.from({ length: 24 }, () => ({ reason: { code: 'PC-RUN-WORKER-BUSY' } })))
})

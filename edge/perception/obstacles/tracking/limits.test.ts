import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { type Cloud, pointKinds } from '../cloud.ts'
import { Tracker } from '../tracker.ts'
import { car, emptyCloud, person, see, seeded, sensor16, wall } from './scene.ts'
import { trackerOf, turn_ms, watch } from './watching.ts'

void t.test('the same clouds make the same objects', async (t) => {
  const run = (): string => {
    const tracker = trackerOf(sensor16)
    const random = seeded(4)
    watch(tracker, sensor16, 10, (at_s) => [...person(6, at_s), ...car(10, -4, 1), wall(-5, 0, 12, 1.2)], undefined, { rain: 0.01, random })
    return JSON.stringify(tracker.objects({ tentative: true }))
  }
  t.equal(run(), run())
})

void t.test('hostile clouds are bounded work, and their objects are numbers', async (t) => {
  const points = 131_072
  const random = seeded(9)
  const fill = (place: (point: number) => [number, number, number]): Cloud => {
    const cloud = emptyCloud(points)
    for (let point = 0; point < points; point++) [cloud.x[point], cloud.y[point], cloud.z[point]] = place(point)
    cloud.count = points
    return cloud
  }
  const clouds: Record<string, Cloud> = {
    'all in one cell': fill(() => [3, 1, 1]),
    'all in cells of their own': fill((point) => [(point % 400) * 0.35 - 70, Math.floor(point / 400) * 0.35 - 57, 1]),
    'in pairs': fill((point) => [((point >> 1) % 300) * 0.5 - 75, Math.floor((point >> 1) / 300) * 0.5 - 55, 1]),
    'anywhere': fill(() => [random() * 160 - 80, random() * 160 - 80, random() * 2]),
    'no numbers': fill((point) => [Number.NaN, point % 2 === 0 ? Number.POSITIVE_INFINITY : 1, Number.NEGATIVE_INFINITY]),
    'far away': fill(() => [3e38, -3e38, 3e38]),
    'at the rim': fill((point) => [point % 2 === 0 ? 79.9999999 : -80, point % 3 === 0 ? 80 : -79.99999, 1]),
    'on one line': fill((point) => [1 + (point / points) * 70, 0, 1]),
  }
  const tracker = new Tracker()
  let at_ms = 0
  for (const [name, cloud] of Object.entries(clouds)) {
    for (let turn = 0; turn < 2; turn++) {
      at_ms += turn_ms
      cloud.at_us = at_ms * 1_000
      tracker.onCloud('lidar', cloud, at_ms)
      const objects = tracker.objects({ tentative: true })
      t.ok(objects.length <= 256, name)
      t.ok(objects.every((object) => Object.values(object).every((value) => typeof value !== 'number' || Number.isFinite(value))), name)
    }
  }
  t.ok(tracker.counts.cells > 0 && tracker.counts.clusters > 0, 'what there was no room for is counted')
  for (let source = 0; source < 20; source++) tracker.onCloud(`lidar${source}`, emptyCloud(0), at_ms)

  const number = fc.oneof(fc.float(), fc.float({ min: -90, max: 90, noNaN: true }))
  fc.assert(fc.property(fc.array(fc.tuple(number, number, number, fc.nat(3), fc.nat(65_535)), { maxLength: 60 }), fc.float(), fc.float(), (shown, at_us, now_ms) => {
    const cloud = emptyCloud(60)
    for (const [point, [x, y, z, kind, intensity]] of shown.entries()) {
      cloud.x[point] = x
      cloud.y[point] = y
      cloud.z[point] = z
      cloud.kind[point] = kind
      cloud.intensity[point] = intensity
    }
    cloud.count = shown.length
    cloud.at_us = at_us
    tracker.onCloud('fuzz', cloud, now_ms)
    return tracker.objects({ tentative: true }).every((object) => Object.values(object).every((value) => typeof value !== 'number' || Number.isFinite(value)))
  }), { numRuns: 300 })
})

void t.test('nothing grows from turn to turn', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const tracker = trackerOf(sensor16)
  const clouds = Array.from({ length: 5 }, (_, turn) => see(sensor16, [...person(6, turn / 10), ...car(10, -4), wall(-5, 0, 12, 1)], 0))
  const turn = (at: number): void => {
    const cloud = clouds[at % clouds.length]
    if (cloud === undefined) return
    cloud.at_us = at * 100_000
    tracker.onCloud('lidar', cloud, at * 100)
    tracker.objects()
  }
  for (let at = 0; at < 50; at++) turn(at)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let at = 50; at < 250; at++) turn(at)
  collect()
  const growth = process.memoryUsage().heapUsed - before
  t.ok(growth < 100_000, `${growth} bytes in 200 turns`)
})

void t.test('points that are not obstacles make no objects', async (t) => {
  const tracker = trackerOf(sensor16)
  const cloud = see(sensor16, person(6, 0), 100_000)
  for (const kind of [pointKinds.ground, pointKinds.body, pointKinds.ignored]) {
    cloud.kind.fill(kind)
    tracker.onCloud('lidar', cloud, 100)
    t.strictSame(tracker.objects({ tentative: true }), [])
  }
})

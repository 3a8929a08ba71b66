import t from 'tap'
import type { TrackedObject } from './contract.ts'
import { Tracker } from './tracker.ts'
import { car, cyclist, person, see, seeded, type Sensor, sensor1, sensor128, sensor16, sensor32, sensor64, type Shape, wall } from './tracking/scene.ts'
import { trackingSettings } from './tracking/settings.ts'
import { sourcesOf, trackerOf, turn_ms, watch } from './tracking/watching.ts'

const nearTo = (objects: readonly TrackedObject[], x: number, y: number, within = 0.5): TrackedObject | undefined =>
  objects.find((object) => Math.hypot(object.x - x, object.y - y) <= within)

void t.test('one turn shows people, cyclists and cars, what they are and where, to sensors of 16, 64 and 128 beams', async (t) => {
  for (const sensor of [sensor16, sensor64, sensor128]) {
    const tracker = trackerOf(sensor)
    tracker.onCloud('lidar', see(sensor, [...person(8, 2), ...person(-6, -5), ...cyclist(5, -6), ...car(12, 6, Math.PI / 2), wall(0, 14, 30, 0)], turn_ms * 1_000), turn_ms)
    t.strictSame(tracker.objects(), [], 'one turn confirms nothing')
    const seen = tracker.objects({ tentative: true })
    for (const [name, x, y] of [['person', 8, 2], ['person', -6, -5], ['cyclist', 5, -6], ['vehicle', 12, 6]] as const) {
      const object = nearTo(seen, x, y)
      t.match(object, { class: name }, `${name} with ${sensor.rings} beams`)
      t.ok(Math.abs(object?.z ?? 9) < 0.1, 'it stands on the ground')
    }
    const parked = nearTo(seen, 12, 6)
    t.ok(Math.abs((parked?.length ?? 0) - 4.2) < 0.3 && Math.abs((parked?.width ?? 0) - 1.8) < 0.3 && Math.abs((parked?.height ?? 0) - 1.45) < 0.2, 'the car has its size')
    t.match(seen.find(({ length }) => length > 25), { class: 'structure' }, 'the wall is one structure')
    t.equal(seen.length, 5, 'and there is nothing else')
  }
})

void t.test('a walker\'s velocity is known after a second', async (t) => {
  for (const sensor of [sensor1, sensor16, sensor32]) {
    for (const [vx, vy] of [[-1.4, 0], [0.7, 1]] as const) {
      const tracker = trackerOf(sensor)
      watch(tracker, sensor, 16, (at_s) => person(7 + vx * at_s, 2 + vy * at_s, 0.2 * Math.sin(6 * at_s)), (turn) => {
        if (turn < 10) return
        const object = nearTo(tracker.objects(), 7 + vx * (turn + 1) / 10, 2 + vy * (turn + 1) / 10)
        if (object === undefined) t.fail(`lost with ${sensor.rings} beams in turn ${turn}`)
        else t.ok(Math.hypot(object.vx - vx, object.vy - vy) < (sensor.rings === 1 ? 0.5 : 0.2), `${sensor.rings} beams, turn ${turn}: ${object.vx.toFixed(2)} ${object.vy.toFixed(2)}`)
      })
    }
  }
})

void t.test('names are kept', async (t) => {
  await t.test('by two people who cross, one behind the other', async (t) => {
    const tracker = trackerOf(sensor32)
    const first = (at_s: number): [number, number] => [7, -2.5 + 1.3 * at_s]
    const second = (at_s: number): [number, number] => [8, 2.5 - 1.3 * at_s]
    const names: (number | undefined)[][] = []
    watch(tracker, sensor32, 40, (at_s) => [...person(...first(at_s)), ...person(...second(at_s))], (turn) => {
      const at_s = (turn + 1) / 10
      names[turn] = [first(at_s), second(at_s)].map(([x, y]) => nearTo(tracker.objects(), x, y, 0.45)?.id)
    })
    t.strictSame(names[39], names[5])
    t.not(names[5]?.[0], names[5]?.[1])
  })

  await t.test('by two people who walk through each other\'s place, shoulder to shoulder', async (t) => {
    const tracker = trackerOf(sensor32)
    const there = (at_s: number): [number, number][] => [[7 - 0.2, -2 + at_s], [7 + 0.25, 2 - at_s]]
    const names: (number | undefined)[][] = []
    watch(tracker, sensor32, 38, (at_s) => there(at_s).flatMap(([x, y]) => person(x, y)), (turn) => {
      names[turn] = there((turn + 1) / 10).map(([x, y]) => nearTo(tracker.objects(), x, y, 0.4)?.id)
    })
    t.strictSame(names[37], names[5])
  })

  await t.test('by a car that people walk in front of', async (t) => {
    const tracker = trackerOf(sensor32)
    const seen = new Set<number>()
    watch(tracker, sensor32, 22, (at_s) => [...person(8 - 1.4 * at_s, 2), ...car(12, 6 - 5 * at_s, Math.PI / 2)], (turn) => {
      const object = nearTo(tracker.objects(), 12, 6 - (turn + 1) / 2, 0.6)
      if (turn < 4) return
      t.ok(object, `turn ${turn}`)
      if (object !== undefined) seen.add(object.id)
      if (turn > 12) t.ok(Math.abs((object?.vy ?? 0) + 5) < 0.5, `${object?.vy.toFixed(2)} m/s`)
    })
    t.equal(seen.size, 1)
  })
})

void t.test('people are told apart', async (t) => {
  const tracker = trackerOf(sensor32)
  watch(tracker, sensor32, 4, () => [
    ...person(7, 0), ...person(7, 0.75), ...person(7.3, -0.8), wall(10, 4, 12, 0.2), ...person(9.5, 3.3),
    { x: 12, y: -6, low: 0, high: 2.2, length: 3, width: 8 }, ...person(10, -5),
  ])
  const objects = tracker.objects()
  for (const [x, y, where] of [[7, 0, 'beside another'], [7, 0.75, 'beside another'], [7.3, -0.8, 'beside another'], [9.5, 3.3, 'close to a wall'], [10, -5, 'close to a container']] as const) {
    t.match(nearTo(objects, x, y, 0.35), { class: 'person' }, where)
  }
})

void t.test('rain makes no objects, and hides nobody', async (t) => {
  for (const rain of [0.002, 0.01]) {
    const tracker = trackerOf(sensor16)
    const weather = { rain, random: seeded(11) }
    const names = new Set<number | undefined>()
    watch(tracker, sensor16, 30, (at_s) => person(6, -2 + at_s), (turn) => {
      const objects = tracker.objects()
      const [x, y] = [6, -2 + (turn + 1) / 10]
      if (turn > 5) names.add(nearTo(objects, x, y)?.id)
      t.strictSame(objects.filter((object) => Math.hypot(object.x - x, object.y - y) > 0.5), [], `turn ${turn}, ${rain * 100} % of the beams`)
    }, weather)
    t.equal(names.size, 1, 'the person keeps one name')
    t.notOk(names.has(undefined))
  }
})

void t.test('tail reflections are left out', async (t) => {
  const there = (): Shape[] => [...person(5, 1), ...car(8, 5, 0.3), wall(12, 0, 16, Math.PI / 2)]
  const between = (tracker: Tracker): TrackedObject[] => {
    watch(tracker, sensor32, 5, there, undefined, { tails: true })
    return tracker.objects().filter(({ x, y }) => x > 5.6 && x < 11.3 && Math.abs(y - 0.2 * x) < 1)
  }
  const tracker = trackerOf(sensor32)
  t.strictSame(between(tracker), [])
  t.ok(tracker.counts.tails > 50, `${tracker.counts.tails} points`)
  t.match(nearTo(tracker.objects(), 5, 1, 0.3), { class: 'person' }, 'the person remains')
  t.ok(between(trackerOf(sensor32, { ...trackingSettings, tail_m: 1_000 })).length > 0, 'they would be objects otherwise')
  const sharp = trackerOf(sensor32)
  watch(sharp, sensor32, 2, there)
  t.ok(sharp.counts.tails < 10, `without mixed echoes there are none: ${sharp.counts.tails}`)
})

void t.test('mirror images are left out, and what really stands behind is not', async (t) => {
  const mirror = { ...wall(8, 0, 6, Math.PI / 2), mirror: true }
  const tracker = trackerOf(sensor32)
  watch(tracker, sensor32, 8, (at_s) => [mirror, ...person(5, 1 + at_s)])
  const objects = tracker.objects()
  t.ok(nearTo(objects, 5, 1.8), 'the person')
  t.strictSame(objects.filter(({ x }) => x > 8.5 && x < 14), [], 'not the image')
  t.ok(tracker.counts.ghosts > 0)

  const fence: Shape[] = Array.from({ length: 30 }, (_, post) => ({ x: 8, y: -3 + post * 0.2, low: 0, high: 2, radius: 0.03 }))
  const yard = trackerOf(sensor32)
  watch(yard, sensor32, 8, () => [...fence, ...person(11, 0.5)])
  t.ok(nearTo(yard.objects(), 11, 0.5), 'somebody behind a fence is real')
})

void t.test('two sources make one track of one object', async (t) => {
  const front: Sensor = { ...sensor16, x: 1, y: 0.5 }
  const rear: Sensor = { ...sensor16, x: -1, y: -0.5 }
  const tracker = new Tracker({ sources: sourcesOf({ front, rear }) })
  const there = (at_s: number): Shape[] => [...person(6 - at_s, 3), { x: 5, y: -6, low: 0.2, high: 2, length: 8, width: 2.4 }]
  const names = new Set<number>()
  for (let turn = 0; turn < 20; turn++) {
    // Each keeps a time of its own, and tells its turn late by its own delay.
    tracker.onCloud('front', see(front, (share) => there((turn + share) / 10), 5e9 + (turn + 1) * 100_000), (turn + 1) * 100 + 3)
    tracker.onCloud('rear', see(rear, (share) => there((turn + 0.4 + share) / 10), 77_000 + (turn + 1.4) * 100_000), (turn + 1.4) * 100 + 9)
    if (turn < 4) continue
    const objects = tracker.objects()
    t.equal(objects.length, 2, `turn ${turn}: ${objects.map(({ class: is, x, y }) => `${is} ${x.toFixed(1)} ${y.toFixed(1)}`).join(', ')}`)
    for (const { id } of objects) names.add(id)
  }
  t.equal(names.size, 2)
  const walker = nearTo(tracker.objects(), 6 - 2.04, 3)
  t.ok(Math.abs((walker?.vx ?? 0) + 1) < 0.2, `${walker?.vx.toFixed(2)} m/s`)
})

void t.test('what leaves is forgotten in time, whether other things are seen or nothing at all', async (t) => {
  const tracker = trackerOf(sensor16)
  watch(tracker, sensor16, 10, () => [...person(6, 0), ...person(-6, 0)])
  t.equal(tracker.objects().length, 2)
  const left: number[] = []
  watch(tracker, sensor16, 12, () => person(-6, 0), (turn) => {
    if (nearTo(tracker.objects(), 6, 0) !== undefined) left.push(turn)
  }, {}, 10)
  t.ok(left.length >= 5 && left.length <= 9, `coasts for ${left.length} turns`)
  t.equal(tracker.objects().length, 1)
  tracker.tick(22 * turn_ms + trackingSettings.coast_ms + 3 * turn_ms)
  t.strictSame(tracker.objects(), [])
})

void t.test('velocities are over ground once the vehicle says how it moves', async (t) => {
  const tracker = trackerOf(sensor16)
  tracker.onMotion(2, 0, 0)
  watch(tracker, sensor16, 20, (at_s) => [...person(12 - 2 * at_s, 3), ...person(10 - 2 * at_s, -3 + at_s)])
  const [standing, walking] = [nearTo(tracker.objects(), 8, 3), nearTo(tracker.objects(), 6, -1)]
  t.ok(Math.hypot(standing?.vx ?? 9, standing?.vy ?? 9) < 0.2, 'somebody who stands')
  t.ok(Math.hypot(walking?.vx ?? 9, (walking?.vy ?? 9) - 1) < 0.25, 'somebody who walks')
})

import fc from 'fast-check'
import t from 'tap'
import { type Cloud, pointKinds } from '../cloud.ts'
import { Assignment } from './assignment.ts'
import { BoxFit } from './box-fit.ts'
import { Cells } from './cells.ts'
import { classCodes, classOf } from './classify.ts'
import { Clusters } from './clusters.ts'
import { Floor } from './floor.ts'
import { emptyCloud, seeded } from './scene.ts'
import { trackingSettings } from './settings.ts'
import { Sightings } from './sightings.ts'
import { SourceTime } from './source-time.ts'
import { Tails } from './tails.ts'
import { unknownViewpoint, viewpointOf } from './viewpoint.ts'

const none = new Uint8Array(10_000)

function cloudOf(points: readonly (readonly [number, number, number])[], kind: number = pointKinds.obstacle): Cloud {
  const cloud = emptyCloud(Math.max(1, points.length))
  for (const [at, [x, y, z]] of points.entries()) {
    cloud.x[at] = x
    cloud.y[at] = y
    cloud.z[at] = z
    cloud.kind[at] = kind
    cloud.intensity[at] = 50
  }
  cloud.count = points.length
  return cloud
}

function clustersOf(points: readonly (readonly [number, number, number])[], step_rad = 0.003): { cells: Cells; clusters: Clusters } {
  const cells = new Cells(40, 5_000)
  const clusters = new Clusters(trackingSettings, cells.side, 5_000, 64)
  cells.gather(cloudOf(points), none, new Floor(40))
  clusters.group(cells, unknownViewpoint, step_rad)
  return { cells, clusters }
}

/** Points on a post. */
const post = (x: number, y: number, top = 1.5): [number, number, number][] => Array.from({ length: 5 }, (_, at) => [x + at * 0.01, y, (top * (at + 1)) / 5])

void t.test('clusters keep together what is close for its range, and nothing else', async (t) => {
  t.equal(clustersOf([...post(5, 0), ...post(5, 0.15)]).clusters.count, 1)
  t.equal(clustersOf([...post(5, 0), ...post(5, 0.5)]).clusters.count, 2)
  t.equal(clustersOf([...post(30, 0), ...post(30, 0.4)]).clusters.count, 1, 'far away beams are farther apart')
  t.equal(clustersOf([...post(5, 0), [7, 0, 1], [7, 0, 1.1]]).clusters.count, 1, 'two returns are nothing')
  const kerb: [number, number, number][] = Array.from({ length: 40 }, (_, at) => [5, -2 + at * 0.1, 0.15])
  t.equal(clustersOf([...kerb, ...post(5, -1), ...post(5, 1)]).clusters.count, 5, 'a kerb does not join two people: they stand on it, and it goes on before, between and behind them')
})

void t.test('clusters are the same in whatever order the points come, and hold every point once', async (t) => {
  const place = fc.tuple(fc.double({ min: -8, max: 8, noNaN: true }), fc.double({ min: -8, max: 8, noNaN: true }), fc.double({ min: 0, max: 2, noNaN: true }))
  fc.assert(fc.property(fc.array(place, { maxLength: 200 }), (points) => {
    const sizes = (order: readonly (readonly [number, number, number])[]): number[] => {
      const { cells, clusters } = clustersOf(order.filter(([, , z]) => z >= trackingSettings.low_m))
      const members = new Set<number>()
      for (let cluster = 0; cluster < clusters.count; cluster++) {
        let sum = 0
        for (let at = 0; at < (clusters.length[cluster] ?? 0); at++) {
          const cell = clusters.members[(clusters.start[cluster] ?? 0) + at] ?? 0
          if (members.has(cell)) throw new Error('a cell is in two clusters')
          members.add(cell)
          sum += cells.points[cell] ?? 0
        }
        if (sum !== clusters.points[cluster]) throw new Error('points were lost')
      }
      return [...clusters.points.subarray(0, clusters.count)].sort((a, b) => a - b)
    }
    t.strictSame(sizes(points), sizes([...points].reverse()))
  }), { numRuns: 60 })
})

void t.test('the box lies along the sides that are seen', async (t) => {
  for (const heading of [0, 0.3, 0.8, 1.3]) {
    const [cos, sin] = [Math.cos(heading), Math.sin(heading)]
    const sides: [number, number, number][] = []
    for (let along = -2.2; along <= 2.2; along += 0.05) sides.push([10 + along * cos + 0.9 * sin, 3 + along * sin - 0.9 * cos, 1])
    for (let across = -0.9; across <= 0.9; across += 0.05) sides.push([10 - 2.2 * cos - across * sin, 3 - 2.2 * sin + across * cos, 1])
    const { cells, clusters } = clustersOf(sides)
    t.equal(clusters.count, 1)
    const box = new BoxFit()
    box.fit(cells, clusters.members, clusters.start[0] ?? 0, clusters.length[0] ?? 0)
    t.ok(Math.abs(box.length - 4.4) < 0.25 && Math.abs(box.width - 1.8) < 0.25, `${box.length.toFixed(2)} x ${box.width.toFixed(2)}`)
    t.ok(Math.hypot(box.x - 10, box.y - 3) < 0.2, 'in its place')
    t.ok(Math.abs(Math.sin(box.heading - heading)) < 0.06, `${box.heading.toFixed(2)} for ${heading}`)
  }
})

void t.test('the auction finds the assignment that is worth most, or nearly so', async () => {
  const size = 5
  const best = (worth: readonly number[][], track: number, taken: number): number => {
    if (track === worth.length) return 0
    let most = best(worth, track + 1, taken)
    for (let sighting = 0; sighting < size; sighting++) {
      const value = worth[track]?.[sighting] ?? 0
      if (value > 0 && (taken & (1 << sighting)) === 0) most = Math.max(most, value + best(worth, track + 1, taken | (1 << sighting)))
    }
    return most
  }
  const assignment = new Assignment(size, size)
  fc.assert(fc.property(fc.array(fc.array(fc.double({ min: -4, max: 9.2, noNaN: true }), { minLength: size, maxLength: size }), { minLength: size, maxLength: size }), (worth) => {
    assignment.begin()
    for (const [track, row] of worth.entries()) for (const [sighting, value] of row.entries()) if (value > 0) assignment.offer(track, sighting, value)
    assignment.settle()
    let sum = 0
    const taken = new Set<number>()
    for (let track = 0; track < size; track++) {
      const sighting = assignment.sightingOf[track] ?? -1
      if (sighting < 0) continue
      if (taken.has(sighting) || assignment.trackOf[sighting] !== track) return false
      taken.add(sighting)
      sum += worth[track]?.[sighting] ?? 0
    }
    return sum >= best(worth, 0, 0) - size * 0.02 - 1e-9
  }), { numRuns: 300 })
})

void t.test('a source\'s time is told from its own, however late its turns are told', async (t) => {
  const time = new SourceTime()
  const random = seeded(2)
  const errors: number[] = []
  for (let turn = 1; turn <= 100; turn++) {
    const measured = turn * 50
    time.onTurn(9e12 + measured * 1_000, measured + 2 + 30 * random() ** 3)
    if (turn > 20) errors.push(Math.abs(time.end_ms - measured - 2))
  }
  t.ok(Math.max(...errors) < 4, `within ${Math.max(...errors).toFixed(1)} ms`)
  t.ok(Math.abs(time.turn_ms - 50) < 1e-6)
  time.onTurn(17, 6_000)
  t.equal(time.end_ms, 6_000, 'a clock that jumped starts anew')
  t.ok(Math.abs(time.turn_ms - 50) < 1e-6, 'the turn takes as long as before')
})

void t.test('tails lie between two surfaces, on the way from one to the other, and are weak', async (t) => {
  const middleIsTail = (near: number, middle: number, beyond: number, intensity: number): boolean => {
    const columns = [near, near, near, middle, beyond, beyond, beyond]
    const cloud = emptyCloud(columns.length * 4)
    for (const [column, range] of columns.entries()) {
      for (let ring = 0; ring < 4; ring++) {
        const at = cloud.count++
        const elevation = (ring - 2) * 0.02
        cloud.x[at] = range * Math.cos(elevation) * Math.cos(column * 0.004)
        cloud.y[at] = range * Math.cos(elevation) * Math.sin(column * 0.004)
        cloud.z[at] = 1 + range * Math.sin(elevation)
        cloud.intensity[at] = column === 3 ? intensity : 80
      }
    }
    const tails = new Tails(trackingSettings)
    tails.mark(cloud, unknownViewpoint)
    const marked = [...tails.marked.subarray(0, cloud.count)]
    t.ok(marked.every((mark, at) => mark === 0 || Math.floor(at / 4) === 3), 'a surface is never marked')
    t.ok(Math.abs(tails.step_rad - 0.004) < 0.001 || tails.step_rad === 0)
    return marked.slice(12, 16).every((mark) => mark === 1)
  }
  t.ok(middleIsTail(5, 7, 12, 20))
  t.ok(middleIsTail(12, 9, 5, 20), 'from far to near, too')
  t.notOk(middleIsTail(5, 7, 12, 90), 'what is bright is a thing of its own')
  t.notOk(middleIsTail(5, 5, 12, 20), 'an edge')
  t.notOk(middleIsTail(5, 3, 12, 20), 'what stands before both')
  t.notOk(middleIsTail(5, 5.05, 5.12, 20), 'a rough surface')
})

void t.test('hints go by size, height and speed', async (t) => {
  const { person, cyclist, vehicle, structure, unknown } = classCodes
  const examples: readonly (readonly [number, Parameters<typeof classOf>])[] = [
    [person, [0.4, 0.3, 1.7, 1.6, 0.3, 0, 1]], [person, [0.3, 0.1, 0.3, 0.02, 0, 0, 1.2]], [unknown, [0.3, 0.1, 0.3, 0.02, 0, 0, 0]],
    [unknown, [0.4, 0.3, 1.7, 1.6, 0.3, 0, 9]], [cyclist, [1.7, 0.5, 1.8, 1.8, 0.5, 0, 4]], [vehicle, [1.7, 0.2, 1.45, 1.2, 1.5, 0, 8]],
    [vehicle, [4.3, 1.8, 1.5, 1.3, 2, 0, 0]], [vehicle, [16, 2.5, 2.2, 2, 15, 0.9, 0]], [structure, [25, 0.3, 2, 2, 25, 0, 0]],
    [structure, [0.4, 0.4, 2.2, 2.2, 0.4, 1, 0]], [unknown, [1, 0.6, 0.4, 0.4, 0, 0, 0]],
  ]
  for (const [is, of] of examples) t.equal(classOf(...of), is, of.join(' '))
})

void t.test('the floor is what was seen of it around, and what is overhead is known', async (t) => {
  const floor = new Floor(40)
  floor.look(cloudOf([[10, 0, 0.4], [10.5, 0.5, 0.5]], pointKinds.ground))
  t.ok(Math.abs(floor.heightAt(10, 0) - 0.45) < 1e-6)
  t.ok(Math.abs(floor.heightAt(12.5, 0) - 0.45) < 1e-6, 'next to it')
  t.ok(Number.isNaN(floor.heightAt(-10, 0)), 'not known elsewhere')
  floor.look(cloudOf([[3, 3, 4], [5, 5, -1]], pointKinds.ignored))
  t.ok(floor.isUnder(3, 3))
  t.notOk(floor.isUnder(5, 5), 'what is below is not overhead')
  t.ok(Number.isNaN(floor.heightAt(10, 0)), 'only the newest turn counts')
})

void t.test('two legs of one person become one, two posts do not', async (t) => {
  const sightings = new Sightings(8)
  const add = (x: number, y: number, high: number): void => {
    const at = sightings.count++
    for (const [column, value] of [[sightings.x, x], [sightings.y, y], [sightings.length, 0.15], [sightings.width, 0.1], [sightings.low, 0.3], [sightings.high, high]] as const) column[at] = value
    sightings.points[at] = 6
  }
  add(4, 0, 0.3)
  add(4, 3, 1.5)
  add(4.1, 0.4, 0.3)
  add(4, 3.4, 1.5)
  add(9, 0, 0.3)
  sightings.pairLegs()
  t.equal(sightings.count, 4)
  t.strictSame([sightings.x[0], sightings.points[0]].map((value) => Number(value?.toFixed(2))), [4.05, 12])
})

void t.test('a sensor\'s upward axis is that of its mount', async (t) => {
  const mount = { x: 1, y: 2, z: 3, roll: 0, pitch: 0, yaw: 0 }
  const upOf = (turn: Partial<typeof mount>): number[] => viewpointOf({ ...mount, ...turn }).up.map((value) => Number(value.toFixed(3)) + 0)
  t.strictSame(upOf({}), [0, 0, 1])
  t.strictSame(upOf({ roll: 180 }), [0, 0, -1])
  t.strictSame(upOf({ pitch: 90 }), [1, 0, 0], 'looking down its upward axis is forward')
})

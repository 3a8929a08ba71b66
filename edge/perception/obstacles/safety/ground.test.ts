import fc from 'fast-check'
import t from 'tap'
import { pointKinds } from '../cloud.ts'
import { Column } from './column.ts'
import { GroundFilter } from './ground.ts'
import { type Box, type Post, sensorModels, type Terrain, Yard } from './yard.ts'

// Distances are noisy here: see evidence.test.ts.
fc.configureGlobal({ seed: 8 })

const step_m = 0.06
const slope_deg = 8
const limit = Math.tan((slope_deg * Math.PI) / 180)

interface Found {
  x: number
  y: number
  z: number
  kind: number
}

/** What the filter makes of one turn, a little around straight ahead. */
function classify(name: 'beams16' | 'beams128', height: number, scene: { terrain?: Terrain; posts?: Post[]; boxes?: readonly Box[]; seed?: number; noise_m?: number }, sector_rad = 0.2): Found[] {
  const sensor = sensorModels[name]
  const yard = new Yard({ sensor, mount: { z: height }, within_rad: sector_rad, ...scene })
  yard.posts = scene.posts ?? []
  const filter = new GroundFilter({ step_m, slope_deg }, 2.2)
  const rings = sensor.elevations.length
  const column = new Column(rings)
  const found: Found[] = []
  yard.run(1, ({ columns, distance, x, y, z, angle }) => {
    for (let at = 0; at < columns; at++) {
      if (Math.cos(angle[at]!) < Math.cos(sector_rad)) continue
      column.count = 0
      for (let point = at * rings; point < (at + 1) * rings; point++) {
        if (!(distance[point]! > 0)) continue
        const to = column.count++
        column.x[to] = x[point]!
        column.y[to] = y[point]!
        column.z[to] = z[point]! + height
        column.range[to] = Math.hypot(x[point]!, y[point]!)
        column.kind[to] = pointKinds.obstacle
      }
      filter.classify(column)
      for (let point = 0; point < column.count; point++) found.push({ x: column.x[point]!, y: column.y[point]!, z: column.z[point]!, kind: column.kind[point]! })
    }
  })
  return found
}

const sensor = fc.constantFrom('beams16' as const, 'beams128' as const)
const height = fc.double({ min: 0.5, max: 2, noNaN: true })
const seed = fc.nat()

void t.test('ground up to the slope is no obstacle, wherever it rises or falls', async () => {
  fc.assert(fc.property(sensor, height, fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }), seed, (model, h, along, across, seed) => {
    const steep = Math.hypot(along, across)
    const [a, b] = steep > 1 ? [along / steep, across / steep] : [along, across]
    const found = classify(model, h, { terrain: (x, y) => limit * (a * x + b * y), seed })
    // Now and then noise alone lifts one return above the step.
    return found.filter(({ kind }) => kind === pointKinds.obstacle).length <= 0.002 * found.length
  }), { numRuns: 25, endOnFailure: true })
})

void t.test('a ramp that begins farther on is no obstacle where two beams and more show it', async () => {
  fc.assert(fc.property(sensor, fc.double({ min: 0.7, max: 1.5, noNaN: true }), fc.double({ min: 0.5, max: 5, noNaN: true }), fc.double({ min: 0.3, max: 1, noNaN: true }), seed, (model, h, from, steep, seed) => {
    const found = classify(model, h, { terrain: (x) => Math.max(0, x - from) * limit * steep, seed, noise_m: 0.005 }).filter(({ x }) => x < 12)
    return found.filter(({ kind }) => kind === pointKinds.obstacle).length <= 0.02 * found.length
  }), { numRuns: 20, endOnFailure: true })
})

void t.test('ground that falls away, and levels out, is no obstacle', async () => {
  fc.assert(fc.property(sensor, fc.double({ min: 0.6, max: 1.5, noNaN: true }), fc.double({ min: 0, max: 4, noNaN: true }), fc.double({ min: 1, max: 8, noNaN: true }), fc.double({ min: 0.2, max: 1, noNaN: true }), fc.double({ min: -0.3, max: 0.5, noNaN: true }), seed, (model, h, from, long, steep, then, seed) => {
    // Down, and then on more gently, level, or up.
    const terrain: Terrain = (x) => -limit * steep * (Math.min(long, Math.max(0, x - from)) + then * Math.max(0, x - from - long))
    const found = classify(model, h, { terrain, seed, noise_m: 0.005 }).filter(({ x }) => x < 12)
    return found.filter(({ kind }) => kind === pointKinds.obstacle).length <= 0.02 * found.length
  }), { numRuns: 30, endOnFailure: true })
})

void t.test('of a leg all but its lowest returns are obstacle, at every distance, on level ground and on a slope', async () => {
  fc.assert(fc.property(sensor, fc.double({ min: 0.4, max: 1.2, noNaN: true }), fc.double({ min: 1, max: 10, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), seed, (model, h, x, steep, seed) => {
    const terrain: Terrain = (at) => limit * steep * at
    const foot = terrain(x, 0)
    const found = classify(model, h, { terrain, posts: [{ x, y: 0, radius: 0.055, from_z: foot, to_z: foot + 0.8 }], seed })
    const leg = found.filter((point) => Math.hypot(point.x - x, point.y) < 0.1 && point.z > foot + step_m + 0.05)
    return leg.every(({ kind }) => kind === pointKinds.obstacle)
  }), { numRuns: 30, endOnFailure: true })
})

void t.test('low things are obstacles: a pallet, somebody lying there, a fork', async (t) => {
  const low: [string, Box, number][] = [
    ['pallet', { low: [3, -0.6, 0], high: [4.2, 0.6, 0.145] }, 1],
    ['somebody lying across', { low: [2.8, -0.9, 0], high: [3.2, 0.9, 0.25] }, 1],
    ['a pallet near by', { low: [1.9, -0.6, 0], high: [3.1, 0.6, 0.145] }, 0.5],
  ]
  for (const model of ['beams16', 'beams128'] as const) {
    for (const [name, box, h] of low) {
      const on = classify(model, h, { boxes: [box] }, 0.5).filter(({ x, y, z }) => x > box.low[0] - 0.05 && x < box.high[0] && Math.abs(y) < box.high[1] && z > step_m + 0.03)
      t.ok(on.length > 8, `${name}: ${on.length} returns`)
      t.equal(on.filter(({ kind }) => kind !== pointKinds.obstacle).length, 0, name)
    }
  }
})

void t.test('one return from below makes no obstacle of the ground behind it', async (t) => {
  const filter = new GroundFilter({ step_m, slope_deg }, 2.2)
  const ranges = [3, 4, 5, 6.5, 8, 11]
  for (let low = 0; low < ranges.length; low++) {
    for (const depth of [0.1, 0.3, 0.6, 2]) {
      const column = columnOf(ranges.map((range, at) => [range, at === low ? -depth : 0]))
      filter.classify(column)
      t.notOk(column.kind.slice(0, column.count).includes(pointKinds.obstacle), `${depth} m below at ${ranges[low]} m`)
    }
  }
  t.ok(filter.below > 0, 'what lies below is counted')
})

void t.test('beam after beam cannot climb what stands upright', async () => {
  fc.assert(fc.property(fc.double({ min: 0.5, max: 20, noNaN: true }), fc.integer({ min: 3, max: 100 }), fc.double({ min: 0, max: 0.02, noNaN: true }), (range, beams, noise) => {
    const column = columnOf(Array.from({ length: beams }, (_, beam) => [range + (beam % 2) * noise, beam * 0.012]))
    new GroundFilter({ step_m, slope_deg }, 2.2).classify(column)
    return column.z.slice(0, column.count).every((z, at) => z <= step_m + 0.02 || column.kind[at] === pointKinds.obstacle)
  }))
})

void t.test('a flat scanner has only the height, and what is above the roof is ignored', async (t) => {
  const filter = new GroundFilter({ step_m, slope_deg }, 2.2)
  const kindOf = (range: number, z: number) => {
    const column = columnOf([[range, z]])
    filter.classify(column)
    return column.kind[0]
  }
  t.equal(kindOf(5, 0.3), pointKinds.obstacle)
  t.equal(kindOf(5, 0.03), pointKinds.ground)
  t.equal(kindOf(0.1, 0.3), pointKinds.obstacle)
  t.equal(kindOf(5, 2.3), pointKinds.ignored)
  t.equal(kindOf(5, 2.1), pointKinds.obstacle)
  t.equal(kindOf(5, -3), pointKinds.ignored)
})

void t.test('any column of any numbers is borne', async () => {
  const any = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1e10, -1e10, Number.MIN_VALUE))
  fc.assert(fc.property(fc.array(fc.tuple(any, any), { maxLength: 128 }), (points) => {
    const column = columnOf(points)
    const ground = new GroundFilter({ step_m, slope_deg }, 2.2).classify(column)
    return ground >= 0 && ground <= points.length
  }))
})

function columnOf(points: readonly (readonly number[])[]): Column {
  const column = new Column(points.length)
  points.forEach(([range, z], at) => {
    column.range[at] = range!
    column.x[at] = range!
    column.z[at] = z!
  })
  column.count = points.length
  return column
}

import fc from 'fast-check'
import t from 'tap'
import { Column } from './column.ts'
import { FieldMap } from './fields.ts'
import { poseOf, withAxes } from './pose.ts'
import { coverage, gridAround, rasterise } from './raster.ts'
import { isInside, seeded } from './yard.ts'

const coordinate = fc.double({ min: -10, max: 10, noNaN: true })
const polygon = fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 8 })
const square = [[0, -1], [2, -1], [2, 1], [0, 1]]

void t.test('a cell that a polygon touches counts, one that is not all inside is no inside', async (t) => {
  fc.assert(fc.property(polygon, coordinate, coordinate, (outline, x, y) => {
    const grid = gridAround([outline, [[-10, -10], [10, 10], [10, -10]]], 0.25, 0.1, 1 << 20)
    const cells = rasterise(outline, grid)
    const [column, row] = [Math.floor((x - grid.x0) / grid.cell_m), Math.floor((y - grid.y0) / grid.cell_m)]
    const covered = cells[row * grid.width + column]
    if (isInside(outline, x, y)) return covered !== coverage.none
    return covered !== coverage.inside
  }), { numRuns: 500 })
  // On the outline itself: corners and places between them.
  fc.assert(fc.property(polygon, fc.nat(7), fc.double({ min: 0, max: 1, noNaN: true }), (outline, at, share) => {
    const grid = gridAround([outline], 0.05, 0.1, 1 << 20)
    const cells = rasterise(outline, grid)
    const [ax, ay] = outline[at % outline.length]!
    const [bx, by] = outline[(at + 1) % outline.length]!
    const [x, y] = [ax + share * (bx - ax), ay + share * (by - ay)]
    return cells[Math.floor((y - grid.y0) / grid.cell_m) * grid.width + Math.floor((x - grid.x0) / grid.cell_m)] === coverage.edge
  }), { numRuns: 300 })
  t.equal(isInside(square, 1, 0), true)
  t.equal(isInside(square, 2.01, 0), false)
  t.equal(isInside([[0, 0], [4, 0], [4, 4], [1, 4], [1, 1], [3, 1], [3, 3], [0, 3]], 2, 2), true, 'what the outline goes round twice is inside')
})

void t.test('fields, halo and body are found in one look-up', async (t) => {
  const field = { name: 'a', speed_mps: [0, 1], steering_deg: [-90, 90], load: ['empty' as const], limit_mps: 0.5 }
  const map = new FieldMap({ fields: [{ ...field, stop: square, slow: [[0, -1], [4, -1], [4, 1], [0, 1]] }, { ...field, stop: [[3, -1], [4, -1], [4, 1], [3, 1]] }], body: [[[-1, -0.5], [0.33, -0.5], [0.33, 0.5], [-1, 0.5]]] }, 0.2)
  const zoneAt = (x: number, y: number): number => map.zones[Math.floor((y - map.y0) / map.cell_m) * map.width + Math.floor((x - map.x0) / map.cell_m)]!
  const at = (x: number, y: number) => ({ stop: map.stop[zoneAt(x, y)], slow: map.slow[zoneAt(x, y)], counts: map.counts[zoneAt(x, y)], body: map.body[zoneAt(x, y)] })
  t.strictSame(at(1, 0), { stop: 1, slow: 1, counts: 1, body: coverage.none })
  t.strictSame(at(2, 0), { stop: 1, slow: 1, counts: 1, body: coverage.none }, 'the edge belongs to the field')
  t.strictSame(at(2.5, 0), { stop: 0, slow: 1, counts: 1, body: coverage.none })
  t.strictSame(at(3.5, 0), { stop: 2, slow: 1, counts: 1, body: coverage.none })
  t.strictSame(at(4.15, 0), { stop: 0, slow: 0, counts: 1, body: coverage.none }, 'the halo')
  t.strictSame(at(0.1, 0), { stop: 1, slow: 1, counts: 1, body: coverage.inside })
  t.strictSame(at(-0.5, 0), { stop: 0, slow: 0, counts: 0, body: coverage.inside })
  t.equal(at(0.33, 0).body, coverage.edge)
  const column = new Column(2)
  column.x.set([0.32, 0.34])
  t.strictSame([map.isBody(column, 0), map.isBody(column, 1)], [true, false], 'at its edge the outline itself decides')
})

void t.test('whatever the outline of the body, what is inside of it is body', async () => {
  const field = { name: 'a', speed_mps: [0, 1], steering_deg: [-90, 90], load: ['empty' as const], limit_mps: 0.5, stop: square }
  fc.assert(fc.property(fc.array(polygon, { minLength: 1, maxLength: 3 }), coordinate, coordinate, (body, x, y) => {
    const map = new FieldMap({ fields: [field], body }, 0.2)
    const column = new Column(1)
    column.x[0] = x
    column.y[0] = y
    return map.isBody(column, 0) === body.some((outline) => isInside(outline, x, y))
  }), { numRuns: 100 })
})

void t.test('fields that make too many combinations are refused', async (t) => {
  const shape = { name: 'a', speed_mps: [0, 1], steering_deg: [-90, 90], load: ['empty' as const], limit_mps: 0.5 }
  // Combs with uneven teeth along x and along y: nearly every cell is in another combination.
  const random = seeded(1)
  const comb = () => {
    const edges = Array.from({ length: 16 }, () => random() * 28).sort((a, b) => a - b)
    return Array.from({ length: 32 }, (_, at) => [edges[at >> 1]!, at % 4 === 0 || at % 4 === 3 ? 0 : 28])
  }
  const fields = Array.from({ length: 32 }, () => ({ ...shape, stop: comb(), slow: comb().map(([x, y]) => [y!, x!]) }))
  t.throws(() => new FieldMap({ fields, body: [square] }, 0.2), { code: 'PC-OBSTACLES-FIELDS' })
  t.doesNotThrow(() => new FieldMap({ fields: fields.slice(0, 8), body: [square] }, 0.2))
})

void t.test('a mount turns points as it says: yaw, then pitch, then roll', async (t) => {
  const turn = (pose: Float64Array, [x, y, z]: readonly [number, number, number]) =>
    [0, 1, 2].map((row) => Math.round(1_000 * (pose[3 * row]! * x + pose[3 * row + 1]! * y + pose[3 * row + 2]! * z + pose[9 + row]!)) / 1_000)
  const at = { x: 1, y: 2, z: 3, roll: 0, pitch: 0, yaw: 0 }
  t.strictSame(turn(poseOf({ ...at, yaw: 90 }), [1, 0, 0]), [1, 3, 3], 'to the left')
  t.strictSame(turn(poseOf({ ...at, pitch: 90 }), [1, 0, 0]), [1, 2, 2], 'down')
  t.strictSame(turn(poseOf({ ...at, roll: 180 }), [0, 1, 1]), [1, 1, 2], 'upside down')
  t.strictSame(turn(poseOf({ ...at, yaw: 90, pitch: 90 }), [1, 0, 0]), [1, 2, 2])
  t.strictSame(turn(withAxes(poseOf(at), 1, -1, -1), [1, 1, 1]), turn(poseOf({ ...at, roll: 180 }), [1, 1, 1]))
})

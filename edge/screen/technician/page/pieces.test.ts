import * as fc from 'fast-check'
import t from 'tap'
import { pointKinds } from '../../../perception/obstacles/cloud.ts'
import { argumentsOf } from './arguments.ts'
import { groundPlane, seesPart } from './ground-plane.ts'
import { History } from './history.ts'

void t.test('a plane is found as it lies, and none where there is none', (t) => {
  const cloudOf = (points: readonly (readonly [number, number, number])[]) => ({
    source: 0, count: points.length, xyz: Int16Array.from(points.flat()), kind: new Uint8Array(points.length).fill(pointKinds.ground), intensity: new Uint8Array(points.length),
  })
  fc.assert(fc.property(fc.double({ min: -10, max: 10, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true }), (height, pitch, roll) => {
    const z = (x: number, y: number): number => height - Math.tan((pitch * Math.PI) / 180) * x + Math.tan((roll * Math.PI) / 180) * y
    const points = Array.from({ length: 400 }, (_, at) => [100 + (at % 20) * 20, Math.floor(at / 20) * 20 - 200] as const)
    const found = groundPlane(cloudOf(points.map(([x, y]) => [x, y, Math.round(z(x, y))])))
    // Whole centimetres over 4 m: a faint slope is one step.
    return found !== undefined && Math.abs(found.height_m * 100 - height) < 1.7 && Math.abs(found.pitch_deg - pitch) < 0.25 && Math.abs(found.roll_deg - roll) < 0.25
  }))
  t.equal(groundPlane(cloudOf([])), undefined)
  const mast = [[-1.32, 0.38], [-1.08, 0.38], [-1.08, 0.62], [-1.32, 0.62]] as const
  const seen = (x: number, y: number, kind: number = pointKinds.body): boolean => seesPart({ ...cloudOf([[x, y, 90]]), kind: Uint8Array.of(kind) }, mast)
  t.strictSame([seen(-120, 50), seen(-104, 50), seen(-100, 50), seen(-120, 36), seen(120, 50)], [true, true, false, true, false])
  t.notOk(seen(-120, 50, pointKinds.ground))
  t.equal(groundPlane(cloudOf(Array.from({ length: 400 }, (_, at) => [at, 2 * at, 0]))), undefined, 'a line is no plane')
  t.end()
})

void t.test('arguments are what their schemas want', (t) => {
  const args = { required: ['count', 'kind', 'on'], properties: { count: { type: 'integer' }, kind: { enum: ['a', 7] }, on: { type: 'boolean' }, note: { type: 'string' }, more: { type: 'object' } } }
  const given = (values: Record<string, string | boolean>) => argumentsOf(args, (name) => values[name] ?? '')
  t.strictSame(given({ count: '3', kind: '7', on: false, note: ' x', more: '{"a":1}' }), { args: { count: 3, kind: 7, on: false, note: ' x', more: { a: 1 } } })
  t.match(given({ kind: 'a', on: true }), { wrong: 'count is missing.' })
  t.match(given({ count: 'x', kind: 'a', on: true }), { wrong: 'count is not a number.' })
  t.match(given({ count: '1', kind: 'a', on: true, more: '{' }), { wrong: 'more is not JSON.' })
  t.end()
})

void t.test('a history keeps the last minutes, bounded', (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })), { minLength: 1, maxLength: 900 }), (steps) => {
    const history = new History()
    let at = 0
    for (const [after, value] of steps) history.add(at += after, value)
    const path = history.path(120, 26, at)
    const numbers = [...path.matchAll(/-?\d+(?:\.\d+)?/g)].map(([number]) => Number(number))
    return numbers.length <= 2 * 600 + 3 && numbers.every((number) => number >= 0 && number <= 120)
  }))
  t.end()
})

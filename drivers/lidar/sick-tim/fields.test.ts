import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ascii, concat, fromHex } from '../../../edge/base/bytes.ts'
import { colaFramer } from './cola.ts'
import { encodeField, encodeResults } from './encode.ts'
import { type Field, FieldEvaluation, type FieldState, parseField } from './fields.ts'
import { nameInSet, parseInputs, parseResults, setOfInputs, setOfResults } from './results.ts'

const segmented = (index: number, ...corners: [angle_deg: number, near_mm: number, far_mm: number][]): Field => ({
  index, name: `Field${index}`, incomplete: false, shapes: [{ kind: 'segmented', corners: corners.map(([angle_deg, near_mm, far_mm]) => ({ angle_deg, near_mm, far_mm })) }],
})
const rectangle = (angle_deg: number, distance_mm: number, turned_deg: number, width_mm: number, length_mm: number): Field => ({
  index: 5, name: 'Box', incomplete: false, shapes: [{ kind: 'rectangle', corner: { angle_deg, distance_mm }, turned_deg, width_mm, length_mm }],
})

void t.test('field geometries as a TiM871S sent them', (t) => {
  // Recorded (SICKAG/sick_scan_xd, test/emulator/scandata); the layout: its sick_generic_field_mon.
  const configured = concat([ascii('sRA field001 '), fromHex('3f800000 00000000 00000d05 fff92230 02 02 0001 0002 00f6 ffff 00fa 0195 ffff 012c 0000 0000 0000 0001 0008'), ascii('Field002'), fromHex('0000')])
  t.strictSame(parseField(configured), {
    index: 1, name: 'Field002', incomplete: false,
    shapes: [{ kind: 'segmented', corners: [{ angle_deg: 246 * 0.3333 - 45, near_mm: 0, far_mm: 250 }, { angle_deg: 405 * 0.3333 - 45, near_mm: 0, far_mm: 300 }] }],
  })
  const empty = concat([ascii('sRA field000 '), fromHex('3f800000 00000000 00000d05 fff92230 02 01 0001 0000 0000 0000 0000 0001 0008'), ascii('Field001'), fromHex('0000')])
  t.strictSame(parseField(empty), { index: 0, name: 'Field001', incomplete: false, shapes: [] })
  t.equal(parseField(configured.subarray(0, 40)), undefined)
  t.equal(parseField(ascii('sRA fieldXYZ ')), undefined)
  t.end()
})

void t.test('rectangles, dynamic and radial fields by their public description', (t) => {
  const head = fromHex('3f800000 00000000 00000d05 fff92230')
  // Corner at 135 degrees (counted from -45) and 1000 mm, turned by -15 degrees, 800 mm wide, 2000 mm long.
  const box = fromHex('00 1b7740 03e8 fffdb610 00000320 000007d0')
  const shape = { kind: 'rectangle', corner: { angle_deg: 135, distance_mm: 1_000 }, turned_deg: -15, width_mm: 800, length_mm: 2_000 } as const
  t.strictSame(parseField(concat([ascii('sRA field005 '), head, fromHex('01 06 0000 0001'), box, fromHex('0000 0000 0000 0000')]))?.shapes, [shape])
  t.strictSame(parseField(concat([ascii('sRA field005 '), head, fromHex('03 06 0000 0000 0000 0001'), box, fromHex('03e8 00000bb8 0000 0000')]))?.shapes,
    [{ ...shape, length_mm: 3_000 }], 'a dynamic field counts at its longest')
  t.strictSame(parseField(concat([ascii('sRA field005 '), head, fromHex('00 06 0000 0000 0001 1234 5678 9abc')])), { index: 5, name: '', incomplete: true, shapes: [] },
    'the form of a radial part is not public: the field is known to be incomplete')
  fc.assert(fc.property(
    fc.integer({ min: -45, max: 225 }), fc.nat(20_000), fc.integer({ min: -180, max: 180 }), fc.nat(10_000), fc.nat(10_000),
    (angle, away, turned, width, length) => {
      const field = rectangle(angle, away, turned, width, length)
      assert.deepEqual(parseField(encodeField(field)), field)
    }), { numRuns: 50 })
  t.end()
})

/** What a field says when only one beam, at `angle_deg`, ends at `away_mm`. */
function stateOf(field: Field, angle_deg: number, away_mm: number): FieldState {
  const evaluation = new FieldEvaluation([field], { start_deg: angle_deg, step_deg: 0.3333, count: 1 })
  assert.equal(evaluation.state(field.index), 'unknown', 'nothing was seen yet')
  evaluation.evaluate(Float32Array.of(away_mm / 1_000))
  return evaluation.state(field.index)
}

void t.test('segmented fields: straight lines between corners, borders belong to the field', (t) => {
  const field = segmented(1, [45, 0, 1_000], [135, 0, 1_000])
  const middle = 1_000 * Math.SQRT1_2
  t.equal(stateOf(field, 45, 1_000), 'infringed', 'the corner itself')
  t.equal(stateOf(field, 45, 1_001), 'free')
  t.equal(stateOf(field, 90, Math.floor(middle)), 'infringed')
  t.equal(stateOf(field, 90, Math.ceil(middle)), 'free', 'a straight line, no arc')
  t.equal(stateOf(field, 44.9, 100), 'free', 'outside its angles')
  t.equal(stateOf(field, 90, 0), 'free', 'nothing came back')
  const ring = segmented(1, [0, 500, 1_000], [30, 500, 1_000], [60, 500, 2_000])
  t.equal(stateOf(ring, 30, 499), 'free', 'nearer than its inner border')
  t.equal(stateOf(ring, 30, 500), 'infringed')
  t.equal(stateOf(ring, 60, 2_000), 'infringed')
  t.equal(stateOf({ ...field, shapes: [] }, 90, 100), 'unknown', 'not configured')
  t.equal(stateOf({ ...field, incomplete: true }, 90, 100), 'unknown')
  t.end()
})

void t.test('rectangles: from the corner to the right and ahead, turned about it', (t) => {
  // Straight ahead 1 m away begins a square of 1 m: its corner is at its left (width runs to +x).
  const square = rectangle(90, 1_000, 0, 1_000, 1_000)
  t.equal(stateOf(square, 90, 999), 'free')
  t.equal(stateOf(square, 90, 1_000), 'infringed')
  t.equal(stateOf(square, 90, 2_000), 'infringed')
  t.equal(stateOf(square, 90, 2_001), 'free')
  t.equal(stateOf(square, 89, 1_500), 'infringed', 'to the right')
  t.equal(stateOf(square, 91, 1_500), 'free', 'to the left')
  const turned = rectangle(90, 1_000, 90, 1_000, 1_000)
  t.equal(stateOf(turned, 91, 1_500), 'infringed', 'a quarter turn puts it to the left')
  t.equal(stateOf(turned, 89, 1_500), 'free')
  const around = rectangle(225, 1_414, 0, 2_000, 2_000)
  for (const angle of [-45, 0, 60, 135, 200, 225]) t.equal(stateOf(around, angle, 900), 'infringed', `the sensor stands in it, ${angle} degrees`)

  fc.assert(fc.property(
    fc.record({ angle: fc.integer({ min: -45, max: 225 }), away: fc.integer({ min: 0, max: 3_000 }), turned: fc.integer({ min: -180, max: 180 }), width: fc.integer({ min: 1, max: 3_000 }), length: fc.integer({ min: 1, max: 3_000 }) }),
    fc.integer({ min: -45, max: 225 }), fc.integer({ min: 16, max: 5_000 }),
    ({ angle, away, turned, width, length }, beam_deg, beam_mm) => {
      const [a, b, r] = [angle, beam_deg, turned].map((degrees) => (degrees * Math.PI) / 180) as [number, number, number]
      const x = beam_mm * Math.cos(b) - away * Math.cos(a)
      const y = beam_mm * Math.sin(b) - away * Math.sin(a)
      const right = x * Math.cos(r) + y * Math.sin(r)
      const ahead = -x * Math.sin(r) + y * Math.cos(r)
      const edges = [right, width - right, ahead, length - ahead]
      fc.pre(edges.every((edge) => Math.abs(edge) > 1))
      assert.equal(stateOf(rectangle(angle, away, turned, width, length), beam_deg, beam_mm), edges.every((edge) => edge > 0) ? 'infringed' : 'free')
    }), { numRuns: 300 })
  t.end()
})

void t.test('a segmented field is the polygon of its corners', (t) => {
  const corner = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 50, max: 4_000 }))
  fc.assert(fc.property(fc.array(corner, { minLength: 2, maxLength: 6 }), fc.integer({ min: -45, max: 225 }), fc.integer({ min: 16, max: 4_000 }), (steps, beam_deg, beam_mm) => {
    let angle = -45
    const corners = steps.map(([step, far]) => ({ angle_deg: (angle += step), far }))
    fc.pre(angle <= 225)
    const polygon = [{ x: 0, y: 0 }, ...corners.map(({ angle_deg, far }) => pointAt(angle_deg, far))]
    const point = pointAt(beam_deg, beam_mm)
    fc.pre(polygon.every((from, index) => distanceToLine(point, from, polygon[(index + 1) % polygon.length] ?? from) > 1))
    const field = segmented(1, ...corners.map(({ angle_deg, far }): [number, number, number] => [angle_deg, 0, far]))
    assert.equal(stateOf(field, beam_deg, beam_mm), isInside(point, polygon) ? 'infringed' : 'free')
  }), { numRuns: 500 })
  t.end()
})

interface Point {
  x: number
  y: number
}
function pointAt(angle_deg: number, away: number): Point {
  return { x: away * Math.cos((angle_deg * Math.PI) / 180), y: away * Math.sin((angle_deg * Math.PI) / 180) }
}

/** Even-odd rule. */
function isInside({ x, y }: Point, polygon: readonly Point[]): boolean {
  return polygon.reduce((inside, from, index) => {
    const to = polygon[(index + 1) % polygon.length] ?? from
    return from.y > y !== to.y > y && x < ((to.x - from.x) * (y - from.y)) / (to.y - from.y) + from.x ? !inside : inside
  }, false)
}

function distanceToLine({ x, y }: Point, from: Point, to: Point): number {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const along = Math.max(0, Math.min(1, ((x - from.x) * (to.x - from.x) + (y - from.y) * (to.y - from.y)) / length ** 2))
  return Math.hypot(x - from.x - along * (to.x - from.x), y - from.y - along * (to.y - from.y))
}

void t.test('response time and blanking: in the same place for long enough, and wide enough', (t) => {
  const field = segmented(0, [-45, 0, 1_000], [0, 0, 1_000], [45, 0, 1_000])
  const beams = { start_deg: -45, step_deg: 1, count: 90 }
  const scan = (...hits: number[]) => Float32Array.from({ length: 90 }, (_, beam) => (hits.includes(beam) ? 0.5 : 5))
  const twice = new FieldEvaluation([field], beams, { scans: 2, blanking_mm: 0 })
  const seen = (evaluation: FieldEvaluation, distance: Float32Array) => {
    evaluation.evaluate(distance)
    return evaluation.state(0)
  }
  t.equal(seen(twice, scan(10)), 'free', 'once')
  t.equal(seen(twice, scan(40)), 'free', 'elsewhere')
  t.equal(seen(twice, scan(40)), 'infringed', 'twice in the same place')
  t.equal(seen(twice, scan()), 'free')
  const wide = new FieldEvaluation([field], beams, { scans: 1, blanking_mm: 20 })
  t.equal(seen(wide, scan(10, 11)), 'free', '17 mm')
  t.equal(seen(wide, scan(10, 30, 50)), 'free', 'not side by side')
  t.equal(seen(wide, scan(10, 11, 12)), 'infringed', '26 mm')
  t.end()
})

void t.test('results of the sensor: a telegram as SICK\'s driver documents it', (t) => {
  // A TiM781S's, quoted in the comments of SICKAG/sick_scan_xd, sick_scan_messages.cpp.
  const field = (place: string, result: string, time: string) => `0001 ${place} 00000000 3f800000 00000000 00000d05 fff92230 ${result} 0000 0000 0000 0001 07b2 01 01 ${time}`
  const bytes = fromHex(`02020202 0000008e 73534e204c464572656320 0003 ${field('01', '00', '08332e 0009ac90')} ${field('02', '01', '083402 00069f50')} ${field('03', '01', '083335 0009ac90')} ac`)
  const [payload] = colaFramer().push(bytes)
  t.ok(payload, 'its check sum is right')
  const at = (hours: number, minutes: number, seconds: number, us: number) => Date.UTC(1970, 0, 1, hours, minutes, seconds) * 1_000 + us
  t.strictSame(parseResults(payload ?? ascii('')), [
    { place: 1, state: 'unknown', date_us: at(8, 51, 46, 634_000) },
    { place: 2, state: 'free', date_us: at(8, 52, 2, 434_000) },
    { place: 3, state: 'free', date_us: at(8, 51, 53, 634_000) },
  ])
  for (let length = 11; length < (payload?.length ?? 0); length++) t.equal(parseResults((payload ?? ascii('')).subarray(0, length)), undefined)
  t.end()
})

void t.test('results: what is written is read, with and without dates, and with an LMS5xx\'s place of infringement', (t) => {
  const state = fc.constantFrom<FieldState>('unknown', 'free', 'infringed')
  const result = fc.record({ place: fc.integer({ min: 1, max: 48 }), state, date_us: fc.oneof(fc.constant(Number.NaN), fc.integer({ min: 0, max: 2_000_000_000_000_000 })) }, { noNullPrototype: true })
  fc.assert(fc.property(fc.array(result, { maxLength: 48 }), fc.constantFrom('sSN', 'sRA'), (results, kind) => {
    assert.deepEqual(parseResults(encodeResults(results, kind)), results)
  }), { numRuns: 100 })
  const withPlace = concat([ascii('sSN LFErec '), fromHex('0001 0001 01 00000000 3f800000 00000000 00001388 fffff3b0 02 0001 0002 0003'), new Uint8Array(15).fill(7), fromHex('0000')])
  t.strictSame(parseResults(withPlace), [{ place: 1, state: 'infringed', date_us: Number.NaN }])
  t.strictSame(parseResults(ascii('sSN LFErec \0\0')), [], 'a sensor without evaluation cases')
  for (const [number, states] of [[0, 'unknown'], [1, 'free'], [2, 'infringed'], [3, 'unknown']] as const) {
    const one = concat([ascii('sSN LFErec '), fromHex('0001 0001 02 00000000 3f800000 00000000 00000d05 fff92230'), Uint8Array.of(number), fromHex('0000 0000 0000 0000')])
    t.match(parseResults(one), [{ place: 2, state: states }], `result ${number}`)
  }
  t.equal(parseResults(ascii('sEA LFErec \x01')), undefined)
  t.end()
})

void t.test('the set that is active: by the inputs, or the only one that the results can be about', (t) => {
  t.strictSame([0, 1, 8, 15, 0xf3].map(setOfInputs), [1, 2, 9, 16, 4])
  const told = (states: string) => parseInputs(concat([ascii('sSN LIDinputstate '), fromHex(`0001 00000007 ${states} 0000`)]))
  t.strictSame([told('00000000'), told('01000000'), told('00020001'), told('01010101')], [0, 1, 8, 15], 'by the telegram that tells of the inputs')
  t.strictSame([parseInputs(ascii('sSN LIDinputstate \0\x01')), parseInputs(ascii('sSN LFErec \0\0'))], [undefined, undefined])
  t.strictSame([0, 2, 3, 47].map(nameInSet), ['set1.field1', 'set1.field3', 'set2.field1', 'set16.field3'])
  const fields = [segmented(1, [0, 0, 1], [1, 0, 1]), segmented(2, [0, 0, 1], [1, 0, 1]), segmented(6, [0, 0, 1], [1, 0, 1])]
  const results = (...states: FieldState[]) => states.map((state, index) => ({ place: index + 1, state, date_us: Number.NaN }))
  t.equal(setOfResults(results('unknown', 'free', 'infringed'), fields, 1), 1)
  t.equal(setOfResults(results('unknown', 'free', 'infringed'), fields, 16), 1, 'set 16 has no fields')
  t.equal(setOfResults(results('free', 'unknown', 'unknown'), fields, 1), 3)
  t.equal(setOfResults(results('free', 'free', 'free'), fields, 2), 2, 'none fits: what is said stands')
  t.equal(setOfResults(results('unknown', 'unknown', 'free'), fields, 1), 1, 'a field whose evaluation says nothing')
  t.equal(setOfResults(results('unknown', 'unknown', 'free'), fields, 3), 1, 'the only set that has such a field')
  t.end()
})

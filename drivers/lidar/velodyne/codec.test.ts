import fc from 'fast-check'
import t, { type Test } from 'tap'
import { fromHex } from '../../../edge/base/bytes.ts'
import { PointBlock, returnKinds } from '../../../edge/device/points.ts'
import type { Surroundings } from '../encoder.ts'
import { blocks, hour_us, packetBytes, packetPeriod_us, type ReturnMode, VelodyneDecoder } from './codec.ts'
import { lasersOf, type VelodyneModel, vlp16, vlp32c } from './model.ts'
import { VelodyneEncoder } from './twin.ts'

const degrees = (radians: number): number => (radians * 180) / Math.PI
const blockFor = (decoder: VelodyneDecoder): PointBlock => new PointBlock(decoder.columnsMax, decoder.rings)
const near = (t: Test, found: number | undefined, wanted: number, within: number, what: string): void =>
  void t.ok(Math.abs((found ?? NaN) - wanted) <= within, `${what}: ${found}, wanted ${wanted}`)

/** A data packet written out by hand: of each block the azimuth and the points that are not empty, as (place, distance, reflectivity). */
function packetOf(content: readonly { azimuth: number; points?: readonly (readonly [place: number, distance: number, reflectivity: number])[] }[], time_us: number, factory: string): Uint8Array {
  const le = (value: number, bytes: number): string => Array.from({ length: bytes }, (_, at) => (Math.floor(value / 256 ** at) % 256).toString(16).padStart(2, '0')).join('')
  const body = content.map(({ azimuth, points = [] }) => {
    const places = Array.from({ length: 32 }, () => '000000')
    for (const [place, distance, reflectivity] of points) places[place] = le(distance, 2) + le(reflectivity, 1)
    return `ffee${le(azimuth, 2)}${places.join('')}`
  })
  return fromHex(body.join('') + le(time_us, 4) + factory)
}
const turning = (start: number, step: number, points: Record<number, readonly (readonly [number, number, number])[]> = {}) =>
  Array.from({ length: blocks }, (_, at) => ({ azimuth: (start + step * at) % 36_000, points: points[at] ?? [] }))

void t.test('a VLP-16 packet by hand: both firing sequences of a block, ring order, units, time (63-9243, 9.3 to 9.5)', async (t) => {
  const decoder = new VelodyneDecoder(vlp16)
  const block = blockFor(decoder)
  // Block 0 at 0.00 degrees: laser 0 (-15) at 2.000 m; in the second sequence laser 15 (+15) at 4.000 m. Block 3: laser 1 (+1) at 10 m.
  const packet = packetOf(turning(0, 40, { 0: [[0, 1000, 7], [31, 2000, 255]], 3: [[1, 5000, 50]] }), 123_456_789, '3722')
  t.equal(decoder.decode(packet, block), 'points')
  t.match(block, { columns: 24, rings: 16, start_us: 123_456_789, turn: 0, turnAt: -1, lost: 0 })
  t.strictSame([...decoder.elevations].map((angle) => Math.round(degrees(angle))), [-15, -13, -11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11, 13, 15])
  near(t, block.x[0], 1.931_852, 1e-6, 'x of laser 0')
  near(t, block.y[0], 0, 1e-6, 'y of laser 0')
  near(t, block.z[0], -0.517_638 + 0.0112, 1e-6, 'z of laser 0, which sits 11.2 mm above the origin')
  t.equal(block.intensity[0], 7)
  // Laser 15 of the second sequence fires 55.296 + 15 x 2.304 us after the block: 40 x 89.856 / 110.592 = 32.5 hundredths on, clockwise.
  const second = 1 * 16 + 15
  near(t, degrees(Math.atan2(block.y[second] ?? 0, block.x[second] ?? 0)), -0.33, 1e-4, 'azimuth of laser 15, rounded as the wire does')
  near(t, block.distance[second], 4, 1e-6, 'its distance')
  near(t, block.offset_us[second], 89.856, 1e-4, 'its time')
  t.equal(block.intensity[second], 255)
  const third = 6 * 16 + 8
  near(t, degrees(Math.atan2(block.y[third] ?? 0, block.x[third] ?? 0)), -1.21, 1e-4, 'laser 1 of block 3 is in ring 8, 1/48 of a step on')
  near(t, block.offset_us[third], 6 * 55.296 + 2.304, 1e-3, 'its time')
  t.equal(block.returnOf[0], returnKinds.strongest)
  near(t, degrees(block.angle[1] ?? 0), 359.8, 1e-4, 'the second column is half a step on')
  t.equal([...block.distance].filter((distance) => distance > 0).length, 3, 'nothing else is seen')
})

void t.test('a VLP-32C packet by hand: laser offsets, pairs that fire together, 4 mm (63-9325, 9.3 to 9.5)', async (t) => {
  const decoder = new VelodyneDecoder(vlp32c)
  const block = blockFor(decoder)
  // Block 0 at 90.00 degrees: laser 0 (-25, +1.4) at 10 m, laser 29 (+15, -1.4) at 20 m; laser 5 (0, -1.4) in block 11.
  const packet = packetOf(turning(9000, 20, { 0: [[0, 2500, 1], [29, 5000, 2]], 11: [[5, 250, 3]] }), 5, '3828')
  t.equal(decoder.decode(packet, block), 'points')
  t.match(block, { columns: 12, rings: 32, start_us: 5 })
  const place = (index: number) => ({ azimuth: (360 - degrees(Math.atan2(block.y[index] ?? 0, block.x[index] ?? 0))) % 360, elevation: degrees(Math.atan2(block.z[index] ?? 0, Math.hypot(block.x[index] ?? 0, block.y[index] ?? 0))) })
  near(t, place(0).azimuth, 91.4, 1e-4, 'laser 0 looks 1.4 degrees ahead of the block')
  near(t, place(0).elevation, -25, 1e-4, 'and 25 degrees down')
  near(t, block.distance[0], 10, 1e-6, 'in units of 4 mm')
  // Laser 29 is in the fifteenth pair: 14 x 2.304 us, 20 x 32.256 / 55.296 = 11.7 hundredths.
  near(t, place(31).azimuth, 90.12 - 1.4, 1e-4, 'laser 29 is the highest ring, and fired later')
  near(t, place(31).elevation, 15, 1e-4, 'it looks up')
  near(t, block.offset_us[31], 32.256, 1e-4, 'its time')
  const last = 11 * 32 + [...lasersOf(vlp32c)].filter(({ elevation }) => elevation < 0).length
  near(t, place(last).azimuth, 92.2 + 0.02 - 1.4, 1e-4, 'the last block turns on by the step before it (2 x 2.304 us: 1.7 hundredths)')
  near(t, block.z[last], 0, 1e-9, 'laser 5 looks level')
  t.equal(block.returnOf[0], returnKinds.last)
  t.strictSame([...decoder.elevations], [...decoder.elevations].sort((a, b) => a - b))
})

void t.test('dual returns: the pair\'s echoes are told apart, equal ones told once (9.3.2)', async (t) => {
  const decoder = new VelodyneDecoder(vlp16)
  const block = blockFor(decoder)
  const pairs = Array.from({ length: blocks }, (_, at) => ({ azimuth: 35_900 + (at >> 1) * 40 >= 36_000 ? (at >> 1) * 40 - 100 : 35_900 + (at >> 1) * 40, points: [[0, 1000, 1], [2, at % 2 === 0 ? 5000 : 3000, 2], [4, at % 2 === 0 ? 0 : 700, 3]] as const }))
  t.equal(decoder.decode(packetOf(pairs, 0, '3922'), block), 'points')
  t.match(block, { columns: 24, turn: 0, turnAt: 12 }, 'the azimuth passes zero in the fourth pair')
  t.strictSame([...block.returnOf.subarray(0, 4)], [returnKinds.last, returnKinds.strongest, returnKinds.last, returnKinds.strongest])
  const seen = (column: number) => [0, 1, 2].map((ring) => Math.round((block.distance[column * 16 + ring] ?? 0) * 1000))
  t.strictSame(seen(0), [2000, 10_000, 0], 'last returns')
  t.strictSame(seen(1), [0, 6000, 1400], 'the strongest where they differ')
  t.equal(block.angle[0], block.angle[1], 'both returns are of one angle')
  near(t, block.offset_us[23 * 16], 11 * 55.296, 1e-3, 'six pairs of two sequences')
  t.equal(Math.round(decoder.beamsPerSecond), 578_704)
})

/** A world without edges: what is seen hardly changes from one hundredth of a degree to the next. */
const smooth = (phase: number): Surroundings => ({
  reflectance: 0.3,
  distance: (azimuth, elevation, echo) => (echo === 0 ? 12 + 5 * Math.cos(azimuth - phase) + 3 * elevation : azimuth > 1 && azimuth < 3 ? 25 + Math.sin(azimuth) : azimuth > 4 ? 4 + elevation : 0),
})
const angleOf = (x: number, y: number): number => (Math.atan2(y, x) + 2 * Math.PI) % (2 * Math.PI)

void t.test('what a twin sends of a scene is decoded as that scene, within what the wire can tell', async () => {
  const models = fc.constantFrom<VelodyneModel>(vlp16, vlp32c)
  const returns = fc.constantFrom<ReturnMode>('strongest', 'last', 'dual')
  fc.assert(fc.property(models, returns, fc.double({ min: 0, max: 6, noNaN: true }), fc.integer({ min: 0, max: 4 * hour_us }), fc.integer({ min: 300, max: 1200 }), (model, mode, phase, start_us, rpm) => {
    const encoder = new VelodyneEncoder(model, { returns: mode, rpm })
    const decoder = new VelodyneDecoder(model)
    const block = blockFor(decoder)
    const world = smooth(phase)
    const lasers = [...lasersOf(model)].sort((a, b) => a.elevation - b.elevation)
    for (let packet = 0; packet < 3; packet++) {
      const at_us = start_us + packet * encoder.period_us
      if (decoder.decode(encoder.encode(at_us, world), block) !== 'points') throw new Error('no points')
      if (block.lost !== 0) throw new Error('nothing was lost')
      if (1 - Math.cos(((block.start_us - at_us) / hour_us) * 2 * Math.PI) > 1e-15) throw new Error(`time ${block.start_us} of ${at_us}`)
      for (let index = 0; index < block.beams; index++) {
        const column = Math.floor(index / block.rings)
        const { elevation = 0, upward_m = 0 } = lasers[index % block.rings] ?? {}
        const [x = 0, y = 0, z = 0, distance = 0] = [block.x[index], block.y[index], block.z[index], block.distance[index]]
        const angle = angleOf(x, y)
        const [strongest, second] = [world.distance(angle, elevation, 0), world.distance(angle, elevation, 1)]
        const last = Math.max(strongest, second)
        const isSecond = mode === 'dual' && column % 2 === 1
        const wanted = isSecond ? (second === 0 ? 0 : Math.min(strongest, second)) : mode === 'strongest' ? strongest : last
        // Where the second echo begins or ends the rounded azimuth may fall on the other side.
        if ([0, 1, 3, 4, 2 * Math.PI].some((edge) => Math.abs(angle - edge) < 0.001)) continue
        if (distance === 0 && isSecond) continue
        if (Math.abs(distance - wanted) > model.unit_m / 2 + 0.006) throw new Error(`${distance} m at ${angle}, wanted ${wanted}`)
        if (Math.abs(z - upward_m - distance * Math.sin(elevation)) > 1e-4) throw new Error('it is too high or too low')
        if (block.intensity[index] !== 30) throw new Error('its strength is another')
      }
    }
  }), { numRuns: 60 })
})

void t.test('packets that are missing, late, twice or from another hour', async (t) => {
  const encoder = new VelodyneEncoder(vlp16)
  const decoder = new VelodyneDecoder(vlp16)
  const block = blockFor(decoder)
  const world = smooth(0)
  const period_us = packetPeriod_us(vlp16, false)
  const send = (at_us: number) => decoder.decode(encoder.encode(at_us, world), block)
  t.equal(send(0), 'points')
  t.equal(send(period_us), 'points')
  t.equal(block.lost, 0)
  t.equal(send(5 * period_us), 'points')
  t.equal(block.lost, 3, 'three packets are missing')
  t.equal(send(3 * period_us), 'late')
  t.equal(send(5 * period_us), 'late', 'it came twice')
  t.equal(send(6 * period_us), 'points')
  t.equal(block.lost, 0, 'a late packet changes nothing')
  for (const at_us of [1_500e6, 3_000e6, hour_us - 500]) t.equal(send(at_us), 'points')
  t.equal(block.lost, 0, 'a clock that jumps far loses no packets')
  const before = block.start_us
  t.equal(send(hour_us - 500 + period_us), 'points')
  near(t, block.start_us - before, Math.round(period_us), 1, 'the time runs on where the hour ends')
  t.equal(block.lost, 0)
  t.equal(send(hour_us - 500 + 2 * period_us), 'points')
  near(t, block.start_us - before, 2 * period_us, 2, 'and after it')
  const set = block.start_us
  t.equal(send(hour_us - 500_000), 'late', 'a clock that is set back a little is waited for')
  t.equal(send(hour_us - 30e6), 'points')
  t.ok(block.start_us < set - 29e6, 'one that is set back far is taken as it is')
  decoder.reset()
  t.equal(send(3 * period_us), 'points', 'the stream begins anew')
  t.match(block, { turn: 0, lost: 0 })
})

void t.test('turns are counted where the azimuth passes zero, in a packet, between packets and in a gap', async (t) => {
  const decoder = new VelodyneDecoder(vlp16)
  const block = blockFor(decoder)
  let time_us = 0
  const send = (start: number, passed_us = 1327): unknown => {
    time_us += passed_us
    const verdict = decoder.decode(packetOf(turning(start, 40), time_us, '3722'), block)
    return [verdict, block.turn, block.turnAt]
  }
  t.strictSame(send(35_000), ['points', 0, -1])
  t.strictSame(send(35_480), ['points', 0, -1])
  t.strictSame(send(35_960), ['points', 0, 2], 'the second block begins the next turn')
  t.strictSame(send(440), ['points', 1, -1])
  t.strictSame(send(0, 100_000), ['points', 2, -1], 'a packet that begins with a new turn is of it')
  t.strictSame(send(480), ['points', 2, -1])
})

void t.test('what is no packet of this sensor, or contradicts itself', async (t) => {
  const decoder = new VelodyneDecoder(vlp16)
  const block = blockFor(decoder)
  const good = (): Uint8Array => packetOf(turning(0, 40), 1_000_000, '3722')
  const changed = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = good()
    change(bytes)
    return bytes
  }
  block.distance.fill(7)
  t.equal(decoder.decode(new Uint8Array(0), block), 'foreign')
  t.equal(decoder.decode(good().subarray(1), block), 'foreign')
  t.equal(decoder.decode(changed((bytes) => { bytes[0] = 0 }), block), 'foreign')
  t.equal(decoder.decode(changed((bytes) => { bytes[1205] = 0x28 }), block), 'wrong-sensor')
  t.equal(decoder.decode(changed((bytes) => { bytes[1204] = 0x36 }), block), 'damaged', 'no return mode')
  t.equal(decoder.decode(changed((bytes) => { bytes[700] = 0 }), block), 'damaged', 'a block without its flag')
  t.equal(decoder.decode(changed((bytes) => { bytes[703] = 0xff }), block), 'damaged', 'an azimuth of 652 degrees')
  t.equal(decoder.decode(changed((bytes) => { bytes[703] = 0x7f }), block), 'damaged', 'an azimuth that jumps')
  t.equal(decoder.decode(changed((bytes) => { bytes.fill(0xff, 1200, 1204) }), block), 'damaged', 'a time beyond the hour')
  t.ok(block.distance.every((distance) => distance === 7), 'the block is not touched')
  t.equal(decoder.decode(good(), block), 'points')
  t.equal(decoder.decode(packetOf(turning(18_000, 40), 1_001_327, '3722'), block), 'damaged', 'the azimuth jumps from one packet to the next')
  t.equal(decoder.decode(packetOf(turning(18_480, 40), 1_002_654, '3722'), block), 'points', 'and goes on from there')
  const position = new Uint8Array(512)
  t.equal(decoder.decode(position, block), 'other', 'a position packet without a sentence')
  position.set(Buffer.from('$GPRMC,,V,,,,,,,,,,N*53'), 206)
  position[202] = 2
  t.equal(decoder.decode(position, block), 'other')
  position[202] = 9
  t.equal(decoder.decode(position, block), 'foreign')
})

void t.test('whatever the bytes, it ends, and what it takes for points is bounded', async (t) => {
  const decoders = [vlp16, vlp32c].map((model) => new VelodyneDecoder(model))
  const hostile = fc.record({ bytes: fc.uint8Array({ minLength: packetBytes, maxLength: packetBytes }), azimuth: fc.nat(35_999), steps: fc.array(fc.nat(60), { minLength: 12, maxLength: 12 }), mode: fc.constantFrom(0x37, 0x38, 0x39), product: fc.constantFrom(0x22, 0x28), time: fc.nat(2 ** 31 - 1) })
    .map(({ bytes, azimuth, steps, mode, product, time }) => {
      let at = azimuth
      for (const [index, step] of steps.entries()) {
        at = (at + step) % 36_000
        bytes.set([0xff, 0xee, at & 0xff, at >> 8], index * 100)
      }
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(1200, time, true)
      bytes.set([mode, product], 1204)
      return bytes
    })
  let points = 0
  const verdicts = new Set(['points', 'other', 'foreign', 'damaged', 'wrong-sensor', 'late'])
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 1_600 }), fc.uint8Array({ minLength: packetBytes, maxLength: packetBytes }), hostile), (bytes) => {
    for (const decoder of decoders) {
      const block = blockFor(decoder)
      const verdict = decoder.decode(bytes, block)
      if (!verdicts.has(verdict)) throw new Error(`verdict ${verdict}`)
      if (verdict !== 'points') continue
      points++
      if (block.columns > decoder.columnsMax || block.rings !== decoder.rings || block.turnAt >= block.columns || block.lost < 0 || block.lost > 2_000) throw new Error('out of bounds')
      if (![...block.x, ...block.y, ...block.z, block.start_us].every(Number.isFinite)) throw new Error('no number')
      if (![...block.distance].every((distance) => distance >= 0 && distance < 262.2)) throw new Error('farther than the wire can say')
      if (![...block.angle.subarray(0, block.columns)].every((angle) => angle >= 0 && angle < 2 * Math.PI)) throw new Error('no angle')
    }
  }), { numRuns: 300 })
  t.ok(points > 20, `${points} packets were taken`)
})

import fc from 'fast-check'
import t from 'tap'
import { PointBlock } from '../../../edge/device/points.ts'
import { readCalibration } from './calibration.ts'
import { VelodyneDecoder } from './codec.ts'
import { lasersOf, vlp16, vlp32c } from './model.ts'
import { VelodyneEncoder } from './twin.ts'

interface Entry {
  laser_id: number
  rot_correction: number
  vert_correction: number
  [other: string]: unknown
}

const entriesOf = (model: typeof vlp16): Entry[] => lasersOf(model).map(({ elevation, azimuth }, laser_id) => ({
  laser_id, vert_correction: elevation, rot_correction: -azimuth, dist_correction: 0, dist_correction_x: 0, dist_correction_y: 0,
  vert_offset_correction: 0, horiz_offset_correction: 0, focal_distance: 0, focal_slope: 0,
}))
const fileOf = (lasers: readonly unknown[], more: Record<string, unknown> = {}): string => JSON.stringify({ lasers, num_lasers: lasers.length, distance_resolution: 0.002, ...more })

void t.test('a calibration that says what the manual says gives what the manual gives', async (t) => {
  const lasers = readCalibration(fileOf(entriesOf(vlp32c), { distance_resolution: 0.004 }), vlp32c)
  t.equal(lasers.length, 32)
  const plain = lasersOf(vlp32c)
  t.ok(lasers.every(({ elevation, azimuth }, id) => elevation === plain[id]?.elevation && azimuth === plain[id]?.azimuth))
  t.strictSame(readCalibration(fileOf(entriesOf(vlp32c).reverse(), { distance_resolution: 0.004 }), vlp32c), lasers, 'in any order')
})

void t.test('corrections move the points', async (t) => {
  const entries = entriesOf(vlp16)
  entries[1] = { laser_id: 1, vert_correction: 0.5, rot_correction: -0.1, dist_correction: 0.5, vert_offset_correction: 0.2, horiz_offset_correction: 0.3 }
  const decoder = new VelodyneDecoder(vlp16, { lasers: readCalibration(fileOf(entries), vlp16) })
  const block = new PointBlock(24, 16)
  const packet = new VelodyneEncoder(vlp16).encode(0, { reflectance: 1, distance: () => 10 })
  t.equal(decoder.decode(packet, block), 'points')
  // Measured 10 m, 10.5 m corrected; the block is at 0, the laser 0.1 rad clockwise of it and 0.5 rad up: the highest ring.
  const outward = 10.5 * Math.cos(0.5) - 0.2 * Math.sin(0.5)
  const found = [block.x[15], block.y[15], block.z[15], block.distance[15]]
  const wanted = [outward * Math.cos(0.1) + 0.3 * Math.sin(0.1), 0.3 * Math.cos(0.1) - outward * Math.sin(0.1), 10.5 * Math.sin(0.5) + 0.2 * Math.cos(0.5), 10.5]
  // Two hundredths of a degree are what the wire and the firing time leave open.
  for (const [index, value] of found.entries()) t.ok(Math.abs((value ?? NaN) - (wanted[index] ?? 0)) < 0.004, `${value}, wanted ${wanted[index]}`)
  t.ok(Math.abs((decoder.elevations[15] ?? 0) - 0.5) < 1e-6)
})

void t.test('what a correction would put behind the sensor is nothing', async (t) => {
  const entries = entriesOf(vlp16).map((entry) => ({ ...entry, dist_correction: -0.9 }))
  const decoder = new VelodyneDecoder(vlp16, { lasers: readCalibration(fileOf(entries), vlp16) })
  const block = new PointBlock(24, 16)
  const packet = new VelodyneEncoder(vlp16).encode(0, { reflectance: 1, distance: (azimuth) => (azimuth < 0.001 ? 0.5 : 2) })
  t.equal(decoder.decode(packet, block), 'points')
  t.ok(block.distance.every((metres) => metres >= 0))
  t.ok(block.distance.some((metres) => metres === 0) && block.distance.some((metres) => Math.abs(metres - 1.1) < 1e-3), 'the others are where they should be')
})

void t.test('what is no calibration of the model is refused', async (t) => {
  const refused = (text: string, says: RegExp, model = vlp16) => t.throws(() => readCalibration(text, model), { code: 'PC-LIDAR-CALIBRATION', message: says })
  const entries = entriesOf(vlp16)
  const with0 = (change: Record<string, unknown>) => fileOf([{ ...entries[0], ...change }, ...entries.slice(1)])
  refused('', /./)
  refused('a: [', /no YAML/)
  refused('a: &a [1]\nb: *a', /./)
  refused('x'.repeat(70_000), /too long/)
  refused(fileOf(entries), /of 16 lasers/, vlp32c)
  refused(fileOf(entries.slice(1)), /of 15 lasers/)
  refused(fileOf(entries, { num_lasers: 17 }), /./)
  refused(fileOf(entries, { distance_resolution: 0.004 }), /another unit/)
  refused(with0({ laser_id: 1 }), /a laser is missing/)
  refused(with0({ laser_id: 99 }), /lasers 0 laser_id/)
  refused(with0({ vert_correction: 2 }), /lasers 0 vert_correction/)
  refused(with0({ rot_correction: '0' }), /rot_correction/)
  refused(with0({ dist_correction: 1.5 }), /dist_correction/)
  refused(with0({ vert_correction: Math.PI / 180 }), /same elevation/)
  refused(with0({ two_pt_correction_available: true }), /two corrections/)
  const good = fileOf(entries)
  fc.assert(fc.property(fc.oneof(fc.string({ maxLength: 300 }), fc.tuple(fc.nat(good.length), fc.nat(40), fc.string({ maxLength: 10 })).map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut))), (text) => {
    try {
      return readCalibration(text, vlp16).length === 16
    } catch (error) {
      return (error as { code?: string }).code === 'PC-LIDAR-CALIBRATION'
    }
  }), { numRuns: 150 })
})

import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { PointBlock } from '../../edge/device/points.ts'
import { VelodyneDecoder } from '../../drivers/lidar/velodyne/codec.ts'
import { lasersOf, vlp32c } from '../../drivers/lidar/velodyne/model.ts'
import { VelodyneEncoder } from '../../drivers/lidar/velodyne/twin.ts'
import type { Figure } from '../bench/figure.ts'
import { compareClouds, type DecodedPoints } from './compare-clouds.ts'
import { evaluatePoints } from './eval-points.ts'
import { readPcd } from './pcd.ts'
import { placeAsReference } from './reference-azimuth.ts'

const data = process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../shared/data')

void t.test('the recorded clouds are reproduced point for point', existsSync(join(data, 'lidar')) ? {} : { skip: 'there is no evaluation data' }, async (t) => {
  const figures: Figure[] = []
  await evaluatePoints(data, (figure) => figures.push(figure))
  const of = (kind: string) => figures.filter(({ name }) => name.startsWith(`lidar.${kind}.`))
  t.ok(of('points').length >= 2, 'there are clouds of Velodyne and Hesai')
  for (const { name, value } of of('points')) t.equal(value, 100, name)
  for (const { name, value } of of('extra')) t.ok(value < 0.1, `${name}: ${value} %`)
  for (const { name, value } of of('shift')) t.ok(value < 0.5, `${name}: ${value} degrees`)
})

const header = (fields: string, sizes: string, types: string, points: number): string =>
  `# .PCD v0.7\nVERSION 0.7\nFIELDS ${fields}\nSIZE ${sizes}\nTYPE ${types}\nWIDTH ${points}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS ${points}\nDATA binary\n`

void t.test('a point cloud file, and what is none', async (t) => {
  const body = Buffer.alloc(14)
  body.writeFloatLE(1.5, 0)
  body.writeUInt16LE(515, 4)
  body[6] = 9
  body.writeFloatLE(-2, 7)
  const file = Buffer.concat([Buffer.from(header('x channel intensity', '4 2 1', 'F U U', 2)), body])
  const cloud = readPcd(file)
  t.equal(cloud.length, 2)
  t.strictSame([...cloud.fields].map(([name, values]) => [name, ...values]), [['x', 1.5, -2], ['channel', 515, 0], ['intensity', 9, 0]])
  const refused = (bytes: Uint8Array, says: RegExp) => t.throws(() => readPcd(bytes), { code: 'PC-LIDAR-CLOUD', message: says })
  refused(new Uint8Array(0), /no binary data/)
  refused(file.subarray(0, -1), /ends too early/)
  refused(Buffer.from(header('x y', '4', 'F', 0)), /not described/)
  refused(Buffer.from(header('x', '4', 'Q', 0)), /unknown type/)
  refused(Buffer.from(header('x', '\0', 'F', 2)), /unknown type/)
  refused(Buffer.from(header('x', '4', 'F', -1)), /number of points/)
  refused(Buffer.from(header('x', '4', 'F', 0).replace('WIDTH', 'COUNT 3\nWIDTH')), /several values/)
  fc.assert(fc.property(fc.nat(file.length), fc.uint8Array({ maxLength: 12 }), (at, put) => {
    const bytes = Uint8Array.from(file)
    bytes.set(put.subarray(0, bytes.length - at), at)
    try {
      return readPcd(bytes).length >= 0
    } catch (error) {
      return (error as { code?: string }).code === 'PC-LIDAR-CLOUD'
    }
  }), { numRuns: 200 })
})

void t.test('points are compared one to one, within single precision', async (t) => {
  const decoded = (places: readonly (readonly [x: number, ring: number])[]): DecodedPoints => ({
    x: places.map(([x]) => x), y: places.map(() => 0), z: places.map(() => 0), distance: places.map(([x]) => x), intensity: places.map(() => 1),
    ring: places.map(([, ring]) => ring), shift: places.map(() => 0),
  })
  const truth = (xs: readonly number[]) => {
    const columns: [string, readonly number[]][] = [['x', xs], ['y', xs.map(() => 0)], ['z', xs.map(() => 0)], ['intensity', xs.map(() => 1)], ['channel', xs.map(() => 3)]]
    return { length: xs.length, fields: new Map(columns.map(([name, values]) => [name, Float64Array.from(values)])) }
  }
  const three = decoded([[1, 3], [2, 3], [3, 3]])
  t.match(compareClouds(three, truth([1, 2, 3]), 'channel'), { reproduced: 3, decoded: 3, extra: 0 })
  t.match(compareClouds(three, truth([1, 3]), 'channel'), { reproduced: 2, decoded: 3, extra: 1 }, 'one of ours is not there')
  t.match(compareClouds(three, truth([1, 2.001, 3]), 'channel'), { reproduced: 2 }, 'a millimetre is another point')
  t.match(compareClouds(three, truth([2, 2]), 'channel'), { reproduced: 1 }, 'one point is not two')
  t.match(compareClouds(decoded([[1, 4]]), truth([1]), 'channel'), { reproduced: 0 }, 'another ring')
  t.match(compareClouds(decoded([[1, 4]]), truth([1])), { reproduced: 1 }, 'unless rings are counted otherwise')
  t.match(compareClouds(decoded([[1, 3], [4, 3], [2, 3], [3, 3], [1, 3], [5, 3], [2, 3]]), truth([2, 3, 1, 5]), 'channel'), { reproduced: 4, decoded: 3, extra: 0 }, 'the turn is found by what is seen once')
})

void t.test('the azimuths of the reference decoder for a VLP-32C', async (t) => {
  const block = new PointBlock(12, 32)
  // 600 turns a minute: a block is 19.9 hundredths of a degree; the first is at 90.00 degrees.
  t.equal(new VelodyneDecoder(vlp32c).decode(new VelodyneEncoder(vlp32c).encode(25_000, { reflectance: 1, distance: () => 10 }), block), 'points')
  const azimuth = (column: number) => (36_000 - (Math.atan2(block.y[column * 32 + 31] ?? 0, block.x[column * 32 + 31] ?? 0) * 18_000) / Math.PI) % 36_000
  const near = (found: number, wanted: number, what: string) => t.ok(Math.abs(found - wanted) < 0.01, `${what}: ${found}, wanted ${wanted}`)
  near(azimuth(0), 9000 + 12 - 140, 'by the manual, laser 29 fires in the fifteenth pair: 14 of 24 of the way')
  near(azimuth(11), 9219 + 12 - 140, 'in the last block, too')
  placeAsReference(vlp32c, lasersOf(vlp32c), block)
  near(azimuth(0), 9000 + 24 - 140, 'by the reference, it is the thirtieth to fire: 29 of 24')
  near(azimuth(11), 9219 - 140, 'and in the last block nothing is turned on')
})

void t.test('what cannot be evaluated is left out', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-points-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const sensor = join(folder, 'lidar', 'some', 'sensor')
  await mkdir(sensor, { recursive: true })
  const figures: Figure[] = []
  const evaluate = () => evaluatePoints(folder, (figure) => figures.push(figure))
  await evaluate()
  await writeFile(join(sensor, '1.pcd'), header('x y z', '4 4 4', 'F F F', 0))
  await evaluate()
  await writeFile(join(sensor, 'packets.pcap'), 'no capture')
  await evaluate()
  await writeFile(join(sensor, 'angles.csv'), 'Channel,Elevation,Azimuth\n')
  await evaluate()
  await writeFile(join(sensor, 'VLP.yaml'), 'num_lasers: 64\n')
  await evaluate()
  t.strictSame(figures, [])
})

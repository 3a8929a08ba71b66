import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { car, cyclist, person, see, sensor64, type Shape, wall } from '../../edge/perception/obstacles/tracking/scene.ts'
import type { Figure } from '../bench/figure.ts'
import { evaluateKitti } from './eval-kitti.ts'
import { kittiFrames, readLabels } from './kitti.ts'

/** A camera that looks along the sensor's x, as KITTI's does: right, down, forward, and a little below it. */
const calibration = [
  'P2: 721.5 0 609.6 44.9 0 721.5 172.9 0.2 0 0 1 0.003',
  'R0_rect: 1 0 0 0 1 0 0 0 1',
  'Tr_velo_to_cam: 0 -1 0 0 0 0 -1 -0.08 1 0 0 -0.27',
].join('\n')

/** A label line of a box that stands on the road; @param heading of its length in the sensor's frame. */
function label(kind: string, x: number, y: number, [height, width, length]: readonly [number, number, number], heading = 0): string {
  return [kind, 0, 0, 0, 0, 0, 0, 0, height, width, length, -y, sensor64.z - 0.08, x - 0.27, -heading - Math.PI / 2].join(' ')
}

/** KITTI stores beam after beam, the highest first, each counter-clockwise from straight ahead, in the sensor's frame. */
function scanOf(shapes: readonly Shape[]): Buffer {
  const { count, x, y, z } = see(sensor64, shapes, 0)
  const points = Array.from({ length: count }, (_, at) => [x[at] ?? 0, y[at] ?? 0, (z[at] ?? 0) - sensor64.z] as const)
  const ringOf = ([px, py, pz]: readonly [number, number, number]): number =>
    Math.round((((Math.atan2(pz, Math.hypot(px, py)) * 180) / Math.PI - sensor64.lowest) / (sensor64.highest - sensor64.lowest)) * (sensor64.rings - 1))
  const rings: (readonly [number, number, number])[][] = Array.from({ length: sensor64.rings }, () => [])
  for (const point of points) rings[sensor64.rings - 1 - ringOf(point)]?.push(point)
  const stored = rings.flat()
  return Buffer.from(Float32Array.from(stored.flatMap((point) => [...point, 0.3])).buffer)
}

function folderWith(frames: Record<string, { scan: Buffer; labels: readonly string[] }>): string {
  const data = mkdtempSync(join(tmpdir(), 'kitti-'))
  const folder = join(data, 'lidar', 'kitti', 'somewhere')
  for (const part of ['velodyne', 'label_2', 'calib']) mkdirSync(join(folder, part), { recursive: true })
  for (const [name, { scan, labels }] of Object.entries(frames)) {
    writeFileSync(join(folder, 'velodyne', `${name}.bin.gz`), gzipSync(scan))
    writeFileSync(join(folder, 'label_2', `${name}.txt`), `${labels.join('\n')}\nDontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10\n`)
    writeFileSync(join(folder, 'calib', `${name}.txt`), calibration)
  }
  return data
}

async function figuresOf(data: string): Promise<Record<string, number>> {
  const figures: Figure[] = []
  await evaluateKitti(data, (figure) => figures.push(figure))
  return Object.fromEntries(figures.map(({ name, value }) => [name, value]))
}

const adult = [1.75, 0.6, 0.6] as const
const bicycle = [1.85, 0.6, 1.8] as const
const sedan = [1.45, 1.8, 4.2] as const

void t.test('labels are boxes in the sensor\'s frame', async (t) => {
  const [box] = readLabels(label('Car', 12, -3, sedan, 0.5), calibration)
  t.match(box, { kind: 'Car', length: 4.2, width: 1.8, height: 1.45 })
  for (const [name, expected] of [['x', 12], ['y', -3], ['z', -sensor64.z], ['heading', 0.5]] as const) t.ok(Math.abs((box?.[name] ?? 99) - expected) < 1e-6, name)
})

void t.test('what is there is found, what is labelled where nothing is alike is not', async (t) => {
  const scene = [...person(8.5, 2), ...person(14, -5), ...cyclist(9, -3, 0.4), ...car(15, 6, 0.3), wall(0, 20, 60, 0), { x: -5, y: -9, low: 0, high: 2.2, length: 14, width: 3 }]
  const data = folderWith({
    '000000': { scan: scanOf(scene), labels: [label('Pedestrian', 8.5, 2, adult), label('Pedestrian', 14, -5, adult), label('Cyclist', 9, -3, bicycle, 0.4), label('Car', 15, 6, sedan, 0.3)] },
    // A part of the long wall is no car, and a label around two returns of the road is no miss.
    '000007': { scan: scanOf(scene), labels: [label('Car', 4, 19.5, sedan), label('Pedestrian', 20, 0, adult)] },
  })
  t.teardown(() => rmSync(data, { recursive: true }))
  const figures = await figuresOf(data)
  t.match(figures, { 'lidar.recall.pedestrian': 100, 'lidar.recall.cyclist': 100, 'lidar.recall.car': 50, 'lidar.recall.class.pedestrian': 100, 'lidar.recall.class.car': 100, 'lidar.false.ground': 0 })
  t.notOk('lidar.recall.truck' in figures, 'what is not labelled has no figure')
})

void t.test('broken and incomplete frames are skipped and named', async (t) => {
  const data = folderWith({ '000001': { scan: Buffer.alloc(17), labels: [] }, '000002': { scan: scanOf(person(8, 0)), labels: [] } })
  t.teardown(() => rmSync(data, { recursive: true }))
  rmSync(join(data, 'lidar/kitti/somewhere/calib/000002.txt'))
  const skipped: string[] = []
  t.strictSame(kittiFrames(join(data, 'lidar', 'kitti'), (why) => skipped.push(why)), [])
  t.match(skipped, [/000001.*17 bytes/, /000002.*no calib/])
  t.strictSame(await figuresOf(data), {})
  t.strictSame(await figuresOf(join(data, 'nowhere')), {})
})

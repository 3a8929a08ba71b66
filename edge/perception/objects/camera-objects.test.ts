import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { InputError } from '../../base/error.ts'
import type { TrackedObject } from '../obstacles/contract.ts'
import { CameraObjects } from './camera-objects.ts'
import { CameraView, type Detector } from './camera-view.ts'
import { type CameraObject, detectObjects } from './detector.ts'
import { netInput, type NetInput } from './picture.ts'
import { type CameraSetup, Projection } from './projection.ts'

const build = join(import.meta.dirname, '../../../build')
const models = join(build, 'models')
const data = process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../../shared/data')
const noModels = existsSync(join(models, 'object-detector.onnx')) ? false : 'no models: run the set-up'

const plain = { mean: [0, 0, 0], deviation: [1, 1, 1] } as const

void t.test('a picture stands in the middle of the square, its colours in the order of the net', async (t) => {
  const jpeg = await sharp({ create: { width: 640, height: 320, channels: 3, background: { r: 200, g: 100, b: 50 } } }).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer()
  const input = await netInput(jpeg, 64, plain)
  t.match(input, { size: { width: 640, height: 320 }, scale: 10, left: 0, top: 16 })
  const at = (x: number, y: number): number[] => [...input.values.subarray((y * 64 + x) * 3, (y * 64 + x) * 3 + 3)].map((value) => Math.round(value / 10) * 10)
  t.same(at(32, 32), [50, 100, 200])
  t.same([at(32, 15), at(32, 48)], [[0, 0, 0], [0, 0, 0]], 'nothing above and below')
  t.same([at(0, 16), at(63, 47)], [[50, 100, 200], [50, 100, 200]])
  const turned = await sharp(jpeg).withMetadata({ orientation: 6 }).toBuffer()
  t.match(await netInput(turned, 64, plain), { size: { width: 320, height: 640 }, left: 16, top: 0 }, 'upright')
  const normalised = await netInput(jpeg, 64, { mean: [50, 0, 0], deviation: [2, 4, 1] })
  t.ok(Math.abs(normalised.values[(32 * 64 + 32) * 3 + 1] ?? 0) - 25 < 1)
  for (const broken of [new Uint8Array(0), jpeg.subarray(0, 300), jpeg.subarray(2), await sharp(jpeg).png().toBuffer(), new Uint8Array(9_000_000).fill(255)]) {
    await t.rejects(netInput(broken, 64, plain), { code: 'PC-OBJECTS-PICTURE' })
  }
})

/** What a net would say that sees these boxes (in its own pixels), each in the cell of its middle. */
function net(boxes: readonly { level: number; kind: number; score: number; box: [number, number, number, number] }[]) {
  const grids = [8, 16, 32].map((stride) => ({ stride, side: 416 / stride }))
  const scores = grids.map(({ side }) => new Float32Array(side * side * 80))
  const distances = grids.map(({ side }) => new Float32Array(side * side * 44))
  for (const { level, kind, score, box: [left, top, right, bottom] } of boxes) {
    const { stride, side } = grids[level] ?? { stride: 8, side: 52 }
    const [column, row] = [Math.floor((left + right) / 2 / stride), Math.floor((top + bottom) / 2 / stride)]
    const cell = row * side + column
    scores[level]?.set([score], cell * 80 + kind)
    const [x, y] = [(column + 0.5) * stride, (row + 0.5) * stride]
    for (const [which, pixels] of [x - left, y - top, right - x, bottom - y].entries()) {
      // Between two bins: the share of each is how near it is.
      const [bin, share] = [Math.floor(pixels / stride), (pixels / stride) % 1]
      for (let each = 0; each < 11; each++) distances[level]?.set([-50], (cell * 4 + which) * 11 + each)
      distances[level]?.set([Math.log(1 - share + 1e-12), Math.log(share + 1e-12)].slice(0, bin === 10 ? 1 : 2), (cell * 4 + which) * 11 + bin)
    }
  }
  return { run: async () => [...scores, ...distances], dispose: async () => undefined }
}

const whole: NetInput = { values: new Float32Array(1), size: { width: 832, height: 416 }, scale: 2, left: 0, top: 104 }

void t.test('boxes are read from their distributions and put back into the picture', async (t) => {
  const seen = async (boxes: Parameters<typeof net>[0]): Promise<CameraObject[]> => await detectObjects(net(boxes), whole, 0.35)
  const rounded = (objects: CameraObject[]): unknown => objects.map(({ box, ...rest }) => ({ ...rest, score: Math.round(rest.score * 100), box: Object.values(box).map(Math.round) }))
  t.same(rounded(await seen([{ level: 1, kind: 0, score: 0.8, box: [100, 150, 140, 250] }])), [{ class: 'person', score: 80, box: [200, 92, 280, 292] }])
  t.same(await seen([{ level: 0, kind: 0, score: 0.3, box: [100, 150, 140, 200] }]), [], 'what is not sure enough')
  t.same(await seen([{ level: 0, kind: 16, score: 0.9, box: [100, 150, 140, 200] }]), [], 'a dog')
  const kinds = await Promise.all([2, 5, 6, 7, 1, 3].map(async (kind) => (await seen([{ level: 2, kind, score: 0.7, box: [100, 150, 300, 250] }]))[0]?.class))
  t.same(kinds, Array.from({ length: 6 }, () => 'vehicle'), 'car, bus, train, truck, and two-wheelers without a rider')
  t.same(rounded(await seen([
    { level: 1, kind: 2, score: 0.6, box: [100, 150, 200, 250] }, { level: 1, kind: 2, score: 0.7, box: [116, 150, 216, 250] }, { level: 1, kind: 7, score: 0.5, box: [100, 166, 200, 266] },
  ])), [{ class: 'vehicle', score: 70, box: [232, 92, 432, 292] }], 'of several finds of one thing the best')
  t.equal((await seen([{ level: 1, kind: 0, score: 0.6, box: [100, 150, 150, 250] }, { level: 1, kind: 0, score: 0.7, box: [160, 150, 210, 250] }])).length, 2, 'two people are two')
  const wide = await detectObjects(net([{ level: 2, kind: 2, score: 0.7, box: [200, 96, 416, 400] }]), whole, 0.35)
  t.match(wide[0]?.box, { top: 0, right: 832 }, 'cut at the edges of the picture')
})

void t.test('a rider and what is ridden are one cyclist; who stands beside it is not', async (t) => {
  const bike = { level: 1, kind: 3, score: 0.6, box: [100, 200, 160, 280] } as const
  const seen = async (person: [number, number, number, number]): Promise<string[]> =>
    (await detectObjects(net([{ ...bike, box: [...bike.box] }, { level: 1, kind: 0, score: 0.7, box: person }]), whole, 0.35)).map((each) => each.class)
  t.same(await seen([105, 150, 155, 270]), ['cyclist'])
  t.same(await seen([170, 150, 210, 290]), ['person', 'vehicle'])
  t.same(await seen([105, 190, 155, 330]), ['person', 'vehicle'], 'who stands in front of it')
  const [cyclist] = await detectObjects(net([{ ...bike, box: [...bike.box] }, { level: 1, kind: 0, score: 0.7, box: [105, 150, 155, 270] }]), whole, 0.35)
  t.same(Object.values(cyclist?.box ?? {}).map(Math.round), [200, 92, 320, 352], 'the box is around both')
})

/** The picture with six people in it that the demo's faces are cut from. */
const group = globSync(join(build, 'model-sources', '8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51'))[0]

void t.test('people in a real picture', { skip: noModels === false && group !== undefined ? false : 'no models: run the set-up' }, async (t) => {
  const objects = await CameraObjects.load(models)
  t.teardown(() => objects.dispose())
  t.match(objects.model, { name: 'object-detector', engine: 'onnx' })
  const jpeg = readFileSync(group ?? '')
  const found = await objects.detect(jpeg)
  t.ok(found.length >= 3, `${found.length} found`)
  t.same([...new Set(found.map((each) => each.class))], ['person'])
  t.ok(found.every(({ box }) => box.left >= 0 && box.right <= 1920 && box.top >= 0 && box.bottom <= 1280 && box.bottom - box.top > 600))
  const half = await objects.detect(jpeg, { width: 960, height: 640 })
  t.ok(Math.abs((half[0]?.box.right ?? 0) - (found[0]?.box.right ?? 0) / 2) < 1, 'in the pixels that were asked for')
  await t.rejects(objects.detect(jpeg, { width: 1280, height: 720 }), { code: 'PC-OBJECTS-SHAPE' })
  const empty = await sharp({ create: { width: 1280, height: 720, channels: 3, background: '#777' } }).jpeg().toBuffer()
  t.same(await objects.detect(empty), [], 'nothing in nothing')
  await t.rejects(CameraObjects.load(models, 'litert'), { code: 'PC-MODEL-ENGINE' })
})

const portraits = join(data, 'faces/lfw-folds-1-2/images')
void t.test('people in labelled portraits', { skip: noModels !== false ? noModels : existsSync(portraits) ? false : 'no evaluation data' }, async (t) => {
  const objects = await CameraObjects.load(models)
  t.teardown(() => objects.dispose())
  const files = globSync(join(portraits, '**/*.jpg')).toSorted().slice(0, 20)
  let people = 0
  let vehicles = 0
  for (const file of files) {
    const found = await objects.detect(readFileSync(file))
    if (found.some((each) => each.class === 'person')) people++
    if (found.some((each) => each.class === 'vehicle')) vehicles++
  }
  t.ok(people >= files.length * 0.9, `${people} of ${files.length}`)
  t.ok(vehicles <= files.length * 0.1)
})

const camera: CameraSetup = { use: 'camera', mount: { x: 0, y: 0, z: 1.5, roll: 0, pitch: 0, yaw: 0 }, focal_px: 800, width: 1280, height: 720 }
const person: TrackedObject = { id: 7, class: 'unknown', x: 10, y: 0, z: 0, length: 0.5, width: 0.5, height: 1.7, heading_rad: 0, vx: 0, vy: 0, confidence: 0.6, seenBy: ['lidar'] }

/** A detector that finds the person, when it is let. */
function slow(): Detector & { finish(error?: Error): void; looked: number[] } {
  const model = { name: 'object-detector', sha256: '', engine: 'onnx' as const }
  const box = new Projection(camera).boxOf(person) ?? { left: 0, top: 0, right: 0, bottom: 0 }
  const waiting: PromiseWithResolvers<CameraObject[]>[] = []
  const looked: number[] = []
  return {
    model, looked,
    detect: async (jpeg) => {
      looked.push(jpeg[0] ?? -1)
      const one = Promise.withResolvers<CameraObject[]>()
      waiting.push(one)
      return await one.promise
    },
    finish: (error) => (error === undefined ? waiting.shift()?.resolve([{ class: 'person', score: 0.8, box }]) : waiting.shift()?.reject(error)),
  }
}

void t.test('the newest picture is looked at, and what it shows counts while it is fresh', async (t) => {
  const detector = slow()
  const view = new CameraView(camera, detector)
  t.equal(view.state(0), 'starting')
  t.same(view.join([person], 0), [person])
  const looks = [view.look(Uint8Array.of(1), 1_000), view.look(Uint8Array.of(2), 1_030), view.look(Uint8Array.of(3), 1_060)]
  detector.finish()
  await new Promise(setImmediate)
  detector.finish()
  await Promise.all(looks)
  t.same(detector.looked, [1, 3], 'the second was overtaken')
  t.match(view.counts, { pictures: 3, dropped: 1 })
  t.equal(view.state(1_100), 'ok')
  t.match(view.join([person], 1_100), [{ id: 7, class: 'person', seenBy: ['lidar', 'camera'] }])
  t.match(view.joined, { matched: 1 })
  t.equal(view.state(1_561), 'silent')
  t.same(view.join([person], 1_561), [person], 'no longer')
  t.match(view.joined, { matched: 0 })
})

void t.test('a camera that repeats itself, or sends what cannot be used, adds nothing', async (t) => {
  const detector = slow()
  const view = new CameraView(camera, detector)
  const look = async (byte: number, at_ms: number, error?: Error): Promise<void> => {
    const looking = view.look(Uint8Array.of(byte), at_ms)
    detector.finish(error)
    await looking
  }
  await look(1, 0)
  for (let at_ms = 100; at_ms <= 600; at_ms += 100) await look(1, at_ms)
  t.equal(view.state(600), 'frozen')
  t.same(view.join([person], 600), [person])
  t.match(view.counts, { repeated: 6 })
  await look(2, 700)
  t.equal(view.state(700), 'ok')
  await look(3, 800, new InputError('PC-OBJECTS-PICTURE', 'broken'))
  t.equal(view.state(800), 'ok', 'one broken picture takes nothing away')
  for (let at_ms = 900; at_ms <= 1_300; at_ms += 100) await look(at_ms / 100, at_ms, new InputError('PC-OBJECTS-PICTURE', 'broken'))
  t.equal(view.state(1_300), 'unreadable')
  await look(50, 1_400, new InputError('PC-OBJECTS-SHAPE', 'another lens'))
  t.equal(view.state(1_400), 'wrong-shape')
  t.match(view.counts, { refused: 7 })
  await look(51, 1_500)
  t.equal(view.state(1_500), 'ok')
  const lasts = view.look(Uint8Array.of(52), 1_950)
  t.equal(view.state(2_100), 'late', 'the detector does not keep up')
  const broken = view.look(Uint8Array.of(53), 2_100)
  detector.finish(new Error('the engine broke'))
  await t.rejects(Promise.all([lasts, broken]), { message: 'the engine broke' }, 'a fault of ours is not hidden')
})

void t.test('without its model the camera adds nothing, and says why', async (t) => {
  const view = await CameraView.load(camera, join(build, 'no-such-models'))
  t.match(view.failure, { code: 'PC-MODEL-MISSING' })
  t.equal(view.model, undefined)
  await view.look(Uint8Array.of(1), 0)
  t.equal(view.state(0), 'unavailable')
  t.same(view.join([person], 0), [person])
})

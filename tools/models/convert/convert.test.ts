import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openEngine } from '../../../edge/perception/engine/open-engine.ts'
import { knownInput } from '../../../edge/perception/engine/known-answer.ts'
import { published } from '../build-models.ts'
import { readPins } from '../pins.ts'
import { convertModel } from './convert.ts'
import { dropUnused, type Graph, joinPadding, type Op, type OpKind, recoverPrelu, type Tensor } from './graph.ts'
import { writeOnnx } from './onnx.ts'
import { Message } from './protobuf.ts'
import { readTflite, withoutBatch } from './tflite.ts'

const size = (shape: readonly number[]): number => shape.reduce((product, each) => product * each, 1)
const values = (length: number, seed: number): Float32Array<ArrayBuffer> => knownInput(length, { seed, range: [-1, 1] })

/** A graph of one operator: input 0, constants from 1 on, output last. */
function single(kind: OpKind, input: number[], output: number[], constants: Tensor[] = []): Graph {
  const last = constants.length + 1
  const inputs = [0, ...constants.map((_, index) => index + 1)]
  const tensors = new Map<number, Tensor>([[0, { shape: input }], ...constants.map((each, index): [number, Tensor] => [index + 1, each]), [last, { shape: output }]])
  return { tensors, ops: [{ ...kind, inputs, output: last }], inputs: [0], outputs: [last] }
}

/** Runs a graph as ONNX. */
async function run(graph: Graph, input: Float32Array, shape: number[]): Promise<Float32Array> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-convert-'))
  try {
    await writeFile(join(folder, 'graph.onnx'), writeOnnx(graph, 'test'))
    const engine = await openEngine({ engine: 'onnx' })
    const net = await engine.load(join(folder, 'graph.onnx'), shape)
    const [output = new Float32Array(0)] = await net.run(input.slice())
    await net.dispose()
    return output
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Convolution by its definition, NHWC, with TensorFlow's SAME padding. */
function convolve(input: Float32Array, [, height = 0, width = 0, channels = 0]: number[], weights: Float32Array, kernel: number, outputs: number, stride: number, depthwise: boolean): Float32Array {
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)]
  const before = (length: number, count: number): number => Math.floor(Math.max(0, (count - 1) * stride + kernel - length) / 2)
  const [top, left] = [before(height, rows), before(width, columns)]
  const result = new Float32Array(rows * columns * outputs)
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) for (let o = 0; o < outputs; o++) {
    let sum = 0
    for (let i = 0; i < kernel; i++) for (let j = 0; j < kernel; j++) {
      const [v, u] = [y * stride + i - top, x * stride + j - left]
      if (v < 0 || u < 0 || v >= height || u >= width) continue
      for (let c = depthwise ? o : 0; c < (depthwise ? o + 1 : channels); c++) {
        const weight = depthwise ? weights[(i * kernel + j) * outputs + o] : weights[((o * kernel + i) * kernel + j) * channels + c]
        sum += (input[(v * width + u) * channels + c] ?? 0) * (weight ?? 0)
      }
    }
    result[(y * columns + x) * outputs + o] = sum
  }
  return result
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Array.from(a).reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? 0))), 0) : Infinity

void t.test('convolutions are what their definition says', async (t) => {
  for (const [height, stride] of [[8, 1], [8, 2], [7, 2]] as const) {
    const shape = [1, height, 6, 3]
    const input = values(size(shape), 1)
    const after = [Math.ceil(height / stride), Math.ceil(6 / stride)]
    const kind = { type: 'conv', stride: [stride, stride], dilation: [1, 1], padding: 'same' } as const
    const full = values(5 * 9 * 3, 2)
    const output = await run(single({ ...kind, depthwise: false }, shape, [1, ...after, 5], [{ shape: [5, 3, 3, 3], data: full }]), input, shape)
    t.ok(largestDifference(output, convolve(input, shape, full, 3, 5, stride, false)) < 1e-5, `full, ${height} by ${stride}`)
    const deep = values(9 * 3, 3)
    const depthwise = await run(single({ ...kind, depthwise: true }, shape, [1, ...after, 3], [{ shape: [1, 3, 3, 3], data: deep }]), input, shape)
    t.ok(largestDifference(depthwise, convolve(input, shape, deep, 3, 3, stride, true)) < 1e-5, `depthwise, ${height} by ${stride}`)
  }
})

void t.test('the other operators are what their definition says', async (t) => {
  const shape = [1, 2, 2, 3]
  const input = values(12, 4)
  const each = (action: (value: number, channel: number) => number): number[] => Array.from(input, (value, index) => action(value, index % 3))
  const check = async (name: string, kind: OpKind, output: number[], expected: ArrayLike<number>, constants: Tensor[] = []): Promise<void> => {
    t.ok(largestDifference(await run(single(kind, shape, output, constants), input, shape), expected) < 1e-6, name)
  }
  const slope = Float32Array.of(0.1, 0.5, -0.3)
  await check('relu', { type: 'relu' }, shape, each((v) => Math.max(0, v)))
  await check('abs', { type: 'abs' }, shape, each(Math.abs))
  await check('sigmoid', { type: 'sigmoid' }, shape, each((v) => 1 / (1 + Math.exp(-v))))
  await check('slice of channels', { type: 'slice', axis: 3, from: 1, to: 3 }, [1, 2, 2, 2], Array.from(input).filter((_, index) => index % 3 !== 0))
  await check('leaky relu', { type: 'leaky-relu', alpha: 0.2 }, shape, each((v) => (v < 0 ? 0.2 * v : v)))
  await check('prelu', { type: 'prelu' }, shape, each((v, c) => (v < 0 ? (slope[c] ?? 0) * v : v)), [{ shape: [1, 1, 3], data: slope }])
  await check('scale by channel', { type: 'mul' }, shape, each((v, c) => v * (slope[c] ?? 0)), [{ shape: [3], data: slope }])
  await check('subtract a number', { type: 'sub' }, shape, each((v) => v - 2), [{ shape: [], data: Float32Array.of(2) }])
  await check('pad channels', { type: 'pad', before: [0, 0, 0, 0], after: [0, 0, 0, 1], value: 0 }, [1, 2, 2, 4],
    Array.from({ length: 16 }, (_, index) => (index % 4 === 3 ? 0 : input[Math.floor(index / 4) * 3 + (index % 4)] ?? 0)))
  await check('reshape keeps the order', { type: 'reshape' }, [1, 12], input)
  await check('max pool', { type: 'max-pool', size: [2, 2], stride: [2, 2], padding: 'valid' }, [1, 1, 1, 3], [0, 1, 2].map((c) => Math.max(...[0, 3, 6, 9].map((at) => input[at + c] ?? 0))))
  await check('average pool leaves padding out', { type: 'average-pool', size: [3, 3], stride: [2, 2], padding: 'same' }, [1, 1, 1, 3], [0, 1, 2].map((c) => [0, 3, 6, 9].reduce((sum, at) => sum + (input[at + c] ?? 0), 0) / 4))
  await check('dense', { type: 'dense' }, [1, 2], [0, 1].map((o) => Array.from(input).reduce((sum, v, i) => sum + v * (i + o), 0) + o),
    [{ shape: [2, 12], data: Float32Array.from({ length: 24 }, (_, i) => (i % 12) + Math.floor(i / 12)) }, { shape: [2], data: Float32Array.of(0, 1) }])
  await check('enlarge', { type: 'resize-bilinear', alignCorners: false, halfPixel: true }, [1, 4, 4, 3],
    Array.from({ length: 48 }, (_, index) => {
      const place = (at: number): number => Math.min(1, Math.max(0, (at + 0.5) / 2 - 0.5))
      const [y, x, c] = [place(Math.floor(index / 12)), place(Math.floor(index / 3) % 4), index % 3]
      const at = (row: number, column: number): number => input[(row * 2 + column) * 3 + c] ?? 0
      return (1 - y) * ((1 - x) * at(0, 0) + x * at(0, 1)) + y * ((1 - x) * at(1, 0) + x * at(1, 1))
    }))
})

void t.test('PReLU is recovered from its five operators, and only from them', async (t) => {
  const op = (kind: OpKind, inputs: number[], output: number): Op => ({ ...kind, inputs, output })
  const graph = (): Graph => ({
    tensors: new Map<number, Tensor>([0, 2, 3, 4, 5, 6].map((id): [number, Tensor] => [id, { shape: [1, 2, 2, 3] }])).set(1, { shape: [3], data: Float32Array.of(0.1, 0.2, 0.3) }),
    ops: [op({ type: 'relu' }, [0], 2), op({ type: 'abs' }, [0], 3), op({ type: 'sub' }, [0, 3], 4), op({ type: 'mul' }, [1, 4], 5), op({ type: 'add' }, [2, 5], 6)],
    inputs: [0], outputs: [6],
  })
  const input = values(12, 5)
  const plain = graph()
  const recovered = graph()
  recoverPrelu(recovered)
  t.same(recovered.ops.map(({ type }) => type), ['prelu'])
  t.ok(largestDifference(await run(plain, input, [1, 2, 2, 3]), await run(recovered, input, [1, 2, 2, 3])) < 1e-6)
  const other = graph()
  other.ops[1] = op({ type: 'relu' }, [0], 3)
  recoverPrelu(other)
  t.equal(other.ops.length, 5)
  const unused = graph()
  unused.outputs = [2]
  dropUnused(unused)
  t.equal(unused.ops.length, 1)
})

void t.test('windows pad by themselves, where what was padded is what they would pad with', async (t) => {
  const padded = (value: number, after: number[]): Graph => ({
    tensors: new Map<number, Tensor>([[0, { shape: [1, 4, 4, 2] }], [1, { shape: [1, 6, 5, 2] }], [2, { shape: [1, 4, 3, 2] }]]),
    ops: [
      { type: 'pad', before: [0, 1, 1, 0], after, value, inputs: [0], output: 1 },
      { type: 'max-pool', size: [3, 3], stride: [1, 1], padding: 'valid', inputs: [1], output: 2 },
    ],
    inputs: [0], outputs: [2],
  })
  const joined = padded(-Infinity, [0, 1, 0, 0])
  joinPadding(joined)
  t.match(joined.ops, [{ type: 'max-pool', padding: [1, 1, 1, 0], inputs: [0] }])
  const input = values(32, 6)
  const at = (y: number, x: number, c: number): number => (y < 0 || x < 0 || y > 3 || x > 3 ? -Infinity : input[(y * 4 + x) * 2 + c] ?? NaN)
  const expected = Array.from({ length: 24 }, (_, index) => {
    const [y, x, c] = [Math.floor(index / 6), Math.floor(index / 2) % 3, index % 2]
    return Math.max(...[0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => at(y + i - 1, x + j - 1, c))))
  })
  t.ok(largestDifference(await run(joined, input, [1, 4, 4, 2]), expected) < 1e-6)
  for (const other of [padded(0, [0, 1, 0, 0]), padded(-Infinity, [0, 1, 0, 1])]) {
    joinPadding(other)
    t.equal(other.ops.length, 2, 'another filling, or padded channels, stay as they are')
  }
})

void t.test('protobuf numbers are written as the specification says', async (t) => {
  t.same([...new Message().integer(1, 150).encode()], [0x08, 0x96, 0x01])
  t.same([...new Message().text(2, 'testing').encode()], [0x12, 7, ...Buffer.from('testing')])
  t.same([...new Message().integer(1, -1).encode()], [0x08, ...new Array<number>(9).fill(0xff), 0x01])
})

const sources = join(import.meta.dirname, '../../../build/model-sources')

void t.test('published models: the converted file agrees with the published one on LiteRT', { skip: existsSync(sources) ? false : 'no model sources: run the set-up' }, async (t) => {
  const pins = await readPins()
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-convert-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const [onnx, litert] = [await openEngine({ engine: 'onnx' }), await openEngine({ engine: 'litert' })]
  for (const [name, model] of Object.entries(pins.models)) {
    const original = await published(pins, model, sources)
    const converted = convertModel(name, original, model.shape)
    t.equal(createHash('sha256').update(converted.onnx).digest('hex'), pins.answers[name]?.onnx, `${name}: the recorded file`)
    if (converted.tflite === undefined) continue
    await writeFile(join(folder, 'a.onnx'), converted.onnx)
    await writeFile(join(folder, 'a.tflite'), original.model)
    const batch = original.storedBatch ?? 1
    const [a, b] = [await onnx.load(join(folder, 'a.onnx'), model.shape), await litert.load(join(folder, 'a.tflite'), [batch, ...model.shape.slice(1)])]
    const input = knownInput(size(model.shape), { seed: 4_711, range: model.range })
    const repeated = new Float32Array(input.length * batch)
    for (let index = 0; index < batch; index++) repeated.set(input, index * input.length)
    const [left, right] = [await a.run(input), await b.run(repeated)]
    for (const [index, output] of left.entries()) {
      const other = right[index]?.subarray(0, output.length) ?? new Float32Array(0)
      const scale = output.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
      t.ok(largestDifference(output, other) / scale < 1e-4, `${name}: output ${index}`)
    }
    await a.dispose()
    await b.dispose()
  }
})

void t.test('what cannot be converted is refused, not guessed', { skip: existsSync(sources) ? false : 'no model sources: run the set-up' }, async (t) => {
  const pins = await readPins()
  const model = pins.models['face-detector']
  const hash = pins.sources['face_detection']?.files['package/face_detection_short_range.tflite']
  if (model === undefined || hash === undefined) throw new Error('the pins have changed')
  const file = readFileSync(join(sources, hash))
  t.throws(() => convertModel('x', { model: file }, [1, 64, 64, 3]), { code: 'PC-MODEL-CONVERT' })
  t.same(withoutBatch(file, 7), Uint8Array.from(file), 'nothing to rewrite')
  t.equal(readTflite(file).ops.length, 90)
})

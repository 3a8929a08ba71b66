import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { PortcullisError } from '../../../edge/base/error.ts'
import { knownInput } from '../../../edge/perception/engine/known-answer.ts'
import { openEngine } from '../../../edge/perception/engine/open-engine.ts'
import { convertModel } from './convert.ts'
import { graphOfTfjs } from './tfjs-graph.ts'
import { evaluateTfjs } from './tfjs-reference.ts'
import { openTfjs, type TfModel } from './tfjs.ts'

type Constants = Record<string, { shape: number[]; floats?: number[]; integers?: number[]; halves?: number[] }>
interface Described {
  nodes: object[]
  constants: Constants
  outputs: string[]
}

/** A model as it stands in its two files. */
function files({ nodes, constants, outputs }: Described): { model: Uint8Array; weights: Uint8Array } {
  const bytes: Buffer[] = []
  const weights = Object.entries(constants).map(([name, { shape, floats, integers, halves }]) => {
    const data = floats !== undefined ? Float32Array.from(floats) : integers !== undefined ? Int32Array.from(integers) : new Uint16Array(halves ?? [])
    bytes.push(Buffer.from(data.buffer))
    return { name, shape, dtype: integers === undefined ? 'float32' : 'int32', ...(halves === undefined ? {} : { quantization: { dtype: 'float16', original_dtype: 'float32' } }) }
  })
  const model = {
    format: 'graph-model',
    signature: { outputs: Object.fromEntries(outputs.map((name) => [name, { name: `${name}:0` }])) },
    modelTopology: { node: [...nodes, ...Object.keys(constants).map((name) => ({ name, op: 'Const' }))] },
    weightsManifest: [{ paths: ['x.bin'], weights }],
  }
  return { model: Buffer.from(JSON.stringify(model)), weights: Buffer.concat(bytes) }
}

const open = (described: Described): TfModel => {
  const { model, weights } = files(described)
  return openTfjs(model, weights)
}

const base64 = (value: string): { s: string } => ({ s: Buffer.from(value).toString('base64') })
const list = (values: number[]): object => ({ list: { i: values.map(String) } })
const placeholder = (shape: number[]): object => ({ name: 'x', op: 'Placeholder', attr: { shape: { shape: { dim: shape.map((size) => ({ size: String(size) })) } } } })
const window = { data_format: base64('NHWC'), padding: base64('VALID'), strides: list([1, 2, 2, 1]) }

/** All that the published detector has, in small: channels first, 5 x 6 pictures of 2 channels. */
const small: Described = {
  nodes: [
    placeholder([1, 2, 5, 6]),
    { name: 'pad', op: 'Pad', input: ['x', 'pads'] },
    { name: 'last', op: 'Transpose', input: ['pad', 'toLast'] },
    { name: 'conv', op: 'Conv2D', input: ['last', 'weights'], attr: window },
    { name: 'biased', op: 'Add', input: ['conv', 'bias'] },
    { name: 'first', op: 'Transpose', input: ['biased', 'toFirst'] },
    { name: 'leaky', op: 'LeakyRelu', input: ['first'], attr: { alpha: { f: 0.1 } } },
    { name: 'low', op: 'PadV2', input: ['leaky', 'pads', 'lowest'] },
    { name: 'lowLast', op: 'Transpose', input: ['low', 'toLast'] },
    { name: 'pool', op: 'MaxPool', input: ['lowLast'], attr: { ...window, ksize: list([1, 3, 3, 1]) } },
    { name: 'large', op: 'ResizeBilinear', input: ['pool', 'size'], attr: { half_pixel_centers: { b: true }, align_corners: { b: false } } },
    { name: 'largeFirst', op: 'Transpose', input: ['large', 'toFirst'] },
    { name: 'sum', op: 'Add', input: ['leaky', 'largeFirst'] },
    { name: 'joined', op: 'ConcatV2', input: ['sum', 'leaky', 'one'] },
    { name: 'parts', op: 'SplitV', input: ['joined', 'sizes', 'one'] },
    { name: 'scores', op: 'Sigmoid', input: ['parts:1'] },
    { name: 'zeros', op: 'SparseToDense', input: ['nowhere', 'three', 'nothing', 'zero'] },
    { name: 'shape', op: 'AddV2', input: ['wanted', 'zeros'] },
    { name: 'flat', op: 'Reshape', input: ['scores', 'shape'] },
    { name: 'rows', op: 'Transpose', input: ['flat', 'swap'] },
    { name: 'Identity', op: 'Identity', input: ['rows'] },
    { name: 'lastSum', op: 'Transpose', input: ['parts', 'toLast'] },
    { name: 'Identity_1', op: 'Identity', input: ['lastSum'] },
  ],
  constants: {
    pads: { shape: [4, 2], integers: [0, 0, 0, 0, 1, 1, 1, 1] },
    toLast: { shape: [4], integers: [0, 2, 3, 1] }, toFirst: { shape: [4], integers: [0, 3, 1, 2] }, swap: { shape: [3], integers: [0, 2, 1] },
    weights: { shape: [3, 3, 2, 3], floats: [...knownInput(54, { seed: 1, range: [-1, 1] })] },
    bias: { shape: [3], halves: [0x3c00, 0xb800, 0x3400] },
    lowest: { shape: [], floats: [-Infinity] },
    size: { shape: [2], integers: [3, 3] },
    one: { shape: [], integers: [1] }, sizes: { shape: [2], integers: [2, 4] },
    nowhere: { shape: [0, 1], integers: [] }, three: { shape: [1], integers: [3] }, nothing: { shape: [0], integers: [] }, zero: { shape: [], integers: [0] },
    wanted: { shape: [3], integers: [1, 4, -1] },
  },
  outputs: ['Identity_1', 'Identity'],
}

const off = (a: Float32Array, b: Float32Array): number => (a.length === b.length ? a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? NaN))), 0) : Infinity)

/** Largest difference of each output between the converted file and the reference. */
async function compare(t: { teardown(action: () => unknown): void }, model: TfModel, onnx: Uint8Array, shape: number[], input: Float32Array): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-tfjs-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'a.onnx'), onnx)
  const net = await (await openEngine({ engine: 'onnx' })).load(join(folder, 'a.onnx'), shape)
  const expected = evaluateTfjs(model, input, shape)
  const found = await net.run(input.slice())
  await net.dispose()
  return expected.map((each, index) => off(each, found[index] ?? new Float32Array(0)) / each.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6))
}

void t.test('a graph with its channels first is converted to one with its channels last', async (t) => {
  const { model, weights } = files(small)
  const shape = [1, 5, 6, 2]
  const opened = openTfjs(model, weights)
  t.same(opened.outputs, ['Identity', 'Identity_1'], 'outputs in the order of their numbers')
  const { ops } = graphOfTfjs(opened, shape)
  t.same(ops.map(({ type }) => type), ['pad', 'conv', 'add', 'leaky-relu', 'pad', 'max-pool', 'resize-bilinear', 'add', 'concat', 'slice', 'slice', 'sigmoid', 'reshape'], 'nothing is transposed')
  const input = knownInput(60, { seed: 2, range: [-1, 1] })
  const different = await compare(t, opened, convertModel('x', { model, weights }, shape).onnx, shape, input)
  t.equal(different.length, 2)
  t.ok(different.every((each) => each < 1e-6), String(different))
})

void t.test('the reference is what the definitions say', async (t) => {
  const one = (node: object, constants: Constants, shape: number[], input: number[]): number[][] =>
    evaluateTfjs(open({ nodes: [placeholder(shape), node], constants, outputs: ['y'] }), Float32Array.from(input), shape).map((each) => [...each])
  t.same(one({ name: 'y', op: 'Transpose', input: ['x', 'p'] }, { p: { shape: [4], integers: [0, 3, 1, 2] } }, [1, 1, 2, 2], [1, 2, 3, 4]), [[1, 3, 2, 4]])
  t.same(one({ name: 'y', op: 'LeakyRelu', input: ['x'], attr: { alpha: { f: 0.5 } } }, {}, [1, 1, 1, 2], [-1, 3]), [[-0.5, 3]])
  t.same(one({ name: 'y', op: 'Add', input: ['x', 'b'] }, { b: { shape: [2], floats: [10, 20] } }, [1, 1, 2, 2], [1, 2, 3, 4]), [[11, 22, 13, 24]])
  t.same(one({ name: 'y', op: 'ConcatV2', input: ['x', 'x', 'a'] }, { a: { shape: [], integers: [2] } }, [1, 2, 1, 1], [1, 2]), [[1, 1, 2, 2]])
  const attr = { ...window, strides: list([1, 1, 1, 1]) }
  t.same(one({ name: 'y', op: 'Conv2D', input: ['x', 'w'], attr }, { w: { shape: [1, 2, 2, 1], floats: [1, 10, 100, 1000] } }, [1, 1, 2, 2], [1, 2, 3, 4]), [[4321]])
  const half = { half_pixel_centers: { b: true } }
  t.same(one({ name: 'y', op: 'ResizeBilinear', input: ['x', 's'], attr: half }, { s: { shape: [2], integers: [1, 2] } }, [1, 1, 4, 1], [1, 3, 5, 9]), [[2, 7]])
  t.same(one({ name: 'y', op: 'Pad', input: ['x', 'p'] }, { p: { shape: [4, 2], integers: [0, 0, 1, 0, 0, 0, 0, 1] } }, [1, 1, 1, 1], [7]), [[0, 0, 7, 0]])
})

void t.test('what cannot be converted is refused, not guessed', async (t) => {
  const refused = (change: (described: Described) => void, why: string): void => {
    const changed = structuredClone(small)
    change(changed)
    t.throws(() => graphOfTfjs(open(changed), [1, 5, 6, 2]), { code: 'PC-MODEL-CONVERT' }, why)
  }
  const set = (name: string, values: object) => ({ nodes }: Described): void => void Object.assign(nodes.find((node) => (node as { name: string }).name === name) ?? {}, values)
  refused(set('leaky', { op: 'Elu' }), 'an operator that is not known')
  refused(set('conv', { input: ['pad', 'weights'] }), 'a convolution over channels first')
  refused(set('conv', { attr: { ...window, data_format: base64('NCHW') } }), 'a convolution that wants channels first')
  refused(set('conv', { attr: { ...window, padding: base64('EXPLICIT') } }), 'a padding that is not known')
  refused(set('sum', { input: ['leaky', 'large'] }), 'a sum of two orders')
  refused(set('Identity_1', { input: ['parts'] }), 'an output with channels first')
  refused(set('leaky', { input: ['leaky'] }), 'a loop')
  refused(set('leaky', { input: ['nobody'] }), 'a node that is missing')
  refused(({ constants }) => void (constants['wanted'] = { shape: [3], integers: [1, 2, -1] }), 'a shape across channels')
  refused(({ constants }) => void (constants['toLast'] = { shape: [4], floats: [0, 2, 3, 1] }), 'floats for axes')
  t.throws(() => graphOfTfjs(open(small), [1, 6, 5, 2]), { code: 'PC-MODEL-CONVERT' }, 'another input')
  const { model, weights } = files(small)
  t.throws(() => openTfjs(model, weights.subarray(1)), { code: 'PC-MODEL-CONVERT' })
  t.throws(() => openTfjs(model, Buffer.concat([weights, weights])), { code: 'PC-MODEL-CONVERT' })
})

void t.test('broken descriptions end in a coded error', async () => {
  const { model, weights } = files(small)
  fc.assert(fc.property(fc.nat(model.length - 1), fc.nat(255), fc.nat(20), (at, byte, cut) => {
    const broken = Uint8Array.from(model.subarray(0, model.length - (cut === 0 ? at : 0)))
    broken[at] = byte
    try {
      graphOfTfjs(openTfjs(broken, weights), [1, 5, 6, 2])
    } catch (error) {
      if (!(error instanceof PortcullisError)) throw error
    }
  }), { numRuns: 300 })
})

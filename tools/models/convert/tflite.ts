/// <reference lib="esnext.float16" />
/**
 * Reads TensorFlow Lite models (schema version 3, schema.fbs of TensorFlow) into a graph.
 *
 * Field numbers below are those of the schema's tables. Float16 weights behind DEQUANTIZE become
 * plain float constants; integer-quantised and sparse models are refused.
 */
import { ByteBuffer } from 'flatbuffers'
import { type Graph, type Op, type OpKind, type Padding, refuse, type Tensor, type TensorId } from './graph.ts'

/** One table of a FlatBuffer, its fields by number. */
class Table {
  readonly #buffer: ByteBuffer
  readonly #at: number

  constructor(buffer: ByteBuffer, at: number) {
    this.#buffer = buffer
    this.#at = at
  }

  static root(buffer: ByteBuffer): Table {
    return new Table(buffer, buffer.readInt32(buffer.position()) + buffer.position())
  }

  byte(field: number): number {
    const at = this.#position(field)
    return at === undefined ? 0 : this.#buffer.readInt8(at)
  }

  int(field: number, otherwise = 0): number {
    const at = this.#position(field)
    return at === undefined ? otherwise : this.#buffer.readInt32(at)
  }

  float(field: number): number {
    const at = this.#position(field)
    return at === undefined ? 0 : this.#buffer.readFloat32(at)
  }

  has(field: number): boolean {
    return this.#position(field) !== undefined
  }

  table(field: number): Table | undefined {
    const at = this.#position(field)
    return at === undefined ? undefined : new Table(this.#buffer, this.#buffer.__indirect(at))
  }

  tables(field: number): Table[] {
    const { start, length } = this.#vector(field)
    return Array.from({ length }, (_, index) => new Table(this.#buffer, this.#buffer.__indirect(start + 4 * index)))
  }

  ints(field: number): number[] {
    const { start, length } = this.#vector(field)
    return Array.from({ length }, (_, index) => this.#buffer.readInt32(start + 4 * index))
  }

  /** Where the elements of a vector begin in the file; undefined when it has none. */
  start(field: number): number | undefined {
    const { start, length } = this.#vector(field)
    return length === 0 ? undefined : start
  }

  bytes(field: number): Uint8Array<ArrayBuffer> {
    const { start, length } = this.#vector(field)
    return Uint8Array.from(this.#buffer.bytes().subarray(start, start + length))
  }

  #position(field: number): number | undefined {
    const offset = this.#buffer.__offset(this.#at, 4 + 2 * field)
    return offset === 0 ? undefined : this.#at + offset
  }

  #vector(field: number): { start: number; length: number } {
    const at = this.#position(field)
    if (at === undefined) return { start: 0, length: 0 }
    const [start, length] = [this.#buffer.__vector(at), this.#buffer.__vector_len(at)]
    return start >= 0 && length >= 0 && length <= this.#buffer.capacity() - start ? { start, length } : refuse('a list is longer than the file')
  }
}

const model = { operatorCodes: 1, subgraphs: 2, buffers: 4 }
const subgraph = { tensors: 0, inputs: 1, outputs: 2, operators: 3 }
const tensorField = { shape: 0, type: 1, buffer: 2, sparsity: 6 }
const operator = { code: 0, inputs: 1, outputs: 2, options: 4 }

/** BuiltinOperator numbers of the operators that can be read. */
const builtin = {
  add: 0, averagePool: 1, concat: 2, conv: 3, depthwiseConv: 4, dequantize: 6, fullyConnected: 9, maxPool: 17, mul: 18, relu: 19,
  reshape: 22, resizeBilinear: 23, pad: 34, sub: 41, stridedSlice: 45, cast: 53, prelu: 54, less: 58, greaterEqual: 62,
  leakyRelu: 98, abs: 101,
}

/** @throws ConfigError (PC-MODEL-CONVERT) for what the graph cannot hold. */
export function readTflite(file: Uint8Array): Graph {
  const root = Table.root(new ByteBuffer(file))
  const buffers = root.tables(model.buffers)
  const codes = root.tables(model.operatorCodes).map((code) => Math.max(code.byte(0), code.int(3)))
  const main = root.tables(model.subgraphs)[0] ?? refuse('it has no graph')
  const tensors = new Map<TensorId, Tensor>(main.tables(subgraph.tensors).map((each, id) => [id, readTensor(each, buffers)]))
  const graph: Graph = { tensors, ops: [], inputs: main.ints(subgraph.inputs), outputs: main.ints(subgraph.outputs) }

  /** Tensors that only rename another one. */
  const aliases = new Map<TensorId, TensorId>()
  const resolve = (id: TensorId): TensorId => aliases.get(id) ?? id
  for (const each of main.tables(subgraph.operators)) {
    const inputs = each.ints(operator.inputs).filter((id) => id >= 0).map(resolve)
    const [output = refuse('an operator has no output')] = each.ints(operator.outputs)
    const read = readOp(codes[each.int(operator.code)] ?? -1, each.table(operator.options), inputs, output, graph)
    if (read === 'alias') aliases.set(output, inputs[0] ?? output)
    else graph.ops.push(read)
  }
  graph.outputs = graph.outputs.map(resolve)
  return graph
}

function readTensor(table: Table, buffers: Table[]): Tensor {
  const shape = table.ints(tensorField.shape)
  const bytes = buffers[table.int(tensorField.buffer)]?.bytes(0) ?? new Uint8Array(0)
  if (bytes.length === 0) return { shape }
  if (table.has(tensorField.sparsity)) refuse('it has sparse weights')
  switch (table.byte(tensorField.type)) {
    case 0: return { shape, data: new Float32Array(bytes.buffer) }
    case 1: return { shape, data: Float32Array.from(new Float16Array(bytes.buffer)) }
    case 2: return { shape, data: new Int32Array(bytes.buffer) }
    default: return refuse('it has weights that are neither float nor integer indices')
  }
}

function readOp(code: number, options: Table | undefined, inputs: TensorId[], output: TensorId, graph: Graph): Op | 'alias' {
  const op = (kind: OpKind, used = inputs): Op => ({ ...kind, inputs: used, output })
  const first = inputs.slice(0, 1)
  const noActivation = (field: number): void => {
    if ((options?.byte(field) ?? 0) !== 0) refuse(`operator ${code} has a fused activation`)
  }
  switch (code) {
    case builtin.conv:
      noActivation(3)
      return op({ type: 'conv', depthwise: false, padding: padding(options), stride: pair(options, 2, 1), dilation: pair(options, 5, 4, 1) })
    case builtin.depthwiseConv:
      noActivation(4)
      return op({ type: 'conv', depthwise: true, padding: padding(options), stride: pair(options, 2, 1), dilation: pair(options, 6, 5, 1) })
    case builtin.maxPool:
    case builtin.averagePool:
      noActivation(5)
      return op({
        type: code === builtin.maxPool ? 'max-pool' : 'average-pool',
        padding: padding(options), stride: pair(options, 2, 1), size: pair(options, 4, 3),
      })
    case builtin.fullyConnected:
    case builtin.add:
    case builtin.sub:
    case builtin.mul:
      noActivation(0)
      return op({ type: code === builtin.fullyConnected ? 'dense' : code === builtin.add ? 'add' : code === builtin.sub ? 'sub' : 'mul' })
    case builtin.relu: return op({ type: 'relu' })
    case builtin.abs: return op({ type: 'abs' })
    case builtin.prelu: return op({ type: 'prelu' })
    case builtin.leakyRelu: return op({ type: 'leaky-relu', alpha: options?.float(0) ?? 0 })
    case builtin.less: return op({ type: 'less' })
    case builtin.greaterEqual: return op({ type: 'greater-equal' })
    case builtin.cast: return op({ type: 'to-float' })
    case builtin.reshape: return op({ type: 'reshape' }, first)
    case builtin.concat: return op({ type: 'concat', axis: options?.int(0) ?? 0 })
    case builtin.resizeBilinear: return op({ type: 'resize-bilinear', alignCorners: options?.byte(2) === 1, halfPixel: options?.byte(3) === 1 }, first)
    case builtin.pad: {
      const paddings = [...integers(graph, inputs[1])]
      return op({ type: 'pad', before: paddings.filter((_, index) => index % 2 === 0), after: paddings.filter((_, index) => index % 2 === 1), value: 0 }, first)
    }
    case builtin.dequantize: return readDequantize(inputs, output, graph)
    case builtin.stridedSlice: return keepsAll(inputs, output, graph) ? 'alias' : refuse('it slices a tensor')
    default: return refuse(`operator ${code} is not known`)
  }
}

/** Float16 weights have become float on reading: what is left of DEQUANTIZE is another name. */
function readDequantize(inputs: TensorId[], output: TensorId, graph: Graph): 'alias' {
  const [input = output] = inputs
  if (!(graph.tensors.get(input)?.data instanceof Float32Array)) refuse('it dequantises an activation')
  graph.tensors.delete(output)
  return 'alias'
}

/** The anti-spoofing model slices with masks that leave everything in. */
function keepsAll(inputs: TensorId[], output: TensorId, graph: Graph): boolean {
  const before = graph.tensors.get(inputs[0] ?? -1)?.shape
  const after = graph.tensors.get(output)?.shape
  return before !== undefined && String(before) === String(after) && integers(graph, inputs[3]).every((stride) => stride === 1)
}

function integers(graph: Graph, id: TensorId | undefined): Int32Array {
  const data = id === undefined ? undefined : graph.tensors.get(id)?.data
  return data instanceof Int32Array ? data : refuse('an operator has no constant parameters')
}

const padding = (options: Table | undefined): Padding => (options?.byte(0) === 0 ? 'same' : 'valid')
const pair = (options: Table | undefined, height: number, width: number, otherwise = 0): [number, number] =>
  [options?.int(height, otherwise) ?? otherwise, options?.int(width, otherwise) ?? otherwise]

/**
 * A copy of the model for one picture at a time, where it was stored for `batch` of them: the first
 * dimension of its activations, and of the shapes it reshapes to, is rewritten in place.
 */
export function withoutBatch(file: Uint8Array, batch: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(file)
  const buffer = new ByteBuffer(copy)
  const root = Table.root(buffer)
  const buffers = root.tables(model.buffers)
  const codes = root.tables(model.operatorCodes).map((code) => Math.max(code.byte(0), code.int(3)))
  const main = root.tables(model.subgraphs)[0] ?? refuse('it has no graph')
  const tensors = main.tables(subgraph.tensors)
  const data = (each: Table | undefined): Table | undefined => buffers[each?.int(tensorField.buffer) ?? 0]
  const rewrite = (position: number | undefined): void => {
    if (position !== undefined && buffer.readInt32(position) === batch) buffer.writeInt32(position, 1)
  }
  for (const each of tensors) if (data(each)?.start(0) === undefined) rewrite(each.start(tensorField.shape))
  for (const each of main.tables(subgraph.operators)) {
    if (codes[each.int(operator.code)] !== builtin.reshape) continue
    rewrite(each.table(operator.options)?.start(0))
    rewrite(data(tensors[each.ints(operator.inputs)[1] ?? -1])?.start(0))
  }
  return copy
}

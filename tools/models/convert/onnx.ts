/**
 * Writes a graph as ONNX (IR version 8, operator set 14).
 *
 * Activations inside are NCHW, as ONNX wants them; inputs and outputs of the file stay NHWC, so that
 * the same pictures go into either engine.
 */
import { unreachable } from '../../../edge/base/error.ts'
import { floats, type Graph, isConstant, type Op, type Padding, refuse, tensor, type TensorId } from './graph.ts'
import { Message } from './protobuf.ts'

type Attribute = number | readonly number[] | string | { float: number }

const toNchw = [0, 3, 1, 2]
const toNhwc = [0, 2, 3, 1]
const elementType = { float: 1, int64: 7 }

export function writeOnnx(graph: Graph, name: string): Uint8Array<ArrayBuffer> {
  const writer = new Writer(graph)
  for (const id of graph.inputs) writer.input(id)
  for (const op of graph.ops) writer.values.set(op.output, writeOp(writer, op))
  for (const id of graph.outputs) writer.output(id)
  return new Message()
    .integer(1, 8)
    .text(2, 'portcullis')
    .message(7, writer.finish(name))
    .message(8, new Message().text(1, '').integer(2, 14))
    .encode()
}

/** Collects the parts of a GraphProto. Values of rank 4 are NCHW. */
class Writer {
  readonly graph: Graph
  readonly values = new Map<TensorId, string>()
  readonly #nodes: Message[] = []
  readonly #constants: Message[] = []
  readonly #inputs: Message[] = []
  readonly #outputs: Message[] = []
  #next = 0

  constructor(graph: Graph) {
    this.graph = graph
  }

  shape(id: TensorId): number[] {
    return tensor(this.graph, id).shape
  }

  value(id: TensorId | undefined): string {
    return (id === undefined ? undefined : this.values.get(id)) ?? refuse('an operator uses a value that comes later')
  }

  /** Adds a node and returns the name of its one output. */
  node(type: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    const output = this.#name()
    this.#node(type, inputs, output, attributes)
    return output
  }

  transpose(value: string, order: readonly number[]): string {
    return this.node('Transpose', [value], { perm: order })
  }

  floats(shape: readonly number[], data: Float32Array): string {
    return this.#constant(shape, elementType.float, data)
  }

  integers(values: readonly number[]): string {
    return this.#constant([values.length], elementType.int64, BigInt64Array.from(values, BigInt))
  }

  input(id: TensorId): void {
    const name = `input${this.#inputs.length}`
    this.#inputs.push(valueInfo(name, this.shape(id)))
    this.values.set(id, this.shape(id).length === 4 ? this.transpose(name, toNchw) : name)
  }

  output(id: TensorId): void {
    const name = `output${this.#outputs.length}`
    this.#outputs.push(valueInfo(name, this.shape(id)))
    const value = this.value(id)
    this.#node('Identity', [this.shape(id).length === 4 ? this.transpose(value, toNhwc) : value], name, {})
  }

  finish(name: string): Message {
    const graph = new Message()
    for (const node of this.#nodes) graph.message(1, node)
    graph.text(2, name)
    for (const constant of this.#constants) graph.message(5, constant)
    for (const input of this.#inputs) graph.message(11, input)
    for (const output of this.#outputs) graph.message(12, output)
    return graph
  }

  #node(type: string, inputs: readonly string[], output: string, attributes: Record<string, Attribute>): void {
    const node = new Message()
    for (const input of inputs) node.text(1, input)
    node.text(2, output).text(3, `${type}_${output}`).text(4, type)
    for (const [key, value] of Object.entries(attributes)) node.message(5, attribute(key, value))
    this.#nodes.push(node)
  }

  #constant(shape: readonly number[], type: number, data: Float32Array | BigInt64Array): string {
    const name = this.#name()
    const constant = new Message()
    for (const size of shape) constant.integer(1, size)
    constant.integer(2, type).text(8, name).bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    this.#constants.push(constant)
    return name
  }

  #name(): string {
    return `v${this.#next++}`
  }
}

function writeOp(writer: Writer, op: Op): string {
  const [first, second] = op.inputs
  const rank = writer.shape(op.output).length
  switch (op.type) {
    case 'conv': return writeConv(writer, op)
    case 'dense': return writeDense(writer, op)
    case 'prelu': return writePrelu(writer, op)
    case 'max-pool':
    case 'average-pool':
      return writer.node(op.type === 'max-pool' ? 'MaxPool' : 'AveragePool', [writer.value(first)], {
        kernel_shape: op.size, strides: op.stride, pads: pads(writer.shape(first ?? -1), op.size, op.stride, [1, 1], op.padding),
      })
    case 'relu': return writer.node('Relu', [writer.value(first)])
    case 'abs': return writer.node('Abs', [writer.value(first)])
    case 'sigmoid': return writer.node('Sigmoid', [writer.value(first)])
    case 'leaky-relu': return writer.node('LeakyRelu', [writer.value(first)], { alpha: { float: op.alpha } })
    case 'to-float': return writer.node('Cast', [writer.value(first)], { to: elementType.float })
    case 'add':
    case 'sub':
    case 'mul':
    case 'less':
    case 'greater-equal':
      return writer.node(elementwise[op.type], [operand(writer, first, rank), operand(writer, second, rank)])
    case 'reshape': return writeReshape(writer, op)
    case 'pad': {
      if (op.value !== 0) refuse('it pads with another value than zero')
      const order = axes(rank)
      return writer.node('Pad', [writer.value(first), writer.integers([...order.map((axis) => op.before[axis] ?? 0), ...order.map((axis) => op.after[axis] ?? 0)])])
    }
    case 'concat':
      return writer.node('Concat', op.inputs.map((id) => writer.value(id)), { axis: axes(rank).indexOf(op.axis < 0 ? op.axis + rank : op.axis) })
    case 'slice':
      return writer.node('Slice', [writer.value(first), writer.integers([op.from]), writer.integers([op.to]), writer.integers([axes(rank).indexOf(op.axis)])])
    case 'resize-bilinear': {
      const size = axes(4).map((axis) => writer.shape(op.output)[axis] ?? 0)
      return writer.node('Resize', [writer.value(first), '', '', writer.integers(size)], {
        mode: 'linear', coordinate_transformation_mode: op.alignCorners ? 'align_corners' : op.halfPixel ? 'half_pixel' : 'asymmetric',
      })
    }
    default: return unreachable(op)
  }
}

const elementwise = { add: 'Add', sub: 'Sub', mul: 'Mul', less: 'Less', 'greater-equal': 'GreaterOrEqual' } as const

/** Which NHWC axis each axis of a value is. */
const axes = (rank: number): number[] => (rank === 4 ? toNchw : Array.from({ length: rank }, (_, axis) => axis))

function writeConv(writer: Writer, op: Op & { type: 'conv' }): string {
  const [input = -1, weights = -1, bias] = op.inputs
  const [outputs = 0, height = 0, width = 0, inputs = 0] = writer.shape(weights)
  const data = floats(writer.graph, weights)
  // Depthwise weights are 1 x H x W x C in TFLite and C x 1 x H x W here, others O x H x W x I and O x I x H x W.
  const reordered = op.depthwise ? permute(data, [1, height, width, inputs], [3, 0, 1, 2]) : permute(data, [outputs, height, width, inputs], [0, 3, 1, 2])
  const shape = op.depthwise ? [inputs, 1, height, width] : [outputs, inputs, height, width]
  const biases = bias === undefined ? [] : [writer.floats(writer.shape(bias), floats(writer.graph, bias))]
  return writer.node('Conv', [writer.value(input), writer.floats(shape, reordered), ...biases], {
    kernel_shape: [height, width], strides: op.stride, dilations: op.dilation,
    pads: pads(writer.shape(input), [height, width], op.stride, op.dilation, op.padding),
    group: op.depthwise ? inputs : 1,
  })
}

function writeDense(writer: Writer, op: Op): string {
  const [input = -1, weights = -1, bias = -1] = op.inputs
  const flat = writer.node('Reshape', [nhwc(writer, input), writer.integers([-1, writer.shape(weights)[1] ?? 0])])
  return writer.node('Gemm', [flat, writer.floats(writer.shape(weights), floats(writer.graph, weights)), writer.floats(writer.shape(bias), floats(writer.graph, bias))], { transB: 1 })
}

/**
 * y = alpha x + (1 - alpha) relu(x), as two 1x1 depthwise convolutions: ONNX Runtime keeps these in its
 * blocked layout, which it leaves for PRelu (1.6 times faster over a whole net).
 */
function writePrelu(writer: Writer, op: Op): string {
  const [input = -1, slope = -1] = op.inputs
  const channels = writer.shape(input).at(-1) ?? 0
  const alpha = floats(writer.graph, slope)
  if (alpha.length !== channels) refuse('PReLU does not have one slope a channel')
  const scale = (value: string, by: Float32Array): string =>
    writer.node('Conv', [value, writer.floats([channels, 1, 1, 1], by)], {
      kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: channels,
    })
  const x = writer.value(input)
  return writer.node('Add', [scale(x, alpha), scale(writer.node('Relu', [x]), alpha.map((value) => 1 - value))])
}

function writeReshape(writer: Writer, op: Op): string {
  const [input = -1] = op.inputs
  const shape = writer.shape(op.output)
  const reshaped = writer.node('Reshape', [nhwc(writer, input), writer.integers(shape)])
  return shape.length === 4 ? writer.transpose(reshaped, toNchw) : reshaped
}

const nhwc = (writer: Writer, id: TensorId): string =>
  writer.shape(id).length === 4 ? writer.transpose(writer.value(id), toNhwc) : writer.value(id)

/** A value, or a constant that broadcasts against a value of the given rank. */
function operand(writer: Writer, id: TensorId | undefined, rank: number): string {
  if (id === undefined || !isConstant(writer.graph, id)) return writer.value(id)
  const data = floats(writer.graph, id)
  if (data.length === 1) return writer.floats([], data)
  if (rank !== 4) return writer.floats(writer.shape(id), data)
  const channels = writer.shape(id).at(-1) ?? 0
  return data.length === channels ? writer.floats([channels, 1, 1], data) : refuse('a constant does not broadcast over channels')
}

/** Top, left, bottom, right. TensorFlow's SAME padding puts the odd pixel at the end. */
function pads(input: readonly number[], size: readonly number[], stride: readonly number[], dilation: readonly number[], padding: Padding): number[] {
  if (padding === 'valid') return [0, 0, 0, 0]
  if (padding !== 'same') return [...padding]
  const total = [0, 1].map((axis) => {
    const length = input[axis + 1] ?? 0
    const step = stride[axis] ?? 1
    const reach = ((size[axis] ?? 1) - 1) * (dilation[axis] ?? 1) + 1
    return Math.max(0, (Math.ceil(length / step) - 1) * step + reach - length)
  })
  const before = total.map((each) => Math.floor(each / 2))
  return [...before, ...total.map((each, axis) => each - (before[axis] ?? 0))]
}

/** Reorders the axes of a tensor of rank 4. */
function permute(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  const [a = 0, b = 0, c = 0, d = 0] = order.map((axis) => shape[axis] ?? 1)
  const [sa = 0, sb = 0, sc = 0, sd = 0] = order.map((axis) => strides[axis] ?? 0)
  const result = new Float32Array(data.length)
  let at = 0
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        for (let l = 0; l < d; l++) result[at++] = data[i * sa + j * sb + k * sc + l * sd] ?? 0
      }
    }
  }
  return result
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name)
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2)
  if (typeof value === 'string') return message.text(4, value).integer(20, 3)
  if ('float' in value) return message.float(2, value.float).integer(20, 1)
  for (const item of value) message.integer(8, item)
  return message.integer(20, 7)
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const dimensions = new Message()
  for (const size of shape) dimensions.message(1, new Message().integer(1, size))
  return new Message().text(1, name).message(2, new Message().message(1, new Message().integer(1, elementType.float).message(2, dimensions)))
}

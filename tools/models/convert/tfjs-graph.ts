/**
 * Makes a graph of an opened TensorFlow.js model.
 *
 * TensorFlow transposes where the model was trained with channels first; a graph here has one order,
 * channels last. So a transposition moves no data: each value keeps which axis of the graph's tensor
 * each of its own axes is.
 */
import { type Graph, type OpKind, type Padding, refuse, type Tensor, type TensorId } from './graph.ts'
import { constantIntegers, integersOf, rowsAndColumns, sizesOf, textOf, type TfModel, type TfNode } from './tfjs.ts'

interface Value {
  id: TensorId
  /** As TensorFlow has it. */
  shape: number[]
  /** Which axis of the graph's tensor each axis is. */
  axes: number[]
}

const identity = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis)
const same = (a: readonly unknown[], b: readonly unknown[]): boolean => String(a) === String(b)
const channelsFirst = [0, 3, 1, 2]

/**
 * @param shape the input wanted, channels last; the model's own may have them first
 * @throws ConfigError (PC-MODEL-CONVERT) for what the graph cannot hold.
 */
export function graphOfTfjs(model: TfModel, shape: readonly number[]): Graph {
  const reader = new Reader(model, shape)
  for (const node of model.nodes) reader.read(node)
  for (const name of model.outputs) reader.output(name)
  return reader.graph
}

class Reader {
  readonly graph: Graph = { tensors: new Map(), ops: [], inputs: [], outputs: [] }
  readonly #model: TfModel
  readonly #shape: readonly number[]
  readonly #values = new Map<string, Value>()

  constructor(model: TfModel, shape: readonly number[]) {
    this.#model = model
    this.#shape = shape
  }

  output(name: string): void {
    const { id, axes } = this.#value(name)
    if (!same(axes, identity(axes.length))) refuse('an output has its channels first')
    this.graph.outputs.push(id)
  }

  read(node: TfNode): void {
    const [input = '', second = ''] = node.inputs
    switch (node.op) {
      case 'Placeholder': return this.#input(node)
      case 'Identity': return this.#rename(node.name, this.#value(input))
      case 'Transpose': return this.#transpose(node)
      case 'Pad':
      case 'PadV2': return this.#pad(node)
      case 'Conv2D': return this.#convolution(node)
      case 'MaxPool': return this.#maxPool(node)
      case 'Add':
      case 'AddV2':
      case 'BiasAdd': return this.#add(node)
      case 'LeakyRelu': return this.#unary(node, { type: 'leaky-relu', alpha: node.attributes['alpha']?.f ?? 0.2 })
      case 'Sigmoid': return this.#unary(node, { type: 'sigmoid' })
      case 'ConcatV2': return this.#concat(node)
      case 'SplitV': return this.#split(node)
      case 'Reshape': return this.#reshape(node)
      case 'ResizeBilinear': {
        const [height = 0, width = 0] = constantIntegers(this.#model, second)
        const { id, shape: [pictures = 1, , , channels = 0] } = this.#channelsLast(input)
        const kind = { type: 'resize-bilinear', alignCorners: node.attributes['align_corners']?.b === true, halfPixel: node.attributes['half_pixel_centers']?.b === true } as const
        return this.#op(node.name, kind, [id], [pictures, height, width, channels])
      }
      // Shapes, which are worked out where they are used.
      case 'SparseToDense': return
      default: return refuse(`operator ${node.op} is not known`)
    }
  }

  #input(node: TfNode): void {
    const shape = sizesOf(node.attributes['shape'])
    const axes = same(shape, this.#shape) ? identity(shape.length) : channelsFirst
    if (!same(shape, axes.map((axis) => this.#shape[axis]))) refuse(`its input is not ${this.#shape.join('x')}`)
    const id = this.#tensor({ shape: [...this.#shape] })
    this.graph.inputs.push(id)
    this.#rename(node.name, { id, shape, axes })
  }

  #transpose(node: TfNode): void {
    const { id, shape, axes } = this.#value(node.inputs[0])
    const order = constantIntegers(this.#model, node.inputs[1])
    this.#rename(node.name, { id, shape: order.map((axis) => shape[axis] ?? 0), axes: order.map((axis) => axes[axis] ?? 0) })
  }

  #pad(node: TfNode): void {
    const [input, amounts, filling] = node.inputs
    const { id, shape, axes } = this.#value(input)
    const pads = constantIntegers(this.#model, amounts)
    const [before, after] = [identity(shape.length), identity(shape.length)]
    axes.forEach((axis, own) => {
      before[axis] = pads[2 * own] ?? 0
      after[axis] = pads[2 * own + 1] ?? 0
    })
    const value = filling === undefined ? 0 : (this.#floats(filling)[0] ?? 0)
    this.#op(node.name, { type: 'pad', before, after, value }, [id], shape.map((size, own) => size + (pads[2 * own] ?? 0) + (pads[2 * own + 1] ?? 0)), axes)
  }

  #convolution(node: TfNode): void {
    const { id, shape: [pictures = 1, ...area] } = this.#channelsLast(node.inputs[0])
    const [height = 0, width = 0, inputs = 0, outputs = 0] = this.#constant(node.inputs[1]).shape
    const data = this.#floats(node.inputs[1])
    // H x W x I x O in TensorFlow, O x H x W x I in the graph.
    const reordered = new Float32Array(data.length)
    const rest = height * width * inputs
    for (let at = 0; at < rest; at++) for (let output = 0; output < outputs; output++) reordered[output * rest + at] = data[at * outputs + output] ?? 0
    const weights = this.#tensor({ shape: [outputs, height, width, inputs], data: reordered })
    const stride = rowsAndColumns(node.attributes['strides'])
    const dilation = integersOf(node.attributes['dilations']).length === 0 ? [1, 1] as const : rowsAndColumns(node.attributes['dilations'])
    const padding = paddingOf(node)
    const reach = [(height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1]
    this.#op(node.name, { type: 'conv', depthwise: false, stride, dilation, padding }, [id, weights], [pictures, ...slide(area, reach, stride, padding), outputs])
  }

  #maxPool(node: TfNode): void {
    const { id, shape: [pictures = 1, ...area] } = this.#channelsLast(node.inputs[0])
    const [size, stride, padding] = [rowsAndColumns(node.attributes['ksize']), rowsAndColumns(node.attributes['strides']), paddingOf(node)]
    this.#op(node.name, { type: 'max-pool', size, stride, padding }, [id], [pictures, ...slide(area, size, stride, padding), area[2] ?? 0])
  }

  #add(node: TfNode): void {
    const [first, second] = node.inputs
    if (this.#model.constants.get(first ?? '')?.data instanceof Int32Array) return
    const left = this.#value(first)
    if (!this.#model.constants.has(second ?? '')) {
      const right = this.#value(second)
      if (!same(left.shape, right.shape) || !same(left.axes, right.axes)) refuse('it adds tensors of different shapes')
      return this.#op(node.name, { type: 'add' }, [left.id, right.id], left.shape, left.axes)
    }
    const { shape, data } = this.#constant(second)
    if (data.length !== 1 && !(shape.length === 1 && left.axes.at(-1) === left.axes.length - 1)) refuse('a constant does not broadcast over channels')
    this.#op(node.name, { type: 'add' }, [left.id, this.#tensor({ shape, data })], left.shape, left.axes)
  }

  #unary(node: TfNode, kind: OpKind): void {
    const { id, shape, axes } = this.#value(node.inputs[0])
    this.#op(node.name, kind, [id], shape, axes)
  }

  #concat(node: TfNode): void {
    const parts = node.inputs.slice(0, -1).map((input) => this.#value(input))
    const [{ shape, axes } = refuse('it joins nothing')] = parts
    const axis = fromStart(constantIntegers(this.#model, node.inputs.at(-1)), shape.length)
    if (parts.some((part) => !same(part.axes, axes))) refuse('it joins tensors of different orders')
    const joined = shape.with(axis, parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0))
    this.#op(node.name, { type: 'concat', axis: axes[axis] ?? 0 }, parts.map(({ id }) => id), joined, axes)
  }

  #split(node: TfNode): void {
    const { id, shape, axes } = this.#value(node.inputs[0])
    const axis = fromStart(constantIntegers(this.#model, node.inputs[2]), shape.length)
    let from = 0
    for (const [index, size] of constantIntegers(this.#model, node.inputs[1]).entries()) {
      const kind = { type: 'slice', axis: axes[axis] ?? 0, from, to: from + size } as const
      this.#op(index === 0 ? node.name : `${node.name}:${index}`, kind, [id], shape.with(axis, size), axes)
      from += size
    }
  }

  /** What keeps the order of the values in memory, or joins rows and columns with the channels first. */
  #reshape(node: TfNode): void {
    const { id, shape, axes } = this.#value(node.inputs[0])
    const total = shape.reduce((product, size) => product * size, 1)
    const wanted = constantIntegers(this.#model, node.inputs[1])
    const known = wanted.reduce((product, size) => product * (size === -1 ? 1 : size), 1)
    const target = wanted.map((size) => (size === -1 ? total / known : size))
    if (same(axes, identity(axes.length))) return this.#op(node.name, { type: 'reshape' }, [id], target)
    const [pictures = 1, channels = 0, ...area] = shape
    if (!same(axes, channelsFirst) || !same(target, [pictures, channels, area.reduce((product, size) => product * size, 1)])) refuse('it reshapes across channels')
    this.#op(node.name, { type: 'reshape' }, [id], target, [0, 2, 1])
  }

  #op(name: string, kind: OpKind, inputs: TensorId[], shape: number[], axes = identity(shape.length)): void {
    const stored = [...shape]
    axes.forEach((axis, own) => (stored[axis] = shape[own] ?? 0))
    const output = this.#tensor({ shape: stored })
    this.graph.ops.push({ ...kind, inputs, output })
    this.#rename(name, { id: output, shape, axes })
  }

  #rename(name: string, value: Value): void {
    this.#values.set(name, value)
  }

  #tensor(tensor: Tensor): TensorId {
    const id = this.graph.tensors.size
    this.graph.tensors.set(id, tensor)
    return id
  }

  #value(name: string | undefined): Value {
    return this.#values.get(name ?? '') ?? refuse('an operator uses a value that is not there')
  }

  #channelsLast(name: string | undefined): Value {
    const value = this.#value(name)
    return same(value.axes, identity(4)) ? value : refuse('an operator gets a picture with the channels first')
  }

  #constant(name: string | undefined): Required<Tensor> {
    return this.#model.constants.get(name ?? '') ?? refuse('an operator has no constant weights')
  }

  #floats(name: string | undefined): Float32Array {
    const { data } = this.#constant(name)
    return data instanceof Float32Array ? data : refuse('an operator has weights that are no floats')
  }
}

function paddingOf(node: TfNode): Padding {
  if (textOf(node.attributes['data_format']) !== 'NHWC') refuse('an operator wants the channels first')
  const padding = textOf(node.attributes['padding'])
  return padding === 'VALID' ? 'valid' : padding === 'SAME' ? 'same' : refuse(`padding ${padding} is not known`)
}

/** How often a window fits. */
const slide = (area: readonly number[], reach: readonly number[], stride: readonly number[], padding: Padding): number[] =>
  [0, 1].map((axis) => Math.ceil(((area[axis] ?? 0) - (padding === 'valid' ? (reach[axis] ?? 1) - 1 : 0)) / (stride[axis] ?? 1)))

const fromStart = ([axis = 0]: readonly number[], rank: number): number => (axis < 0 ? axis + rank : axis)

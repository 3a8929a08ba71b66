/**
 * Works out a TensorFlow.js graph operator by operator, as TensorFlow's documentation defines each:
 * seconds for a picture, but without the conversion's ideas about layouts. The known answers of converted
 * models come from here.
 */
import { refuse } from './graph.ts'
import { constantIntegers, integersOf, rowsAndColumns, sizesOf, textOf, type TfModel, type TfNode } from './tfjs.ts'

interface Value {
  shape: number[]
  data: Float32Array
}

/**
 * @param input channels last, whatever order the model itself has
 * @param shape of the input
 * @returns one array for each output
 * @throws ConfigError (PC-MODEL-CONVERT) at an operator that is not known.
 */
export function evaluateTfjs(model: TfModel, input: Float32Array, shape: number[]): Float32Array[] {
  const values = new Map<string, Value>()
  const value = (name: string | undefined): Value => {
    const found = values.get(name ?? '') ?? model.constants.get(name ?? '') ?? refuse('an operator uses a value that is not there')
    return found.data instanceof Float32Array ? { shape: found.shape, data: found.data } : refuse('an operator gets integers')
  }
  for (const node of model.nodes) {
    if (isShape(model, node)) continue
    const results = node.op === 'Placeholder' ? [inOwnOrder(node, { shape, data: input })] : evaluate(model, node, value)
    for (const [index, result] of results.entries()) values.set(index === 0 ? node.name : `${node.name}:${index}`, result)
  }
  return model.outputs.map((name) => value(name).data)
}

function inOwnOrder(node: TfNode, picture: Value): Value {
  const given = String(sizesOf(node.attributes['shape'])) === String(picture.shape) ? picture : transpose(picture, [0, 3, 1, 2])
  return String(sizesOf(node.attributes['shape'])) === String(given.shape) ? given : refuse('its input has another size')
}

const isShape = (model: TfModel, node: TfNode): boolean =>
  node.op === 'SparseToDense' || model.constants.get(node.inputs[0] ?? '')?.data instanceof Int32Array

function evaluate(model: TfModel, node: TfNode, value: (name: string | undefined) => Value): Value[] {
  const [first, second, third] = node.inputs
  const integers = (name: string | undefined): number[] => constantIntegers(model, name)
  const x = value(first)
  switch (node.op) {
    case 'Identity': return [x]
    case 'Transpose': return [transpose(x, integers(second))]
    case 'Pad': return [pad(x, integers(second), 0)]
    case 'PadV2': return [pad(x, integers(second), value(third).data[0] ?? 0)]
    case 'Conv2D': return [convolve(x, value(second), node)]
    case 'MaxPool': return [maxPool(x, node)]
    case 'Add':
    case 'AddV2': {
      // Broadcast of the trailing axes only: for all others the lengths do not divide.
      const { data } = value(second)
      return [{ shape: x.shape, data: x.data.map((each, index) => each + (data[index % data.length] ?? NaN)) }]
    }
    case 'LeakyRelu': return [{ shape: x.shape, data: x.data.map((each) => (each < 0 ? each * (node.attributes['alpha']?.f ?? 0.2) : each)) }]
    case 'Sigmoid': return [{ shape: x.shape, data: x.data.map((each) => 1 / (1 + Math.exp(-each))) }]
    case 'ConcatV2': return [concat(node.inputs.slice(0, -1).map(value), integers(node.inputs.at(-1))[0] ?? 0)]
    case 'SplitV': return split(x, integers(second), integers(third)[0] ?? 0)
    case 'Reshape': {
      const wanted = integers(second)
      const known = wanted.reduce((product, size) => product * Math.abs(size), 1)
      return [{ shape: wanted.map((size) => (size === -1 ? x.data.length / known : size)), data: x.data }]
    }
    case 'ResizeBilinear': return [resize(x, integers(second), node)]
    default: return refuse(`operator ${node.op} is not known`)
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)
const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))

/** The value at each place of the new tensor, by where it comes from in the old one. */
function gather(shape: number[], from: (place: readonly number[]) => number): Value {
  const data = new Float32Array(sizeOf(shape))
  const place = shape.map(() => 0)
  for (let at = 0; at < data.length; at++) {
    data[at] = from(place)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place[axis] = (place[axis] ?? 0) + 1
      if (place[axis] !== shape[axis]) break
      place[axis] = 0
    }
  }
  return { shape, data }
}

function transpose({ shape, data }: Value, order: readonly number[]): Value {
  const strides = stridesOf(shape)
  const steps = order.map((axis) => strides[axis] ?? 0)
  return gather(order.map((axis) => shape[axis] ?? 0), (place) => data[place.reduce((sum, each, axis) => sum + each * (steps[axis] ?? 0), 0)] ?? NaN)
}

function pad({ shape, data }: Value, amounts: readonly number[], filling: number): Value {
  const strides = stridesOf(shape)
  return gather(shape.map((size, axis) => size + (amounts[2 * axis] ?? 0) + (amounts[2 * axis + 1] ?? 0)), (place) => {
    let at = 0
    for (const [axis, each] of place.entries()) {
      const own = each - (amounts[2 * axis] ?? 0)
      if (own < 0 || own >= (shape[axis] ?? 0)) return filling
      at += own * (strides[axis] ?? 0)
    }
    return data[at] ?? NaN
  })
}

const unpadded = (node: TfNode): void => {
  const dilated = integersOf(node.attributes['dilations']).some((each) => each !== 1)
  if (textOf(node.attributes['padding']) !== 'VALID' || dilated) refuse('a window is padded or dilated')
}

/** N x H x W x I with H x W x I x O, sums in double precision. */
function convolve({ shape: [pictures = 1, height = 0, width = 0, inputs = 0], data }: Value, weights: Value, node: TfNode): Value {
  unpadded(node)
  const [rows = 0, columns = 0, , outputs = 0] = weights.shape
  const [down, across] = rowsAndColumns(node.attributes['strides'])
  const shape = [pictures, Math.floor((height - rows) / down) + 1, Math.floor((width - columns) / across) + 1, outputs]
  const [, high = 0, wide = 0] = shape
  const result = new Float32Array(sizeOf(shape))
  const sums = new Float64Array(outputs)
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
    sums.fill(0)
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
      const from = ((y * down + i) * width + x * across + j) * inputs
      for (let c = 0, at = (i * columns + j) * inputs * outputs; c < inputs; c++) {
        const each = data[from + c]!
        for (let o = 0; o < outputs; o++, at++) sums[o]! += each * weights.data[at]!
      }
    }
    result.set(sums, (y * wide + x) * outputs)
  }
  return { shape, data: result }
}

function maxPool({ shape: [pictures = 1, height = 0, width = 0, channels = 0], data }: Value, node: TfNode): Value {
  unpadded(node)
  const [[rows, columns], [down, across]] = [rowsAndColumns(node.attributes['ksize']), rowsAndColumns(node.attributes['strides'])]
  return gather([pictures, Math.floor((height - rows) / down) + 1, Math.floor((width - columns) / across) + 1, channels], ([, y = 0, x = 0, c = 0]) => {
    let most = -Infinity
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) most = Math.max(most, data[((y * down + i) * width + x * across + j) * channels + c] ?? NaN)
    return most
  })
}

function concat(parts: readonly Value[], axis: number): Value {
  const [{ shape } = refuse('it joins nothing')] = parts
  const joined = shape.with(axis, parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0))
  const data = new Float32Array(sizeOf(joined))
  const blocks = sizeOf(shape.slice(0, axis))
  let at = 0
  for (let block = 0; block < blocks; block++) for (const part of parts) {
    const size = part.data.length / blocks
    data.set(part.data.subarray(block * size, (block + 1) * size), at)
    at += size
  }
  return { shape: joined, data }
}

function split({ shape, data }: Value, sizes: readonly number[], axis: number): Value[] {
  const strides = stridesOf(shape)
  let from = 0
  return sizes.map((size) => {
    const start = from
    from += size
    return gather(shape.with(axis, size), (place) => data[place.reduce((sum, each, own) => sum + (own === axis ? each + start : each) * (strides[own] ?? 0), 0)] ?? NaN)
  })
}

function resize({ shape: [pictures = 1, height = 0, width = 0, channels = 0], data }: Value, [high = 0, wide = 0]: readonly number[], node: TfNode): Value {
  if (node.attributes['half_pixel_centers']?.b !== true) refuse('it resizes without half pixel centres')
  const place = (at: number, size: number, from: number): [number, number, number] => {
    const exact = Math.max(0, ((at + 0.5) * from) / size - 0.5)
    const low = Math.min(from - 1, Math.floor(exact))
    return [low, Math.min(from - 1, low + 1), exact - low]
  }
  return gather([pictures, high, wide, channels], ([, y = 0, x = 0, c = 0]) => {
    const [top, bottom, v] = place(y, high, height)
    const [left, right, u] = place(x, wide, width)
    const at = (row: number, column: number): number => data[(row * width + column) * channels + c] ?? NaN
    return (1 - v) * ((1 - u) * at(top, left) + u * at(top, right)) + v * ((1 - u) * at(bottom, left) + u * at(bottom, right))
  })
}

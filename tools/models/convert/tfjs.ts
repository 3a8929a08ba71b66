/// <reference lib="esnext.float16" />
/**
 * Opens TensorFlow.js graph models (`model.json` and one file of weights): TensorFlow's nodes in an order
 * in which each comes after what it needs, and their constants as floats and integers.
 */
import { parse, type Static, Type } from '../../../edge/base/schema.ts'
import { refuse, type Tensor } from './graph.ts'

const Strings = Type.Array(Type.String())

/** The parts of tensorflow.AttrValue (attr_value.proto) that are read; numbers are text, texts are Base64. */
const Attribute = Type.Object({
  s: Type.Optional(Type.String()),
  f: Type.Optional(Type.Number()),
  b: Type.Optional(Type.Boolean()),
  list: Type.Optional(Type.Object({ i: Type.Optional(Strings) })),
  shape: Type.Optional(Type.Object({ dim: Type.Optional(Type.Array(Type.Object({ size: Type.String() }))) })),
})

const Node = Type.Object({
  name: Type.String(),
  op: Type.String(),
  input: Type.Optional(Strings),
  attr: Type.Optional(Type.Record(Type.String(), Attribute)),
})

const Weight = Type.Object({
  name: Type.String(),
  shape: Type.Array(Type.Integer({ minimum: 0 })),
  dtype: Type.String(),
  quantization: Type.Optional(Type.Object({ dtype: Type.String() })),
})

const File = Type.Object({
  signature: Type.Object({ outputs: Type.Record(Type.String(), Type.Object({ name: Type.String() })) }),
  modelTopology: Type.Object({ node: Type.Array(Node) }),
  weightsManifest: Type.Array(Type.Object({ weights: Type.Array(Weight) })),
})

export type TfAttribute = Static<typeof Attribute>

export interface TfNode {
  name: string
  op: string
  /** `name` of a node, or `name:1` for its second output. */
  inputs: string[]
  attributes: { readonly [name: string]: TfAttribute }
}

export interface TfModel {
  /** All but the constants, each after what it needs. */
  nodes: TfNode[]
  constants: Map<string, Required<Tensor>>
  /** Names of values, in the order of their numbers. */
  outputs: string[]
}

/** @throws ConfigError (PC-MODEL-CONVERT); InputError (PC-MODEL-CONVERT) when the file is no such model at all. */
export function openTfjs(model: Uint8Array, weights: Uint8Array): TfModel {
  const file = parse(File, readJson(model), 'PC-MODEL-CONVERT', 'TensorFlow.js model')
  const nodes = new Map(file.modelTopology.node.map(({ name, op, input = [], attr = {} }): [string, TfNode] =>
    [name, { name, op, inputs: input.map(plain), attributes: attr }]))
  const constants = readConstants(file.weightsManifest.flatMap((group) => group.weights), weights)
  const outputs = Object.values(file.signature.outputs).map(({ name }) => plain(name))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return { nodes: inOrder(nodes, outputs).filter(({ op }) => op !== 'Const'), constants, outputs }
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return refuse('its description is no JSON')
  }
}

/** The first output of a node is named by the node alone. */
const plain = (name: string): string => name.replace(/:0$/, '')
const nodeOf = (value: string): string => value.replace(/:\d+$/, '')

/** Depth first from the outputs, without recursion: models are deep. */
function inOrder(nodes: ReadonlyMap<string, TfNode>, outputs: readonly string[]): TfNode[] {
  const ordered: TfNode[] = []
  const state = new Map<string, 'open' | 'done'>()
  const stack = outputs.map(nodeOf).toReversed()
  while (stack.length > 0) {
    const name = stack.at(-1) ?? ''
    const node = nodes.get(name) ?? refuse(`node ${name} is missing`)
    if (state.get(name) === undefined) {
      state.set(name, 'open')
      const needed = node.inputs.map(nodeOf).filter((input) => state.get(input) !== 'done')
      if (needed.some((input) => state.get(input) === 'open')) refuse('it has a loop')
      stack.push(...needed.toReversed())
      continue
    }
    stack.pop()
    if (state.get(name) === 'open') ordered.push(node)
    state.set(name, 'done')
  }
  return ordered
}

function readConstants(weights: readonly Static<typeof Weight>[], bytes: Uint8Array): Map<string, Required<Tensor>> {
  const constants = new Map<string, Required<Tensor>>()
  let at = 0
  for (const { name, shape, dtype, quantization } of weights) {
    const length = shape.reduce((product, size) => product * size, 1)
    const stored = quantization?.dtype ?? dtype
    const size = stored === 'float16' ? 2 : 4
    if (at + length * size > bytes.length) refuse('its weights are cut off')
    // A copy: typed arrays need their own alignment.
    const { buffer } = Uint8Array.from(bytes.subarray(at, at + length * size))
    at += length * size
    constants.set(name, { shape, data: decode(stored, buffer) })
  }
  if (at !== bytes.length) refuse('it has more weights than it says')
  return constants
}

function decode(stored: string, buffer: ArrayBuffer): Float32Array | Int32Array {
  switch (stored) {
    case 'float32': return new Float32Array(buffer)
    case 'float16': return Float32Array.from(new Float16Array(buffer))
    case 'int32': return new Int32Array(buffer)
    default: return refuse(`it has weights of type ${stored}`)
  }
}

const rankMax = 8

/** A value that depends on constants only, as shapes and axes do. */
export function constantIntegers(model: TfModel, name: string | undefined): number[] {
  const data = model.constants.get(name ?? '')?.data
  if (data instanceof Int32Array) return [...data]
  const node = model.nodes.find((each) => each.name === name)
  if (node?.op === 'AddV2') {
    const [left = [], right = []] = node.inputs.map((input) => constantIntegers(model, input))
    return left.map((value, index) => value + (right[index] ?? 0))
  }
  if (node?.op === 'SparseToDense') {
    const [places = [], [length = 0] = [], , [value = 0] = []] = node.inputs.map((input) => constantIntegers(model, input))
    if (places.length === 0 && length >= 0 && length <= rankMax) return new Array<number>(length).fill(value)
  }
  return refuse('an operator has no constant parameters')
}

export const integersOf = (attribute: TfAttribute | undefined): number[] => (attribute?.list?.i ?? []).map(Number)
export const textOf = (attribute: TfAttribute | undefined): string => Buffer.from(attribute?.s ?? '', 'base64').toString()
export const sizesOf = (attribute: TfAttribute | undefined): number[] => (attribute?.shape?.dim ?? []).map(({ size }) => Number(size))

/** Rows and columns out of a list that also has the picture and the channel. */
export function rowsAndColumns(attribute: TfAttribute | undefined): [number, number] {
  const [pictures = 1, rows = 1, columns = 1, channels = 1] = integersOf(attribute)
  return pictures === 1 && channels === 1 ? [rows, columns] : refuse('an operator steps over pictures or channels')
}

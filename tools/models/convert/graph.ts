/**
 * A small tensor graph between the file formats: single outputs, float tensors in NHWC order, and
 * only the operators that the shipped models use. An unknown one stops the conversion.
 */
import { ConfigError } from '../../../edge/base/error.ts'

export type TensorId = number

export interface Tensor {
  shape: number[]
  /** Present when the tensor is a constant. */
  data?: Float32Array | Int32Array
}

type Pair = readonly [height: number, width: number]
/** As TensorFlow has it, or by how much on each side. */
export type Padding = 'same' | 'valid' | readonly [top: number, left: number, bottom: number, right: number]

export type OpKind =
  | { type: 'conv'; depthwise: boolean; stride: Pair; dilation: Pair; padding: Padding }
  | { type: 'max-pool' | 'average-pool'; size: Pair; stride: Pair; padding: Padding }
  | { type: 'dense' | 'add' | 'sub' | 'mul' | 'relu' | 'abs' | 'sigmoid' | 'prelu' | 'reshape' | 'greater-equal' | 'less' | 'to-float' }
  | { type: 'leaky-relu'; alpha: number }
  | { type: 'pad'; before: number[]; after: number[]; value: number }
  | { type: 'concat'; axis: number }
  | { type: 'slice'; axis: number; from: number; to: number }
  | { type: 'resize-bilinear'; alignCorners: boolean; halfPixel: boolean }

export type Op = OpKind & { inputs: TensorId[]; output: TensorId }

export interface Graph {
  tensors: Map<TensorId, Tensor>
  ops: Op[]
  inputs: TensorId[]
  outputs: TensorId[]
}

/** @throws ConfigError (PC-MODEL-CONVERT). */
export function refuse(what: string): never {
  throw new ConfigError('PC-MODEL-CONVERT', `The model cannot be converted: ${what}.`)
}

export function tensor(graph: Graph, id: TensorId): Tensor {
  return graph.tensors.get(id) ?? refuse(`tensor ${id} is missing`)
}

/** The float data of a constant. */
export function floats(graph: Graph, id: TensorId): Float32Array {
  const { data } = tensor(graph, id)
  return data instanceof Float32Array ? data : refuse(`tensor ${id} is no float constant`)
}

export const isConstant = (graph: Graph, id: TensorId): boolean => graph.tensors.get(id)?.data !== undefined

/**
 * Puts PReLU back where training frameworks wrote it as relu(x) + c (x - |x|), with alpha = 2c:
 * five operators become one that an engine can keep in its fast layout.
 */
export function recoverPrelu(graph: Graph): void {
  const producers = new Map(graph.ops.map((op) => [op.output, op]))
  for (const [index, op] of graph.ops.entries()) {
    if (op.type !== 'add') continue
    const relu = op.inputs.map((id) => producers.get(id)).find((each) => each?.type === 'relu')
    const scaled = op.inputs.map((id) => producers.get(id)).find((each) => each?.type === 'mul')
    if (relu === undefined || scaled === undefined) continue
    const slope = scaled.inputs.find((id) => isConstant(graph, id))
    const difference = scaled.inputs.map((id) => producers.get(id)).find((each) => each?.type === 'sub')
    const [x, magnitude] = difference?.inputs ?? []
    const abs = magnitude === undefined ? undefined : producers.get(magnitude)
    if (slope === undefined || x === undefined || abs?.type !== 'abs' || abs.inputs[0] !== x || relu.inputs[0] !== x) continue
    const alpha = newTensor(graph, { shape: tensor(graph, slope).shape, data: floats(graph, slope).map((value) => 2 * value) })
    graph.ops[index] = { type: 'prelu', inputs: [x, alpha], output: op.output }
  }
  dropUnused(graph)
}

/** Lets windows pad by themselves where a tensor was padded for them with what they would pad with. */
export function joinPadding(graph: Graph): void {
  const producers = new Map(graph.ops.map((op) => [op.output, op]))
  for (const op of graph.ops) {
    const pad = producers.get(op.inputs[0] ?? -1)
    const fills = op.type === 'conv' ? 0 : op.type === 'max-pool' ? -Infinity : undefined
    if (pad?.type !== 'pad' || pad.value !== fills || (op.type !== 'conv' && op.type !== 'max-pool') || op.padding !== 'valid') continue
    const [, top = 0, left = 0, channelsBefore] = pad.before
    const [, bottom = 0, right = 0, channelsAfter] = pad.after
    if (channelsBefore !== 0 || channelsAfter !== 0) continue
    op.padding = [top, left, bottom, right]
    op.inputs = [...pad.inputs, ...op.inputs.slice(1)]
  }
  dropUnused(graph)
}

/** Operators and tensors that no output needs. */
export function dropUnused(graph: Graph): void {
  const needed = new Set(graph.outputs)
  for (const op of graph.ops.toReversed()) if (needed.has(op.output)) op.inputs.forEach((id) => needed.add(id))
  graph.ops = graph.ops.filter((op) => needed.has(op.output))
  for (const id of graph.tensors.keys()) if (!needed.has(id) && !graph.inputs.includes(id)) graph.tensors.delete(id)
}

function newTensor(graph: Graph, value: Tensor): TensorId {
  const id = Math.max(...graph.tensors.keys()) + 1
  graph.tensors.set(id, value)
  return id
}

/** From a model as it was published to the files for the engines. */
import { joinPadding, recoverPrelu, refuse, tensor, type Graph } from './graph.ts'
import { writeOnnx } from './onnx.ts'
import { readTflite, withoutBatch } from './tflite.ts'
import { openTfjs } from './tfjs.ts'
import { graphOfTfjs } from './tfjs-graph.ts'

/** A model as it was published. */
export interface Published {
  /** TensorFlow Lite, or the description of a TensorFlow.js graph. */
  model: Uint8Array
  /** Of a TensorFlow.js graph. */
  weights?: Uint8Array
  /** How many pictures the published file takes at a time; 1 without. */
  storedBatch?: number
}

export interface ConvertedModel {
  onnx: Uint8Array
  /** Not for what was published for TensorFlow.js. */
  tflite?: Uint8Array
}

/**
 * @param shape the input that the files must have
 * @throws ConfigError (PC-MODEL-CONVERT).
 */
export function convertModel(name: string, { model, weights, storedBatch = 1 }: Published, shape: readonly number[]): ConvertedModel {
  if (weights !== undefined) {
    const graph = graphOfTfjs(openTfjs(model, weights), shape)
    joinPadding(graph)
    return { onnx: checked(name, graph, shape) }
  }
  const tflite = storedBatch === 1 ? model : withoutBatch(model, storedBatch)
  const graph = readTflite(tflite)
  recoverPrelu(graph)
  return { onnx: checked(name, graph, shape), tflite }
}

function checked(name: string, graph: Graph, shape: readonly number[]): Uint8Array {
  const [input = -1] = graph.inputs
  if (graph.inputs.length !== 1 || String(tensor(graph, input).shape) !== String(shape)) refuse(`its input is not ${shape.join('x')}`)
  return writeOnnx(graph, name)
}

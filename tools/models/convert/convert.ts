/** From a model as it was published to the files for both engines. */
import { readTflite, withoutBatch } from './tflite.ts'
import { recoverPrelu, refuse, tensor } from './graph.ts'
import { writeOnnx } from './onnx.ts'

export interface ConvertedModel {
  onnx: Uint8Array
  tflite: Uint8Array
}

/**
 * @param shape the input that the files must have
 * @param storedBatch how many pictures the published file takes at a time
 * @throws ConfigError (PC-MODEL-CONVERT).
 */
export function convertModel(name: string, published: Uint8Array, shape: readonly number[], storedBatch = 1): ConvertedModel {
  const tflite = storedBatch === 1 ? published : withoutBatch(published, storedBatch)
  const graph = readTflite(tflite)
  recoverPrelu(graph)
  const [input = -1] = graph.inputs
  if (graph.inputs.length !== 1 || String(tensor(graph, input).shape) !== String(shape)) refuse(`its input is not ${shape.join('x')}`)
  return { onnx: writeOnnx(graph, name), tflite }
}

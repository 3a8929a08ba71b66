/**
 * What runs neural nets: ONNX Runtime where its native binary exists for the machine, LiteRT as
 * WebAssembly elsewhere.
 *
 * Running a model blocks its thread: engines belong into a worker (see ../worker.ts).
 */
export type EngineName = 'onnx' | 'litert'

/** A loaded net with one float input. */
export interface Net {
  /**
   * @param input values in the order of the net's input shape; taken over and released
   * @returns one array for each output, in order
   */
  run(input: Float32Array): Promise<Float32Array[]>
  dispose(): Promise<void>
}

export interface Engine {
  readonly name: EngineName
  /** The file format that it reads. */
  readonly format: 'onnx' | 'tflite'
  /** @throws ConfigError (PC-MODEL-LOAD) when the file is no model that this engine can run. */
  load(file: string, shape: readonly number[]): Promise<Net>
}

/**
 * What runs neural nets: ONNX Runtime where its native binary exists for the machine, LiteRT as
 * WebAssembly elsewhere.
 *
 * Running a model blocks its thread: engines belong into a worker (see ../worker.ts).
 */
import { ConfigError } from '../../base/error.ts'
import { openLiteRt } from './litert.ts'
import { openOnnxRuntime } from './onnx.ts'

export type EngineName = 'onnx' | 'litert'

/** A loaded net with one float input. */
export interface Net {
  /** @param input values in the order of the net's input shape @returns one array for each output, in order */
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

export interface EngineOptions {
  /** Default: ONNX Runtime, and LiteRT where it cannot be loaded. */
  engine?: EngineName | undefined
  /**
   * Treats tiny numbers as zero, up to seven times faster on some nets. It changes the float mode of the
   * calling thread for good: only in a thread that does nothing else.
   */
  denormalsAsZero?: boolean
}

/** @throws ConfigError (PC-MODEL-ENGINE) when the engine asked for, or no engine at all, can run here. */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  if (options.engine === 'litert') return await orRefuse(openLiteRt())
  const onnx = openOnnxRuntime(options.denormalsAsZero === true)
  if (options.engine === 'onnx') return await orRefuse(onnx)
  return await onnx.catch(() => orRefuse(openLiteRt()))
}

async function orRefuse(opening: Promise<Engine>): Promise<Engine> {
  try {
    return await opening
  } catch (cause) {
    throw new ConfigError('PC-MODEL-ENGINE', 'No engine for neural nets can run on this machine; reinstall the program for its processor.', { cause })
  }
}

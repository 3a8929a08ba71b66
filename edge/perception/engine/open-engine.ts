/** Picks the engine that runs on this machine. */
import { ConfigError } from '../../base/error.ts'
import type { Engine, EngineName } from './engine.ts'
import { openLiteRt } from './litert.ts'
import { openOnnxRuntime } from './onnx.ts'

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

/** ONNX Runtime, native, on one thread. */
import type { InferenceSession, TypedTensor } from 'onnxruntime-node'
import { ConfigError } from '../../base/error.ts'
import type { Engine, Net } from './engine.ts'
import { release } from './release.ts'

/** Nets with more input values than this give their memory back after each run. */
const arenaInputsMax = 150_000

/** Rejects where the package has no binary for this machine. */
export async function openOnnxRuntime(denormalsAsZero: boolean): Promise<Engine> {
  const runtime = (await import('onnxruntime-node')).default
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    extra: { session: denormalsAsZero ? { set_denormal_as_zero: '1' } : {} },
  }
  return {
    name: 'onnx',
    format: 'onnx',
    async load(file, shape) {
      try {
        // An arena keeps its memory for the next run: quick for small nets, but too much for a large one.
        const arena = shape.reduce((product, size) => product * size, 1) <= arenaInputsMax
        const session = await runtime.InferenceSession.create(file, { ...options, enableCpuMemArena: arena, enableMemPattern: arena })
        return net(session, (input) => new runtime.Tensor('float32', input, shape))
      } catch (cause) {
        throw new ConfigError('PC-MODEL-LOAD', 'A model file cannot be loaded; run the set-up again.', { cause })
      }
    },
  }
}

function net(session: InferenceSession, tensor: (input: Float32Array) => TypedTensor<'float32'>): Net {
  const [inputName = ''] = session.inputNames
  return {
    async run(input) {
      const results = await session.run({ [inputName]: tensor(input) })
      release(input)
      return session.outputNames.map((name) => results[name]?.data as Float32Array)
    },
    dispose: () => session.release(),
  }
}

/** The perception worker: all neural nets run here, and nothing else. */
import { serveWorker } from '../run/worker-program.ts'
import type { EngineName } from './engine/engine.ts'
import { FaceAnalyser, type Wanted } from './face/analyser.ts'

export interface PerceptionSetup {
  /** Folder of the models. */
  models: string
  /** Default: the fastest that runs here. */
  engine?: EngineName
}

export interface AnalyseRequest {
  jpeg: Uint8Array
  wanted: Wanted
}

await serveWorker(async (data) => {
  const { models, engine } = data as PerceptionSetup
  // The thread does nothing but run nets: its float mode may be changed.
  const analyser = await FaceAnalyser.load(models, engine, true)
  return {
    about: analyser.models,
    handle: (request) => {
      const { jpeg, wanted } = request as AnalyseRequest
      return analyser.analyse(jpeg, wanted)
    },
  }
})

/** The models that set-up made, and loading one so that it can be trusted. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../base/error.ts'
import { parse, type Static, Type } from '../../base/schema.ts'
import type { Engine, EngineName, Net } from './engine.ts'
import { deviation, knownInput, KnownAnswer } from './known-answer.ts'

const File = Type.Object({ file: Type.String(), sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }) })

export const ModelEntry = Type.Object({
  /** NHWC for pictures. */
  shape: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 4 }),
  onnx: File,
  /** Some models are there for ONNX Runtime alone. */
  tflite: Type.Optional(File),
  answer: KnownAnswer,
})
export type ModelEntry = Static<typeof ModelEntry>

/** `manifest.json` of a models folder. */
export const ModelManifest = Type.Object({ models: Type.Record(Type.String(), ModelEntry) })
export type ModelManifest = Static<typeof ModelManifest>

/** Which weights a decision rests on: goes into the fact. */
export interface ModelIdentity {
  name: string
  /** Of the model file. */
  sha256: string
  engine: EngineName
}

export interface Model extends ModelIdentity, Net {}

/** @throws ConfigError (PC-MODEL-MISSING) when set-up has not run; InputError (PC-MODEL-MANIFEST). */
export async function readManifest(folder: string): Promise<ModelManifest> {
  let text: string
  try {
    text = await readFile(join(folder, 'manifest.json'), 'utf8')
  } catch (cause) {
    throw new ConfigError('PC-MODEL-MISSING', 'The models are not there; run the set-up.', { cause })
  }
  return parse(ModelManifest, JSON.parse(text), 'PC-MODEL-MANIFEST', 'models manifest')
}

/**
 * Loads one model: its file must be the one that set-up wrote, and its answer the known one.
 * @throws ConfigError (PC-MODEL-MISSING, PC-MODEL-ENGINE, PC-MODEL-HASH, PC-MODEL-LOAD, PC-MODEL-ANSWER).
 */
export async function loadModel(engine: Engine, folder: string, manifest: ModelManifest, name: string): Promise<Model> {
  const entry = manifest.models[name]
  if (entry === undefined) throw new ConfigError('PC-MODEL-MISSING', `There is no model ${name}; run the set-up.`)
  const stored = entry[engine.format]
  if (stored === undefined) throw new ConfigError('PC-MODEL-ENGINE', `The model ${name} cannot run on ${engine.name}, the engine of this machine.`)
  const { file, sha256 } = stored
  const path = join(folder, file)
  if ((await hashOf(path, name)) !== sha256) throw new ConfigError('PC-MODEL-HASH', `The file of model ${name} was changed; run the set-up again.`)
  const net = await engine.load(path, entry.shape)
  const input = knownInput(entry.shape.reduce((product, size) => product * size, 1), entry.answer)
  const off = deviation(await net.run(input), entry.answer)
  if (!(off <= entry.answer.tolerance)) {
    await net.dispose()
    throw new ConfigError('PC-MODEL-ANSWER', `The model ${name} does not give its known answer on this machine and is not used.`)
  }
  return { name, sha256, engine: engine.name, run: (values) => net.run(values), dispose: () => net.dispose() }
}

async function hashOf(path: string, name: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  } catch (cause) {
    throw new ConfigError('PC-MODEL-MISSING', `The file of model ${name} is not there; run the set-up.`, { cause })
  }
  return hash.digest('hex')
}

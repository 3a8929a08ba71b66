/** Converts the pinned models into `build/models` and proves each on every engine that runs here. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../edge/base/error.ts'
import type { Engine, EngineName } from '../../edge/perception/engine/engine.ts'
import { knownInput, type KnownAnswer, summarise } from '../../edge/perception/engine/known-answer.ts'
import { loadModel, type ModelManifest } from '../../edge/perception/engine/models.ts'
import { openEngine } from '../../edge/perception/engine/open-engine.ts'
import { convertModel, type Published } from './convert/convert.ts'
import { openTfjs } from './convert/tfjs.ts'
import { evaluateTfjs } from './convert/tfjs-reference.ts'
import type { Expected, PinnedModel, Pins } from './pins.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The model as published, out of the files that hold it. */
export async function published(pins: Pins, model: PinnedModel, sources: string): Promise<Published> {
  const read = async (file: string): Promise<Buffer> => {
    const hash = pins.sources[model.source]?.files[file]
    if (hash === undefined) throw new ConfigError('PC-MODEL-MANIFEST', `The pins name no file ${file}.`)
    return await readFile(join(sources, hash))
  }
  const content = await read(model.file)
  return {
    model: model.slice === undefined ? content : content.subarray(...model.slice),
    ...(model.weights === undefined ? {} : { weights: await read(model.weights) }),
    ...(model.storedBatch === undefined ? {} : { storedBatch: model.storedBatch }),
  }
}

/**
 * Writes the model files and their manifest into `folder`.
 * @throws ConfigError (PC-MODEL-CONVERT, PC-MODEL-HASH, PC-MODEL-ANSWER).
 */
export async function buildModels(pins: Pins, sources: string, folder: string, say: (text: string) => void): Promise<void> {
  await mkdir(folder, { recursive: true })
  const manifest: ModelManifest = { models: {} }
  for (const [name, model] of Object.entries(pins.models)) {
    const expected = pins.answers[name]
    if (expected === undefined) throw new ConfigError('PC-MODEL-ANSWER', `The known answer of ${name} was never recorded.`)
    const converted = convertModel(name, await published(pins, model, sources), model.shape)
    const files: Partial<Record<'onnx' | 'tflite', { file: string; sha256: string }>> = {}
    for (const format of ['onnx', 'tflite'] as const) {
      const content = converted[format]
      if ((content && sha256(content)) !== expected[format]) {
        throw new ConfigError('PC-MODEL-HASH', `The conversion of ${name} gave another file than the recorded one.`)
      }
      if (content === undefined || expected[format] === undefined) continue
      files[format] = { file: `${name}.${format}`, sha256: expected[format] }
      await writeFile(join(folder, files[format].file), content)
    }
    manifest.models[name] = { shape: model.shape, answer: expected.answer, onnx: { file: `${name}.onnx`, sha256: expected.onnx }, ...files }
  }
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  await prove(folder, manifest, say)
}

/** Every model gives its known answer on each engine; one of the two must run here. */
async function prove(folder: string, manifest: ModelManifest, say: (text: string) => void): Promise<void> {
  await openEngine()
  for (const name of ['onnx', 'litert'] satisfies EngineName[]) {
    const engine = await openEngine({ engine: name }).catch(() => undefined)
    if (engine === undefined) {
      say(`engine ${name} does not run on this machine`)
      continue
    }
    const models = Object.entries(manifest.models).filter(([, entry]) => entry[engine.format] !== undefined)
    for (const [model] of models) await (await loadModel(engine, folder, manifest, model)).dispose()
    say(`${models.length} models give their known answers on ${name}`)
  }
}

/** Takes the known answers from the published files: on LiteRT, which runs its own as they are, and by evaluation. */
export async function recordAnswers(pins: Pins, sources: string, scratch: string): Promise<Record<string, Expected>> {
  const engine = await openEngine({ engine: 'litert' })
  await mkdir(scratch, { recursive: true })
  const answers: Record<string, Expected> = {}
  for (const [name, model] of Object.entries(pins.models)) {
    const original = await published(pins, model, sources)
    const recipe: Omit<KnownAnswer, 'outputs'> = { seed: 20_261, range: model.range, tolerance: 1e-4 }
    const input = knownInput(model.shape.reduce((product, size) => product * size, 1), recipe)
    const outputs = original.weights === undefined
      ? await runOriginal(engine, join(scratch, `${name}.original.tflite`), original, model.shape, input)
      : evaluateTfjs(openTfjs(original.model, original.weights), input, model.shape)
    const { onnx, tflite } = convertModel(name, original, model.shape)
    answers[name] = { onnx: sha256(onnx), ...(tflite === undefined ? {} : { tflite: sha256(tflite) }), answer: { ...recipe, outputs: outputs.map(summarise) } }
  }
  return answers
}

/** Runs the file as it was published, with the same picture as often as it wants. */
async function runOriginal(engine: Engine, file: string, { model, storedBatch = 1 }: Published, shape: number[], one: Float32Array): Promise<Float32Array[]> {
  await writeFile(file, model)
  const net = await engine.load(file, [storedBatch, ...shape.slice(1)])
  const input = new Float32Array(one.length * storedBatch)
  for (let index = 0; index < storedBatch; index++) input.set(one, index * one.length)
  const outputs = await net.run(input)
  await net.dispose()
  return outputs.map((output) => output.subarray(0, output.length / storedBatch))
}

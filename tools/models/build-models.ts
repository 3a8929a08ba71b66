/** Converts the pinned models into `build/models` and proves each on every engine that runs here. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../edge/base/error.ts'
import type { EngineName } from '../../edge/perception/engine/engine.ts'
import { knownInput, type KnownAnswer, summarise } from '../../edge/perception/engine/known-answer.ts'
import { loadModel, type ModelManifest } from '../../edge/perception/engine/models.ts'
import { openEngine } from '../../edge/perception/engine/open-engine.ts'
import { convertModel } from './convert/convert.ts'
import type { Expected, PinnedModel, Pins } from './pins.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The model as published, out of the file that holds it. */
async function published(pins: Pins, model: PinnedModel, sources: string): Promise<Buffer> {
  const hash = pins.sources[model.source]?.files[model.file]
  if (hash === undefined) throw new ConfigError('PC-MODEL-MANIFEST', `The pins name no file ${model.file}.`)
  const content = await readFile(join(sources, hash))
  return model.slice === undefined ? content : content.subarray(...model.slice)
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
    const converted = convertModel(name, await published(pins, model, sources), model.shape, model.storedBatch)
    for (const format of ['onnx', 'tflite'] as const) {
      if (sha256(converted[format]) !== expected[format]) {
        throw new ConfigError('PC-MODEL-HASH', `The conversion of ${name} gave another file than the recorded one.`)
      }
      await writeFile(join(folder, `${name}.${format}`), converted[format])
    }
    manifest.models[name] = {
      shape: model.shape, answer: expected.answer,
      onnx: { file: `${name}.onnx`, sha256: expected.onnx },
      tflite: { file: `${name}.tflite`, sha256: expected.tflite },
    }
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
    for (const model of Object.keys(manifest.models)) await (await loadModel(engine, folder, manifest, model)).dispose()
    say(`${Object.keys(manifest.models).length} models give their known answers on ${name}`)
  }
}

/** Takes the known answers from the published files on LiteRT, which runs them as they are. */
export async function recordAnswers(pins: Pins, sources: string, scratch: string): Promise<Record<string, Expected>> {
  const engine = await openEngine({ engine: 'litert' })
  await mkdir(scratch, { recursive: true })
  const answers: Record<string, Expected> = {}
  for (const [name, model] of Object.entries(pins.models)) {
    const original = await published(pins, model, sources)
    const file = join(scratch, `${name}.original.tflite`)
    await writeFile(file, original)
    const batch = model.storedBatch ?? 1
    const net = await engine.load(file, [batch, ...model.shape.slice(1)])
    const recipe: Omit<KnownAnswer, 'outputs'> = { seed: 20_261, range: model.range, tolerance: 1e-4 }
    const one = knownInput(model.shape.reduce((product, size) => product * size, 1), recipe)
    const input = new Float32Array(one.length * batch)
    for (let index = 0; index < batch; index++) input.set(one, index * one.length)
    const outputs = (await net.run(input)).map((output) => summarise(output.subarray(0, output.length / batch)))
    await net.dispose()
    const converted = convertModel(name, original, model.shape, model.storedBatch)
    answers[name] = { onnx: sha256(converted.onnx), tflite: sha256(converted.tflite), answer: { ...recipe, outputs } }
  }
  return answers
}

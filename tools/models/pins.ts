/** `manifest.json`: where models and demo pictures come from, pinned, and what must become of them. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, type Static, Type } from '../../edge/base/schema.ts'
import { KnownAnswer } from '../../edge/perception/engine/known-answer.ts'

const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })

const Source = Type.Object({
  /** `name@version` of an npm package. */
  package: Type.String(),
  /** Of its tarball, as the registry states it. */
  integrity: Type.String({ pattern: '^sha512-' }),
  licence: Type.String(),
  /** The files kept from it, with their SHA-256; all others are dropped. */
  files: Type.Record(Type.String(), Sha256),
})
export type Source = Static<typeof Source>

const PinnedModel = Type.Object({
  source: Type.String(),
  /** TensorFlow Lite, or the description of a TensorFlow.js graph. */
  file: Type.String(),
  /** The file of a TensorFlow.js graph's weights. */
  weights: Type.Optional(Type.String()),
  /** First byte, and the one after the last, where the file holds more than the model. */
  slice: Type.Optional(Type.Tuple([Type.Integer(), Type.Integer()])),
  /** The file was stored for this many pictures at a time; one is wanted. */
  storedBatch: Type.Optional(Type.Integer({ minimum: 2 })),
  shape: Type.Array(Type.Integer({ minimum: 1 })),
  /** Range of the inputs that the model was trained on. */
  range: Type.Tuple([Type.Number(), Type.Number()]),
})
export type PinnedModel = Static<typeof PinnedModel>

/**
 * What the conversion must give, taken once (`prepare.ts --record`): TensorFlow Lite from the original file on
 * LiteRT, TensorFlow.js from the reference evaluation.
 */
const Expected = Type.Object({ onnx: Sha256, tflite: Type.Optional(Sha256), answer: KnownAnswer })
export type Expected = Static<typeof Expected>

const Pins = Type.Object({
  sources: Type.Record(Type.String(), Source),
  models: Type.Record(Type.String(), PinnedModel),
  answers: Type.Record(Type.String(), Expected),
})
export type Pins = Static<typeof Pins>

const file = join(import.meta.dirname, 'manifest.json')

export async function readPins(): Promise<Pins> {
  return parse(Pins, JSON.parse(await readFile(file, 'utf8')), 'PC-MODEL-MANIFEST', 'pins of the models')
}

export async function writePins(pins: Pins): Promise<void> {
  await writeFile(file, `${JSON.stringify(pins, undefined, 2)}\n`)
}

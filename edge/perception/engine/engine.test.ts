import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Engine, EngineName } from './engine.ts'
import { deviation, knownInput, summarise } from './known-answer.ts'
import { loadModel, readManifest } from './models.ts'
import { openEngine } from './open-engine.ts'

const folder = join(import.meta.dirname, '../../../build/models')
const skip = existsSync(join(folder, 'manifest.json')) ? false : 'no models: run the set-up'

void t.test('known answers tell right from wrong', async (t) => {
  const recipe = { seed: 7, range: [-1, 1] as [number, number], tolerance: 1e-4 }
  t.same(knownInput(3, recipe), knownInput(3, recipe))
  t.ok(knownInput(1_000, recipe).every((value) => value >= -1 && value < 1))
  const output = knownInput(100, recipe)
  const answer = { ...recipe, outputs: [summarise(output)] }
  t.equal(deviation([output], answer), 0)
  t.ok(deviation([new Float32Array(100)], answer) > 0.5, 'all zeros, as LiteRT answers for what it does not know')
  const wrong = output.slice()
  wrong[1] = 5
  t.ok(deviation([wrong], answer) > 0.01, 'one wrong value between the samples')
  t.equal(deviation([output.slice(1)], answer), Infinity)
  t.equal(deviation([], answer), Infinity)
  t.equal(deviation([output.fill(Number.NaN)], answer), Infinity)
})

void t.test('the engines give every known answer, and agree on other inputs', { skip }, async (t) => {
  const manifest = await readManifest(folder)
  const engines = new Map<EngineName, Engine>()
  for (const name of ['onnx', 'litert'] satisfies EngineName[]) engines.set(name, await openEngine({ engine: name }))
  for (const [name, entry] of Object.entries(manifest.models)) {
    const input = (): Float32Array => knownInput(entry.shape.reduce((product, size) => product * size, 1), { seed: 99, range: entry.answer.range })
    const outputs: Float32Array[][] = []
    for (const engine of engines.values()) {
      const file = entry[engine.format]
      if (file === undefined) {
        await t.rejects(loadModel(engine, folder, manifest, name), { code: 'PC-MODEL-ENGINE' }, `${name} is not for ${engine.name}`)
        continue
      }
      const model = await loadModel(engine, folder, manifest, name)
      t.equal(model.sha256, file.sha256)
      outputs.push(await model.run(input()))
      await model.dispose()
    }
    const [first = [], second = first] = outputs
    const off = deviation(first, { ...entry.answer, outputs: second.map(summarise) })
    t.ok(off < 1e-4, `${name}: engines differ by ${off.toExponential(1)}`)
  }
})

void t.test('a model that cannot be trusted is not used', { skip }, async (t) => {
  const copy = await mkdtemp(join(tmpdir(), 'portcullis-models-'))
  t.teardown(() => rm(copy, { recursive: true }))
  await cp(folder, copy, { recursive: true })
  const engine = await openEngine()
  const manifest = await readManifest(copy)
  const name = 'face-detector'
  await t.rejects(loadModel(engine, copy, manifest, 'nobody'), { code: 'PC-MODEL-MISSING' })
  const wrongAnswer = structuredClone(manifest)
  wrongAnswer.models[name]?.answer.outputs[0]?.samples.fill(1e6)
  await t.rejects(loadModel(engine, copy, wrongAnswer, name), { code: 'PC-MODEL-ANSWER' })

  const file = join(copy, `${name}.${engine.format}`)
  const bytes = await readFile(file)
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1
  await writeFile(file, bytes)
  await t.rejects(loadModel(engine, copy, manifest, name), { code: 'PC-MODEL-HASH' })
  await rm(file)
  await t.rejects(loadModel(engine, copy, manifest, name), { code: 'PC-MODEL-MISSING' })

  const garbage = join(copy, 'garbage.onnx')
  await writeFile(garbage, 'no model')
  await t.rejects(engine.load(garbage, [1]), { code: 'PC-MODEL-LOAD' })
  await writeFile(join(copy, 'manifest.json'), '{"models":{"x":{}}}')
  await t.rejects(readManifest(copy), { code: 'PC-MODEL-MANIFEST' })
  await rm(join(copy, 'manifest.json'))
  await t.rejects(readManifest(copy), { code: 'PC-MODEL-MISSING' })
})

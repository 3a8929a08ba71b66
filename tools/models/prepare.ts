/**
 * Set-up step: models into `build/models`, demo faces into `build/faces`.
 *
 * `node tools/models/prepare.ts` does what is missing and is quick when nothing is; it needs the npm
 * registry the first time only. `--record` renews the known answers in manifest.json (for whoever
 * adds or changes a model).
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, PortcullisError } from '../../edge/base/error.ts'
import { buildModels, recordAnswers } from './build-models.ts'
import { buildFaces } from './faces/faces.ts'
import { type Pins, readPins, writePins } from './pins.ts'
import { fetchSource } from './sources.ts'

const build = join(import.meta.dirname, '../../build')
const sources = join(build, 'model-sources')
const say = (text: string): void => void process.stderr.write(`models: ${text}\n`)

/** The code whose change changes the result. */
const modelsFrom = ['tools/models/convert/*.ts', 'edge/perception/engine/*.ts']
const facesFrom = ['tools/models/faces/*.ts', 'edge/perception/face/{detector,geometry,image,mesh}.ts']

/** Makes `folder` anew unless it was made from the same inputs; what is there stays until the new one is whole. */
async function upToDate(folder: string, inputs: string, make: (scratch: string) => Promise<void>): Promise<boolean> {
  const stamp = join(folder, '.made-from')
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === inputs) return true
  const scratch = `${folder}.new`
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true })
  await make(scratch)
  await writeFile(join(scratch, '.made-from'), inputs)
  await rm(folder, { recursive: true, force: true })
  await rename(scratch, folder)
  return false
}

/** The demo faces are made of these only. */
const pinsOfFaces = (pins: Pins): unknown => [pins.sources['pictures'], Object.entries(pins.answers).filter(([name]) => name.startsWith('face-'))]

/** Changes with the pins and with the code that makes something of them. */
async function fingerprint(pins: unknown, patterns: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(pins))
  const root = join(import.meta.dirname, '../..')
  const files: string[] = []
  for await (const file of glob(patterns, { cwd: root })) if (!file.endsWith('.test.ts')) files.push(file)
  for (const file of files.toSorted()) hash.update(await readFile(join(root, file)))
  return hash.digest('hex')
}

async function prepare(record: boolean): Promise<void> {
  const pins = await readPins()
  const fetchAll = async (): Promise<void> => {
    for (const source of Object.values(pins.sources)) await fetchSource(source, sources, say)
  }
  if (record) {
    await fetchAll()
    pins.answers = await recordAnswers(pins, sources, join(build, 'models.record'))
    await rm(join(build, 'models.record'), { recursive: true, force: true })
    await writePins(pins)
    say('known answers recorded in tools/models/manifest.json')
  }
  const models = await upToDate(join(build, 'models'), await fingerprint(pins, modelsFrom), async (scratch) => {
    await fetchAll()
    await buildModels(pins, sources, scratch, say)
  })
  const faces = await upToDate(join(build, 'faces'), await fingerprint(pinsOfFaces(pins), facesFrom), async (scratch) => {
    await fetchAll()
    await buildFaces(pins, sources, join(build, 'models'), scratch, say)
  })
  if (!models || !faces) say('ready')
}

try {
  await prepare(process.argv.includes('--record'))
} catch (error) {
  if (!(error instanceof PortcullisError)) throw error
  const { code, message } = describe(error)
  say(`${code}: ${message}`)
  process.exitCode = 1
}

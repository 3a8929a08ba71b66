/**
 * Accuracy of face recognition and of the texture attack model on labelled pictures.
 *
 * LFW, all against all: error rates of the embedding behind the shipped detector, mesh and alignment.
 * ORL: rank-1 identification with one picture of each person enrolled. The replay set: what the
 * texture model alone would do, which is why it does not decide alone.
 */
import { existsSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import sharp from 'sharp'
import { ConfigError } from '../../edge/base/error.ts'
import { FaceAnalyser, type FaceFindings } from '../../edge/perception/face/analyser.ts'
import { likeness } from '../../edge/perception/face/embedding.ts'
import { verifySettings } from '../../edge/perception/face/verify.ts'

export interface EvalFigure {
  name: string
  value: number
  unit: string
}

export interface EvalOptions {
  /** Default: build/models. */
  models?: string
  /** A quarter of the pictures. */
  quick?: boolean
}

interface Labelled {
  person: string
  file: string
  vector: Float32Array
}

/** @param data folder of the evaluation data @throws ConfigError (PC-EVAL-DATA) when it has no faces. */
export async function evaluateFaces(data: string, print: (figure: EvalFigure) => void, options: EvalOptions = {}): Promise<void> {
  const folder = join(data, 'faces')
  if (!existsSync(folder)) throw new ConfigError('PC-EVAL-DATA', `There are no labelled faces in ${folder}.`)
  const analyser = await FaceAnalyser.load(options.models ?? join(import.meta.dirname, '../../build/models'), undefined, true)
  const quick = options.quick === true
  try {
    await evaluateLfw(analyser, join(folder, 'lfw-folds-1-2/images'), quick, print)
    await evaluateOrl(analyser, join(folder, 'orl'), print)
    await evaluateAttacks(analyser, join(data, 'faces-pad'), print)
  } finally {
    await analyser.dispose()
  }
}

/** The labelled face is in the middle; others may stand beside it. */
const lfwPart = 0.66

async function evaluateLfw(analyser: FaceAnalyser, folder: string, quick: boolean, print: (figure: EvalFigure) => void): Promise<void> {
  const files = (await filesIn(folder, '**/*.jpg')).filter((_, index) => !quick || index % 4 === 0)
  if (files.length === 0) return
  const faces = await embedAll(analyser, files, lfwPart)
  print({ name: 'face.fte.lfw', value: 100 * (1 - faces.length / files.length), unit: '%' })
  const { genuine, impostor } = allAgainstAll(faces)
  print({ name: 'face.eer.lfw', value: 100 * equalErrorRate(genuine, impostor), unit: '%' })
  for (const [name, share] of [['far1', 0.01], ['far0.1', 0.001], ['far0.01', 0.0001]] as const) {
    const threshold = impostor[Math.max(0, impostor.length - 1 - Math.floor(share * impostor.length))] ?? 1
    print({ name: `face.frr.lfw.${name}`, value: 100 * below(genuine, threshold), unit: '%' })
    print({ name: `face.threshold.lfw.${name}`, value: threshold, unit: '1' })
  }
  print({ name: 'face.frr.lfw.shipped', value: 100 * below(genuine, verifySettings.likeness_min), unit: '%' })
  print({ name: 'face.far.lfw.shipped', value: 100 * (1 - below(impostor, verifySettings.likeness_min)), unit: '%' })
}

/** The first picture of each person is enrolled; all others are looked up. One that shows no face counts as missed. */
async function evaluateOrl(analyser: FaceAnalyser, folder: string, print: (figure: EvalFigure) => void): Promise<void> {
  const files = (await filesIn(folder, 's*/*.png')).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  if (files.length === 0) return
  const faces = await embedAll(analyser, files)
  const enrolled = new Map<string, Labelled>()
  for (const face of faces) if (!enrolled.has(face.person)) enrolled.set(face.person, face)
  const probes = faces.filter((face) => enrolled.get(face.person) !== face)
  const found = probes.filter((probe) => {
    const best = [...enrolled.values()].reduce((a, b) => (likeness(probe.vector, a.vector) >= likeness(probe.vector, b.vector) ? a : b))
    return best.person === probe.person
  })
  print({ name: 'face.rank1.orl', value: (100 * found.length) / (files.length - enrolled.size), unit: '%' })
}

/** ISO/IEC 30107-3: share of attacks taken for live (APCER), and of live faces taken for attacks (BPCER). */
async function evaluateAttacks(analyser: FaceAnalyser, folder: string, print: (figure: EvalFigure) => void): Promise<void> {
  const scores = async (kind: string): Promise<number[]> => {
    const found: number[] = []
    for (const file of await filesIn(folder, `*/${kind}/*.png`)) {
      const texture = (await measure(analyser, file, true))?.texture
      if (texture !== undefined) found.push(texture)
    }
    return found.toSorted((a, b) => a - b)
  }
  const [live, replayed] = [await scores('real'), await scores('fake')]
  if (live.length === 0 || replayed.length === 0) return
  const limit = verifySettings.texture_max
  print({ name: 'attack.apcer.screen', value: (100 * replayed.filter((score) => score <= limit).length) / replayed.length, unit: '%' })
  print({ name: 'attack.bpcer', value: (100 * live.filter((score) => score > limit).length) / live.length, unit: '%' })
  const at5 = live[Math.min(live.length - 1, Math.ceil(0.95 * live.length) - 1)] ?? 1
  print({ name: 'attack.apcer.bpcer5', value: (100 * replayed.filter((score) => score <= at5).length) / replayed.length, unit: '%' })
}

async function filesIn(folder: string, pattern: string): Promise<string[]> {
  const files: string[] = []
  if (existsSync(folder)) for await (const file of glob(pattern, { cwd: folder })) files.push(join(folder, file))
  return files.toSorted((a, b) => (a < b ? -1 : 1))
}

/** The pictures that show a face; the folder's name is the person's. */
async function embedAll(analyser: FaceAnalyser, files: readonly string[], part = 1): Promise<Labelled[]> {
  const faces: Labelled[] = []
  for (const file of files) {
    const vector = (await measure(analyser, file, false, part))?.vector
    if (vector !== undefined) faces.push({ person: basename(dirname(file)), file, vector })
  }
  return faces
}

/** @param part the share of each side, about the middle, that is looked at */
async function measure(analyser: FaceAnalyser, file: string, texture: boolean, part = 1): Promise<FaceFindings | undefined> {
  const { width, height } = await sharp(file).metadata()
  const [columns, rows] = [Math.round(width * part), Math.round(height * part)]
  const middle = { left: (width - columns) >> 1, top: (height - rows) >> 1, width: columns, height: rows }
  const { data, info } = await sharp(file).extract(middle).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return (await analyser.measure({ width: info.width, height: info.height, data }, { vector: !texture, texture })).face
}

/** Likenesses of all pairs, ascending. */
function allAgainstAll(faces: readonly Labelled[]): { genuine: Float64Array; impostor: Float64Array } {
  const genuine: number[] = []
  const impostor: number[] = []
  for (const [index, a] of faces.entries()) {
    for (let other = index + 1; other < faces.length; other++) {
      const b = faces[other]!
      const pairs = a.person === b.person ? genuine : impostor
      pairs.push(likeness(a.vector, b.vector))
    }
  }
  return { genuine: Float64Array.from(genuine).sort(), impostor: Float64Array.from(impostor).sort() }
}

/** The share of ascending values that lie below a threshold. */
function below(sorted: Float64Array, threshold: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < threshold) low = middle + 1
    else high = middle
  }
  return low / sorted.length
}

/** Where as many genuine pairs are refused as impostors are taken for genuine. */
function equalErrorRate(genuine: Float64Array, impostor: Float64Array): number {
  let [low, high] = [-1, 1]
  for (let round = 0; round < 40; round++) {
    const threshold = (low + high) / 2
    if (below(genuine, threshold) < 1 - below(impostor, threshold)) low = threshold
    else high = threshold
  }
  return (below(genuine, low) + 1 - below(impostor, low)) / 2
}

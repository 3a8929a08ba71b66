/**
 * How often the camera's detector finds what a picture is of. Photos of vehicles and their plates, and
 * portraits, are labelled by the folder that they stand in: what else they show nobody has written down.
 */
import { existsSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import sharp from 'sharp'
import { InputError } from '../../edge/base/error.ts'
import { CameraObjects } from '../../edge/perception/objects/camera-objects.ts'
import type { CameraObject } from '../../edge/perception/objects/detector.ts'
import type { Figure } from '../bench/figure.ts'
import { root } from '../house/sources.ts'

/** Folders of the data, what their pictures are of, and what they are not of. */
const kinds = [
  { folder: 'plates', shows: 'vehicle', not: undefined },
  { folder: 'faces', shows: 'person', not: 'vehicle' },
] as const
/** Smaller pictures are cut out of others: a plate, a face. */
const side_px_min = 180
const picturesMax = 200

/**
 * `camera.objects.<set>`: share of its pictures in which what they are of was found;
 * `camera.objects.false.<set>`: share of portraits in which a vehicle was found.
 */
export async function evaluateObjects(data: string, say: (figure: Figure) => void): Promise<void> {
  const objects = await CameraObjects.load(join(root, 'build', 'models'))
  try {
    for (const { folder, shows, not } of kinds) {
      for (const [set, files] of await setsIn(join(data, folder))) {
        const finds = await look(objects, set, files)
        if (finds.length === 0) continue
        const share = (kind: 'person' | 'vehicle'): number => (100 * finds.filter((found) => found.some((each) => isOf(each, kind))).length) / finds.length
        say({ name: `camera.objects.${set}`, value: share(shows), unit: '%' })
        if (not !== undefined) say({ name: `camera.objects.false.${set}`, value: share(not), unit: '%' })
      }
    }
  } finally {
    await objects.dispose()
  }
}

/** A cyclist is both. */
const isOf = (found: CameraObject, kind: 'person' | 'vehicle'): boolean => found.class === kind || found.class === 'cyclist'

/** JPEG files by the folder under `folder` that they are in, however deep. */
async function setsIn(folder: string): Promise<Map<string, string[]>> {
  const sets = new Map<string, string[]>()
  if (!existsSync(folder)) return sets
  const files: string[] = []
  for await (const file of glob('**/*.{jpg,jpeg,JPG}', { cwd: folder })) files.push(file)
  for (const file of files.toSorted()) {
    const set = file.split(sep)[0] ?? ''
    if (set !== file) sets.set(set, [...(sets.get(set) ?? []), join(folder, file)])
  }
  return sets
}

/** Evenly out of a large set; what was left out is said. */
async function look(objects: CameraObjects, set: string, files: readonly string[]): Promise<CameraObject[][]> {
  const step = Math.max(1, files.length / picturesMax)
  const chosen = Array.from({ length: Math.min(files.length, picturesMax) }, (_, index) => files[Math.floor(index * step)] ?? '')
  const finds: CameraObject[][] = []
  let small = 0
  for (const file of chosen) {
    const jpeg = await readFile(file)
    if (await isSmall(jpeg)) {
      small++
      continue
    }
    try {
      finds.push(await objects.detect(jpeg))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      process.stderr.write(`camera.objects: ${relative('.', file)} is skipped: ${error.message}\n`)
    }
  }
  if (small > 0) process.stderr.write(`camera.objects: ${small} of ${chosen.length} pictures in ${basename(set)} are skipped: too small to be of a scene\n`)
  return finds
}

async function isSmall(jpeg: Uint8Array): Promise<boolean> {
  const { width, height } = await sharp(jpeg).metadata().catch(() => ({ width: side_px_min, height: side_px_min }))
  return Math.min(width, height) < side_px_min
}

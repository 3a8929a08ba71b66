/**
 * Demo faces: a passport photo and camera frames of several people, attacks and scenes, all cut and
 * computed at set-up from pictures inside a pinned npm package. None is part of the repository.
 *
 * `index.json` of the result is a FaceIndex; its files are paths beside it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigError } from '../../../edge/base/error.ts'
import { loadModel, readManifest } from '../../../edge/perception/engine/models.ts'
import { openEngine } from '../../../edge/perception/engine/open-engine.ts'
import { detectFaces } from '../../../edge/perception/face/detector.ts'
import { embed, likeness } from '../../../edge/perception/face/embedding.ts'
import { decodeJpeg, type Image } from '../../../edge/perception/face/image.ts'
import { fivePoints, readMesh } from '../../../edge/perception/face/mesh.ts'
import type { Pins } from '../pins.ts'
import { displayed, drawPlane, type Plane, printed } from './attacks.ts'
import { express, type Head, headOf } from './head.ts'
import { people, type Place } from './people.ts'
import { Canvas, drawHead, generator, shoot, type Shot } from './scene.ts'
import { type ScriptName, scripts, stanceAt } from './scripts.ts'

export interface FaceIndex {
  /** Frames a second that the scripts are meant for. */
  rate: number
  people: { id: string; passport: string; scripts: Record<ScriptName, string[]> }[]
  /** `of`: whose photo it is. */
  attacks: Record<'photo' | 'photo-turned' | 'screen', { of: string; frames: string[] }>
  scenes: Record<'empty' | 'two', string[]>
}

const camera: Shot = { noise: 2.5, blur: 0.5, exposure: 1, quality: 82 }
const straight = { yaw: 0, pitch: 0, lids: 0 }
/** Two people of the demo must be further apart than this. */
const strangersMax = 0.45

export async function buildFaces(pins: Pins, sources: string, models: string, folder: string, say: (text: string) => void): Promise<void> {
  say('making demo faces (takes about half a minute) ...')
  const studio = await openStudio(pins, sources, models)
  const write = async (file: string, jpeg: Uint8Array): Promise<string> => {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), jpeg)
    return file
  }
  const heads = new Map<string, Head>()
  const index: FaceIndex = {
    rate: 15, people: [],
    attacks: { photo: { of: 'anh', frames: [] }, 'photo-turned': { of: 'anh', frames: [] }, screen: { of: 'anh', frames: [] } },
    scenes: { empty: [], two: [] },
  }
  const passports = new Map<string, Uint8Array>()
  for (const [number, person] of people.entries()) {
    const head = await studio.head(person.live)
    heads.set(person.id, head)
    const passport = await passportPhoto(await studio.head(person.passport), number)
    passports.set(person.id, passport)
    const entry: FaceIndex['people'][number] = {
      id: person.id, passport: await write(`${person.id}/passport.jpg`, passport),
      scripts: { neutral: [], 'turn-left': [], 'turn-right': [], blink: [], 'come-closer': [] },
    }
    for (const name of Object.keys(scripts) as ScriptName[]) {
      for (const [frame, jpeg] of (await scriptFrames(head, name, number)).entries()) {
        entry.scripts[name].push(await write(`${person.id}/${name}-${String(frame).padStart(2, '0')}.jpg`, jpeg))
      }
    }
    index.people.push(entry)
  }
  await studio.mustDiffer(passports)
  for (const name of Object.keys(index.attacks) as (keyof FaceIndex['attacks'])[]) {
    const attack = index.attacks[name]
    const picture = await decodeJpeg(passports.get(attack.of) ?? new Uint8Array(0))
    for (const [frame, jpeg] of (await attackFrames(picture, name)).entries()) {
      attack.frames.push(await write(`attacks/${name}-${String(frame).padStart(2, '0')}.jpg`, jpeg))
    }
  }
  const [left, right] = [heads.get('binh'), heads.get('lan')]
  for (let frame = 0; frame < 12; frame++) {
    const number = String(frame).padStart(2, '0')
    index.scenes.empty.push(await write(`scenes/empty-${number}.jpg`, await shoot(Canvas.booth(), camera, generator(7_000 + frame))))
    const both = Canvas.booth()
    if (left !== undefined) drawHead(both, left, { ...stanceAt(frame, 0.8, 3), x: 190 }, express(left, straight))
    if (right !== undefined) drawHead(both, right, { ...stanceAt(frame, 0.85, 8), x: 455 }, express(right, straight))
    index.scenes.two.push(await write(`scenes/two-${number}.jpg`, await shoot(both, camera, generator(8_000 + frame))))
  }
  await writeFile(join(folder, 'index.json'), `${JSON.stringify(index, undefined, 1)}\n`)
  say(`${people.length} people, ${Object.keys(index.attacks).length} attacks and ${Object.keys(index.scenes).length} scenes made in build/faces`)
}

async function scriptFrames(head: Head, name: ScriptName, number: number): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  for (const [frame, { expression, nearer }] of scripts[name].entries()) {
    const canvas = Canvas.booth()
    const random = generator(number * 1_000 + frame * 10 + name.length)
    drawHead(canvas, head, stanceAt(frame, nearer, number), express(head, expression))
    frames.push(await shoot(canvas, { ...camera, exposure: 0.97 + 0.06 * random() }, random))
  }
  return frames
}

/** Upright, straight, closer, softer and flatter than the live picture, 413 x 531 pixels (35 x 45 mm at 300 dpi). */
async function passportPhoto(head: Head, number: number): Promise<Uint8Array> {
  const canvas = Canvas.sheet(413, 531, 222)
  drawHead(canvas, head, { x: 206, y: 240, eyes: 104, roll: 0 }, express(head, straight))
  for (let index = 0; index < canvas.pixels.length; index++) canvas.pixels[index] = 20 + 0.88 * (canvas.pixels[index] ?? 0)
  return await shoot(canvas, { noise: 1.5, blur: 0.8, exposure: 1.02, quality: 70 }, generator(500 + number))
}

async function attackFrames(picture: Image, name: keyof FaceIndex['attacks']): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  for (let frame = 0; frame < 24; frame++) {
    const swing = Math.sin((2 * Math.PI * frame) / 24)
    const plane: Plane = {
      x: 320 + 12 * swing, y: 250 + 6 * Math.cos(frame), height: 330 + 10 * swing,
      yaw: name === 'photo-turned' ? 38 * swing : 5 * swing, roll: 3 * Math.sin(frame / 3),
    }
    const canvas = Canvas.booth()
    if (name === 'screen') drawPlane(canvas, picture, plane, [18, 18, 20], displayed)
    else drawPlane(canvas, picture, plane, [236, 234, 228], printed)
    frames.push(await shoot(canvas, camera, generator(9_000 + frame)))
  }
  return frames
}

interface Studio {
  /** The head at a place of a picture. */
  head(place: Place): Promise<Head>
  /** @throws ConfigError (PC-FACE-DEMO) when two passport photos look like one person. */
  mustDiffer(passports: ReadonlyMap<string, Uint8Array>): Promise<void>
}

/** How much of a picture around a place is searched for its face. */
const searched = 400

async function openStudio(pins: Pins, sources: string, models: string): Promise<Studio> {
  const engine = await openEngine()
  const manifest = await readManifest(models)
  const detector = await loadModel(engine, models, manifest, 'face-detector')
  const mesh = await loadModel(engine, models, manifest, 'face-mesh')
  const embedder = await loadModel(engine, models, manifest, 'face-embedder')
  const files = pins.sources['pictures']?.files ?? {}

  const find = async (picture: Image, area: Image, x: number, y: number): Promise<Head> => {
    const face = (await detectFaces(detector, area))[0]
    if (face === undefined) throw new ConfigError('PC-FACE-DEMO', 'A picture for the demo shows no face where one was expected.')
    const moved = { ...face, left: face.left + x, right: face.right + x, top: face.top + y, bottom: face.bottom + y, points: face.points.map(([u, v]) => [u + x, v + y] as const) }
    return headOf(picture, await readMesh(mesh, picture, moved))
  }
  return {
    async head(place) {
      const picture = await decodeJpeg(await readFile(join(sources, files[place.picture] ?? '')), { bytesMax: 1e7, pixelsMax: 1e7, sideMax: 4_000 })
      const left = Math.round(Math.max(0, place.x - searched / 2))
      const top = Math.round(Math.max(0, place.y - searched / 2))
      return await find(picture, crop(picture, left, top, searched, searched), left, top)
    },
    async mustDiffer(passports) {
      const vectors: Float32Array[] = []
      for (const jpeg of passports.values()) {
        const picture = await decodeJpeg(jpeg)
        vectors.push(await embed(embedder, picture, fivePoints((await find(picture, picture, 0, 0)).mesh)))
      }
      const closest = Math.max(...vectors.flatMap((a, index) => vectors.slice(index + 1).map((b) => likeness(a, b))))
      if (closest > strangersMax) throw new ConfigError('PC-FACE-DEMO', 'Two people of the demo look too much alike.')
    },
  }
}

function crop(picture: Image, left: number, top: number, width: number, height: number): Image {
  const [columns, rows] = [Math.min(width, picture.width - left), Math.min(height, picture.height - top)]
  const data = new Uint8Array(columns * rows * 3)
  for (let row = 0; row < rows; row++) {
    const from = ((top + row) * picture.width + left) * 3
    data.set(picture.data.subarray(from, from + columns * 3), row * columns * 3)
  }
  return { width: columns, height: rows, data }
}

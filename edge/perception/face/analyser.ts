/** Measures all that a decision needs in one picture. Blocks its thread: runs in the worker. */
import type { EngineName } from '../engine/engine.ts'
import { loadModel, type Model, type ModelIdentity, readManifest } from '../engine/models.ts'
import { openEngine } from '../engine/open-engine.ts'
import { release } from '../engine/release.ts'
import { detectFaces, type Face } from './detector.ts'
import { embed } from './embedding.ts'
import type { Point } from './geometry.ts'
import { decodeJpeg, type Image } from './image.ts'
import { eyeDistance, eyeOpenness, fivePoints, headPose, readMesh } from './mesh.ts'
import { lightAndFocus, type Quality } from './quality.ts'
import { textureAttack } from './texture.ts'

/** What is to be measured besides the face's place and shape. */
export interface Wanted {
  vector: boolean
  texture: boolean
}

export interface FaceFindings {
  quality: Quality
  /** See eyeOpenness. */
  openness: number
  /** Landmarks in pixels. */
  points: Point[]
  /** See embed. */
  vector?: Float32Array
  /** See textureAttack. */
  texture?: number
}

export interface Findings {
  /** Faces that could be meant; small ones in the background are not counted. */
  faces: number
  /** The largest. */
  face?: FaceFindings
}

/** A face narrower than this share of the largest stands in the background. */
const bystander = 0.6
const meshScoreMin = 0.5

const names = ['face-detector', 'face-mesh', 'face-embedder', 'face-texture'] as const

export class FaceAnalyser {
  readonly models: ModelIdentity[]
  readonly #nets: Record<(typeof names)[number], Model>

  private constructor(nets: Record<(typeof names)[number], Model>) {
    this.#nets = nets
    this.models = Object.values(nets).map(({ name, sha256, engine }) => ({ name, sha256, engine }))
  }

  /** @throws ConfigError as openEngine, readManifest and loadModel do. */
  static async load(folder: string, engine: EngineName | undefined, denormalsAsZero: boolean): Promise<FaceAnalyser> {
    const [manifest, opened] = await Promise.all([readManifest(folder), openEngine({ engine, denormalsAsZero })])
    const nets: Partial<Record<(typeof names)[number], Model>> = {}
    for (const name of names) nets[name] = await loadModel(opened, folder, manifest, name)
    return new FaceAnalyser(nets as Record<(typeof names)[number], Model>)
  }

  /** @throws InputError (PC-FACE-IMAGE) when the picture cannot be used. */
  async analyse(jpeg: Uint8Array, wanted: Wanted): Promise<Findings> {
    const image = await decodeJpeg(jpeg)
    try {
      return await this.measure(image, wanted)
    } finally {
      release(image.data)
    }
  }

  async measure(image: Image, wanted: Wanted): Promise<Findings> {
    const found = await detectFaces(this.#nets['face-detector'], image)
    const widest = Math.max(0, ...found.map(width))
    const faces = found.filter((face) => width(face) >= bystander * widest)
    const largest = faces.toSorted((a, b) => width(b) - width(a))[0]
    const face = largest === undefined ? undefined : await this.#face(image, largest, wanted)
    return { faces: face === undefined ? 0 : faces.length, ...(face === undefined ? {} : { face }) }
  }

  async dispose(): Promise<void> {
    for (const net of Object.values(this.#nets)) await net.dispose()
  }

  async #face(image: Image, face: Face, wanted: Wanted): Promise<FaceFindings | undefined> {
    const mesh = await readMesh(this.#nets['face-mesh'], image, face)
    if (mesh.score < meshScoreMin) return undefined
    const five = fivePoints(mesh)
    return {
      quality: { eyes: eyeDistance(mesh), pose: headPose(mesh), ...lightAndFocus(image, five) },
      openness: eyeOpenness(mesh),
      points: mesh.points,
      ...(wanted.vector ? { vector: await embed(this.#nets['face-embedder'], image, five) } : {}),
      ...(wanted.texture ? { texture: await textureAttack(this.#nets['face-texture'], image, face) } : {}),
    }
  }
}

const width = (face: Face): number => face.right - face.left

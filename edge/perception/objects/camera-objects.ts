/** People and vehicles in the pictures of a camera. A picture blocks its thread for some 35 ms: not on the safety path. */
import { InputError } from '../../base/error.ts'
import type { EngineName } from '../engine/engine.ts'
import { loadModel, type Model, type ModelIdentity, readManifest } from '../engine/models.ts'
import { openEngine } from '../engine/open-engine.ts'
import { type CameraObject, detectObjects, inputSide, normalisation } from './detector.ts'
import { netInput, type Size } from './picture.ts'

/**
 * Finds with lower scores are not used. At 0.3 a person is found in nearly all portraits and a vehicle in less
 * than one in a hundred of them, while half-seen vehicles in the dark still are found more often than not
 * (`camera.objects.*` of the evaluation); a wrong find only adds a doubtful object.
 */
export const scoreMin = 0.3
/** Pictures may be this much wider or narrower than the profile says: rounding, not another lens. */
const shapeTolerance = 0.01

export class CameraObjects {
  readonly model: ModelIdentity
  readonly #model: Model

  private constructor(model: Model) {
    this.#model = model
    this.model = { name: model.name, sha256: model.sha256, engine: model.engine }
  }

  /**
   * @param models folder that the set-up made
   * @throws ConfigError as openEngine, readManifest and loadModel do; PC-MODEL-ENGINE where only LiteRT runs.
   */
  static async load(models: string, engine?: EngineName): Promise<CameraObjects> {
    const [manifest, opened] = await Promise.all([readManifest(models), openEngine({ engine })])
    return new CameraObjects(await loadModel(opened, models, manifest, 'object-detector'))
  }

  /**
   * Best first. The picture is kept nowhere.
   * @param size what boxes are given in; without it, pixels of this picture
   * @throws InputError (PC-OBJECTS-PICTURE) when it is no JPEG, (PC-OBJECTS-SHAPE) when it has not that shape.
   */
  async detect(jpeg: Uint8Array, size?: Size): Promise<CameraObject[]> {
    const input = await netInput(jpeg, inputSide, normalisation)
    const found = (): Promise<CameraObject[]> => detectObjects(this.#model, input, scoreMin)
    if (size === undefined) return await found()
    const ratio = size.width / input.size.width
    if (Math.abs((input.size.height * ratio) / size.height - 1) > shapeTolerance) {
      throw new InputError('PC-OBJECTS-SHAPE', 'The camera sends pictures of another shape than the profile says; they are not used.')
    }
    return (await found()).map(({ box, ...rest }) => ({
      ...rest, box: { left: box.left * ratio, top: box.top * ratio, right: box.right * ratio, bottom: box.bottom * ratio },
    }))
  }

  async dispose(): Promise<void> {
    await this.#model.dispose()
  }
}

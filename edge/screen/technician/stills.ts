/**
 * Stills of a camera, for aiming and focusing it: to a technician who asked for it on the record, while
 * no gate is in service, and never kept. One picture at a time is passed on as it arrives.
 */
import type { Clock, Instant } from '../../base/clock.ts'
import type { Counters } from '../../base/counters.ts'
import { DeviceError, ForbiddenError, ResourceError } from '../../base/error.ts'
import { within } from '../../base/wait.ts'
import { Camera, type Frame } from '../../device/capabilities.ts'
import type { DeviceModel } from '../../device/model.ts'
import { demandOutOfService } from '../../device/in-service.ts'
import type { TechnicianLimits } from './limits.ts'

export type StillCount = 'stills' | 'stillsRefused'

/** People with a permission; the oldest gives way. */
const permissions_max = 64

export class Stills {
  readonly #model: DeviceModel
  readonly #clock: Clock
  readonly #limits: TechnicianLimits
  readonly #counters: Counters<StillCount>
  /** Until when a person may see a camera. */
  readonly #permitted = new Map<string, Instant>()
  #waiting = 0

  constructor(model: DeviceModel, clock: Clock, limits: TechnicianLimits, counters: Counters<StillCount>) {
    this.#model = model
    this.#clock = clock
    this.#limits = limits
    this.#counters = counters
  }

  /** @throws UsageError (PC-DEVICE-SERVICE, PC-DEVICE-UNKNOWN, PC-DEVICE-CONTRACT). */
  permit(person: string, camera: string): void {
    demandOutOfService(this.#model)
    this.#model.as(camera, Camera)
    const key = keyOf(person, camera)
    this.#permitted.delete(key)
    this.#permitted.set(key, this.#clock.now() + this.#limits.watch_ms)
    if (this.#permitted.size > permissions_max) this.#permitted.delete(this.#permitted.keys().next().value ?? '')
  }

  /**
   * The next picture. @throws ForbiddenError (PC-TECHNICIAN-WATCH), UsageError (PC-DEVICE-SERVICE),
   * ResourceError (PC-TECHNICIAN-BUSY), DeviceError (PC-TECHNICIAN-PICTURE), TimeoutError (PC-TECHNICIAN-DARK).
   */
  async next(person: string, camera: string): Promise<Uint8Array> {
    try {
      return await this.#next(person, camera)
    } catch (error) {
      this.#counters.add('stillsRefused')
      throw error
    }
  }

  async #next(person: string, camera: string): Promise<Uint8Array> {
    if ((this.#permitted.get(keyOf(person, camera)) ?? -Infinity) < this.#clock.now()) {
      throw new ForbiddenError('PC-TECHNICIAN-WATCH', 'Ask to watch this camera first: that is recorded, and holds for some minutes.')
    }
    demandOutOfService(this.#model)
    if (this.#waiting >= this.#limits.stillsMax) throw new ResourceError('PC-TECHNICIAN-BUSY', 'Too many pages wait for a picture.')
    this.#waiting++
    try {
      const { jpeg } = await this.#arriving(camera)
      // A gate may have come back into service meanwhile.
      demandOutOfService(this.#model)
      if (jpeg.length > this.#limits.still_B_max) throw new DeviceError('PC-TECHNICIAN-PICTURE', 'The picture is too large to be shown.', { component: camera })
      this.#counters.add('stills')
      return jpeg
    } finally {
      this.#waiting--
    }
  }

  async #arriving(camera: string): Promise<Frame> {
    const component = this.#model.as(camera, Camera)
    let stop = (): void => undefined
    try {
      return await within(
        { clock: this.#clock, limit_ms: this.#limits.still_ms, code: 'PC-TECHNICIAN-DARK', message: 'The camera sent no picture in time.', component: camera },
        () => new Promise<Frame>((resolve) => {
          stop = component.onStream('frames', resolve)
        }),
      )
    } finally {
      stop()
    }
  }
}

const keyOf = (person: string, camera: string): string => `${person} ${camera}`

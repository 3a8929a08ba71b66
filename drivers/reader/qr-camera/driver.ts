/** Driver that reads QR codes from the pictures of a camera. */
import type { Instant } from '../../../edge/base/clock.ts'
import { Counters } from '../../../edge/base/counters.ts'
import { describe, DeviceError } from '../../../edge/base/error.ts'
import { type Static, Type } from '../../../edge/base/schema.ts'
import { Camera, CodeReader, type Frame } from '../../../edge/device/capabilities.ts'
import { Component } from '../../../edge/device/component.ts'
import type { SelfTestReport } from '../../../edge/device/contract.ts'
import { type Device, defineDriver, type DriverContext, optionsOf, partOf } from '../../kit/driver.ts'
import { Repeats } from '../repeats.ts'
import type { CodeDecoder } from './decode.ts'

const options = optionsOf({
  camera: partOf(Camera),
  every_ms: Type.Integer({ minimum: 20, maximum: 5_000, default: 250, description: 'The shortest time between two pictures that are looked at.' }),
  hold_ms: Type.Integer({ minimum: 0, maximum: 60_000, default: 2_000, description: 'A code counts as shown again when it was out of sight for so long.' }),
  width_max: Type.Integer({ minimum: 160, maximum: 1_920, default: 960, description: 'Wider pictures are made smaller, in pixels.' }),
})
type Options = Static<typeof options>

/** So many pictures in a row that cannot be decoded mean that the camera sends no pictures. */
const brokenMax = 8
const countersEvery_ms = 1_000
/** A code holds no more (ISO/IEC 18004, table 7). */
const contentMax = 4_296

type Count = 'looked' | 'skipped' | 'broken' | 'found' | 'refused'

export const driver = defineDriver({
  name: 'reader/qr-camera',
  says: 'Reads QR codes from the pictures of a camera.',
  contract: CodeReader,
  options,
  create: (options, context) => new QrCamera(options, context),
})

class QrCamera implements Device<typeof CodeReader['members']> {
  readonly component: Component<typeof CodeReader['members']>
  readonly #options: Options
  readonly #context: DriverContext
  readonly #camera: Component<typeof Camera['members']>
  readonly #counters = new Counters<Count>(['looked', 'skipped', 'broken', 'found', 'refused'])
  readonly #repeats: Repeats
  #decoder: CodeDecoder | undefined
  #looking: Promise<void> | undefined
  #nextLook: Instant = 0
  #brokenInARow = 0
  /** The milliseconds that the last look took. */
  #lookTook_ms = 0
  #undo: (() => void)[] = []

  constructor(options: Options, context: DriverContext) {
    this.#options = options
    this.#context = context
    this.#camera = context.part(options.camera, Camera)
    this.#repeats = new Repeats(options.hold_ms)
    this.component = new Component(context.name, CodeReader, context.clock, { selfTest: () => this.#selfTest() })
  }

  async start(): Promise<void> {
    this.component.publish('health', { status: 'starting' })
    try {
      const { loadDecoder } = await import('./decode.ts')
      this.#decoder = await loadDecoder(this.#options.width_max)
    } catch (error) {
      const missing = new DeviceError('PC-CODE-DECODER', 'The QR decoder cannot be loaded: is the installation complete?', { component: this.component.name, cause: error })
      this.component.publish('health', { status: 'failed', ...says(missing) })
      return
    }
    this.component.publish('identity', { manufacturer: 'zxing', model: 'zxing-wasm', firmware: this.#decoder.version })
    this.#undo = [
      this.#camera.onStream('frames', (frame) => this.#onFrame(frame)),
      this.#camera.onChange('health', () => this.#publishHealth()),
      this.#publishCountersRegularly(),
    ]
    this.#publishHealth()
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    await this.#looking
    this.#decoder = undefined
    this.#repeats.forget()
    this.component.publish('health', { status: 'stopped' })
  }

  /** Takes the newest picture when it is time for one; nothing ever waits. */
  #onFrame(frame: Frame): void {
    const { clock } = this.#context
    const now = clock.now()
    if (this.#looking !== undefined || now < this.#nextLook || this.#decoder === undefined) {
      this.#counters.add('skipped')
      return
    }
    this.#nextLook = now + this.#options.every_ms
    this.#looking = this.#look(this.#decoder, frame).finally(() => {
      this.#looking = undefined
      this.#lookTook_ms = clock.now() - now
    })
  }

  /** Never rejects. */
  async #look(decoder: CodeDecoder, { jpeg }: Frame): Promise<void> {
    this.#counters.add('looked')
    try {
      const codes = await decoder.decode(jpeg)
      this.#setBroken(0)
      for (const { content, symbology } of codes) this.#onCode(content, symbology)
    } catch {
      this.#counters.add('broken')
      this.#nextLook = 0
      this.#setBroken(this.#brokenInARow + 1)
    }
  }

  #onCode(content: string, symbology: string): void {
    if (content.length === 0 || content.length > contentMax) {
      this.#counters.add('refused')
      return
    }
    if (this.#undo.length === 0 || !this.#repeats.isNew(content, this.#context.clock.now())) return
    this.#counters.add('found')
    this.component.raise('read', { content, symbology })
  }

  #setBroken(inARow: number): void {
    const changed = (this.#brokenInARow >= brokenMax) !== (inARow >= brokenMax)
    this.#brokenInARow = inARow
    if (changed) this.#publishHealth()
  }

  #publishHealth(): void {
    const { name } = this.component
    if (this.#undo.length === 0) return
    if (!this.#camera.usable) {
      const blind = new DeviceError('PC-CODE-CAMERA', `${name} sees nothing: the camera ${this.#camera.name} does not work.`, { component: name })
      this.component.publish('health', { status: 'failed', ...says(blind) })
    } else if (this.#brokenInARow >= brokenMax) {
      const broken = new DeviceError('PC-CODE-PICTURES', `${name} cannot decode the pictures of the camera ${this.#camera.name}.`, { component: name })
      this.component.publish('health', { status: 'degraded', ...says(broken) })
    } else this.component.publish('health', { status: 'ready' })
  }

  #publishCountersRegularly(): () => void {
    let cancel = (): void => undefined
    const tick = (): void => {
      this.component.publish('counters', this.#counters.snapshot())
      cancel = this.#context.clock.after(countersEvery_ms, tick)
    }
    tick()
    return () => cancel()
  }

  async #selfTest(): Promise<SelfTestReport> {
    const camera = this.#camera.usable
    const decoder = this.#decoder !== undefined
    const checks = [
      { name: 'camera', passed: camera, says: camera ? 'The camera works.' : 'The camera does not work.' },
      { name: 'decoder', passed: decoder, value: Math.round(this.#lookTook_ms), unit: 'ms', says: decoder ? 'The decoder is loaded; its last look took this long.' : 'The decoder is not loaded.' },
    ]
    return { passed: checks.every((check) => check.passed), checks }
  }
}

function says(error: DeviceError): { code: string; says: string } {
  const { code, message } = describe(error)
  return { code, says: message }
}

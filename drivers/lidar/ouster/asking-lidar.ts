/** An Ouster that is asked for its metadata before it is listened to. */
import { describe } from '../../../edge/base/error.ts'
import { Backoff, sleep } from '../../../edge/base/wait.ts'
import type { Lidar } from '../../../edge/device/capabilities.ts'
import type { Identity } from '../../../edge/device/contract.ts'
import { troubleCode } from '../../../edge/device/lidar-trouble.ts'
import type { PointBlock } from '../../../edge/device/points.ts'
import type { Device, DriverContext } from '../../kit/driver.ts'
import type { Heat, PacketDecoder, Verdict } from '../decoder.ts'
import { udpLidar, type UdpLidarOptions } from '../stream/udp-device.ts'
import { OusterDecoder } from './decoder.ts'
import { fetchMetadata } from './metadata-fetch.ts'
import { readMetadata } from './metadata.ts'

export interface AskingOptions extends UdpLidarOptions {
  /** http://address of the sensor. */
  http: string
  http_ms: number
}

const backoffSpread = 30
/** How often a sensor that is another than it said is asked whether it has been exchanged, or set up otherwise. */
const askAgain_ms = 2_000

/** The largest that any of these sensors is: room is made before it is known which one it is. */
const largest = { columnsPerPacket: 64, returns: 2, rings: 256, beamsPerSecond: 2 * 128 * 2048 * 10 }

/** What of the metadata matters to the decoder: the rest (states, counters) changes while nothing does. */
function meaningOf(said: string): string {
  try {
    return JSON.stringify({ ...readMetadata(said), initId: 0 })
  } catch {
    return ''
  }
}

/** Knows nothing until it is told how to decode. */
class LaterDecoder implements PacketDecoder {
  readonly columnsMax = largest.columnsPerPacket * largest.returns
  readonly spins = 'clockwise'
  inner: OusterDecoder | undefined

  /** The budget for storms is made once, of what is possible; the self-test asks when it is known. */
  get beamsPerSecond(): number {
    return this.inner?.beamsPerSecond ?? largest.beamsPerSecond
  }

  get rings(): number {
    return this.inner?.rings ?? largest.rings
  }

  get elevations(): Float32Array {
    return this.inner?.elevations ?? new Float32Array(0)
  }

  get identity(): Identity {
    return this.inner?.identity ?? { manufacturer: 'Ouster', model: 'not yet known' }
  }

  get heat(): Heat | undefined {
    return this.inner?.heat
  }

  decode(packet: Uint8Array, block: PointBlock): Verdict {
    return this.inner?.decode(packet, block) ?? 'other'
  }

  reset(): void {
    this.inner?.reset()
  }
}

/** Asks the sensor what it is, again and again until it answers, before it listens; and again when it no longer is that. */
export class AskingLidar implements Device<typeof Lidar.members> {
  readonly #context: DriverContext
  readonly #options: AskingOptions
  readonly #decoder = new LaterDecoder()
  readonly #device: Device<typeof Lidar.members>
  #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(context: DriverContext, options: AskingOptions) {
    this.#context = context
    this.#options = options
    this.#device = udpLidar(context, options, this.#decoder)
  }

  get component(): Device<typeof Lidar.members>['component'] {
    return this.#device.component
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#abort = new AbortController()
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal })
    await new Promise<void>((resolve) => {
      this.#running = this.#run(this.#abort.signal, resolve)
    })
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await this.#device.stop()
  }

  async #run(signal: AbortSignal, firstTryDone: () => void): Promise<void> {
    const { clock } = this.#context
    const { reconnect_ms } = this.#options
    const backoff = new Backoff(reconnect_ms, reconnect_ms * backoffSpread)
    let said: string | undefined
    while (!signal.aborted) {
      try {
        said ??= await this.#fetch(signal)
        this.#decoder.inner = new OusterDecoder(readMetadata(said))
        await this.#device.start(signal)
        firstTryDone()
        said = await this.#becomesAnother(said, signal)
        await this.#device.stop()
        continue
      } catch (error) {
        said = undefined
        if (!signal.aborted) this.#report(error)
      }
      firstTryDone()
      await sleep(clock, backoff.next_ms(), signal).catch(() => undefined)
    }
    firstTryDone()
  }

  #fetch(signal: AbortSignal): Promise<string> {
    const { http: sensor, http_ms: limit_ms } = this.#options
    return fetchMetadata({ sensor, limit_ms, clock: this.#context.clock, signal })
  }

  /** Resolves when the packets are not of what the sensor said, with what it says now. */
  async #becomesAnother(before: string, signal: AbortSignal): Promise<string> {
    const { clock, log } = this.#context
    for (;;) {
      await sleep(clock, askAgain_ms, signal)
      if (this.component.health.code !== troubleCode['wrong-sensor']) continue
      // One that does not answer goes on being the wrong one.
      const said = await this.#fetch(signal).catch(() => before)
      if (meaningOf(said) === meaningOf(before)) continue
      log.info({ component: this.component.name }, 'the sensor says that it is another, or set up otherwise')
      return said
    }
  }

  #report(error: unknown): void {
    const { component, log } = { component: this.component, log: this.#context.log }
    const { code, message } = describe(error)
    if (component.health.code !== code) log.warn({ component: component.name, code }, message)
    component.publish('health', { status: 'failed', code, says: message })
  }
}

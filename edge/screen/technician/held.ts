/**
 * A barrier that is open only while somebody holds a button (a hold-to-run control, ISO 12100, 3.28.3).
 *
 * The page says again and again that the button is held; a word that does not come is the release, and
 * so is a page, a session or a network that is gone. The barrier gets only a short time with each
 * renewal, so that it also shuts when this program is gone.
 */
import type { Gatekeeper, Session } from '../../access/contract.ts'
import type { Cancel, Clock, Instant } from '../../base/clock.ts'
import { describe, PortcullisError } from '../../base/error.ts'
import { Barrier } from '../../device/capabilities.ts'
import { refusedBefore } from '../../device/component.ts'
import type { DeviceModel } from '../../device/model.ts'
import { demandOutOfService } from '../../gate/in-service.ts'

/** The page speaks every 200 ms while the button is held. */
const silence_ms = 600
/** How long the barrier stays open by itself. */
const open_ms = 2_000
const renew_ms = 1_000

export interface HeldOptions {
  model: DeviceModel
  gatekeeper: Gatekeeper
  clock: Clock
  session: Session
  component: string
  onFailure(code: string, message: string): void
  /** It is shut, or will shut by itself. */
  onEnd(): void
}

export class Held {
  readonly #options: HeldOptions
  #opening: Promise<void> | undefined
  #abort = new AbortController()
  #renewed: Instant = -Infinity
  #cancelSilence: Cancel = () => undefined
  /** Something was asked of the barrier that it did not refuse. */
  #begun = false
  #ended = false

  /** @throws UsageError (PC-GATE-SERVICE, PC-DEVICE-UNKNOWN, PC-DEVICE-CONTRACT). */
  constructor(options: HeldOptions) {
    options.model.as(options.component, Barrier)
    demandOutOfService(options.model)
    this.#options = options
  }

  /** The button is (still) held. */
  hold(): void {
    if (this.#ended) return
    const { clock, model } = this.#options
    this.#cancelSilence()
    this.#cancelSilence = clock.after(silence_ms, () => void this.release())
    try {
      demandOutOfService(model)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#open()
  }

  /** Safe to call more than once. */
  async release(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#cancelSilence()
    this.#abort.abort()
    await this.#opening
    if (this.#begun) await this.#shut()
    this.#options.onEnd()
  }

  #open(): void {
    const { clock, component, gatekeeper, session } = this.#options
    if (this.#opening !== undefined || clock.now() - this.#renewed < renew_ms) return
    this.#renewed = clock.now()
    this.#begun = true
    this.#opening = gatekeeper.carryOut(session, { component, command: 'open', args: { for_ms: open_ms } }, this.#abort.signal)
      .then(() => undefined, (error: unknown) => {
        if (!this.#abort.signal.aborted) this.#fail(error)
      })
      .finally(() => {
        this.#opening = undefined
      })
  }

  #fail(error: unknown): void {
    const { code, message } = describe(error)
    if (refusedBefore.has(code)) this.#begun = false
    this.#options.onFailure(code, message)
    void this.release()
  }

  async #shut(): Promise<void> {
    const { component, gatekeeper, model, onFailure, session } = this.#options
    try {
      await gatekeeper.carryOut(session, { component, command: 'close', args: {} })
    } catch (error) {
      // The session has ended, and with it their right to command: shutting is then the device's own safety.
      if (error instanceof PortcullisError && error.code === 'PC-ACCESS-ENDED') {
        await model.as(component, Barrier).invoke('close', {}).catch(() => undefined)
        return
      }
      const { code, message } = describe(error)
      onFailure(code, message)
    }
  }
}

/**
 * A movement that goes on only while somebody holds a button.
 *
 * The page says again and again that the button is held; a word that does not come is the release, and
 * so is a page, a session or a network that is gone. What ended so begins again only with a new press.
 */
import { Hand } from '../../access/hand.ts'
import type { Gatekeeper, Session } from '../../access/contract.ts'
import type { Cancel, Clock } from '../../base/clock.ts'
import { describe, UsageError } from '../../base/error.ts'
import type { DeviceModel } from '../../device/model.ts'

/** The page speaks every 200 ms while the button is held. */
const silence_ms = 600

export interface HeldOptions {
  model: DeviceModel
  gatekeeper: Gatekeeper
  clock: Clock
  session: Session
  component: string
  args: Readonly<Record<string, unknown>>
  onFailure(code: string, message: string): void
  /** It has ended, or will by itself. */
  onEnd(): void
}

/** The page must not go on as if the button were held. */
export const pressAgain = (): UsageError => new UsageError('PC-TECHNICIAN-HOLD', 'That the button is held was not heard for a moment: press it again.')

export class Held {
  readonly #options: HeldOptions
  readonly #hand: Hand
  #cancelSilence: Cancel = () => undefined
  #ended = false

  /** @throws UsageError (PC-DEVICE-SERVICE, PC-DEVICE-UNKNOWN, PC-DEVICE-HELD). */
  constructor(options: HeldOptions) {
    const { model, gatekeeper, clock, session, component, args } = options
    this.#options = options
    this.#hand = new Hand({
      model, clock, component, args, onFailure: (error) => this.#fail(error),
      carry: (command, its, signal) => gatekeeper.carryOut(session, { component, command, args: its }, signal),
    })
  }

  /** The button is (still) held. */
  hold(): void {
    if (this.#ended) return
    this.#cancelSilence()
    this.#cancelSilence = this.#options.clock.after(silence_ms, () => this.#fail(pressAgain()))
    try {
      this.#hand.hold()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Safe to call more than once. */
  async release(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#cancelSilence()
    await this.#hand.release().catch((error: unknown) => this.#tell(error))
    this.#options.onEnd()
  }

  #fail(error: unknown): void {
    this.#tell(error)
    void this.release()
  }

  #tell(error: unknown): void {
    const { code, message } = describe(error)
    this.#options.onFailure(code, message)
  }
}

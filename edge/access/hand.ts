/**
 * A command that goes on only while somebody holds a key: the same for the console's space bar and the
 * page's button, which each know in their own way whether it is still held.
 */
import type { Clock, Instant } from '../base/clock.ts'
import { describe, type ErrorCode, UsageError } from '../base/error.ts'
import { refusedBefore } from '../device/component.ts'
import { demandOutOfService } from '../device/in-service.ts'
import { type HeldCommand, heldCommand } from '../device/held.ts'
import type { DeviceModel } from '../device/model.ts'

export interface HandOptions {
  model: DeviceModel
  clock: Clock
  component: string
  /** All that the command takes but its time. */
  args: Readonly<Record<string, unknown>>
  /** Carries out a command of the component in the name of whoever holds the key. @throws what the Gatekeeper throws. */
  carry(command: string, args: object, signal?: AbortSignal): Promise<unknown>
  /** It was refused, or broke off: let go. */
  onFailure(error: unknown): void
}

/** Early enough for a turnstile that splits its time in two, and starts to shut when half of it is over. */
const renewShare = 0.25

/** What keeps a command from being carried out before the component hears of it. */
const unheard: ReadonlySet<ErrorCode> = new Set(['PC-ACCESS-ENDED', 'PC-ACCESS-BUSY', 'PC-ACCESS-JOURNAL'])

/** @throws UsageError (PC-DEVICE-UNKNOWN, PC-DEVICE-HELD). */
export function demandHeld(model: DeviceModel, component: string): HeldCommand {
  const found = heldCommand(model.get(component))
  if (found === undefined) throw new UsageError('PC-DEVICE-HELD', `Nothing of ${component} is moved by a held key.`)
  return found
}

export class Hand {
  readonly #options: HandOptions
  readonly #command: HeldCommand
  #running: Promise<void> | undefined
  #abort = new AbortController()
  #renewed: Instant = Number.NEGATIVE_INFINITY
  /** Something was asked of the component that it did not refuse; and it was done. */
  #begun = false
  #moved = false

  /** @throws UsageError (PC-DEVICE-UNKNOWN, PC-DEVICE-HELD, PC-DEVICE-SERVICE). */
  constructor(options: HandOptions) {
    this.#command = demandHeld(options.model, options.component)
    demandOutOfService(options.model)
    this.#options = options
  }

  /**
   * The key is (still) held: begins the movement, or lets it go on. Waits for nothing, so that a key
   * that is let go meanwhile is seen. @throws UsageError (PC-DEVICE-SERVICE).
   */
  hold(): void {
    const { args, carry, clock, model, onFailure } = this.#options
    const { name, held, run_ms } = this.#command
    demandOutOfService(model)
    const now = clock.now()
    if (this.#running !== undefined || now - this.#renewed < run_ms * renewShare) return
    this.#renewed = now
    this.#begun = true
    const abort = new AbortController()
    this.#abort = abort
    this.#running = carry(name, { ...args, [held.time]: run_ms }, abort.signal)
      .then(() => {
        this.#moved = true
      }, (error: unknown) => {
        if (abort.signal.aborted) return
        // Somebody who may not even begin has nothing to let go.
        if (!this.#moved && refusedBefore.has(describe(error).code)) this.#begun = false
        onFailure(error)
      })
      .finally(() => {
        this.#running = undefined
      })
  }

  /** Lets go; more than once does no harm. @throws what the component throws: it then ends by itself, after `run_ms`. */
  async release(): Promise<void> {
    this.#renewed = Number.NEGATIVE_INFINITY
    this.#abort.abort()
    await this.#running
    if (!this.#begun) return
    this.#begun = false
    this.#moved = false
    const { carry, component, model } = this.#options
    const { held: { release } } = this.#command
    try {
      await carry(release, {})
    } catch (error) {
      if (!unheard.has(describe(error).code)) throw error
      // Their session has ended, or nothing can be recorded: to end a movement is then the device's own safety.
      await model.get(component).invoke(release as never, {} as never)
    }
  }

  /** How long the movement goes on when nobody can end it. */
  get run_ms(): number {
    return this.#command.run_ms
  }
}

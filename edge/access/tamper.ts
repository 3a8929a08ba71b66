/**
 * Watches the contact of the housing. What is not known to be closed counts as open, with a grace at
 * the start, when the board that the contact is on may still be on its way.
 */
import type { Cancel, Clock } from '../base/clock.ts'
import type { SafetyInput } from '../device/capabilities.ts'
import type { ComponentOf } from '../device/component.ts'

const grace_ms = 15_000

export interface TamperOptions {
  contact: ComponentOf<typeof SafetyInput>
  clock: Clock
  /** The housing was opened, or the contact is lost. */
  onOpened(): void
}

export class TamperWatch {
  readonly #options: TamperOptions
  #state: 'unknown' | 'closed' | 'open' = 'unknown'
  #cancel: Cancel = () => undefined
  #remove: (() => void)[] = []

  constructor(options: TamperOptions) {
    this.#options = options
  }

  /** False until the contact was seen for the first time. */
  get known(): boolean {
    return this.#state !== 'unknown'
  }

  start(): void {
    const { contact, clock } = this.#options
    this.#state = 'unknown'
    this.#cancel = clock.after(grace_ms, () => this.#become(this.#isClosed() ? 'closed' : 'open'))
    const look = (): void => this.#look()
    this.#remove = [contact.onChange('active', look), contact.onChange('health', look)]
    this.#look()
  }

  stop(): void {
    this.#cancel()
    for (const remove of this.#remove) remove()
  }

  #look(): void {
    if (!this.known && !this.#options.contact.usable) return
    this.#become(this.#isClosed() ? 'closed' : 'open')
  }

  #isClosed(): boolean {
    const { contact } = this.#options
    return contact.usable && contact.read('active') === false
  }

  #become(state: 'closed' | 'open'): void {
    const before = this.#state
    this.#cancel()
    this.#state = state
    if (state === 'open' && before !== 'open') this.#options.onOpened()
  }
}

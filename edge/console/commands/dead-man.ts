/**
 * A barrier that is open only while somebody holds a key (a hold-to-run control, as ISO 12100, 3.28.3
 * has it).
 *
 * A terminal sends no release: a held key repeats, and a repeat that does not come is the release. The
 * barrier is given a short time of its own with each renewal, so that it also shuts when this program
 * or its line is gone.
 */
import type { Instant } from '../../base/clock.ts'
import { describe, PortcullisError } from '../../base/error.ts'
import type { DeviceModel } from '../../device/model.ts'
import { demandOutOfService } from '../../gate/in-service.ts'
import type { Context, Item } from '../command.ts'

/** The slowest first repeat of usual keyboards is 660 ms. */
const repeat_ms_max = 700
/** How long the barrier stays open by itself. */
const open_ms = 2_000
const renew_ms = 1_000

export const stateOf = (model: DeviceModel, name: string): string => (model.get(name).reading('state')?.value as string | undefined) ?? 'unknown'

export class DeadMan {
  readonly #context: Context
  readonly #name: string
  #opening: Promise<void> | undefined
  #abort = new AbortController()
  #renewed: Instant = Number.NEGATIVE_INFINITY
  #failure: unknown

  constructor(context: Context, name: string) {
    this.#context = context
    this.#name = name
  }

  /** @throws UsageError (PC-GATE-SERVICE). */
  demand(): void {
    demandOutOfService(this.#context.model)
  }

  async *run(): AsyncGenerator<Item> {
    const { terminal, signal } = this.#context
    let held = false
    terminal.flush()
    try {
      for (;;) {
        const key = await terminal.key(held ? repeat_ms_max : undefined, signal)
        this.#context.touch()
        this.demand()
        if (this.#failure !== undefined) throw this.#failure
        if (key === undefined) {
          held = false
          await this.#shut()
          terminal.flush()
          yield* this.#say(`${this.#name} is ${this.#state}`)
        } else if (key.kind === 'text' && /^ +$/.test(key.text)) {
          const begins = !held
          held = true
          this.#open()
          if (begins) yield* this.#say(`${this.#name} opens`)
        } else {
          break
        }
      }
    } finally {
      if (held) await this.#shut()
    }
    yield { rows: [`${this.#name} is ${this.#state}`] }
  }

  /** Where the line held this up, what was typed meanwhile says nothing of a key that is held now. */
  *#say(row: string): Generator<Item> {
    const { clock, terminal } = this.#context
    const began = clock.now()
    yield { rows: [row] }
    if (clock.now() - began >= repeat_ms_max) terminal.flush()
  }

  get #state(): string {
    return stateOf(this.#context.model, this.#name)
  }

  /** Opens, or lets it stay open, without waiting: a key that is let go meanwhile must be seen. */
  #open(): void {
    const now = this.#context.clock.now()
    if (this.#opening !== undefined || now - this.#renewed < renew_ms) return
    this.#renewed = now
    this.#abort = new AbortController()
    this.#opening = this.#context.carry(this.#name, 'open', { for_ms: open_ms }, this.#abort.signal).then(() => undefined, (error: unknown) => {
      if (!this.#abort.signal.aborted) this.#failure = error
    }).finally(() => {
      this.#opening = undefined
    })
  }

  async #shut(): Promise<void> {
    this.#renewed = Number.NEGATIVE_INFINITY
    this.#abort.abort()
    await this.#opening
    try {
      await this.#context.carry(this.#name, 'close', {}, new AbortController().signal)
    } catch (error) {
      // The session has ended, and with it their right to command: shutting is then the device's own safety.
      if (error instanceof PortcullisError && error.code === 'PC-ACCESS-ENDED') await this.#context.model.get(this.#name).invoke('close' as never, {} as never).catch(() => undefined)
      else if (!this.#context.terminal.io.gone.aborted) await this.#context.terminal.say(`${describe(error).message} It shuts by itself within ${open_ms / 1000} seconds.`)
    }
  }
}

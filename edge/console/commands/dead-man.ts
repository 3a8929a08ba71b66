/**
 * A movement that goes on only while somebody holds the space bar.
 *
 * A terminal sends no release: a held key repeats, and a repeat that does not come is the release.
 */
import { Hand } from '../../access/hand.ts'
import type { Instant } from '../../base/clock.ts'
import { describe } from '../../base/error.ts'
import type { HeldCommand } from '../../device/held.ts'
import { demandOutOfService } from '../../device/in-service.ts'
import type { Members, PropertySpec } from '../../device/contract.ts'
import type { Context, Item } from '../command.ts'
import { valueRows } from '../rows.ts'

/** The slowest first repeat of usual keyboards is 660 ms. */
const repeat_ms_max = 700
/** How often it is looked at what moves. */
const look_ms = 250

export class DeadMan {
  readonly #context: Context
  readonly #name: string
  readonly #command: HeldCommand
  readonly #hand: Hand
  #failure: unknown
  #told = ''
  #lookedAt: Instant = Number.NEGATIVE_INFINITY

  /** @throws UsageError (PC-DEVICE-SERVICE). */
  constructor(context: Context, name: string, command: HeldCommand, args: Readonly<Record<string, unknown>>) {
    const { model, clock } = context
    this.#context = context
    this.#name = name
    this.#command = command
    this.#hand = new Hand({
      model, clock, component: name, args, onFailure: (error) => (this.#failure = error),
      // Letting go is not given up when the session ends, or somebody types Ctrl-C.
      carry: (asked, its, within = new AbortController().signal) => context.carry(name, asked, its, within),
    })
  }

  async *run(): AsyncGenerator<Item> {
    const { terminal, signal, model } = this.#context
    let held = false
    terminal.flush()
    try {
      for (;;) {
        const key = await terminal.key(held ? repeat_ms_max : look_ms, signal)
        if (key !== undefined) this.#context.touch()
        if (held || key !== undefined) demandOutOfService(model)
        if (this.#failure !== undefined) throw this.#failure
        if (key === undefined && held) {
          held = false
          await this.#release()
          terminal.flush()
          yield* this.#say(`${this.#name}: ${this.#command.held.release}`)
        } else if (key?.kind === 'text' && /^ +$/.test(key.text)) {
          const begins = !held
          held = true
          this.#hand.hold()
          if (begins) yield* this.#say(`${this.#name}: ${this.#command.name}`)
        } else if (key !== undefined) {
          break
        }
        yield* this.#look()
      }
    } finally {
      if (held) await this.#release()
    }
    this.#lookedAt = Number.NEGATIVE_INFINITY
    yield* this.#look()
  }

  /** Where the line held this up, what was typed meanwhile says nothing of a key that is held now. */
  *#say(...rows: string[]): Generator<Item> {
    const { clock, terminal } = this.#context
    const began = clock.now()
    yield { rows }
    if (clock.now() - began >= repeat_ms_max) terminal.flush()
  }

  /** What it does by now, when that is another than was told last. */
  *#look(): Generator<Item> {
    const { clock, model } = this.#context
    if (clock.now() - this.#lookedAt < look_ms) return
    this.#lookedAt = clock.now()
    const { shows } = this.#command.held
    const component = model.get(this.#name)
    const rows = valueRows(`${this.#name} ${shows}`, component.reading(shows)?.value, ((component.contract.members as Members)[shows] as PropertySpec).unit)
    const text = rows.join('\n')
    if (text !== this.#told) yield* this.#say(...rows)
    this.#told = text
  }

  async #release(): Promise<void> {
    const { terminal } = this.#context
    await this.#hand.release().catch(async (error: unknown) => {
      if (!terminal.io.gone.aborted) await terminal.say(`${describe(error).message} It ends by itself within ${this.#hand.run_ms / 1000} seconds.`)
    })
  }
}

/** Output lines that fall back by themselves, the same way on every kind of board. */
import type { Cancel, Clock } from '../../edge/base/clock.ts'
import { describe } from '../../edge/base/error.ts'
import type { Logger } from '../../edge/base/log.ts'
import { type TSchema, Type } from '../../edge/base/schema.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { IoBoard } from '../../edge/device/capabilities.ts'
import type { ComponentOf } from '../../edge/device/component.ts'
import { noSuchLine } from './source.ts'

const label = '^[A-Za-z][A-Za-z0-9_-]{0,31}$'

/** Lines by label. */
export const linesOf = <S extends TSchema>(line: S, description: string) =>
  Type.Record(Type.String({ pattern: label }), line, { maxProperties: 64, default: {}, description })

export const invertOption = () => Type.Boolean({ default: false, description: 'On means a low level, as with most relay boards.' })

export const mostOption = () =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000, description: 'The line never stays on longer than this, whatever is asked.' }))

/** A relay that must be triggered again and again drops the others out when this program is gone. */
export const keepAliveOption = () => Type.Optional(Type.Object({
  line: Type.String({ description: 'The output that is toggled; it cannot be set otherwise.' }),
  period_ms: Type.Integer({ minimum: 10, maximum: 10_000, default: 200, description: 'How often it is toggled.' }),
}, { additionalProperties: false, description: 'Toggles an output, so that a retriggerable safety relay drops all others when this program no longer runs.' }))

export interface OutputsOptions {
  component: ComponentOf<typeof IoBoard>
  clock: Clock
  log: Logger
  /** The lines that can be set, with their own limits. */
  lines: Readonly<Record<string, { most_ms?: number | undefined }>>
  /** Resolves when the line has been read back. */
  write(line: string, on: boolean): Promise<void>
}

export class Outputs {
  readonly #options: OutputsOptions
  readonly #on = new Set<string>()
  readonly #falls = new Map<string, Cancel>()

  constructor(options: OutputsOptions) {
    this.#options = options
  }

  /** @throws InputError (PC-IO-LINE), or what `write` throws; a line that could not be read back is released again. */
  async set(line: string, on: boolean, for_ms?: number): Promise<void> {
    const { lines, component, write } = this.#options
    if (!Object.hasOwn(lines, line)) noSuchLine(component.name, line)
    this.#cancelFall(line)
    if (on) this.#scheduleFall(line, Math.min(for_ms ?? Infinity, lines[line]?.most_ms ?? Infinity))
    try {
      await write(line, on)
    } catch (error) {
      if (on) await this.#release(line)
      throw error
    }
    this.#note(line, on)
  }

  /** The board has released all lines. */
  released(): void {
    this.stop()
    this.#on.clear()
    this.#publish()
  }

  /** Forgets what would fall later. */
  stop(): void {
    for (const cancel of this.#falls.values()) cancel()
    this.#falls.clear()
  }

  #scheduleFall(line: string, limit_ms: number): void {
    if (limit_ms === Infinity) return
    this.#falls.set(line, this.#options.clock.after(limit_ms, () => void this.#release(line)))
  }

  #cancelFall(line: string): void {
    this.#falls.get(line)?.()
    this.#falls.delete(line)
  }

  /** When it fails the link is going down, and every line is released when it is up again. */
  async #release(line: string): Promise<void> {
    this.#cancelFall(line)
    try {
      await this.#options.write(line, false)
      this.#note(line, false)
    } catch (error) {
      this.#options.log.warn({ component: this.#options.component.name, line, ...describe(error) }, 'line not released')
    }
  }

  #note(line: string, on: boolean): void {
    if (on) this.#on.add(line)
    else this.#on.delete(line)
    this.#publish()
  }

  #publish(): void {
    const { component, lines } = this.#options
    component.publish('outputs', Object.fromEntries(Object.keys(lines).map((line) => [line, this.#on.has(line)])))
  }
}

/** Toggles a line for as long as this program works. Ends only by throwing. */
export async function toggle(clock: Clock, period_ms: number, write: (on: boolean) => void, signal: AbortSignal): Promise<never> {
  for (let on = true; ; on = !on) {
    write(on)
    await sleep(clock, period_ms, signal)
  }
}

/** Lamps on a board's outputs: which lines are lit for which sign is a table in the profile. */
import type { Cancel } from '../../../edge/base/clock.ts'
import { describe } from '../../../edge/base/error.ts'
import { type Static, Type } from '../../../edge/base/schema.ts'
import { Indicator, IoBoard, type Sign } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import { madeOf } from '../../io/source.ts'
import { type DriverContext, defineDriver, type Device, optionsOf, partOf } from '../../kit/driver.ts'

const lamps = (sign: string) => Type.Array(Type.String(), { maxItems: 16, uniqueItems: true, default: [], description: `The outputs that are on for ${sign}.` })

const options = optionsOf({
  board: partOf(IoBoard),
  signs: Type.Object({ go: lamps('go'), stop: lamps('stop'), wait: lamps('wait'), attention: lamps('attention') }, { additionalProperties: false }),
  blinking: Type.Array(Type.Enum(['go', 'stop', 'wait', 'attention']), { uniqueItems: true, default: ['attention'], description: 'The signs that blink.' }),
  blink_ms: Type.Integer({ minimum: 100, maximum: 5_000, default: 500, description: 'How long a blinking lamp is on, and off.' }),
})
type LampOptions = Static<typeof options>

class Lamps implements Device<(typeof Indicator)['members']> {
  readonly component: ComponentOf<typeof Indicator>
  readonly #options: LampOptions
  readonly #context: DriverContext
  readonly #board: ComponentOf<typeof IoBoard>
  readonly #lines: readonly string[]
  readonly #link: ReturnType<typeof madeOf>
  #sign: Sign = 'off'
  #lit = true
  #cancelBlink: Cancel = () => undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(options: LampOptions, context: DriverContext) {
    this.#options = options
    this.#context = context
    this.#board = context.part(options.board, IoBoard)
    this.#lines = [...new Set(Object.values(options.signs).flat())]
    this.component = new Component(context.name, Indicator, context.clock, {
      selfTest: async () => {
        const passed = this.component.health.status === 'ready'
        return { passed, checks: [{ name: 'lines', passed, value: this.#lines.length, unit: '1', says: 'The board has every lamp\'s line.' }] }
      },
      show: async ({ sign }) => {
        await this.#show(sign)
        return {}
      },
    })
    this.component.publish('sign', 'off')
    this.#link = madeOf({
      component: this.component, source: this.#board,
      missing: () => this.#lines.find((line) => !(line in (this.#board.read('outputs') ?? {}))),
      // A board that was away has all lamps off.
      onSight: () => void this.#apply().catch((error: unknown) => this.#note(error)),
      onLost: () => undefined,
    })
  }

  start(): Promise<void> {
    return this.#link.start()
  }

  async stop(): Promise<void> {
    if (this.component.health.status === 'ready') await this.#show('off').catch((error: unknown) => this.#note(error))
    this.#cancelBlink()
    this.#link.stop()
  }

  async #show(sign: Sign): Promise<void> {
    this.#cancelBlink()
    this.#sign = sign
    this.#lit = true
    await this.#apply()
    this.component.publish('sign', sign)
    if (sign !== 'off' && this.#options.blinking.includes(sign)) this.#blink()
  }

  #blink(): void {
    this.#cancelBlink()
    this.#cancelBlink = this.#context.clock.after(this.#options.blink_ms, () => {
      this.#lit = !this.#lit
      this.#blink()
      this.#apply().catch((error: unknown) => this.#note(error))
    })
  }

  /** Sets the lamps that are not as they should be, one wish after the other. */
  #apply(): Promise<void> {
    const turn = this.#turn.then(async () => {
      for (const line of this.#lines) {
        const on = this.#lit && this.#sign !== 'off' && this.#options.signs[this.#sign].includes(line)
        if (this.#board.read('outputs')?.[line] !== on) await this.#board.invoke('set', { line, on })
      }
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #note(error: unknown): void {
    this.#context.log.warn({ component: this.component.name, ...describe(error) }, 'a lamp was not set')
  }
}

export const driver = defineDriver({
  name: 'indicator/io',
  says: 'Lamps on a board\'s outputs.',
  contract: Indicator,
  options,
  create: (options, context): Device<(typeof Indicator)['members']> => new Lamps(options, context),
})

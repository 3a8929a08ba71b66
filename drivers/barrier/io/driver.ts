/**
 * A door, flap or boom behind a relay.
 *
 * Every opening is a command with a limit to the board, whose driver lets the line fall by itself.
 * Where the board outlives this program with its relay on, its `keepAlive` is what shuts the door.
 */
import type { Cancel } from '../../../edge/base/clock.ts'
import { DeviceError, describe } from '../../../edge/base/error.ts'
import { type Static, Type } from '../../../edge/base/schema.ts'
import { Barrier, IoBoard } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import type { SelfTestReport } from '../../../edge/device/contract.ts'
import { madeOf } from '../../io/source.ts'
import { type DriverContext, defineDriver, type Device, optionsOf, partOf } from '../../kit/driver.ts'
import { deadline, firstDoor, nextDoor, type Door, type Sight } from './door.ts'

const options = optionsOf({
  board: partOf(IoBoard),
  open: Type.String({ description: 'The output that opens the door while it is on.' }),
  closed: Type.Optional(Type.String({ description: 'The input that is on while the door is shut.' })),
  obstacle: Type.Optional(Type.String({ description: 'The input that is on while something stands in the way.' })),
  move_ms: Type.Integer({ minimum: 50, maximum: 60_000, default: 3_000, description: 'How long the door may take to open or to shut.' }),
})
type DoorOptions = Static<typeof options>

class IoDoor implements Device<(typeof Barrier)['members']> {
  readonly component: ComponentOf<typeof Barrier>
  readonly #options: DoorOptions
  readonly #context: DriverContext
  readonly #board: ComponentOf<typeof IoBoard>
  readonly #link: ReturnType<typeof madeOf>
  #door: Door | undefined
  #passed = 0
  #free = false
  #settingFree = false
  /** The line is being switched on: the door may open before the board has read it back. */
  #switchingOn = false
  #cancelLook: Cancel = () => undefined

  constructor(options: DoorOptions, context: DriverContext) {
    this.#options = options
    this.#context = context
    this.#board = context.part(options.board, IoBoard)
    this.component = new Component(context.name, Barrier, context.clock, {
      selfTest: async () => this.#selfTest(),
      open: async ({ for_ms }) => {
        if (this.#free) throw this.#refusal('PC-BARRIER-MODE', 'The barrier stands free and lets nobody through one by one.')
        await this.#set(true, for_ms)
        return {}
      },
      close: async () => {
        if (this.#free) throw this.#refusal('PC-BARRIER-MODE', 'The barrier stands free; that must be switched off first.')
        if (this.#door?.last.obstructed === true) throw this.#refusal('PC-BARRIER-OBSTACLE', 'Something stands in the way of the barrier, so it is not closed now.')
        await this.#set(false)
        return {}
      },
      free: async ({ on }) => {
        this.#free = on
        this.component.publish('mode', on ? 'free' : 'normal')
        await this.#set(on)
        return {}
      },
    })
    this.component.publish('state', 'unknown')
    this.component.publish('mode', 'normal')
    this.#link = madeOf({
      component: this.component, source: this.#board,
      missing: () => this.#missing(), onSight: () => this.#look(), onLost: () => this.#lost(),
    })
  }

  start(): Promise<void> {
    return this.#link.start()
  }

  async stop(): Promise<void> {
    this.#cancelLook()
    // One that stands free lets people out of an emergency: that does not end with this program.
    if (!this.#free && this.#board.usable && this.#door?.last.letting === true) await this.#set(false).catch((error: unknown) => this.#note(error))
    this.#link.stop()
    this.#cancelLook()
  }

  #missing(): string | undefined {
    const { open, closed, obstacle } = this.#options
    const inputs = this.#board.read('inputs') ?? {}
    if (!(open in (this.#board.read('outputs') ?? {}))) return open
    return [closed, obstacle].find((line) => line !== undefined && !(line in inputs))
  }

  #sight(): Sight {
    const { open, closed, obstacle } = this.#options
    const inputs = this.#board.read('inputs') ?? {}
    return {
      letting: this.#switchingOn || this.#board.read('outputs')?.[open] === true,
      shut: closed === undefined ? undefined : inputs[closed],
      obstructed: obstacle !== undefined && inputs[obstacle] === true,
      at: this.#context.clock.now(),
    }
  }

  #look(): void {
    const { move_ms } = this.#options
    const sight = this.#sight()
    const door = this.#door === undefined ? firstDoor(sight, move_ms, this.#passed) : nextDoor(this.#door, sight, move_ms)
    this.#door = door
    this.#passed = door.passed
    this.component.publish('state', door.state)
    this.component.publish('passed', door.passed)
    if (door.forced) this.component.raise('forced', {})
    this.#cancelLook()
    const next = deadline(door, move_ms)
    if (next !== undefined) this.#cancelLook = this.#context.clock.after(next - sight.at, () => this.#look())
    if (this.#free && !sight.letting) void this.#stayFree()
  }

  #lost(): void {
    this.#cancelLook()
    this.#door = undefined
    this.component.publish('state', 'unknown')
  }

  /** The board let the line fall, by its own limit or because it was away: people must still get out. */
  async #stayFree(): Promise<void> {
    if (this.#settingFree) return
    this.#settingFree = true
    await this.#set(true).catch((error: unknown) => this.#note(error))
    this.#settingFree = false
  }

  async #set(on: boolean, for_ms?: number): Promise<void> {
    this.#switchingOn = on
    if (on && this.#door !== undefined) this.#look()
    try {
      await this.#board.invoke('set', { line: this.#options.open, on, ...(for_ms === undefined ? {} : { for_ms }) })
    } finally {
      this.#switchingOn = false
      if (this.#door !== undefined) this.#look()
    }
  }

  async #selfTest(): Promise<SelfTestReport> {
    const state = this.#door?.state ?? 'unknown'
    const passed = state !== 'unknown' && state !== 'blocked'
    return { passed, checks: [{ name: 'state', passed, says: `The barrier is ${state}.` }] }
  }

  #refusal(code: `PC-BARRIER-${string}`, message: string): DeviceError {
    return new DeviceError(code, message, { component: this.component.name })
  }

  #note(error: unknown): void {
    this.#context.log.warn({ component: this.component.name, ...describe(error) }, 'the door\'s line was not set')
  }
}

export const driver = defineDriver({
  name: 'barrier/io',
  says: 'A door, flap or boom behind a relay, with contacts if it has them.',
  contract: Barrier,
  options,
  create: (options, context): Device<(typeof Barrier)['members']> => new IoDoor(options, context),
})

/** The parts that are made of a board's lines, each against the board's twin. */
import t, { type Test } from 'tap'
import { type Clock, ManualClock } from '../../edge/base/clock.ts'
import type { Component } from '../../edge/device/component.ts'
import { driver as door } from '../barrier/io/driver.ts'
import { DoorWorld } from '../barrier/io/door-world.ts'
import { firstDoor, nextDoor, type Sight } from '../barrier/io/door.ts'
import { driver as lamps } from '../indicator/io/driver.ts'
import { conformance, standaloneContext, until } from '../kit/conformance.ts'
import type { Device } from '../kit/driver.ts'
import type { Twin } from '../kit/twin.ts'
import { driver as presence } from '../presence/io/driver.ts'
import { driver as safety } from '../safety/io/driver.ts'
import { driver as firmata } from './firmata/driver.ts'
import { firmataTwin } from './firmata/twin.ts'

const pins = { door: 7, red: 8, green: 10, closed: 2, beam: 9, mat: 11, fire: 12 }
const lines = {
  outputs: { door: { pin: pins.door, invert: true }, red: { pin: pins.red, invert: false }, green: { pin: pins.green, invert: false } },
  inputs: Object.fromEntries((['closed', 'beam', 'mat', 'fire'] as const).map((line) => [line, { pin: pins[line], invert: false, pullup: false }])),
}

/** A board's twin with its driver running: what it is made of, for the parts under test. */
class BoardTwin implements Twin {
  readonly wire = firmataTwin({}, 'tcp')
  readonly faults = this.wire.faults
  readonly world = this.wire.device
  readonly door = new DoorWorld(this.world, {
    relay: pins.door, invert: true, motion_ms: 40,
    contact: { line: pins.closed, level: true }, beam: { line: pins.beam, level: true },
  })
  #board: Device | undefined
  #component: Component | undefined

  async start(): Promise<Record<string, unknown>> {
    this.world.drive(pins.fire, true)
    const options = { ...await this.wire.start(), ...lines, baud: 57_600, reply_ms: 150, retries: 1, reconnect_ms: 20, poll_ms: 40, boot_ms: 500 }
    const board = firmata.create(options, standaloneContext('board'))
    await board.start(new AbortController().signal)
    this.#board = board as unknown as Device
    this.#component = board.component as unknown as Component
    return {}
  }

  async stop(): Promise<void> {
    this.door.stop()
    await this.#board?.stop()
    await this.wire.stop()
  }

  async unplug(): Promise<void> {
    await this.wire.unplug()
    await until(() => this.board.health.status === 'failed', 'the board\'s loss is noticed')
  }

  plug(): Promise<void> {
    return this.wire.plug()
  }

  get board(): Component {
    if (this.#component === undefined) throw new Error('not started')
    return this.#component
  }
}

/** What the board's driver says of an input. */
const input = (twin: BoardTwin, line: string): boolean | undefined => (twin.board.reading('inputs')?.value as Record<string, boolean> | undefined)?.[line]

const common = { twin: () => new BoardTwin(), parts: (twin: BoardTwin) => [twin.board], identifies: false }

async function running<D extends { create(options: never, context: never): { component: unknown } }>(t: Test, driver: D, options: Record<string, unknown>, clock?: Clock) {
  const twin = new BoardTwin()
  await twin.start()
  const device = driver.create({ board: 'board', ...options } as never, standaloneContext('part', clock, [twin.board]) as never) as ReturnType<D['create']> & Device
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  return { twin, part: device.component as ReturnType<D['create']>['component'], device }
}

const doorOptions = { board: 'board', open: 'door', closed: 'closed', obstacle: 'beam', move_ms: 300 }

void t.test('conformance: barrier/io', async (t) => {
  conformance(t, {
    ...common, driver: door, options: doorOptions,
    exercise: async (component, twin) => {
      await component.invoke('open', { for_ms: 5_000 })
      await until(() => component.read('state') === 'open' && twin.door.position === 'open', 'it is open')
      await component.invoke('close', {})
      await until(() => component.read('state') === 'closed', 'it is shut')
    },
  })
})

void t.test('conformance: indicator/io', async (t) => {
  conformance(t, {
    ...common, driver: lamps, options: { board: 'board', signs: { go: ['green'], stop: ['red'] } },
    exercise: async (component, twin) => {
      await component.invoke('show', { sign: 'go' })
      if (!twin.world.energised(pins.green) || twin.world.energised(pins.red)) throw new Error('the wrong lamp is on')
      await component.invoke('show', { sign: 'stop' })
      if (twin.world.energised(pins.green) || !twin.world.energised(pins.red)) throw new Error('the wrong lamp is on')
    },
  })
})

void t.test('conformance: safety/io', async (t) => {
  conformance(t, {
    ...common, driver: safety, options: { board: 'board', line: 'fire', debounce_ms: 10 }, answers: false,
    exercise: async (component, twin) => {
      for (const level of [false, true]) {
        twin.world.drive(pins.fire, level)
        await until(() => component.read('active') === !level, 'it follows')
      }
    },
  })
})

void t.test('conformance: presence/io', async (t) => {
  conformance(t, {
    ...common, driver: presence, options: { board: 'board', lines: ['mat', 'beam'], count: 'lines', debounce_ms: 10 }, answers: false,
    exercise: async (component, twin) => {
      for (const level of [true, false]) {
        twin.world.drive(pins.mat, level)
        await until(() => component.read('count') === Number(level), 'it follows')
      }
    },
  })
})

void t.test('a door shuts by its own limit, and says what it does', async (t) => {
  const { part, twin } = await running(t, door, doorOptions)
  const states: string[] = []
  part.onChange('state', (state) => states.push(state))
  // Pins are low when a board starts, which pulls an inverted relay in until the driver releases it.
  await until(() => part.read('state') === 'closed', 'it is shut')
  states.length = 0
  await part.invoke('open', { for_ms: 400 })
  twin.door.occupy(true)
  await until(() => part.read('state') === 'open', 'it is open')
  twin.door.occupy(false)
  await until(() => part.read('state') === 'closed', 'it is shut')
  t.equal(twin.door.isClosed, true)
  t.equal(part.read('passed'), 1)
  t.strictSame(states, ['opening', 'open', 'closing', 'closed'])
})

void t.test('a jammed, an obstructed and a forced door are told apart', async (t) => {
  const { part, twin } = await running(t, door, doorOptions)
  let forced = 0
  part.onEvent('forced', () => forced++)
  await until(() => part.read('state') === 'closed', 'it is shut')
  twin.door.jammed = true
  await part.invoke('open', { for_ms: 2_000 })
  await until(() => part.read('state') === 'blocked', 'it does not open')
  twin.door.jammed = false
  await part.invoke('open', { for_ms: 20_000 })
  await until(() => part.read('state') === 'open', 'it opens')
  twin.door.occupy(true)
  await until(() => input(twin, 'beam') === true, 'the beam is seen')
  await t.rejects(part.invoke('close', {}), { code: 'PC-BARRIER-OBSTACLE' })
  twin.door.occupy(false)
  await until(() => input(twin, 'beam') === false, 'the beam is clear')
  await part.invoke('close', {})
  await until(() => part.read('state') === 'closed', 'it is shut')
  await new Promise((resolve) => setTimeout(resolve, 400))
  t.equal(forced, 0)
  twin.door.push()
  await until(() => forced === 1, 'the push is noticed')
  await until(() => part.read('state') === 'closed', 'it fell shut')
})

void t.test('a free door stays free over a loss of the board, until it is switched off', async (t) => {
  const { part, twin } = await running(t, door, doorOptions)
  await part.invoke('free', { on: true })
  await until(() => twin.door.position === 'open', 'it is open')
  await t.rejects(part.invoke('open', { for_ms: 1_000 }), { code: 'PC-BARRIER-MODE' })
  await t.rejects(part.invoke('close', {}), { code: 'PC-BARRIER-MODE' })
  await twin.unplug()
  t.equal(part.read('state'), 'unknown')
  t.match(part.health, { status: 'failed', code: 'PC-IO-SOURCE' })
  await twin.plug()
  await until(() => part.read('state') === 'open', 'it is open again')
  t.equal(part.read('mode'), 'free')
  await part.invoke('free', { on: false })
  await until(() => twin.door.isClosed && part.read('state') === 'closed', 'it is shut')
})

void t.test('the emergency is on until the board says otherwise, and whenever it is silent', async (t) => {
  const clock = new ManualClock()
  const { part, twin } = await running(t, safety, { line: 'fire', active_when: 'off', debounce_ms: 50 }, clock)
  t.equal(part.read('active'), false)
  twin.world.drive(pins.fire, false)
  await until(() => input(twin, 'fire') === false, 'the board saw it')
  clock.advance(49)
  t.equal(part.read('active'), false, 'a bounce is no alarm')
  clock.advance(1)
  t.equal(part.read('active'), true)
  twin.world.drive(pins.fire, true)
  await until(() => input(twin, 'fire') === true, 'the board saw it')
  clock.advance(50)
  t.equal(part.read('active'), false)
  await twin.unplug()
  t.equal(part.read('active'), true, 'a lost board is an emergency')
  t.match(part.health, { status: 'failed', code: 'PC-IO-SOURCE' })
  await twin.plug()
  await until(() => part.health.status === 'ready', 'it is back')
  t.equal(part.read('active'), false)
})

void t.test('a line that the board does not have is an error, and counts as the emergency', async (t) => {
  const { part } = await running(t, safety, { line: 'smoke', active_when: 'off', debounce_ms: 0 })
  t.match(part.health, { status: 'failed', code: 'PC-IO-LINE' })
  t.equal(part.read('active'), true)
})

void t.test('lamps blink for attention, and come back with the board', async (t) => {
  const clock = new ManualClock()
  const { part, twin } = await running(t, lamps, {
    signs: { go: ['green'], stop: ['red'], wait: ['red', 'green'], attention: ['red'] }, blinking: ['attention'], blink_ms: 500,
  }, clock)
  await part.invoke('show', { sign: 'attention' })
  for (const lit of [false, true, false]) {
    clock.advance(500)
    await until(() => twin.world.energised(pins.red) === lit, 'it blinks')
  }
  await part.invoke('show', { sign: 'wait' })
  t.equal(clock.pending, 0, 'it blinks no more')
  await twin.unplug()
  await twin.plug()
  await until(() => part.health.status === 'ready', 'the board is back')
  await until(() => twin.world.energised(pins.red) && twin.world.energised(pins.green), 'the sign is back')
  t.equal(part.read('sign'), 'wait')
  await part.invoke('show', { sign: 'off' })
  t.equal(twin.world.energised(pins.red) || twin.world.energised(pins.green), false)
})

void t.test('lines are counted each, or as one', async (t) => {
  const { part, twin } = await running(t, presence, { lines: ['mat', 'beam'], count: 'any', debounce_ms: 0 })
  t.equal(part.read('count'), 0)
  twin.world.drive(pins.mat, true)
  twin.world.drive(pins.beam, true)
  await until(() => part.read('count') === 1, 'somebody is there')
  twin.world.drive(pins.mat, false)
  await until(() => input(twin, 'mat') === false, 'one line is off')
  t.equal(part.read('count'), 1)
  await twin.unplug()
  t.match(part.health, { status: 'failed', code: 'PC-IO-SOURCE' })
})

void t.test('what lines say about a door', async (t) => {
  const sight = (at: number, letting: boolean, shut: boolean | undefined, obstructed = false): Sight => ({ at, letting, shut, obstructed })
  const closed = firstDoor(sight(0, false, true), 1_000)
  t.equal(closed.state, 'closed')
  const opening = nextDoor(closed, sight(10, true, true), 1_000)
  t.equal(opening.state, 'opening')
  t.equal(nextDoor(opening, sight(1_010, true, true), 1_000).state, 'blocked', 'the relay is on and the door did not move')
  const open = nextDoor(opening, sight(300, true, false), 1_000)
  t.equal(open.state, 'open')
  t.equal(nextDoor(open, sight(2_000, true, true), 1_000).state, 'closing', 'shut but not locked')
  const closing = nextDoor(open, sight(2_000, false, false), 1_000)
  t.equal(closing.state, 'closing')
  t.equal(nextDoor(closing, sight(3_000, false, false), 1_000).state, 'blocked', 'the closed contact did not come')
  t.equal(nextDoor(closing, sight(2_500, false, true), 1_000).state, 'closed')
  const forced = nextDoor(closed, sight(50, false, false), 1_000)
  t.strictSame([forced.state, forced.forced], ['open', true])
  t.equal(nextDoor(forced, sight(60, false, false), 1_000).forced, false, 'it is forced once')
  t.equal(firstDoor(sight(0, false, false), 1_000).state, 'closing', 'a door found open has its time to shut')
  const blind = nextDoor(firstDoor(sight(0, false, undefined), 1_000), sight(10, true, undefined), 1_000)
  t.equal(blind.state, 'opening')
  t.equal(nextDoor(blind, sight(1_010, true, undefined), 1_000).state, 'open', 'without a contact its time tells')
})

/**
 * A relay and input board that runs StandardFirmata (Arduino and the like).
 *
 * StandardFirmata has no watchdog: when this program dies, an output stays as it is until the next
 * start, which releases all. Where that is not enough, `keepAlive` toggles an output that feeds a
 * retriggerable safety relay, so that every other relay drops out with this program.
 */
import { ConfigError } from '../../../edge/base/error.ts'
import { type Static, Type } from '../../../edge/base/schema.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { IoBoard } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import { type DriverContext, defineDriver, type Device, expectOption, linkLimits, mismatch, optionsOf, portOption } from '../../kit/driver.ts'
import { Session } from '../../kit/session.ts'
import { type Transport, transportTo } from '../../kit/transport.ts'
import { invertOption, keepAliveOption, linesOf, mostOption, Outputs, toggle } from '../outputs.ts'
import { FirmataBoard } from './board.ts'
import { messageFramer } from './codec.ts'

const pinOption = () => Type.Integer({ minimum: 0, maximum: 127, description: 'The pin\'s number on the board; analog pins go on after the digital ones.' })
const closed = { additionalProperties: false }

const options = optionsOf({
  port: portOption(),
  baud: Type.Integer({ minimum: 9_600, maximum: 1_000_000, default: 57_600, description: 'Bits per second.' }),
  outputs: linesOf(Type.Object({ pin: pinOption(), invert: invertOption(), most_ms: mostOption() }, closed), 'Output lines by label.'),
  inputs: linesOf(Type.Object({
    pin: pinOption(), invert: invertOption(),
    pullup: Type.Boolean({ default: false, description: 'Uses the pull-up resistor of the board; an open contact then is a high level.' }),
  }, closed), 'Input lines by label.'),
  keepAlive: keepAliveOption(),
  poll_ms: Type.Integer({ minimum: 20, maximum: 10_000, default: 500, description: 'How often every line is read back.' }),
  boot_ms: Type.Integer({ minimum: 0, maximum: 8_000, default: 4_000, description: 'How long the board may take to start after its port was opened.' }),
  expect: expectOption(),
  ...linkLimits,
})
export type FirmataOptions = Static<typeof options>

/** The driver over a given transport. */
export function firmataOver(options: FirmataOptions, context: DriverContext, transport: Transport): Device<(typeof IoBoard)['members']> {
  const { clock, log } = context
  const { keepAlive } = options
  checkLines(context.name, options)
  let inputs: Readonly<Record<string, boolean>> = {}
  let loaded: FirmataBoard | undefined

  const component: ComponentOf<typeof IoBoard> = new Component(context.name, IoBoard, clock, {
    set: async ({ line, on, for_ms }) => {
      void session.connection
      await outputs.set(line, on, for_ms)
      return {}
    },
    selfTest: async (_, signal) => {
      void session.connection
      await loaded?.verify(signal)
      const lines = [...Object.keys(options.outputs), ...Object.keys(options.inputs)]
      return { passed: true, checks: [{ name: 'lines', passed: true, value: lines.length, unit: '1', says: 'Every line was read back as it was set.' }] }
    },
  })
  const session = new Session<Uint8Array>({
    component, transport, framer: messageFramer('board'), clock, log, limits: options, expect: options.expect,
    onFrame: (message) => loaded?.receive(message),
    identify: async (connection, signal) => {
      send = (bytes) => void connection.send(bytes).catch(() => undefined)
      loaded ??= await FirmataBoard.load(boardOptions)
      const identity = await loaded.identify(signal)
      // The session refuses another board than the one expected: its pins are not touched.
      if (mismatch(identity, options.expect) !== undefined) return identity
      await loaded.begin(signal)
      outputs.released()
      return identity
    },
    serve: async (_, signal) => {
      const board = loaded
      if (board === undefined) return
      const beat = keepAlive === undefined ? [] : [toggle(clock, keepAlive.period_ms, (on) => board.switch(keepAlive.line, on), signal)]
      await Promise.all([verifyRegularly(board, signal), ...beat])
    },
    onLost: () => outputs.stop(),
  })
  let send: (bytes: Uint8Array) => void = () => undefined
  const boardOptions = {
    component: context.name, clock, counters: session.counters, limits: options,
    outputs: options.outputs, inputs: options.inputs, unchecked: keepAlive?.line,
    send: (bytes: Uint8Array) => send(bytes),
    onInput: (line: string, on: boolean) => {
      inputs = { ...inputs, [line]: on }
      component.publish('inputs', inputs)
    },
  }
  const settable = Object.fromEntries(Object.entries(options.outputs).filter(([line]) => line !== keepAlive?.line))
  const outputs = new Outputs({ component, clock, log, lines: settable, write: async (line, on) => await loaded?.write(line, on) })

  async function verifyRegularly(board: FirmataBoard, signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(clock, options.poll_ms, signal)
      await board.verify(signal)
    }
  }

  return {
    component,
    start: (signal) => session.start(signal),
    stop: async () => {
      if (component.usable) await Promise.allSettled(Object.keys(settable).map((line) => outputs.set(line, false)))
      outputs.stop()
      await session.stop()
      loaded?.forget()
      loaded = undefined
    },
  }
}

/** @throws ConfigError (PC-IO-LINE) when two lines share a pin, or the line to toggle is none. */
function checkLines(name: string, { outputs, inputs, keepAlive }: FirmataOptions): void {
  const pins = [...Object.values(outputs), ...Object.values(inputs)].map(({ pin }) => pin)
  if (new Set(pins).size < pins.length) throw new ConfigError('PC-IO-LINE', `Two lines of ${name} share a pin.`, { component: name })
  if (keepAlive !== undefined && !Object.hasOwn(outputs, keepAlive.line)) {
    throw new ConfigError('PC-IO-LINE', `${name} has no output line named ${keepAlive.line} to toggle.`, { component: name })
  }
}

export const driver = defineDriver({
  name: 'io/firmata',
  says: 'Relays, lamps and contacts on a board that runs StandardFirmata.',
  contract: IoBoard,
  options,
  create: (options, context) => firmataOver(options, context, transportTo(options.port, { baud: options.baud })),
})

/**
 * Lines of Linux GPIO chips.
 *
 * The kernel keeps an output as it is when this program dies; the next start releases all. Where
 * that is not enough, `keepAlive` toggles a line that feeds a retriggerable safety relay.
 */
import { ConfigError, DeviceError } from '../../../edge/base/error.ts'
import { type Static, Type } from '../../../edge/base/schema.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { IoBoard } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import { type DriverContext, defineDriver, type Device, expectOption, linkLimits, optionsOf } from '../../kit/driver.ts'
import { framerOf } from '../../kit/framing.ts'
import { Session } from '../../kit/session.ts'
import type { Transport } from '../../kit/transport.ts'
import { Debounce } from '../debounce.ts'
import { invertOption, keepAliveOption, linesOf, mostOption, Outputs, toggle } from '../outputs.ts'
import { loadEdges } from './edges.ts'
import { kernelRoot, SysfsLine } from './sysfs.ts'

const closed = { additionalProperties: false }
const named = {
  chip: Type.String({ minLength: 1, description: 'The label of the GPIO chip, as in /sys/class/gpio/gpiochip*/label.' }),
  line: Type.Integer({ minimum: 0, maximum: 1_023, description: 'The line\'s offset in its chip.' }),
  invert: invertOption(),
}

const options = optionsOf({
  root: Type.String({ pattern: '^/', default: kernelRoot, description: 'Where the files of GPIO lines are.' }),
  outputs: linesOf(Type.Object({ ...named, most_ms: mostOption() }, closed), 'Output lines by label.'),
  inputs: linesOf(Type.Object({
    ...named,
    debounce_ms: Type.Integer({ minimum: 0, maximum: 5_000, default: 0, description: 'How long a level must stand to count.' }),
  }, closed), 'Input lines by label.'),
  edges: Type.Optional(Type.Enum(['interrupt', 'poll'], { description: 'How changes are noticed; by interrupt on a kernel\'s own GPIO, else by polling.' })),
  keepAlive: keepAliveOption(),
  poll_ms: Type.Integer({ minimum: 5, maximum: 5_000, default: 20, description: 'How often every line is read, besides interrupts.' }),
  expect: expectOption(),
  reconnect_ms: linkLimits.reconnect_ms,
})
export type GpioOptions = Static<typeof options>

/** A value file that is read while it is written may say nothing; one that says nothing again and again is broken. */
const unreadableMax = 10
const noReplies = { reply_ms: 1_000, retries: 0 }

class GpioBoard implements Device<(typeof IoBoard)['members']> {
  readonly component: ComponentOf<typeof IoBoard>
  readonly #options: GpioOptions
  readonly #context: DriverContext
  readonly #session: Session<never>
  readonly #outputs: Outputs
  readonly #debounced: ReadonlyMap<string, Debounce>
  readonly #lines = new Map<string, SysfsLine>()
  #stopEdges: (() => void)[] = []
  #inputs: Readonly<Record<string, boolean>> = {}
  /** How often in a row each line gave no level. */
  readonly #unreadable = new Map<string, number>()

  constructor(options: GpioOptions, context: DriverContext) {
    const { clock, log, name } = context
    const { keepAlive } = options
    checkLines(name, options)
    this.#options = options
    this.#context = context
    this.component = new Component(name, IoBoard, clock, {
      set: async ({ line, on, for_ms }) => {
        void this.#session.connection
        await this.#outputs.set(line, on, for_ms)
        return {}
      },
      selfTest: async () => this.#selfTest(),
    })
    const settable = Object.fromEntries(Object.entries(options.outputs).filter(([line]) => line !== keepAlive?.line))
    this.#outputs = new Outputs({ component: this.component, clock, log, lines: settable, write: async (line, on) => this.#write(line, on) })
    this.#debounced = new Map(Object.entries(options.inputs).map(([line, { debounce_ms }]) => [line, new Debounce(clock, debounce_ms, (on) => {
      this.#inputs = { ...this.#inputs, [line]: on }
      this.component.publish('inputs', this.#inputs)
    })]))
    this.#session = new Session<never>({
      component: this.component, transport: this.#transport(), framer: framerOf<never>((bytes) => ({ kind: 'skip', length: bytes.length }), 1),
      clock, log, limits: { ...noReplies, reconnect_ms: options.reconnect_ms }, expect: options.expect,
      identify: async () => {
        this.#outputs.released()
        this.#readInputs()
        return { manufacturer: 'Linux', model: this.#chips().join(', ') }
      },
      serve: async (_, signal) => {
        const beat = keepAlive === undefined ? [] : [toggle(clock, keepAlive.period_ms, (on) => this.#lines.get(keepAlive.line)?.write(on), signal)]
        await Promise.all([this.#poll(signal), ...beat])
      },
      onLost: () => this.#outputs.stop(),
    })
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#session.start(signal)
  }

  stop(): Promise<void> {
    return this.#session.stop()
  }

  #chips(): string[] {
    return [...new Set([...this.#lines.values()].map((line) => line.name.chip))]
  }

  /** Lines take the place of a byte stream: they open, are lost and come back the same way. */
  #transport(): Transport {
    return {
      where: this.#options.root,
      open: async (listener, signal) => {
        try {
          await this.#open(signal)
        } catch (error) {
          this.#close()
          throw error
        }
        let isOpen = true
        return {
          write: () => Promise.resolve(),
          close: () => {
            if (!isOpen) return
            isOpen = false
            this.#close()
            listener.onClosed()
          },
        }
      },
    }
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { root, outputs, inputs, edges = root === kernelRoot ? 'interrupt' : 'poll' } = this.#options
    const { clock } = this.#context
    for (const [label, output] of Object.entries(outputs)) {
      this.#lines.set(label, await SysfsLine.open(root, output, output.invert ? 'high' : 'low', clock, signal))
    }
    for (const [label, input] of Object.entries(inputs)) this.#lines.set(label, await SysfsLine.open(root, input, 'in', clock, signal))
    if (edges === 'poll') return
    const watch = await loadEdges(root)
    for (const label of Object.keys(inputs)) {
      const line = this.#lines.get(label)
      if (line !== undefined) this.#stopEdges.push(watch(line.number, () => this.#edge(label, line)))
    }
  }

  /** Released before given back: who takes an output next finds it safe. */
  #close(): void {
    for (const stop of this.#stopEdges) stop()
    this.#stopEdges = []
    for (const debounce of this.#debounced.values()) debounce.reset()
    for (const [label, line] of this.#lines) {
      const output = this.#options.outputs[label]
      try {
        if (output !== undefined) line.write(output.invert)
      } catch {
        // The line is gone, and with it what it switched.
      }
      line.close()
    }
    this.#lines.clear()
  }

  async #poll(signal: AbortSignal): Promise<never> {
    for (;;) {
      this.#readInputs()
      for (const label of Object.keys(this.#options.outputs)) this.#lines.get(label)?.read()
      await sleep(this.#context.clock, this.#options.poll_ms, signal)
    }
  }

  #readInputs(): void {
    for (const label of Object.keys(this.#options.inputs)) {
      const line = this.#lines.get(label)
      if (line !== undefined) this.#offer(label, line)
    }
    this.component.publish('inputs', this.#inputs)
  }

  #edge(label: string, line: SysfsLine): void {
    try {
      this.#offer(label, line)
    } catch {
      // The next poll meets the same and begins again.
    }
  }

  #offer(label: string, line: SysfsLine): void {
    const level = line.read()
    const unreadable = level === undefined ? (this.#unreadable.get(label) ?? 0) + 1 : 0
    this.#unreadable.set(label, unreadable)
    if (level === undefined) {
      this.#session.counters.add('unmatched')
      if (unreadable > unreadableMax) throw new DeviceError('PC-GPIO-VALUE', `Line ${line.name.line} of ${line.name.chip} gives no level.`)
      return
    }
    this.#debounced.get(label)?.offer(level !== (this.#options.inputs[label]?.invert ?? false))
  }

  #write(label: string, on: boolean): void {
    const line = this.#lines.get(label)
    const level = on !== (this.#options.outputs[label]?.invert ?? false)
    const component = this.component.name
    if (line === undefined) throw new DeviceError('PC-LINK-DOWN', `${component} is not connected.`, { component })
    line.write(level)
    if (line.read() !== level) throw new DeviceError('PC-IO-READBACK', `Line ${line.name.line} of ${line.name.chip} is not as it was set.`, { component })
  }

  #selfTest() {
    void this.#session.connection
    const outputs = this.component.read('outputs') ?? {}
    const checks = [...this.#lines].map(([label, line]) => {
      const level = line.read()
      const expected = outputs[label] === undefined ? level : outputs[label] !== (this.#options.outputs[label]?.invert ?? false)
      return { name: label, passed: level !== undefined && level === expected, value: Number(level), unit: '1', says: 'The line gives the level it should have.' }
    })
    return { passed: checks.every(({ passed }) => passed), checks }
  }
}

/** @throws ConfigError (PC-IO-LINE) when two labels name one line, or the line to toggle is none. */
function checkLines(name: string, { outputs, inputs, keepAlive }: GpioOptions): void {
  const lines = [...Object.values(outputs), ...Object.values(inputs)].map(({ chip, line }) => `${chip} ${line}`)
  if (new Set(lines).size < lines.length) throw new ConfigError('PC-IO-LINE', `Two labels of ${name} name the same line.`, { component: name })
  if (keepAlive !== undefined && !Object.hasOwn(outputs, keepAlive.line)) {
    throw new ConfigError('PC-IO-LINE', `${name} has no output line named ${keepAlive.line} to toggle.`, { component: name })
  }
}

export const driver = defineDriver({
  name: 'io/gpio',
  says: 'Lines of Linux GPIO chips, named by chip label and offset.',
  contract: IoBoard,
  options,
  create: (options, context): Device<(typeof IoBoard)['members']> => new GpioBoard(options, context),
})

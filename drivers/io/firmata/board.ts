/**
 * A board that runs StandardFirmata, through firmata-io (its protocol) and johnny-five (its relays).
 *
 * Both are kept on a short lead. Bytes come and go through the kit's transport. johnny-five starts
 * neither its console nor its interrupt handler, and one board serves for all connections, because
 * it remembers every board and relay it ever made. Inputs come from firmata-io directly: johnny-five
 * debounces them by timers that cannot be stopped.
 */
import { EventEmitter } from 'node:events'
import type { Firmata } from 'firmata-io'
import type { Board, JohnnyFive, Relay } from 'johnny-five'
import type { Clock } from '../../../edge/base/clock.ts'
import type { Counters } from '../../../edge/base/counters.ts'
import { DeviceError, TimeoutError } from '../../../edge/base/error.ts'
import { within } from '../../../edge/base/wait.ts'
import type { Identity } from '../../../edge/device/contract.ts'
import type { LinkCounter } from '../../kit/exchange.ts'
import { command, mode, sysex } from './codec.ts'

export interface OutputPin { pin: number; invert: boolean }
export interface InputPin { pin: number; invert: boolean; pullup: boolean }

export interface BoardOptions {
  component: string
  clock: Clock
  counters: Counters<LinkCounter>
  limits: { reply_ms: number; retries: number; boot_ms: number }
  outputs: Readonly<Record<string, OutputPin>>
  inputs: Readonly<Record<string, InputPin>>
  /** An output that is toggled all the time is not read back. */
  unchecked: string | undefined
  send(bytes: Uint8Array): void
  onInput(line: string, on: boolean): void
}

type Level = 0 | 1
const levelOf = (on: boolean, line: { invert: boolean }): Level => (on === line.invert ? 0 : 1)

/** What firmata-io may hear; the rest of its vocabulary is of no use here. */
const understood: ReadonlySet<number> = new Set([sysex.firmware, sysex.capability, sysex.analogMapping, sysex.pinState])

export class FirmataBoard {
  readonly #options: BoardOptions
  readonly #io: Firmata
  readonly #five: JohnnyFive
  readonly #wire: EventEmitter
  readonly #relays = new Map<string, Relay>()
  #board: Board | undefined

  static async load(options: BoardOptions): Promise<FirmataBoard> {
    const [{ default: firmata }, { default: five }] = await Promise.all([import('firmata-io'), import('johnny-five')])
    return new FirmataBoard(options, firmata.Firmata, five)
  }

  private constructor(options: BoardOptions, Io: typeof Firmata, five: JohnnyFive) {
    this.#options = options
    this.#five = five
    this.#wire = Object.assign(new EventEmitter(), {
      write: (bytes: Uint8Array, written: () => void) => {
        options.counters.add('framesOut')
        options.send(bytes)
        written()
      },
    })
    this.#io = new Io(this.#wire, { skipCapabilities: true })
    clearTimeout(this.#io.reportVersionTimeoutId)
    for (const [line, input] of Object.entries(options.inputs)) {
      this.#io.on(`digital-read-${input.pin}`, (level: number) => options.onInput(line, level === levelOf(true, input)))
    }
  }

  /** A whole message from the board. */
  receive(message: Uint8Array): void {
    if (message[0] === command.sysex && !understood.has(message[1] ?? 0)) return this.#options.counters.add('unmatched')
    try {
      this.#wire.emit('data', message)
    } catch {
      // firmata-io throws on pins and lengths that do not exist.
      this.#options.counters.add('unmatched')
    }
  }

  /** Asks the board what it is. */
  async identify(signal: AbortSignal): Promise<Identity> {
    const io = this.#io
    io.buffer.length = 0
    // Opening the port resets most boards, and their boot loader listens first.
    await this.#ask('reportversion', (heard) => io.reportVersion(heard), signal, this.#options.limits.boot_ms)
    await this.#ask('queryfirmware', (heard) => io.queryFirmware(heard), signal)
    const { name, version } = io.firmware
    return { manufacturer: 'Firmata', model: name ?? 'unknown', firmware: `${version?.major ?? 0}.${version?.minor ?? 0}` }
  }

  /** Releases every output and reads every input. @throws DeviceError (PC-IO-PIN, PC-IO-READBACK), TimeoutError. */
  async begin(signal: AbortSignal): Promise<void> {
    const io = this.#io
    io.pins.length = 0
    io.analogPins.length = 0
    await this.#ask('capability-query', (heard) => io.queryCapabilities(heard), signal)
    await this.#ask('analog-mapping-query', (heard) => io.queryAnalogMapping(heard), signal)
    this.#checkPins()
    await this.#release(signal)
    await this.#listen(signal)
  }

  /** Switches an output and reads it back. @throws DeviceError (PC-IO-READBACK), TimeoutError. */
  async write(line: string, on: boolean, signal?: AbortSignal): Promise<void> {
    this.switch(line, on)
    await this.#confirmOutput(line, () => on, signal)
  }

  /** Switches an output. */
  switch(line: string, on: boolean): void {
    const relay = this.#relays.get(line)
    if (on) relay?.close()
    else relay?.open()
  }

  /** Everything is still as it was set: a board that was reset meanwhile has forgotten it. Asks for all inputs, too. */
  async verify(signal: AbortSignal): Promise<void> {
    const { outputs, inputs, unchecked } = this.#options
    for (const line of Object.keys(outputs)) if (line !== unchecked) await this.#confirmOutput(line, () => this.#relays.get(line)?.isClosed === true, signal)
    for (const input of Object.values(inputs)) await this.#confirm(input.pin, (pin) => pin.mode === inputMode(input), signal)
    await this.#readInputs(signal)
  }

  /** Lets go of johnny-five's own memory of the board. */
  forget(): void {
    const { cache } = this.#five.Board
    const at = this.#board === undefined ? -1 : cache.indexOf(this.#board)
    if (at >= 0) cache.splice(at, 1)
  }

  #checkPins(): void {
    const { outputs, inputs, component } = this.#options
    const check = (line: string, pin: number, wanted: number): void => {
      if (this.#io.pins[pin]?.supportedModes.includes(wanted) === true) return
      throw new DeviceError('PC-IO-PIN', `Pin ${pin} of ${component} cannot serve as ${line}.`, { component })
    }
    for (const [line, { pin }] of Object.entries(outputs)) check(line, pin, mode.output)
    for (const [line, input] of Object.entries(inputs)) check(line, input.pin, inputMode(input))
  }

  /** Levels before modes: an output must not flicker on while it becomes one. */
  async #release(signal: AbortSignal): Promise<void> {
    const io = this.#io
    const outputs = Object.entries(this.#options.outputs)
    const write = (): void => {
      for (const [, output] of outputs) io.digitalWrite(output.pin, levelOf(false, output), true)
      io.flushDigitalPorts()
    }
    write()
    for (const [, { pin }] of outputs) {
      await this.#ask(`pin-state-${pin}`, (heard) => io.queryPinState(pin, heard), signal)
      if (io.pins[pin]?.mode !== mode.output) io.pinMode(pin, mode.output)
    }
    write()
    this.#makeRelays()
    for (const [line] of outputs) await this.write(line, false, signal)
  }

  #makeRelays(): void {
    if (this.#board !== undefined) return
    const board = new this.#five.Board({ io: this.#io, repl: false, debug: false, sigint: false })
    this.#board = board
    for (const [line, { pin, invert }] of Object.entries(this.#options.outputs)) {
      // johnny-five takes the number of an analog pin for its channel's, unless it is named by its channel.
      const channel = this.#io.analogPins.indexOf(pin)
      this.#relays.set(line, new this.#five.Relay({ board, pin: channel < 0 ? pin : `A${channel}`, type: invert ? 'NC' : 'NO' }))
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    for (const input of Object.values(this.#options.inputs)) this.#io.pinMode(input.pin, inputMode(input))
    await this.#readInputs(signal)
  }

  /** Asking for reports again makes the board say a port's levels at once. */
  async #readInputs(signal: AbortSignal): Promise<void> {
    const ports = new Map(Object.values(this.#options.inputs).map(({ pin }) => [pin >> 3, pin]))
    for (const pin of ports.values()) {
      const event = `digital-read-${pin}`
      await this.#ask(event, (heard) => {
        this.#io.once(event, heard)
        this.#io.reportDigitalPin(pin, 1)
      }, signal)
    }
  }

  #confirmOutput(line: string, wanted: () => boolean, signal?: AbortSignal): Promise<void> {
    const output = this.#options.outputs[line]
    if (output === undefined) return Promise.resolve()
    return this.#confirm(output.pin, (pin) => pin.mode === mode.output && pin.state === levelOf(wanted(), output), signal)
  }

  /** Asks again before it gives up: the answer may be to an earlier question. */
  async #confirm(pin: number, holds: (pin: { mode: number | undefined; state?: number }) => boolean, signal?: AbortSignal): Promise<void> {
    const { limits, component } = this.#options
    for (let tries = 0; tries <= limits.retries + 1; tries++) {
      await this.#ask(`pin-state-${pin}`, (heard) => this.#io.queryPinState(pin, heard), signal)
      const found = this.#io.pins[pin]
      if (found !== undefined && holds(found)) return
    }
    throw new DeviceError('PC-IO-READBACK', `Pin ${pin} of ${component} is not as it was set.`, { component })
  }

  /** Sends a query until its answer comes. */
  async #ask(event: string, query: (heard: () => void) => void, signal?: AbortSignal, most_ms = 0): Promise<void> {
    const { clock, component, counters, limits } = this.#options
    const tries = 1 + Math.max(limits.retries, Math.floor(most_ms / limits.reply_ms))
    for (let attempt = 1; ; attempt++) {
      let heard = (): void => undefined
      const answer = new Promise<void>((resolve) => {
        heard = resolve
      })
      try {
        return await within({ clock, component, signal, limit_ms: limits.reply_ms, code: 'PC-LINK-TIMEOUT', message: `${component} did not answer in time.` }, () => {
          query(heard)
          return answer
        })
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error
        counters.add('timeouts')
        if (attempt >= tries) throw error
        counters.add('retries')
      } finally {
        this.#io.removeListener(event, heard)
      }
    }
  }
}

const inputMode = (input: InputPin): number => (input.pullup ? mode.pullup : mode.input)

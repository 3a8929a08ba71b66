/**
 * An emulated board with StandardFirmata 2.5 (an Arduino Uno by default), and what is wired to it.
 *
 * `watchdog` is a retriggerable safety relay in the supply of all relay coils: it drops when the
 * pin it watches has not changed for two periods.
 */
import { type Cancel, type Clock, systemClock } from '../../../edge/base/clock.ts'
import { ascii } from '../../../edge/base/bytes.ts'
import { Listeners } from '../../../edge/base/listeners.ts'
import { type StreamDevice, StreamTwin, type Via } from '../../kit/twin.ts'
import type { Wiring } from '../wiring.ts'
import { command, digitalMessage, messageFramer, mode, pair, sysex, sysexMessage } from './codec.ts'

export interface FirmataWorldOptions {
  clock?: Clock
  pins?: number
  /** The first analog pin; digital ones come before it. */
  firstAnalog?: number
  firmware?: string
  watchdog?: { pin: number; period_ms: number }
  /** As boards do whose port resets them when it is opened. */
  resetsOnConnect?: boolean
}

interface Pin {
  mode: number
  /** What an output was set to; for inputs whether the pull-up is on. */
  state: number
  /** What is wired to an input drives it to this level. */
  driven: boolean | undefined
}

const version = [2, 5] as const
const serialPins = 2
const noChannel = 127
const periodsMax = 2

export class FirmataDevice implements StreamDevice, Wiring {
  readonly changed = new Listeners<void>()
  readonly #options: FirmataWorldOptions
  readonly #send: (bytes: Uint8Array) => void
  readonly #clock: Clock
  readonly #framer = messageFramer('host')
  readonly #pins: Pin[]
  readonly #firstAnalog: number
  readonly #reporting = new Set<number>()
  #alive = false
  #cancelWatchdog: Cancel = () => undefined

  constructor(send: (bytes: Uint8Array) => void, options: FirmataWorldOptions = {}) {
    this.#send = send
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#firstAnalog = options.firstAnalog ?? 14
    this.#pins = Array.from({ length: options.pins ?? 20 }, () => ({ mode: mode.input, state: 0, driven: undefined }))
    this.#toDefaults()
  }

  /** The electrical level of a pin. */
  level(pin: number): boolean {
    const found = this.#pins[pin]
    if (found === undefined) return false
    return found.mode === mode.output ? found.state === 1 : found.driven ?? found.state === 1
  }

  /** Whether the relay on this pin is pulled in. */
  energised(pin: number, options: { invert?: boolean } = {}): boolean {
    const supplied = this.#options.watchdog === undefined || this.#alive
    return supplied && this.#pins[pin]?.mode === mode.output && this.level(pin) !== (options.invert ?? false)
  }

  /** A contact, button or beam drives an input. */
  drive(pin: number, level: boolean): void {
    const found = this.#pins[pin]
    if (found === undefined) return
    found.driven = level
    if (this.#reporting.has(pin >> 3)) this.#report(pin >> 3)
  }

  /** Power off and on: every pin forgets what it was. */
  reset(): void {
    this.#toDefaults()
    this.#hello()
    this.changed.emit()
  }

  receive(bytes: Uint8Array): void {
    for (const message of this.#framer.push(bytes)) this.#take(message)
  }

  connected(): void {
    this.#framer.reset()
    if (this.#options.resetsOnConnect === true) this.reset()
  }

  stop(): void {
    this.#cancelWatchdog()
  }

  #toDefaults(): void {
    this.#reporting.clear()
    for (const [number, pin] of this.#pins.entries()) {
      pin.mode = this.#isAnalog(number) ? mode.analog : mode.output
      pin.state = 0
    }
  }

  #isAnalog = (pin: number): boolean => pin >= this.#firstAnalog

  #take(message: Uint8Array): void {
    const [first = 0, second = 0, third = 0] = message
    const port = first & 0x0f
    if (first === command.version) this.#send(Uint8Array.of(command.version, ...version))
    else if (first === command.pinMode) this.#setMode(second, third)
    else if (first === command.pinValue) this.#setOutput(second, third & 1)
    else if (first === command.reset) this.#toDefaults()
    else if (first === command.sysex) this.#answer(second, third)
    else if ((first & 0xf0) === command.digital) this.#setPort(port, second | (third << 7))
    else if ((first & 0xf0) === command.reportDigital) this.#setReporting(port, second !== 0)
    this.changed.emit()
  }

  #setMode(pin: number, wanted: number): void {
    const found = this.#pins[pin]
    if (found === undefined || !this.#modesOf(pin).some(([supported]) => supported === wanted)) return
    found.mode = wanted
    found.state = wanted === mode.pullup ? 1 : 0
  }

  #setPort(port: number, levels: number): void {
    for (let bit = 0; bit < 8; bit++) this.#setOutput(port * 8 + bit, (levels >> bit) & 1)
  }

  #setOutput(pin: number, state: number): void {
    const found = this.#pins[pin]
    if (found?.mode !== mode.output || found.state === state) return
    found.state = state
    if (pin === this.#options.watchdog?.pin) this.#keepAlive(this.#options.watchdog.period_ms)
  }

  #keepAlive(period_ms: number): void {
    this.#alive = true
    this.#cancelWatchdog()
    this.#cancelWatchdog = this.#clock.after(period_ms * periodsMax, () => {
      this.#alive = false
      this.changed.emit()
    })
  }

  #setReporting(port: number, on: boolean): void {
    if (on) this.#reporting.add(port)
    else this.#reporting.delete(port)
    if (on) this.#report(port)
  }

  #report(port: number): void {
    let levels = 0
    for (let bit = 0; bit < 8; bit++) {
      const pin = this.#pins[port * 8 + bit]
      const isInput = pin?.mode === mode.input || pin?.mode === mode.pullup
      if (isInput && this.level(port * 8 + bit)) levels |= 1 << bit
    }
    this.#send(digitalMessage(port, levels))
  }

  #answer(kind: number, pin: number): void {
    if (kind === sysex.firmware) this.#sendFirmware()
    if (kind === sysex.capabilityQuery) {
      this.#send(sysexMessage(sysex.capability, this.#pins.flatMap((_, number) => [...this.#modesOf(number).flat(), noChannel])))
    }
    if (kind === sysex.analogMappingQuery) {
      this.#send(sysexMessage(sysex.analogMapping, this.#pins.map((_, number) => (this.#isAnalog(number) ? number - this.#firstAnalog : noChannel))))
    }
    const found = this.#pins[pin]
    if (kind === sysex.pinStateQuery && found !== undefined) this.#send(sysexMessage(sysex.pinState, [pin, found.mode, found.state]))
  }

  /** Modes with their resolution in bits. */
  #modesOf(pin: number): [number, number][] {
    if (pin < serialPins) return []
    const digital: [number, number][] = [[mode.input, 1], [mode.pullup, 1], [mode.output, 1]]
    return this.#isAnalog(pin) ? [...digital, [mode.analog, 10]] : digital
  }

  #hello(): void {
    this.#send(Uint8Array.of(command.version, ...version))
    this.#sendFirmware()
  }

  #sendFirmware(): void {
    this.#send(sysexMessage(sysex.firmware, [...version, ...[...ascii(this.#options.firmware ?? 'StandardFirmata.ino')].flatMap(pair)]))
  }
}

/** The twin: `device` is its world. */
export const firmataTwin = (options: FirmataWorldOptions = {}, via?: Via): StreamTwin<FirmataDevice> =>
  new StreamTwin((send) => new FirmataDevice(send, options), via)

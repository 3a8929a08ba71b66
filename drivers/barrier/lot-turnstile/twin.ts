/**
 * An emulated LOT flap turnstile: its registers over Modbus RTU, its flap's motion, and people who
 * walk through, stop inside or force their way.
 *
 * Settings, counters and the mode are kept over `reboot()`, as the real one keeps anti-panic.
 */
import { type Cancel, type Clock, type Instant, systemClock } from '../../../edge/base/clock.ts'
import { encodeReply, exception, type ModbusRequest, requestFramer } from '../../kit/modbus-rtu.ts'
import { type StreamDevice, StreamTwin, type Via } from '../../kit/twin.ts'
import { type Direction, fromMode, register, type Sides } from './codec.ts'

export interface TurnstileWorldOptions {
  clock?: Clock
  unit?: number
  /** How long the flap moves. */
  motion_ms?: number
  /** How long a person needs from one side to the other. */
  walk_ms?: number
  boot_ms?: number
}

/** How a walk ended: refused people turn round in front of a shut flap. */
export type Walked = 'passed' | 'refused'

interface Person {
  direction: Direction
  inside: boolean
  stops: boolean
  leave: Cancel
  ended(walked: Walked): void
}

const position = { near: 1, far: 4 }
const freePassage = 0xffff
/** A fault code of the twin's own: the real bits of 0x2000 are not published. */
const faultDeadZone = 1
const readCountMax = 125

const otherSide = (direction: Direction): Direction => (direction === 'entry' ? 'exit' : 'entry')

export class TurnstileDevice implements StreamDevice {
  /** Where the flap is. */
  flap: 'closed' | 'opening' | 'open' | 'closing' = 'closed'
  /** Passages granted and not used yet. */
  readonly left: Sides<number> = { entry: 0, exit: 0 }
  /** Passages counted, 32 bit; may be set to try the wrap-around. */
  readonly counted: Sides<number> = { entry: 0, exit: 0 }
  /** 0x0048 and 0x2000; set it to try a fault. */
  fault = 0
  /** Settings are acknowledged and not taken, as from a turnstile whose settings are locked. */
  settingsLocked = false
  readonly #clock: Clock
  readonly #send: (bytes: Uint8Array) => void
  readonly #unit: number
  readonly #motion_ms: number
  readonly #walk_ms: number
  readonly #boot_ms: number
  readonly #framer
  /** The 0x3000 group, kept without power. */
  readonly #kept = new Map<number, number>([[register.mode, 0], [0x3001, 0], [register.accumulate, 0], [register.times, 7], [0x3012, 7], [0x3013, 30], [0x3014, 7], [0x3015, 7]])
  readonly #people = new Set<Person>()
  #booted = true
  #lastByte: Instant = 0
  #shutSince: Instant | undefined = 0
  #cancelMotion: Cancel = () => undefined
  #cancelPassage: Cancel = () => undefined
  #cancelDeadZone: Cancel = () => undefined
  #cancelBoot: Cancel = () => undefined

  constructor(send: (bytes: Uint8Array) => void, options: TurnstileWorldOptions = {}) {
    this.#send = send
    this.#clock = options.clock ?? systemClock
    this.#unit = options.unit ?? 1
    this.#motion_ms = options.motion_ms ?? 300
    this.#walk_ms = options.walk_ms ?? 600
    this.#boot_ms = options.boot_ms ?? 500
    this.#framer = requestFramer(this.#unit)
  }

  /** True while somebody stands between the flaps: it does not shut on them. */
  get occupied(): boolean {
    return [...this.#people].some((person) => person.inside)
  }

  /** Somebody comes and goes through as soon as it is open; after `patience_ms` in front of a shut flap they turn round. */
  walk(direction: Direction, options: { patience_ms?: number; stops?: boolean } = {}): Promise<Walked> {
    return new Promise((resolve) => {
      const person: Person = {
        direction, inside: false, stops: options.stops ?? false,
        ended: resolve, leave: this.#clock.after(options.patience_ms ?? 10_000, () => this.#gone(person, 'refused')),
      }
      this.#people.add(person)
      this.#settle()
    })
  }

  /** Everybody who stopped inside goes on, and who waits outside turns round. */
  goOn(): void {
    for (const person of this.#people) {
      if (person.inside) this.#through(person)
      else this.#gone(person, 'refused')
    }
  }

  /** Somebody pushes through the shut flap. */
  force(direction: Direction): void {
    this.#count(direction)
  }

  /** Power off and on: grants are gone, settings, counters and the mode are not. */
  reboot(): void {
    this.#booted = false
    this.left.entry = 0
    this.left.exit = 0
    this.fault = 0
    this.#cancelPassage()
    this.#cancelBoot()
    this.#cancelBoot = this.#clock.after(this.#boot_ms, () => {
      this.#booted = true
      this.#framer.reset()
    })
    this.#settle()
  }

  receive(bytes: Uint8Array): void {
    const now = this.#clock.now()
    if (now - this.#lastByte > 50) this.#framer.reset()
    this.#lastByte = now
    for (const request of this.#framer.push(bytes)) if (this.#booted) this.#send(this.#answer(request))
  }

  connected(): void {
    this.#framer.reset()
  }

  stop(): void {
    for (const person of this.#people) this.#gone(person, 'refused')
    for (const cancel of [this.#cancelMotion, this.#cancelPassage, this.#cancelDeadZone, this.#cancelBoot]) cancel()
  }

  #answer(request: ModbusRequest): Uint8Array {
    const unit = this.#unit
    if (request.kind === 'identify') {
      return encodeReply({ kind: 'identity', unit, next: undefined, objects: new Map([[0, 'LOT'], [1, 'Expert'], [2, '1.4']]) })
    }
    if (request.kind === 'other') return encodeReply({ kind: 'refused', unit, code: request.code, exception: exception.function })
    if (request.kind === 'read') return this.#read(request.address, request.count)
    return this.#write(request.address, request.values)
  }

  #read(address: number, count: number): Uint8Array {
    const unit = this.#unit
    if (count < 1 || count > readCountMax) return encodeReply({ kind: 'refused', unit, code: 3, exception: exception.value })
    const values = Array.from({ length: count }, (_, index) => this.#value(address + index))
    if (values.includes(undefined)) return encodeReply({ kind: 'refused', unit, code: 3, exception: exception.address })
    return encodeReply({ kind: 'registers', unit, values: values as number[] })
  }

  #value(address: number): number | undefined {
    const low = (value: number): number => value % 0x1_0000
    const high = (value: number): number => Math.floor(value / 0x1_0000)
    const { entry, exit } = this.counted
    const block = [this.left.entry, this.left.exit, this.#object('entry'), this.#object('exit'), low(entry), high(entry), low(exit), high(exit), Number(this.fault !== 0)]
    if (address === register.errorDetails) return this.fault
    return block[address - register.passages] ?? this.#kept.get(address)
  }

  /** Who has not entered stands at the near sensor of their side; who stopped inside is seen by the far one of the other. */
  #object(side: Direction): number {
    for (const person of this.#people) {
      if (!person.inside && person.direction === side) return position.near
      if (person.inside && otherSide(person.direction) === side) return position.far
    }
    return 0
  }

  #write(address: number, values: readonly number[]): Uint8Array {
    const unit = this.#unit
    const writable = values.every((_, index) => [register.passages, register.passages + 1].includes(address + index) || this.#kept.has(address + index))
    if (!writable) return encodeReply({ kind: 'refused', unit, code: 16, exception: exception.address })
    for (const [index, value] of values.entries()) this.#set(address + index, value)
    this.#settle()
    return encodeReply({ kind: 'written', unit, address, count: values.length })
  }

  #set(address: number, value: number): void {
    if (this.#kept.has(address)) {
      if (!this.settingsLocked) this.#kept.set(address, value)
      return
    }
    const direction = address === register.passages ? 'entry' : 'exit'
    const adds = value > 0 && value < freePassage
    const before = this.left[direction] === freePassage ? 0 : this.left[direction]
    if (!adds) this.left[direction] = value
    else this.left[direction] = this.#kept.get(register.accumulate) === 1 ? Math.min(before + value, freePassage - 1) : 1
    if (adds) this.#limit(register.times)
  }

  /** Gives the passages up when the time in the given setting is over. */
  #limit(setting: number): void {
    this.#cancelPassage()
    this.#cancelPassage = this.#clock.after((this.#kept.get(setting) ?? 0) * 1_000, () => {
      this.left.entry = 0
      this.left.exit = 0
      this.#settle()
    })
  }

  get #mode(): number {
    return this.#kept.get(register.mode) ?? 0
  }

  #admits(direction: Direction): boolean {
    if (this.#mode === fromMode('free')) return true
    return this.#mode === fromMode('normal') && this.left[direction] > 0
  }

  /** Moves the flap where it should be now, and people through it. */
  #settle(): void {
    const open = this.occupied || this.#admits('entry') || this.#admits('exit')
    if (open && (this.flap === 'closed' || this.flap === 'closing')) this.#move('opening', 'open')
    if (!open && (this.flap === 'open' || this.flap === 'opening')) this.#move('closing', 'closed')
    if (this.flap === 'open' && !this.occupied) this.#admitNext()
  }

  #move(moving: 'opening' | 'closing', reached: 'open' | 'closed'): void {
    this.flap = moving
    if (moving === 'opening') this.#shutSince = undefined
    this.#cancelMotion()
    this.#cancelMotion = this.#clock.after(this.#motion_ms, () => {
      this.flap = reached
      if (reached === 'closed') this.#shutSince = this.#clock.now()
      this.#settle()
    })
  }

  /** When the flap last came to be shut; `undefined` while it is not. */
  get shutSince(): Instant | undefined {
    return this.#shutSince
  }

  #admitNext(): void {
    const next = [...this.#people].find((person) => this.#admits(person.direction))
    if (next === undefined) return
    next.inside = true
    next.leave()
    if (this.left[next.direction] > 0) this.#limit(register.times + 1)
    this.#cancelDeadZone = this.#clock.after((this.#kept.get(0x3013) ?? 0) * 1_000, () => {
      this.fault = faultDeadZone
    })
    if (!next.stops) next.leave = this.#clock.after(this.#walk_ms, () => this.#through(next))
  }

  #through(person: Person): void {
    this.#count(person.direction)
    const left = this.left[person.direction]
    if (left > 0 && left < freePassage) this.left[person.direction] = left - 1
    this.#gone(person, 'passed')
  }

  #count(direction: Direction): void {
    this.counted[direction] = (this.counted[direction] + 1) % 0x1_0000_0000
  }

  #gone(person: Person, walked: Walked): void {
    person.leave()
    this.#people.delete(person)
    if (person.inside) {
      this.#cancelDeadZone()
      if (this.fault === faultDeadZone) this.fault = 0
    }
    person.ended(walked)
    this.#settle()
  }
}

/** The twin: `device` is its world. */
export const turnstileTwin = (options: TurnstileWorldOptions = {}, via?: Via): StreamTwin<TurnstileDevice> =>
  new StreamTwin((send) => new TurnstileDevice(send, options), via)

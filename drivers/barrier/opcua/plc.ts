/** The program of an emulated PLC, and the flap that it moves: what a scan cycle reads, does and says. */
import { type Cancel, type Clock, type Instant, systemClock } from '../../../edge/base/clock.ts'
import { sleep } from '../../../edge/base/wait.ts'

export interface PlcOptions {
  clock?: Clock
  cycle_ms?: number
  /** How long the flap moves. */
  motion_ms?: number
  /** How long somebody takes to walk through. */
  walk_ms?: number
  /** How long the other side's sign of life may stand still before the flap shuts by itself. */
  watchdog_ms?: number
}

const positions = ['closed', 'opening', 'open', 'closing', 'blocked'] as const
export type Position = (typeof positions)[number]
const modes = ['normal', 'locked', 'free'] as const
export type PlcMode = (typeof modes)[number]

/** What the other side may set. */
export interface Inputs {
  open: boolean
  open_ms: number
  close: boolean
  free: boolean
  beat: number | boolean
}

/** It shuts after this at the latest, if it was not told how long it may stay open. */
const usual_ms = 10_000

export class Plc {
  readonly inputs: Inputs = { open: false, open_ms: 0, close: false, free: false, beat: 0 }
  position: Position = 'closed'
  passed = 0
  fault = 0
  beat = 0
  /** A key switch at the door. */
  locked = false
  /** The motor does not turn, whatever the program says. */
  jammed = false
  /** The program stands still while its server goes on. */
  halted = false
  /** So many times it shut because the other side had gone silent. */
  abandoned = 0
  readonly #options: Required<PlcOptions>
  readonly #onCycle: () => void
  #cancelCycle: Cancel = () => undefined
  #moved: Instant = 0
  #shutAt: Instant | undefined
  #obstructed = false
  #heard: { beat: Inputs['beat']; at: Instant } | undefined

  constructor(options: PlcOptions, onCycle: () => void) {
    this.#options = { clock: systemClock, cycle_ms: 10, motion_ms: 40, walk_ms: 40, watchdog_ms: 1_000, ...options }
    this.#onCycle = onCycle
  }

  get mode(): PlcMode {
    if (this.inputs.free) return 'free'
    return this.locked ? 'locked' : 'normal'
  }

  start(): void {
    this.#cancelCycle()
    const cycle = (): void => {
      if (!this.halted) this.#cycle(this.#options.clock.now())
      this.#onCycle()
      this.#cancelCycle = this.#options.clock.after(this.#options.cycle_ms, cycle)
    }
    cycle()
  }

  stop(): void {
    this.#cancelCycle()
  }

  /** Somebody stands in the way, or leaves it: the flap does not shut on them. */
  block(obstructed: boolean): void {
    this.#obstructed = obstructed
  }

  /** Somebody pushes it open; it falls shut again by itself. */
  force(): void {
    this.#move('opening')
    this.#shutAt = this.#options.clock.now() + 5 * this.#options.motion_ms
  }

  /** Somebody wants to go through, and waits for as long as they have patience. */
  async walk({ patience_ms = 5_000 } = {}): Promise<'passed' | 'refused'> {
    const { clock, walk_ms, cycle_ms } = this.#options
    const until = clock.now() + patience_ms
    while (this.position !== 'open') {
      if (clock.now() > until) return 'refused'
      await sleep(clock, cycle_ms)
    }
    this.block(true)
    await sleep(clock, walk_ms)
    this.block(false)
    this.passed++
    if (this.mode === 'normal') this.#shutAt = clock.now()
    return 'passed'
  }

  /** Without power nothing holds the flap, and the program begins anew when it is back. */
  powerFail(): void {
    this.stop()
    this.position = 'open'
    Object.assign(this.inputs, { open: false, close: false, free: false })
    this.#shutAt = undefined
  }

  #cycle(now: Instant): void {
    this.beat = (this.beat + 1) % 0x1_0000
    this.#obey(now)
    this.#watch(now)
    if (!this.jammed) this.#turn(now)
  }

  #obey(now: Instant): void {
    const { inputs } = this
    if (inputs.open && this.mode === 'normal') {
      this.#shutAt = now + (inputs.open_ms > 0 ? inputs.open_ms : usual_ms)
      if (!this.jammed && (this.position === 'closed' || this.position === 'closing')) this.#move('opening')
    }
    if (inputs.close) this.#shutAt = now
    inputs.open = false
    inputs.close = false
  }

  /** Whoever commands must show that they live: else what they opened is shut. What they freed stays free. */
  #watch(now: Instant): void {
    const { inputs, mode } = this
    if (this.#heard?.beat !== inputs.beat) this.#heard = { beat: inputs.beat, at: now }
    const isSilent = this.#heard === undefined || now - this.#heard.at > this.#options.watchdog_ms
    if (!isSilent || mode === 'free' || this.#shutAt === undefined || this.#shutAt <= now) return
    this.abandoned++
    this.#shutAt = now
  }

  #turn(now: Instant): void {
    const isThere = now - this.#moved >= this.#options.motion_ms
    const wantsOpen = this.mode === 'free' || (this.#shutAt !== undefined && now < this.#shutAt)
    if (this.position === 'opening' && isThere) this.#move('open')
    if (this.position === 'closing' && isThere) this.#move('closed')
    if (wantsOpen && this.position !== 'open' && this.position !== 'opening') this.#move('opening')
    if (wantsOpen || this.position === 'opening') return
    if (this.#obstructed && this.position !== 'closed') this.#move('blocked')
    else if (this.position === 'open' || this.position === 'blocked') this.#move('closing')
  }

  #move(position: Position): void {
    if (this.position === position) return
    this.position = position
    this.#moved = this.#options.clock.now()
  }
}

/** The numbers that the PLC's variables show. */
export const numberOf = { position: (position: Position): number => positions.indexOf(position), mode: (mode: PlcMode): number => modes.indexOf(mode) }

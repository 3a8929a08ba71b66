/**
 * An emulated GPIO chip: a folder of the shape of /sys/class/gpio, and what is wired to its lines.
 *
 * What a kernel does inside a write (making a line's files, taking a direction) happens here a
 * moment after it. Polling a plain file by epoll is not possible, so interrupts stay with real GPIO.
 */
import { type FSWatcher, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../../edge/base/clock.ts'
import { Listeners } from '../../../edge/base/listeners.ts'
import { noFaults, type Twin } from '../../kit/twin.ts'
import type { Wiring } from '../wiring.ts'

export interface GpioWorldOptions {
  clock?: Clock
  chip?: string
  lines?: number
}

/** Kernels since 6.6 number lines from here. */
const firstBase = 512
/** How long a value file holds garbage, when it should. */
const garbage_ms = 10

export class GpioTwin implements Twin, Wiring {
  readonly faults = noFaults()
  readonly changed = new Listeners<void>()
  readonly chip: string
  readonly #lines: number
  readonly #clock: Clock
  readonly #driven = new Map<number, boolean>()
  readonly #exported = new Map<number, FSWatcher>()
  #folder = ''
  #base = firstBase
  #requests: FSWatcher | undefined

  constructor(options: GpioWorldOptions = {}) {
    this.chip = options.chip ?? 'gpio-twin'
    this.#lines = options.lines ?? 32
    this.#clock = options.clock ?? systemClock
  }

  async start(): Promise<{ root: string }> {
    this.#folder = mkdtempSync(join(tmpdir(), 'portcullis-gpio-'))
    await this.plug()
    return { root: this.#folder }
  }

  async stop(): Promise<void> {
    await this.unplug()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** The chip disappears, and with it its lines. */
  async unplug(): Promise<void> {
    this.#requests?.close()
    this.#requests = undefined
    for (const line of this.#exported.keys()) this.#unexport(line)
    for (const name of [`gpiochip${this.#base}`, 'export', 'unexport']) rmSync(join(this.#folder, name), { recursive: true, force: true })
    this.#base += this.#lines
  }

  /** It comes back with other numbers, as a chip that is found again does. */
  async plug(): Promise<void> {
    const chip = join(this.#folder, `gpiochip${this.#base}`)
    mkdirSync(chip)
    for (const [name, text] of [['label', this.chip], ['base', this.#base], ['ngpio', this.#lines]]) writeFileSync(join(chip, String(name)), `${text}\n`)
    for (const name of ['export', 'unexport']) writeFileSync(join(this.#folder, name), '')
    this.#requests = watch(this.#folder, (_, name) => {
      if (name === 'export') for (const line of this.#taken('export')) this.#export(line)
      if (name === 'unexport') for (const line of this.#taken('unexport')) this.#unexport(line)
    })
  }

  /** The electrical level of a line. */
  level(line: number): boolean {
    return this.#exported.has(line) ? this.#read(line, 'value') === '1' : this.#driven.get(line) ?? false
  }

  /** Whether the relay on this line is pulled in. */
  energised(line: number, options: { invert?: boolean } = {}): boolean {
    return this.#read(line, 'direction') === 'out' && this.level(line) !== (options.invert ?? false)
  }

  drive(line: number, level: boolean): void {
    this.#driven.set(line, level)
    if (this.#read(line, 'direction') !== 'in') return
    const { garbage } = this.faults
    if (garbage === undefined) return this.#write(line, 'value', level ? '1' : '0')
    writeFileSync(this.#path(line, 'value'), garbage)
    this.#clock.after(garbage_ms, () => {
      if (this.#exported.has(line)) this.#write(line, 'value', this.#driven.get(line) === true ? '1' : '0')
    })
  }

  #taken(name: 'export' | 'unexport'): number[] {
    const path = join(this.#folder, name)
    const text = readFileSync(path, 'latin1')
    if (text !== '') writeFileSync(path, '')
    return text.split('\n').filter((line) => /^\d+$/.test(line)).map((number) => Number(number) - this.#base)
  }

  #export(line: number): void {
    if (line < 0 || line >= this.#lines || this.#exported.has(line)) return
    // Made aside and moved, so that nobody sees half of a line's files.
    const aside = mkdtempSync(join(this.#folder, 'new-'))
    for (const [name, text] of [['direction', 'in'], ['value', this.#driven.get(line) === true ? '1' : '0'], ['edge', 'none'], ['active_low', '0']]) {
      writeFileSync(join(aside, String(name)), `${text}\n`)
    }
    renameSync(aside, join(this.#folder, `gpio${this.#base + line}`))
    this.#exported.set(line, watch(this.#path(line, ''), () => this.#settle(line)))
  }

  #unexport(line: number): void {
    this.#exported.get(line)?.close()
    this.#exported.delete(line)
    rmSync(this.#path(line, ''), { recursive: true, force: true })
    this.changed.emit()
  }

  /** A direction of `low` or `high` makes an output with that level. */
  #settle(line: number): void {
    const direction = this.#read(line, 'direction')
    if (direction === 'low' || direction === 'high') {
      this.#write(line, 'value', direction === 'high' ? '1' : '0')
      this.#write(line, 'direction', 'out')
    }
    this.changed.emit()
  }

  #path(line: number, name: string): string {
    return join(this.#folder, `gpio${this.#base + line}`, name)
  }

  #read(line: number, name: string): string {
    return this.#exported.has(line) ? readFileSync(this.#path(line, name), 'latin1').trim() : ''
  }

  #write(line: number, name: string, text: string): void {
    writeFileSync(this.#path(line, name), `${text}\n`)
  }
}

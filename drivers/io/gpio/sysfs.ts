/**
 * GPIO lines through the files of /sys/class/gpio (Linux, Documentation/admin-guide/gpio/sysfs.rst),
 * or through a tree of the same shape.
 *
 * A line is named by its chip's label and its offset: the global numbers moved with newer kernels
 * (base 512 since 6.6), the labels did not.
 */
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../../edge/base/clock.ts'
import { ConfigError, DeviceError } from '../../../edge/base/error.ts'
import { sleep } from '../../../edge/base/wait.ts'

export const kernelRoot = '/sys/class/gpio'

export interface LineName {
  chip: string
  line: number
}

/** `low` and `high` make an output that starts with this level, without a flicker. */
export type Direction = 'in' | 'low' | 'high'

const readText = (path: string): string => readFileSync(path, 'latin1').trim()

/** Appends, so that two requests to a tree's `unexport` do not overwrite each other; sysfs takes it the same. */
function write(path: string, text: string, flags: number = constants.O_WRONLY): void {
  const file = openSync(path, flags)
  try {
    writeSync(file, text)
  } finally {
    closeSync(file)
  }
}

/** The line's global number. @throws DeviceError (PC-GPIO-CHIP), ConfigError (PC-GPIO-LINE). */
export function lineNumber(root: string, { chip, line }: LineName): number {
  const found = chipsOf(root).filter(({ label }) => label === chip)
  const [only, ...others] = found
  if (only === undefined || others.length > 0) {
    throw new DeviceError('PC-GPIO-CHIP', `There ${only === undefined ? 'is no GPIO chip' : 'are several GPIO chips'} labelled ${chip}.`)
  }
  if (line >= only.lines) throw new ConfigError('PC-GPIO-LINE', `The GPIO chip ${chip} has no line ${line}.`)
  return only.base + line
}

function chipsOf(root: string): { label: string; base: number; lines: number }[] {
  try {
    return readdirSync(root).filter((name) => /^gpiochip\d+$/.test(name)).map((name) => ({
      label: readText(join(root, name, 'label')),
      base: Number(readText(join(root, name, 'base'))),
      lines: Number(readText(join(root, name, 'ngpio'))),
    }))
  } catch (cause) {
    throw new DeviceError('PC-GPIO-NONE', `GPIO lines cannot be reached through ${root}.`, { cause })
  }
}

const appearLimit_ms = 2_000
const lookAgain_ms = 5

/** Waits for files that the kernel, or udev's permissions, make available a little later. */
async function waitFor(holds: () => boolean, what: string, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let waited = 0; ; waited += lookAgain_ms) {
    try {
      if (holds()) return
    } catch {
      // Not there, or not ours yet.
    }
    if (waited >= appearLimit_ms) throw new DeviceError('PC-GPIO-ACCESS', `${what} cannot be used: is it taken, or is a permission missing?`)
    await sleep(clock, lookAgain_ms, signal)
  }
}

export class SysfsLine {
  readonly name: LineName
  readonly number: number
  readonly #root: string

  private constructor(root: string, name: LineName) {
    this.#root = root
    this.name = name
    this.number = lineNumber(root, name)
  }

  /** Exports the line and gives it its direction. @throws DeviceError (PC-GPIO-*), ConfigError (PC-GPIO-LINE). */
  static async open(root: string, name: LineName, direction: Direction, clock: Clock, signal: AbortSignal): Promise<SysfsLine> {
    const line = new SysfsLine(root, name)
    const what = `Line ${name.line} of ${name.chip}`
    try {
      if (!existsSync(line.#file('value'))) write(join(root, 'export'), `${line.number}\n`, constants.O_WRONLY | constants.O_APPEND)
    } catch (cause) {
      throw new DeviceError('PC-GPIO-ACCESS', `${what} cannot be used: is it taken, or is a permission missing?`, { cause })
    }
    await waitFor(() => {
      closeSync(openSync(line.#file('value'), 'r+'))
      write(line.#file('direction'), `${direction}\n`)
      return true
    }, what, clock, signal)
    await waitFor(() => readText(line.#file('direction')) === (direction === 'in' ? 'in' : 'out'), what, clock, signal)
    return line
  }

  /** The level; `undefined` when the file says neither. @throws DeviceError (PC-GPIO-LOST) when the line is gone. */
  read(): boolean | undefined {
    const text = this.#attempt(() => readText(this.#file('value')))
    return text === '1' ? true : text === '0' ? false : undefined
  }

  /** @throws DeviceError (PC-GPIO-LOST) */
  write(level: boolean): void {
    this.#attempt(() => write(this.#file('value'), level ? '1' : '0'))
  }

  /** Gives the line back; a line that is gone is given back already. */
  close(): void {
    try {
      write(join(this.#root, 'unexport'), `${this.number}\n`, constants.O_WRONLY | constants.O_APPEND)
    } catch {
      // Nothing is left to give back.
    }
  }

  #file(name: string): string {
    return join(this.#root, `gpio${this.number}`, name)
  }

  #attempt<T>(action: () => T): T {
    try {
      return action()
    } catch (cause) {
      throw new DeviceError('PC-GPIO-LOST', `Line ${this.name.line} of ${this.name.chip} is gone.`, { cause })
    }
  }
}

/** Lines to try transfers on: a pseudo-terminal with a real program at its other end, or two ends in memory; paced and noisy on demand. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { DeviceError } from '../../base/error.ts'
import { sleep } from '../../base/wait.ts'
import { Line, lineCounts } from '../line.ts'
import { PacedWay } from './paced-way.ts'

/** What the way does to the bytes of one direction: noise, a cut. */
export type Spoil = (bytes: Uint8Array) => Uint8Array

export interface WayOptions {
  /** Bytes a second, as a baud rate allows; without it as fast as it goes. */
  bytes_perS?: number
  /** On the bytes to the device. */
  spoilIn?: Spoil
  /** On the bytes from the device. */
  spoilOut?: Spoil
}

type Send = (bytes: Uint8Array) => Promise<void>

export interface ProgramLine {
  /** The device's end. */
  readonly line: Line
  /** Starts a program with the other end as its standard input and output. */
  start(command: string, args: readonly string[], cwd: string): Program
  close(): Promise<void>
}

export interface Program {
  /** Its exit code. */
  readonly ended: Promise<number | null>
  kill(): void
}

/** Flips bits at random: so many of a million. */
export function noise(flips_perMillion: number, seed: number): Spoil {
  let state = seed >>> 0
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const gap = (): number => Math.ceil(-Math.log(1 - random()) * (1_000_000 / flips_perMillion))
  let next = gap()
  return (bytes) => {
    const spoiled = Uint8Array.from(bytes)
    const bits = bytes.length * 8
    for (; next < bits; next += gap()) spoiled[next >> 3] = (spoiled[next >> 3] ?? 0) ^ (1 << (next & 7))
    next -= bits
    return spoiled
  }
}

const asItIs: Spoil = (bytes) => bytes

/** The first command that is not there. */
export const missingOf = (...commands: string[]): string | undefined =>
  commands.find((command) => spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status !== 0)

function newLine(): Line {
  return new Line({ face: 'serial', where: 'trial', baud: 921_600, clock: systemClock, counters: new Counters(lineCounts) })
}

/** A way of its own rate and noise in front of what takes the bytes. */
function way(take: (bytes: Uint8Array) => void | Promise<void>, spoil: Spoil, bytes_perS: number | undefined): Send {
  const spoiled = async (bytes: Uint8Array): Promise<void> => {
    const passed = spoil(bytes)
    if (passed.length > 0) await take(passed)
  }
  if (bytes_perS === undefined) return spoiled
  const paced = new PacedWay(bytes_perS, spoiled)
  return (bytes) => paced.push(bytes)
}

/** A pseudo-terminal: socat holds its master side. */
export async function programLine({ bytes_perS, spoilIn = asItIs, spoilOut = asItIs }: WayOptions = {}): Promise<ProgramLine> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-trial-'))
  const path = join(folder, 'tty')
  const socat = spawn('socat', ['-b', '4096', `PTY,link=${path},rawer`, 'STDIO'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const { stdin, stdout } = socat
  stdin.on('error', () => undefined)
  for (let tries = 0; !existsSync(path); tries++) {
    if (tries > 500) throw new DeviceError('PC-TWIN-PTY', 'No pseudo-terminal could be made: is socat installed?')
    await sleep(systemClock, 10)
  }
  const other = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
  const line = newLine()
  const out = way((bytes) => new Promise((resolve) => stdin.write(bytes, () => resolve())), spoilOut, bytes_perS)
  let held = Promise.resolve()
  let release = (): void => undefined
  line.attach({
    write: out,
    hold(on) {
      release()
      if (on) held = new Promise((resolve) => { release = resolve })
    },
    close: () => stdout.destroy(),
  })
  const into = way(async (bytes) => {
    line.onBytes(bytes)
    await held
  }, spoilIn, bytes_perS)
  void carry(stdout, into)
  return {
    line,
    start: (command, args, cwd) => programOf(spawn(command, args, { cwd, stdio: [other, other, 'ignore'] })),
    async close() {
      release()
      line.close()
      closeSync(other)
      await endOf(socat)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function carry(from: AsyncIterable<Uint8Array>, into: Send): Promise<void> {
  try {
    for await (const bytes of from) await into(bytes)
  } catch {
    // It was closed on this side.
  }
}

function programOf(child: ChildProcess): Program {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { ended, kill: () => void child.kill() }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill()
  await ended
}

/** Two ends in memory; what one writes the other reads. */
export function lineBetween({ bytes_perS, spoilIn = asItIs, spoilOut = asItIs }: WayOptions = {}): { here: Line; there: Line; cut(): void } {
  const here = newLine()
  const there = newLine()
  // A turn of the event loop later, as on a wire: nobody hears themselves.
  const to = (line: Line) => async (bytes: Uint8Array): Promise<void> => {
    await sleep(systemClock, 0)
    line.onBytes(bytes)
  }
  const cut = (): void => {
    here.onClosed()
    there.onClosed()
  }
  here.attach({ write: way(to(there), spoilOut, bytes_perS), close: cut })
  there.attach({ write: way(to(here), spoilIn, bytes_perS), close: cut })
  return { here, there, cut }
}

/** A serial cable between a device and a technician's computer: two pseudo-terminals that socat joins. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { TimeoutError } from '../../edge/base/error.ts'
import { sleep } from '../../edge/base/wait.ts'

const plug_ms_max = 10_000
const look_ms = 10

export class SerialCable {
  /** What the device opens. */
  readonly deviceEnd: string
  /** What the terminal program opens. */
  readonly technicianEnd: string
  #socat: ChildProcess | undefined
  #held: number[] = []

  /** @param folder where both ends appear; a path of a terminal is short. */
  constructor(folder: string) {
    this.deviceEnd = join(folder, 'device')
    this.technicianEnd = join(folder, 'laptop')
  }

  /** @throws TimeoutError (PC-SITE-CABLE) where no pseudo-terminals can be made. */
  async plug(): Promise<void> {
    const ends = [this.deviceEnd, this.technicianEnd]
    this.#socat = spawn('socat', ends.map((end) => `PTY,link=${end},rawer`), { stdio: 'ignore' })
    this.#socat.on('error', () => undefined)
    for (let waited_ms = 0; !ends.every((end) => existsSync(end)); waited_ms += look_ms) {
      if (waited_ms > plug_ms_max) throw new TimeoutError('PC-SITE-CABLE', 'No pair of pseudo-terminals could be made: is socat installed?')
      await sleep(systemClock, look_ms)
    }
    // Held open, so that the cable stays when a program at either end closes and opens it again.
    this.#held = ends.map((end) => openSync(end, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK))
  }

  /** Pulls it out of both. */
  unplug(): void {
    for (const end of this.#held.splice(0)) closeSync(end)
    this.#socat?.kill('SIGKILL')
    this.#socat = undefined
    for (const end of [this.deviceEnd, this.technicianEnd]) rmSync(end, { force: true })
  }
}

/**
 * How long a key takes from a technician's terminal to its echo, at 115200 baud over a pair of
 * pseudo-terminals, while travellers walk through the gate: the program as it ships, on its twins.
 *
 * Pseudo-terminals pass bytes on at once, so that no time on the wire is in it; what is counted are
 * both terminals, socat between them, and the device.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Accounts } from '../../edge/access/accounts.ts'
import { SecretHashing } from '../../edge/access/secret.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { TimeoutError } from '../../edge/base/error.ts'
import { sleep } from '../../edge/base/wait.ts'
import { type Link, transportTo } from '../../drivers/kit/transport.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from '../site/egate-site.ts'
import { seeded } from '../site/random.ts'
import { SerialCable } from '../site/serial-cable.ts'
import { walk } from '../site/walk.ts'
import { type Figure, percentile } from './figure.ts'

const program = join(root, 'build', 'portcullis', 'start.js')
const baud = 115_200
const person = 'nguyen'
const secret = 'seven lanterns over the bridge'
const keys = 1_000
/** As quick typists type. */
const pause_ms = { least: 40, most: 120 }
const answer_ms_max = 10_000
/** Typed again and again, and wiped by Ctrl-U before it could be entered. */
const line = 'show counters camera | grep frames'
const killLine = '\u0015'

/** @returns `console.keystroke.p50` and `.p99`, milliseconds from the key to the first byte of its echo. */
export async function benchConsole(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'))
  const cable = new SerialCable(folder)
  await cable.plug()
  const site = await EgateSite.make({
    folder: join(root, 'build', 'bench'), travellers: 20, program,
    changes: [{ path: ['console', 'ports'], value: [{ port: cable.deviceEnd, baud }] }],
  })
  const walking = new AbortController()
  try {
    await new Accounts(join(site.state, 'accounts.json')).put({ person, role: 'technician', secret: await new SecretHashing().hash(secret), by: 'bench', at: 0 })
    await site.start()
    const terminal = await Terminal.open(cable.technicianEnd)
    await terminal.login()
    const travellers = letWalk(site, walking.signal)
    const delays = await typeLines(terminal)
    walking.abort()
    await travellers
    terminal.close()
    return [
      { name: 'console.keystroke.p50', value: percentile(delays, 0.5), unit: 'ms' },
      { name: 'console.keystroke.p99', value: percentile(delays, 0.99), unit: 'ms' },
    ]
  } finally {
    walking.abort()
    await site.stop()
    cable.unplug()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function letWalk({ travellers, page, world }: EgateSite, signal: AbortSignal): Promise<void> {
  const random = seeded(7)
  const through = travellers.filter(({ expected }) => expected.outcome === 'granted')
  for (let number = 0; !signal.aborted; number++) {
    const traveller = through[number % through.length]
    if (traveller === undefined) return
    await walk(traveller, { page, world, pace: 'human', random, signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }
}

async function typeLines(terminal: Terminal): Promise<number[]> {
  const random = seeded(11)
  const delays: number[] = []
  for (let key = 0; key < keys; key++) {
    const at = key % (line.length + 1)
    delays.push(await terminal.echoOf(at === line.length ? killLine : line.charAt(at)))
    await sleep(systemClock, pause_ms.least + random() * (pause_ms.most - pause_ms.least))
    if (process.stderr.isTTY) process.stderr.write(`\rconsole: ${key + 1} of ${keys} keys`)
  }
  if (process.stderr.isTTY) process.stderr.write('\n')
  return delays
}

/** The technician's end: sends keys and hears what comes. */
class Terminal {
  readonly #link: Link
  #heard = ''
  #wake: () => void = () => undefined

  private constructor(link: Link) {
    this.#link = link
  }

  static async open(path: string): Promise<Terminal> {
    let terminal: Terminal | undefined
    const link = await transportTo(path, { baud }).open({ onBytes: (bytes) => terminal?.hear(bytes), onClosed: () => undefined }, new AbortController().signal)
    terminal = new Terminal(link)
    return terminal
  }

  hear(bytes: Uint8Array): void {
    this.#heard += Buffer.from(bytes).toString('latin1')
    this.#wake()
  }

  async login(): Promise<void> {
    await this.#type('\r')
    await this.#until(/login: $/)
    await this.#type(`${person}\r`)
    await this.#until(/challenge\): $/)
    await this.#type(`${secret}\r`)
    await this.#until(/> $/)
  }

  /** Milliseconds until the first byte that answers the key. */
  async echoOf(key: string): Promise<number> {
    this.#heard = ''
    const began = systemClock.now()
    await this.#type(key)
    await this.#until(/[^]/)
    return systemClock.now() - began
  }

  close(): void {
    this.#link.close()
  }

  async #type(text: string): Promise<void> {
    await this.#link.write(Buffer.from(text, 'latin1'))
  }

  async #until(pattern: RegExp): Promise<void> {
    const until = systemClock.now() + answer_ms_max
    while (!pattern.test(this.#heard)) {
      const left_ms = until - systemClock.now()
      if (left_ms <= 0) throw new TimeoutError('PC-BENCH-SILENT', 'The console did not answer.')
      await new Promise<void>((resolve) => {
        const cancel = systemClock.after(left_ms, resolve)
        this.#wake = () => {
          cancel()
          resolve()
        }
      })
    }
  }
}

/**
 * Twins: emulated devices that speak the real wire protocol over a real transport.
 *
 * A twin is a product: tests, demo, training and bug reports use the same one. It misbehaves on
 * demand, as a real device with a bad cable or a tired power supply does.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { createSocket, type RemoteInfo, type Socket as DatagramSocket } from 'node:dgram'
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { systemClock } from '../../edge/base/clock.ts'
import { DeviceError } from '../../edge/base/error.ts'
import { sleep } from '../../edge/base/wait.ts'

/** What is wrong with the line or the device, until it is set right again. */
export interface Faults {
  /** Nothing is answered. */
  mute: boolean
  /** Every answer comes this much later. */
  delay_ms: number
  /** Sent before every answer. */
  garbage: Uint8Array | undefined
  /** So many of the next answers lose their second half. */
  truncateNext: number
  /** So many of the next answers have a bit wrong. */
  corruptNext: number
}

export const noFaults = (): Faults => ({ mute: false, delay_ms: 0, garbage: undefined, truncateNext: 0, corruptNext: 0 })

export interface Twin {
  readonly faults: Faults
  /** Makes the device reachable; resolves with the options its driver needs to find it. */
  start(): Promise<Record<string, unknown>>
  stop(): Promise<void>
  /** Pulls the cable. */
  unplug(): Promise<void>
  /** Puts it back: the device is found where it was. */
  plug(): Promise<void>
}

/** The device behind the wire: takes the driver's bytes and sends its own. */
export interface StreamDevice {
  receive(bytes: Uint8Array): void
  /** The driver (re)connected: serial devices forget half a frame then. */
  connected?(): void
  /** Releases timers. */
  stop?(): void
}

export type Via = 'pty' | 'tcp' | 'udp'

interface Wire {
  /** What the driver's `port` option says. */
  readonly port: string
  send(bytes: Uint8Array): void
  plug(): Promise<void>
  unplug(): Promise<void>
  /** Leaves nothing behind; it is not plugged again. */
  discard?(): void
}

/** True where a pseudo-terminal pair can be made. */
export function pseudoTerminalsAvailable(): boolean {
  return existsSync('/dev/ptmx') && spawnSync('socat', ['-V'], { stdio: 'ignore' }).status === 0
}

/** A twin on a pseudo-terminal, or on TCP where none can be made; on UDP for devices that speak it. */
export class StreamTwin<D extends StreamDevice> implements Twin {
  readonly faults = noFaults()
  /** The emulated device itself, to set its world: put a finger on it, block its flap. */
  readonly device: D
  readonly #via: Via
  #wire: Wire | undefined

  constructor(make: (send: (bytes: Uint8Array) => void) => D, via: Via = pseudoTerminalsAvailable() ? 'pty' : 'tcp') {
    this.#via = via
    this.device = make((bytes) => this.#send(bytes))
  }

  async start(): Promise<{ port: string }> {
    const onBytes = (bytes: Uint8Array): void => this.device.receive(bytes)
    const onConnected = (): void => this.device.connected?.()
    this.#wire = { pty: pseudoTerminal, tcp: tcpServer, udp: udpSocket }[this.#via](onBytes, onConnected)
    await this.#wire.plug()
    return { port: this.#wire.port }
  }

  async stop(): Promise<void> {
    this.device.stop?.()
    await this.#wire?.unplug()
    this.#wire?.discard?.()
    this.#wire = undefined
  }

  async unplug(): Promise<void> {
    await this.#wire?.unplug()
  }

  async plug(): Promise<void> {
    await this.#wire?.plug()
  }

  #send(answer: Uint8Array): void {
    const { faults } = this
    if (faults.mute) return
    let bytes = answer
    if (faults.truncateNext > 0) {
      faults.truncateNext--
      bytes = bytes.subarray(0, Math.floor(bytes.length / 2))
    }
    if (faults.corruptNext > 0) {
      faults.corruptNext--
      bytes = bytes.slice()
      const middle = Math.floor(bytes.length / 2)
      bytes[middle] = (bytes[middle] ?? 0) ^ 0x10
    }
    const out = (): void => {
      if (faults.garbage !== undefined) this.#wire?.send(faults.garbage)
      this.#wire?.send(bytes)
    }
    if (faults.delay_ms > 0) setTimeout(out, faults.delay_ms).unref()
    else out()
  }
}

/** socat holds the terminal's master side and pipes it to us; the driver opens the other side by path. */
function pseudoTerminal(onBytes: (bytes: Uint8Array) => void, onConnected: () => void): Wire {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-twin-'))
  const port = join(folder, 'tty')
  let child: ChildProcessByStdio<Writable, Readable, null> | undefined
  /** Kept open so that the terminal outlives a driver that closes and opens it again. */
  let slave: number | undefined
  return {
    port,
    send: (bytes) => {
      if (child?.stdin.writable === true) child.stdin.write(bytes)
    },
    async plug() {
      child = spawn('socat', [`PTY,link=${port},rawer`, 'STDIO'], { stdio: ['pipe', 'pipe', 'ignore'] })
      child.stdout.on('data', onBytes)
      child.stdin.on('error', () => undefined)
      child.on('error', () => undefined)
      for (let tries = 0; !existsSync(port); tries++) {
        if (tries > 500) throw new DeviceError('PC-TWIN-PTY', 'No pseudo-terminal could be made: is socat installed?')
        await sleep(systemClock, 10)
      }
      slave = openSync(port, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
      onConnected()
    },
    async unplug() {
      const gone = child
      child = undefined
      if (slave !== undefined) closeSync(slave)
      slave = undefined
      if (gone !== undefined && gone.exitCode === null) {
        const exited = new Promise((resolve) => gone.once('exit', resolve))
        gone.kill('SIGKILL')
        await exited
      }
      rmSync(port, { force: true })
    },
    discard: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** As a serial device server does: the raw bytes of the port on a TCP connection. */
function tcpServer(onBytes: (bytes: Uint8Array) => void, onConnected: () => void): Wire {
  let server: Server | undefined
  let client: Socket | undefined
  let number = 0
  return {
    get port() {
      return `tcp://127.0.0.1:${number}`
    },
    send: (bytes) => {
      if (client?.writable === true) client.write(bytes)
    },
    async plug() {
      server = createServer({ noDelay: true }, (socket) => {
        client?.destroy()
        client = socket
        socket.on('data', onBytes)
        socket.on('error', () => socket.destroy())
        onConnected()
      })
      const listening = server
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject)
        listening.listen(number, '127.0.0.1', resolve)
      })
      const address = listening.address()
      if (address !== null && typeof address === 'object') number = address.port
    },
    async unplug() {
      const gone = server
      server = undefined
      client?.destroy()
      client = undefined
      if (gone !== undefined) await new Promise((resolve) => gone.close(resolve))
    },
  }
}

/** Answers whoever sent the last datagram. */
function udpSocket(onBytes: (bytes: Uint8Array) => void, onConnected: () => void): Wire {
  let socket: DatagramSocket | undefined
  let driver: RemoteInfo | undefined
  let number = 0
  return {
    get port() {
      return `udp://127.0.0.1:${number}`
    },
    send: (bytes) => {
      if (driver !== undefined) socket?.send(bytes, driver.port, driver.address)
    },
    async plug() {
      const bound = createSocket('udp4')
      bound.on('message', (bytes, from) => {
        if (driver?.port !== from.port) onConnected()
        driver = from
        onBytes(bytes)
      })
      bound.on('error', () => undefined)
      await new Promise<void>((resolve) => {
        bound.bind(number, '127.0.0.1', resolve)
      })
      number = bound.address().port
      socket = bound
    },
    async unplug() {
      const gone = socket
      socket = undefined
      driver = undefined
      if (gone !== undefined) await new Promise<void>((resolve) => gone.close(resolve))
    },
  }
}

/** The wire between a driver and an emulated PLC: TCP through a relay that loses, delays, cuts and damages what comes back. */
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { systemClock } from '../../../edge/base/clock.ts'
import { sleep } from '../../../edge/base/wait.ts'
import type { Faults } from '../../kit/twin.ts'

export class Wire {
  readonly #faults: Faults
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  /** Where the PLC itself listens. */
  target = 0
  /** Where the driver connects to; the same after each plug. */
  port = 0

  constructor(faults: Faults) {
    this.#faults = faults
  }

  async plug(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ noDelay: true }, (client) => this.#join(client))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
    const address = server.address()
    if (address !== null && typeof address === 'object') this.port = address.port
    this.#server = server
  }

  async unplug(): Promise<void> {
    const gone = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
    if (gone !== undefined) await new Promise((resolve) => gone.close(resolve))
  }

  #join(client: Socket): void {
    const plc = createConnection({ port: this.target, host: '127.0.0.1', noDelay: true })
    for (const [socket, other] of [[client, plc], [plc, client]] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    client.on('data', (bytes) => {
      if (!this.#faults.mute) plc.write(bytes)
    })
    let turn = Promise.resolve()
    plc.on('data', (bytes) => {
      turn = turn.then(() => this.#pass(bytes, client))
    })
  }

  async #pass(bytes: Buffer, client: Socket): Promise<void> {
    const faults = this.#faults
    if (faults.delay_ms > 0) await sleep(systemClock, faults.delay_ms)
    if (faults.mute || client.destroyed) return
    if (faults.truncateNext > 0) {
      faults.truncateNext--
      client.end(bytes.subarray(0, Math.floor(bytes.length / 2)))
      return
    }
    if (faults.corruptNext > 0) {
      faults.corruptNext--
      const middle = Math.floor(bytes.length / 2)
      bytes[middle] = (bytes[middle] ?? 0) ^ 0x10
    }
    client.write(bytes)
  }
}

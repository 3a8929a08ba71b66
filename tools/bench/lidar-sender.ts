/**
 * An OS1-128 in a process of its own: real datagrams at true pace, of turns that were encoded before.
 * On a word of lidar-stops.ts somebody stands in the vehicle's way from the next packet on, and on
 * another is gone again.
 */
import { createSocket, type Socket } from 'node:dgram'
import { setImmediate as eventLoop } from 'node:timers/promises'
import { obstacleReflectance, obstacles, os1, yard } from './lidar-yard.ts'
import { OusterTurns } from './ouster-turns.ts'
import { type SenderNews, type SenderRequest, shared_ms } from './sender-words.ts'

/** Turns with nobody in the way, and with each obstacle: none ever comes twice in a row. */
const emptyTurns = 6
const obstacleTurns = 3

class Sender {
  readonly #socket: Socket
  readonly #empty = new OusterTurns(os1(), yard(1), emptyTurns)
  readonly #obstacles = obstacles.map((put, index) => {
    const scene = yard(2 + index)
    put(scene)
    return new OusterTurns(os1(), scene, obstacleTurns, obstacleReflectance)
  })
  readonly #pause = new Int32Array(new SharedArrayBuffer(4))
  /** Of the next packet. */
  #number = 0
  #showing: OusterTurns | undefined
  #first = 0
  #shows = -1
  #sent_ms: number[] = []

  constructor(socket: Socket) {
    this.#socket = socket
    process.on('message', (request: SenderRequest) => {
      if (request.kind === 'show') this.#show(request.obstacle)
      else this.#hide()
    })
  }

  /** At true pace until the other process is gone; what it says is heard between two packets. */
  async run(): Promise<void> {
    const { period_us } = this.#empty
    tell({ kind: 'ready' })
    const began_ms = shared_ms()
    while (process.connected) {
      this.#send(began_ms + (this.#number * period_us) / 1_000)
      this.#number++
      await eventLoop()
    }
  }

  #show(obstacle: number): void {
    this.#showing = this.#obstacles[obstacle]
    this.#first = this.#number
    this.#shows = -1
    this.#sent_ms = []
  }

  #hide(): void {
    this.#showing = undefined
    tell({ kind: 'hidden', first: this.#first, shows: this.#shows, sent_ms: this.#sent_ms })
  }

  #send(due_ms: number): void {
    const turns = this.#showing ?? this.#empty
    const packet = turns.packets[this.#number % turns.packets.length]!
    turns.stamp(packet, this.#number)
    // Timers are no finer than a millisecond, and two packets at once would wait for each other.
    for (let left_ms = due_ms - shared_ms(); left_ms > 0; left_ms = due_ms - shared_ms()) Atomics.wait(this.#pause, 0, 0, left_ms)
    if (this.#showing !== undefined) {
      if (packet.shows && this.#shows < 0) this.#shows = this.#number
      this.#sent_ms.push(shared_ms())
    }
    this.#socket.send(packet.bytes)
  }
}

function tell(news: SenderNews): void {
  process.send?.(news)
}

const socket = createSocket('udp4')
await new Promise<void>((resolve) => socket.connect(Number(process.argv[2]), '127.0.0.1', () => resolve()))
// Nobody listens yet, or any more: a sensor would not know.
socket.on('error', () => undefined)
await new Sender(socket).run()
socket.close()

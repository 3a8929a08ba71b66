/** The page's line to the device: hears what is told, notices silence, connects again, and says that somebody is there. */
import type { Said, Told } from '../wire.ts'

/** The device speaks every second. */
const silence_ms = 4_000
const retry_ms = 1_000
/** So often at most the device hears that somebody does something. */
const active_ms = 10_000
const doing = ['pointerdown', 'keydown', 'wheel'] as const

export const socketAddress = (path: string): string => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`

export interface LineListener {
  onTold(told: Told): void
  /** Nothing is heard, or the server would not let this page listen. */
  onLost(): void
}

export class Line {
  readonly #listener: LineListener
  #socket: WebSocket | undefined
  #silence: ReturnType<typeof setTimeout> | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #active = -Infinity

  constructor(listener: LineListener) {
    this.#listener = listener
  }

  open(): void {
    this.close()
    for (const event of doing) addEventListener(event, this.#act, { passive: true })
    this.#connect()
  }

  close(): void {
    clearTimeout(this.#silence)
    clearTimeout(this.#retry)
    for (const event of doing) removeEventListener(event, this.#act)
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
  }

  say(said: Said): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(said))
  }

  readonly #act = (): void => {
    const now = performance.now()
    if (now - this.#active < active_ms) return
    this.#active = now
    this.say({ kind: 'active' })
  }

  #connect(): void {
    const socket = new WebSocket(socketAddress('/live'))
    this.#socket = socket
    socket.addEventListener('message', ({ data }: MessageEvent<string>) => {
      if (socket !== this.#socket) return
      this.#expectWord(socket)
      this.#listener.onTold(JSON.parse(data) as Told)
    })
    socket.addEventListener('close', () => {
      if (socket !== this.#socket) return
      clearTimeout(this.#silence)
      this.#retry = setTimeout(() => this.#connect(), retry_ms)
      this.#listener.onLost()
    })
    this.#expectWord(socket)
  }

  #expectWord(socket: WebSocket): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => socket.close(), silence_ms)
  }
}

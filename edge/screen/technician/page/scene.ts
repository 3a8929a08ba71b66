/** What the lidars see, as the device tells it: the setup once, then states and clouds. */
import { decodeCloud, type ShownCloud, type ViewSetup, type ViewState } from '../../lidar/wire.ts'
import { socketAddress } from './line.ts'

const retry_ms = 1_000

export class LidarEar {
  setup: ViewSetup | undefined
  state: ViewState | undefined
  clouds: (ShownCloud | undefined)[] = []
  readonly #onNews: () => void
  #socket: WebSocket | undefined
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor(onNews: () => void) {
    this.#onNews = onNews
  }

  open(): void {
    const socket = new WebSocket(socketAddress('/lidar'))
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#hear(data)
      this.#onNews()
    })
    socket.addEventListener('close', () => {
      if (socket !== this.#socket) return
      // What is not live must not look as if it were.
      this.state = undefined
      this.clouds = []
      this.#onNews()
      this.#retry = setTimeout(() => this.open(), retry_ms)
    })
  }

  close(): void {
    clearTimeout(this.#retry)
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
  }

  #hear(data: string | ArrayBuffer): void {
    if (typeof data === 'string') {
      const told = JSON.parse(data) as ViewSetup | ViewState
      if (told.kind === 'setup') this.setup = told
      else this.state = told
      return
    }
    const cloud = decodeCloud(data)
    if (cloud !== undefined) this.clouds[cloud.source] = cloud
  }
}

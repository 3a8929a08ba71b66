/** An emulated RTSP camera (RFC 2326): JPEG by RTP (RFC 2435), interleaved in the RTSP connection. */
import { createServer, type Server, type Socket } from 'node:net'
import { type Clock, systemClock } from '../../../edge/base/clock.ts'
import { noFaults, type Twin } from '../../kit/twin.ts'
import { authorization, type Credential } from '../authorization.ts'
import { Playback } from '../playback.ts'
import { JpegPackets } from './rtp-jpeg.ts'

export interface RtspTwinOptions {
  /** Who may watch; by default anybody. */
  credential?: Credential & { scheme: 'basic' | 'digest' }
  clock?: Clock
}

interface Request {
  method: string
  uri: string
  headers: Map<string, string>
}

interface Reply {
  status: string
  headers?: Record<string, string>
  body?: string
}

const requestMax = 8_192
const clientsMax = 8
/** A client that lags by more than this misses pictures. */
const backlogMax = 4_000_000
const path = '/live'

export class RtspTwin implements Twin {
  readonly faults = noFaults()
  /** What the camera sees. */
  readonly world = new Playback()
  readonly #options: RtspTwinOptions
  readonly #clock: Clock
  readonly #connections = new Set<Socket>()
  readonly #players = new Set<Socket>()
  readonly #packets = new JpegPackets()
  readonly #late = new Set<() => void>()
  #server: Server | undefined
  #number = 0
  #cancelPlay = (): void => undefined

  constructor(options: RtspTwinOptions = {}) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** How many watch. */
  get clients(): number {
    return this.#players.size
  }

  async start(): Promise<{ input: { rtsp: string } }> {
    await this.world.ready()
    await this.plug()
    return { input: { rtsp: `rtsp://127.0.0.1:${this.#number}${path}` } }
  }

  stop(): Promise<void> {
    return this.unplug()
  }

  async plug(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#number, '127.0.0.1', resolve)
    })
    const address = server.address()
    if (address !== null && typeof address === 'object') this.#number = address.port
    this.#cancelPlay = this.world.run(this.#clock, (picture) => this.#show(picture))
  }

  async unplug(): Promise<void> {
    const gone = this.#server
    this.#server = undefined
    this.#cancelPlay()
    for (const cancel of this.#late) cancel()
    this.#late.clear()
    for (const socket of this.#connections) socket.destroy()
    if (gone !== undefined) await new Promise((resolve) => gone.close(resolve))
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= clientsMax) return void socket.destroy()
    this.#connections.add(socket)
    let received: Buffer = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      received = this.#receive(Buffer.concat([received, bytes]), socket)
      if (received.length > requestMax) socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#players.delete(socket)
    })
  }

  /** Answers the requests in `bytes`; returns what is not complete yet. */
  #receive(bytes: Buffer, socket: Socket): Buffer {
    for (let rest = bytes; ;) {
      const interleaved = rest[0] === 0x24 // RFC 2326 10.12: a receiver's report, of no interest here.
      const end = interleaved ? 4 + (rest.length >= 4 ? rest.readUInt16BE(2) : 0) : rest.indexOf('\r\n\r\n') + 4
      if (end < 4 || rest.length < end) return rest
      if (!interleaved) this.#answer(rest.subarray(0, end).toString('latin1'), socket)
      rest = rest.subarray(end)
      if (rest.length === 0) return rest
    }
  }

  #answer(text: string, socket: Socket): void {
    if (this.faults.mute) return
    const [first = '', ...lines] = text.trimEnd().split('\r\n')
    const [method = '', uri = ''] = first.split(' ')
    const headers = new Map(lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]))
    const { status, headers: more = {}, body = '' } = this.#reply({ method, uri, headers })
    const all = { CSeq: headers.get('cseq') ?? '0', ...more, ...(body === '' ? {} : { 'Content-Length': `${body.length}` }) }
    socket.write(`RTSP/1.0 ${status}\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
    if (method === 'PLAY' && status === ok) this.#players.add(socket)
    if (method === 'TEARDOWN') socket.end()
  }

  #reply(request: Request): Reply {
    const { method, uri, headers } = request
    if (method === 'OPTIONS') return { status: ok, headers: { Public: 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER' } }
    const challenge = this.#challenge(request)
    if (challenge !== undefined) return { status: '401 Unauthorized', headers: { 'WWW-Authenticate': challenge } }
    switch (method) {
      case 'DESCRIBE':
        if (!uri.endsWith(path)) return { status: '404 Not Found' }
        return { status: ok, headers: { 'Content-Type': 'application/sdp', 'Content-Base': `${uri}/` }, body: description }
      case 'SETUP':
        if (!/RTP\/AVP\/TCP/.test(headers.get('transport') ?? '')) return { status: '461 Unsupported Transport' }
        return { status: ok, headers: { Session: '1;timeout=60', Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' } }
      case 'PLAY':
      case 'TEARDOWN':
      case 'GET_PARAMETER':
        return { status: ok, headers: { Session: '1' } }
      default:
        return { status: '501 Not Implemented' }
    }
  }

  /** What a request without the right credential is asked for. */
  #challenge({ method, uri, headers }: Request): string | undefined {
    const { credential } = this.#options
    if (credential === undefined) return undefined
    const challenge = credential.scheme === 'basic' ? 'Basic realm="camera"' : 'Digest realm="camera", nonce="a1b2c3d4"'
    const given = headers.get('authorization') ?? ''
    const expected = authorization(challenge, credential, { method, uri }, '')
    const response = /response="[^"]*"/.exec(expected ?? '')?.[0]
    return (response === undefined ? given === expected : given.includes(response)) ? undefined : challenge
  }

  #show(picture: Uint8Array): void {
    if (this.faults.mute) return
    const { delay_ms } = this.faults
    const packets = this.#packets.of(picture, this.#clock.now())
    if (delay_ms === 0) return this.#send(packets)
    const cancel = this.#clock.after(delay_ms, () => {
      this.#late.delete(cancel)
      this.#send(packets)
    })
    this.#late.add(cancel)
  }

  #send(packets: readonly Uint8Array[]): void {
    const { faults } = this
    let sent = packets
    if (faults.truncateNext > 0) {
      faults.truncateNext--
      sent = packets.slice(0, Math.floor(packets.length / 2))
    }
    const damaged = faults.corruptNext > 0
    if (damaged) faults.corruptNext--
    const bytes = Buffer.concat([
      ...(faults.garbage === undefined ? [] : [interleaved(7, faults.garbage)]),
      ...sent.map((packet, index) => interleaved(0, damaged && index === 0 ? packet.map((byte, at) => (at === packet.length - 1 ? byte ^ 0x10 : byte)) : packet)),
    ])
    for (const player of this.#players) {
      if (player.writableLength < backlogMax) player.write(bytes)
    }
  }
}

const ok = '200 OK'

const description = [
  'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=Portcullis twin', 't=0 0', 'a=control:*', 'm=video 0 RTP/AVP 26', 'c=IN IP4 0.0.0.0', 'a=control:track1', '',
].join('\r\n')

/** RFC 2326 10.12. */
function interleaved(channel: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(0x24, channel, bytes.length >> 8, bytes.length & 0xff), bytes])
}

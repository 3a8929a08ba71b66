/** An emulated Ouster: the lidar packets that it sends of what stands around it, and its metadata over HTTP. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { UdpLidarTwin, type UdpLidarTwinOptions } from '../yard/udp-twin.ts'
import { OusterEncoder } from './encoder.ts'
import { metadataPath } from './metadata-fetch.ts'
import type { Metadata } from './metadata.ts'
import { metadataJson, sampleMetadata, type SampleOptions } from './sample.ts'

const host = '127.0.0.1'

export class OusterTwin extends UdpLidarTwin {
  /** What the sensor says of itself. */
  readonly metadata: Metadata
  /** What its packets are made by, to set how hot it is. */
  readonly encoder: OusterEncoder
  #server: Server | undefined
  #port = 0

  constructor(options: UdpLidarTwinOptions & SampleOptions = {}) {
    const metadata = sampleMetadata(options)
    const encoder = new OusterEncoder(metadata)
    super(encoder, options)
    this.encoder = encoder
    this.metadata = metadata
  }

  override async start(): Promise<{ listen: string; from: string; http: string }> {
    const where = await super.start()
    return { ...where, http: `http://${host}:${this.#port}` }
  }

  override async plug(): Promise<void> {
    const server = createServer((request, response) => {
      response.writeHead(request.url === metadataPath ? 200 : 404, { 'content-type': 'application/json', connection: 'close' })
      response.end(request.url === metadataPath ? metadataJson(this.metadata) : '{}')
    })
    await new Promise<void>((resolve) => server.listen(this.#port, host, resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
    await super.plug()
  }

  override async unplug(): Promise<void> {
    await super.unplug()
    const server = this.#server
    this.#server = undefined
    server?.closeAllConnections()
    await new Promise<void>((resolve) => void (server === undefined ? resolve() : server.close(() => resolve())))
  }
}

export const ousterTwin = (options: UdpLidarTwinOptions & SampleOptions = {}): OusterTwin => new OusterTwin(options)

/** Asks a sensor for its metadata over HTTP (Ouster, HTTP API Reference, `GET /api/v1/sensor/metadata`). */
import { get } from 'node:http'
import type { Clock } from '../../../edge/base/clock.ts'
import { DeviceError, TimeoutError } from '../../../edge/base/error.ts'
import { metadataBytesMax } from './metadata.ts'

export const metadataPath = '/api/v1/sensor/metadata'
const code = 'PC-LIDAR-METADATA-FETCH'

export interface MetadataRequest {
  /** http://address[:port] of the sensor. */
  sensor: string
  limit_ms: number
  clock: Clock
  signal: AbortSignal
}

/** @throws DeviceError, TimeoutError (PC-LIDAR-METADATA-FETCH) */
export async function fetchMetadata({ sensor, limit_ms, clock, signal }: MetadataRequest): Promise<string> {
  const abort = new AbortController()
  const onStop = (): void => abort.abort()
  signal.addEventListener('abort', onStop, { once: true })
  let isLate = false
  const cancel = clock.after(limit_ms, () => {
    isLate = true
    abort.abort()
  })
  try {
    return await bodyOf(new URL(metadataPath, sensor), abort.signal)
  } catch (cause) {
    if (isLate) throw new TimeoutError(code, `The sensor at ${sensor} did not give its metadata within ${limit_ms} ms.`, { cause })
    if (cause instanceof DeviceError) throw cause
    throw new DeviceError(code, `The sensor at ${sensor} cannot be asked for its metadata.`, { cause })
  } finally {
    cancel()
    signal.removeEventListener('abort', onStop)
  }
}

function bodyOf(url: URL, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal }, (response) => {
      if (response.statusCode !== 200) {
        reject(new DeviceError(code, `The sensor at ${url.origin} refused to give its metadata: HTTP status ${response.statusCode ?? 'unknown'}.`))
        request.destroy()
        return
      }
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length <= metadataBytesMax) return
        reject(new DeviceError(code, `What the sensor at ${url.origin} gives as metadata is longer than any.`))
        request.destroy()
      })
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

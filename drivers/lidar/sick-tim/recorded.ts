/**
 * Recorded conversations with SICK sensors: JSON (mostly gzipped) of TCP payloads, one telegram an entry,
 * as the vendor's capture converter writes them (`_source.layers.tcp`, `tcp.payload` in hexadecimal).
 */
import { gunzipSync } from 'node:zlib'
import { fromHex } from '../../../edge/base/bytes.ts'
import { InputError } from '../../../edge/base/error.ts'

export interface Recorded {
  /** Seconds since the capture began; NaN when it does not say. */
  at_s: number
  bytes: Uint8Array
}

const refused = (why: string): InputError => new InputError('PC-SICK-CAPTURE', `This is no recorded conversation with a SICK sensor: ${why}.`)

/** @throws InputError (PC-SICK-CAPTURE) when it is something else. */
export function readRecorded(file: Uint8Array): Recorded[] {
  const entries = parsed(file)
  if (!Array.isArray(entries)) throw refused('it is no list')
  return entries.map((entry: unknown, index) => {
    const tcp = (entry as { _source?: { layers?: { tcp?: Record<string, unknown> } } } | null)?._source?.layers?.tcp
    const payload = tcp?.['tcp.payload']
    if (typeof payload !== 'string' || !/^([0-9a-f]{2}(:[0-9a-f]{2})*)?$/i.test(payload)) throw refused(`entry ${index} holds no payload`)
    const at = (tcp?.['Timestamps'] as Record<string, unknown> | undefined)?.['tcp.time_relative']
    return { at_s: typeof at === 'string' ? Number(at) : Number.NaN, bytes: fromHex(payload.replaceAll(':', ' ')) }
  })
}

const bytesMax = 256 * 1024 * 1024

function parsed(file: Uint8Array): unknown {
  try {
    const isZipped = file[0] === 0x1f && file[1] === 0x8b
    return JSON.parse(Buffer.from(isZipped ? gunzipSync(file, { maxOutputLength: bytesMax }) : file).toString('utf8'))
  } catch {
    throw refused('it is no JSON')
  }
}

/**
 * Recorded conversations with SICK sensors: JSON (mostly gzipped) of TCP segments, as the vendor's capture
 * converter and Wireshark's own export (`tshark -T json`, with `-x` or without) write them:
 * `_source.layers.tcp`, `tcp.payload` in hexadecimal.
 */
import { gunzipSync } from 'node:zlib'
import { fromHex } from '../../../edge/base/bytes.ts'
import { InputError } from '../../../edge/base/error.ts'
import { type ColaFramer, colaFramer, type Payload } from './cola.ts'

export interface Recorded {
  /** Seconds since the capture began; NaN when it does not say. */
  at_s: number
  /** Which end of which connection sent it; empty when it does not say. */
  from: string
  bytes: Uint8Array
}

type Layer = Readonly<Record<string, unknown>>

const refused = (why: string): InputError => new InputError('PC-SICK-CAPTURE', `This is no recorded conversation with a SICK sensor: ${why}.`)

/** Segments without a payload, and those that were sent again, are left out. @throws InputError (PC-SICK-CAPTURE) when it is something else. */
export function readRecorded(file: Uint8Array): Recorded[] {
  const entries = parsed(file)
  if (!Array.isArray(entries)) throw refused('it is no list')
  const next = new Map<string, number>()
  const segments = entries.map((entry: unknown, index) => segmentOf(entry, index)).filter((segment) => segment !== undefined)
  if (segments.length === 0) throw refused('nothing in it holds a payload')
  return segments.flatMap(({ sequence, ...segment }) => {
    // What was sent again is not heard twice. The numbers are of 32 bits; where there are none, this is 0.
    const again = Math.max(0, ((next.get(segment.from) ?? sequence) - sequence) | 0)
    if (again >= segment.bytes.length) return []
    next.set(segment.from, sequence + segment.bytes.length)
    return [{ ...segment, bytes: segment.bytes.subarray(again) }]
  })
}

/** Undefined for a segment that carries nothing: an acknowledgement, the beginning and the end of a connection. */
function segmentOf(entry: unknown, index: number): (Recorded & { sequence: number }) | undefined {
  const layers = (entry as { _source?: { layers?: Readonly<Record<string, Layer | undefined>> } } | null)?._source?.layers
  const { tcp, data, frame, ip } = layers ?? {}
  const payload = text(tcp?.['tcp.payload']) ?? text(tcp?.['tcp.payload_raw']) ?? text(data?.['data.data'])
  if (payload === undefined || payload === '') return undefined
  const digits = payload.replaceAll(':', '')
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw refused(`what entry ${index} holds is no payload`)
  const time = (tcp?.['Timestamps'] as Layer | undefined)?.['tcp.time_relative'] ?? frame?.['frame.time_relative']
  return {
    at_s: number(time),
    from: [ip?.['ip.src'], tcp?.['tcp.stream'], tcp?.['tcp.srcport']].map((part) => text(part) ?? '').join(' ').trim(),
    sequence: number(tcp?.['tcp.seq']),
    bytes: fromHex(digits),
  }
}

/** Exports with raw bytes write a list: the text, then where it stands. */
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : Array.isArray(value) && typeof value[0] === 'string' ? value[0] : undefined)
const number = (value: unknown): number => (typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN)

/** Of a capture of nobody's making there are no more ends than this. */
const endsMax = 64

/** The telegrams of a conversation: those of one end are not torn by what the other sends meanwhile. */
export class Telegrams {
  readonly #framers = new Map<string, ColaFramer>()

  take({ from, bytes }: Pick<Recorded, 'from' | 'bytes'>): Payload[] {
    const framer = this.#framers.get(from) ?? this.#begin(from)
    return framer?.push(bytes) ?? []
  }

  get damaged(): number {
    return this.#sum(({ damaged }) => damaged)
  }

  get discarded(): number {
    return this.#sum(({ discarded }) => discarded)
  }

  /** Telegrams that have begun and not ended. */
  get unfinished(): number {
    return this.#sum(({ pending }) => (pending > 0 ? 1 : 0))
  }

  #begin(from: string): ColaFramer | undefined {
    if (this.#framers.size >= endsMax) return undefined
    const framer = colaFramer()
    this.#framers.set(from, framer)
    return framer
  }

  #sum(of: (framer: ColaFramer) => number): number {
    return [...this.#framers.values()].reduce((sum, framer) => sum + of(framer), 0)
  }
}

const bytesMax = 256 * 1024 * 1024

function parsed(file: Uint8Array): unknown {
  try {
    const isZipped = file[0] === 0x1f && file[1] === 0x8b
    return JSON.parse(Buffer.from(isZipped ? gunzipSync(file, { maxOutputLength: bytesMax }) : file).toString('utf8').replace(/^\uFEFF/, ''))
  } catch {
    throw refused('it is no JSON')
  }
}

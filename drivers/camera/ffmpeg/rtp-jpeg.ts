/** JPEG pictures in RTP packets (RFC 2435 over RFC 3550), for the twin of an RTSP camera. */
import { concat } from '../../../edge/base/bytes.ts'
import { UsageError } from '../../../edge/base/error.ts'
import { segments } from '../jpeg.ts'

const payloadType = 26
/** "Tables in the packet", and none kept from earlier pictures (RFC 2435 4.2). */
const tablesInBand = 255
const scanBytesMax = 1_300
/** RFC 2435 3.1.5: sizes are sent in blocks of eight pixels, in one byte. */
const sizeMax = 255 * 8

interface Scan {
  /** 0 for 4:2:2, 1 for 4:2:0 (RFC 2435 4.1). */
  type: number
  width: number
  height: number
  /** Luma and chroma quantization tables, 64 bytes each, in zigzag order. */
  tables: Uint8Array
  data: Uint8Array
}

const word = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const long = (value: number): number[] => [...word(value >>> 16), ...word(value)]

/**
 * What RFC 2435 sends of a picture: a baseline JPEG, 4:2:0 or 4:2:2, with the usual Huffman tables.
 * @throws UsageError (PC-TWIN-JPEG) for any other.
 */
export function scanOf(jpeg: Uint8Array): Scan {
  const tables = new Map<number, Uint8Array>()
  let frame: { type: number; width: number; height: number } | undefined
  for (const { marker, at, end } of segments(jpeg)) {
    if (marker === 0xdb) {
      for (let table = at + 4; table + 65 <= end; table += 65) tables.set(jpeg[table] ?? 0, jpeg.subarray(table + 1, table + 65))
    } else if (marker === 0xc0) {
      const [height = 0, width = 0] = [at + 5, at + 7].map((place) => ((jpeg[place] ?? 0) << 8) | (jpeg[place + 1] ?? 0))
      const type = [0x21, 0x22].indexOf(jpeg[at + 11] ?? 0)
      frame = { type, width, height }
    } else if (marker === 0xda) {
      const [luma, chroma] = [tables.get(0), tables.get(1)]
      if (frame === undefined || luma === undefined || chroma === undefined) break
      if (frame.type < 0 || frame.width % 8 + frame.height % 8 > 0 || Math.max(frame.width, frame.height) > sizeMax) break
      return { ...frame, tables: concat([luma, chroma]), data: jpeg.subarray(end, jpeg.length - 2) }
    }
  }
  throw new UsageError('PC-TWIN-JPEG', 'This JPEG cannot be sent by RTP: it must be baseline, 4:2:0 or 4:2:2, at most 2040 pixels wide and high.')
}

/** Cuts pictures into packets. */
export class JpegPackets {
  #sequence = 0

  /** @param at_ms when the picture was taken; the packets carry it on the clock of 90 kHz. */
  of(jpeg: Uint8Array, at_ms: number): Uint8Array[] {
    const scan = scanOf(jpeg)
    const timestamp = Math.round(at_ms * 90) >>> 0
    const packets: Uint8Array[] = []
    for (let offset = 0; offset < scan.data.length; offset += scanBytesMax) {
      const isLast = offset + scanBytesMax >= scan.data.length
      const header = [
        0x80, (isLast ? 0x80 : 0) | payloadType, ...word(this.#sequence++), ...long(timestamp), ...long(0x504f5254),
        0, ...long(offset).slice(1), scan.type, tablesInBand, scan.width / 8, scan.height / 8,
      ]
      const tables = offset === 0 ? [Uint8Array.of(0, 0, ...word(scan.tables.length)), scan.tables] : []
      packets.push(concat([Uint8Array.from(header), ...tables, scan.data.subarray(offset, offset + scanBytesMax)]))
    }
    return packets
  }
}

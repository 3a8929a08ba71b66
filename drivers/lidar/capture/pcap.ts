/**
 * The datagrams of a capture file: pcap or pcapng, as tcpdump, Wireshark and lidar tools write them,
 * packed with gzip or not.
 *
 * A file of any length is read as it comes, and what is kept of it at a time is bounded. Sources:
 * draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, www.tcpdump.org/linktypes.html, RFC 791, 768, 8200.
 */
import { concat, empty } from '../../../edge/base/bytes.ts'
import { InputError } from '../../../edge/base/error.ts'
import { captureBytes } from './capture-bytes.ts'
import { pcapngFormat } from './pcapng.ts'
import { corrupt, type FileFormat, recordMax, u16, u32 } from './record.ts'
import { type Datagram, linkTypes, UdpExtractor } from './udp.ts'

export type { Datagram } from './udp.ts'

const fileHeader_bytes = 24
const recordHeader_bytes = 16

/** Turns the bytes of a capture file, in pieces of any size, into its datagrams. */
export class CaptureParser {
  readonly #udp = new UdpExtractor()
  #format: FileFormat | undefined
  #rest: Uint8Array = empty
  /** Of the first byte of the rest, in the file. */
  #position = 0
  #needs = 4

  /** How many packets were read, and what became of those that are no whole datagram. */
  get counts(): Record<string, number> {
    return this.#udp.counters.snapshot()
  }

  /**
   * The datagrams that the next bytes of the file complete.
   * @throws InputError (PC-CAPTURE-UNKNOWN, PC-CAPTURE-CORRUPT, PC-CAPTURE-LINK) in its place among them
   */
  *push(chunk: Uint8Array): Generator<Datagram, void> {
    this.#rest = this.#rest.length === 0 ? chunk : concat([this.#rest, chunk])
    while (this.#rest.length >= this.#needs) {
      this.#format ??= formatOf(this.#rest)
      const found = this.#format.next(this.#rest, this.#position)
      if ('needs' in found) {
        this.#needs = found.needs
        continue
      }
      this.#needs = 1
      this.#rest = this.#rest.subarray(found.length)
      this.#position += found.length
      const datagram = found.record === undefined ? undefined : this.#udp.take(found.record)
      if (datagram !== undefined) yield datagram
    }
  }

  /** The file has ended. @throws InputError (PC-CAPTURE-UNKNOWN, PC-CAPTURE-TRUNCATED) when it must not end here. */
  end(): void {
    if (this.#position > 0 && this.#rest.length === 0) return
    if (this.#format === undefined) throw unknown()
    const end = this.#position + this.#rest.length
    throw new InputError('PC-CAPTURE-TRUNCATED', `The capture ends at byte ${end}, in the middle of what begins at byte ${this.#position}.`)
  }
}

/**
 * The UDP datagrams of a capture file in the order recorded; IP fragments are put together again.
 * What comes before the place where a file is damaged or cut is given before the error is thrown.
 * @throws ConfigError (PC-CAPTURE-FILE), InputError (PC-CAPTURE-UNKNOWN, PC-CAPTURE-CORRUPT, PC-CAPTURE-TRUNCATED, PC-CAPTURE-LINK)
 */
export async function* datagrams(file: string, parser: CaptureParser = new CaptureParser()): AsyncGenerator<Datagram, void> {
  for await (const chunk of captureBytes(file)) yield* parser.push(chunk)
  parser.end()
}

const unknown = (): InputError => new InputError('PC-CAPTURE-UNKNOWN', 'The file is neither a pcap nor a pcapng capture: byte 0 begins neither.')

/** By the magic number, which also tells the byte order and the unit of time. */
function formatOf(bytes: Uint8Array): FileFormat {
  for (const little of [true, false]) {
    const magic = u32(bytes, 0, little)
    if (magic === 0x0a0d_0d0a) return pcapngFormat()
    if (magic === 0xa1b2_c3d4) return pcapFormat(little, 1)
    if (magic === 0xa1b2_3c4d) return pcapFormat(little, 1000)
  }
  throw unknown()
}

/** draft-ietf-opsawg-pcap, 4 and 5. */
function pcapFormat(little: boolean, partsOfMicrosecond: number): FileFormat {
  let link: number | undefined
  return {
    next(bytes, position) {
      if (link === undefined) {
        if (bytes.length < fileHeader_bytes) return { needs: fileHeader_bytes }
        const major = u16(bytes, 4, little)
        if (major !== 2) throw corrupt(position + 4, `version ${major} of the format does not exist`)
        // The upper half says how long the frame check sequence is, which IP's own length leaves out.
        link = u16(bytes, little ? 20 : 22, little)
        if (!linkTypes.has(link)) throw new InputError('PC-CAPTURE-LINK', `The capture is of link type ${link} (byte 20), which carries no IP that is understood.`)
        return { length: fileHeader_bytes }
      }
      if (bytes.length < recordHeader_bytes) return { needs: recordHeader_bytes }
      const kept = u32(bytes, 8, little)
      if (kept > recordMax) throw corrupt(position + 8, `a packet of ${kept} bytes`)
      const length = recordHeader_bytes + kept
      if (bytes.length < length) return { needs: length }
      const at_us = u32(bytes, 0, little) * 1_000_000 + Math.floor(u32(bytes, 4, little) / partsOfMicrosecond)
      return { length, record: { at_us, link, bytes: bytes.subarray(recordHeader_bytes, length), cut: u32(bytes, 12, little) > kept } }
    },
  }
}

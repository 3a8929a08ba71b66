/** Puts IP packets together again that were sent in pieces (RFC 791, 3.2; RFC 8200, 4.5). */
import { concat } from '../../../edge/base/bytes.ts'

/** How many packets may be unfinished at a time, and how many pieces one may have. */
const unfinishedMax = 64
const piecesMax = 1024
const packetMax = 65_535
/** Identifications come round again: pieces further apart than this are not of one packet (RFC 8200: 60 s). */
const age_us_max = 60_000_000

interface Piece {
  offset: number
  bytes: Uint8Array
}

interface Unfinished {
  since_us: number
  pieces: Piece[]
  received: number
  /** Known once the last piece was seen. */
  total: number | undefined
}

export interface Fragment {
  /** Source, destination, protocol and identification. */
  key: string
  at_us: number
  offset: number
  bytes: Uint8Array
  /** More follow. */
  more: boolean
}

export class Reassembly {
  readonly #unfinished = new Map<string, Unfinished>()
  readonly #onDropped: () => void

  /** @param onDropped a packet of which pieces were seen will never be whole. */
  constructor(onDropped: () => void) {
    this.#onDropped = onDropped
  }

  /** The whole packet's content when this was what it lacked. */
  add(fragment: Fragment): Uint8Array | undefined {
    const { key, offset, bytes, more } = fragment
    const packet = this.#packetOf(fragment)
    const end = offset + bytes.length
    const overlaps = packet.pieces.some((other) => offset < other.offset + other.bytes.length && other.offset < end)
    const beyond = packet.total !== undefined && (!more || end > packet.total)
    const odd = more && bytes.length % 8 !== 0
    if (overlaps || beyond || odd || bytes.length === 0 || end > packetMax || packet.pieces.length >= piecesMax) {
      // Pieces that contradict each other make a packet that nobody sent (RFC 5722).
      this.#drop(key)
      return undefined
    }
    packet.pieces.push({ offset, bytes })
    packet.received += bytes.length
    if (!more) packet.total = end
    if (packet.received !== packet.total) return undefined
    this.#unfinished.delete(key)
    return concat(packet.pieces.sort((a, b) => a.offset - b.offset).map((piece) => piece.bytes))
  }

  #packetOf({ key, at_us }: Fragment): Unfinished {
    const known = this.#unfinished.get(key)
    if (known !== undefined && Math.abs(at_us - known.since_us) <= age_us_max) return known
    if (known !== undefined) this.#drop(key)
    const [oldest] = this.#unfinished.keys()
    if (this.#unfinished.size >= unfinishedMax && oldest !== undefined) this.#drop(oldest)
    const begun: Unfinished = { since_us: at_us, pieces: [], received: 0, total: undefined }
    this.#unfinished.set(key, begun)
    return begun
  }

  #drop(key: string): void {
    this.#unfinished.delete(key)
    this.#onDropped()
  }
}

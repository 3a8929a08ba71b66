/** From a recorded packet of a link to the UDP datagram in it. */
import { Counters } from '../../../edge/base/counters.ts'
import { Reassembly } from './fragments.ts'
import { type CaptureRecord, u16, u32 } from './record.ts'

export interface Datagram {
  /** Microseconds since 1970-01-01T00:00:00Z. */
  at_us: number
  /** Address of the sender. */
  from: string
  fromPort: number
  /** To which port it was sent. */
  port: number
  payload: Uint8Array
}

export type CaptureCounter = 'packets' | 'datagrams' | 'fragments' | 'otherLink' | 'otherProtocol' | 'cut' | 'damaged' | 'fragmentsLost'

/** Where the network layer begins in a frame of a link; `undefined` when it is not IP, or too short to say. */
type LinkLayer = (bytes: Uint8Array) => number | undefined

const etherType = { ipv4: 0x0800, ipv6: 0x86dd, vlan: new Set([0x8100, 0x88a8, 0x9100]) } as const
const vlanTagsMax = 3

const ipIf = (holds: boolean, at: number): number | undefined => (holds ? at : undefined)
const isIp = (type: number): boolean => type === etherType.ipv4 || type === etherType.ipv6

const ethernet: LinkLayer = (bytes) => {
  let at = 12
  for (let tags = 0; tags < vlanTagsMax && etherType.vlan.has(u16(bytes, at, false)); tags++) at += 4
  return ipIf(isIp(u16(bytes, at, false)), at + 2)
}

/** Four bytes with the address family, in the byte order of whichever machine recorded it: IPv6 has a number on each system. */
const loopback: LinkLayer = (bytes) => {
  const family = Math.min(u32(bytes, 0, true), u32(bytes, 0, false))
  return ipIf([2, 10, 24, 28, 30].includes(family), 4)
}

const bare: LinkLayer = () => 0

const layers = new Map<number, LinkLayer>([
  [0, loopback], [1, ethernet], [12, bare], [14, bare], [101, bare], [108, loopback], [228, bare], [229, bare],
  [113, (bytes) => ipIf(isIp(u16(bytes, 14, false)), 16)],
  [276, (bytes) => ipIf(isIp(u16(bytes, 0, false)), 20)],
])

/** The link types (LINKTYPE values) that are understood: loopback, Ethernet, raw IP, Linux cooked 1 and 2. */
export const linkTypes: ReadonlySet<number> = new Set(layers.keys())

const protocol = { hopByHop: 0, udp: 17, routing: 43, fragment: 44, destination: 60 } as const
const extensionsMax = 8

/** The content of an IP packet on its way to becoming a datagram. */
interface Content {
  at_us: number
  from: string
  next: number
  bytes: Uint8Array
  cut: boolean
}

export class UdpExtractor {
  readonly counters = new Counters<CaptureCounter>(['packets', 'datagrams', 'fragments', 'otherLink', 'otherProtocol', 'cut', 'damaged', 'fragmentsLost'])
  readonly #fragments = new Reassembly(() => this.counters.add('fragmentsLost'))

  /** The datagram that this packet holds or completes. What is none is counted. */
  take(record: CaptureRecord): Datagram | undefined {
    this.counters.add('packets')
    const layer = layers.get(record.link)
    if (layer === undefined) return this.#none('otherLink')
    const start = layer(record.bytes)
    if (start === undefined) return this.#none('otherProtocol')
    const bytes = record.bytes.subarray(start)
    const version = (bytes[0] ?? 0) >> 4
    if (version === 4) return this.#ipv4(record, bytes)
    if (version === 6) return this.#ipv6(record, bytes)
    return this.#none(record.cut ? 'cut' : 'damaged')
  }

  /** RFC 791, 3.1. */
  #ipv4({ at_us, cut }: CaptureRecord, bytes: Uint8Array): Datagram | undefined {
    const header = ((bytes[0] ?? 0) & 0x0f) * 4
    if (header < 20 || bytes.length < header) return this.#none(cut ? 'cut' : 'damaged')
    // A network card that segments by itself leaves the length 0 for what was recorded before it.
    const total = u16(bytes, 2, false) || bytes.length
    if (total < header) return this.#none('damaged')
    const content = { at_us, from: `${bytes[12]}.${bytes[13]}.${bytes[14]}.${bytes[15]}`, next: bytes[9] ?? 0, bytes: bytes.subarray(header, total), cut: total > bytes.length }
    const flags = u16(bytes, 6, false)
    if ((flags & 0x3fff) === 0) return this.#content(content)
    return this.#fragment(content, { key: `${u32(bytes, 12, false)} ${u32(bytes, 16, false)} ${content.next} ${u16(bytes, 4, false)}`, offset: (flags & 0x1fff) * 8, more: (flags & 0x2000) !== 0 })
  }

  /** RFC 8200, 3. */
  #ipv6({ at_us, cut }: CaptureRecord, bytes: Uint8Array): Datagram | undefined {
    if (bytes.length < 40) return this.#none(cut ? 'cut' : 'damaged')
    const total = 40 + u16(bytes, 4, false)
    const addresses = Buffer.from(bytes.subarray(8, 40)).toString('hex')
    return this.#content({ at_us, from: ipv6Text(addresses.slice(0, 32)), next: bytes[6] ?? 0, bytes: bytes.subarray(40, total), cut: total > bytes.length }, addresses)
  }

  /** Passes over IPv6's extension headers (RFC 8200, 4). @param addresses of IPv6, which may come in pieces here. */
  #content(content: Content, addresses?: string): Datagram | undefined {
    let { next, bytes } = content
    for (let headers = 0; addresses !== undefined && headers < extensionsMax; headers++) {
      const [following = 0, length = 0] = bytes
      if (next === protocol.fragment) {
        const offset = u16(bytes, 2, false)
        const rest = { ...content, next: following, bytes: bytes.subarray(8) }
        return this.#fragment(rest, { key: `${addresses} ${u32(bytes, 4, false)}`, offset: offset & 0xfff8, more: (offset & 1) === 1 })
      }
      if (next !== protocol.hopByHop && next !== protocol.routing && next !== protocol.destination) break
      next = following
      bytes = bytes.subarray((length + 1) * 8)
    }
    return next === protocol.udp ? this.#udp({ ...content, bytes }) : this.#none('otherProtocol')
  }

  #fragment(content: Content, place: { key: string; offset: number; more: boolean }): Datagram | undefined {
    this.counters.add('fragments')
    if (content.cut) return this.#none('cut')
    const whole = this.#fragments.add({ ...place, at_us: content.at_us, bytes: content.bytes })
    return whole === undefined ? undefined : this.#content({ ...content, bytes: whole })
  }

  /** RFC 768. The check sum is left out: many cards fill it in after the packet was recorded. */
  #udp({ at_us, from, bytes, cut }: Content): Datagram | undefined {
    const length = bytes.length < 8 ? 0 : u16(bytes, 4, false) || bytes.length
    if (length < 8 || length > bytes.length) return this.#none(cut ? 'cut' : 'damaged')
    this.counters.add('datagrams')
    return { at_us, from, fromPort: u16(bytes, 0, false), port: u16(bytes, 2, false), payload: bytes.subarray(8, length) }
  }

  #none(why: CaptureCounter): undefined {
    this.counters.add(why)
    return undefined
  }
}

/** As RFC 5952 writes it. */
function ipv6Text(hex: string): string {
  return new URL(`http://[${(hex.match(/.{4}/g) ?? []).join(':')}]`).hostname.slice(1, -1)
}

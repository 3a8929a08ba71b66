/**
 * Packets of the R30x family of optical fingerprint modules (R305, R307, ZFM-20, AS608 and others
 * that begin a packet with EF 01): R30X Series User Manual, chapters IV (protocol) and V (instructions).
 *
 *   EF 01 | address 4 | kind 1 | length 2 | content | checksum 2
 *
 * Big-endian throughout; the length counts content and checksum; the checksum is the sum of kind,
 * length and content modulo 65536.
 */
import { type Framer, framerOf, type Scan } from '../../kit/framing.ts'

export type PacketKind = 'command' | 'data' | 'ack' | 'end'

export interface Packet {
  address: number
  kind: PacketKind
  content: Uint8Array
}

const kindBytes: Record<PacketKind, number> = { command: 0x01, data: 0x02, ack: 0x07, end: 0x08 }
const kinds = new Map(Object.entries(kindBytes).map(([kind, byte]) => [byte, kind as PacketKind]))

/** The address that every module has from the factory. */
export const factoryAddress = 0xffff_ffff

const headBytes = 9
const checksumBytes = 2
/** The largest packet size that a module can be set to. */
const contentMax = 256

export const Instruction = {
  getImage: 0x01,
  extract: 0x02,
  match: 0x03,
  search: 0x04,
  merge: 0x05,
  store: 0x06,
  load: 0x07,
  uploadTemplate: 0x08,
  downloadTemplate: 0x09,
  uploadImage: 0x0a,
  delete: 0x0c,
  empty: 0x0d,
  readParameters: 0x0f,
  setPassword: 0x12,
  verifyPassword: 0x13,
  countTemplates: 0x1d,
} as const

/** Where a module keeps what it extracted from a picture. */
export type Buffer = 1 | 2

export function encodePacket({ address, kind, content }: Packet): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headBytes + content.length + checksumBytes)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0xef01)
  view.setUint32(2, address)
  view.setUint8(6, kindBytes[kind])
  view.setUint16(7, content.length + checksumBytes)
  bytes.set(content, headBytes)
  view.setUint16(headBytes + content.length, checksum(bytes, headBytes + content.length))
  return bytes
}

/** Packets out of a byte stream; what is no packet, or has a wrong checksum, counts as discarded. */
export function packetFramer(): Framer<Packet> {
  return framerOf(scanPacket, headBytes + contentMax + checksumBytes)
}

function scanPacket(bytes: Uint8Array): Scan<Packet> {
  const skip = { kind: 'skip', length: 1 } as const
  if (bytes[0] !== 0xef || (bytes[1] ?? 0x01) !== 0x01) return skip
  if (bytes.length < headBytes) return { kind: 'more' }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const kind = kinds.get(view.getUint8(6))
  const length = view.getUint16(7)
  if (kind === undefined || length < checksumBytes || length > contentMax + checksumBytes) return skip
  const whole = headBytes + length
  if (bytes.length < whole) return { kind: 'more' }
  const end = whole - checksumBytes
  if (view.getUint16(end) !== checksum(bytes, end)) return skip
  return { kind: 'frame', length: whole, frame: { address: view.getUint32(2), kind, content: bytes.slice(headBytes, end) } }
}

/** The sum from the kind byte up to `end`. */
function checksum(bytes: Uint8Array, end: number): number {
  let sum = 0
  for (let index = 6; index < end; index++) sum += bytes[index] ?? 0
  return sum & 0xffff
}

/** `data` in packets of `size` bytes, the last one marked as the end. */
export function dataPackets(address: number, data: Uint8Array, size: number): Packet[] {
  const packets: Packet[] = []
  for (let at = 0; at < data.length; at += size) {
    const kind = at + size >= data.length ? 'end' : 'data'
    packets.push({ address, kind, content: data.subarray(at, at + size) })
  }
  return packets
}

export const u16 = (value: number): [number, number] => [(value >>> 8) & 0xff, value & 0xff]
export const u32 = (value: number): [number, number, number, number] => [value >>> 24, (value >>> 16) & 0xff, ...u16(value)]

/** What a module says of itself (ReadSysPara). */
export interface Parameters {
  status: number
  /** Tells the kind of sensor. */
  system: number
  /** How many templates it can hold. */
  capacity: number
  /** 1 (lets more through) to 5 (refuses more). */
  security: number
  address: number
  /** Bytes in a data packet: 32, 64, 128 or 256. */
  packet_bytes: number
  baud: number
}

/** Length of an acknowledgement of ReadSysPara, confirmation code included. */
export const parametersReplyBytes = 17

/** @param reply the content of the acknowledgement, of `parametersReplyBytes` bytes. */
export function decodeParameters(reply: Uint8Array): Parameters {
  const view = new DataView(reply.buffer, reply.byteOffset, reply.length)
  return {
    status: view.getUint16(1), system: view.getUint16(3), capacity: view.getUint16(5), security: view.getUint16(7),
    address: view.getUint32(9), packet_bytes: 32 << (view.getUint16(13) & 3), baud: view.getUint16(15) * 9_600,
  }
}

export function encodeParameters(parameters: Parameters): Uint8Array<ArrayBuffer> {
  const { status, system, capacity, security, address, packet_bytes, baud } = parameters
  return Uint8Array.of(0, ...u16(status), ...u16(system), ...u16(capacity), ...u16(security), ...u32(address), ...u16(Math.log2(packet_bytes / 32)), ...u16(baud / 9_600))
}

/** The picture: rows of 256 pixels, two to a byte, the left one in the upper four bits. */
export const picture = { width: 256, height: 288, packedBytes: 256 * 288 / 2 } as const

/** 8-bit grey from the packed picture: 0 is black, 255 is white. */
export function unpackPicture(packed: Uint8Array): Uint8Array<ArrayBuffer> {
  const grey = new Uint8Array(packed.length * 2)
  for (const [index, byte] of packed.entries()) {
    grey[index * 2] = (byte >>> 4) * 17
    grey[index * 2 + 1] = (byte & 15) * 17
  }
  return grey
}

export function packPicture(grey: Uint8Array): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(grey.length / 2)
  for (let index = 0; index < packed.length; index++) {
    packed[index] = ((grey[index * 2] ?? 0) & 0xf0) | ((grey[index * 2 + 1] ?? 0) >>> 4)
  }
  return packed
}

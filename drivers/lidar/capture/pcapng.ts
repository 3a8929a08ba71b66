/** The blocks of a pcapng file (draft-ietf-opsawg-pcapng): sections, interfaces, packets; others are passed over. */
import { corrupt, type FileFormat, type Found, recordMax, u16, u32 } from './record.ts'

const blockType = { section: 0x0a0d_0d0a, interface: 1, packet: 2, simple: 3, enhanced: 6 } as const
const option = { end: 0, timeResolution: 9, timeOffset: 14 } as const

/** Type and length before, length after (3.1). */
const frame_bytes = 12
/** Blocks of other kinds (names, statistics, secrets) may be long; one of this length is a wrong length. */
const blockMax = 16_777_216
const interfacesMax = 1024

interface Interface {
  link: number
  /** Most bytes kept of a packet; 0 for any. */
  snap: number
  /** Parts of a second in which time counts. */
  parts: bigint
  offset_us: bigint
}

export function pcapngFormat(): FileFormat {
  let little = true
  let interfaces: Interface[] = []
  /** A simple packet block has no time: it gets that of the packet before. */
  let last_us = 0

  const block = (bytes: Uint8Array, position: number, length: number): Found => {
    const type = u32(bytes, 0, little)
    const body = bytes.subarray(8, length - 4)
    if (type === blockType.section) interfaces = []
    if (type === blockType.interface) {
      if (interfaces.length >= interfacesMax) throw corrupt(position, `more than ${interfacesMax} interfaces`)
      interfaces.push(interfaceOf(body, little, position + 8))
    }
    if (type === blockType.enhanced || type === blockType.packet) return { length, record: packet(body, type, position) }
    if (type === blockType.simple) return { length, record: simple(body, position) }
    return { length }
  }

  const interfaceAt = (index: number, position: number): Interface => {
    const found = interfaces[index]
    if (found === undefined) throw corrupt(position, `a packet of interface ${index}, which is not described before`)
    return found
  }

  /** 4.3, and the older packet block of appendix A, which differs only in its first four bytes. */
  const packet = (body: Uint8Array, type: number, position: number) => {
    if (body.length < 20) throw corrupt(position, 'a packet block too short for its own fields')
    const { link, parts, offset_us } = interfaceAt(type === blockType.enhanced ? u32(body, 0, little) : u16(body, 0, little), position + 8)
    const ticks = (BigInt(u32(body, 4, little)) << 32n) | BigInt(u32(body, 8, little))
    const [kept, original] = [u32(body, 12, little), u32(body, 16, little)]
    if (kept > recordMax || 20 + kept > body.length) throw corrupt(position + 20, `a packet of ${kept} bytes in a block of ${body.length + frame_bytes}`)
    last_us = Number((ticks * 1_000_000n) / parts + offset_us)
    return { at_us: last_us, link, bytes: body.subarray(20, 20 + kept), cut: original > kept }
  }

  /** 4.4: of interface 0, its length is the least of what was there, what may be kept, and what fits. */
  const simple = (body: Uint8Array, position: number) => {
    if (body.length < 4) throw corrupt(position, 'a packet block too short for its own fields')
    const { link, snap } = interfaceAt(0, position)
    const original = u32(body, 0, little)
    const kept = Math.min(original, snap === 0 ? original : snap, body.length - 4)
    return { at_us: last_us, link, bytes: body.subarray(4, 4 + kept), cut: original > kept }
  }

  return {
    next(bytes, position) {
      if (bytes.length < frame_bytes) return { needs: frame_bytes }
      if (u32(bytes, 0, true) === blockType.section) little = byteOrder(bytes, position)
      const length = u32(bytes, 4, little)
      if (length < frame_bytes || length % 4 !== 0 || length > blockMax) throw corrupt(position + 4, `a block of ${length} bytes`)
      if (bytes.length < length) return { needs: length }
      const again = u32(bytes, length - 4, little)
      if (again !== length) throw corrupt(position + length - 4, `a block that begins as ${length} bytes long ends as ${again}`)
      return block(bytes, position, length)
    },
  }
}

/** 4.1. The type of a section reads the same either way round; what follows its length tells which. */
function byteOrder(bytes: Uint8Array, position: number): boolean {
  if (u32(bytes, 8, true) === 0x1a2b_3c4d) return true
  if (u32(bytes, 8, false) === 0x1a2b_3c4d) return false
  throw corrupt(position + 8, 'a section of no known byte order')
}

/** 4.2. */
function interfaceOf(body: Uint8Array, little: boolean, position: number): Interface {
  if (body.length < 8) throw corrupt(position, 'an interface block too short for its own fields')
  const found: Interface = { link: u16(body, 0, little), snap: u32(body, 4, little), parts: 1_000_000n, offset_us: 0n }
  for (let at = 8; at + 4 <= body.length;) {
    const [code, length] = [u16(body, at, little), u16(body, at + 2, little)]
    if (code === option.end) break
    if (at + 4 + length > body.length) throw corrupt(position + at, `an option of ${length} bytes`)
    if (code === option.timeResolution && length === 1) found.parts = resolution(body[at + 4] ?? 6, position + at)
    if (code === option.timeOffset && length === 8) found.offset_us = secondsAt(body, at + 4, little) * 1_000_000n
    at += 4 + Math.ceil(length / 4) * 4
  }
  return found
}

/** The top bit tells a power of two from one of ten. */
function resolution(byte: number, position: number): bigint {
  const power = byte & 0x7f
  if (power > 63) throw corrupt(position, `a resolution of time of ${power} places`)
  return (byte & 0x80) === 0 ? 10n ** BigInt(power) : 2n ** BigInt(power)
}

function secondsAt(body: Uint8Array, at: number, little: boolean): bigint {
  const [first, second] = [BigInt(u32(body, at, little)), BigInt(u32(body, at + 4, little))]
  return BigInt.asIntN(64, little ? (second << 32n) | first : (first << 32n) | second)
}

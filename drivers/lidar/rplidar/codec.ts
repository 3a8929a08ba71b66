/**
 * Requests and replies of the RPLIDAR A series, byte by byte (SLAMTEC, "RPLIDAR interface protocol and
 * application notes", chapters 2 to 4).
 */
import { concat, empty, hex } from '../../../edge/base/bytes.ts'
import type { Identity } from '../../../edge/device/contract.ts'

export const Request = { scan: 0x20, stop: 0x25, reset: 0x40, info: 0x50, health: 0x52, sampleRate: 0x59, motorPwm: 0xf0 } as const
/** What a reply's content is. */
export const Reply = { info: 0x04, health: 0x06, sampleRate: 0x15, nodes: 0x81 } as const

const requestStart = 0xa5
export const replyStart = [0xa5, 0x5a] as const
/** From here on a request carries a payload, its length before and a check sum behind it. */
const firstWithPayload = 0x80
export const descriptor_bytes = 7
export const node_bytes = 5
export const motorPwmMax = 1023

/** Contents that exist, by type: their length, and whether they go on and on. */
const contents = new Map<number, { length: number; repeated: boolean }>([
  [Reply.info, { length: 20, repeated: false }],
  [Reply.health, { length: 3, repeated: false }],
  [Reply.sampleRate, { length: 4, repeated: false }],
  [Reply.nodes, { length: node_bytes, repeated: true }],
])

/** 2.2: without a payload two bytes; else its length, and the exclusive or of all that comes before. */
export function encodeRequest(code: number, payload: Uint8Array = empty): Uint8Array {
  if (code < firstWithPayload) return Uint8Array.of(requestStart, code)
  const head = concat([Uint8Array.of(requestStart, code, payload.length), payload])
  return concat([head, Uint8Array.of(head.reduce((sum, byte) => sum ^ byte, 0))])
}

export const stopRequest = encodeRequest(Request.stop)
/** @param duty 0 (stands still) to 1023. */
export const motorRequest = (duty: number): Uint8Array => encodeRequest(Request.motorPwm, Uint8Array.of(duty & 0xff, duty >> 8))

/** What a device was asked, and how long the request is; `undefined` for what is no request, 'more' when it is unfinished. */
export function requestAt(bytes: Uint8Array): { code: number; payload: Uint8Array; length: number } | 'more' | undefined {
  if (bytes[0] !== requestStart) return undefined
  const code = bytes[1]
  if (code === undefined) return 'more'
  if (code < firstWithPayload) return { code, payload: empty, length: 2 }
  const payload_bytes = bytes[2]
  if (payload_bytes === undefined || bytes.length < payload_bytes + 4) return 'more'
  const length = payload_bytes + 4
  const sum = bytes.subarray(0, length).reduce((sum, byte) => sum ^ byte, 0)
  return sum === 0 ? { code, payload: bytes.subarray(3, length - 1), length } : undefined
}

export interface Descriptor {
  type: number
  length: number
  repeated: boolean
}

/** 2.3: start, 30 bits of length and 2 of mode, type. Only of contents that exist: everything else is noise. */
export function descriptorAt(bytes: Uint8Array, at: number): Descriptor | undefined {
  if (bytes[at] !== replyStart[0] || bytes[at + 1] !== replyStart[1]) return undefined
  const type = bytes[at + 6] ?? 0
  const content = contents.get(type)
  const length = (bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8) | ((bytes[at + 4] ?? 0) << 16) | (((bytes[at + 5] ?? 0) & 0x3f) << 24)
  const repeated = (bytes[at + 5] ?? 0) >> 6 === 1
  return content?.length === length && content.repeated === repeated ? { type, length, repeated } : undefined
}

export function encodeDescriptor(type: number): Uint8Array {
  const { length = 0, repeated = false } = contents.get(type) ?? {}
  return Uint8Array.of(...replyStart, length & 0xff, length >> 8, 0, repeated ? 0x40 : 0, type)
}

export const encodeReply = (type: number, content: Uint8Array): Uint8Array => concat([encodeDescriptor(type), content])

/** A series letter and number in the upper half of the model's byte, the variant in the lower. */
const seriesOf = (major: number): string => (major < 5 ? `A${major}` : `S${major - 5}`)

/** @param content of a reply of type `info` (4.6): model, firmware minor, major, hardware, 16 bytes of serial number. */
export function identityOf(content: Uint8Array): Identity {
  const [model = 0, minor = 0, major = 0] = content
  return {
    manufacturer: 'SLAMTEC',
    model: `RPLIDAR ${seriesOf(model >> 4)}M${model & 0x0f}`,
    firmware: `${major}.${String(minor).padStart(2, '0')}`,
    serial: hex(content.subarray(4, 20)).toUpperCase(),
  }
}

export interface DeviceHealth {
  status: 'good' | 'warning' | 'error'
  /** The maker's number for what is wrong. */
  code: number
}

/** @param content of a reply of type `health` (4.7). An unknown status is an error. */
export function healthOf(content: Uint8Array): DeviceHealth {
  const [status, low = 0, high = 0] = content
  return { status: status === 0 ? 'good' : status === 1 ? 'warning' : 'error', code: low | (high << 8) }
}

/** @param content of a reply of type `sampleRate`: microseconds of a measurement in the standard and in the express scan. */
export function sampleTimesOf(content: Uint8Array): { standard_us: number; express_us: number } {
  const [a = 0, b = 0, c = 0, d = 0] = content
  return { standard_us: a | (b << 8), express_us: c | (d << 8) }
}

/**
 * Modbus RTU: what the masters and the twins of this project need, as a pure codec.
 *
 * Sources: MODBUS Application Protocol V1.1b3 (functions 3, 16, 43/14 and exceptions) and MODBUS
 * over Serial Line V1.02 (frames). A frame's end is found from its function and checked by its
 * CRC, not by 3.5 characters of silence: device servers and pseudo-terminals do not keep silences.
 */
import { concat, crc16Modbus } from '../../edge/base/bytes.ts'
import { DeviceError, unreachable } from '../../edge/base/error.ts'
import type { RequestOptions } from './exchange.ts'
import { type Framer, framerOf, type Scan } from './framing.ts'
import type { Connection } from './session.ts'

/** The longest frame (Serial Line V1.02, 2.5.1). */
const frameMax = 256
const crcLength = 2

const code = { read: 0x03, write: 0x10, identify: 0x2b } as const
const meiIdentify = 0x0e
const refusalBit = 0x80

export const exception = { function: 1, address: 2, value: 3, failure: 4, busy: 6 } as const

export type ModbusRequest =
  | { kind: 'read'; unit: number; address: number; count: number }
  | { kind: 'write'; unit: number; address: number; values: readonly number[] }
  | { kind: 'identify'; unit: number; from: number }
  /** A request of eight bytes that asks for a function not offered here. */
  | { kind: 'other'; unit: number; code: number }

export type ModbusReply =
  | { kind: 'registers'; unit: number; values: readonly number[] }
  | { kind: 'written'; unit: number; address: number; count: number }
  | { kind: 'identity'; unit: number; objects: ReadonlyMap<number, string>; next: number | undefined }
  | { kind: 'refused'; unit: number; code: number; exception: number }

const words = (values: readonly number[]): number[] => values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff])
const word = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

function wordsOf(bytes: Uint8Array, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => word(bytes, from + index * 2))
}

function sealed(body: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(body)
  const crc = crc16Modbus(bytes)
  return concat([bytes, Uint8Array.of(crc & 0xff, crc >> 8)])
}

export function encodeRequest(request: ModbusRequest): Uint8Array {
  const { unit } = request
  switch (request.kind) {
    case 'read':
      return sealed([unit, code.read, ...words([request.address, request.count])])
    case 'write':
      return sealed([unit, code.write, ...words([request.address, request.values.length]), request.values.length * 2, ...words(request.values)])
    case 'identify':
      return sealed([unit, code.identify, meiIdentify, 1, request.from])
    case 'other':
      return sealed([unit, request.code, 0, 0, 0, 0])
    default:
      return unreachable(request)
  }
}

export function encodeReply(reply: ModbusReply): Uint8Array {
  const { unit } = reply
  switch (reply.kind) {
    case 'registers':
      return sealed([unit, code.read, reply.values.length * 2, ...words(reply.values)])
    case 'written':
      return sealed([unit, code.write, ...words([reply.address, reply.count])])
    case 'identity': {
      const objects = [...reply.objects].flatMap(([id, text]) => [id, text.length, ...Buffer.from(text, 'latin1')])
      return sealed([unit, code.identify, meiIdentify, 1, 1, reply.next === undefined ? 0 : 0xff, reply.next ?? 0, reply.objects.size, ...objects])
    }
    case 'refused':
      return sealed([unit, reply.code | refusalBit, reply.exception])
    default:
      return unreachable(reply)
  }
}

/** How long the frame is that starts here; `undefined` when more bytes are needed to tell, 0 when none starts here. */
type LengthOf = (bytes: Uint8Array) => number | undefined

const requestLength: LengthOf = (bytes) => {
  const function_ = bytes[1]
  if (function_ === undefined) return undefined
  if (function_ === code.identify) return 5 + crcLength
  if (function_ !== code.write) return function_ >= 1 && function_ <= 6 ? 6 + crcLength : 0
  const length = bytes[6]
  if (length === undefined) return undefined
  return length > 0 && length % 2 === 0 && length === word(bytes, 4) * 2 ? 7 + length + crcLength : 0
}

const replyLength: LengthOf = (bytes) => {
  const function_ = bytes[1]
  if (function_ === undefined) return undefined
  if (function_ === code.write) return 6 + crcLength
  if (function_ === code.identify) return identityLength(bytes)
  if ((function_ & refusalBit) !== 0) return 3 + crcLength
  if (function_ !== code.read) return 0
  const length = bytes[2]
  if (length === undefined) return undefined
  return length > 0 && length % 2 === 0 ? 3 + length + crcLength : 0
}

function identityLength(bytes: Uint8Array): number | undefined {
  if ((bytes[2] ?? meiIdentify) !== meiIdentify) return 0
  const count = bytes[7]
  if (count === undefined) return undefined
  let at = 8
  for (let object = 0; object < count; object++) {
    const length = bytes[at + 1]
    if (length === undefined) return at > frameMax ? 0 : undefined
    at += 2 + length
  }
  return at + crcLength
}

function toRequest(bytes: Uint8Array): ModbusRequest {
  const unit = bytes[0] ?? 0
  const function_ = bytes[1] ?? 0
  const address = word(bytes, 2)
  if (function_ === code.read) return { kind: 'read', unit, address, count: word(bytes, 4) }
  if (function_ === code.write) return { kind: 'write', unit, address, values: wordsOf(bytes, 7, word(bytes, 4)) }
  if (function_ === code.identify && bytes[2] === meiIdentify) return { kind: 'identify', unit, from: bytes[4] ?? 0 }
  return { kind: 'other', unit, code: function_ }
}

function toReply(bytes: Uint8Array): ModbusReply {
  const unit = bytes[0] ?? 0
  const function_ = bytes[1] ?? 0
  if (function_ === code.read) return { kind: 'registers', unit, values: wordsOf(bytes, 3, (bytes[2] ?? 0) / 2) }
  if (function_ === code.write) return { kind: 'written', unit, address: word(bytes, 2), count: word(bytes, 4) }
  if (function_ === code.identify) return toIdentity(unit, bytes)
  return { kind: 'refused', unit, code: function_ & ~refusalBit, exception: bytes[2] ?? 0 }
}

function toIdentity(unit: number, bytes: Uint8Array): ModbusReply {
  const objects = new Map<number, string>()
  let at = 8
  for (let object = 0; object < (bytes[7] ?? 0); object++) {
    const length = bytes[at + 1] ?? 0
    objects.set(bytes[at] ?? 0, Buffer.from(bytes.subarray(at + 2, at + 2 + length)).toString('latin1'))
    at += 2 + length
  }
  return { kind: 'identity', unit, objects, next: bytes[5] === 0xff ? bytes[6] : undefined }
}

/** A frame of `unit` at the start of the bytes. */
function frameAt(bytes: Uint8Array, unit: number, lengthOf: LengthOf): number | 'more' | 'none' {
  if (bytes[0] !== unit) return 'none'
  const length = lengthOf(bytes)
  if (length === 0 || (length ?? 0) > frameMax) return 'none'
  if (length === undefined || bytes.length < length) return 'more'
  const body = length - crcLength
  return crc16Modbus(bytes, body) === ((bytes[body] ?? 0) | ((bytes[body + 1] ?? 0) << 8)) ? length : 'none'
}

/** A false start may ask for bytes that never come, so a whole frame further on goes before it. */
function scanFor<Frame>(bytes: Uint8Array, unit: number, lengthOf: LengthOf, decode: (bytes: Uint8Array) => Frame): Scan<Frame> {
  let unfinished: number | undefined
  for (let at = 0; at < bytes.length; at++) {
    const found = frameAt(bytes.subarray(at), unit, lengthOf)
    if (found === 'more') unfinished ??= at
    if (typeof found !== 'number') continue
    if (at > 0) return { kind: 'skip', length: at }
    return { kind: 'frame', frame: decode(bytes.subarray(0, found)), length: found }
  }
  if (unfinished === 0) return { kind: 'more' }
  return { kind: 'skip', length: unfinished ?? bytes.length }
}

/** For twins: requests to `unit`. */
export const requestFramer = (unit: number): Framer<ModbusRequest> =>
  framerOf((bytes) => scanFor(bytes, unit, requestLength, toRequest), frameMax)

/** For drivers: replies of `unit`. */
export const replyFramer = (unit: number): Framer<ModbusReply> =>
  framerOf((bytes) => scanFor(bytes, unit, replyLength, toReply), frameMax)

/** The registers of one unit. Everything here throws DeviceError (PC-MODBUS-REFUSED) when the unit refuses. */
export class ModbusUnit {
  readonly #request: Connection<ModbusReply>['request']
  readonly #unit: number

  constructor(connection: Connection<ModbusReply>, unit: number) {
    this.#request = connection.request
    this.#unit = unit
  }

  read(address: number, count: number, options?: RequestOptions): Promise<readonly number[]> {
    return this.#ask({ kind: 'read', unit: this.#unit, address, count }, (reply) =>
      (reply.kind === 'registers' && reply.values.length === count ? reply.values : undefined), options)
  }

  async write(address: number, values: readonly number[], options?: RequestOptions): Promise<void> {
    await this.#ask({ kind: 'write', unit: this.#unit, address, values }, (reply) =>
      (reply.kind === 'written' && reply.address === address && reply.count === values.length ? true : undefined), options)
  }

  /** The basic identification: 0 vendor, 1 product, 2 revision (V1.1b3, 6.21). */
  identify(options?: RequestOptions): Promise<ReadonlyMap<number, string>> {
    return this.#ask({ kind: 'identify', unit: this.#unit, from: 0 }, (reply) =>
      (reply.kind === 'identity' ? reply.objects : undefined), options)
  }

  #ask<Value>(request: ModbusRequest, accept: (reply: ModbusReply) => Value | undefined, options?: RequestOptions): Promise<Value> {
    return this.#request(encodeRequest(request), (reply) => {
      if (reply.kind === 'refused') throw new DeviceError('PC-MODBUS-REFUSED', `The device refused a request (Modbus exception ${reply.exception}).`)
      return accept(reply)
    }, options)
  }
}

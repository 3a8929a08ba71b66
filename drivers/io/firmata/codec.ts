/**
 * Firmata's messages (protocol version 2.5), cut out of the byte stream and, for the twin, read and written.
 *
 * firmata-io reads messages too, but it lets an unfinished one grow without limit and throws on
 * pins that do not exist; it is shown only whole messages that this file has found.
 */
import { type Framer, framerOf, type Scan } from '../../kit/framing.ts'

export const command = {
  digital: 0x90,
  reportAnalog: 0xc0,
  reportDigital: 0xd0,
  analog: 0xe0,
  sysex: 0xf0,
  pinMode: 0xf4,
  pinValue: 0xf5,
  sysexEnd: 0xf7,
  version: 0xf9,
  reset: 0xff,
} as const

export const sysex = {
  analogMappingQuery: 0x69,
  analogMapping: 0x6a,
  capabilityQuery: 0x6b,
  capability: 0x6c,
  pinStateQuery: 0x6d,
  pinState: 0x6e,
  firmware: 0x79,
} as const

export const mode = { input: 0, output: 1, analog: 2, pwm: 3, pullup: 11 } as const

/** Room for the capabilities of the largest boards (Arduino Mega: 70 pins). */
const messageMax = 2_048

/** Who sent the bytes: a version request is one byte, the answer three. */
export type Sender = 'host' | 'board'

function bodyLength(first: number, sender: Sender): number | undefined {
  switch (first < 0xf0 ? first & 0xf0 : first) {
    case command.digital:
    case command.analog:
      return 2
    case command.version:
      return sender === 'board' ? 2 : 0
    case command.reportAnalog:
    case command.reportDigital:
      return sender === 'host' ? 1 : undefined
    case command.pinMode:
    case command.pinValue:
      return sender === 'host' ? 2 : undefined
    case command.reset:
      return sender === 'host' ? 0 : undefined
    default:
      return undefined
  }
}

/** Every byte but a message's first, and a sysex's last, has its top bit clear. */
const isCommand = (byte: number): boolean => byte >= 0x80

function scan(bytes: Uint8Array, sender: Sender): Scan<Uint8Array> {
  const first = bytes[0] ?? 0
  if (first === command.sysex) return scanSysex(bytes)
  const length = bodyLength(first, sender)
  if (length === undefined) return { kind: 'skip', length: 1 }
  const body = bytes.subarray(1, 1 + length)
  const stray = body.findIndex(isCommand)
  if (stray >= 0) return { kind: 'skip', length: 1 + stray }
  if (body.length < length) return { kind: 'more' }
  return { kind: 'frame', frame: bytes.slice(0, 1 + length), length: 1 + length }
}

function scanSysex(bytes: Uint8Array): Scan<Uint8Array> {
  const end = bytes.findIndex((byte, at) => at > 0 && isCommand(byte))
  if (end < 0) return { kind: 'more' }
  if (bytes[end] !== command.sysexEnd || end === 1) return { kind: 'skip', length: end }
  return { kind: 'frame', frame: bytes.slice(0, end + 1), length: end + 1 }
}

/** Whole messages as they came. */
export const messageFramer = (sender: Sender): Framer<Uint8Array> => framerOf((bytes) => scan(bytes, sender), messageMax)

/** A byte as two of seven bits, low half first. */
export const pair = (byte: number): number[] => [byte & 0x7f, (byte >> 7) & 0x7f]

export const sysexMessage = (kind: number, body: readonly number[]): Uint8Array => Uint8Array.of(command.sysex, kind, ...body, command.sysexEnd)

/** The levels of a port's eight pins. */
export const digitalMessage = (port: number, levels: number): Uint8Array => Uint8Array.of(command.digital | port, ...pair(levels))

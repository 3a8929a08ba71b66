/** What both kinds of capture file hold, and how their readers say what they found. */
import { InputError } from '../../../edge/base/error.ts'

/** One packet as it was recorded. */
export interface CaptureRecord {
  /** Microseconds since 1970-01-01T00:00:00Z. */
  at_us: number
  /** LINKTYPE value of the interface (www.tcpdump.org/linktypes.html). */
  link: number
  bytes: Uint8Array
  /** The packet was longer than what was kept of it. */
  cut: boolean
}

/** What stands at the start of the bytes shown: a part of the file, with or without a packet, or less than one. */
export type Found = { length: number; record?: CaptureRecord } | { needs: number }

/** Reads one kind of file, part by part. */
export interface FileFormat {
  /**
   * @param bytes what was read and not yet used; starts where a part of the file starts.
   * @param position of the first byte in the file, for messages.
   * @throws InputError (PC-CAPTURE-CORRUPT, PC-CAPTURE-LINK)
   */
  next(bytes: Uint8Array, position: number): Found
}

/** No interface that is known keeps more of a packet than this. */
export const recordMax = 262_144

export const corrupt = (position: number, what: string): InputError =>
  new InputError('PC-CAPTURE-CORRUPT', `The capture is damaged at byte ${position}: ${what}.`)

/** Numbers of either byte order. */
export const u16 = (bytes: Uint8Array, at: number, little: boolean): number => {
  const [a = 0, b = 0] = [bytes[at], bytes[at + 1]]
  return little ? a | (b << 8) : (a << 8) | b
}

export const u32 = (bytes: Uint8Array, at: number, little: boolean): number => {
  const [first, second] = [u16(bytes, at, little), u16(bytes, at + 2, little)]
  return little ? second * 65_536 + first : first * 65_536 + second
}

/** Lines of text from readers that only ever send: how a line ends, how long it may be, what noise does. */
import { concat, empty } from '../../edge/base/bytes.ts'
import type { Framer } from '../kit/framing.ts'

export type Line =
  /** The bytes before the end of the line, never none. */
  | { kind: 'line'; bytes: Uint8Array }
  /** A line passed the limit; nothing of it is kept, and the next one begins after its end. */
  | { kind: 'too-long' }
  /** The reader says that the document is complete (ETX). */
  | { kind: 'end' }

const stx = 0x02
const etx = 0x03
const lf = 0x0a
const cr = 0x0d

export interface LineRules {
  /** The longest line, in bytes. */
  max: number
  /** What ends a line: CR, LF or both in any order; or only CR LF, so that either may stand in the content. */
  end: 'cr-or-lf' | 'crlf'
  /** STX begins a line anew and ETX ends it, wherever they stand. */
  framed: boolean
}

/** A framer whose lines that were never ended can be heard of: a swipe that stopped half-way. */
export interface LineFramer extends Framer<Line> {
  /** Called when an unfinished line is given up. */
  onAbandoned: () => void
}

export function lineFramer(rules: LineRules): LineFramer {
  let pending: Uint8Array = empty
  let overlong = false
  let discarded = 0

  const give = (lines: Line[], bytes: Uint8Array): void => {
    if (!overlong && bytes.length > 0 && bytes.length <= rules.max) lines.push({ kind: 'line', bytes })
    else {
      discarded += bytes.length
      if (overlong || bytes.length > 0) lines.push({ kind: 'too-long' })
    }
    overlong = false
  }

  const framer: LineFramer = {
    onAbandoned: () => undefined,
    push(bytes) {
      const lines: Line[] = []
      let buffer = concat([pending, bytes])
      for (;;) {
        const end = nextEnd(buffer, rules)
        if (end === undefined) break
        if (end.by === stx) {
          discarded += end.at
          overlong = false
        } else give(lines, buffer.slice(0, end.at))
        if (end.by === etx) lines.push({ kind: 'end' })
        buffer = buffer.subarray(end.at + end.length)
      }
      pending = buffer.slice()
      // One byte more than a line may have: it could be the CR of a CR LF.
      if (overlong || pending.length > rules.max + 1) {
        const kept = rules.end === 'crlf' && pending.at(-1) === cr ? 1 : 0
        discarded += pending.length - kept
        overlong = true
        pending = pending.slice(pending.length - kept)
      }
      return lines
    },
    reset() {
      const unfinished = overlong || pending.length > 0
      discarded += pending.length
      pending = empty
      overlong = false
      if (unfinished) framer.onAbandoned()
    },
    get pending() {
      return overlong ? Math.max(1, pending.length) : pending.length
    },
    get discarded() {
      return discarded
    },
  }
  return framer
}

function nextEnd(bytes: Uint8Array, { end, framed }: LineRules): { at: number; length: number; by: number } | undefined {
  for (const [at, byte] of bytes.entries()) {
    if (framed && (byte === stx || byte === etx)) return { at, length: 1, by: byte }
    if (end === 'cr-or-lf' && (byte === cr || byte === lf)) return { at, length: 1, by: byte }
    if (end === 'crlf' && byte === cr && bytes[at + 1] === lf) return { at, length: 2, by: byte }
  }
  return undefined
}

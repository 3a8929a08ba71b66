/** Groups the lines of a swipe into one document by their length and by the pauses between them. */
import { unreachable } from '../../../edge/base/error.ts'
import type { Line } from '../lines.ts'

/** A machine-readable zone has at most this many characters in a line (ICAO 9303-4). */
export const lineMax = 44

/** Lines a document has, by the characters in each: TD1; TD2 and MRV-B; TD3 and MRV-A (ICAO 9303-3, 4.2). */
const linesByLength = new Map([[30, 3], [36, 2], [44, 2]])

export type Swipe =
  | { state: 'idle' }
  | { state: 'reading'; lines: readonly string[] }
  /** It was reported as unreadable: whatever else comes of it is nothing new. */
  | { state: 'spoilt' }

export type Presented = { kind: 'read'; lines: string[] } | { kind: 'unreadable'; reason: 'damaged' | 'incomplete' | 'too-long' }

/** A line; a pause after the last line; or a pause in the middle of one. */
export type SwipeInput = Line | { kind: 'pause' } | { kind: 'cut' }

const idle: Swipe = { state: 'idle' }
const spoilt: Swipe = { state: 'spoilt' }
const unreadable = (reason: 'damaged' | 'incomplete' | 'too-long'): Presented => ({ kind: 'unreadable', reason })

export function step(swipe: Swipe, input: SwipeInput): [Swipe, Presented?] {
  switch (input.kind) {
    case 'line': return swipe.state === 'spoilt' ? [swipe] : addLine(swipe, Buffer.from(input.bytes).toString('latin1'))
    case 'too-long': return swipe.state === 'spoilt' ? [swipe] : [spoilt, unreadable('too-long')]
    case 'cut': return swipe.state === 'spoilt' ? [idle] : [idle, unreadable('incomplete')]
    case 'pause':
    case 'end': return swipe.state === 'reading' ? [idle, unreadable('incomplete')] : [idle]
    default: return unreachable(input)
  }
}

function addLine(swipe: Swipe, text: string): [Swipe, Presented?] {
  const before = swipe.state === 'reading' ? swipe.lines : []
  const wanted = linesByLength.get(text.length)
  if (text.length > lineMax) return [spoilt, unreadable('too-long')]
  // Readers put another character, mostly a question mark, where they cannot read one.
  if (!/^[A-Z0-9<]*$/.test(text)) return [spoilt, unreadable('damaged')]
  if (wanted === undefined) return [spoilt, unreadable('incomplete')]
  if (before[0] !== undefined && before[0].length !== text.length) return [spoilt, unreadable('damaged')]
  const lines = [...before, text]
  return lines.length === wanted ? [idle, { kind: 'read', lines }] : [{ state: 'reading', lines }]
}

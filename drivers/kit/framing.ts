/** Cutting a byte stream into frames, and finding the next frame again after garbage. */
import { concat, empty } from '../../edge/base/bytes.ts'

/** What a codec finds at the start of the bytes it is shown. */
export type Scan<Frame> =
  | { kind: 'frame'; frame: Frame; length: number }
  /** The start of a frame may be there: show me more. */
  | { kind: 'more' }
  /** These bytes are no part of any frame. */
  | { kind: 'skip'; length: number }

export interface Framer<Frame> {
  push(bytes: Uint8Array): Frame[]
  /** Forgets an unfinished frame; its bytes count as discarded. */
  reset(): void
  /** Bytes of an unfinished frame. */
  readonly pending: number
  /** Bytes that were part of no frame. */
  readonly discarded: number
}

/**
 * @param scan looks at the bytes received and not yet used, which start where a frame may start.
 * @param frameMax the longest frame in bytes: a longer unfinished one is garbage.
 */
export function framerOf<Frame>(scan: (bytes: Uint8Array) => Scan<Frame>, frameMax: number): Framer<Frame> {
  let buffer: Uint8Array = empty
  let discarded = 0
  return {
    push(bytes) {
      buffer = buffer.length === 0 ? bytes : concat([buffer, bytes])
      const frames: Frame[] = []
      while (buffer.length > 0) {
        const found = scan(buffer)
        if (found.kind === 'more') {
          if (buffer.length <= frameMax) break
          buffer = buffer.subarray(1)
          discarded++
        } else if (found.kind === 'skip') {
          buffer = buffer.subarray(Math.max(1, found.length))
          discarded += Math.max(1, found.length)
        } else {
          frames.push(found.frame)
          buffer = buffer.subarray(found.length)
        }
      }
      // Not a view of the caller's buffer: serial libraries reuse theirs.
      buffer = buffer.slice()
      return frames
    },
    reset() {
      discarded += buffer.length
      buffer = empty
    },
    get pending() {
      return buffer.length
    },
    get discarded() {
      return discarded
    },
  }
}

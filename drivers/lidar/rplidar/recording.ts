/** What an RPLIDAR sent, from the text that a terminal program wrote down. */
import { concat } from '../../../edge/base/bytes.ts'
import { hexLines } from '../capture/hex-text.ts'
import { requestAt } from './codec.ts'
import { ReplyReader } from './reader.ts'

/** Fewer measurements could be an accident. */
const tellingNodes = 20

/** The bytes received; `undefined` when the text is no recording of an RPLIDAR's standard scan. */
export function recordingOf(text: string): Uint8Array | undefined {
  const lines = hexLines(text)
  // What was typed in to be sent stands in a line of its own.
  const received = lines?.filter((line) => {
    const request = requestAt(line)
    return typeof request !== 'object' || request.length !== line.length
  })
  if (received === undefined) return undefined
  const bytes = concat(received)
  const reader = new ReplyReader({ node: () => undefined }, true)
  reader.push(bytes)
  return reader.valid >= tellingNodes ? bytes : undefined
}

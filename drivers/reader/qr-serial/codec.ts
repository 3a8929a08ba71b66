/** What an imager sends: the content of a code, perhaps after an AIM identifier, then a line end. */
import type { Framer } from '../../kit/framing.ts'
import { lineFramer, type LineRules } from '../lines.ts'

/** The most characters that a QR code can hold, apart from pure digits (ISO/IEC 18004, table 7). */
export const contentMax = 4_296

/** `unknown` when the imager does not say. */
export interface ScannedCode {
  content: string
  symbology: string
}

/** Code characters of AIM symbology identifiers (ISO/IEC 15424) that border documents use. */
const symbologies: Record<string, string> = { Q: 'qr', d: 'data-matrix', L: 'pdf417', z: 'aztec', C: 'code-128', A: 'code-39', E: 'ean' }

export interface CodeRules {
  end: LineRules['end']
  /** Each content begins with an AIM identifier such as `]Q1`. */
  aim: boolean
}

/** Codes out of a byte stream; what is too long, not UTF-8 or holds control characters counts as discarded. */
export function codeFramer({ end, aim }: CodeRules): Framer<ScannedCode> {
  const lines = lineFramer({ max: contentMax, end, framed: false })
  let refused = 0
  return {
    push(bytes) {
      return lines.push(bytes).flatMap((line) => {
        if (line.kind !== 'line') return []
        const code = decode(line.bytes, aim)
        if (code === undefined) refused += line.bytes.length
        return code ?? []
      })
    },
    reset: () => lines.reset(),
    get pending() {
      return lines.pending
    },
    get discarded() {
      return lines.discarded + refused
    },
  }
}

/** Tab, line breaks and the separators of ISO/IEC 15434; no other control character belongs in a content. */
const allowedControls = '\t\n\r\u001c\u001d\u001e\u001f'
const isText = (text: string): boolean => !text.includes('\ufffd') && (text.match(/\p{Cc}/gu) ?? []).every((character) => allowedControls.includes(character))

function decode(bytes: Uint8Array, aim: boolean): ScannedCode | undefined {
  const text = new TextDecoder().decode(bytes)
  if (!isText(text)) return undefined
  if (!aim) return { content: text, symbology: 'unknown' }
  const found = /^\]([A-Za-z])[0-9A-Za-z]([\s\S]+)$/.exec(text)
  if (found === null) return undefined
  const [, letter = '', content = ''] = found
  return { content, symbology: symbologies[letter] ?? 'unknown' }
}

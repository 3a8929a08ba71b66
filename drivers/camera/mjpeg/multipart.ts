/** Pictures in a `multipart/x-mixed-replace` body (RFC 2046 5.1, as IP cameras understand it). */
import { ascii } from '../../../edge/base/bytes.ts'
import { type PictureStart, startsAt } from '../jpeg.ts'

/** A part's header in bytes, its delimiter included. */
const headerMax = 8_192
const boundaryMax = 200
/** A line break and dashes before the boundary. */
const beforeMax = 16

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d

/**
 * The boundary that a Content-Type names, without leading dashes; `undefined` when it is no
 * multipart type. Cameras disagree about whether the two dashes of the delimiter are part of it.
 */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const found = /^multipart\/[\w.+-]+\s*;(?:.*;)?\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec((contentType ?? '').slice(0, 1_000))
  const boundary = found?.[1] ?? found?.[2] ?? ''
  const core = boundary.replace(/^-+/, '')
  return core === '' || core.length > boundaryMax ? undefined : core
}

/**
 * A picture begins after a delimiter line, header lines and an empty line. Content-Length is not
 * looked at: cameras omit it or get it wrong, and a JPEG says itself where it ends.
 */
export function partStart(boundary: string): PictureStart {
  const core = Buffer.from(ascii(boundary))
  return (bytes) => {
    for (let from = 0; ;) {
      const found = bytes.indexOf(core, from)
      if (found < 0) return { useless: Math.max(0, bytes.length - core.length - beforeMax) }
      const delimiter = delimiterAt(bytes, found)
      const body = bodyAt(bytes, delimiter, found + core.length)
      if (body === undefined) return { useless: delimiter }
      if (body >= 0) {
        const isPicture = startsAt(bytes, body)
        if (isPicture === undefined) return { useless: delimiter }
        if (isPicture) return { at: body, header: body - delimiter }
      }
      from = found + core.length
    }
  }
}

/** Where the delimiter begins whose boundary stands at `boundary`: its dashes and the line break before them are part of it. */
function delimiterAt(bytes: Buffer, boundary: number): number {
  let at = boundary
  while (bytes[at - 1] === DASH && boundary - at < beforeMax - 2) at--
  if (bytes[at - 1] === LF) at--
  if (bytes[at - 1] === CR) at--
  return at
}

/** Where the part's body begins, -1 when this is no delimiter line with a header, `undefined` when the bytes end before that is clear. */
function bodyAt(bytes: Buffer, delimiter: number, restOfLine: number): number | undefined {
  for (let line = restOfLine, isFirst = true; ; isFirst = false) {
    const end = bytes.indexOf(LF, line)
    const known = end < 0 ? bytes.length : end
    if (isFirst && !isBlank(bytes, line, known)) return -1
    if (known - delimiter > headerMax) return -1
    if (end < 0) return undefined
    if (!isFirst && isBlank(bytes, line, end)) return end + 1
    line = end + 1
  }
}

function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== CR) return false
  }
  return true
}

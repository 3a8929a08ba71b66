/**
 * Where each field of a machine-readable zone stands, and how its check digits are computed.
 * ICAO 9303 part 3 (check digits), 4 (TD3), 5 (TD1), 6 (TD2) and 7 (visas: MRV-A and MRV-B).
 */

export type MrzFormat = 'TD1' | 'TD2' | 'TD3' | 'MRV-A' | 'MRV-B'

/** A run of characters: line, first column, column after the last; all from 0. */
export type Span = readonly [line: number, from: number, to: number]

export interface Layout {
  lines: number
  length: number
  /** What the document code may begin with. */
  codes: string
  documentCode: Span
  issuer: Span
  names: Span
  number: Span
  numberCheck: Span
  nationality: Span
  birth: Span
  birthCheck: Span
  sex: Span
  expiry: Span
  expiryCheck: Span
  /** Free for the issuer. */
  optional: readonly Span[]
  /** TD3 alone protects its optional data. */
  optionalCheck?: Span
  /** Visas have none. */
  composite?: { check: Span; over: readonly Span[] }
  /** A document number of more than nine characters goes on in the first optional field. */
  longNumber: boolean
}

/** TD2, TD3 and both visas share the order of their two lines. */
function twoLines(length: number, codes: string, optionalEnd: number): Omit<Layout, 'composite' | 'optionalCheck' | 'longNumber'> {
  return {
    lines: 2, length, codes,
    documentCode: [0, 0, 2], issuer: [0, 2, 5], names: [0, 5, length],
    number: [1, 0, 9], numberCheck: [1, 9, 10], nationality: [1, 10, 13],
    birth: [1, 13, 19], birthCheck: [1, 19, 20], sex: [1, 20, 21],
    expiry: [1, 21, 27], expiryCheck: [1, 27, 28],
    optional: [[1, 28, optionalEnd]],
  }
}

export const layouts: Record<MrzFormat, Layout> = {
  TD1: {
    lines: 3, length: 30, codes: 'ACI',
    documentCode: [0, 0, 2], issuer: [0, 2, 5], names: [2, 0, 30],
    number: [0, 5, 14], numberCheck: [0, 14, 15], nationality: [1, 15, 18],
    birth: [1, 0, 6], birthCheck: [1, 6, 7], sex: [1, 7, 8],
    expiry: [1, 8, 14], expiryCheck: [1, 14, 15],
    optional: [[0, 15, 30], [1, 18, 29]],
    composite: { check: [1, 29, 30], over: [[0, 5, 30], [1, 0, 7], [1, 8, 15], [1, 18, 29]] },
    longNumber: true,
  },
  TD2: {
    ...twoLines(36, 'ACI', 35),
    composite: { check: [1, 35, 36], over: [[1, 0, 10], [1, 13, 20], [1, 21, 35]] },
    longNumber: true,
  },
  TD3: {
    ...twoLines(44, 'P', 42),
    optionalCheck: [1, 42, 43],
    composite: { check: [1, 43, 44], over: [[1, 0, 10], [1, 13, 20], [1, 21, 43]] },
    longNumber: false,
  },
  'MRV-A': { ...twoLines(44, 'V', 44), longNumber: false },
  'MRV-B': { ...twoLines(36, 'V', 36), longNumber: false },
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** The check digit of text made of A-Z, 0-9 and `<`: weights 7, 3, 1, modulo 10 (part 3, 4.9). */
export function checkDigit(text: string): string {
  const weights = [7, 3, 1]
  let sum = 0
  for (let index = 0; index < text.length; index++) {
    sum += Math.max(0, alphabet.indexOf(text.charAt(index))) * (weights[index % 3] ?? 0)
  }
  return String(sum % 10)
}

export function cut(lines: readonly string[], [line, from, to]: Span): string {
  return (lines[line] ?? '').slice(from, to)
}

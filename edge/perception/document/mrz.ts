/**
 * Reads the machine-readable zone of passports, cards and visas (ICAO 9303 parts 3 to 7).
 *
 * Nothing is repaired: a character that optical reading likes to confuse is reported as such, so
 * that the traveller is asked to lay the document down again instead of becoming somebody else.
 */
import type { WallTime } from '../../base/clock.ts'
import { checkDigit, cut, layouts, type Layout, type MrzFormat } from './mrz-layout.ts'

export type { MrzFormat } from './mrz-layout.ts'

export interface MrzDocument {
  format: MrzFormat
  /** One or two letters, such as `P`, `PD`, `ID`. */
  documentCode: string
  /** Three letters as in the document, or `D` for Germany. */
  issuer: string
  documentNumber: string
  surname: string
  givenNames: string
  /** The names fill their field to the end: they may go on in the document. */
  nameTruncated: boolean
  nationality: string
  /** `YYYY-MM-DD`, or `YYYY-MM`, `YYYY`, '' as far as it is known to the issuer. */
  birth: string
  sex: 'female' | 'male' | 'unspecified'
  /** `YYYY-MM-DD`. */
  expiry: string
  /** Issuer's optional data without its trailing fillers, field by field. */
  optional: string[]
}

export type MrzField =
  | 'zone' | 'documentCode' | 'issuer' | 'names' | 'documentNumber' | 'nationality' | 'birth' | 'sex' | 'expiry' | 'optional' | 'composite'

/** shape: number or length of lines; character: outside A-Z 0-9 <; value: not allowed there; check-digit: does not agree. */
export type MrzReason = 'shape' | 'character' | 'value' | 'check-digit'

/** What is wrong, without the data itself. */
export interface MrzProblem {
  reason: MrzReason
  field: MrzField
  /** One character mistaken for a look-alike (O and 0, B and 8 ...) would explain it: read again. */
  confusable: boolean
}

export type MrzReading = { ok: true; document: MrzDocument } | { ok: false; problems: MrzProblem[] }

/**
 * @param lines as the reader gave them; blank ones and surrounding blanks are ignored
 * @param reference the day of reading, which decides the century of two-digit years
 */
export function parseMrz(lines: readonly string[], reference: WallTime): MrzReading {
  const zone = lines.slice(0, linesMax).map((line) => line.slice(0, lineMax).trim()).filter((line) => line !== '')
  const format = formatOf(zone)
  if (format === undefined) return { ok: false, problems: [problem('shape', 'zone')] }
  if (!zone.every((line) => /^[A-Z0-9<]*$/.test(line))) return { ok: false, problems: [problem('character', 'zone')] }
  const problems: MrzProblem[] = []
  const document = readFields(format, zone, new Date(reference), problems)
  return problems.length === 0 ? { ok: true, document } : { ok: false, problems }
}

/** More than any format has, so that one line too many is noticed. */
const linesMax = 8
const lineMax = 100

function formatOf(zone: readonly string[]): MrzFormat | undefined {
  const visa = zone[0]?.startsWith('V') === true
  const formats = Object.entries(layouts) as [MrzFormat, Layout][]
  return formats.find(
    ([, layout]) => zone.length === layout.lines && zone.every((line) => line.length === layout.length) && (layout.codes === 'V') === visa,
  )?.[0]
}

function readFields(format: MrzFormat, zone: readonly string[], today: Date, problems: MrzProblem[]): MrzDocument {
  const layout = layouts[format]
  const number = readNumber(layout, zone)
  const optional = layout.optional.map((span) => cut(zone, span))
  if (number.tail !== undefined) optional[0] = number.tail
  checkDigits(layout, zone, number, problems)

  const code = cut(zone, layout.documentCode)
  if (!/^[A-Z][A-Z<]$/.test(code) || !layout.codes.includes(code.charAt(0))) {
    problems.push(problem('value', 'documentCode', /\d/.test(code)))
  }
  if (!/^[A-Z0-9<]*[A-Z0-9]$/.test(number.text)) problems.push(problem('value', 'documentNumber'))
  const sex = sexes[cut(zone, layout.sex)]
  if (sex === undefined) problems.push(problem('value', 'sex'))

  return {
    format,
    documentCode: unfill(code),
    documentNumber: number.text,
    issuer: readCountry(cut(zone, layout.issuer), 'issuer', problems),
    nationality: readCountry(cut(zone, layout.nationality), 'nationality', problems),
    ...readNames(cut(zone, layout.names), problems),
    birth: readDate(cut(zone, layout.birth), 'birth', today, problems),
    sex: sex ?? 'unspecified',
    expiry: readDate(cut(zone, layout.expiry), 'expiry', today, problems),
    optional: optional.map(unfill),
  }
}

const sexes: Record<string, MrzDocument['sex']> = { F: 'female', M: 'male', '<': 'unspecified' }

interface NumberField {
  /** The number without fillers at its end. */
  text: string
  /** What its check digit covers, and the digit. */
  covered: string
  check: string
  /** What remains of the optional field when the number went on in it. */
  tail?: string
}

/** A filler in place of the check digit: the number goes on in the optional field (part 5, 4.2.2.1, note j). */
function readNumber(layout: Layout, zone: readonly string[]): NumberField {
  const head = cut(zone, layout.number)
  const check = cut(zone, layout.numberCheck)
  const optional = layout.optional[0] === undefined ? '' : cut(zone, layout.optional[0])
  const end = optional.indexOf('<')
  if (!layout.longNumber || check !== '<' || end < 2) return { text: unfill(head), covered: head, check }
  const rest = optional.slice(0, end - 1)
  return { text: head + rest, covered: head + rest, check: optional.charAt(end - 1), tail: optional.slice(end + 1) }
}

function checkDigits(layout: Layout, zone: readonly string[], number: NumberField, problems: MrzProblem[]): void {
  const expect = (field: MrzField, covered: string, check: string): void => {
    if (checkDigit(covered) !== check) problems.push(problem('check-digit', field, explainedByConfusion(covered, check)))
  }
  expect('documentNumber', number.covered, number.check)
  expect('birth', cut(zone, layout.birth), cut(zone, layout.birthCheck))
  expect('expiry', cut(zone, layout.expiry), cut(zone, layout.expiryCheck))
  if (layout.optionalCheck !== undefined && layout.optional[0] !== undefined) {
    const covered = cut(zone, layout.optional[0])
    const check = cut(zone, layout.optionalCheck)
    // Empty optional data may have a filler instead of its check digit (part 4, 4.2.2.2, position 43).
    if (!(check === '<' && unfill(covered) === '')) expect('optional', covered, check)
  }
  if (layout.composite !== undefined) {
    expect('composite', layout.composite.over.map((span) => cut(zone, span)).join(''), cut(zone, layout.composite.check))
  }
}

/** `D<<` is the one code that is not three letters (part 3, section 5). */
function readCountry(text: string, field: MrzField, problems: MrzProblem[]): string {
  if (!/^[A-Z]{3}$/.test(text) && text !== 'D<<') problems.push(problem('value', field, /\d/.test(text)))
  return unfill(text)
}

function readNames(text: string, problems: MrzProblem[]): Pick<MrzDocument, 'surname' | 'givenNames' | 'nameTruncated'> {
  const filled = unfill(text)
  const [surname = '', givenNames = '', ...more] = filled.split('<<')
  if (surname === '' || more.length > 0 || /\d/.test(filled)) problems.push(problem('value', 'names', /\d/.test(filled)))
  return { surname: blanks(surname), givenNames: blanks(givenNames), nameTruncated: !text.endsWith('<') }
}

function readDate(text: string, field: 'birth' | 'expiry', today: Date, problems: MrzProblem[]): string {
  const date = field === 'birth' ? birthDate(text, today) : expiryDate(text, today)
  if (date === undefined) problems.push(problem('value', field, /[A-Z]/.test(text)))
  return date ?? ''
}

/** The last such day that is not in the future. Parts that the issuer does not know are fillers (part 3, 4.8). */
function birthDate(text: string, today: Date): string | undefined {
  const parts = /^(\d\d|<<)(\d\d|<<)(\d\d|<<)$/.exec(text)
  if (parts === null) return undefined
  const [, yy = '', mm = '', dd = ''] = parts
  if (yy === '<<') return mm === '<<' && dd === '<<' ? '' : undefined
  if (mm === '<<' && dd !== '<<') return undefined
  const century = Math.floor(today.getUTCFullYear() / 100) * 100
  const written = (year: number): string => [String(year), mm, dd].filter((part) => part !== '<<').join('-')
  const year = written(century + Number(yy)) > isoDay(today) ? century - 100 + Number(yy) : century + Number(yy)
  return exists(year, mm, dd) ? written(year) : undefined
}

/** The such day nearest to today: within fifty years. */
function expiryDate(text: string, today: Date): string | undefined {
  const parts = /^(\d\d)(\d\d)(\d\d)$/.exec(text)
  if (parts === null) return undefined
  const [, yy = '', mm = '', dd = ''] = parts
  const now = today.getUTCFullYear()
  const century = Math.floor(now / 100) * 100
  const year = [century - 100, century, century + 100].map((base) => base + Number(yy)).find((each) => each >= now - 50 && each < now + 50)
  return year !== undefined && exists(year, mm, dd) ? `${year}-${mm}-${dd}` : undefined
}

function exists(year: number, mm: string, dd: string): boolean {
  const month = mm === '<<' ? 1 : Number(mm)
  const day = dd === '<<' ? 1 : Number(dd)
  const date = new Date(Date.UTC(year, month - 1, day))
  return month >= 1 && month <= 12 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

const isoDay = (date: Date): string => date.toISOString().slice(0, 10)

/** Pairs that optical readers confuse in OCR-B. */
const lookAlikes = ['0O', '0D', '0Q', '1I', '1L', '2Z', '4A', '5S', '6G', '7T', '8B', '<K', '<C']

/** Whether swapping one character, or the digit itself, for a look-alike makes the check digit agree. */
function explainedByConfusion(covered: string, check: string): boolean {
  const alternatives = (character: string): string[] =>
    lookAlikes.filter((pair) => pair.includes(character)).map((pair) => pair.replace(character, ''))
  if (alternatives(check).includes(checkDigit(covered))) return true
  return Array.from(covered).some((character, index) =>
    alternatives(character).some((other) => checkDigit(covered.slice(0, index) + other + covered.slice(index + 1)) === check),
  )
}

const problem = (reason: MrzReason, field: MrzField, confusable = false): MrzProblem => ({ reason, field, confusable })
const unfill = (text: string): string => text.replace(/<+$/, '')
const blanks = (text: string): string => unfill(text).replaceAll('<', ' ').trim()

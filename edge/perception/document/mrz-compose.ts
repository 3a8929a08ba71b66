/** Writes machine-readable zones: for twins, demo documents and tests. The counterpart of mrz.ts. */
import { UsageError } from '../../base/error.ts'
import { checkDigit, cut, layouts, type Layout, type MrzFormat, type Span } from './mrz-layout.ts'

export interface MrzFields {
  format: MrzFormat
  /** Default: the first letter that the format allows, such as `P` for TD3 and `I` for cards. */
  documentCode?: string
  issuer: string
  documentNumber: string
  /** Any Latin letters; transliterated as ICAO 9303-3 section 6 says. */
  surname: string
  givenNames?: string
  /** Default: the issuer. */
  nationality?: string
  /** `YYYY-MM-DD`; the month, the day, or all may be missing. */
  birth: string
  sex: 'female' | 'male' | 'unspecified'
  /** `YYYY-MM-DD`. */
  expiry: string
  /** Issuer's optional data, field by field. */
  optional?: string[]
}

/**
 * The lines of the zone, with all check digits.
 * @throws UsageError (PC-MRZ-COMPOSE) for what does not fit into the format.
 */
export function composeMrz(fields: MrzFields): string[] {
  const layout = layouts[fields.format]
  const zone = Array.from({ length: layout.lines }, () => '<'.repeat(layout.length))
  const code = fields.documentCode ?? (layout.codes.includes('I') ? 'I' : layout.codes)
  put(zone, layout.documentCode, code)
  put(zone, layout.issuer, fields.issuer)
  put(zone, layout.names, nameField(fields.surname, fields.givenNames ?? '', layout.names[2] - layout.names[1]))
  put(zone, layout.nationality, fields.nationality ?? fields.issuer)
  put(zone, layout.sex, { female: 'F', male: 'M', unspecified: '<' }[fields.sex])
  putChecked(zone, layout.birth, layout.birthCheck, shortDate(fields.birth))
  putChecked(zone, layout.expiry, layout.expiryCheck, shortDate(fields.expiry))
  layout.optional.forEach((span, index) => put(zone, span, fields.optional?.[index] ?? ''))
  putNumber(zone, layout, fields)
  if (layout.optionalCheck !== undefined && layout.optional[0] !== undefined) {
    put(zone, layout.optionalCheck, checkDigit(cut(zone, layout.optional[0])))
  }
  if (layout.composite !== undefined) {
    put(zone, layout.composite.check, checkDigit(layout.composite.over.map((span) => cut(zone, span)).join('')))
  }
  return zone
}

function put(zone: string[], [line, from, to]: Span, text: string): void {
  if (!/^[A-Z0-9<]*$/.test(text) || text.length > to - from) {
    throw new UsageError('PC-MRZ-COMPOSE', `A value does not fit into line ${line + 1} of the machine-readable zone.`)
  }
  const before = zone[line] ?? ''
  zone[line] = before.slice(0, from) + text.padEnd(to - from, '<') + before.slice(to)
}

function putChecked(zone: string[], field: Span, check: Span, text: string): void {
  put(zone, field, text)
  put(zone, check, checkDigit(cut(zone, field)))
}

/** A number longer than its field goes on in the optional data, with its check digit behind it. */
function putNumber(zone: string[], layout: Layout, fields: MrzFields): void {
  const { documentNumber } = fields
  const [, from, to] = layout.number
  const room = to - from
  if (documentNumber.length <= room) return putChecked(zone, layout.number, layout.numberCheck, documentNumber)
  if (!layout.longNumber || layout.optional[0] === undefined) {
    throw new UsageError('PC-MRZ-COMPOSE', `A ${fields.format} document number has at most ${room} characters.`)
  }
  put(zone, layout.number, documentNumber.slice(0, room))
  put(zone, layout.numberCheck, '<')
  put(zone, layout.optional[0], `${documentNumber.slice(room)}${checkDigit(documentNumber)}<${fields.optional?.[0] ?? ''}`)
}

function shortDate(date: string): string {
  if (!/^(\d{4}(-\d\d(-\d\d)?)?)?$/.test(date)) throw new UsageError('PC-MRZ-COMPOSE', 'A date is not of the form YYYY-MM-DD.')
  return date.replaceAll('-', '').slice(2).padEnd(6, '<')
}

/** Names that are too long are cut, keeping at least the first letter of the given names (part 3, 4.6.4). */
function nameField(surname: string, givenNames: string, room: number): string {
  const primary = nameCharacters(surname)
  const secondary = nameCharacters(givenNames)
  if (secondary === '') return primary.slice(0, room)
  return `${primary.slice(0, room - 3)}<<${secondary}`.slice(0, room)
}

/** Letters that do not become right by leaving their marks away. */
const transliterations: Record<string, string> = {
  Ä: 'AE', Ö: 'OE', Ü: 'UE', ß: 'SS', ẞ: 'SS', Å: 'AA', Æ: 'AE', Ø: 'OE', Œ: 'OE', Đ: 'D', Ð: 'D', Ł: 'L', Þ: 'TH',
}

function nameCharacters(name: string): string {
  const letters = Array.from(name.normalize('NFC').toUpperCase(), (letter) => transliterations[letter] ?? letter).join('')
  return letters
    .normalize('NFD')
    .replaceAll(/[\p{Mark}'’.]/gu, '')
    .replaceAll(/[\s,-]+/g, '<')
    .replaceAll(/^<+|<+$/g, '')
}

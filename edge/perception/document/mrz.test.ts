import fc from 'fast-check'
import t from 'tap'
import { composeMrz, type MrzFields } from './mrz-compose.ts'
import { checkDigit, layouts } from './mrz-layout.ts'
import { type MrzDocument, type MrzProblem, type MrzReading, parseMrz } from './mrz.ts'

const today = Date.UTC(2026, 10, 21)

function read(reading: MrzReading): MrzDocument {
  if (!reading.ok) throw new Error(`refused: ${reading.problems.map((problem) => `${problem.reason} ${problem.field}`).join(', ')}`)
  return reading.document
}

const problems = (reading: MrzReading): MrzProblem[] => (reading.ok ? [] : reading.problems)

/** The specimens printed in ICAO 9303 parts 4 to 7. */
const specimens = {
  TD3: ['P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<', 'L898902C36UTO7408122F1204159ZE184226B<<<<<10'],
  TD1: ['I<UTOD231458907<<<<<<<<<<<<<<<', '7408122F1204159UTO<<<<<<<<<<<6', 'ERIKSSON<<ANNA<MARIA<<<<<<<<<<'],
  TD2: ['I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<', 'D231458907UTO7408122F1204159<<<<<<<6'],
  'MRV-A': ['V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<', 'L8988901C4XXX4009078F96121096ZE184226B<<<<<<'],
  'MRV-B': ['V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<', 'L8988901C4XXX4009078F9612109<<<<<<<<'],
  long: ['I<UTOD23145890<7349<<<<<<<<<<<', '3407127M9507122UTO<<<<<<<<<<<2', 'STEVENSON<<PETER<JOHN<<<<<<<<<'],
}

void t.test('the specimens of ICAO 9303', async (t) => {
  t.match(read(parseMrz(specimens.TD3, today)), {
    format: 'TD3', documentCode: 'P', issuer: 'UTO', documentNumber: 'L898902C3', surname: 'ERIKSSON', givenNames: 'ANNA MARIA',
    nameTruncated: false, nationality: 'UTO', birth: '1974-08-12', sex: 'female', expiry: '2012-04-15', optional: ['ZE184226B'],
  })
  for (const format of ['TD1', 'TD2'] as const) {
    t.match(read(parseMrz(specimens[format], today)), {
      format, documentCode: 'I', documentNumber: 'D23145890', surname: 'ERIKSSON', birth: '1974-08-12', expiry: '2012-04-15',
    })
  }
  for (const format of ['MRV-A', 'MRV-B'] as const) {
    t.match(read(parseMrz(specimens[format], today)), {
      format, documentCode: 'V', documentNumber: 'L8988901C', nationality: 'XXX', birth: '1940-09-07', expiry: '1996-12-10',
    })
  }
  t.match(read(parseMrz(specimens.long, today)), { documentNumber: 'D23145890734', optional: ['', ''], sex: 'male', birth: '1934-07-12' })
})

void t.test('blanks and line ends around the lines do not matter', async (t) => {
  t.equal(read(parseMrz(['', ...specimens.TD3.map((line) => ` ${line}\r\n`)], today)).documentNumber, 'L898902C3')
})

void t.test('a wrong shape is told from wrong content', async (t) => {
  const [first = '', second = ''] = specimens.TD3
  t.match(problems(parseMrz([first], today)), [{ reason: 'shape', field: 'zone' }])
  t.match(problems(parseMrz([first, second, second], today)), [{ reason: 'shape', field: 'zone' }])
  t.match(problems(parseMrz([first, second.slice(1)], today)), [{ reason: 'shape', field: 'zone' }])
  t.match(problems(parseMrz([first.toLowerCase(), second], today)), [{ reason: 'character', field: 'zone' }])
  t.match(problems(parseMrz([], today)), [{ reason: 'shape', field: 'zone' }])
})

void t.test('every wrong check digit is named', async (t) => {
  const [first = '', second = ''] = specimens.TD3
  const at = (index: number, character: string): string => second.slice(0, index) + character + second.slice(index + 1)
  for (const [index, field] of [[9, 'documentNumber'], [19, 'birth'], [27, 'expiry'], [42, 'optional'], [43, 'composite']] as const) {
    const other = second.charAt(index) === '3' ? '4' : '3'
    const found = problems(parseMrz([first, at(index, other)], today))
    t.ok(found.some((problem) => problem.reason === 'check-digit' && problem.field === field), field)
  }
})

void t.test('a look-alike is reported, not repaired', async (t) => {
  const [first = '', second = ''] = specimens.TD3
  const found = problems(parseMrz([first, second.replace('L898902C3', 'L89890ZC3')], today))
  t.match(found.find((problem) => problem.field === 'documentNumber'), { reason: 'check-digit', confusable: true })
  const birth = problems(parseMrz([first, second.replace('740812', '74O812')], today))
  t.match(birth.find((problem) => problem.field === 'birth' && problem.reason === 'value'), { confusable: true })
  t.match(problems(parseMrz([first.replace('UTO', 'UT0'), second], today)), [{ reason: 'value', field: 'issuer', confusable: true }])
})

void t.test('values that cannot be', async (t) => {
  const base: MrzFields = { format: 'TD3', issuer: 'VNM', documentNumber: 'C1234567', surname: 'Nguyễn', birth: '1990-02-28', sex: 'male', expiry: '2030-01-01' }
  const fields = (change: Partial<MrzFields>): string[] => problems(parseMrz(composeMrz({ ...base, ...change }), today)).map((problem) => problem.field)
  t.same(fields({}), [])
  t.same(fields({ birth: '1990-02-29' }), ['birth'])
  t.same(fields({ birth: '2000-02-29' }), [])
  t.same(fields({ expiry: '2030-13-01' }), ['expiry'])
  t.same(fields({ issuer: 'VN' }), ['issuer', 'nationality'])
  t.same(fields({ issuer: 'D', nationality: 'D' }), [])
  t.same(fields({ documentCode: 'X' }), ['documentCode'])
  t.same(fields({ documentNumber: '' }), ['documentNumber'])
  t.same(fields({ surname: '' }), ['names'])
  t.same(fields({ surname: 'A1' }), ['names'])
})

void t.test('the century of a birth is the last that is not in the future, of an expiry the nearest', async (t) => {
  const of = (birth: string, expiry: string): MrzDocument =>
    read(parseMrz(composeMrz({ format: 'TD3', issuer: 'CHN', documentNumber: 'E1', surname: 'LI', birth, sex: 'female', expiry }), today))
  t.match(of('1926-11-22', '2036-01-01'), { birth: '1926-11-22', expiry: '2036-01-01' })
  t.match(of('2026-11-21', '1999-12-31'), { birth: '2026-11-21', expiry: '1999-12-31' })
  t.match(of('1980', '2075-06-30'), { birth: '1980', expiry: '2075-06-30' })
  t.match(of('1980-05', '2027-01-01'), { birth: '1980-05' })
  t.match(of('', '2027-01-01'), { birth: '' })
})

void t.test('names are transliterated and cut as the field allows', async (t) => {
  const of = (surname: string, givenNames?: string): MrzDocument => read(parseMrz(composeMrz({
    format: 'TD1', issuer: 'VNM', documentNumber: '1', surname, ...(givenNames === undefined ? {} : { givenNames }), birth: '1990-01-01', sex: 'unspecified', expiry: '2030-01-01',
  }), today))
  t.match(of('Nguyễn', 'Thị Đào'), { surname: 'NGUYEN', givenNames: 'THI DAO', nameTruncated: false })
  t.match(of("O'Connor-Müller", 'Änne'), { surname: 'OCONNOR MUELLER', givenNames: 'AENNE' })
  t.match(of('WOLFESCHLEGELSTEINHAUSENBERGER', 'ADOLPH'), { surname: 'WOLFESCHLEGELSTEINHAUSENBER', givenNames: 'A', nameTruncated: true })
  t.match(of('SUKARNO'), { surname: 'SUKARNO', givenNames: '' })
})

void t.test('the composer refuses what does not fit', async (t) => {
  const base: MrzFields = { format: 'TD3', issuer: 'CHN', documentNumber: 'E1', surname: 'LI', birth: '1990-01-01', sex: 'female', expiry: '2030-01-01' }
  for (const change of [{ documentNumber: 'E123456789' }, { birth: '90-01-01' }, { issuer: 'CHINA' }, { optional: ['é'] }]) {
    t.throws(() => composeMrz({ ...base, ...change }), { code: 'PC-MRZ-COMPOSE' })
  }
})

const capitals = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ')
const digits = Array.from('0123456789')

const letters = (min: number, max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...capitals), minLength: min, maxLength: max })
const alphanumeric = (min: number, max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...capitals, ...digits), minLength: min, maxLength: max })
const day = (from: number, to: number): fc.Arbitrary<string> =>
  fc.date({ min: new Date(Date.UTC(from, 0, 1)), max: new Date(Date.UTC(to, 11, 31)), noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10))

const anyFields: fc.Arbitrary<MrzFields> = fc
  .record({
    format: fc.constantFrom<MrzFields['format'][]>('TD1', 'TD2', 'TD3', 'MRV-A', 'MRV-B'),
    issuer: letters(3, 3), nationality: letters(3, 3), surname: letters(1, 12), givenNames: letters(1, 12),
    short: alphanumeric(1, 9), long: alphanumeric(10, 15), useLong: fc.boolean(),
    birth: day(1930, 2025), expiry: day(2000, 2060), sex: fc.constantFrom('female' as const, 'male' as const, 'unspecified' as const),
  })
  .map(({ short, long, useLong, ...fields }) =>
    Object.assign(fields, { documentNumber: useLong && layouts[fields.format].longNumber ? long.slice(0, 14) : short }),
  )

void t.test('what was composed is read back', async (t) => {
  fc.assert(fc.property(anyFields, (fields) => {
    const { documentNumber, surname, givenNames, birth, expiry, sex, issuer, nationality, format } = fields
    const document = read(parseMrz(composeMrz(fields), today))
    const expected = { format, documentNumber, surname, givenNames, birth, expiry, sex, issuer, nationality }
    for (const [name, value] of Object.entries(expected)) {
      if (document[name as keyof MrzDocument] !== value) throw new Error(`${name} differs`)
    }
  }), { numRuns: 300 })
  t.pass('for all formats')
})

void t.test('no wrong digit in a checked field goes unnoticed', async (t) => {
  fc.assert(fc.property(anyFields, fc.nat(), fc.integer({ min: 1, max: 9 }), (fields, where, by) => {
    const zone = composeMrz(fields)
    const [line, from, to] = [layouts[fields.format].birth, layouts[fields.format].expiry][where % 2] ?? [0, 0, 1]
    const column = from + (where % (to - from))
    const text = zone[line] ?? ''
    const digit = String((Number(text.charAt(column)) + by) % 10)
    zone[line] = text.slice(0, column) + digit + text.slice(column + 1)
    return !parseMrz(zone, today).ok
  }), { numRuns: 300 })
  t.pass('for all formats')
})

void t.test('garbage never throws, and is hardly ever accepted', async (t) => {
  const line = (length: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(...capitals, ...digits, '<'), minLength: length, maxLength: length })
  const zones = fc.oneof(
    fc.array(fc.string(), { maxLength: 5 }), fc.array(line(30), { minLength: 3, maxLength: 3 }),
    fc.array(line(36), { minLength: 2, maxLength: 2 }), fc.array(line(44), { minLength: 2, maxLength: 2 }),
    fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 20 }),
  )
  fc.assert(fc.property(zones, (zone) => !parseMrz(zone, today).ok), { numRuns: 1_000 })
  t.pass('1000 zones')
})

void t.test('check digits of part 3', async (t) => {
  t.equal(checkDigit('520727'), '3')
  t.equal(checkDigit('AB2134<<<'), '5')
})

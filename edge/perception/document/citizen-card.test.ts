import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseCitizenCard } from './citizen-card.ts'

const today = Date.UTC(2026, 10, 21)
const data = join(process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'), 'cccd')

const card = (change: Partial<Record<number, string>> = {}): string => {
  const fields = ['022190001234', '012345678', 'TRẦN THỊ HOA', '01021990', 'Nữ', 'Trà Cổ, Móng Cái, Quảng Ninh', '15042021']
  return fields.map((field, index) => change[index] ?? field).join('|')
}

const reasons = (content: string): string[] => {
  const reading = parseCitizenCard(content, today)
  return reading.ok ? [] : reading.reasons
}

void t.test('a card is read as a claim', async (t) => {
  t.same(parseCitizenCard(card(), today), {
    ok: true,
    claim: {
      authenticity: 'claim-without-proof', personalNumber: '022190001234', formerNumber: '012345678', fullName: 'TRẦN THỊ HOA',
      birth: '1990-02-01', sex: 'female', address: 'Trà Cổ, Móng Cái, Quảng Ninh', issued: '2021-04-15',
    },
  })
  t.same(reasons(card({ 1: '' })), [], 'a card without a number before it')
  t.same(reasons(card({ 3: '01/02/1990', 6: '15/04/2021' })), [], 'dates as some readers write them')
  t.same(reasons(card().normalize('NFD')), [], 'decomposed letters')
  t.same(reasons(card({ 0: '022310001234', 3: '01022010' })), [], 'born in the next century')
})

void t.test('each mistake has its reason', async (t) => {
  t.same(reasons(card({ 0: '02219000123' })), ['number'])
  t.same(reasons(card({ 1: '12345678' })), ['former-number'])
  t.same(reasons(card({ 2: '' })), ['name'])
  t.same(reasons(card({ 3: '31021990' })), ['birth'])
  t.same(reasons(card({ 4: 'F' })), ['sex'])
  t.same(reasons(card({ 5: '' })), ['address'])
  t.same(reasons(card({ 6: '1504202' })), ['issued'])
  t.same(reasons(card({ 0: '003190001234' })), ['province'])
  t.same(reasons(card({ 0: '022090001234' })), ['number-sex'])
  t.same(reasons(card({ 0: '022191001234' })), ['number-birth'])
  t.same(reasons(card({ 6: '15041980' })), ['order'])
  t.same(reasons(card({ 6: '15042030' })), ['order'])
  t.same(reasons('a|b'), ['fields'])
  t.same(reasons(`${card()}|more`), ['fields'])
})

void t.test('published samples and negatives', { skip: existsSync(data) ? false : `no evaluation data in ${data}` }, async (t) => {
  const facts = JSON.parse(readFileSync(join(data, 'cccd_facts.json'), 'utf8')) as {
    qr_chip_cccd_2021: { samples_fictitious: string[] }
    self_made_negative_cases: { qr: string; expect: string }[]
  }
  const provinces = Object.keys(JSON.parse(readFileSync(join(data, 'provinces_legacy_63.json'), 'utf8')) as object)
  // The second published sample contradicts itself: by its number the holder was born in 2034.
  t.same(facts.qr_chip_cccd_2021.samples_fictitious.map(reasons), [[], ['number-birth']])
  for (const { qr, expect } of facts.self_made_negative_cases) t.not(reasons(qr).length, 0, expect)
  for (const province of provinces) t.same(reasons(card({ 0: `${province}190001234` })), [], province)
  t.equal(provinces.length, 63)
})

void t.test('garbage never throws', async (t) => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 6_000 }), fc.array(fc.string(), { minLength: 7, maxLength: 7 }).map((f) => f.join('|'))), (content) => {
    const reading = parseCitizenCard(content, today)
    return reading.ok || reading.reasons.length > 0
  }), { numRuns: 1_000 })
  t.pass('1000 contents')
})

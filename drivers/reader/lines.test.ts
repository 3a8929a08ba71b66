import fc from 'fast-check'
import t from 'tap'
import { ascii, concat } from '../../edge/base/bytes.ts'
import { type Line, lineFramer, type LineRules } from './lines.ts'
import { Repeats } from './repeats.ts'

const show = (lines: Line[]): string[] => lines.map((line) => (line.kind === 'line' ? Buffer.from(line.bytes).toString('latin1') : `(${line.kind})`))
const read = (text: string, rules: Partial<LineRules> = {}): string[] => show(lineFramer({ max: 10, end: 'cr-or-lf', framed: false, ...rules }).push(ascii(text)))

void t.test('line ends of every kind', async (t) => {
  t.strictSame(read('one\rtwo\nthree\r\nfour\n\rrest'), ['one', 'two', 'three', 'four'])
  t.strictSame(read('a\nb\r\nc\rd\r\n', { end: 'crlf' }), ['a\nb', 'c\rd'])
  t.strictSame(read('\r\r\n\n'), [])
})

void t.test('STX begins anew, ETX ends', async (t) => {
  t.strictSame(read('noise\x02one\rtwo\x03\x02three\r\x03', { framed: true }), ['one', 'two', '(end)', 'three', '(end)'])
  t.strictSame(read('\x02one\r'), ['\x02one'], 'only where the reader uses them')
  t.strictSame(read(`${'x'.repeat(30)}\x02one\r`, { framed: true }), ['one'])
})

void t.test('a line that is too long is refused as a whole', async (t) => {
  t.strictSame(read(`0123456789\r01234567890\rnext\r`), ['0123456789', '(too-long)', 'next'])
  const framer = lineFramer({ max: 10, end: 'crlf', framed: false })
  t.strictSame(show(framer.push(ascii('x'.repeat(50)))), [])
  t.strictSame(show(framer.push(ascii('y'.repeat(50)))), [])
  t.strictSame(show(framer.push(ascii('0123456789\r'))), [])
  t.strictSame(show(framer.push(ascii('\nnext\r\n'))), ['(too-long)', 'next'])
  t.equal(framer.discarded, 110)
})

void t.test('an unfinished line that is given up is heard of', async (t) => {
  const framer = lineFramer({ max: 10, end: 'cr-or-lf', framed: false })
  let abandoned = 0
  framer.onAbandoned = () => abandoned++
  framer.reset()
  t.equal(abandoned, 0)
  framer.push(ascii('half'))
  framer.reset()
  framer.push(ascii('x'.repeat(30)))
  t.ok(framer.pending > 0, 'the session waits for the end of it')
  framer.reset()
  t.equal(abandoned, 2)
  t.equal(framer.discarded, 34)
  t.strictSame(show(framer.push(ascii('next\r'))), ['next'])
})

void t.test('any bytes, however cut: bounded, and the same lines', async (t) => {
  const bytes = fc.array(fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x02, 0x03), fc.integer({ min: 0, max: 255 })), { maxLength: 120 })
  fc.assert(fc.property(fc.array(bytes, { maxLength: 6 }), fc.constantFrom('cr-or-lf', 'crlf'), fc.boolean(), (chunks, end, framed) => {
    const rules: LineRules = { max: 10, end, framed }
    const cut = lineFramer(rules)
    const lines: Line[] = []
    for (const chunk of chunks) {
      lines.push(...cut.push(Uint8Array.from(chunk)))
      if (cut.pending > 11) return false
    }
    const whole = lineFramer(rules).push(concat(chunks.map((chunk) => Uint8Array.from(chunk))))
    return JSON.stringify(show(lines)) === JSON.stringify(show(whole))
      && lines.every((line) => line.kind !== 'line' || (line.bytes.length > 0 && line.bytes.length <= 10))
  }), { numRuns: 500 })
  t.pass()
})

void t.test('a code that stays in sight is no news', async (t) => {
  const repeats = new Repeats(1_000)
  t.equal(repeats.isNew('a', 0), true)
  t.equal(repeats.isNew('a', 900), false)
  t.equal(repeats.isNew('b', 1_000), true, 'another code beside it')
  t.equal(repeats.isNew('a', 1_800), false, 'it was in sight all the time')
  t.equal(repeats.isNew('b', 1_900), false)
  t.equal(repeats.isNew('a', 2_800), true)
  for (let code = 0; code < 16; code++) repeats.isNew(`${code}`, 2_801)
  t.equal(repeats.isNew('a', 2_802), true, 'among too many codes the oldest is forgotten')
  t.equal(repeats.isNew('15', 2_802), false)
  repeats.forget()
  t.equal(repeats.isNew('15', 2_803), true)
})

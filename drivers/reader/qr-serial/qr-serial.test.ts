import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createLogger } from '../../../edge/base/log.ts'
import { parse } from '../../../edge/base/schema.ts'
import type { CodeReader } from '../../../edge/device/capabilities.ts'
import type { ComponentOf } from '../../../edge/device/component.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { pseudoTerminalsAvailable } from '../../kit/twin.ts'
import { codeFramer, contentMax, type ScannedCode } from './codec.ts'
import { driver } from './driver.ts'
import { QrTwin, type QrTwinOptions } from './twin.ts'

/** In the form of a citizen card's code; nobody's. */
const card = '001099000001|012345678|Nguyễn Thị Ánh Đào|01021990|Nữ|Số 5 Ngõ 12, Phường Trà Cổ, Móng Cái, Quảng Ninh|03042021'

void t.test('content is UTF-8 text, up to what a code can hold', async (t) => {
  const push = (text: string | Uint8Array, rules = {}): ScannedCode[] => codeFramer({ end: 'cr-or-lf', aim: false, ...rules }).push(Buffer.from(text))
  t.strictSame(push(`${card}\r\n`), [{ content: card, symbology: 'unknown' }])
  t.strictSame(push(`]Q1${card}\r]d2x\r]X0y\r`, { aim: true }), [
    { content: card, symbology: 'qr' }, { content: 'x', symbology: 'data-matrix' }, { content: 'y', symbology: 'unknown' },
  ])
  t.strictSame(push('no identifier\r]Q1\r', { aim: true }), [])
  t.strictSame(push('two\nlines\r\n', { end: 'crlf' }), [{ content: 'two\nlines', symbology: 'unknown' }])
  t.equal(push(`${'x'.repeat(contentMax)}\r`).length, 1)
  const framer = codeFramer({ end: 'cr-or-lf', aim: false })
  t.strictSame(framer.push(Buffer.from(`${'x'.repeat(contentMax + 1)}\r`)), [], 'one character too many')
  t.strictSame(framer.push(Uint8Array.of(0xc3, 0x28, 0x0d)), [], 'not UTF-8')
  t.strictSame(framer.push(Buffer.from('a\x00b\r')), [], 'a control character')
  t.equal(framer.discarded, contentMax + 1 + 2 + 3)
})

void t.test('any text comes through as it was, however cut; any bytes neither throw nor grow', async (t) => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((content) => !/\p{Cc}|[\ufffd\ufeff]|\p{Cs}/u.test(content))
  fc.assert(fc.property(fc.array(text, { maxLength: 5 }), fc.integer({ min: 1, max: 9 }), (contents, cut) => {
    const stream = Buffer.from(contents.map((content) => `${content}\r\n`).join(''))
    const framer = codeFramer({ end: 'cr-or-lf', aim: false })
    const found: string[] = []
    for (let at = 0; at < stream.length; at += cut) found.push(...framer.push(stream.subarray(at, at + cut)).map((code) => code.content))
    return found.join('\r') === contents.join('\r')
  }), { numRuns: 200 })
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 5 }), fc.boolean(), (chunks, aim) => {
    const framer = codeFramer({ end: 'crlf', aim })
    for (const chunk of chunks) framer.push(chunk)
    return framer.pending <= contentMax + 1
  }), { numRuns: 50 })
  t.pass()
})

const quick = { reconnect_ms: 20, gap_ms: 60, hold_ms: 0 }
let turn = 0

for (const via of pseudoTerminalsAvailable() ? ['pty', 'tcp'] as const : ['tcp'] as const) {
  void t.test(`conformance over ${via}`, async (t) => {
    conformance(t, {
      driver,
      twin: () => new QrTwin({}, via),
      options: quick,
      identifies: false,
      answers: false,
      exercise: async (reader, twin) => {
        const content = `${card} ${turn++}`
        const heard: string[] = []
        reader.onEvent('read', (code) => heard.push(code.content))
        const refusedBefore = reader.read('counters')?.['discardedBytes'] ?? 0
        twin.device.show(content)
        if (twin.faults.garbage === undefined) await until(() => heard.includes(content), 'it was read')
        else await until(() => (reader.read('counters')?.['discardedBytes'] ?? 0) > refusedBefore, 'the noise was refused')
        if (heard.some((other) => other !== content)) throw new Error('it read something else')
      },
    })
  })
}

async function started(t: Test, twinOptions: QrTwinOptions, options: Record<string, unknown>) {
  const log: string[] = []
  const twin = new QrTwin(twinOptions, 'tcp')
  const settings = parse(driver.options, { ...await twin.start(), ...quick, ...options }, 'PC-TEST-OPTIONS', 'options')
  const device = driver.create(settings, { ...standaloneContext('code'), log: createLogger('trace', { write: (line) => log.push(line) }) })
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  return { heard: listen(device.component), twin, log }
}

function listen(reader: ComponentOf<typeof CodeReader>): ScannedCode[] {
  const heard: ScannedCode[] = []
  reader.onEvent('read', (code) => heard.push(code))
  return heard
}

void t.test('a code that stays in sight is read once; nothing of it is logged', async (t) => {
  const { heard, twin, log } = await started(t, { end: '\r\n', aim: ']Q1' }, { aim: true, hold_ms: 60_000, end: 'crlf' })
  for (const content of [card, card, 'another', card, 'last']) twin.device.show(content)
  await until(() => heard.length === 3, 'they were read')
  t.strictSame(heard.map((code) => code.content), [card, 'another', 'last'])
  t.equal(heard[0]?.symbology, 'qr')
  t.notMatch(log.join(''), /Nguy|001099000001/)
})

void t.test('half a code is not joined with the next', async (t) => {
  const { heard, twin } = await started(t, {}, { gap_ms: 40 })
  twin.device.sendBytes(Buffer.from(card).subarray(0, 30))
  await new Promise((resolve) => setTimeout(resolve, 200))
  twin.device.show('next')
  await until(() => heard.length === 1, 'it was read')
  t.strictSame(heard.map((code) => code.content), ['next'])
})

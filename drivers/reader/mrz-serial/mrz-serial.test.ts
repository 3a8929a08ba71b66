import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ascii } from '../../../edge/base/bytes.ts'
import { createLogger } from '../../../edge/base/log.ts'
import { parse } from '../../../edge/base/schema.ts'
import type { ComponentOf } from '../../../edge/device/component.ts'
import type { DocumentReader } from '../../../edge/device/capabilities.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { pseudoTerminalsAvailable } from '../../kit/twin.ts'
import { lineFramer } from '../lines.ts'
import { driver } from './driver.ts'
import { lineMax, type Presented, step, type Swipe, type SwipeInput } from './swipe.ts'
import { MrzTwin, type MrzTwinOptions } from './twin.ts'

/** The specimen documents of ICAO 9303 parts 4, 5, 6 and 7. */
const td3 = ['P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<', 'L898902C36UTO7408122F1204159ZE184226B<<<<<10']
const td1 = ['I<UTOD231458907<<<<<<<<<<<<<<<', '7408122F1204159UTO<<<<<<<<<<<6', 'ERIKSSON<<ANNA<MARIA<<<<<<<<<<']
const td2 = ['I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<', 'D231458907UTO7408122F1204159<<<<<<<6']
const visa = ['V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<', 'L8988901C4XXX4009078F96121096ZE184226B<<<<<<']

const bytesOf = (text: string) => ({ kind: 'line', bytes: ascii(text) }) as const
const present = (inputs: SwipeInput[]): Presented[] => {
  const presented: Presented[] = []
  let swipe: Swipe = { state: 'idle' }
  for (const input of inputs) {
    const [next, news] = step(swipe, input)
    swipe = next
    if (news !== undefined) presented.push(news)
  }
  return presented
}
const pause = { kind: 'pause' } as const

void t.test('lines become documents by their length', async (t) => {
  for (const lines of [td1, td2, td3, visa]) {
    t.strictSame(present([...lines.map(bytesOf), pause, ...lines.map(bytesOf)]), [{ kind: 'read', lines }, { kind: 'read', lines }])
  }
})

void t.test('what cannot be read is reported once a swipe', async (t) => {
  const [first = '', second = ''] = td3
  const cases: [string, SwipeInput[], string[]][] = [
    ['a damaged character', [bytesOf(first.replace('E', '?')), bytesOf(second), pause], ['damaged']],
    ['small letters', [bytesOf(first.toLowerCase()), pause], ['damaged']],
    ['a short line', [bytesOf(first.slice(9)), bytesOf(second), pause], ['incomplete']],
    ['a line is missing', [bytesOf(first), pause], ['incomplete']],
    ['the reader ended the document early', [bytesOf(first), { kind: 'end' }], ['incomplete']],
    ['it stopped in the middle of a line', [bytesOf(first), { kind: 'cut' }], ['incomplete']],
    ['lines of two documents', [bytesOf(first), bytesOf(td1[0] ?? ''), pause], ['damaged']],
    ['a line over the limit', [bytesOf(`${first}X`), bytesOf(second), pause], ['too-long']],
    ['a line far over the limit', [{ kind: 'too-long' }, { kind: 'too-long' }, pause], ['too-long']],
    ['nothing', [pause, { kind: 'end' }], []],
  ]
  for (const [what, inputs, reasons] of cases) t.strictSame(present(inputs), reasons.map((reason) => ({ kind: 'unreadable', reason })), what)
  t.strictSame(present([bytesOf('?'), bytesOf(first), pause, ...td3.map(bytesOf)]).at(-1), { kind: 'read', lines: td3 }, 'after the pause a new swipe counts')
})

void t.test('any bytes: whatever is read has the shape of a document', async (t) => {
  const character = fc.constantFrom('A', 'Z', '0', '9', '<', '<', '\r', '\r', '\n', '?', 'a', '\x02', '\x03', '\xff')
  const text = fc.oneof(fc.string({ unit: character, maxLength: 100 }), fc.constantFrom(...td1, ...td3).map((line) => `${line}\r`))
  fc.assert(fc.property(fc.array(fc.oneof(text, fc.constant(null))), (parts) => {
    const framer = lineFramer({ max: lineMax, end: 'cr-or-lf', framed: true })
    const inputs = parts.flatMap((part): SwipeInput[] => (part === null ? [pause] : framer.push(ascii(part))))
    return present(inputs).every((news) => news.kind === 'unreadable'
      || (news.lines.every((line) => /^[A-Z0-9<]+$/.test(line) && line.length === news.lines[0]?.length) && [60, 72, 88, 90].includes(news.lines.join('').length)))
  }), { numRuns: 300 })
  t.pass()
})

const quick = { reply_ms: 200, reconnect_ms: 20, line_gap_ms: 60 }

/** Everything that the reader says from now on. */
function listen(reader: ComponentOf<typeof DocumentReader>): Presented[] {
  const heard: Presented[] = []
  reader.onEvent('read', ({ lines }) => heard.push({ kind: 'read', lines }))
  reader.onEvent('unreadable', ({ reason }) => heard.push({ kind: 'unreadable', reason }))
  return heard
}

async function swipeOnce(reader: ComponentOf<typeof DocumentReader>, twin: MrzTwin, framed: boolean): Promise<void> {
  const heard = listen(reader)
  twin.device.swipe(td3)
  await until(() => heard.length > 0, 'the reader says something')
  // Noise right before the first line cannot be told from it where nothing marks its beginning.
  const expected = twin.faults.garbage === undefined || framed ? 'read' : 'unreadable'
  if (heard[0]?.kind !== expected) throw new Error(`it says ${JSON.stringify(heard[0]?.kind)}`)
  // The next swipe begins after the pause.
  await new Promise((resolve) => setTimeout(resolve, 2 * quick.line_gap_ms))
}

for (const via of pseudoTerminalsAvailable() ? ['pty', 'tcp'] as const : ['tcp'] as const) {
  const framed = via === 'tcp'
  void t.test(`conformance over ${via}, ${framed ? 'framed, with a query' : 'lines alone'}`, async (t) => {
    conformance(t, {
      driver,
      twin: () => new MrzTwin(framed ? { framed, query: 'V' } : {}, via),
      options: { ...quick, ...(framed ? { query: 'V' } : {}) },
      identifies: framed,
      answers: false,
      exercise: (reader, twin) => swipeOnce(reader, twin, framed),
    })
  })
}

async function started(t: Test, twinOptions: MrzTwinOptions = {}, options: Record<string, unknown> = {}) {
  const log: string[] = []
  const twin = new MrzTwin(twinOptions, 'tcp')
  const settings = parse(driver.options, { ...await twin.start(), ...quick, ...options }, 'PC-TEST-OPTIONS', 'options')
  const device = driver.create(settings, { ...standaloneContext('passport'), log: createLogger('trace', { write: (line) => log.push(line) }) })
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  return { reader: device.component, heard: listen(device.component), twin, log }
}

void t.test('documents of every size, with every line end', async (t) => {
  for (const end of ['\r', '\n', '\r\n'] as const) {
    const { heard, twin } = await started(t, { end })
    for (const lines of [td1, td2, td3, visa]) {
      twin.device.swipe(lines)
      await until(() => heard.length === 1, 'it was read')
      t.strictSame(heard.splice(0), [{ kind: 'read', lines }])
    }
  }
})

void t.test('damaged, partial and overlong swipes, then a good one; nothing of them is logged', async (t) => {
  const { heard, twin, log } = await started(t)
  const expect = async (reason: 'damaged' | 'incomplete' | 'too-long') => {
    await until(() => heard.length === 1, 'it was refused')
    t.strictSame(heard.splice(0), [{ kind: 'unreadable', reason }])
    await new Promise((resolve) => setTimeout(resolve, 2 * quick.line_gap_ms))
  }
  twin.device.swipeDamaged(td3)
  await expect('damaged')
  twin.device.swipePartly(td3, 20)
  await expect('incomplete')
  twin.device.swipePartly(td3, 45)
  await expect('incomplete')
  twin.device.swipePartly(td3, 60)
  await expect('incomplete')
  twin.device.sendText(`${'A'.repeat(5_000)}\r`)
  await expect('too-long')
  twin.device.swipe(td3)
  await until(() => heard.length === 1, 'it was read')
  t.strictSame(heard, [{ kind: 'read', lines: td3 }])
  t.notMatch(log.join(''), /ERIKSSON|L898902C|AAAA/)
})

void t.test('unplugged in the middle of a swipe: the half is not joined with what comes later', async (t) => {
  const { reader, heard, twin } = await started(t, {}, { line_gap_ms: 5_000 })
  twin.device.swipePartly(td3, 45)
  await until(() => reader.read('counters')?.['framesIn'] === 1, 'the first line has arrived')
  await twin.unplug()
  await until(() => heard.length === 1, 'it was given up')
  await twin.plug()
  await until(() => reader.health.status === 'ready', 'it is back')
  twin.device.sendText(`${td3[1]}\r`)
  twin.device.sendText('\x03')
  await until(() => heard.length === 2, 'it was refused')
  t.strictSame(heard, [{ kind: 'unreadable', reason: 'incomplete' }, { kind: 'unreadable', reason: 'incomplete' }])
})

void t.test('the version', async (t) => {
  const { reader } = await started(t, { query: 'V', version: 'OCR-3 2.14' }, { query: 'V' })
  t.match(reader.read('identity'), { model: 'OCR-3 2.14' })
  const unknown = await started(t, { query: 'V' }, { query: 'X' })
  t.match(unknown.reader.health, { status: 'failed', code: 'PC-READER-QUERY' })
})

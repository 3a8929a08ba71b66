import fc from 'fast-check'
import t from 'tap'
import { ascii, concat, fromHex, hex } from '../../base/bytes.ts'
import { cobsMax, decodeCobs, encodeCobs } from './cobs.ts'
import { crc32c } from './crc32c.ts'
import { type Arrival, frameMax, FrameReader, framesOf, isFrame, messageMax, partMax } from './framing.ts'

const run = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, index) => (from + index).toString(16).padStart(2, '0')).join('')

void t.test('COBS as its paper has it', async (t) => {
  for (const [plain, stuffed] of [
    ['', '01'], ['00', '0101'], ['0000', '010101'], ['001100', '01021101'], ['11220033', '0311220233'], ['11223344', '0511223344'], ['11000000', '0211010101'],
    [run(1, 254), `ff${run(1, 254)}`], [`00${run(1, 254)}`, `01ff${run(1, 254)}`], [run(1, 255), `ff${run(1, 254)}02ff`],
    [`${run(2, 255)}00`, `ff${run(2, 255)}0101`], [`${run(3, 255)}0001`, `fe${run(3, 255)}0201`],
  ] as const) {
    t.equal(hex(encodeCobs(fromHex(plain))), stuffed)
    t.equal(hex(decodeCobs(fromHex(stuffed)) ?? ascii('?')), plain)
  }
  for (const wrong of ['', '00', '05112233', '0311002233', '02']) t.equal(decodeCobs(fromHex(wrong)), undefined, `"${wrong}" was made by nobody`)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1_200 }), fc.boolean(), (bytes, sparse) => {
    const plain = sparse ? bytes.map((byte) => byte | 1) : bytes
    const stuffed = encodeCobs(plain)
    t.notOk(stuffed.includes(0))
    t.ok(stuffed.length <= cobsMax(plain.length))
    t.equal(hex(decodeCobs(stuffed) ?? ascii('?')), hex(plain))
  }), { numRuns: 200 })
})

void t.test('CRC-32C of RFC 3720, B.4', async (t) => {
  t.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa)
  t.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43)
  t.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd_794e)
  t.equal(crc32c(ascii('123456789')), 0xe306_9283)
})

const arrivalsOf = (bytes: Uint8Array, piece = bytes.length, most = messageMax): Arrival[] => {
  const reader = new FrameReader(most)
  const arrivals: Arrival[] = []
  for (let at = 0; at < bytes.length; at += piece) arrivals.push(...reader.push(bytes.subarray(at, at + piece)))
  return arrivals
}

void t.test('messages of any size come over in any pieces, in frames that are bounded', async (t) => {
  t.equal(hex(concat(framesOf({ id: 1 }))), '00010d7b226964223a317d7d860d8700', 'one part, number 0')
  fc.assert(fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 700 }), (value, piece) => {
    const frames = framesOf(value)
    t.ok(frames.every((frame) => frame.length <= frameMax && isFrame(frame)))
    t.strictSame(arrivalsOf(concat(frames), piece), [{ kind: 'message', value: JSON.parse(JSON.stringify(value)) as unknown }])
  }), { numRuns: 60 })
  for (const length of [partMax - 2, partMax - 1, 3 * partMax, messageMax - 2]) {
    const value = 'ă'.repeat(length / 2)
    const frames = framesOf(value)
    t.ok(frames.every((frame) => frame.length <= frameMax))
    t.strictSame(arrivalsOf(concat(frames)), [{ kind: 'message', value }], `${frames.length} frames`)
  }
  t.strictSame(framesOf('x'.repeat(messageMax)), [], 'too long for any')
})

void t.test('what is not whole is said to be broken, and the next message is found', async (t) => {
  const good = concat(framesOf({ id: 2 }))
  const long = framesOf('x'.repeat(3 * partMax))
  const next = { kind: 'message', value: { id: 2 } }
  const broken = { kind: 'broken' }
  t.strictSame(arrivalsOf(concat([ascii('login: '), good])), [broken, next])
  t.strictSame(arrivalsOf(concat([...long.slice(0, 1), ...long.slice(2), good])).at(-1), next)
  t.strictSame(arrivalsOf(concat([...long.slice(0, 1), ...long.slice(2), good]))[0], broken, 'a part was lost')
  t.strictSame(arrivalsOf(concat([...long.slice(0, 2), good])), [next], 'a message was given up')
  t.strictSame(arrivalsOf(concat([new Uint8Array(frameMax * 3).fill(0x41), good])), [broken, next], 'no delimiter for long')
  t.strictSame(arrivalsOf(concat([...long, good]), 100, 2 * partMax), [broken, broken, next], 'longer than is taken: from the third part on')
  const frame = good.slice()
  fc.assert(fc.property(fc.integer({ min: 8, max: frame.length * 8 - 9 }), (bit) => {
    const spoiled = frame.slice()
    spoiled[bit >> 3] = (spoiled[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.notOk(arrivalsOf(spoiled).some(({ kind }) => kind === 'message'), 'a flipped bit')
  }), { numRuns: 200 })
})

void t.test('noise is no frame, and neither is what a person types', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
    t.notOk(isFrame(concat([Uint8Array.of(0), noise, Uint8Array.of(0)])))
    const reader = new FrameReader(1_000)
    reader.push(noise)
    t.ok(reader.pending.length <= frameMax)
  }), { numRuns: 300 })
  t.notOk(isFrame(ascii('\u0000show status\r\u0000')))
})

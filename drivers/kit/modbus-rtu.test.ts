import fc from 'fast-check'
import t from 'tap'
import { concat, fromHex, hex } from '../../edge/base/bytes.ts'
import type { Accept } from './exchange.ts'
import { encodeReply, encodeRequest, type ModbusReply, type ModbusRequest, ModbusUnit, replyFramer, requestFramer } from './modbus-rtu.ts'

const unit = fc.integer({ min: 1, max: 247 })
const word = fc.integer({ min: 0, max: 0xffff })
const plain = { noNullPrototype: true }
const registers = (max: number) => fc.array(word, { minLength: 1, maxLength: max })

const request: fc.Arbitrary<ModbusRequest> = fc.oneof(
  fc.record({ kind: fc.constant('read' as const), unit, address: word, count: fc.integer({ min: 1, max: 125 }) }, plain),
  fc.record({ kind: fc.constant('write' as const), unit, address: word, values: registers(120) }, plain),
  fc.record({ kind: fc.constant('identify' as const), unit, from: fc.integer({ min: 0, max: 255 }) }, plain),
  fc.record({ kind: fc.constant('other' as const), unit, code: fc.constantFrom(1, 2, 4, 5, 6) }, plain),
)

const text = fc.string({ maxLength: 20, unit: 'binary-ascii' })
const reply: fc.Arbitrary<ModbusReply> = fc.oneof(
  fc.record({ kind: fc.constant('registers' as const), unit, values: registers(125) }, plain),
  fc.record({ kind: fc.constant('written' as const), unit, address: word, count: fc.integer({ min: 1, max: 123 }) }, plain),
  fc.record({
    kind: fc.constant('identity' as const), unit,
    objects: fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 255 }), text), { maxLength: 8, selector: ([id]) => id }).map((pairs) => new Map(pairs)),
    next: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
  }, plain),
  fc.record({ kind: fc.constant('refused' as const), unit, code: fc.constantFrom(3, 16, 0x2b), exception: fc.integer({ min: 1, max: 11 }) }, plain),
)

void t.test('the bytes of the specification', async (t) => {
  // MODBUS Application Protocol V1.1b3, 6.3, 6.12 and 6.21, with the address and CRC of a serial line.
  t.equal(hex(encodeRequest({ kind: 'read', unit: 17, address: 0x6b, count: 3 })), '1103006b00037687')
  t.equal(hex(encodeRequest({ kind: 'write', unit: 17, address: 1, values: [10, 0x102] })), '11100001000204000a0102c6f0')
  t.strictSame(replyFramer(17).push(fromHex('11 03 06 02 2b 00 00 00 64 c8 ba')), [{ kind: 'registers', unit: 17, values: [0x22b, 0, 0x64] }])
  t.strictSame(replyFramer(17).push(fromHex('11 10 00 01 00 02 12 98')), [{ kind: 'written', unit: 17, address: 1, count: 2 }])
  t.strictSame(replyFramer(10).push(fromHex('0a 81 02 b0 53')), [{ kind: 'refused', unit: 10, code: 1, exception: 2 }])
})

void t.test('what is written is read again', async (t) => {
  fc.assert(fc.property(request, (sent) => {
    t.strictSame(requestFramer(sent.unit).push(encodeRequest(sent)), [sent])
  }), { numRuns: 100 })
  fc.assert(fc.property(reply, (sent) => {
    t.strictSame(replyFramer(sent.unit).push(encodeReply(sent)), [sent])
  }), { numRuns: 100 })
})

void t.test('a wrong bit anywhere is not a frame', async (t) => {
  fc.assert(fc.property(reply, fc.nat(), fc.integer({ min: 0, max: 7 }), (sent, place, bit) => {
    const bytes = encodeReply(sent)
    const at = place % bytes.length
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    return replyFramer(sent.unit).push(bytes).length === 0
  }))
  t.pass()
})

void t.test('a frame is found behind garbage that looks like the start of a longer one', async (t) => {
  const framer = replyFramer(1)
  const frame = encodeReply({ kind: 'registers', unit: 1, values: [7] })
  t.strictSame(framer.push(concat([fromHex('01 03 f0 00'), frame])), [{ kind: 'registers', unit: 1, values: [7] }])
  t.equal(framer.pending, 0)
  t.strictSame(framer.push(encodeReply({ kind: 'registers', unit: 2, values: [7] })), [], 'another unit\'s reply is none of ours')
})

void t.test('any bytes neither throw nor grow', async (t) => {
  const likely = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(fc.constantFrom(1, 3, 16, 0x2b, 0x0e, 0x83, 0xff), { maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)))
  fc.assert(fc.property(fc.array(likely, { maxLength: 6 }), (chunks) => {
    const framers = [replyFramer(1), requestFramer(1)]
    for (const framer of framers) for (const chunk of chunks) framer.push(chunk)
    return framers.every((framer) => framer.pending <= 256)
  }))
  t.pass()
})

void t.test('a refusal is an error with a code, an answer to another question is passed over', async (t) => {
  const answering = (...replies: ModbusReply[]) => new ModbusUnit({
    request: async <Reply>(_: Uint8Array, accept: Accept<ModbusReply, Reply>) => {
      const found = replies.map((frame) => accept(frame)).find((value) => value !== undefined)
      if (found === undefined) throw new Error('no answer')
      return found as Reply
    },
    send: async () => undefined,
  }, 1)
  await t.rejects(answering({ kind: 'refused', unit: 1, code: 3, exception: 2 }).read(1, 1), { code: 'PC-MODBUS-REFUSED' })
  t.strictSame(await answering({ kind: 'registers', unit: 1, values: [1] }, { kind: 'registers', unit: 1, values: [1, 2] }).read(1, 2), [1, 2])
  await t.rejects(answering({ kind: 'written', unit: 1, address: 9, count: 1 }).write(1, [1]), /no answer/)
})

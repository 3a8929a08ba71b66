import fc from 'fast-check'
import t from 'tap'
import { ascii, concat, hex } from '../../../base/bytes.ts'
import { type Answer, type Offer, patienceDefaults, type Wish } from '../script.ts'
import { TrialWorld } from '../trial-world.ts'
import { block, BlockReader, type BlockToken, filler, Sign } from './block.ts'
import { receiveYmodem } from './receive.ts'
import { sendYmodem } from './send.ts'

const described = ascii('bbcsched.txt\u00006347 3314742513 100644')
const end = Uint8Array.of(Sign.end)
const last = block(0, new Uint8Array(0), 0)
const content = Uint8Array.from({ length: 6_347 }, (_, index) => (index * 7) & 0xff)

/** What a sender says that is answered as it should be. */
function sentBy(file: Uint8Array, description = described): Uint8Array[] {
  const blocks = Array.from({ length: Math.ceil(file.length / 1_024) }, (_, index) => block(index + 1, file.subarray(index * 1_024, (index + 1) * 1_024), filler))
  return [block(0, description, 0), ...blocks, end, end, last]
}

class World extends TrialWorld {
  written = new Uint8Array(0)
  stored = new Uint8Array(0)
  completed = 0
  offer: Offer | undefined
  refuses = false

  protected override grant(wish: Wish): Answer {
    if (wish.wish === 'write') this.written = concat([this.written, wish.bytes])
    else if (wish.wish === 'store') this.stored = concat([this.stored, wish.bytes])
    else if (wish.wish === 'complete') this.completed++
    else if (wish.wish === 'read') return content.subarray(wish.at, wish.at + wish.length)
    // So long it also waits for a broken block to pass.
    else if (wish.wish === 'listen') return this.hear(wish.limit_ms, 200)
    else if (wish.wish === 'accept') {
      this.offer = wish.offer
      return this.refuses ? 'refused' : { at: 0, crc32: 0 }
    }
    return undefined
  }

  receive(): { code?: string } {
    return this.play(receiveYmodem({ ...patienceDefaults, clock: this.clock }))
  }

  send(): { result?: boolean[]; code?: string } {
    return this.play(sendYmodem([{ name: 'bbcsched.txt', size: content.length, modified_s: 0o3314742513 }], { ...patienceDefaults, clock: this.clock }))
  }
}

void t.test('block 0 is the one of the specification (figure 5)', async (t) => {
  const figure = block(0, ascii('bbcsched.txt\u00006347 3314742513 100644'), 0)
  t.equal(hex(figure.subarray(0, 19)), '0100ff62626373636865642e74787400363334')
  t.equal(hex(figure.subarray(-2)), 'ca56')
  t.equal(figure.length, 133)
  t.equal(hex(block(2, new Uint8Array(1_024), 0).subarray(0, 3)), '0202fd')
  t.equal(hex(block(257, Uint8Array.of(9), filler).subarray(0, 6)), '0101fe091a1a', 'numbers wrap, the rest is filled')
})

void t.test('blocks are found in any pieces, broken ones are said to be', async (t) => {
  const all = [block(0, described, 0), block(1, content.subarray(0, 1_024), filler), end]
  fc.assert(fc.property(fc.integer({ min: 1, max: 300 }), (piece) => {
    const reader = new BlockReader()
    const seen: BlockToken[] = []
    const bytes = concat([ascii('noise'), ...all])
    for (let at = 0; at < bytes.length; at += piece) {
      reader.push(bytes.subarray(at, at + piece))
      for (let token = reader.next(); token !== undefined; token = reader.next()) seen.push(token)
    }
    t.strictSame(seen.map((token) => (token.kind === 'block' ? token.number : token.kind)), [0, 1, 'end'])
  }), { numRuns: 30 })
  const spoiled = block(1, content.subarray(0, 100), filler)
  spoiled[50] = (spoiled[50] ?? 0) ^ 4
  const reader = new BlockReader()
  reader.push(spoiled)
  t.strictSame(reader.next(), { kind: 'broken' })
  reader.push(Uint8Array.of(Sign.short, 1, 1))
  t.strictSame(reader.next(), { kind: 'broken' }, 'a number without its complement')
  reader.push(Uint8Array.of(Sign.cancel, Sign.cancel))
  t.strictSame(reader.next(), { kind: 'cancel' })
})

void t.test('a receiver takes a file without its filling', async (t) => {
  const world = new World(...sentBy(content))
  t.strictSame(world.receive(), { result: undefined })
  t.strictSame(world.offer, { name: 'bbcsched.txt', size: 6_347, modified_s: 0o3314742513 })
  t.equal(hex(world.stored), hex(content))
  t.equal(world.completed, 1)
  t.equal(hex(world.written), hex(ascii('C\x06C\x06\x06\x06\x06\x06\x06\x06\x15\x06C\x06')), 'the first end is doubted')
})

void t.test('a receiver asks again for what is broken, and takes what comes twice once', async (t) => {
  const [zero = end, first = end, second = end, ...rest] = sentBy(content)
  const broken = second.slice()
  broken[9] = (broken[9] ?? 0) ^ 1
  const world = new World(zero, first, first, broken, second, ...rest)
  world.receive()
  t.equal(hex(world.stored), hex(content))
  const skipped = new World(zero, first, ...rest)
  t.strictSame(skipped.receive(), { code: 'PC-TRANSFER-CANCELLED' }, 'a block is missing')
  t.equal(skipped.completed, 0)
  const short = new World(zero, first, end, end, end)
  t.strictSame(short.receive(), { code: 'PC-TRANSFER-SHORT' })
  t.equal(short.completed, 0)
  const full = new World(...sentBy(content))
  full.refuses = true
  t.strictSame(full.receive(), { code: 'PC-TRANSFER-LIMIT' })
})

void t.test('a sender waits for its receiver and repeats what is not confirmed', async (t) => {
  const say = (text: string): Uint8Array => ascii(text)
  const acks = Array.from({ length: 7 }, () => say('\x06'))
  const world = new World(say('C'), say('\x06'), say('C'), say('\x15'), ...acks, say('\x15'), say('\x06'), say('C'), say('\x06'))
  t.strictSame(world.send(), { result: [true] })
  const reader = new BlockReader()
  reader.push(world.written)
  const numbers: (number | string)[] = []
  for (let token = reader.next(); token !== undefined; token = reader.next()) numbers.push(token.kind === 'block' ? token.number : token.kind)
  t.strictSame(numbers, [0, 1, 1, 2, 3, 4, 5, 6, 7, 'end', 'end', 0])
  t.strictSame(new World(say('C'), say('\x18\x18')).send(), { code: 'PC-TRANSFER-CANCELLED' })
  t.strictSame(new World().send(), { code: 'PC-TRANSFER-SILENT' })
  const gone = new World(say('C'), say('\x06'), say('C'), ...acks, say('\x06'), say('C'))
  t.strictSame(gone.send(), { result: [true] }, 'a receiver that leaves without the last word has the file')
})

void t.test('whatever comes, both sides end', async (t) => {
  const something = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...sentBy(content), Uint8Array.of(Sign.ack), Uint8Array.of(Sign.nak), Uint8Array.of(Sign.crc)))
  fc.assert(fc.property(fc.array(something, { maxLength: 40 }), (heard) => {
    for (const side of ['receive', 'send'] as const) {
      const world = new World(...heard)
      const { code } = world[side]()
      t.ok(code === undefined || code.startsWith('PC-TRANSFER-'))
      t.ok(world.wishes < 3_000, `it had ${world.wishes} wishes`)
    }
  }), { numRuns: 150 })
})

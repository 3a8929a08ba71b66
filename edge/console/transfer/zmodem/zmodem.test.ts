import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { ascii, concat, fromHex, hex } from '../../../base/bytes.ts'
import { describeFile, readDescription } from '../description.ts'
import { type Acceptance, type Answer, type Offer, patienceDefaults, type Wish } from '../script.ts'
import { TrialWorld } from '../trial-world.ts'
import { abortSequence, Conversion, End, flags, hexHeader, Packer, subpacketMax, Type } from './frame.ts'
import { type Token, ZmodemReader } from './reader.ts'
import { receiveZmodem, zmodemReceiveDefaults, type ZmodemReceiveOptions } from './receive.ts'
import { sendZmodem, zmodemSendDefaults, type ZmodemSendOptions } from './send.ts'

const tokensOf = (...parts: Uint8Array[]): Token[] => {
  const reader = new ZmodemReader()
  reader.push(concat(parts))
  const tokens: Token[] = []
  for (let token = reader.next(); token !== undefined; token = reader.next()) tokens.push(token.kind === 'data' ? { ...token, data: token.data.slice() } : token)
  return tokens
}

class World extends TrialWorld {
  readonly written: Uint8Array[] = []
  readonly offers: Offer[] = []
  stored = new Uint8Array(0)
  restarts = 0
  completed = 0
  acceptance: (offer: Offer) => Acceptance = () => ({ at: 0, crc32: 0 })
  file: Uint8Array = new Uint8Array(0)

  /** The headers that it sent. */
  said(): string[] {
    return tokensOf(...this.written).filter((token) => token.kind === 'header').map(({ type, argument }) => `${Object.entries(Type).find(([, value]) => value === type)?.[0]} ${argument}`)
  }

  protected override grant(wish: Wish): Answer {
    switch (wish.wish) {
      case 'write':
        this.written.push(wish.bytes)
        break
      case 'listen':
        return this.hear(wish.limit_ms, 0)
      case 'read':
        return this.file.subarray(wish.at, wish.at + wish.length)
      case 'accept':
        this.offers.push(wish.offer)
        return this.acceptance(wish.offer)
      case 'store':
        this.stored = concat([this.stored, wish.bytes])
        break
      case 'restart':
        this.restarts++
        this.stored = new Uint8Array(0)
        break
      case 'complete':
        this.completed++
        break
      case 'tell':
    }
    return undefined
  }

  receive(options: Partial<ZmodemReceiveOptions> = {}): { code?: string } {
    return this.play(receiveZmodem({ ...zmodemReceiveDefaults, ...patienceDefaults, clock: this.clock, ...options }))
  }

  send(options: Partial<ZmodemSendOptions> = {}): { result?: boolean[]; code?: string } {
    return this.play(sendZmodem([{ name: 'a', size: this.file.length, modified_s: 0 }], { ...zmodemSendDefaults, ...patienceDefaults, clock: this.clock, ...options }))
  }
}

const wide = new Packer(true, false)
const offerOf = (name: string, size: number): Uint8Array =>
  concat([wide.header(Type.file, flags(Conversion.binary)), wide.subpacket(concat([describeFile({ name, size, modified_s: 0 }, []), Uint8Array.of(0)]), End.frameAck)])
const dataOf = (at: number, data: Uint8Array, end: (typeof End)[keyof typeof End] = End.frame): Uint8Array => concat([wide.header(Type.data, at), wide.subpacket(data, end)])
const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff)
/** A sender that knows what ZCRC is. */
const wellSent = (content: Uint8Array): Uint8Array[] => [
  hexHeader(Type.requestInit), offerOf('a', content.length), wide.header(Type.crc, crc32(content)), dataOf(0, content), wide.header(Type.end, content.length), hexHeader(Type.finish), ascii('OO'),
]

void t.test('frames are those of the specification', async (t) => {
  t.equal(Buffer.from(hexHeader(Type.requestInit)).toString('latin1'), '**\x18B00000000000000\r\x8a\x11', 'what makes a terminal program start by itself')
  t.equal(Buffer.from(hexHeader(Type.init, flags(0x23))).toString('latin1'), '**\x18B0100000023be50\r\x8a\x11')
  t.equal(Buffer.from(hexHeader(Type.finish)).toString('latin1'), '**\x18B0800000000022d\r\x8a', 'no XON behind the last one')
  t.equal(hex(new Packer(false, false).header(Type.data, 0)), '2a18410a0000000046ae', 'CRC-16')
  t.equal(hex(new Packer(true, false).header(Type.data, 0)), '2a18430a00000000bcef928c', 'CRC-32, lowest byte first')
  t.equal(hex(abortSequence), '18'.repeat(8) + '08'.repeat(10))
})

void t.test('what could be taken for a command of the line is escaped', async (t) => {
  const packed = (bytes: string, controls = false): string => hex(new Packer(false, controls).subpacket(fromHex(bytes), End.frame)).slice(0, -8)
  t.match(packed('18'), /^1858/)
  t.match(packed('10 11 13 90 91 93'), /^18501851185318d018d118d3/)
  t.match(packed('0d 40 0d 40 8d'), /^0d40184d4018cd/, 'CR behind an @ only')
  t.match(packed('00 1f 80 9f 41', true), /^1840185f18c018df41/)
})

void t.test('what one packs the other reads, in any pieces and whatever is escaped', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 40 }), fc.nat(0xffff_ffff), (data, isWide, controls, piece, argument) => {
    const packer = new Packer(isWide, controls)
    const whole = concat([ascii('noise *\x18 '), packer.header(Type.data, argument), packer.subpacket(data, End.more), packer.subpacket(data, End.frame), hexHeader(Type.ack, argument)])
    const reader = new ZmodemReader()
    const seen: Token[] = []
    for (let at = 0; at < whole.length; at += piece) {
      reader.push(whole.subarray(at, at + piece))
      for (let token = reader.next(); token !== undefined; token = reader.next()) seen.push(token.kind === 'data' ? { ...token, data: token.data.slice() } : token)
    }
    t.strictSame(seen, [
      { kind: 'header', type: Type.data, argument }, { kind: 'data', data, end: End.more }, { kind: 'data', data, end: End.frame }, { kind: 'header', type: Type.ack, argument },
    ])
  }), { numRuns: 60 })
})

void t.test('a flipped bit is noticed, a subpacket without end as well', async (t) => {
  const packer = new Packer(true, false)
  const frame = concat([packer.header(Type.data, 7), packer.subpacket(bytesOf(200), End.frame)])
  fc.assert(fc.property(fc.nat(frame.length * 8 - 1), (bit) => {
    const spoiled = frame.slice()
    spoiled[bit >> 3] = (spoiled[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.notOk(tokensOf(spoiled).some((token) => token.kind === 'data' && hex(token.data) !== hex(bytesOf(200))))
  }), { numRuns: 300 })
  t.strictSame(tokensOf(packer.header(Type.data, 0), new Uint8Array(subpacketMax + 1).fill(0x41)).at(-1), { kind: 'broken', what: 'data' })
  t.strictSame(tokensOf(ascii('\x18\x18\x18\x18\x18')), [{ kind: 'cancel' }])
  t.strictSame(tokensOf(ascii('**\x18B0100000023be51\r\x8a')), [{ kind: 'broken', what: 'header' }])
})

void t.test('a file is described as the specification says, and nonsense is not believed', async (t) => {
  t.equal(Buffer.from(describeFile({ name: 'bbcsched.txt', size: 6347, modified_s: 0o3314742513 }, [])).toString('latin1'), 'bbcsched.txt\u00006347 3314742513 100644 0 0 0')
  t.strictSame(readDescription(ascii('bbcsched.txt\u00006347 3314742513 100644')), { name: 'bbcsched.txt', size: 6347, modified_s: 0o3314742513 })
  t.strictSame(readDescription(ascii('a\u0000-1 99 x')), { name: 'a', size: undefined, modified_s: 0 })
  t.strictSame(readDescription(ascii('a\u000099999999999')), { name: 'a', size: undefined, modified_s: 0 })
  t.equal(readDescription(ascii('\u0000')), undefined)
})

void t.test('a receiver takes a file, confirms places, and says farewell', async (t) => {
  const content = bytesOf(5_000)
  const world = new World(...wellSent(content))
  t.strictSame(world.receive(), { result: undefined })
  t.equal(hex(world.stored), hex(content))
  t.equal(world.completed, 1)
  t.strictSame(world.said(), [`init ${flags(0x23)}`, `init ${flags(0x23)}`, 'crc 5000', 'position 0', `init ${flags(0x23)}`, 'finish 0'])
})

void t.test('a receiver asks for the place again after noise, and never stores what is not in its place', async (t) => {
  const content = bytesOf(3_000)
  const broken = dataOf(0, content.subarray(0, 1000), End.more)
  broken[500] = (broken[500] ?? 0) ^ 1
  const world = new World(
    hexHeader(Type.requestInit), offerOf('a', 3_000), wide.header(Type.crc, crc32(content)), broken, dataOf(1000, content.subarray(1000)),
    dataOf(0, content), wide.header(Type.end, 2_999), wide.header(Type.end, 3_000), hexHeader(Type.finish),
  )
  world.receive()
  t.equal(hex(world.stored), hex(content))
  t.equal(world.said().filter((said) => said === 'position 0').length, 3, 'at first, after the broken subpacket, and after data from elsewhere')
})

void t.test('whole subpackets that are lost without an error do not go unnoticed', async (t) => {
  const content = bytesOf(4_096)
  const lost = concat([wide.header(Type.data, 0), wide.subpacket(content.subarray(0, 1024), End.more), wide.subpacket(content.subarray(3072), End.frame)])
  const again = [lost, wide.header(Type.end, 2_048), dataOf(2_048, content.subarray(2_048)), wide.header(Type.end, 4_096)]
  const head = [offerOf('a', 4_096), wide.header(Type.crc, crc32(content))]
  const healed = new World(...head, ...again, dataOf(0, content), wide.header(Type.end, 4_096), hexHeader(Type.finish))
  t.strictSame(healed.receive(), { result: undefined })
  t.equal(healed.restarts, 1)
  t.equal(hex(healed.stored), hex(content), 'it was fetched again')
  const other = [dataOf(0, bytesOf(4_096).reverse()), wide.header(Type.end, 4_096)]
  const third = [dataOf(0, bytesOf(4_096).fill(7)), wide.header(Type.end, 4_096)]
  const never = new World(...head, ...again, ...other, ...third)
  t.strictSame(never.receive(), { code: 'PC-TRANSFER-MISMATCH' })
  t.equal(never.completed, 0)
  const odd = new World(offerOf('a', 4_096), wide.header(Type.crc, 1), dataOf(0, content), wide.header(Type.end, 4_096), dataOf(0, content), wide.header(Type.end, 4_096), hexHeader(Type.finish))
  odd.receive()
  t.equal(odd.completed, 1, 'a sender whose CRC is another one: two receptions agree')
})

void t.test('a receiver goes on with what it has only when the sender has the same', async (t) => {
  const content = bytesOf(2_000)
  const rest = [dataOf(1_000, content.subarray(1_000)), wide.header(Type.end, 2_000), hexHeader(Type.finish)]
  const resumed = new World(offerOf('a', 2_000), wide.header(Type.crc, crc32(content)), wide.header(Type.crc, crc32(content.subarray(0, 1_000))), ...rest)
  resumed.acceptance = () => ({ at: 1_000, crc32: crc32(content.subarray(0, 1_000)) })
  resumed.receive()
  t.equal(hex(resumed.stored), hex(content.subarray(1_000)))
  t.equal(resumed.completed, 1)
  const other = new World(offerOf('a', 2_000), wide.header(Type.crc, crc32(content)), wide.header(Type.crc, 5), dataOf(0, content), wide.header(Type.end, 2_000), hexHeader(Type.finish))
  other.acceptance = resumed.acceptance
  other.receive()
  t.equal(other.restarts, 1)
  t.equal(hex(other.stored), hex(content))
  const mute = new World(offerOf('a', 2_000))
  mute.acceptance = resumed.acceptance
  mute.receive()
  t.ok(mute.said().includes('position 0'), 'a sender that cannot tell begins anew')
})

void t.test('hostile senders come to an end', async (t) => {
  const endless = new World(offerOf('a', 10), wide.header(Type.data, 0), ...Array.from({ length: 400 }, () => new Uint8Array(1_000).fill(0x41)))
  t.match(endless.receive(), { code: /PC-TRANSFER-(SILENT|NOISE)/ })
  t.equal(endless.stored.length, 0)
  const many = new World(...Array.from({ length: 5_000 }, (_, index) => offerOf(`f${index}`, 1)))
  many.acceptance = () => 'refused'
  t.strictSame(many.receive(), { code: 'PC-TRANSFER-LIMIT' })
  t.equal(many.offers.length, zmodemReceiveDefaults.offersMax)
  const shell = new World(wide.header(Type.command, 0), wide.subpacket(ascii('!rm -rf /\0'), End.frameAck), hexHeader(Type.finish))
  shell.receive()
  t.ok(shell.said().includes('complete 1'), 'a command is refused')
  t.strictSame(new World(ascii('\x18'.repeat(8))).receive(), { code: 'PC-TRANSFER-CANCELLED' })
  t.strictSame(new World().receive(), { code: 'PC-TRANSFER-SILENT' })
  const chatter = new World(...Array.from({ length: 200 }, () => hexHeader(Type.requestInit)))
  t.match(chatter.receive(), { code: 'PC-TRANSFER-SILENT' })
})

void t.test('whatever comes, both sides end, with a code where it was no transfer', async (t) => {
  const something = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(fc.constantFrom(...Object.values(Type)), fc.nat(0xffff_ffff)).map(([type, argument]) => hexHeader(type, argument)),
    fc.tuple(fc.constantFrom(...Object.values(Type)), fc.nat(3_000)).map(([type, argument]) => wide.header(type, argument)),
    fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...Object.values(End))).map(([data, end]) => wide.subpacket(data, end)),
    fc.constantFrom(...wellSent(bytesOf(500))),
  )
  fc.assert(fc.property(fc.array(something, { maxLength: 40 }), (heard) => {
    const receiving = new World(...heard)
    const sending = new World(...heard)
    sending.file = bytesOf(3_000)
    for (const [world, { code }] of [[receiving, receiving.receive()], [sending, sending.send()]] as const) {
      t.ok(code === undefined || code.startsWith('PC-TRANSFER-'))
      t.ok(world.wishes < 5_000, `it had ${world.wishes} wishes`)
    }
  }), { numRuns: 150 })
})

void t.test('a sender offers, answers what its file is, sends from where it is asked, and keeps the window', async (t) => {
  const file = bytesOf(40_000)
  const invite = hexHeader(Type.init, flags(0x23))
  const world = new World(invite, hexHeader(Type.crc, 1_000), hexHeader(Type.position, 39_000), hexHeader(Type.position, 39_500), invite, hexHeader(Type.finish))
  world.file = file
  t.strictSame(world.send(), { result: [true] })
  t.strictSame(world.said(), ['requestInit 0', `file ${flags(Conversion.binary)}`, `crc ${crc32(file.subarray(0, 1_000))}`, 'data 39000', 'end 40000', 'data 39500', 'end 40000', 'finish 0'])
  const silent = new World(invite, hexHeader(Type.position, 0))
  silent.file = file
  t.strictSame(silent.send({ window: 8_192 }), { code: 'PC-TRANSFER-SILENT' })
  let ahead = 0
  let most = 0
  for (const token of tokensOf(...silent.written)) {
    ahead = token.kind === 'data' ? ahead + token.data.length : 0
    most = Math.max(most, ahead)
  }
  t.ok(most > 8_192 && most <= 8_192 + 1_024, `nobody confirms, so no more than the window goes out: ${most}`)
  const lossy = new World(invite, hexHeader(Type.position, 0), ...Array.from({ length: 20 }, () => hexHeader(Type.ack, 100)))
  lossy.file = file
  t.strictSame(lossy.send({ window: 8_192 }), { code: 'PC-TRANSFER-MISMATCH' }, 'a place that was never asked for')
  const skipped = new World(invite, hexHeader(Type.skip), hexHeader(Type.finish))
  skipped.file = file
  t.strictSame(skipped.send(), { result: [false] })
})

void t.test('a receiver with a small buffer gets so much at a time', async (t) => {
  const world = new World(hexHeader(Type.init, (flags(0x20) | 512) >>> 0), hexHeader(Type.position, 0), hexHeader(Type.ack, 512), hexHeader(Type.ack, 1_000), hexHeader(Type.init), hexHeader(Type.finish))
  world.file = bytesOf(1_000)
  t.strictSame(world.send(), { result: [true] })
  t.strictSame(tokensOf(...world.written).filter((token) => token.kind === 'data').slice(1).map(({ data, end }) => [data.length, end]), [[512, End.frameAck], [488, End.frame]])
})

import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { concat, fromHex, hex } from '../../../edge/base/bytes.ts'
import { hexLines } from '../capture/hex-text.ts'
import { NodeBlocks } from './blocks.ts'
import { descriptorAt, encodeDescriptor, encodeReply, encodeRequest, healthOf, identityOf, motorRequest, Reply, Request, requestAt, sampleTimesOf, stopRequest } from './codec.ts'
import { ReplyReader } from './reader.ts'
import { recordingOf } from './recording.ts'

const recorded = join(process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'), 'lidar')

void t.test('requests and replies are those of the protocol', async (t) => {
  t.equal(hex(stopRequest), 'a525')
  t.equal(hex(encodeRequest(Request.reset)), 'a540')
  t.equal(hex(encodeRequest(Request.scan)), 'a520')
  t.equal(hex(encodeRequest(Request.info)), 'a550')
  t.equal(hex(encodeRequest(Request.health)), 'a552')
  t.equal(hex(encodeRequest(0x82, new Uint8Array(5))), 'a58205000000000022', 'the check sum as the protocol document prints it')
  t.equal(hex(motorRequest(660)), 'a5f0029402c1')
  t.equal(hex(encodeDescriptor(Reply.info)), 'a55a1400000004')
  t.equal(hex(encodeDescriptor(Reply.health)), 'a55a0300000006')
  t.equal(hex(encodeDescriptor(Reply.nodes)), 'a55a0500004081')
  t.equal(hex(encodeDescriptor(Reply.sampleRate)), 'a55a0400000015')
  t.strictSame(descriptorAt(fromHex('00a55a0500004081'), 1), { type: Reply.nodes, length: 5, repeated: true })
  for (const wrong of ['a55a0500000081', 'a55a0600004081', 'a55a0500004080', 'a55b0500004081', 'a55a']) t.equal(descriptorAt(fromHex(wrong), 0), undefined, wrong)
  t.strictSame(identityOf(fromHex('181d0107 abf09a87c3e392d2a5e492f8254d3a34')), { manufacturer: 'SLAMTEC', model: 'RPLIDAR A1M8', firmware: '1.29', serial: 'ABF09A87C3E392D2A5E492F8254D3A34' })
  t.equal(identityOf(fromHex('61000100')).model, 'RPLIDAR S1M1')
  t.strictSame(healthOf(fromHex('000000')), { status: 'good', code: 0 })
  t.strictSame(healthOf(fromHex('010203')), { status: 'warning', code: 0x0302 })
  t.equal(healthOf(fromHex('020000')).status, 'error')
  t.equal(healthOf(fromHex('070000')).status, 'error', 'what is not known is no good sign')
  t.strictSame(sampleTimesOf(fromHex('fc01fa00')), { standard_us: 508, express_us: 250 })
})

void t.test('a request is told from what is none', async (t) => {
  t.strictSame(requestAt(fromHex('a525ff')), { code: 0x25, payload: new Uint8Array(0), length: 2 })
  t.match(requestAt(motorRequest(660)), { code: 0xf0, length: 6 })
  for (const cut of [1, 2, 3, 5]) t.equal(requestAt(motorRequest(660).subarray(0, cut)), 'more')
  t.equal(requestAt(fromHex('a5f0029402c2')), undefined, 'a wrong check sum')
  t.equal(requestAt(fromHex('25a5')), undefined)
})

interface Node { isStart: boolean; quality: number; angle_q6: number; distance_q2: number }

function read(bytes: Uint8Array, measuring = false): { nodes: Node[]; reader: ReplyReader; replies: number[] } {
  const nodes: Node[] = []
  const reader = new ReplyReader({ node: (isStart, quality, angle_q6, distance_q2) => nodes.push({ isStart, quality, angle_q6, distance_q2 }) }, measuring)
  return { nodes, reader, replies: reader.push(bytes).map(({ type }) => type) }
}

const encoded = ({ isStart, quality, angle_q6, distance_q2 }: Node): Uint8Array =>
  Uint8Array.of((quality << 2) | (isStart ? 1 : 2), ((angle_q6 << 1) & 0xff) | 1, angle_q6 >> 7, distance_q2 & 0xff, distance_q2 >> 8)

/** Turns of 360 measurements, each of another distance so that all can be told apart. */
const scan = (count: number): Node[] => Array.from({ length: count }, (_, index) => ({ isStart: index % 360 === 0, quality: 15, angle_q6: (index % 360) * 64, distance_q2: 4_000 + ((index * 37) % 9_000) }))
const scanBytes = (count: number): Uint8Array => concat(scan(count).map(encoded))

void t.test('a measurement, bit by bit', async (t) => {
  const { nodes, replies } = read(fromHex('a55a0500004081 3e8ba7340e 02b3400000 3dc3b3cf03'))
  t.strictSame(replies, [Reply.nodes])
  t.strictSame(nodes, [{ isStart: false, quality: 15, angle_q6: 0xa78b >> 1, distance_q2: 0x0e34 }], 'the next jumps by more than any echo does')
  const start = read(fromHex('a55a0500004081 3dc300c903 3e8d01e303')).nodes
  t.strictSame(start, [{ isStart: true, quality: 15, angle_q6: 97, distance_q2: 969 }, { isStart: false, quality: 15, angle_q6: 198, distance_q2: 995 }])
})

void t.test('a scan comes whole, in whatever pieces', async (t) => {
  const expected = scan(800)
  const bytes = concat([encodeReply(Reply.health, fromHex('000000')), encodeDescriptor(Reply.nodes), scanBytes(800)])
  const whole = read(bytes)
  t.strictSame(whole.nodes, expected)
  t.strictSame(whole.replies, [Reply.health, Reply.nodes])
  t.match(whole.reader, { valid: 800, failed: 0, resyncs: 0, discarded: 0, pending: 0 })
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }), (sizes) => {
    let count = 0
    const reader = new ReplyReader({ node: () => count++ })
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1
      reader.push(bytes.subarray(at, at + size))
      at += size
    }
    return count === 800 && reader.discarded === 0
  }), { numRuns: 30 })
})

void t.test('after lost bytes it finds its place again at once, and nothing is made up but the torn measurement itself', async (t) => {
  const real = new Set(scan(720).map((node) => JSON.stringify(node)))
  let [madeUp, times] = [0, 0]
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 200, max: 3_000 }), fc.integer({ min: 1, max: 14 })), { minLength: 1, maxLength: 4 }), (losses) => {
    let bytes = concat([encodeDescriptor(Reply.nodes), scanBytes(720)])
    for (const [at, count] of losses) bytes = concat([bytes.subarray(0, at), bytes.subarray(at + count)])
    const { nodes, reader } = read(bytes)
    times += losses.length
    madeUp += nodes.filter((node) => !real.has(JSON.stringify(node))).length
    return reader.resyncs <= losses.length && nodes.length >= 720 - losses.length * 16 && nodes.at(-1)?.distance_q2 === scan(720).at(-1)?.distance_q2
  }), { numRuns: 200 })
  t.ok(madeUp < times * 0.75, `${madeUp} measurements were put together of two in ${times} losses`)
})

void t.test('a flipped bit costs one measurement, and a reply in the middle none', async (t) => {
  const bytes = scanBytes(300)
  bytes[500] = (bytes[500] ?? 0) ^ 1
  const { nodes, reader } = read(concat([encodeDescriptor(Reply.nodes), bytes]))
  t.equal(nodes.length, 299)
  t.match(reader, { failed: 1, resyncs: 1, discarded: 5 })
  const between = read(concat([scanBytes(100), encodeReply(Reply.health, fromHex('000000')), scanBytes(100)]), true)
  t.strictSame([between.nodes.length, between.replies], [200, [Reply.health]])
})

void t.test('nothing is taken for a measurement before the scan is announced, or after a request went out', async (t) => {
  const silent = read(scanBytes(100))
  t.equal(silent.nodes.length, 0)
  t.equal(silent.reader.discarded + silent.reader.pending, 500)
  const { reader, nodes } = read(concat([encodeDescriptor(Reply.nodes), scanBytes(10), Uint8Array.of(0x3e)]))
  t.equal(reader.pending, 1)
  reader.reset()
  t.equal(reader.pending, 0)
  reader.push(scanBytes(100))
  t.equal(nodes.length, 10)
})

void t.test('any bytes: it neither throws nor keeps more than a measurement or two', async () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant(encodeDescriptor(Reply.nodes)), fc.constant(encodeDescriptor(Reply.info)), fc.constant(scanBytes(9))), { maxLength: 30 }), fc.boolean(), (pieces, measuring) => {
    const reader = new ReplyReader({ node: (_, quality, angle_q6, distance_q2) => {
      if (!(quality <= 63 && angle_q6 < 23_040 && distance_q2 <= 0xffff)) throw new Error('out of range')
    } }, measuring)
    for (const piece of pieces) reader.push(piece)
    return reader.pending <= 30
  }))
})

void t.test('points: clockwise becomes counter-clockwise, a new turn is where the sensor says', async (t) => {
  const seen: { columns: number; turn: number; turnAt: number; lost: number; start_us: number; x: number; y: number }[] = []
  const blocks = new NodeBlocks(() => 1_000, ({ columns, turn, turnAt, lost, start_us, x, y }) => seen.push({ columns, turn, turnAt, lost, start_us, x: Math.round(x[0] ?? 0), y: Math.round(y[0] ?? 0) }))
  blocks.sample_us = 250
  blocks.lost = 2
  blocks.node(true, 15, 0, 8_000)
  blocks.flush()
  blocks.node(false, 15, 90 * 64, 8_000)
  blocks.node(true, 15, 1, 8_000)
  blocks.node(false, 15, 90, 0)
  blocks.node(true, 15, 1, 8_000)
  blocks.flush()
  blocks.flush()
  t.strictSame(seen, [
    { columns: 1, turn: 1, turnAt: -1, lost: 2, start_us: 999_750, x: 2, y: 0 },
    { columns: 3, turn: 1, turnAt: 1, lost: 0, start_us: 999_250, x: 0, y: -2 },
    { columns: 1, turn: 3, turnAt: -1, lost: 0, start_us: 999_750, x: 2, y: 0 },
  ], 'a quarter turn to the right is at -y')
  t.equal(blocks.block.offset_us[2], 500)
  for (let index = 0; index < 80; index++) blocks.node(false, 15, index * 64, 0)
  blocks.flush()
  t.strictSame(seen.slice(3).map(({ columns }) => columns), [32, 32, 16])
})

void t.test('texts of terminal programs', async (t) => {
  const bytes = (text: string): string[] | undefined => hexLines(text)?.map((line) => line.toString('hex'))
  t.strictSame(bytes('A5 25   -> STOP SCAN\r\n0x3E 0x8b,0xA7\n\n3e8ba7 // two\nRX: 3E 8B\n# remark\n'), ['a525', '3e8ba7', '3e8ba7', '3e8b'])
  t.equal(bytes('1.2030 1526.5 60\n2.4335 1528.5 60\n'), undefined)
  t.equal(bytes(''), undefined)
  const nodes = (from: number): string => hex(scanBytes(from + 30).subarray(from * 5)).replaceAll(/(..)/g, '$1 ')
  const text = `A5 25 -> STOP\n${nodes(0)}\nA5 25 -> STOP\n${nodes(30)}`
  t.equal(read(recordingOf(text) ?? new Uint8Array(0), true).nodes.length, 60, 'what was sent is left out')
  t.equal(recordingOf('00 01 02 03\n04 05'), undefined)
})

void t.test('recorded scans', { skip: existsSync(recorded) ? false : 'the recorded scans are not here' }, async (t) => {
  let scans = 0
  for (const file of globSync('rplidar/**/*.txt', { cwd: recorded })) {
    const bytes = recordingOf(readFileSync(join(recorded, file), 'latin1'))
    if (bytes === undefined) continue
    const { nodes, reader } = read(bytes, true)
    scans++
    t.ok(reader.valid / (reader.valid + reader.failed) >= 0.999, `${file}: ${reader.valid} measurements, ${reader.failed} failed, ${reader.resyncs} times lost`)
    t.ok(nodes.some(({ distance_q2 }) => distance_q2 > 0) && nodes.every(({ distance_q2 }) => distance_q2 < 12_000 * 4 + 4_000), `${file}: distances of a room`)
    t.ok(reader.discarded < bytes.length / 40, `${file}: ${reader.discarded} bytes of ${bytes.length} are nothing`)
  }
  t.ok(scans > 0)
})

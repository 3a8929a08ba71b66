import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ascii, concat, fromHex } from '../../../edge/base/bytes.ts'
import { PointBlock } from '../../../edge/device/points.ts'
import { carriedBy, colaFramer, frame, isRefusal, type Payload, payloadMax, refusalCode, telegram } from './cola.ts'
import { encodeScan, type ScanContent } from './encode.ts'
import { type Field, parseField } from './fields.ts'
import { readRecorded, Telegrams } from './recorded.ts'
import { parseResults } from './results.ts'
import { beamsMax, ScanDecoder } from './scan.ts'

const text = (payload: Payload): string => Buffer.from(payload).toString('latin1')
const block = (): PointBlock => new PointBlock(beamsMax, 1)

/** From the telegram listing (8014631, sMN SetAccessMode and sRN SCdevicestate) and the TiM781 manual (sEN LMDscandata). */
const listed = {
  setAccessMode: '02020202 00000017 73 4D 4E 20 53 65 74 41 63 63 65 73 73 4D 6F 64 65 20 03 F4 72 47 44 B3',
  readState: '02020202 00000011 73 52 4E 20 53 43 64 65 76 69 63 65 73 74 61 74 65 30',
  subscribe: '02020202 00000011 73 45 4E 20 4C 4D 44 73 63 61 6E 64 61 74 61 20 01 33',
}

void t.test('commands are as the telegram listing has them, byte for byte', (t) => {
  t.strictSame(telegram('sMN SetAccessMode', fromHex('03f4724744')), fromHex(listed.setAccessMode))
  t.strictSame(telegram('sRN SCdevicestate'), fromHex(listed.readState))
  t.strictSame(telegram('sEN LMDscandata', Uint8Array.of(1)), fromHex(listed.subscribe))
  t.end()
})

void t.test('telegrams are found again, in whatever pieces they come and whatever lies between', (t) => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => bytes.map((byte) => (byte === 2 ? 3 : byte))),
    (payloads, sizes, garbage) => {
      const framer = colaFramer()
      const stream = concat(payloads.flatMap((payload) => [garbage, frame(payload)]))
      const found: Uint8Array[] = []
      for (let at = 0, piece = 0; at < stream.length; piece++) {
        const size = sizes[piece % sizes.length] as number
        for (const payload of framer.push(stream.subarray(at, at + size))) found.push(payload.slice())
        at += size
      }
      assert.deepEqual(found, payloads.map((payload) => Uint8Array.from(payload)))
      assert.deepEqual([framer.pending, framer.discarded, framer.damaged], [0, garbage.length * payloads.length, 0])
    },
  ), { numRuns: 200 })
  t.end()
})

void t.test('a telegram whose check sum is wrong is left out and counted; the next is found', (t) => {
  const wrong = telegram('sRN SCdevicestate')
  wrong[12] = (wrong[12] ?? 0) ^ 0x10
  const framer = colaFramer()
  t.strictSame(framer.push(concat([wrong, telegram('sRN DItype')])).map(text), ['sRN DItype'])
  t.equal(framer.damaged, 1)
  const longer = frame(new Uint8Array(9))
  longer[5] = 0xff
  t.strictSame(framer.push(concat([longer, telegram('sRN ODoprh')])).map(text), ['sRN ODoprh'], 'a length that cannot be is no reason to wait')
  framer.push(new Uint8Array(3 * payloadMax).fill(2))
  t.ok(framer.pending <= payloadMax + 9, 'it never keeps more than a telegram')
  t.end()
})

void t.test('replies are told from refusals and from what nobody asked for', (t) => {
  t.strictSame(carriedBy(ascii('sRA ODoprh \0\0\x02\xc7'), 'sRA', 'ODoprh'), Uint8Array.of(0, 0, 2, 0xc7))
  t.strictSame(carriedBy(ascii('sWA EIHstCola '), 'sWA', 'EIHstCola'), new Uint8Array(0))
  t.strictSame(carriedBy(ascii('sWA EIHstCola'), 'sWA', 'EIHstCola'), new Uint8Array(0))
  t.equal(carriedBy(ascii('sRA ODoprhX'), 'sRA', 'ODoprh'), undefined)
  t.equal(carriedBy(ascii('sRA ODpwrc \0'), 'sRA', 'ODoprh'), undefined)
  t.ok(isRefusal(ascii('sFA \0\x03')))
  t.equal(refusalCode(ascii('sFA \0\x03')), 3)
  t.notOk(isRefusal(ascii('sRA ODoprh')))
  t.end()
})

const content = (change: Partial<ScanContent> = {}): ScanContent => ({
  serial: 18_480_390, status: 0, counter: 100, uptime_us: 5_000_000, inputs: 0, outputs: 0, scans_perS: 15,
  start_deg: -45, step_deg: 0.3333, distances_mm: [0, 1, 15, 16, 1_000, 25_000], strengths: [0, 0, 0, 7, 1_000, 65_535], ...change,
})

void t.test('a scan: beams counter-clockwise from straight ahead, metres, no distance where none was measured', (t) => {
  const decoder = new ScanDecoder()
  const points = block()
  const date_us = Date.UTC(2026, 2, 1, 12, 30, 15, 250) * 1_000 + 7
  t.equal(decoder.decode(encodeScan(content({ start_deg: 0, step_deg: 5, distances_mm: Array.from({ length: 37 }, (_, beam) => 2_000 + beam), strengths: Array.from({ length: 37 }, (_, beam) => beam), date_us, inputs: 5, outputs: 2, status: 5 })), points), 'points')
  t.strictSame([points.columns, points.rings, points.turnAt, points.lost, points.start_us], [37, 1, -1, 0, 5_000_000])
  const at = (beam: number) => [points.x[beam], points.y[beam], points.z[beam]].map((value) => Math.round((value ?? 9) * 1_000) / 1_000 + 0)
  t.strictSame(at(0), [0, -2, 0], '0 degrees of the sensor are to the right')
  t.strictSame(at(18), [2.018, 0, 0], '90 are straight ahead')
  t.strictSame(at(36), [0, 2.036, 0], '180 to the left')
  t.strictSame([...points.intensity.subarray(17, 20)], [17, 18, 19])
  t.ok(Math.abs((points.angle[0] ?? 0) - 1.5 * Math.PI) < 1e-6 && points.angle[18] === 0 && Math.abs((points.angle[36] ?? 0) - Math.PI / 2) < 1e-6)
  t.ok(Math.abs((points.offset_us[18] ?? 0) - 1e6 / 15 / 4) < 0.01, 'a quarter of a turn takes a quarter of its time')
  t.strictSame([decoder.inputs, decoder.outputs, decoder.status, decoder.serial, decoder.date_us], [5, 2, 5, 18_480_390, date_us])
  t.equal(decoder.decode(encodeScan(content({ counter: 101 })), points), 'points')
  t.ok(Number.isNaN(decoder.date_us), 'the date is not sent')
  t.strictSame([...points.distance.subarray(0, 6)].map((metres) => Math.round(metres * 1_000)), [0, 0, 0, 16, 1_000, 25_000])
  t.end()
})

void t.test('an offset that would put a beam behind the sensor puts it nowhere', (t) => {
  const scan = encodeScan(content())
  const offsetAt = 'sSN LMDscandata '.length + 40 + 9
  new DataView(scan.buffer).setFloat32(offsetAt, -500)
  const points = block()
  t.equal(new ScanDecoder().decode(scan, points), 'points')
  t.strictSame([...points.distance.subarray(0, 6)].map((metres) => Math.round(metres * 1_000)), [0, 0, 0, 0, 500, 24_500])
  t.end()
})

void t.test('scans that are missing, twice, old, or of another sensor', (t) => {
  const decoder = new ScanDecoder()
  const points = block()
  const next = (counter: number, change: Partial<ScanContent> = {}) => decoder.decode(encodeScan(content({ counter, ...change })), points)
  t.equal(next(65_534), 'points')
  const first = points.turn
  t.equal(next(65_535), 'points')
  t.equal(next(0), 'points', 'the counter begins anew after 65535')
  t.strictSame([points.turn - first, points.lost], [2, 0])
  t.equal(next(3), 'points')
  t.strictSame([points.turn - first, points.lost], [5, 2])
  t.equal(next(3), 'late', 'twice')
  t.equal(next(1), 'late')
  t.equal(next(4, { serial: 4 }), 'wrong-sensor')
  t.equal(next(4, { uptime_us: 2 ** 32 - 10 }), 'points')
  const before = points.start_us
  t.equal(next(5, { uptime_us: 66_657 }), 'points')
  t.equal(points.start_us - before, 66_667, 'the time since power-up goes on after 71 minutes')
  decoder.every = 3
  t.equal(next(8), 'points')
  t.equal(points.lost, 0, 'it sends every third scan only')
  decoder.reset()
  t.equal(next(7, { serial: 4 }), 'points', 'a new stream')
  t.end()
})

void t.test('other echoes, 8-bit channels, encoders, position and name are passed over', (t) => {
  const plain = encodeScan(content())
  const channel = (name: string, wide: boolean, values: number[]) => concat([ascii(name), fromHex('3f800000 00000000 fff92230 0d05'), Uint8Array.of(0, values.length), Uint8Array.from(wide ? values.flatMap((value) => [value >> 8, value & 255]) : values)])
  const date = fromHex('0001 07ea 03 01 0c 1e 0f 0003d097')
  const rich = concat([
    plain.subarray(0, 52), fromHex('0001 00000007 0002'), fromHex('0002'),
    channel('DIST2', true, [9_000, 9_001]), channel('DIST1', true, [1_000, 2_000, 3]), fromHex('0001'), channel('RSSI1', false, [11, 12, 13]),
    fromHex('0001'), new Uint8Array(25), fromHex('0001 0003 414243'), fromHex('0000'), date, fromHex('0000'),
  ])
  const decoder = new ScanDecoder()
  const points = block()
  t.equal(decoder.decode(rich, points), 'points')
  t.strictSame([...points.distance.subarray(0, points.columns)], [1, 2, 0])
  t.strictSame([...points.intensity.subarray(0, points.columns)], [11, 12, 13])
  t.equal(decoder.date_us, Date.UTC(2026, 2, 1, 12, 30, 15, 250) * 1_000 + 7)
  t.end()
})

void t.test('whatever the bytes: no scan is cut off, mended or thrown', (t) => {
  const whole = encodeScan(content({ date_us: 1 }))
  for (let length = 0; length < whole.length - 21; length++) {
    t.not(new ScanDecoder().decode(whole.subarray(0, length), block()), 'points', `cut off at ${length}`)
  }
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
    const bytes = whole.slice()
    for (const [at, value] of changes) bytes[at] = value
    const points = block()
    if (new ScanDecoder().decode(bytes, points) === 'points') {
      assert.ok(points.columns <= beamsMax && points.distance.every((metres) => Number.isFinite(metres)))
    }
    parseField(bytes)
    parseResults(bytes)
  }), { numRuns: 500 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
    assert.equal(new ScanDecoder().decode(bytes, block()), bytes.length > 4 && bytes[0] === 0x73 ? 'other' : 'foreign')
    parseField(concat([ascii('sRA field001 '), bytes]))
    parseResults(concat([ascii('sSN LFErec '), bytes]))
  }), { numRuns: 500 })
  t.equal(new ScanDecoder().decode(concat([whole.subarray(0, 59), fromHex('7fc00000'), whole.subarray(63)]), block()), 'damaged', 'a scale that is no number')
  t.end()
})

void t.test('conversations as Wireshark exports them: two ends, empty segments, segments sent again', (t) => {
  const segment = (from: string, sequence: number, bytes: Uint8Array, more: object = {}): object => ({
    _index: 'packets-2021-01-11', _source: { layers: {
      frame: { 'frame.number': '1', 'frame.time_relative': '0.5' }, ip: { 'ip.src': from },
      tcp: { 'tcp.srcport': '2112', 'tcp.stream': '0', 'tcp.seq': String(sequence), 'tcp.len': String(bytes.length), ...(bytes.length === 0 ? {} : { 'tcp.payload': Buffer.from(bytes).toString('hex').replaceAll(/(..)(?=.)/g, '$1:') }), ...more },
    } },
  })
  const [reply, question] = [telegram('sRA SCdevicestate', Uint8Array.of(1)), telegram('sRN DItype')]
  const [first, last] = [reply.subarray(0, 12), reply.subarray(12)]
  const told = (...entries: object[]): string[] => {
    const telegrams = new Telegrams()
    const found = readRecorded(ascii(`\u00ef\u00bb\u00bf${JSON.stringify(entries)}`)).flatMap((piece) => telegrams.take(piece)).map(text)
    t.strictSame([telegrams.damaged, telegrams.discarded, telegrams.unfinished], [0, 0, 0])
    return found
  }
  const nothing = new Uint8Array(0)
  t.strictSame(told(
    segment('10.0.0.1', 0, nothing), segment('10.0.0.2', 0, nothing), segment('10.0.0.1', 1, first), segment('10.0.0.2', 1, question), segment('10.0.0.1', 1, first),
    segment('10.0.0.1', 7, concat([first.subarray(6), last])), segment('10.0.0.2', 1 + question.length, nothing),
  ), ['sRN DItype', text(reply.subarray(8, -1))])
  const raw = { 'tcp.payload_raw': [Buffer.from(question).toString('hex'), 54, question.length, 0, 30], 'tcp.payload': undefined }
  t.strictSame(told(segment('10.0.0.2', 0xffff_fffe, question.subarray(0, 4)), segment('10.0.0.2', 2, question.subarray(4))), ['sRN DItype'], 'numbers that begin anew')
  t.strictSame(told(segment('10.0.0.2', 1, question, raw)), ['sRN DItype'], 'with the bytes beside the text')
  const [recorded] = readRecorded(ascii(JSON.stringify([segment('10.0.0.2', 1, question)])))
  t.equal(recorded?.at_s, 0.5)
  t.throws(() => readRecorded(ascii(JSON.stringify([segment('10.0.0.2', 1, nothing)]))), { code: 'PC-SICK-CAPTURE' })
  for (const payload of ['two', '0', '02:0']) t.throws(() => readRecorded(ascii(JSON.stringify([segment('10.0.0.2', 1, question, { 'tcp.payload': payload })]))), { code: 'PC-SICK-CAPTURE' })
  const endless = `[{"_source":{"layers":{"tcp":{"tcp.payload":"${'00:'.repeat(4_000_000)}00"}}}}]`
  t.equal(readRecorded(ascii(endless))[0]?.bytes.length, 4_000_001, 'however long it is')
  t.end()
})

const folder = join(process.env['PORTCULLIS_DATA'] ?? '../shared/data', 'lidar/sick-tim')

void t.test('recorded conversations', { skip: existsSync(folder) ? false : `no recordings in ${folder}` }, (t) => {
  for (const name of readdirSync(folder).filter((file) => /\.json(\.gz)?$/.test(file))) {
    const recorded = readRecorded(readFileSync(join(folder, name)))
    const framer = colaFramer()
    const decoder = new ScanDecoder()
    const points = block()
    let telegrams = 0
    let scans = 0
    const fields: Field[] = []
    for (const payload of recorded.flatMap(({ bytes }) => framer.push(bytes))) {
      telegrams++
      const field = parseField(payload)
      if (field !== undefined) fields.push(field)
      if (text(payload).startsWith('sSN LMDscandata')) {
        t.equal(decoder.decode(payload, points), 'points')
        t.equal(points.lost, 0)
        t.ok(points.columns > 0 && Math.abs(decoder.start_deg + 45) < 1e-9 && Math.abs(decoder.step_deg - 0.3333) < 1e-9)
        scans++
      }
    }
    if (telegrams === 0) continue
    t.strictSame([framer.discarded, framer.damaged, framer.pending], [0, 0, 0], 'every byte is part of a telegram whose check sum is right')
    t.equal(telegrams, recorded.length)
    t.ok(scans > 0)
    t.strictSame(fields.map(({ index, incomplete }) => [index, incomplete]), fields.map((_, index) => [index, false]))
  }
  t.throws(() => readRecorded(ascii('{}')), { code: 'PC-SICK-CAPTURE' })
  t.throws(() => readRecorded(ascii('[{}]')), { code: 'PC-SICK-CAPTURE' })
  t.throws(() => readRecorded(fromHex('1f8b0000')), { code: 'PC-SICK-CAPTURE' })
  t.end()
})

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { concat, equal, fromHex, hex } from '../../../edge/base/bytes.ts'
import {
  dataPackets, decodeParameters, encodePacket, encodeParameters, factoryAddress, Instruction, type Packet, packetFramer, packPicture, picture, u16, u32, unpackPicture,
} from './codec.ts'
import { Confirmation, refusal } from './confirmation.ts'
import { features, pictureOf, similarity, templateOf } from './finger.ts'

interface Recorded { dir: 'TX' | 'RX'; hex: string; note: string }
const recordedFile = join(process.env['PORTCULLIS_DATA'] ?? '../shared/data', 'serial-fingerprint/r30x_frames.json')
const skip = existsSync(recordedFile) ? false : `there are no recorded frames at ${recordedFile}`
const recorded = (): { frames: Recorded[]; mustReject: { hex: string }[] } => JSON.parse(readFileSync(recordedFile, 'utf8'))

/** What was sent, written as the instructions we mean. */
const sent: Record<string, number[]> = {
  'read system parameters': [Instruction.readParameters],
  'AutoEnroll id=1 presses=2': [0x31, ...u16(1), 2, ...u16(0x4b)],
  'template count': [Instruction.countTemplates],
  'GetImage': [Instruction.getImage],
  'GenChar buffer 1': [Instruction.extract, 1],
  'GenChar buffer 2': [Instruction.extract, 2],
  'GenChar 1': [Instruction.extract, 1],
  'Match': [Instruction.match],
  'RegModel (merge)': [Instruction.merge],
  'StoreChar buffer 1 page 0 (checksum in log 0x000E)': [Instruction.store, 1, ...u16(0)],
  'Search buffer 1 start 1 count 16': [Instruction.search, 1, ...u16(1), ...u16(16)],
  'Delete page 1 count 1': [Instruction.delete, ...u16(1), ...u16(1)],
  'Empty library': [Instruction.empty],
  'HiSpeedSearch buf1 page0 count100 (real ZW3020 issue frame)': [0x1b, 1, ...u16(0), ...u16(100)],
  'VerifyPassword 0': [Instruction.verifyPassword, ...u32(0)],
  'Search buf1 start 0 count 1000': [Instruction.search, 1, ...u16(0), ...u16(1_000)],
}

void t.test('recorded frames of real modules', { skip }, async (t) => {
  const { frames, mustReject } = recorded()
  t.equal(frames.length, 44)
  for (const { dir, hex: text, note } of frames) {
    const found = packetFramer().push(fromHex(text))
    t.equal(found.length, 1, note)
    const [packet] = found as [Packet]
    t.equal(hex(encodePacket(packet)), text, 'it is written as it was read')
    t.equal(packet.kind, dir === 'TX' ? 'command' : 'ack')
    if (dir === 'RX') continue
    const content = sent[note]
    t.ok(content, `the test knows what was meant by ${note}`)
    t.equal(hex(encodePacket({ address: factoryAddress, kind: 'command', content: Uint8Array.from(content ?? []) })), text, note)
  }
  const parameters = packetFramer().push(fromHex(frames[1]?.hex ?? ''))[0] as Packet
  t.strictSame(decodeParameters(parameters.content), {
    status: 0xc, system: 0x2ec8, capacity: 100, security: 3, address: factoryAddress, packet_bytes: 128, baud: 57_600,
  })
  t.strictSame(encodeParameters(decodeParameters(parameters.content)), parameters.content)
  for (const { hex: text } of mustReject) {
    const framer = packetFramer()
    t.strictSame(framer.push(fromHex(text)), [])
    framer.reset()
    t.equal(framer.discarded, fromHex(text).length)
  }
})

const packets = fc.record({
  address: fc.integer({ min: 0, max: factoryAddress }),
  kind: fc.constantFrom('command', 'data', 'ack', 'end'),
  content: fc.uint8Array({ maxLength: 256 }).map((content) => Uint8Array.from(content)),
}) as fc.Arbitrary<Packet>

void t.test('packets are found again, however the bytes are cut and whatever stands between them', async (t) => {
  const noise = fc.uint8Array({ maxLength: 20 }).map((bytes) => bytes.map((byte) => (byte === 0xef ? 0 : byte)))
  fc.assert(fc.property(fc.array(fc.tuple(noise, packets), { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (parts, cuts) => {
    const stream = concat(parts.flatMap(([garbage, packet]) => [garbage, encodePacket(packet)]))
    const framer = packetFramer()
    const found: Packet[] = []
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const length = cuts[turn % cuts.length] ?? 1
      found.push(...framer.push(stream.slice(at, at + length)))
      at += length
    }
    return hex(concat(found.map(encodePacket))) === hex(concat(parts.map(([, packet]) => encodePacket(packet))))
  }), { numRuns: 100 })
  t.pass()
})

void t.test('any bytes neither throw nor grow', async (t) => {
  const tricky = fc.array(fc.oneof(fc.constantFrom(0xef, 0x01, 0xff, 0x07, 0x00), fc.integer({ min: 0, max: 255 })), { maxLength: 300 })
  fc.assert(fc.property(fc.array(tricky), (chunks) => {
    const framer = packetFramer()
    for (const chunk of chunks) framer.push(Uint8Array.from(chunk))
    return framer.pending <= 267
  }))
  t.pass()
})

void t.test('a wrong bit in the content is noticed', async (t) => {
  fc.assert(fc.property(packets.filter(({ content }) => content.length > 0), fc.nat(), fc.integer({ min: 0, max: 7 }), (packet, at, bit) => {
    const bytes = encodePacket(packet)
    const index = 9 + (at % packet.content.length)
    bytes[index] = (bytes[index] ?? 0) ^ (1 << bit)
    const found = packetFramer().push(bytes)
    return found.every((other) => other.content.length < packet.content.length)
  }))
  t.pass()
})

void t.test('data is cut into packets, the last of which says so', async (t) => {
  for (const size of [32, 64, 128, 256]) {
    const data = Uint8Array.from({ length: 600 }, (_, index) => index % 251)
    const cut = dataPackets(7, data, size)
    t.strictSame(concat(cut.map((packet) => packet.content)), data)
    t.ok(cut.every((packet, index) => packet.kind === (index === cut.length - 1 ? 'end' : 'data') && packet.content.length <= size))
  }
})

void t.test('the picture: two pixels a byte, the left one in the upper bits', async (t) => {
  t.strictSame(unpackPicture(Uint8Array.of(0x0f, 0xa5)), Uint8Array.of(0, 255, 170, 85))
  t.strictSame(packPicture(Uint8Array.of(0, 255, 170, 85)), Uint8Array.of(0x0f, 0xa5))
})

void t.test('each refusal has a code and a sentence', async (t) => {
  for (let confirmation = 1; confirmation < 256; confirmation++) {
    const error = refusal('finger', confirmation)
    t.match(error.code, /^PC-FINGER-/)
    t.match(error.message, /\(0x[0-9a-f]{2}\)\.$/)
  }
  t.equal(refusal('finger', Confirmation.wrongPassword).code, 'PC-FINGER-PASSWORD')
})

void t.test('synthetic fingers: the same one is alike, two are not, and a picture has ridges', async (t) => {
  let state = 1
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  for (let person = 0; person < 50; person++) {
    t.ok(similarity(features(`p${person}`, random), templateOf(`p${person}`)) > 150)
    t.ok(similarity(features(`p${person}`, random), templateOf(`p${person + 1}`)) < 20)
  }
  const grey = pictureOf('p1')
  t.equal(grey.length, picture.width * picture.height)
  t.ok(equal(pictureOf('p1'), grey))
  t.notOk(equal(pictureOf('p2'), grey))
  const middle = [...grey.subarray(144 * 256 + 40, 144 * 256 + 216)]
  const crossings = middle.filter((value, index) => index > 0 && (value < 128) !== ((middle[index - 1] ?? 0) < 128)).length
  t.ok(crossings > 20 && crossings < 60, `ridges cross the middle: ${crossings}`)
})

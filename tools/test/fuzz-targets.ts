/** Every parser that meets outside bytes, with examples of what it should understand. */
import { generateKeyPairSync } from 'node:crypto'
import { ascii, concat, fromHex } from '../../edge/base/bytes.ts'
import { redact } from '../../edge/base/log.ts'
import { readAccounts, writeAccounts } from '../../edge/access/accounts.ts'
import { answerChallenge, readAnswer, readChallenge, writeChallenge } from '../../edge/access/challenge.ts'
import { readRecord } from '../../edge/access/record.ts'
import { commands as consoleCommands } from '../../edge/console/console.ts'
import { LineEditor } from '../../edge/console/editor.ts'
import { KeyDecoder } from '../../edge/console/keys.ts'
import { Language } from '../../edge/console/language.ts'
import { understand } from '../../edge/console/words.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import { Lists } from '../../edge/gate/lists.ts'
import { composeMrz } from '../../edge/perception/document/mrz-compose.ts'
import { readStl } from '../../edge/perception/obstacles/stl.ts'
import { decodeCobs, encodeCobs } from '../../edge/console/frames/cobs.ts'
import { frameMax, FrameReader, framesOf } from '../../edge/console/frames/framing.ts'
import { readRequest, requestMax } from '../../edge/console/frames/request.ts'
import { readDescription } from '../../edge/console/transfer/description.ts'
import { freeName, safeName } from '../../edge/console/transfer/file-name.ts'
import { block, BlockReader, filler, SignReader } from '../../edge/console/transfer/ymodem/block.ts'
import { End, hexHeader, Packer, subpacketMax, Type as ZmodemType } from '../../edge/console/transfer/zmodem/frame.ts'
import { ZmodemReader } from '../../edge/console/transfer/zmodem/reader.ts'
import { parseMrz } from '../../edge/perception/document/mrz.ts'
import { parseCitizenCard } from '../../edge/perception/document/citizen-card.ts'
import { readOverlay, valueOf, withChanges } from '../../edge/service/overlay.ts'
import { readOrder } from '../../edge/uplink/order.ts'
import { PacketSizes } from '../../edge/uplink/wire.ts'
import { bareStart, pictureSize, PictureStream } from '../../drivers/camera/jpeg.ts'
import { boundaryOf, partStart } from '../../drivers/camera/mjpeg/multipart.ts'
import { encodePacket, packetFramer } from '../../drivers/fingerprint/r30x/codec.ts'
import { digitalMessage, messageFramer } from '../../drivers/io/firmata/codec.ts'
import type { Framer } from '../../drivers/kit/framing.ts'
import { hexLines } from '../../drivers/lidar/capture/hex-text.ts'
import { CaptureParser } from '../../drivers/lidar/capture/pcap.ts'
import { encodeReply as encodeRplidarReply, motorRequest, Reply as RplidarReply, requestAt } from '../../drivers/lidar/rplidar/codec.ts'
import { ReplyReader } from '../../drivers/lidar/rplidar/reader.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { PandarXt16Decoder } from '../../drivers/lidar/hesai/codec.ts'
import { readCorrection } from '../../drivers/lidar/hesai/correction.ts'
import { PandarXt16Encoder } from '../../drivers/lidar/hesai/twin.ts'
import { readCalibration } from '../../drivers/lidar/velodyne/calibration.ts'
import { VelodyneDecoder } from '../../drivers/lidar/velodyne/codec.ts'
import { vlp16, vlp32c } from '../../drivers/lidar/velodyne/model.ts'
import { VelodyneEncoder } from '../../drivers/lidar/velodyne/twin.ts'
import { OusterDecoder } from '../../drivers/lidar/ouster/decoder.ts'
import { OusterEncoder } from '../../drivers/lidar/ouster/encoder.ts'
import { readMetadata } from '../../drivers/lidar/ouster/metadata.ts'
import { metadataJson, sampleMetadata } from '../../drivers/lidar/ouster/sample.ts'
import { encodeReply, encodeRequest, replyFramer, requestFramer } from '../../drivers/kit/modbus-rtu.ts'
import { colaFramer, payloadMax, telegram } from '../../drivers/lidar/sick-tim/cola.ts'
import { encodeField, encodeResults, encodeScan } from '../../drivers/lidar/sick-tim/encode.ts'
import { parseField } from '../../drivers/lidar/sick-tim/fields.ts'
import { readRecorded, Telegrams } from '../../drivers/lidar/sick-tim/recorded.ts'
import { parseResults } from '../../drivers/lidar/sick-tim/results.ts'
import { beamsMax, ScanDecoder } from '../../drivers/lidar/sick-tim/scan.ts'
import { lineFramer } from '../../drivers/reader/lines.ts'
import { checkProfile } from '../../profiles/load.ts'
import { signedList } from '../authority/authority.ts'
import { readPcd } from '../lidar/pcd.ts'
import { readOsf } from '../lidar/osf.ts'
import { unzip } from '../lidar/zone-set.ts'
import { readTflite } from '../models/convert/tflite.ts'
import { graphOfTfjs } from '../models/convert/tfjs-graph.ts'
import { openTfjs } from '../models/convert/tfjs.ts'

export interface FuzzTarget {
  name: string
  /** Well-formed inputs: what is tried is made of these. */
  examples: readonly Uint8Array[]
  /** Must end, must not grow, and may throw errors with a code only. */
  parse(bytes: Uint8Array): unknown
}

const referenceDay = Date.UTC(2026, 0, 1)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** Feeds the bytes in pieces and says whether the framer keeps more than one frame's worth. */
function framed<Frame>(make: () => Framer<Frame>, keepsMax: number): (bytes: Uint8Array) => void {
  return (bytes) => {
    const framer = make()
    for (let at = 0, piece = 1; at < bytes.length; at += piece, piece = (piece * 7) % 61 + 1) framer.push(bytes.subarray(at, at + piece))
    if (framer.pending > keepsMax) throw new Error(`it keeps ${framer.pending} bytes`)
  }
}

/** As `framed`, for readers that are asked for the next token; none may keep more than a block. */
function tokens(make: () => { push(bytes: Uint8Array): void; next(): unknown; pending?: number }, keepsMax: number): (bytes: Uint8Array) => void {
  return (bytes) => {
    const reader = make()
    for (let at = 0, piece = 1; at < bytes.length; at += piece, piece = (piece * 7) % 61 + 1) {
      reader.push(bytes.subarray(at, at + piece))
      while (reader.next() !== undefined);
    }
    if ((reader.pending ?? 0) > keepsMax) throw new Error(`it keeps ${reader.pending} bytes`)
  }
}

const zmodem = [new Packer(true, false), new Packer(false, true)].flatMap((packer) => [
  concat([hexHeader(ZmodemType.requestInit), packer.header(ZmodemType.file), packer.subpacket(ascii('a.bin\u0000100 0 0 0 1 100\u0000'), End.frameAck)]),
  concat([packer.header(ZmodemType.data), packer.subpacket(new Uint8Array(64).fill(0x18), End.more), packer.subpacket(new Uint8Array(64), End.frame), packer.header(ZmodemType.end, 128)]),
])
const ymodem = [concat([block(0, ascii('a.bin\u0000100'), 0), block(1, new Uint8Array(100), filler), Uint8Array.of(4)]), block(2, new Uint8Array(1_024), filler)]

const framedRequests = [concat(framesOf({ id: 1, ask: 'read', component: 'gate' })), concat(framesOf({ id: 2, ask: 'answer', person: 'x', answer: 'y'.repeat(9_000) }))]
/** Text that is no JSON is another parser's. */
function jsonOr(json: string): string {
  try {
    JSON.parse(json)
    return json
  } catch {
    return 'null'
  }
}

/** A UDP datagram on Ethernet, as it stands in a pcap and in a pcapng. */
const recorded = 'ffffffffffff6076880000010800450000200001000040110000c0a801c9ffffffff09400941000c0000ffee0102'
const captures = [
  fromHex(`d4c3b2a1020004000000000000000000ffff000001000000 01000000020000002e0000002e000000${recorded}`),
  fromHex(`0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000 0100000014000000010000000000000014000000 060000005000000000000000000000004242 0f002e0000002e000000${recorded}000050000000`),
]

const uncounted = { add: (): void => undefined }
const jpeg = fromHex('ffd8ffe000104a46494600010100000100010000ffc0000b080010001001011100ffda0008010100003f00d2cf20ffd9')
const mrz = composeMrz({ format: 'TD3', issuer: 'UTO', documentNumber: 'L898902C3', surname: 'ERIKSSON', givenNames: 'ANNA MARIA', birth: '1974-08-12', sex: 'female', expiry: '2012-04-15' })
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const challenge = { device: 'bl1-e07', person: 'nguyen', nonce: new Uint8Array(8) }
const secret = { cost: { logN: 15, r: 8, p: 1 }, salt: '0'.repeat(64), hash: '1'.repeat(64) }
const account = { person: 'nguyen', role: 'technician' as const, secret, createdBy: 'provision', createdAt: 0, changedBy: 'li', changedAt: 1 }
const listKey = new Uint8Array(32).fill(7)
const list = signedList({ list: 'watchlist', sequence: 1, issued: referenceDay, expires: referenceDay + 1, entries: [{ by: 'document', issuer: 'UTO', number: 'L898902C3' }] }, listKey, privateKey)

const all5m = { reflectance: 0.5, distance: () => 5 }
const velodyne = [vlp16, vlp32c].map((model) => {
  const decoder = new VelodyneDecoder(model)
  const packets = (['strongest', 'dual'] as const).map((returns) => new VelodyneEncoder(model, { returns }).encode(0, all5m))
  return { decoder, block: new PointBlock(decoder.columnsMax, decoder.rings), packets }
})
const hesai = {
  decoder: new PandarXt16Decoder(), block: new PointBlock(8, 16),
  packets: (['strongest', 'last-first'] as const).map((returns) => new PandarXt16Encoder({ returns }).encode(0, all5m)),
}

const ouster = (['LEGACY', 'RNG15_RFL8_NIR8', 'FUSA_RNG15_RFL8_NIR8_DUAL'] as const).map((profile) => {
  const metadata = sampleMetadata({ model: 'OS-1-32', profile })
  const decoder = new OusterDecoder(metadata)
  return { metadata, decoder, block: new PointBlock(decoder.columnsMax, decoder.rings), packet: new OusterEncoder(metadata).encode(0, all5m) }
})

const sickTelegrams = [
  encodeScan({ serial: 1, status: 0, counter: 1, uptime_us: 1, inputs: 0, outputs: 0, scans_perS: 15, start_deg: -45, step_deg: 0.3333, distances_mm: [500, 0, 16], strengths: [1, 2, 3], date_us: 1 }),
  encodeField({ index: 1, name: 'A', incomplete: false, shapes: [{ kind: 'segmented', corners: [{ angle_deg: 0, near_mm: 0, far_mm: 9 }, { angle_deg: 9, near_mm: 0, far_mm: 9 }] }, { kind: 'rectangle', corner: { angle_deg: 1, distance_mm: 2 }, turned_deg: 3, width_mm: 4, length_mm: 5 }] }),
  encodeResults([{ place: 1, state: 'infringed', date_us: 1 }, { place: 2, state: 'free', date_us: Number.NaN }]),
]

const consoleLanguage = new Language(consoleCommands, new DeviceModel())

/** A line editor that shows what it does, as a terminal makes it. */
function typeInto(bytes: Uint8Array): string {
  const editor = new LineEditor({ prompt: '> ', columns: 80, history: ['show status', 'test camera'] })
  return new KeyDecoder().decode(bytes).map((key) => `${editor.apply(key)} ${editor.paint()}`).join('')
}

export const fuzzTargets: readonly FuzzTarget[] = [
  { name: 'r30x', examples: [encodePacket({ address: 0xffff_ffff, kind: 'ack', content: Uint8Array.of(0, 1, 19) })], parse: framed(packetFramer, 1024) },
  { name: 'modbus.reply', examples: [encodeReply({ kind: 'registers', unit: 1, values: [1, 2, 3] }), encodeReply({ kind: 'written', unit: 1, address: 64, count: 1 })], parse: framed(() => replyFramer(1), 512) },
  { name: 'modbus.request', examples: [encodeRequest({ kind: 'read', unit: 1, address: 64, count: 9 })], parse: framed(() => requestFramer(1), 512) },
  { name: 'lidar.capture', examples: captures, parse: (bytes) => { const parser = new CaptureParser(); const found = [...parser.push(bytes)]; parser.end(); return found } },
  {
    name: 'lidar.rplidar', examples: [fromHex('a55a0500004081 3e8ba7340e 2e11a8fd0d 3ea3a8cd0d 3e3ba9c90d 3ed7a9b30d 3e67aaa80d 3ef3aa990d 3e85ab940d'), encodeRplidarReply(RplidarReply.info, new Uint8Array(20))],
    parse: framed(() => new ReplyReader({ node: () => undefined }, true), 30),
  },
  { name: 'lidar.rplidar.request', examples: [motorRequest(660)], parse: (bytes) => requestAt(bytes) },
  { name: 'lidar.hex-text', examples: [ascii('A5 5A 03 00 00 00 06 00 00 00 -> GET HEALTH\n0x3E 0x8B,0xA7 0x34 0x0E\n')], parse: (bytes) => hexLines(text(bytes)) },
  { name: 'lidar.velodyne', examples: velodyne.flatMap(({ packets }) => packets), parse: (bytes) => velodyne.map(({ decoder, block }) => { decoder.reset(); return decoder.decode(bytes, block) }) },
  { name: 'lidar.velodyne.calibration', examples: [ascii(`num_lasers: 16\nlasers:\n${Array.from({ length: 16 }, (_, id) => `- {laser_id: ${id}, rot_correction: 0, vert_correction: 0.${id}}`).join('\n')}\n`)], parse: (bytes) => readCalibration(text(bytes), vlp16) },
  { name: 'lidar.hesai', examples: hesai.packets, parse: (bytes) => { hesai.decoder.reset(); return hesai.decoder.decode(bytes, hesai.block) } },
  { name: 'lidar.hesai.correction', examples: [ascii(`Channel,Elevation,Azimuth\n${Array.from({ length: 16 }, (_, at) => `${at + 1},${15 - 2 * at},0`).join('\n')}\n`)], parse: (bytes) => readCorrection(text(bytes)) },
  { name: 'lidar.ouster', examples: ouster.map(({ packet }) => packet), parse: (bytes) => ouster.map(({ decoder, block }) => { decoder.reset(); return decoder.decode(bytes, block) }) },
  { name: 'lidar.ouster.metadata', examples: ouster.map(({ metadata }) => ascii(metadataJson(metadata))), parse: (bytes) => readMetadata(text(bytes)) },
  { name: 'lidar.osf', examples: [fromHex('1400000010000000 4f534623 0000000000000000 00000000')], parse: (bytes) => readOsf(bytes) },
  { name: 'lidar.zones', examples: [fromHex('504b0506000000000000000000000000000000000000')], parse: (bytes) => unzip(bytes) },
  { name: 'zone.mesh', examples: [concat([new Uint8Array(80), Uint8Array.of(1, 0, 0, 0), new Uint8Array(50)])], parse: (bytes) => readStl(bytes) },
  { name: 'lidar.cloud', examples: [ascii('FIELDS x\nSIZE 4\nTYPE F\nCOUNT 1\nPOINTS 1\nDATA binary\n1234')], parse: (bytes) => readPcd(bytes) },
  { name: 'lidar.sick-tim.frames', examples: [telegram('sRN SCdevicestate'), telegram('sEN LMDscandata', Uint8Array.of(1))], parse: framed(colaFramer, payloadMax + 9) },
  { name: 'lidar.sick-tim.telegram', examples: sickTelegrams, parse: (bytes) => [new ScanDecoder().decode(bytes, new PointBlock(beamsMax, 1)), parseField(bytes), parseResults(bytes)] },
  {
    name: 'lidar.sick-tim.recorded', examples: [
      ascii('[{"_source":{"layers":{"tcp":{"Timestamps":{"tcp.time_relative":"0.2"},"tcp.payload":"02:73:03"}}}}]'),
      ascii('[{"_source":{"layers":{"ip":{"ip.src":"10.0.0.1"},"tcp":{"tcp.stream":"0","tcp.srcport":"2112","tcp.seq":"1","tcp.payload_raw":["02020202000000077344",54,10,0,30]}}}},{"_source":{"layers":{"frame":{"frame.time_relative":"1"},"tcp":{"tcp.seq":"5"},"data":{"data.data":"7301"}}}}]'),
    ],
    parse: (bytes) => {
      const telegrams = new Telegrams()
      return readRecorded(bytes).flatMap((segment) => telegrams.take(segment))
    },
  },
  { name: 'firmata', examples: [digitalMessage(0, 3), fromHex('f07902055300f7')], parse: framed(() => messageFramer('board'), 4096) },
  { name: 'reader.lines', examples: [ascii(`${mrz.join('\r')}\r`)], parse: framed(() => lineFramer({ max: 90, end: 'cr-or-lf', framed: false }), 92) },
  { name: 'jpeg', examples: [jpeg, concat([jpeg, jpeg])], parse: (bytes) => [pictureSize(bytes), new PictureStream(bareStart, 4096, uncounted).push(bytes)] },
  {
    name: 'multipart', examples: [concat([ascii('--b\r\nContent-Type: image/jpeg\r\nContent-Length: 48\r\n\r\n'), jpeg, ascii('\r\n--b\r\n')])],
    parse: (bytes) => new PictureStream(partStart('b'), 4096, uncounted).push(bytes),
  },
  { name: 'multipart.boundary', examples: [ascii('multipart/x-mixed-replace; boundary="--b"')], parse: (bytes) => boundaryOf(text(bytes)) },
  { name: 'mrz', examples: [ascii(mrz.join('\n'))], parse: (bytes) => parseMrz(text(bytes).split('\n'), referenceDay) },
  { name: 'citizen-card', examples: [Buffer.from('001090123456|012345678|NGUYEN VAN A|01011990|Nam|Hà Nội|15042021')], parse: (bytes) => parseCitizenCard(text(bytes), referenceDay) },
  { name: 'uplink.order', examples: [ascii('{"id":"a1","args":{},"role":"officer","issuedBy":"centre","issuedAt":1,"expiresAt":2}')], parse: (bytes) => readOrder(bytes) },
  { name: 'access.challenge', examples: [ascii(writeChallenge(challenge))], parse: (bytes) => readChallenge(text(bytes)) },
  { name: 'access.answer', examples: [ascii(answerChallenge(challenge, { role: 'technician', for_min: 480 }, privateKey))], parse: (bytes) => readAnswer(text(bytes)) },
  { name: 'access.accounts', examples: [ascii(writeAccounts([account]))], parse: (bytes) => readAccounts(text(bytes)) },
  { name: 'access.record', examples: [ascii('{"format":"portcullis-access-record/1","failures":{"person li":3},"sealed":false}')], parse: (bytes) => readRecord(text(bytes)) },
  { name: 'mqtt.sizes', examples: [fromHex('300d0003612f62') , fromHex('c000')], parse: (bytes) => new PacketSizes(1024).accept(bytes) },
  { name: 'console.zmodem', examples: zmodem, parse: tokens(() => new ZmodemReader(), subpacketMax) },
  { name: 'console.ymodem', examples: ymodem, parse: tokens(() => new BlockReader(), 1_029) },
  { name: 'console.ymodem.signs', examples: [ascii('C\u0006\u0015\u0018\u0018')], parse: tokens(() => new SignReader(), 1) },
  { name: 'console.file', examples: [ascii('../etc/passwd\u0000100 17 100644'), ascii('a.tar.gz\u0000')], parse: (bytes) => [readDescription(bytes), freeName(safeName(text(bytes)), (name) => name.length < 20 && !name.includes('9'))] },
  { name: 'console.cobs', examples: [encodeCobs(fromHex('11000000')), encodeCobs(new Uint8Array(600).fill(1))], parse: (bytes) => decodeCobs(bytes) },
  {
    name: 'console.frames', examples: framedRequests, parse: (bytes) => {
      const reader = new FrameReader(requestMax)
      const arrivals = reader.push(bytes)
      if (reader.pending.length > frameMax) throw new Error(`it keeps ${reader.pending.length} bytes`)
      return arrivals.map((arrival) => (arrival.kind === 'message' ? readRequest(arrival.value) : undefined))
    },
  },
  { name: 'console.request', examples: [ascii('{"id":1,"ask":"call","component":"gate","command":"service","args":{"on":true},"confirmed":true}'), ascii('{"id":2,"ask":"watch","components":["a","b"],"per_s":5}')], parse: (bytes) => readRequest(JSON.parse(jsonOr(text(bytes)))) },
  { name: 'lists', examples: [ascii(JSON.stringify(list))], parse: (bytes) => new Lists({ key: listKey, signers: new Map([['authority', publicKey]]) }).take(text(bytes)) },
  { name: 'profile', examples: [ascii('device: { kind: egate, id: a, site: b }\nparts:\n  p: { use: reader/mrz-serial, port: /dev/x }\ngate: { use: { reader: p } }\n')], parse: (bytes) => checkProfile(text(bytes)) },
  {
    name: 'settings.overlay', examples: [ascii('{"format":"portcullis-overlay-1","next":2,"changes":[{"id":1,"path":["gate","limits","door_s"],"before":7,"value":9,"by":"a","at":1}]}')],
    parse: (bytes) => withChanges({ gate: { limits: { door_s: 7 } } }, readOverlay(bytes).changes),
  },
  { name: 'settings.value', examples: [ascii('{"door_s": [9, "x", null]}')], parse: (bytes) => valueOf(text(bytes)) },
  { name: 'tflite', examples: [fromHex('1c00000054464c331400200004000800'.padEnd(96, '0'))], parse: (bytes) => readTflite(bytes) },
  {
    name: 'tfjs', parse: (bytes) => graphOfTfjs(openTfjs(bytes, new Uint8Array(0)), [1, 2, 2, 3]),
    examples: [ascii('{"signature":{"outputs":{"y":{"name":"y:0"}}},"modelTopology":{"node":[{"name":"x","op":"Placeholder","attr":{"shape":{"shape":{"dim":[{"size":"1"},{"size":"2"},{"size":"2"},{"size":"3"}]}}}},{"name":"y","op":"Sigmoid","input":["x"]}]},"weightsManifest":[]}')],
  },
  { name: 'console.keys', examples: [ascii('sho\tgate\x7f\x1b[A\x1bOB\x1b[3~\x12cam\r\n'), fromHex('00ff1b5b313b33521b1b0d')], parse: typeInto },
  { name: 'console.language', examples: [ascii('call relays set line=entryGreen on=true | grep "a b"'), ascii("watch 2 show health 'x y' --json | begin z")], parse: (bytes) => [understand(text(bytes)), consoleLanguage.complete(text(bytes), 80), consoleLanguage.help(text(bytes)), consoleLanguage.find(understand(text(bytes)).words)] },
  { name: 'log', examples: [ascii(mrz.join(' '))], parse: (bytes) => redact({ says: text(bytes), deep: [{ text: text(bytes) }] }) },
]

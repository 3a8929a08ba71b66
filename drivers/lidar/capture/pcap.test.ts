import { existsSync, globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { concat, equal, fromHex, hex } from '../../../edge/base/bytes.ts'
import { PortcullisError } from '../../../edge/base/error.ts'
import { CaptureParser, type Datagram, datagrams } from './pcap.ts'

const recorded = join(process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'), 'lidar')

/** What a whole file in one piece gives. */
function read(file: Uint8Array, parser = new CaptureParser()): Datagram[] {
  const found = [...parser.push(file)]
  parser.end()
  return found
}

/** What a damaged file gives before it is refused, and the refusal. */
function readUntilError(file: Uint8Array): { found: Datagram[]; error: PortcullisError } {
  const found: Datagram[] = []
  const parser = new CaptureParser()
  try {
    for (const datagram of parser.push(file)) found.push(datagram)
    parser.end()
  } catch (error) {
    return { found, error: error as PortcullisError }
  }
  throw new Error('the file was not refused')
}

const shown = ({ payload, ...rest }: Datagram) => ({ ...rest, payload: hex(payload) })

// A UDP datagram 192.168.1.201:2368 -> 255.255.255.255:2369 with the four bytes ffee0102, layer by layer.
const udp = '0940 0941 000c 0000 ffee0102'
const ip4 = `4500 0020 0001 0000 4011 0000 c0a801c9 ffffffff ${udp}`
const ethernet = `ffffffffffff 607688000001 0800 ${ip4}`
const datagram = { from: '192.168.1.201', fromPort: 2368, port: 2369, payload: 'ffee0102' }
// The same over IPv6 from fe80::1 to ff02::1.
const ip6 = `60000000 000c 11 40 fe800000000000000000000000000001 ff020000000000000000000000000001 ${udp}`

/** The last field of a little-endian pcap's header tells the link. */
const pcapHeader = (link: number): string => `d4c3b2a1 0200 0400 00000000 00000000 ffff0000 ${Buffer.from([link & 0xff, link >> 8, 0, 0]).toString('hex')}`
const le32 = (value: number): string => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes.toString('hex')
}
/** A packet in a little-endian pcap, 1 s and 2 us after the epoch. */
const packet = (content: string, original?: number): string => {
  const bytes = fromHex(content)
  return `01000000 02000000 ${le32(bytes.length)} ${le32(original ?? bytes.length)} ${hex(bytes)}`
}
const pcap = (link: number, ...packets: string[]): Uint8Array => fromHex(pcapHeader(link) + packets.join(''))

void t.test('pcap, in both byte orders, of microseconds and of nanoseconds', async (t) => {
  const expected = [{ at_us: 1_000_002, ...datagram }]
  t.strictSame(read(pcap(1, packet(ethernet))).map(shown), expected)
  t.strictSame(read(fromHex(`a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001 00000001 00000002 0000002e 0000002e ${ethernet}`)).map(shown), expected)
  t.strictSame(read(fromHex(`4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000 01000000 d0070000 2e000000 2e000000 ${ethernet}`)).map(shown), expected)
  t.strictSame(read(fromHex(`a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001 00000001 000007d0 0000002e 0000002e ${ethernet}`)).map(shown), expected)
  t.strictSame(read(fromHex(pcapHeader(1))), [], 'a capture of nothing')
})

void t.test('every link type', async (t) => {
  const frames: [number, string][] = [
    [1, ethernet],
    [1, `ffffffffffff 607688000001 8100 0064 0800 ${ip4}`],
    [1, `ffffffffffff 607688000001 88a8 0064 8100 0007 0800 ${ip4}`],
    [1, `${ethernet} 0000000000000000`],
    [0, `02000000 ${ip4}`],
    [0, `00000002 ${ip4}`],
    [108, `00000002 ${ip4}`],
    [101, ip4],
    [12, ip4],
    [228, ip4],
    [113, `0000 0001 0006 6076880000010000 0800 ${ip4}`],
    [276, `0800 0000 00000002 0001 00 06 6076880000010000 ${ip4}`],
  ]
  for (const [link, frame] of frames) t.strictSame(read(pcap(link, packet(frame))).map(shown), [{ at_us: 1_000_002, ...datagram }], `link type ${link}`)
  for (const [link, frame] of [[1, `ffffffffffff 607688000001 86dd ${ip6}`], [229, ip6], [101, ip6], [0, `1e000000 ${ip6}`]] as const) {
    t.strictSame(read(pcap(link, packet(frame))).map(shown), [{ at_us: 1_000_002, ...datagram, from: 'fe80::1' }], `IPv6 on link type ${link}`)
  }
  const behindExtension = `60000000 0014 00 40 fe800000000000000000000000000001 ff020000000000000000000000000001 11 00 050200000100 ${udp}`
  t.strictSame(read(pcap(229, packet(behindExtension))).map(shown), [{ at_us: 1_000_002, ...datagram, from: 'fe80::1' }], 'behind a hop-by-hop header')
})

// A section with two interfaces: Ethernet of microseconds with a comment, and raw IP of nanoseconds that began 10 s later.
const section = '0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000'
const ethernetInterface = '01000000 20000000 0100 0000 00000000 0200 0300 657468 00 0000 0000 20000000'
const rawInterface = '01000000 28000000 6500 0000 00000000 0900 0100 09 000000 0e00 0800 0a00000000000000 28000000'
const enhancedEthernet = `06000000 50000000 00000000 00000000 42420f00 2e000000 2e000000 ${ethernet} 0000 50000000`
const enhancedRaw = `06000000 40000000 01000000 00000000 d0d19a3b 20000000 20000000 ${ip4} 40000000`
const simple = `03000000 40000000 2e000000 ${ethernet} 0000 40000000`
const older = `02000000 50000000 0000 0000 00000000 42420f00 2e000000 2e000000 ${ethernet} 0000 50000000`

void t.test('pcapng: sections, interfaces with their own time, and each kind of packet block', async (t) => {
  const names = '04000000 10000000 00000000 10000000'
  const file = fromHex([section, ethernetInterface, rawInterface, names, enhancedEthernet, enhancedRaw, simple, older].join(''))
  t.strictSame(read(file).map(shown), [
    { at_us: 1_000_002, ...datagram },
    { at_us: 11_000_002, ...datagram },
    { at_us: 11_000_002, ...datagram },
    { at_us: 1_000_002, ...datagram },
  ])
  const bigEndian = `0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c 00000001 00000014 0001 0000 00000000 00000014
    00000006 00000050 00000000 00000000 000f4242 0000002e 0000002e ${ethernet} 0000 00000050`
  t.strictSame(read(concat([file, fromHex(bigEndian)])).length, 5, 'a second section in the other byte order, whose interfaces are its own')
  const half = '01000000 1c000000 0100 0000 00000000 0900 0100 81 000000 1c000000'
  t.strictSame(read(fromHex([section, half, enhancedEthernet].join(''))).map(({ at_us }) => at_us), [0x000f4242 * 500_000], 'time in powers of two')
})

void t.test('what is no datagram is passed over and counted', async (t) => {
  const parser = new CaptureParser()
  const arp = 'ffffffffffff 607688000001 0806 0001 0800 0604 0001'
  const tcp = `ffffffffffff 607688000001 0800 4500 0028 0001 0000 4006 0000 c0a801c9 ffffffff ${'00'.repeat(20)}`
  const longer = `ffffffffffff 607688000001 0800 4500 0020 0001 0000 4011 0000 c0a801c9 ffffffff 0940 0941 0400 0000 ffee0102`
  t.strictSame(read(pcap(1, packet(arp), packet(tcp), packet(ethernet.slice(0, -8), 46), packet(longer), packet(ethernet)), parser).length, 1)
  t.match(parser.counts, { packets: 5, datagrams: 1, otherProtocol: 2, cut: 1, damaged: 1 })
  const mixed = new CaptureParser()
  const usb = '01000000 14000000 dc00 0000 00000000 14000000'
  t.strictSame(read(fromHex([section, usb, enhancedEthernet].join('')), mixed), [])
  t.match(mixed.counts, { packets: 1, otherLink: 1 })
})

// The content of a UDP datagram with 16 bytes, in pieces of 16 and 8: offset and flag stand in the fourth field of the header.
const piece = (flags: string, content: string, id = '0007'): string =>
  packet(`ffffffffffff 607688000001 0800 4500 ${(20 + fromHex(content).length).toString(16).padStart(4, '0')} ${id} ${flags} 4011 0000 c0a801c9 ffffffff ${content}`)
const firstPiece = piece('2000', '0940 0941 0018 0000 0001020304050607')
const lastPiece = piece('0002', '08090a0b0c0d0e0f')
const whole = { at_us: 1_000_002, ...datagram, payload: '000102030405060708090a0b0c0d0e0f' }

void t.test('fragments are put together in any order, and never wrongly', async (t) => {
  t.strictSame(read(pcap(1, firstPiece, lastPiece)).map(shown), [whole])
  t.strictSame(read(pcap(1, lastPiece, packet(ethernet), firstPiece)).map(({ payload }) => payload.length), [4, 16], 'out of order, with others between')
  const refused = (name: string, ...pieces: string[]): void => {
    const parser = new CaptureParser()
    t.strictSame(read(pcap(1, ...pieces), parser), [], name)
    t.ok((parser.counts['fragmentsLost'] ?? 0) > 0, `${name}: counted`)
  }
  refused('pieces that overlap', firstPiece, piece('0001', '08090a0b0c0d0e0f1011121314151617'), lastPiece)
  refused('a piece after the end', lastPiece, piece('2003', '08090a0b0c0d0e0f'))
  refused('two ends', lastPiece, piece('0004', '08090a0b0c0d0e0f'))
  refused('a piece of odd length that is not the last', piece('2000', '0940094100180000000102'), lastPiece)
  refused('beyond the longest packet', piece('1fff', '08090a0b0c0d0e0f0809'))
  t.strictSame(read(pcap(1, firstPiece, piece('0002', '08090a0b0c0d0e0f', '0008'))), [], 'pieces of two packets are not one')
  const late = lastPiece.replace('01000000 02000000', '50000000 02000000')
  t.strictSame(read(pcap(1, firstPiece, late)), [], 'pieces more than a minute apart are not one packet')
  const many = Array.from({ length: 70 }, (_, id) => piece('2000', '0940 0941 0018 0000 0001020304050607', (id + 100).toString(16).padStart(4, '0')))
  const parser = new CaptureParser()
  t.strictSame(read(pcap(1, firstPiece, ...many, lastPiece), parser), [], 'too many are unfinished: the oldest is given up')
  t.equal(parser.counts['fragmentsLost'], 71 + 1 - 64)
  const sixth = (offset: string, content: string): string => packet(`60000000 ${(8 + fromHex(content).length).toString(16).padStart(4, '0')} 2c 40 fe800000000000000000000000000001 ff020000000000000000000000000001 11 00 ${offset} 00000009 ${content}`)
  t.strictSame(read(pcap(229, sixth('0001', '0940 0941 0018 0000 0001020304050607'), sixth('0010', '08090a0b0c0d0e0f'))).map(shown), [{ ...whole, from: 'fe80::1' }], 'of IPv6')
})

void t.test('a damaged, cut or unknown file is refused, saying where', async (t) => {
  const good = pcap(1, packet(ethernet), packet(ethernet))
  const refused = (file: Uint8Array, code: string, says: RegExp, before: number): void => {
    const { found, error } = readUntilError(file)
    t.match(error, { code, message: says })
    t.equal(found.length, before, `${before} datagrams came before`)
  }
  refused(new Uint8Array(0), 'PC-CAPTURE-UNKNOWN', /neither/, 0)
  refused(fromHex('d4c3'), 'PC-CAPTURE-UNKNOWN', /neither/, 0)
  refused(fromHex('504b0304000000000000'), 'PC-CAPTURE-UNKNOWN', /byte 0/, 0)
  refused(good.subarray(0, 20), 'PC-CAPTURE-TRUNCATED', /ends at byte 20, .* begins at byte 0\.$/, 0)
  refused(good.subarray(0, 90), 'PC-CAPTURE-TRUNCATED', /ends at byte 90, .* begins at byte 86\.$/, 1)
  refused(good.subarray(0, -1), 'PC-CAPTURE-TRUNCATED', /ends at byte 147, .* begins at byte 86\.$/, 1)
  refused(concat([good, fromHex('01000000 02000000 00000500 00000500')]), 'PC-CAPTURE-CORRUPT', /at byte 156: a packet of 327680 bytes/, 2)
  refused(pcap(147), 'PC-CAPTURE-LINK', /link type 147 /, 0)
  refused(fromHex('d4c3b2a1 0300 0400 00000000 00000000 ffff0000 01000000'), 'PC-CAPTURE-CORRUPT', /at byte 4: version 3/, 0)

  const ng = (...blocks: string[]): Uint8Array => fromHex([section, ethernetInterface, enhancedEthernet, ...blocks].join(''))
  refused(ng('06000000 50000000'), 'PC-CAPTURE-TRUNCATED', /begins at byte 140\./, 1)
  refused(ng('06000000 0b000000 00000000'), 'PC-CAPTURE-CORRUPT', /at byte 144: a block of 11 bytes/, 1)
  refused(ng('0a000000 ffffff7c 00000000'), 'PC-CAPTURE-CORRUPT', /at byte 144: a block of/, 1)
  refused(ng('04000000 10000000 00000000 14000000'), 'PC-CAPTURE-CORRUPT', /at byte 152: .* 16 bytes long ends as 20/, 1)
  refused(ng(enhancedRaw), 'PC-CAPTURE-CORRUPT', /at byte 148: a packet of interface 1/, 1)
  refused(ng(enhancedEthernet.replace('2e000000 2e000000', '3f000000 3f000000')), 'PC-CAPTURE-CORRUPT', /at byte 160: a packet of 63 bytes/, 1)
  refused(ng('01000000 1c000000 0100 0000 00000000 0900 0100 ff 000000 1c000000'), 'PC-CAPTURE-CORRUPT', /resolution/, 1)
  refused(ng('01000000 18000000 0100 0000 00000000 0900 4000 18000000'), 'PC-CAPTURE-CORRUPT', /an option of 64 bytes/, 1)
  refused(fromHex('0a0d0d0a 1c000000 00000000 0100 0000 ffffffffffffffff 1c000000'), 'PC-CAPTURE-CORRUPT', /at byte 8: .* byte order/, 0)
})

const examples = [pcap(1, packet(ethernet), firstPiece, lastPiece), fromHex([section, ethernetInterface, rawInterface, enhancedEthernet, enhancedRaw, simple].join(''))]

void t.test('in whatever pieces a file comes, it holds the same', async () => {
  fc.assert(fc.property(fc.constantFrom(...examples), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), (file, sizes) => {
    const parser = new CaptureParser()
    const found: Datagram[] = []
    for (let at = 0, turn = 0; at < file.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1
      found.push(...parser.push(file.subarray(at, at + size)))
      at += size
    }
    parser.end()
    const expected = read(file)
    return found.length === expected.length && found.every(({ payload }, index) => equal(payload, expected[index]?.payload ?? new Uint8Array(0)))
  }))
})

void t.test('any datagrams that were written are read again', async () => {
  const any = fc.array(fc.record({ port: fc.integer({ min: 0, max: 65_535 }), payload: fc.uint8Array({ maxLength: 200 }), vlan: fc.boolean() }), { maxLength: 20 })
  fc.assert(fc.property(any, (sent) => {
    const be16 = (value: number): string => value.toString(16).padStart(4, '0')
    const file = pcap(1, ...sent.map(({ port, payload, vlan }) => packet(`ffffffffffff 607688000001 ${vlan ? '81000001' : ''} 0800 4500 ${be16(28 + payload.length)}
      0001 4000 4011 0000 0a000001 0a000002 1000 ${be16(port)} ${be16(8 + payload.length)} 0000 ${hex(payload)}`)))
    const found = read(file)
    return found.length === sent.length && found.every((one, index) => one.port === sent[index]?.port && equal(one.payload, sent[index]?.payload ?? new Uint8Array(0)))
  }))
})

void t.test('garbage is refused with a code or passed over, and never kept', async () => {
  const spoilt = fc.tuple(fc.constantFrom(...examples), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }), fc.uint8Array({ maxLength: 300 })).map(([file, changes, tail]) => {
    const bytes = concat([file, tail])
    for (const [at, value] of changes) bytes[at % bytes.length] = value
    return bytes
  })
  fc.assert(fc.property(spoilt, (bytes) => {
    try {
      read(bytes)
    } catch (error) {
      return error instanceof PortcullisError && error.code.startsWith('PC-CAPTURE-')
    }
    return true
  }), { numRuns: 500 })
})

void t.test('files', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-capture-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'long.pcap')
  // Longer than one piece of the file, so that packets lie across the border.
  await writeFile(file, pcap(1, ...Array.from({ length: 20_000 }, () => packet(ethernet))))
  let count = 0
  for await (const { payload } of datagrams(file)) count += payload.length
  t.equal(count, 80_000)
  await t.rejects(datagrams(join(folder, 'absent.pcap')).next(), { code: 'PC-CAPTURE-FILE' })
  await t.rejects(datagrams(folder).next(), { code: 'PC-CAPTURE-FILE' })
})

void t.test('recorded captures are read to their last packet', { skip: existsSync(recorded) ? false : 'the recorded captures are not here' }, async (t) => {
  const files = globSync('**/*.{pcap,pcapng}', { cwd: recorded })
  t.ok(files.length > 0)
  for (const file of files) {
    const parser = new CaptureParser()
    let count = 0
    let last_us = 0
    for await (const { at_us } of datagrams(join(recorded, file), parser)) {
      count++
      last_us = Math.max(last_us, at_us)
    }
    t.equal(parser.counts['damaged'], 0, `${file}: ${count} datagrams`)
    t.equal(count === 0, parser.counts['packets'] === 0, `${file}: some packets are datagrams`)
    if (count > 0) t.ok(last_us > Date.UTC(2015, 0) * 1000 && last_us < Date.UTC(2100, 0) * 1000, `${file}: of our time`)
  }
})

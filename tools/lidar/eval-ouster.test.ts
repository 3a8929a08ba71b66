import { copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t from 'tap'
import { OusterEncoder } from '../../drivers/lidar/ouster/encoder.ts'
import { metadataJson, sampleMetadata } from '../../drivers/lidar/ouster/sample.ts'
import type { Figure } from '../bench/figure.ts'
import { evaluateOuster, evaluateZones } from './eval-ouster.ts'
import { readOsf } from './osf.ts'
import { unzip } from './zone-set.ts'

const data = process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../shared/data')
const skip = !existsSync(join(data, 'lidar/ouster')) && 'no captures here'

/** A pcap of raw IP with these datagrams for port 7502. */
function pcapOf(payloads: readonly Uint8Array[]): Buffer {
  const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex')
  return Buffer.concat([header, ...payloads.flatMap((payload) => {
    const before = Buffer.alloc(16 + 28)
    before.writeUInt32LE(28 + payload.length, 8)
    before.writeUInt32LE(28 + payload.length, 12)
    before.write('4500000000014000401100000a0000010a000002', 16, 'hex')
    before.writeUInt16BE(28 + payload.length, 18)
    before.writeUInt32BE(0x1d4e_1d4e, 36)
    before.writeUInt16BE(8 + payload.length, 40)
    return [before, payload]
  })])
}

async function figuresOf(evaluate: (data: string, say: (figure: Figure) => void) => Promise<void>, folder: string): Promise<Map<string, number>> {
  const figures = new Map<string, number>()
  await evaluate(folder, ({ name, value }) => void figures.set(name, value))
  return figures
}

void t.test('every capture is judged: by the maker\'s sums, the manual\'s own computation, and the packets\' check sums', { skip }, async (t) => {
  const figures = await figuresOf(evaluateOuster, data)
  for (const capture of globSync(join(data, 'lidar/ouster/*.pcap'))) t.ok(figures.has(`lidar.points.${basename(capture, '.pcap')}`), capture)
  t.ok(figures.has('lidar.checksum.crc_test'))
  for (const [name, share] of figures) t.equal(share, 100, name)
})

void t.test('a field that is decoded otherwise is told', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'digest-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'lidar'))
  const [digest] = globSync(join(data, 'lidar/ouster/*_digest.json')).sort()
  const stem = basename(digest!, '_digest.json')
  for (const end of ['.pcap', '.json']) copyFileSync(join(data, 'lidar/ouster', stem + end), join(folder, 'lidar', stem + end))
  const sums = JSON.parse(readFileSync(digest!, 'utf8')) as { packet_hash: Record<string, string> }
  sums.packet_hash['RANGE'] = '0'.repeat(32)
  writeFileSync(join(folder, 'lidar', basename(digest!)), JSON.stringify(sums))
  const [share] = (await figuresOf(evaluateOuster, folder)).values()
  t.ok(share! > 90 && share! < 100, `${share}`)
})

void t.test('without recordings: points that are elsewhere, missing or of nobody lower the share', async (t) => {
  const metadata = sampleMetadata({ model: 'OS-0-32', profile: 'RNG19_RFL8_SIG16_NIR16_DUAL' })
  const encoder = new OusterEncoder(metadata)
  const seen = { reflectance: 0.5, distance: (azimuth: number, elevation: number, echo: number) => (elevation > 0.5 ? 0 : 3 + azimuth + echo) }
  const packets = Array.from({ length: 6 }, (_, index) => Uint8Array.from(encoder.encode(index * encoder.period_us, seen)))
  const share = async (described: typeof metadata, sent: readonly Uint8Array[]): Promise<Record<string, number>> => {
    const folder = mkdtempSync(join(tmpdir(), 'points-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    mkdirSync(join(folder, 'lidar'))
    writeFileSync(join(folder, 'lidar/a.pcap'), pcapOf(sent))
    writeFileSync(join(folder, 'lidar/a.json'), metadataJson(described))
    return Object.fromEntries(await figuresOf(evaluateOuster, folder))
  }
  t.strictSame(await share(metadata, packets), { 'lidar.points.a': 100, 'lidar.checksum.a': 100 })
  t.strictSame(await share(metadata, []), { 'lidar.points.a': 100 }, 'of nothing comes nothing')
  const broken = packets.map((packet, index) => (index === 2 ? packet.map((byte, at) => (at === 5_000 ? byte ^ 1 : byte)) : packet))
  const found = await share({ ...metadata, firmware: 'v3.2.0' }, broken)
  t.ok(found['lidar.points.a']! > 80 && found['lidar.points.a']! < 85, `a packet of six is refused: ${found['lidar.points.a']} %`)
})

void t.test('our zones come to the sensor\'s own result', { skip }, async (t) => {
  const figures = await figuresOf(evaluateZones, data)
  t.equal(figures.get('lidar.zone.triggers'), 100)
  t.ok(figures.get('lidar.zone.agreement')! > 99)
  t.ok(figures.get('lidar.zone.count.error')! < 1)
  t.equal(figures.get('lidar.zone.bounds'), 100, 'beams enter and leave zones where the maker\'s renderer says')
})

void t.test('recordings that are none are refused', async (t) => {
  t.throws(() => readOsf(new Uint8Array(0)), { code: 'PC-LIDAR-OSF' })
  t.throws(() => readOsf(new Uint8Array(500).fill(7)), { code: 'PC-LIDAR-OSF' })
  t.throws(() => unzip(new Uint8Array(3)), { code: 'PC-LIDAR-ZONES' })
  t.same([...unzip(Buffer.concat([Buffer.from('504b0506', 'hex'), Buffer.alloc(18)]))], [], 'an empty archive holds nothing')
})

import { copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t from 'tap'
import type { Figure } from '../bench/figure.ts'
import { evaluateOuster, evaluateZones } from './eval-ouster.ts'
import { readOsf } from './osf.ts'
import { unzip } from './zone-set.ts'

const data = process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../shared/data')
const skip = !existsSync(join(data, 'lidar/ouster')) && 'no captures here'

async function figuresOf(evaluate: (data: string, say: (figure: Figure) => void) => Promise<void>, folder: string): Promise<Map<string, number>> {
  const figures = new Map<string, number>()
  await evaluate(folder, ({ name, value }) => void figures.set(name, value))
  return figures
}

void t.test('every sum that the maker gives of a capture is reproduced', { skip }, async (t) => {
  const figures = await figuresOf(evaluateOuster, data)
  t.ok(figures.size > 0)
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

/**
 * Whether recorded Ouster packets are decoded as the maker's SDK and manual decode them:
 * `lidar.points.<capture>` is the share of points that are where the manual's own computation puts them
 * (ouster-reference.ts), all points of packets that were not decoded missing. Where the maker gives the
 * MD5 sums of every field (`<capture>_digest.json`), over the packets and over each turn, the share of
 * them that is reproduced counts if it is less. Of nothing, nothing must come.
 *
 * `lidar.checksum.<capture>`, of sensors that send check sums: the share of packets that are taken as they
 * are and refused with any one bit turned over. What else a capture holds is said on stderr.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, PortcullisError } from '../../edge/base/error.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { datagrams } from '../../drivers/lidar/capture/pcap.ts'
import { crc64 } from '../../drivers/lidar/ouster/crc64.ts'
import { OusterDecoder } from '../../drivers/lidar/ouster/decoder.ts'
import { type Metadata, readMetadata } from '../../drivers/lidar/ouster/metadata.ts'
import { RawPackets } from '../../drivers/lidar/ouster/raw.ts'
import type { Figure } from '../bench/figure.ts'
import { Digester, type StreamDigest } from './ouster-digest.ts'
import { type ReferencePoint, referencePoints } from './ouster-reference.ts'

export { evaluateZones } from './eval-zones.ts'

const note = (text: string): void => void process.stderr.write(`lidar.points: ${text}\n`)

/** The metadata of the sensors in a capture: files of its name, with a number or something more after it. */
function metadataBeside(capture: string): string[] {
  const stem = basename(capture).replace(/\.pcap(ng)?$/, '')
  const all = globSync(join(dirname(capture), '*.json')).sort()
  const own = all.filter((file) => basename(file).startsWith(stem) && /^([._]\d+)?\.json$/.test(basename(file).slice(stem.length)))
  // Several captures of a sensor may share one file: the longest name that the capture's begins with.
  const shared = all.filter((file) => stem.startsWith(basename(file, '.json'))).sort((one, other) => other.length - one.length)
  return own.length > 0 ? own : shared.slice(0, 1)
}

interface Expected {
  packets: Record<string, string>
  turns: Record<string, string>[]
}

function digestBeside(capture: string): Expected | undefined {
  const file = capture.replace(/\.pcap(ng)?$/, '_digest.json')
  if (!existsSync(file)) return undefined
  const content = JSON.parse(readFileSync(file, 'utf8')) as { packet_hash?: Record<string, string>; scans?: Record<string, string>[]; frames?: Record<string, string>[] }
  return { packets: content.packet_hash ?? {}, turns: content.frames ?? content.scans ?? [] }
}

interface Decoded {
  verdicts: Record<string, number>
  points: number
  lost: number
  digest: StreamDigest
  /** Points that the packets hold by the manual, and how many of them the decoder gave. */
  expected: number
  reproduced: number
  /** Packets with a right check sum, and how many of them are refused when they are damaged. */
  summed: number
  refused: number
}

/** What single precision leaves at the longest range, metres. */
const same_m = 1e-4
/** Bits of each packet that are turned over, one at a time. */
const bitsTried = 8
/** The type of a packet is looked at before its sum. */
const headerSafe_bytes = 4


async function decode(capture: string, metadata: Metadata): Promise<Decoded> {
  const decoder = new OusterDecoder(metadata)
  const block = new PointBlock(decoder.columnsMax, decoder.rings)
  const digester = new Digester(metadata)
  const raw = new RawPackets(metadata)
  const found = { verdicts: {} as Record<string, number>, points: 0, lost: 0, expected: 0, reproduced: 0, summed: 0, refused: 0 }
  for await (const { payload } of datagrams(capture)) {
    digester.take(payload)
    const verdict = decoder.decode(payload, block)
    found.verdicts[verdict] = (found.verdicts[verdict] ?? 0) + 1
    const expected = raw.isLidar(payload) ? referencePoints(metadata, raw, payload).filter(({ distance }) => distance > 0) : []
    found.expected += expected.length
    if (verdict !== 'points') continue
    found.lost += block.lost
    for (let index = 0; index < block.beams; index++) if (block.distance[index] !== 0) found.points++
    found.reproduced += expected.filter((point) => isIn(block, point)).length
    if (!hasRightSum(metadata, payload)) continue
    found.summed++
    if (refusesDamaged(metadata, payload)) found.refused++
  }
  return { ...found, digest: digester.end() }
}

function isIn({ distance, x, y, z, rings }: PointBlock, point: ReferencePoint): boolean {
  const at = point.column * rings + point.ring
  return [[distance, point.distance], [x, point.x], [y, point.y], [z, point.z]].every(([ours, theirs]) => Math.abs((ours as Float32Array)[at]! - (theirs as number)) <= same_m)
}

function hasRightSum(metadata: Metadata, packet: Uint8Array): boolean {
  if (metadata.profile === 'LEGACY' || metadata.fusaHeader) return false
  const words = new Uint32Array(Uint8Array.from(packet).buffer)
  return crc64(words, words.length - 2)
}

/** Of a sensor that has sent a right sum before, as every packet here has. */
function refusesDamaged(metadata: Metadata, packet: Uint8Array): boolean {
  return Array.from({ length: bitsTried }, (_, turn) => {
    const decoder = new OusterDecoder(metadata)
    const block = new PointBlock(decoder.columnsMax, decoder.rings)
    decoder.decode(packet, block)
    const damaged = Uint8Array.from(packet)
    const at = headerSafe_bytes + Math.floor(((packet.length - headerSafe_bytes) * turn) / bitsTried)
    damaged[at]! ^= 1 << turn
    return decoder.decode(damaged, block)
  }).every((verdict) => verdict === 'damaged')
}

/** How many of the expected sums are equal, and their names where they are not. */
function compare(expected: Expected, { packets, turns }: StreamDigest): { share: number; unequal: string[] } {
  const pairs = [
    ...Object.entries(expected.packets).map(([name, sum]) => [name, sum === packets[name]] as const),
    ...expected.turns.flatMap((turn, index) => Object.entries(turn).map(([name, sum]) => [`${name} of turn ${index}`, sum === turns[index]?.[name]] as const)),
    ['number of turns', expected.turns.length === turns.length] as const,
  ]
  const unequal = pairs.filter(([, isEqual]) => !isEqual).map(([name]) => name)
  return { share: 100 * (pairs.length - unequal.length) / pairs.length, unequal }
}

const shareOf = (some: number, all: number): number => (all === 0 ? 100 : (100 * some) / all)

async function evaluateCapture(capture: string, file: string, say: (figure: Figure) => void): Promise<void> {
  const name = basename(capture).replace(/\.pcap(ng)?$/, '')
  const { verdicts, points, lost, digest, expected, reproduced, summed, refused } = await decode(capture, readMetadata(readFileSync(file, 'utf8')))
  note(`${name} with ${basename(file)}: ${Object.entries(verdicts).map(([verdict, count]) => `${count} ${verdict}`).join(', ') || 'nothing'}; ${points} points, ${lost} packets lost`)
  const sums = digestBeside(capture)
  const { share, unequal } = sums === undefined ? { share: 100, unequal: [] } : compare(sums, digest)
  if (unequal.length > 0) note(`${name}: not equal: ${unequal.join(', ')}`)
  // Points that nobody sent count as much against it as points that are missing.
  say({ name: `lidar.points.${name}`, value: Math.min(share, shareOf(reproduced, Math.max(expected, points))), unit: '%' })
  if (summed > 0) say({ name: `lidar.checksum.${name}`, value: shareOf(refused, summed), unit: '%' })
}

/** Every capture below `<data>/lidar` beside which the metadata of an Ouster sensor lies. */
export async function evaluateOuster(data: string, say: (figure: Figure) => void): Promise<void> {
  for (const capture of globSync(join(data, 'lidar', '**', '*.{pcap,pcapng}')).sort()) {
    const files = metadataBeside(capture)
    // What has point clouds beside it is judged by them (eval-points.ts).
    if (files.length === 0 && globSync(join(dirname(capture), '*.pcd')).length === 0) note(`${capture} is left out: no metadata of an Ouster sensor beside it`)
    for (const file of files) {
      try {
        await evaluateCapture(capture, file, say)
      } catch (error) {
        if (!(error instanceof PortcullisError) && !(error instanceof SyntaxError)) throw error
        note(`${capture} with ${basename(file)} is left out: ${describe(error).message}`)
      }
    }
  }
}

/**
 * Whether every field of recorded Ouster packets is decoded as the maker's SDK decodes it:
 * `lidar.points.<capture>` is the share of the MD5 sums in `<capture>_digest.json` that are reproduced,
 * those over the packets and those over each turn. What else a capture holds is said on stderr.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, PortcullisError } from '../../edge/base/error.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { datagrams } from '../../drivers/lidar/capture/pcap.ts'
import { OusterDecoder } from '../../drivers/lidar/ouster/decoder.ts'
import { type Metadata, readMetadata } from '../../drivers/lidar/ouster/metadata.ts'
import type { Figure } from '../bench/figure.ts'
import { Digester, type StreamDigest } from './ouster-digest.ts'

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
}

async function decode(capture: string, metadata: Metadata): Promise<Decoded> {
  const decoder = new OusterDecoder(metadata)
  const block = new PointBlock(decoder.columnsMax, decoder.rings)
  const digester = new Digester(metadata)
  const verdicts: Record<string, number> = {}
  let [points, lost] = [0, 0]
  for await (const { payload } of datagrams(capture)) {
    digester.take(payload)
    const verdict = decoder.decode(payload, block)
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    if (verdict !== 'points') continue
    lost += block.lost
    for (let index = 0; index < block.beams; index++) if (block.distance[index] !== 0) points++
  }
  return { verdicts, points, lost, digest: digester.end() }
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

async function evaluateCapture(capture: string, file: string, say: (figure: Figure) => void): Promise<void> {
  const name = basename(capture).replace(/\.pcap(ng)?$/, '')
  const { verdicts, points, lost, digest } = await decode(capture, readMetadata(readFileSync(file, 'utf8')))
  note(`${name} with ${basename(file)}: ${Object.entries(verdicts).map(([verdict, count]) => `${count} ${verdict}`).join(', ') || 'nothing'}; ${points} points, ${lost} packets lost`)
  const expected = digestBeside(capture)
  if (expected === undefined) return
  const { share, unequal } = compare(expected, digest)
  if (unequal.length > 0) note(`${name}: not equal: ${unequal.join(', ')}`)
  say({ name: `lidar.points.${name}`, value: share, unit: '%' })
}

/** Every capture below `<data>/lidar` beside which the metadata of an Ouster sensor lies. */
export async function evaluateOuster(data: string, say: (figure: Figure) => void): Promise<void> {
  for (const capture of globSync(join(data, 'lidar', '**', '*.{pcap,pcapng}')).sort()) {
    const files = metadataBeside(capture)
    if (files.length === 0) note(`${capture} is left out: no metadata of an Ouster sensor beside it`)
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

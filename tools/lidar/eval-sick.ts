/**
 * Whether recorded conversations with SICK TiM sensors are understood, and whether our evaluation of the
 * sensor's fields says what the sensor's own did.
 *
 * `lidar.points.<capture>`: % of the telegrams whose check sum is right and that decode completely;
 * `lidar.sick.fields.<capture>`: fields whose geometry the sensor told; and over all captures that hold
 * results of the sensor's evaluation, `lidar.sick.agreement`: % of those results (free or infringed, field
 * by field) that our evaluation of the scan that they are dated with gives, too, with their number, `lidar.sick.results`.
 */
import { globSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe } from '../../edge/base/error.ts'
import { PointBlock } from '../../edge/device/points.ts'
import type { Payload } from '../../drivers/lidar/sick-tim/cola.ts'
import { type Beams, type Field, FieldEvaluation, isConfigured, parseField } from '../../drivers/lidar/sick-tim/fields.ts'
import { readRecorded, type Recorded, Telegrams } from '../../drivers/lidar/sick-tim/recorded.ts'
import { covers, fieldOf, type FieldResult, nameInSet, parseInputs, parseResults, setOfInputs, setOfResults } from '../../drivers/lidar/sick-tim/results.ts'
import { beamsMax, ScanDecoder } from '../../drivers/lidar/sick-tim/scan.ts'
import type { Figure } from '../bench/figure.ts'

/** When a telegram was recorded, its place in the conversation, and the sensor's own date (NaN where not given). */
interface Moment {
  at_s: number
  order: number
  date_us: number
}

interface ScanSeen extends Moment {
  distance: Float32Array
  beams: Beams
  inputs: number
}

interface ResultsSeen extends Moment {
  results: readonly FieldResult[]
  /** As the sensor told of them before, by a telegram of their own. */
  toldInputs: number | undefined
}

export interface Conversation {
  telegrams: number
  understood: number
  fields: readonly Field[]
  scans: readonly ScanSeen[]
  results: readonly ResultsSeen[]
}

const file_bytes_max = 256 * 1024 * 1024
const note = (text: string): void => void process.stderr.write(`lidar.sick: ${text}\n`)

/** @param data the folder of evaluation data: all recorded conversations below it are looked at. */
export async function evaluateSick(data: string, say: (figure: Figure) => void): Promise<void> {
  let agreed = 0
  let compared = 0
  for (const file of globSync('**/*.{json,json.gz}', { cwd: data }).toSorted()) {
    const recorded = recordedIn(join(data, file), file)
    if (recorded === undefined) continue
    const conversation = understand(recorded)
    if (conversation.scans.length === 0) {
      note(`skipped ${file}: ${whyNot(recorded)}`)
      continue
    }
    const name = basename(file).replace(/(\.pcap(ng)?)?\.json(\.gz)?$/, '')
    say({ name: `lidar.points.${name}`, value: (100 * conversation.understood) / conversation.telegrams, unit: '%' })
    say({ name: `lidar.sick.fields.${name}`, value: conversation.fields.length, unit: 'count' })
    note(`${name}: ${conversation.telegrams} telegrams, ${conversation.scans.length} scans, ${conversation.fields.filter(isConfigured).length} configured fields, ${conversation.results.length} results of its own`)
    const outcome = compare(conversation, name)
    agreed += outcome.agreed
    compared += outcome.compared
  }
  if (compared === 0) return
  say({ name: 'lidar.sick.agreement', value: (100 * agreed) / compared, unit: '%' })
  say({ name: 'lidar.sick.results', value: compared, unit: 'count' })
}

/** Other JSON than recorded conversations is passed over; what begins like one and is not is said. */
function recordedIn(path: string, file: string): Recorded[] | undefined {
  if (statSync(path).size > file_bytes_max) return undefined
  const bytes = readFileSync(path)
  const isZipped = file.endsWith('.gz')
  if (!isZipped && !bytes.includes('"tcp.payload"')) return undefined
  try {
    return readRecorded(bytes)
  } catch (error) {
    note(`skipped ${file}: ${describe(error).message}`)
    return undefined
  }
}

function whyNot(recorded: readonly Recorded[]): string {
  const isAscii = recorded.some(({ bytes }) => bytes[0] === 0x02 && bytes[1] === 0x73)
  return isAscii ? 'it is in CoLa A, the text form, of another kind of sensor' : 'it holds no scans'
}

export function understand(recorded: readonly Recorded[]): Conversation {
  const framer = new Telegrams()
  const decoder = new ScanDecoder()
  const block = new PointBlock(beamsMax, 1)
  const fields = new Map<number, Field>()
  const scans: ScanSeen[] = []
  const results: ResultsSeen[] = []
  let telegrams = 0
  let understood = 0
  let toldInputs: number | undefined
  recorded.forEach(({ at_s, bytes, from }, order) => {
    for (const payload of framer.take({ bytes, from })) {
      telegrams++
      const kind = kindOf(payload)
      toldInputs = parseInputs(payload) ?? toldInputs
      const verdict = decoder.decode(payload, block)
      if (verdict === 'points') {
        const beams = { start_deg: decoder.start_deg, step_deg: decoder.step_deg, count: block.columns }
        scans.push({ at_s, order, date_us: decoder.date_us, distance: block.distance.slice(0, block.columns), beams, inputs: decoder.inputs })
      }
      const field = kind === 'field' ? parseField(payload) : undefined
      if (field !== undefined) fields.set(field.index, field)
      const told = kind === 'results' ? parseResults(payload) : undefined
      if (told !== undefined) results.push({ at_s, order, date_us: newest(told), results: told, toldInputs })
      if (kind === 'other' || (kind === 'scan' && verdict === 'points') || field !== undefined || told !== undefined) understood++
    }
  })
  return { telegrams: telegrams + framer.damaged + framer.unfinished, understood, fields: [...fields.values()], scans, results }
}

function kindOf(payload: Payload): 'scan' | 'field' | 'results' | 'other' | 'none' {
  const words = Buffer.from(payload.subarray(0, 40)).toString('latin1')
  if (/^(sSN|sRA) LMDscandata /.test(words)) return 'scan'
  if (/^sRA field\d{3} /.test(words)) return 'field'
  if (/^(sSN|sRA) LFErec /.test(words)) return 'results'
  return /^s([RWME]N|[RWE]A|AN|SN|FA)/.test(words) ? 'other' : 'none'
}

const newest = (results: readonly FieldResult[]): number => Math.max(...results.map(({ date_us }) => (Number.isNaN(date_us) ? -Infinity : date_us)), -Infinity)

/**
 * What our evaluation says of the scan that each of the sensor's results is dated with: there the field
 * became what it is, whatever response time is set. Where that scan is not in the recording, of the scan
 * nearest to the telegram.
 */
export function compare({ fields, scans, results }: Pick<Conversation, 'fields' | 'scans' | 'results'>, name: string): { agreed: number; compared: number } {
  let agreed = 0
  let compared = 0
  for (const seen of results) {
    const last = nearest(scans, seen)
    const said = setOfInputs(seen.toldInputs ?? last.inputs)
    const set = covers(seen.results, fields, said) ? said : setOfResults(seen.results, fields, said)
    for (const { place, state, date_us } of seen.results) {
      if (state === 'unknown') continue
      const index = fieldOf(set, place)
      const scan = dated(scans, date_us) ?? last
      const evaluation = new FieldEvaluation(fields.filter((field) => field.index === index), scan.beams)
      evaluation.evaluate(scan.distance)
      const ours = evaluation.state(index)
      compared++
      if (ours === state) agreed++
      else note(`${name}: telegram ${seen.order}, ${nameInSet(index)}: the sensor says ${state}, we say ${ours} of scan ${scan.order}`)
    }
  }
  return { agreed, compared }
}

/** A change is dated with the scan that it was seen in; more than half a scan's time away it is not that scan's. */
const sameScan_us = 34_000

/** By the sensor's own dates where a scan of that date is there; else by the time of recording, or the order. */
function nearest(scans: readonly ScanSeen[], moment: Moment): ScanSeen {
  return dated(scans, moment.date_us) ?? closest(scans, (scan) => Math.abs(scan.at_s - moment.at_s)) ?? closest(scans, (scan) => Math.abs(scan.order - moment.order)) as ScanSeen
}

/** The scan of that date by the sensor's own clock, where it is in the recording. */
function dated(scans: readonly ScanSeen[], date_us: number): ScanSeen | undefined {
  const scan = closest(scans, (scan) => Math.abs(scan.date_us - date_us))
  return scan !== undefined && Math.abs(scan.date_us - date_us) <= sameScan_us ? scan : undefined
}

/** Undefined when no distance is known. */
function closest(scans: readonly ScanSeen[], away: (scan: ScanSeen) => number): ScanSeen | undefined {
  let best: ScanSeen | undefined
  for (const scan of scans) if (Number.isFinite(away(scan)) && (best === undefined || away(scan) < away(best))) best = scan
  return best
}

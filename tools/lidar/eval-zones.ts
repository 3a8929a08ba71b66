/**
 * Whether our zones come to the result of the sensor's own zone monitor, from the same ranges.
 *
 * - `lidar.zone.agreement`: of each zone 0 where one side triggers and the other does not, else the
 *   share of the beams counted inside by either side that both count (by their numbers where it is not
 *   recorded which they are); the mean of all zones.
 * - `lidar.zone.triggers`: zones in which both trigger, or neither.
 * - `lidar.zone.count.error`: by how much the numbers of points inside differ, of all that the sensor counted.
 * - `lidar.zone.hidden.error`, `lidar.zone.invalid.error`: the same of what hides the zone and tells nothing.
 * - `lidar.zone.bounds`: beams that enter and leave the zone where the maker's renderer says, of all that
 *   either side lets through it.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe } from '../../edge/base/error.ts'
import { readStl } from '../../edge/perception/obstacles/stl.ts'
import { type Bounds, movedRays, zoneBounds, ZoneMonitor, type ZoneState } from '../../edge/perception/obstacles/zone.ts'
import { Beams } from '../../drivers/lidar/ouster/beams.ts'
import { readMetadata } from '../../drivers/lidar/ouster/metadata.ts'
import type { Figure } from '../bench/figure.ts'
import { readOsf } from './osf.ts'
import { type RenderedZone, readZoneSet, unzip, type ZoneSet } from './zone-set.ts'

/** What the sensor said of a zone. */
interface SensorSays {
  zone: number
  inside: number
  hidden: number
  invalid: number
  triggered: boolean
  /** Whether it counted the point of a row and column inside; where that is recorded. */
  isInside?: (row: number, column: number) => boolean
}

/** One turn of a sensor with what it said of its zones. */
interface Recorded {
  metadata: string
  set: ZoneSet
  /** Row by row from the top. */
  ranges_mm: Uint32Array
  says: SensorSays[]
}

const note = (text: string): void => void process.stderr.write(`lidar.zone: ${text}\n`)
const state_bytes = 37

/** Scans with the states of all zones and, of each beam, the zones that its point is in. */
function fromOsf(file: string): Recorded[] {
  const { metadata, scans } = readOsf(readFileSync(file))
  const files = unzip(Buffer.from((JSON.parse(metadata) as { zone_set?: string }).zone_set ?? '', 'base64'))
  const set = readZoneSet((name) => files.get(name))
  const columns = readMetadata(metadata).columnsPerFrame
  return scans.flatMap(({ fields }) => {
    const range = fields.get('RANGE')
    const states = fields.get('ZONE_STATES')
    const mask = fields.get('ZONE_MASK')
    if (range?.bytes !== 4 || states === undefined) return []
    const masks = mask === undefined ? undefined : new Uint16Array(Uint8Array.from(mask.data).buffer)
    return [{ metadata, set, ranges_mm: new Uint32Array(Uint8Array.from(range.data).buffer), says: statesOf(states.data, masks, columns) }]
  })
}

function statesOf(data: Uint8Array, masks: Uint16Array | undefined, columns: number): SensorSays[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return Array.from({ length: Math.floor(data.length / state_bytes) }, (_, slot) => {
    const at = slot * state_bytes
    const [inside, hidden, invalid] = [9, 13, 17].map((place) => view.getUint32(at + place, true)) as [number, number, number]
    const isInside = (row: number, column: number): boolean => (masks![row * columns + column]! >> slot & 1) === 1
    return { isLive: data[at] === 1, zone: data[at + 1]!, inside, hidden, invalid, triggered: data[at + 4] === 1, ...(masks === undefined ? {} : { isInside }) }
  }).filter(({ isLive }) => isLive)
}

const readIn = (folder: string) => (name: string): Uint8Array | undefined => {
  const file = join(folder, name)
  if (existsSync(file)) return readFileSync(file)
  return existsSync(`${file}.gz`) ? gunzipSync(readFileSync(`${file}.gz`)) : undefined
}

interface Published {
  count: number
  occlusion_count: number
  invalid_count: number
  trigger_status: number
}

/** A range image with what is published of the sensor's result: `expected.json`, members `zone<n>_on_sensor...`. */
function fromFolder(expected: string): Recorded[] {
  const folder = dirname(expected)
  const [image] = globSync(join(folder, 'range_mm.u32le.*.bin*'))
  const metadata = readIn(folder)('sensor_metadata.json')
  if (image === undefined || metadata === undefined) throw new Error('no range image or sensor metadata beside it')
  const bytes = readFileSync(image)
  const members = Object.entries(JSON.parse(readFileSync(expected, 'utf8')) as Record<string, unknown>)
  const says = members.flatMap(([name, value]) => {
    const zone = /^zone(\d+)_on_sensor/.exec(name)?.[1]
    const { count, occlusion_count, invalid_count, trigger_status } = value as Published
    return zone === undefined ? [] : [{ zone: Number(zone), inside: count, hidden: occlusion_count, invalid: invalid_count, triggered: trigger_status === 1 }]
  })
  const ranges = Uint8Array.from(image.endsWith('.gz') ? gunzipSync(bytes) : bytes)
  return [{ metadata: Buffer.from(metadata).toString('utf8'), set: readZoneSet(readIn(folder)), ranges_mm: new Uint32Array(ranges.buffer), says }]
}

class Totals {
  readonly #agreements: number[] = []
  #triggers = 0
  readonly #counts = { inside: 0, hidden: 0, invalid: 0 }
  readonly #errors = { inside: 0, hidden: 0, invalid: 0 }
  readonly #bounds = { equal: 0, all: 0 }

  add(ours: ZoneState, theirs: SensorSays, overlap: number): void {
    const agrees = ours.triggered === theirs.triggered
    this.#agreements.push(agrees ? overlap : 0)
    if (agrees) this.#triggers++
    for (const name of ['inside', 'hidden', 'invalid'] as const) {
      this.#counts[name] += theirs[name]
      this.#errors[name] += Math.abs(ours[name] - theirs[name])
    }
  }

  addBounds(equal: number, all: number): void {
    this.#bounds.equal += equal
    this.#bounds.all += all
  }

  say(say: (figure: Figure) => void): void {
    const zones = this.#agreements.length
    if (zones === 0) return note('nothing to compare with')
    const percent = (name: string, part: number, whole: number): void => say({ name: `lidar.zone.${name}`, value: whole === 0 ? (part === 0 ? 0 : 100) : (100 * part) / whole, unit: '%' })
    percent('agreement', this.#agreements.reduce((sum, value) => sum + value, 0), zones)
    percent('triggers', this.#triggers, zones)
    percent('count.error', this.#errors.inside, this.#counts.inside)
    percent('hidden.error', this.#errors.hidden, this.#counts.hidden)
    percent('invalid.error', this.#errors.invalid, this.#counts.invalid)
    if (this.#bounds.all > 0) percent('bounds', this.#bounds.equal, this.#bounds.all)
  }
}

function evaluate({ metadata, set, ranges_mm, says }: Recorded, totals: Totals): void {
  const beams = new Beams(readMetadata(metadata))
  const rays = { sensor: beams.rays(), body: movedRays(beams.rays(), set.sensorToBody) }
  const ranges = new Uint32Array(ranges_mm.length)
  for (let beam = 0; beam < ranges.length; beam++) ranges[beam] = ranges_mm[rowOf(beams, beam) * beams.columns + (beam % beams.columns)]!
  for (const zone of set.zones) {
    const theirs = says.find(({ zone: id }) => id === zone.id)
    const bounds = zoneBounds(readStl(zone.stl), rays[zone.frame], zone.rendered?.bin_mm)
    if (zone.rendered !== undefined) compareBounds(beams, bounds, zone.rendered, totals)
    if (theirs === undefined) continue
    const monitor = new ZoneMonitor(bounds, zone.rule)
    for (let turn = 0; turn < zone.rule.turns; turn++) monitor.turn(ranges)
    totals.add(monitor.state, theirs, overlap(beams, monitor, theirs))
    const { inside, hidden, invalid, beams: all, nearest_mm, farthest_mm, mean_mm, triggered } = monitor.state
    note(`zone ${zone.id}: ${inside} inside (sensor ${theirs.inside}), ${hidden} hidden (${theirs.hidden}), ${invalid} invalid (${theirs.invalid}) of ${all}; ${nearest_mm} to ${farthest_mm}, mean ${mean_mm} mm; ${triggered ? 'triggered' : 'not triggered'}`)
  }
}

const rowOf = (beams: Beams, beam: number): number => beams.rowOf[Math.floor(beam / beams.columns)]!

/** Of the beams that either side counts inside, how many both do. */
function overlap(beams: Beams, monitor: ZoneMonitor, theirs: SensorSays): number {
  if (theirs.isInside === undefined) {
    const { inside } = monitor.state
    return inside === theirs.inside ? 1 : Math.min(inside, theirs.inside) / Math.max(inside, theirs.inside)
  }
  let [both, either] = [0, 0]
  monitor.isInside.forEach((ours, beam) => {
    const sensor = theirs.isInside!(rowOf(beams, beam), beam % beams.columns)
    if (ours === 1 && sensor) both++
    if (ours === 1 || sensor) either++
  })
  return either === 0 ? 1 : both / either
}

function compareBounds(beams: Beams, bounds: Bounds, rendered: RenderedZone, totals: Totals): void {
  if (rendered.columns !== beams.columns || rendered.rows !== beams.rings) return note('a zone was rendered for another sensor')
  let [equal, all] = [0, 0]
  for (let beam = 0; beam < bounds.far.length; beam++) {
    const there = (beam % beams.columns) * rendered.rows + rowOf(beams, beam)
    if (bounds.far[beam] === 0 && rendered.far[there] === 0) continue
    all++
    if (bounds.near[beam] === rendered.near[there] && bounds.far[beam] === rendered.far[there]) equal++
  }
  totals.addBounds(equal, all)
}

/** Every OSF file and every folder with an `expected.json` below `<data>/lidar`. */
export async function evaluateZones(data: string, say: (figure: Figure) => void): Promise<void> {
  const totals = new Totals()
  const sources = [...globSync(join(data, 'lidar', '**', '*.osf')), ...globSync(join(data, 'lidar', '**', 'expected.json'))].sort()
  for (const file of sources) {
    try {
      for (const recorded of file.endsWith('.osf') ? fromOsf(file) : fromFolder(file)) evaluate(recorded, totals)
    } catch (error) {
      note(`${file} is left out: ${error instanceof Error ? error.message : describe(error).message}`)
    }
  }
  totals.say(say)
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { ascii } from '../../edge/base/bytes.ts'
import { frame, telegram } from '../../drivers/lidar/sick-tim/cola.ts'
import { encodeField, encodeResults, encodeScan } from '../../drivers/lidar/sick-tim/encode.ts'
import type { Field, FieldState } from '../../drivers/lidar/sick-tim/fields.ts'
import type { Figure } from '../bench/figure.ts'
import { evaluateSick } from './eval-sick.ts'

const scan_us = 66_667

/** A field of `far_mm` straight ahead. */
const ahead = (index: number, far_mm: number): Field => ({
  index, name: 'Ahead', incomplete: false,
  shapes: [{ kind: 'segmented', corners: [{ angle_deg: 60, near_mm: 0, far_mm }, { angle_deg: 120, near_mm: 0, far_mm }] }],
})
const empty = (index: number): Field => ({ index, name: '', incomplete: false, shapes: [] })

/** Something straight ahead. */
const scanAt = (number: number, away_mm: number, inputs = 0): Uint8Array => encodeScan({
  serial: 1, status: 0, counter: number, uptime_us: number * scan_us, inputs, outputs: 0, scans_perS: 15, start_deg: -45, step_deg: 0.3333,
  distances_mm: Array.from({ length: 811 }, (_, beam) => (Math.abs(beam - 405) < 3 ? away_mm : 5_000)), strengths: [], date_us: number * scan_us,
})
const resultsAt = (number: number, ...states: FieldState[]): Uint8Array =>
  encodeResults(states.map((state, index) => ({ place: index + 1, state, date_us: number * scan_us })))

const entry = (bytes: Uint8Array, index: number): unknown => ({
  _source: { layers: { tcp: { Timestamps: { 'tcp.time_relative': String(index / 15) }, 'tcp.payload': Buffer.from(bytes).toString('hex').replaceAll(/(..)(?=.)/g, '$1:') } } },
})

async function figures(t: Test, captures: Record<string, readonly Uint8Array[]>): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-eval-sick-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, telegrams] of Object.entries(captures)) {
    const json = JSON.stringify(telegrams.map(entry))
    writeFileSync(join(folder, name), name.endsWith('.gz') ? gzipSync(json) : json)
  }
  const found: Figure[] = []
  await evaluateSick(folder, (figure) => found.push(figure))
  return Object.fromEntries(found.map(({ name, value }) => [name, value]))
}

void t.test('agreement is the share of the sensor\'s results that we find, too', async (t) => {
  const fields = [empty(0), ahead(1, 1_000), ahead(2, 2_000), ...Array.from({ length: 3 }, (_, index) => empty(index + 3)), ahead(6, 3_000)]
  const story = [
    ...fields.map(encodeField), scanAt(1, 4_000), resultsAt(1, 'unknown', 'free', 'free'), scanAt(2, 1_500), resultsAt(2, 'unknown', 'free', 'infringed'),
    scanAt(3, 800), resultsAt(3, 'unknown', 'infringed', 'infringed'), scanAt(4, 2_500, 2), resultsAt(4, 'infringed', 'unknown', 'unknown'),
  ].map(frame)
  t.strictSame(await figures(t, { 'a.pcapng.json.gz': [telegram('sRN field000'), ...story] }), {
    'lidar.points.a': 100, 'lidar.sick.fields.a': 7, 'lidar.sick.agreement': 100, 'lidar.sick.results': 7,
  })
  t.match(await figures(t, { 'b.json': [...story, frame(scanAt(5, 4_000)), frame(resultsAt(5, 'unknown', 'free', 'infringed'))] }), {
    'lidar.sick.agreement': (100 * 8) / 9, 'lidar.sick.results': 9,
  }, 'the sensor says that something is in a field where nothing is')
})

void t.test('where the sensor gives no dates, the time of recording counts', async (t) => {
  const undated = (...states: FieldState[]): Uint8Array => encodeResults(states.map((state, index) => ({ place: index + 1, state, date_us: Number.NaN })))
  t.match(await figures(t, { 'c.json': [encodeField(ahead(0, 1_000)), scanAt(1, 500), undated('infringed'), scanAt(2, 4_000), scanAt(3, 4_000), undated('free')].map(frame) }), {
    'lidar.sick.agreement': 100, 'lidar.sick.results': 2,
  })
})

void t.test('each result is held against the scan that it is dated with, and against the set that the inputs choose', async (t) => {
  const changed = (...fields: [place: number, state: FieldState, number: number][]): Uint8Array =>
    encodeResults(fields.map(([place, state, number]) => ({ place, state, date_us: number * scan_us })))
  // Something has entered field 2 in scan 3 and is told of in scan 4; field 3 changes in between. Field 1 has no evaluation.
  const story = [
    ahead(0, 3_000), ahead(1, 1_000), ahead(2, 2_000), empty(3), ahead(4, 1), ahead(5, 1), ...Array.from({ length: 42 }, (_, index) => empty(index + 6)),
  ].map(encodeField)
  t.match(await figures(t, { 'e.json': [
    ...story, scanAt(1, 4_000), changed([1, 'unknown', 0], [2, 'free', 1], [3, 'free', 1]), scanAt(2, 1_500), scanAt(3, 800), changed([1, 'unknown', 0], [2, 'free', 1], [3, 'infringed', 3]),
    scanAt(4, 800), changed([1, 'unknown', 0], [2, 'infringed', 4], [3, 'infringed', 3]),
  ].map((payload) => frame(payload)) }), { 'lidar.sick.agreement': 100, 'lidar.sick.results': 6 })
})

void t.test('the set is that of the inputs that the sensor tells of by themselves, where it does', async (t) => {
  const inputsOn = (first: number): Uint8Array => telegram('sSN LIDinputstate', Uint8Array.of(0, 0, 0, 0, 0, 0, first, 0, 0, 0, 0, 0))
  const fields = [ahead(0, 1_000), empty(1), empty(2), ahead(3, 3_000), empty(4), empty(5)].map(encodeField).map((payload) => frame(payload))
  const results = (number: number, state: FieldState): Uint8Array => frame(resultsAt(number, state, 'unknown', 'unknown'))
  t.match(await figures(t, { 'f.json': [...fields, inputsOn(1), frame(scanAt(1, 2_000)), results(1, 'infringed'), inputsOn(0), frame(scanAt(2, 2_000)), results(2, 'free')] }), {
    'lidar.sick.agreement': 100, 'lidar.sick.results': 2,
  })
})

void t.test('damage lowers the share; what is no conversation with a TiM is passed over', async (t) => {
  const wrong = frame(scanAt(2, 500))
  wrong[100] = (wrong[100] ?? 0) ^ 1
  const found = await figures(t, {
    'd.json': [frame(scanAt(1, 500)), wrong, frame(scanAt(3, 500)), frame(ascii('sSN LFErec \0\x01oops'))],
    'radar.json.gz': [ascii('\x02sSN LMDradardata 2 1\x03')],
    'broken.json.gz': [],
  })
  t.strictSame(found, { 'lidar.points.d': 50, 'lidar.sick.fields.d': 0 })
})

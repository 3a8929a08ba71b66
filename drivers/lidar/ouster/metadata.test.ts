import fc from 'fast-check'
import t from 'tap'
import { PortcullisError } from '../../../edge/base/error.ts'
import { Beams } from './beams.ts'
import { readMetadata } from './metadata.ts'
import { profileNames } from './profiles.ts'
import { metadataJson, sampleMetadata } from './sample.ts'

const sample = sampleMetadata({ model: 'OS-1-32' })
const grouped = JSON.parse(metadataJson(sample)) as Record<string, Record<string, unknown>>

/** What the sensor gave before firmware 2.1: the same names without groups. */
const flat = (): Record<string, unknown> => ({
  prod_line: 'OS-1-32-G', prod_sn: '990000000002', build_rev: 'v2.0.0', lidar_mode: '1024x10',
  beam_altitude_angles: sample.altitudes, beam_azimuth_angles: sample.azimuths, lidar_origin_to_beam_origin_mm: 15.806,
  data_format: { columns_per_frame: 1024, columns_per_packet: 16, pixels_per_column: 32, column_window: [0, 1023] },
})

/** The sample with something changed, as `{ group: { name: value } }`; `undefined` takes it away. */
function changed(groups: Record<string, Record<string, unknown>>): string {
  const copy = structuredClone(grouped)
  for (const [group, members] of Object.entries(groups)) copy[group] = { ...copy[group], ...members }
  return JSON.stringify(copy)
}

void t.test('what the sensor says is read in every form it has had', async (t) => {
  for (const profile of profileNames) {
    const made = sampleMetadata({ model: 'OS-0-128', profile, columnsPerFrame: 2048 })
    t.same(readMetadata(metadataJson(made)), made, profile)
  }
  const old = readMetadata(JSON.stringify(flat()))
  t.equal(old.profile, 'LEGACY', 'without a profile there was one only')
  t.equal(old.serial, '990000000002')
  t.equal(old.firmware, 'v2.0.0')
  t.equal(old.beamToLidar[3], 15.806)
  t.same(old.lidarToSensor.slice(8, 12), [0, 0, 1, 36.18], 'what applied before it was said')

  const oldest = flat()
  delete oldest['data_format']
  delete oldest['lidar_origin_to_beam_origin_mm']
  const angles = Array.from({ length: 64 }, (_, row) => 16 - row / 2)
  const first = readMetadata(JSON.stringify({ ...oldest, prod_line: 'OS-2-64', beam_altitude_angles: angles, beam_azimuth_angles: angles }))
  t.equal(first.rows, 64, 'the first generation had one format')
  t.equal(first.columnsPerFrame, 1024)
  t.equal(first.beamToLidar[3], 13.762)
  const unknown = { ...grouped, beam_intrinsics: { beam_altitude_angles: angles, beam_azimuth_angles: angles }, lidar_data_format: 'error: Command not recognized.' }
  t.equal(readMetadata(JSON.stringify(unknown)).rows, 64)
})

void t.test('what cannot be right is refused, and the sentence says what it is', async (t) => {
  const refused: [name: string, json: string, says: RegExp][] = [
    ['not JSON', '{', /not JSON/],
    ['no object', '[1]', /not a JSON object/],
    ['empty', '{}', /missing/],
    ['longer than any', ' '.repeat(8_388_609), /longer/],
    ['beams are missing', changed({ beam_intrinsics: { beam_altitude_angles: [1, 2] } }), /angles of 32 beams/],
    ['all angles 0', changed({ beam_intrinsics: { beam_altitude_angles: Array(32).fill(0) } }), /angles are 0/],
    ['an angle is text', changed({ beam_intrinsics: { beam_azimuth_angles: Array(32).fill('1') } }), /beam_azimuth_angles/],
    ['a transform of 15 numbers', changed({ lidar_intrinsics: { lidar_to_sensor_transform: Array(15).fill(1) } }), /lidar_to_sensor_transform/],
    ['window outside', changed({ lidar_data_format: { column_window: [0, 1024] } }), /column window/],
    ['broken packets', changed({ lidar_data_format: { columns_per_packet: 15 } }), /whole number/],
    ['a profile nobody knows', changed({ lidar_data_format: { udp_profile_lidar: 'RNG99' } }), /udp_profile_lidar/],
    ['two modes at once', changed({ config_params: { lidar_mode: '512x10' } }), /contradicts/],
    ['shifts are missing', changed({ lidar_data_format: { pixel_shift_by_row: [1] } }), /pixel shifts/],
    ['a turn of no columns', changed({ lidar_data_format: { columns_per_frame: 0 } }), /columns_per_frame/],
  ]
  for (const [name, json, says] of refused) t.throws(() => readMetadata(json), { code: 'PC-LIDAR-METADATA', message: says }, name)
})

void t.test('garbage is refused with a code, and whatever is taken makes beams of numbers', async (t) => {
  const places = Object.entries(grouped).flatMap(([group, members]) => Object.keys(members).map((name) => [group, name] as const))
  fc.assert(fc.property(fc.constantFrom(...places), fc.jsonValue(), ([group, name], value) => {
    try {
      const beams = new Beams(readMetadata(changed({ [group]: { [name]: value } })))
      return beams.elevations.every(Number.isFinite) && beams.turning.every(Number.isFinite) && beams.angles.every((angle) => angle >= 0 && angle < 6.2832)
    } catch (error) {
      return error instanceof PortcullisError && error.code === 'PC-LIDAR-METADATA'
    }
  }), { numRuns: 300 })
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => {
    try {
      readMetadata(text)
      return false
    } catch (error) {
      return error instanceof PortcullisError
    }
  }))
  t.pass()
})

void t.test('rings go from the lowest beam up, whatever the order of the rows', async (t) => {
  const upsideDown = { ...sample, altitudes: [...sample.altitudes].reverse() }
  const [usual, unusual] = [new Beams(sample), new Beams(upsideDown)]
  t.same(usual.elevations, unusual.elevations)
  t.ok(usual.elevations.every((angle, ring) => ring === 0 || angle > usual.elevations[ring - 1]!))
  t.equal(usual.rowOf[0], 31)
  t.equal(unusual.rowOf[0], 0)
})

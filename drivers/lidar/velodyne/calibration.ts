/**
 * The calibration file of one Velodyne, in the YAML form that the ROS drivers made customary: of each
 * laser its angles in radians (`rot_correction` counter-clockwise) and its offsets in metres.
 */
import { parse } from 'yaml'
import { ConfigError } from '../../../edge/base/error.ts'
import { mistakes, type Static, Type } from '../../../edge/base/schema.ts'
import type { Laser, VelodyneModel } from './model.ts'

/** A file of 32 lasers has about 11 kB. */
export const calibrationBytesMax = 65_536

const angle = (most: number) => Type.Number({ minimum: -most, maximum: most })
const offset = () => Type.Optional(Type.Number({ minimum: -1, maximum: 1 }))

const Entry = Type.Object({
  laser_id: Type.Integer({ minimum: 0, maximum: 31 }),
  vert_correction: angle(Math.PI / 2),
  rot_correction: angle(Math.PI),
  dist_correction: offset(),
  vert_offset_correction: offset(),
  horiz_offset_correction: offset(),
  two_pt_correction_available: Type.Optional(Type.Boolean()),
})
const File = Type.Object({
  num_lasers: Type.Integer(),
  distance_resolution: Type.Optional(Type.Number()),
  lasers: Type.Array(Entry, { maxItems: 32 }),
})

const refused = (model: VelodyneModel, why: string): ConfigError =>
  new ConfigError('PC-LIDAR-CALIBRATION', `The file is no calibration of a ${model.name}: ${why}.`)

function laserOf(entry: Static<typeof Entry>): Laser {
  const up_m = entry.vert_offset_correction ?? 0
  return {
    elevation: entry.vert_correction,
    azimuth: -entry.rot_correction,
    distance_m: entry.dist_correction ?? 0,
    // The laser sits off the origin at a right angle to its beam.
    outward_m: -up_m * Math.sin(entry.vert_correction),
    upward_m: up_m * Math.cos(entry.vert_correction),
    sideways_m: entry.horiz_offset_correction ?? 0,
  }
}

/**
 * The lasers by their id. Words of the file that matter to other models only (intensity, focal point) are left aside.
 * @throws ConfigError (PC-LIDAR-CALIBRATION) when it is not the calibration of such a sensor.
 */
export function readCalibration(text: string, model: VelodyneModel): readonly Laser[] {
  if (text.length > calibrationBytesMax) throw refused(model, 'it is too long')
  let content: unknown
  try {
    content = parse(text, { maxAliasCount: 0, logLevel: 'error' })
  } catch {
    throw refused(model, 'it is no YAML')
  }
  const [mistake] = mistakes(File, content)
  if (mistake !== undefined) throw refused(model, [...mistake.path, mistake.text].join(' '))
  const file = content as Static<typeof File>
  if (file.num_lasers !== model.lasers || file.lasers.length !== model.lasers) throw refused(model, `it is of ${file.lasers.length} lasers`)
  if (file.distance_resolution !== undefined && Math.abs(file.distance_resolution - model.unit_m) > 1e-6) throw refused(model, 'its distances have another unit')
  if (file.lasers.some((entry) => entry.two_pt_correction_available === true)) throw refused(model, 'its distances have two corrections')
  const byId = new Map(file.lasers.map((entry) => [entry.laser_id, laserOf(entry)]))
  const lasers = Array.from({ length: model.lasers }, (_, id) => byId.get(id)).filter((laser) => laser !== undefined)
  if (lasers.length !== model.lasers) throw refused(model, 'a laser is missing')
  if (new Set(lasers.map(({ elevation }) => elevation)).size !== model.lasers) throw refused(model, 'two lasers have the same elevation')
  return lasers
}

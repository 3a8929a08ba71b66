/**
 * What an Ouster sensor says of itself (`GET /api/v1/sensor/metadata`, or a file kept beside a
 * capture): its beams, its packet format, who it is. Read from the flat form of firmware before 2.1
 * and from the grouped form since.
 */
import { ConfigError } from '../../../edge/base/error.ts'
import { parse, type Static, Type } from '../../../edge/base/schema.ts'
import { type ProfileName, profileNames } from './profiles.ts'

/** Sensors send some 10 KB; with a zone set, rendered zones included, some 3 MB in base64. */
export const metadataBytesMax = 8_388_608

export interface Metadata {
  model: string
  serial: string
  firmware: string
  /** Drawn anew each time the sensor starts measuring; 0 when it is not given. */
  initId: number
  profile: ProfileName
  /** The other packet header, of functional safety: frame counter of 32 bits, no check sum. */
  fusaHeader: boolean
  columnsPerFrame: number
  columnsPerPacket: number
  rows: number
  /** First and last measured column, both included; the first is the greater one when it runs through 0. */
  columnWindow: readonly [first: number, last: number]
  framesPerSecond: number
  /** Which of two echoes comes first in the packet. */
  returnOrder: 'strongest-first' | 'nearest-first' | 'farthest-first'
  /** Columns by which a row must be shifted so that what is above each other was seen in one direction. */
  pixelShiftByRow: readonly number[]
  /** Degrees, of each row. */
  altitudes: readonly number[]
  /** Degrees, of each row, clockwise from the column's direction. */
  azimuths: readonly number[]
  /** Row by row 4 x 4, millimetres. */
  beamToLidar: readonly number[]
  lidarToSensor: readonly number[]
  /** IMU packets: their length is known for the old form only. */
  imuLegacy: boolean
}

const count = (least: number, most: number) => Type.Integer({ minimum: least, maximum: most })
const matrix = Type.Array(Type.Number({ minimum: -1e5, maximum: 1e5 }), { minItems: 16, maxItems: 16 })
const angles = Type.Array(Type.Number({ minimum: -360, maximum: 360 }), { minItems: 1, maxItems: 256 })
const text = Type.String({ maxLength: 200 })

const LidarMode = Type.String({ pattern: '^(512|1024|2048|4096)x(5|10|20)$' })

const DataFormat = Type.Object({
  columns_per_frame: count(16, 4096),
  columns_per_packet: count(1, 64),
  pixels_per_column: count(1, 256),
  column_window: Type.Optional(Type.Array(count(0, 4095), { minItems: 2, maxItems: 2 })),
  pixel_shift_by_row: Type.Optional(Type.Array(count(-4096, 4096), { maxItems: 256 })),
  fps: Type.Optional(count(0, 100)),
  udp_profile_lidar: Type.Optional(Type.Enum([...profileNames])),
  udp_profile_imu: Type.Optional(text),
  header_type: Type.Optional(Type.Enum(['STANDARD', 'FUSA'])),
})
type DataFormat = Static<typeof DataFormat>

const BeamIntrinsics = Type.Object({
  beam_altitude_angles: angles,
  beam_azimuth_angles: angles,
  beam_to_lidar_transform: Type.Optional(matrix),
  lidar_origin_to_beam_origin_mm: Type.Optional(Type.Number({ minimum: -1000, maximum: 1000 })),
})

const SensorInfo = Type.Object({
  prod_line: Type.Optional(text),
  prod_sn: Type.Optional(text),
  build_rev: Type.Optional(text),
  image_rev: Type.Optional(text),
  initialization_id: Type.Optional(count(0, 0xffff_ffff)),
})

const ReturnOrder = Type.Optional(text)

const Grouped = Type.Object({
  sensor_info: SensorInfo,
  beam_intrinsics: BeamIntrinsics,
  lidar_intrinsics: Type.Optional(Type.Object({ lidar_to_sensor_transform: matrix })),
  lidar_data_format: Type.Optional(DataFormat),
  config_params: Type.Optional(Type.Object({ lidar_mode: Type.Optional(LidarMode), return_order: ReturnOrder })),
})

const Flat = Type.Intersect([
  SensorInfo,
  BeamIntrinsics,
  Type.Object({
    lidar_to_sensor_transform: Type.Optional(matrix),
    lidar_mode: LidarMode,
    data_format: Type.Optional(DataFormat),
    return_order: ReturnOrder,
  }),
])

const code = 'PC-LIDAR-METADATA'
const wrong = (says: string): ConfigError => new ConfigError(code, `The metadata of the lidar is not usable: ${says}.`)

/** @throws ConfigError (PC-LIDAR-METADATA) that names the first thing that is missing or wrong. */
export function readMetadata(json: string): Metadata {
  if (json.length > metadataBytesMax) throw wrong(`it is longer than ${metadataBytesMax} characters`)
  let content: unknown
  try {
    content = JSON.parse(json)
  } catch {
    throw wrong('it is not JSON')
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw wrong('it is not a JSON object')
  return Object.hasOwn(content, 'sensor_info') || Object.hasOwn(content, 'lidar_data_format') ? fromGrouped(content) : fromFlat(content)
}

/** The schemas' mistakes name the place; they come as InputError, but a file of the site is at fault. */
function checked<S extends Parameters<typeof parse>[0]>(schema: S, content: unknown): Static<S> {
  try {
    return parse(schema, content, code, 'metadata of the lidar')
  } catch (error) {
    throw new ConfigError(code, (error as Error).message)
  }
}

function fromGrouped(content: object): Metadata {
  // Firmware that does not know a part says "error: ..." in its place.
  const known = Object.fromEntries(Object.entries(content).filter(([, part]) => typeof part === 'object'))
  const found = checked(Grouped, known)
  const mode = found.config_params?.lidar_mode
  const format = found.lidar_data_format ?? (mode === undefined ? undefined : firstGenerationFormat(mode))
  if (format === undefined) throw wrong('it gives neither a data format nor a lidar mode')
  return assemble(found.sensor_info, found.beam_intrinsics, format, {
    mode, returnOrder: found.config_params?.return_order, lidarToSensor: found.lidar_intrinsics?.lidar_to_sensor_transform,
  })
}

function fromFlat(content: object): Metadata {
  const found = checked(Flat, content)
  return assemble(found, found, found.data_format ?? firstGenerationFormat(found.lidar_mode), {
    mode: found.lidar_mode, returnOrder: found.return_order, lidarToSensor: found.lidar_to_sensor_transform,
  })
}

/** Firmware 1.x gives no packet format: there was one only, of 64 channels. */
function firstGenerationFormat(mode: string): DataFormat {
  return { columns_per_frame: Number.parseInt(mode, 10), columns_per_packet: 16, pixels_per_column: 64 }
}

interface Rest {
  mode: string | undefined
  returnOrder: string | undefined
  lidarToSensor: readonly number[] | undefined
}

function assemble(sensor: Static<typeof SensorInfo>, beams: Static<typeof BeamIntrinsics>, format: DataFormat, rest: Rest): Metadata {
  const { columns_per_frame: columns, columns_per_packet: perPacket, pixels_per_column: rows } = format
  const [first, last] = format.column_window ?? [0, columns - 1]
  if (first === undefined || last === undefined || first >= columns || last >= columns) throw wrong('its column window lies outside of a turn')
  if (columns % perPacket !== 0) throw wrong('a turn is not a whole number of packets')
  if (rest.mode !== undefined && Number.parseInt(rest.mode, 10) !== columns) throw wrong('its lidar mode contradicts its columns per frame')
  if (beams.beam_altitude_angles.length !== rows || beams.beam_azimuth_angles.length !== rows) throw wrong(`it does not give the angles of ${rows} beams`)
  if (beams.beam_altitude_angles.every((angle) => angle === 0)) throw wrong('all its beam angles are 0')
  const shifts = format.pixel_shift_by_row ?? []
  if (shifts.length !== 0 && shifts.length !== rows) throw wrong(`it does not give the pixel shifts of ${rows} rows`)
  const profile = format.udp_profile_lidar ?? 'LEGACY'
  return {
    model: sensor.prod_line ?? 'OS-1-64',
    serial: sensor.prod_sn ?? '',
    firmware: /v\d+\.\d+\.\d+(-[a-z]+\.\d+)?/.exec(sensor.image_rev ?? sensor.build_rev ?? '')?.[0] ?? '',
    initId: sensor.initialization_id ?? 0,
    profile,
    fusaHeader: profile !== 'LEGACY' && (format.header_type === 'FUSA' || profile === 'FUSA_RNG15_RFL8_NIR8_DUAL'),
    columnsPerFrame: columns, columnsPerPacket: perPacket, rows,
    columnWindow: [first, last],
    framesPerSecond: format.fps !== undefined && format.fps > 0 ? format.fps : Number(rest.mode?.split('x')[1] ?? 10),
    returnOrder: rest.returnOrder === 'NEAREST_TO_FARTHEST' ? 'nearest-first' : rest.returnOrder === 'FARTHEST_TO_NEAREST' ? 'farthest-first' : 'strongest-first',
    pixelShiftByRow: shifts,
    altitudes: beams.beam_altitude_angles, azimuths: beams.beam_azimuth_angles,
    beamToLidar: beams.beam_to_lidar_transform ?? shifted(beams.lidar_origin_to_beam_origin_mm ?? originToBeam_mm(sensor.prod_line ?? '')),
    lidarToSensor: rest.lidarToSensor ?? defaultLidarToSensor,
    imuLegacy: (format.udp_profile_imu ?? 'LEGACY') === 'LEGACY',
  }
}

const shifted = (x_mm: number): readonly number[] => [1, 0, 0, x_mm, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
/** The measuring unit stands 36.18 mm above the base and looks backwards at its zero angle. */
const defaultLidarToSensor: readonly number[] = [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 36.18, 0, 0, 0, 1]

/** What applies where the metadata is too old to say how far from the axis the beams begin. */
function originToBeam_mm(model: string): number {
  if (model.startsWith('OS-0-')) return 27.67
  if (model.startsWith('OS-1-')) return 15.806
  return model.startsWith('OS-2-') ? 13.762 : 12.163
}

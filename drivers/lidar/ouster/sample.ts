/** Sensors made up for twins and tests: their beams are spread as the maker's are, their numbers are nobody's. */
import type { Metadata } from './metadata.ts'
import type { ProfileName } from './profiles.ts'

/** Half of the vertical field of view in degrees, and from the axis to where the beams begin. */
const models = {
  'OS-0-128': { rows: 128, half: 45, origin_mm: 27.67 },
  'OS-0-32': { rows: 32, half: 45, origin_mm: 27.67 },
  'OS-1-128': { rows: 128, half: 21.2, origin_mm: 15.806 },
  'OS-1-64': { rows: 64, half: 16.6, origin_mm: 15.806 },
  'OS-1-32': { rows: 32, half: 21.2, origin_mm: 15.806 },
  'OS-2-128': { rows: 128, half: 10.7, origin_mm: 13.762 },
} as const
export type SampleModel = keyof typeof models

export interface SampleOptions {
  model?: SampleModel
  profile?: ProfileName
  columnsPerFrame?: 512 | 1024 | 2048
  framesPerSecond?: 10 | 20
}

/** The four columns of emitters in the sensor's head: neighbouring rows look so far to the side. */
const aside = [1.5, 0.5, -0.5, -1.5]
const asideStep = 2.8

export function sampleMetadata(options: SampleOptions = {}): Metadata {
  const { model = 'OS-1-64', profile = 'RNG19_RFL8_SIG16_NIR16', columnsPerFrame = 1024, framesPerSecond = 10 } = options
  const { rows, half, origin_mm } = models[model]
  const hundredths = (angle: number): number => Math.round(angle * 100) / 100
  const azimuths = Array.from({ length: rows }, (_, row) => hundredths(aside[row % aside.length]! * asideStep))
  return {
    model, serial: '990000000001', firmware: 'v3.1.0', initId: 1_234_567,
    profile, fusaHeader: profile === 'FUSA_RNG15_RFL8_NIR8_DUAL',
    columnsPerFrame, columnsPerPacket: 16, rows,
    columnWindow: [0, columnsPerFrame - 1],
    framesPerSecond, returnOrder: 'strongest-first',
    pixelShiftByRow: azimuths.map((angle) => Math.round(angle / 360 * columnsPerFrame)),
    altitudes: Array.from({ length: rows }, (_, row) => hundredths(half - 2 * half * row / (rows - 1))),
    azimuths,
    beamToLidar: [1, 0, 0, origin_mm, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    lidarToSensor: [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 36.18, 0, 0, 0, 1],
    imuLegacy: true,
  }
}

const returnOrders = { 'strongest-first': 'STRONGEST_TO_WEAKEST', 'nearest-first': 'NEAREST_TO_FARTHEST', 'farthest-first': 'FARTHEST_TO_NEAREST' } as const

/** As the sensor itself would give it (`GET /api/v1/sensor/metadata`). */
export function metadataJson(metadata: Metadata): string {
  return JSON.stringify({
    sensor_info: { prod_line: metadata.model, prod_sn: metadata.serial, image_rev: `ousteros-image-${metadata.firmware}`, initialization_id: metadata.initId, status: 'RUNNING' },
    beam_intrinsics: { beam_altitude_angles: metadata.altitudes, beam_azimuth_angles: metadata.azimuths, beam_to_lidar_transform: metadata.beamToLidar },
    lidar_intrinsics: { lidar_to_sensor_transform: metadata.lidarToSensor },
    lidar_data_format: {
      columns_per_frame: metadata.columnsPerFrame, columns_per_packet: metadata.columnsPerPacket, pixels_per_column: metadata.rows,
      column_window: metadata.columnWindow, pixel_shift_by_row: metadata.pixelShiftByRow, fps: metadata.framesPerSecond,
      udp_profile_lidar: metadata.profile, udp_profile_imu: metadata.imuLegacy ? 'LEGACY' : 'ACCEL32_GYRO32_NMEA',
      header_type: metadata.fusaHeader ? 'FUSA' : 'STANDARD',
    },
    config_params: { lidar_mode: `${metadata.columnsPerFrame}x${metadata.framesPerSecond}`, return_order: returnOrders[metadata.returnOrder] },
  })
}

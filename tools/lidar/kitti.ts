/** Reads frames of the KITTI object benchmark: scans of an HDL-64E with labelled boxes (Geiger et al., CVPR 2012). */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export interface KittiFrame {
  name: string
  /** x, y, z in metres in the sensor's frame, intensity 0 to 1; four numbers a point, in stored order. */
  points: Float32Array
  labels: KittiLabel[]
}

/** A labelled box in the sensor's frame. */
export interface KittiLabel {
  kind: string
  /** Middle of its bottom, metres. */
  x: number
  y: number
  z: number
  length: number
  width: number
  height: number
  /** Of its length, radians. */
  heading: number
}

/** The frames of a folder that have scan, labels and calibration; says what is missing for the others. */
export function kittiFrames(folder: string, skip: (why: string) => void): KittiFrame[] {
  const scans = globSync('**/*.{bin,bin.gz}', { cwd: folder }).sort()
  return scans.flatMap((scan) => {
    const name = basename(scan).replace(/\.bin(\.gz)?$/, '')
    const root = join(folder, dirname(dirname(scan)))
    const labels = join(root, 'label_2', `${name}.txt`)
    const calibration = join(root, 'calib', `${name}.txt`)
    const missing = [labels, calibration].filter((file) => !existsSync(file))
    if (missing.length > 0) {
      skip(`${scan}: there is no ${missing.map((file) => basename(dirname(file))).join(' and no ')} of it`)
      return []
    }
    const bytes = readFileSync(join(folder, scan))
    const raw = scan.endsWith('.gz') ? gunzipSync(bytes) : bytes
    if (raw.length === 0 || raw.length % 16 !== 0) {
      skip(`${scan}: ${raw.length} bytes are not a scan of 16 bytes a point`)
      return []
    }
    const points = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length))
    return [{ name, points, labels: readLabels(readFileSync(labels, 'utf8'), readFileSync(calibration, 'utf8')) }]
  })
}

/** Labels are in the frame of the rectified camera: x right, y down, z forward. */
export function readLabels(labels: string, calibration: string): KittiLabel[] {
  const { rotation, offset } = cameraFromSensor(calibration)
  return labels.split('\n').map((line) => line.trim().split(/\s+/)).filter(([kind = '', ...rest]) => kind !== '' && kind !== 'DontCare' && rest.length >= 14)
    .map(([kind = '', ...rest]) => {
      const [height = 0, width = 0, length = 0, cx = 0, cy = 0, cz = 0, turn = 0] = rest.slice(7).map(Number)
      const [x = 0, y = 0, z = 0] = toSensor(rotation, [cx - (offset[0] ?? 0), cy - (offset[1] ?? 0), cz - (offset[2] ?? 0)])
      // The length lies along (cos, 0, -sin) of the camera.
      const [dx = 0, dy = 0] = toSensor(rotation, [Math.cos(turn), 0, -Math.sin(turn)])
      return { kind, x, y, z, length, width, height, heading: Math.atan2(dy, dx) }
    })
}

/** R0_rect * Tr_velo_to_cam. */
function cameraFromSensor(calibration: string): { rotation: number[]; offset: number[] } {
  const numbers = (name: string): number[] => (new RegExp(`^${name}:?\\s+(.+)$`, 'm').exec(calibration)?.[1] ?? '').trim().split(/\s+/).map(Number)
  const rectify = numbers('R0_rect')
  const turn = numbers('Tr_velo_to_cam')
  const product = (row: number, column: number): number => [0, 1, 2].reduce((sum, k) => sum + (rectify[row * 3 + k] ?? 0) * (turn[k * 4 + column] ?? 0), 0)
  return { rotation: [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => product(row, column))), offset: [0, 1, 2].map((row) => product(row, 3)) }
}

/** The inverse of a rotation is its transpose. */
function toSensor(rotation: readonly number[], camera: readonly number[]): number[] {
  return [0, 1, 2].map((column) => [0, 1, 2].reduce((sum, row) => sum + (rotation[row * 3 + column] ?? 0) * (camera[row] ?? 0), 0))
}

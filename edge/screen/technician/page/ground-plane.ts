/** How a sensor stands, by what it sees: the plane of its ground points, and the parts of its reference contour. */
import { pointKinds } from '../../../perception/obstacles/cloud.ts'
import type { Polygon } from '../../../perception/obstacles/setup.ts'
import type { ShownCloud } from '../../lidar/wire.ts'

/** In the vehicle's frame: where all is mounted as the profile says, all are 0. */
export interface GroundPlane {
  height_cm: number
  /** Positive: the ground seems to fall away ahead. */
  pitch_deg: number
  /** Positive: the ground seems to rise to the left. */
  roll_deg: number
  points: number
}

/** What may be missing from a sensor that is mounted well, on ground that a forklift levels: half of what makes a kerb an obstacle. */
export const limits = { height_cm: 3, angle_deg: 0.7 } as const

const points_min = 50
/** Beyond, the ground of a yard is not the ground under the vehicle. */
const reach_cm = 1_000
/** As coarse as the safety path looks for it. */
const beside_cm = 5

/** Least squares of z = a x + b y + c. @returns `undefined` with too few points, or all in a line */
export function groundPlane({ xyz, kind, count }: ShownCloud): GroundPlane | undefined {
  let [n, sx, sy, sz, sxx, syy, sxy, sxz, syz] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
  for (let at = 0; at < count; at++) {
    if (kind[at] !== pointKinds.ground) continue
    const [x = 0, y = 0, z = 0] = xyz.subarray(at * 3, at * 3 + 3)
    if (Math.hypot(x, y) > reach_cm) continue
    n++
    sx += x
    sy += y
    sz += z
    sxx += x * x
    syy += y * y
    sxy += x * y
    sxz += x * z
    syz += y * z
  }
  if (n < points_min) return undefined
  const [cxx, cyy, cxy, cxz, cyz] = [sxx / n - (sx / n) ** 2, syy / n - (sy / n) ** 2, sxy / n - (sx * sy) / n ** 2, sxz / n - (sx * sz) / n ** 2, syz / n - (sy * sz) / n ** 2]
  const determinant = cxx * cyy - cxy ** 2
  if (determinant < 1e-6 * (cxx + cyy) ** 2) return undefined
  const a = (cxz * cyy - cyz * cxy) / determinant
  const b = (cyz * cxx - cxz * cxy) / determinant
  const degrees = (slope: number): number => (Math.atan(slope) * 180) / Math.PI
  return { height_cm: sz / n - (a * sx) / n - (b * sy) / n, pitch_deg: -degrees(a), roll_deg: degrees(b), points: n }
}

export const isLevel = ({ height_cm, pitch_deg, roll_deg }: GroundPlane): boolean =>
  Math.abs(height_cm) <= limits.height_cm && Math.abs(pitch_deg) <= limits.angle_deg && Math.abs(roll_deg) <= limits.angle_deg

/** Whether anything above the ground is seen in, or just beside, a part that the sensor always sees. */
export function seesPart({ xyz, kind, count }: ShownCloud, part: Polygon): boolean {
  for (let at = 0; at < count; at++) {
    if (kind[at] !== pointKinds.ground && isAt(part, xyz[at * 3] ?? 0, xyz[at * 3 + 1] ?? 0)) return true
  }
  return false
}

function isAt(part: Polygon, x: number, y: number): boolean {
  let inside = false
  for (const [corner, [x1, y1]] of part.entries()) {
    const [x2, y2] = part[(corner + 1) % part.length] ?? [x1, y1]
    const [dx, dy] = [(x2 - x1) * 100, (y2 - y1) * 100]
    const [px, py] = [x - x1 * 100, y - y1 * 100]
    const along = Math.max(0, Math.min(1, (px * dx + py * dy) / (dx * dx + dy * dy || 1)))
    if (Math.hypot(px - along * dx, py - along * dy) <= beside_cm) return true
    if ((py < 0) !== (py < dy) && px < (py / dy) * dx) inside = !inside
  }
  return inside
}

/** What a cloud that the page shows says of how its sensor stands: the plane of its ground, and the parts of its reference contour. */
import { pointKinds } from '../../../perception/obstacles/cloud.ts'
import { GroundFit, type GroundPlane } from '../../../perception/obstacles/ground-plane.ts'
import type { Polygon } from '../../../perception/obstacles/setup.ts'
import type { ShownCloud } from '../../lidar/wire.ts'

/** As coarse as the safety path looks for it. */
const beside_cm = 5

/** `undefined` where too little ground is seen. */
export function groundPlane({ xyz, kind, count }: ShownCloud): GroundPlane | undefined {
  const fit = new GroundFit()
  for (let at = 0; at < count; at++) {
    const [x = 0, y = 0, z = 0] = xyz.subarray(at * 3, at * 3 + 3)
    if (kind[at] === pointKinds.ground) fit.add(x / 100, y / 100, z / 100)
  }
  return fit.plane()
}

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

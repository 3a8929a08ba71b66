/**
 * Mirror images: glass, polished metal and wet or retro-reflecting sheet throw the beam on, and the sensor
 * places what it then hits on the straight continuation of the beam, behind the mirror.
 *
 * Facts it rests on: a mirror image is seen through a surface that was itself seen in that direction and
 * at that height; reflected at that surface it lies where a real thing of about the same size was seen,
 * which has at least as many returns, or on the vehicle itself, which the sensor cannot see directly.
 * What stands behind a fence or a pane without such a twin is real, and remains.
 *
 * Only the tracking path leaves ghosts out. The safety path stops for them.
 */
import type { ObstacleSetup } from '../setup.ts'
import type { Sightings } from './sightings.ts'
import type { Viewpoint } from './viewpoint.ts'
import type { Walls } from './walls.ts'

/** A ghost is behind its mirror by at least this, metres. */
const behind_m = 0.3
/** A mirror reaches a little beyond what was seen of it, metres. */
const rim_m = 0.3
/** Mirror and twin are known so well: metres, and metres for each metre from the sensor (a degree of the mirror's direction). */
const twin_m = 0.35
const twinPer_m = 0.035
/** Twin and ghost show different sides of a thing: their sizes may differ by this, metres. */
const size_m = 0.7
/** As many returns as its twin, or a few more: noise. */
const pointsShare = 1.2
/** Without a known outline the vehicle is within this of its sensor, metres. */
const self_m = 1
/** The outline as seen in a mirror is blurred by this, metres. */
const outline_m = 0.4

export class Ghosts {
  /** Mirror images that were found. */
  count = 0
  readonly #body: ObstacleSetup['body']
  #mirroredX = 0
  #mirroredY = 0

  constructor(body: ObstacleSetup['body']) {
    this.#body = body
  }

  mark(sightings: Sightings, walls: Walls, from: Viewpoint): void {
    for (let at = 0; at < sightings.count; at++) {
      for (let wall = 0; wall < walls.count; wall++) {
        if (!this.#isBehind(sightings, at, walls, wall, from) || !this.#isImage(sightings, at, from)) continue
        sightings.ghost[at] = 1
        this.count++
        break
      }
    }
  }

  /** Whether it is seen through the surface; remembers where its mirrored place is. */
  #isBehind(sightings: Sightings, at: number, walls: Walls, wall: number, from: Viewpoint): boolean {
    if (walls.cluster[wall] === sightings.cluster[at]) return false
    const x1 = walls.x1[wall] ?? 0
    const y1 = walls.y1[wall] ?? 0
    const ex = (walls.x2[wall] ?? 0) - x1
    const ey = (walls.y2[wall] ?? 0) - y1
    const long = Math.sqrt(ex * ex + ey * ey)
    const nx = -ey / long
    const ny = ex / long
    const px = sightings.x[at] ?? 0
    const py = sightings.y[at] ?? 0
    // Signed distances from the surface: the sensor on one side, the thing on the other.
    const sensor = (from.x - x1) * nx + (from.y - y1) * ny
    const thing = (px - x1) * nx + (py - y1) * ny
    if (sensor * thing >= 0 || Math.abs(thing) < behind_m) return false
    const share = sensor / (sensor - thing)
    const along = ((from.x + share * (px - from.x) - x1) * ex + (from.y + share * (py - from.y) - y1) * ey) / long
    if (along < -rim_m || along > long + rim_m) return false
    const middle = ((sightings.low[at] ?? 0) + (sightings.high[at] ?? 0)) / 2
    const height = from.z + share * (middle - from.z)
    if (height < (walls.low[wall] ?? 0) - rim_m || height > (walls.high[wall] ?? 0) + rim_m) return false
    this.#mirroredX = px - 2 * thing * nx
    this.#mirroredY = py - 2 * thing * ny
    return true
  }

  #isImage(sightings: Sightings, at: number, from: Viewpoint): boolean {
    const x = this.#mirroredX
    const y = this.#mirroredY
    if (this.#isSelf(x, y, from)) return true
    const near = twin_m + twinPer_m * Math.sqrt(((sightings.x[at] ?? 0) - from.x) ** 2 + ((sightings.y[at] ?? 0) - from.y) ** 2)
    for (let twin = 0; twin < sightings.count; twin++) {
      if (twin === at || Math.abs((sightings.x[twin] ?? 0) - x) > near || Math.abs((sightings.y[twin] ?? 0) - y) > near) continue
      if ((sightings.points[at] ?? 0) > pointsShare * (sightings.points[twin] ?? 0)) continue
      if (Math.abs((sightings.length[twin] ?? 0) - (sightings.length[at] ?? 0)) > size_m) continue
      if (Math.abs((sightings.high[twin] ?? 0) - (sightings.high[at] ?? 0)) <= size_m) return true
    }
    return false
  }

  #isSelf(x: number, y: number, from: Viewpoint): boolean {
    if ((x - from.x) ** 2 + (y - from.y) ** 2 < self_m ** 2) return true
    for (const outline of this.#body) if (isWithin(outline, x, y, outline_m)) return true
    return false
  }
}

/** Whether a place is inside an outline or nearer to it than the margin. */
function isWithin(outline: ObstacleSetup['body'][number], x: number, y: number, near_m: number): boolean {
  let inside = false
  let last = outline.length - 1
  for (let corner = 0; corner < outline.length; corner++) {
    const ax = outline[last]?.[0] ?? 0
    const ay = outline[last]?.[1] ?? 0
    const bx = outline[corner]?.[0] ?? 0
    const by = outline[corner]?.[1] ?? 0
    last = corner
    if (by > y !== ay > y && x < ((ax - bx) * (y - by)) / (ay - by) + bx) inside = !inside
    const ex = bx - ax
    const ey = by - ay
    const share = Math.min(1, Math.max(0, ((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey || 1)))
    if ((x - ax - share * ex) ** 2 + (y - ay - share * ey) ** 2 < near_m ** 2) return true
  }
  return inside
}

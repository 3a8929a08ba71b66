/** How a lidar is mounted, measured by the floor that it sees now. */
import type { Clock } from '../../base/clock.ts'
import { DeviceError } from '../../base/error.ts'
import { sleep, within } from '../../base/wait.ts'
import { type CloudRing, pointKinds } from './cloud.ts'
import { GroundFit, type GroundPlane, isLevel, mountOver } from './ground-plane.ts'
import type { Mount } from './setup.ts'

export interface Mounting {
  /** Of the points that it was measured by, all of one turn. */
  ground: GroundPlane
  /** Whether the sensor stands as the profile says, as well as it must. */
  level: boolean
  set: Mount
  found: Mount
}

/** Two turns of the slowest sensor, and a little. */
const turn_ms_max = 3_000
const look_ms = 20

/** @throws TimeoutError (PC-OBSTACLES-SOURCE) without points, DeviceError (PC-OBSTACLES-FLOOR) without enough of the floor, CancelledError. */
export async function measureMounting(source: string, set: Mount, ring: CloudRing, clock: Clock, signal?: AbortSignal): Promise<Mounting> {
  const limit = { clock, limit_ms: turn_ms_max, signal, component: source, code: 'PC-OBSTACLES-SOURCE', message: `${source} sends no points.` } as const
  const ground = await within(limit, (signal) => nextPlane(ring, clock, signal))
  if (ground === undefined) throw new DeviceError('PC-OBSTACLES-FLOOR', `${source} sees too little of the floor: it looks along it, or is mounted quite otherwise than the profile says.`, { component: source })
  return { ground, level: isLevel(ground), set, found: mountOver(ground, set) }
}

/** The plane of the first turn that is finished from now on. */
async function nextPlane(ring: CloudRing, clock: Clock, signal: AbortSignal): Promise<GroundPlane | undefined> {
  const before = ring.finished
  for (;;) {
    const fit = new GroundFit()
    const isWhole = ring.finished !== before && ring.newest(({ count, kind, x, y, z }) => {
      for (let at = 0; at < count; at++) if (kind[at] === pointKinds.ground) fit.add(x[at]!, y[at]!, z[at]!)
    })
    if (isWhole) return fit.plane()
    await sleep(clock, look_ms, signal)
  }
}

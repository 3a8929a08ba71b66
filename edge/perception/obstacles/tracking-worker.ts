/**
 * The tracking worker: follows what the safety path saw, and joins it with what the camera sees. It has
 * time: whatever it does, the safety path does not wait for it.
 */
import { constants, setPriority } from 'node:os'
import { systemClock } from '../../base/clock.ts'
import { serveWorker } from '../../run/worker-program.ts'
import type { EngineName } from '../engine/engine.ts'
import { type CameraState, CameraView } from '../objects/camera-view.ts'
import { CloudRing } from './cloud.ts'
import type { TrackedObject } from './contract.ts'
import type { ObstacleSetup } from './setup.ts'
import { Tracker, type TrackerCounts } from './tracker.ts'

export interface TrackingSetup {
  clouds: readonly { source: string; memory: SharedArrayBuffer; pointsMax: number }[]
  /** Where the sources look from, and the vehicle's outline. */
  seenFrom: Pick<ObstacleSetup, 'sources' | 'body'>
  /** Without it no neural net is loaded. */
  camera?: NonNullable<ObstacleSetup['camera']>
  /** Folder of the models. */
  models: string
  engine: EngineName | 'auto'
}

export interface TrackingNews {
  objects: TrackedObject[]
  camera: CameraState | 'none'
  counts: TrackerCounts
}

export interface PictureRequest {
  jpeg: Uint8Array
}

/** How often the rings are looked at: a tenth of the quickest turn. */
const look_ms = 5
/** Without a turn for so long there is none to wait for. */
const silent_ms = 300

// On Linux a priority is a thread's own (setpriority(2)): where cores are few, the safety path and all else come first.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

await serveWorker(async (data, tell) => {
  const { clouds, seenFrom, camera, models, engine } = data as TrackingSetup
  const tracker = new Tracker(seenFrom)
  const view = camera === undefined ? undefined : await CameraView.load(camera, models, engine === 'auto' ? undefined : engine)
  const rings = clouds.map(({ source, memory, pointsMax }) => ({ source, ring: new CloudRing(pointsMax, memory), seen: 0 }))
  let told_ms = systemClock.now()
  setInterval(() => {
    const now = systemClock.now()
    let changed = false
    for (const each of rings) {
      const { finished } = each.ring
      if (finished === each.seen) continue
      each.seen = finished
      changed = each.ring.newest((cloud) => tracker.onCloud(each.source, cloud, now)) || changed
    }
    if (!changed && now - told_ms < silent_ms) return
    // While every source is silent, what was seen is forgotten and not kept.
    if (!changed) tracker.tick(now)
    told_ms = now
    const objects = tracker.objects()
    tell({ objects: view?.join(objects, now) ?? objects, camera: view?.state(now) ?? 'none', counts: tracker.counts } satisfies TrackingNews)
  }, look_ms)
  return {
    about: undefined,
    async handle(request) {
      await view?.look((request as PictureRequest).jpeg, systemClock.now())
      return {}
    },
  }
})

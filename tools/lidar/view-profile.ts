/** The lidar view of a profile: its lidars and its obstacle paths run, and nothing else of the device. */
import { systemClock } from '../../edge/base/clock.ts'
import { ConfigError } from '../../edge/base/error.ts'
import { createLogger } from '../../edge/base/log.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import { runningScene } from '../../edge/screen/lidar/scene.ts'
import type { LidarScene } from '../../edge/screen/lidar/teller.ts'
import { obstaclePaths } from '../../profiles/boot/obstacles.ts'
import { loadProfile } from '../../profiles/load.ts'
import type { IgvProfile } from '../../profiles/profile.ts'
import { home, workers } from '../cli/places.ts'

export interface ShownScene extends LidarScene {
  start(): Promise<void>
  stop(): Promise<void>
  /** Rejects when there is nothing more to show, for a reason. */
  readonly failed?: Promise<never>
}

/** @throws ConfigError (PC-LIDAR-NO-SOURCES) for a profile of a device without obstacle paths. */
export async function profileScene(file: string): Promise<ShownScene> {
  const loaded = await loadProfile(file)
  if (loaded.profile.device.kind !== 'igv') throw new ConfigError('PC-LIDAR-NO-SOURCES', `${file} is of a device that looks for no obstacles: give the profile of a vehicle.`)
  const { obstacles } = loaded.profile as IgvProfile
  // The camera stays out of it: whoever looks at the lidars needs no other part to be there.
  const { camera: _, ...setup } = obstacles
  const profile: IgvProfile = { ...loaded.profile as IgvProfile, obstacles: setup }
  const service = obstaclePaths({ ...loaded, profile }, { model: new DeviceModel(), clock: systemClock, log: createLogger('warn', { write: (line) => process.stderr.write(line) }), home, ...(workers === undefined ? {} : { workers }) })
  return {
    ...runningScene(`${profile.device.site}/${profile.device.id}`, setup, service),
    start: () => service.start(),
    stop: () => service.stop(),
  }
}

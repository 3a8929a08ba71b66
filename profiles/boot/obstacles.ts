/** Puts the obstacle paths of a vehicle together: the lidars by their mirrors, the safety path, tracking. */
import { resolve } from 'node:path'
import type { LogLevel } from '../../edge/base/log.ts'
import { Camera } from '../../edge/device/capabilities.ts'
import type { DeviceModel } from '../../edge/device/model.ts'
import { ObstacleService } from '../../edge/perception/obstacles/service.ts'
import { runningScene } from '../../edge/screen/lidar/scene.ts'
import type { LoadedProfile } from '../load.ts'
import type { IgvProfile } from '../profile.ts'
import type { ObstacleWorkerSetup } from './obstacle-worker.ts'
import { logChannel } from './log-channel.ts'
import type { BootOptions, KindUnits } from './options.ts'

export interface ObstacleContext extends Pick<BootOptions, 'clock' | 'log' | 'home' | 'workers'> {
  model: DeviceModel
}

/** One unit: the obstacle paths with their lidars, all of which are added to the model. */
export function obstacleUnits(loaded: LoadedProfile<IgvProfile>, context: ObstacleContext): KindUnits {
  const { device, obstacles } = loaded.profile
  const { camera } = obstacles
  const service = obstaclePaths(loaded, context)
  const needs = camera === undefined ? [] : [camera.use]
  return { units: [{ name: 'obstacles', needs, restart: 'retry', start: (signal) => service.start(signal), stop: () => service.stop() }], lidar: runningScene(`${device.site}/${device.id}`, obstacles, service) }
}

/** The obstacle paths alone. */
export function obstaclePaths({ profile, parts }: LoadedProfile<IgvProfile>, { model, clock, log, home, workers }: ObstacleContext): ObstacleService {
  const { obstacles: setup, objects } = profile
  const lidars = [...parts].filter(([name]) => name in setup.sources).map(([name, { driver, options }]) => ({ name, use: driver.name, options }))
  const data: ObstacleWorkerSetup = { setup, parts: lidars, log: log.level as LogLevel, logChannel }
  const service = new ObstacleService({
    setup, clock, log,
    ...(setup.camera === undefined ? {} : { camera: model.as(setup.camera.use, Camera) }),
    worker: { program: workers?.obstacles ?? new URL('./obstacle-worker.ts', import.meta.url), data },
    tracking: { ...(workers === undefined ? {} : { program: workers.tracking }), models: resolve(home, objects.models), engine: objects.engine },
  })
  for (const { component } of service.mirrors) model.add(component)
  model.add(service.component)
  return service
}

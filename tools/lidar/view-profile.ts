/** The lidar view of a profile: its lidars and its obstacle paths run, and nothing else of the device. */
import { systemClock } from '../../edge/base/clock.ts'
import { ConfigError } from '../../edge/base/error.ts'
import { createLogger } from '../../edge/base/log.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import type { ObstacleSetup, Polygon } from '../../edge/perception/obstacles/setup.ts'
import type { LidarScene } from '../../edge/screen/lidar/server.ts'
import type { ViewSetup } from '../../edge/screen/lidar/wire.ts'
import { obstaclePaths } from '../../profiles/boot/obstacles.ts'
import { loadProfile } from '../../profiles/load.ts'
import type { IgvProfile } from '../../profiles/profile.ts'
import { home, workers } from '../cli/places.ts'

export interface ShownScene extends LidarScene {
  start(): Promise<void>
  stop(): Promise<void>
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
  const { component } = service
  return {
    setup: viewSetup(`${profile.device.site}/${profile.device.id}`, setup),
    clouds: [...service.clouds.values()],
    state: () => {
      const latency = component.read('latency')
      return {
        kind: 'state', decision: service.decision, fields: component.read('fields') ?? '', sources: component.read('sources') ?? {}, objects: component.read('objects') ?? [],
        ...(latency === undefined ? {} : { latency_ms: { p50: latency.p50_ms, p99: latency.p99_ms, max: latency.max_ms } }),
      }
    },
    start: () => service.start(),
    stop: () => service.stop(),
  }
}

/** What the page needs to know of a setup. */
export function viewSetup(title: string, { sources, body, fields }: ObstacleSetup): ViewSetup {
  return {
    kind: 'setup', title, body: body.map(corners),
    sources: Object.entries(sources).map(([name, { mount: { x, y } }]) => ({ name, x, y })),
    fields: fields.map(({ name, stop, slow }) => ({ name, stop: corners(stop), ...(slow === undefined ? {} : { slow: corners(slow) }) })),
  }
}

const corners = (outline: readonly (readonly number[])[]): Polygon => outline.map(([x = 0, y = 0]) => [x, y])

/** What the lidar view shows of obstacle paths that run. */
import type { ObstacleService } from '../../perception/obstacles/service.ts'
import type { ObstacleSetup, Polygon } from '../../perception/obstacles/setup.ts'
import type { LidarScene } from './teller.ts'
import type { ViewSetup } from './wire.ts'

export function runningScene(title: string, setup: ObstacleSetup, service: ObstacleService): LidarScene {
  const { component } = service
  return {
    setup: viewSetup(title, setup),
    clouds: [...service.clouds.values()],
    state: () => {
      const latency = component.read('latency')
      return {
        kind: 'state', decision: service.decision, fields: component.read('fields') ?? '', sources: component.read('sources') ?? {}, objects: component.read('objects') ?? [],
        ...(latency === undefined ? {} : { latency_ms: { p50: latency.p50_ms, p99: latency.p99_ms, max: latency.max_ms } }),
      }
    },
  }
}

/** What the page needs to know of a setup. */
export function viewSetup(title: string, { sources, body, fields }: ObstacleSetup): ViewSetup {
  return {
    kind: 'setup', title, body: body.map(corners),
    sources: Object.entries(sources).map(([name, { mount: { x, y }, reference }]) => ({ name, x, y, ...(reference === undefined ? {} : { reference: reference.map(corners) }) })),
    fields: fields.map(({ name, stop, slow }) => ({ name, stop: corners(stop), ...(slow === undefined ? {} : { slow: corners(slow) }) })),
  }
}

const corners = (outline: readonly (readonly number[])[]): Polygon => outline.map(([x = 0, y = 0]) => [x, y])

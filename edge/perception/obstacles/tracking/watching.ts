/** For tests of the tracking path: a tracker that looks at a scene turn by turn. */
import type { ObstacleSetup } from '../setup.ts'
import { Tracker } from '../tracker.ts'
import { see, type Sensor, type Shape, type Shapes, type Weather } from './scene.ts'
import type { TrackingSettings } from './settings.ts'

export const turn_ms = 100

/** Upright sensors as a profile names them. */
export const sourcesOf = (sensors: Record<string, Sensor>): ObstacleSetup['sources'] => Object.fromEntries(Object.entries(sensors).map(([name, { x, y, z }]) =>
  [name, { mount: { x, y, z, roll: 0, pitch: 0, yaw: 0 }, stale_ms: 200, stopFields: [], blind_share: 0.6 }]))

export const trackerOf = (sensor: Sensor, settings?: TrackingSettings): Tracker => new Tracker({ sources: sourcesOf({ lidar: sensor }) }, settings)

/** Lets the sensor turn, and shows what is there at each moment, in seconds. */
export function watch(tracker: Tracker, sensor: Sensor, turns: number, there: (at_s: number) => Shape[], each: (turn: number) => void = () => undefined, weather: Weather = {}, first = 0): void {
  for (let turn = first; turn < first + turns; turn++) {
    const shapes: Shapes = (share) => there(((turn + share) * turn_ms) / 1_000)
    tracker.onCloud('lidar', see(sensor, shapes, (turn + 1) * turn_ms * 1_000, weather), (turn + 1) * turn_ms + 2)
    each(turn)
  }
}

/** A setup for a capture whose vehicle nobody knows: the sensor on a mast, one field before it. */
import { parse } from '../../edge/base/schema.ts'
import { ObstacleSetup } from '../../edge/perception/obstacles/setup.ts'

export interface CaptureMount {
  /** Metres from the ground to the sensor. */
  height_m: number
  /** Degrees; as `mount` in a profile. */
  yaw?: number
  pitch?: number
  /** Metres of the vehicle under the sensor: what is inside is not an obstacle. */
  length_m?: number
  width_m?: number
}

/** How far the fields reach ahead of the vehicle and beside it, metres. */
const fields = { stop: { ahead: 2, beside: 0.3 }, slow: { ahead: 5, beside: 0.7 } }
/** Captures pause between turns; and nobody is hurt by one. */
const patience_ms = 2_000
/** Which beams end on its own roof, too near to be measured, nobody knows either: only what is as good as dark is dirt. */
const blind_share = 0.2

export function captureSetup(source: string, { height_m, yaw = 0, pitch = 0, length_m = 0.5, width_m = 0.5 }: CaptureMount): ObstacleSetup {
  const [front, side] = [length_m / 2, width_m / 2]
  const rectangle = (from: number, to: number, half: number): [number, number][] => [[from, -half], [to, -half], [to, half], [from, half]]
  const field = ({ ahead, beside }: typeof fields.stop): [number, number][] => rectangle(front, front + ahead, side + beside)
  return parse(ObstacleSetup, {
    sources: { [source]: { mount: { z: height_m, yaw, pitch }, stale_ms: patience_ms, blind_share } },
    body: [rectangle(-front, front, side)],
    fields: [{ name: 'ahead', speed_mps: [-20, 20], steering_deg: [-90, 90], stop: field(fields.stop), slow: field(fields.slow) }],
    motion_ms: 5_000,
  }, 'PC-PROFILE-INVALID', 'setup of a capture')
}

/** What the obstacle safety path says: its decision, its cause, and what it saw. */
import { type Static, Type } from '../../base/schema.ts'
import { command, contract, event, property } from '../../device/contract.ts'
import { steps as latencySteps } from './latency.ts'
import { Mount } from './setup.ts'

/** From the least to the most strict. */
export const Level = Type.Enum(['clear', 'slow', 'stop'])
export type Level = Static<typeof Level>

/** Why it is not `clear`. Positions are metres in the vehicle's frame: x forward, y left, z up, from its reference point on the ground. */
export const Cause = Type.Object({
  /**
   * `field`: something is in a field; `sensor-field`: a sensor's own evaluation says so; `stale`: a source
   * was silent for too long; `source`: a source must not be believed; `motion`: nobody says how the vehicle
   * moves; `starting`: not every source has been seen; `late`: the path itself missed its time.
   */
  kind: Type.Enum(['field', 'sensor-field', 'stale', 'source', 'motion', 'starting', 'late']),
  source: Type.Optional(Type.String()),
  /** Why the source must not be believed: a LidarTrouble. */
  trouble: Type.Optional(Type.String()),
  /** The field set and which of its fields. */
  field: Type.Optional(Type.String()),
  x: Type.Optional(Type.Number()),
  y: Type.Optional(Type.Number()),
  z: Type.Optional(Type.Number()),
})
export type Cause = Static<typeof Cause>

export const Decision = Type.Object({
  level: Level,
  /** How fast the vehicle may be: 0 at `stop`, absent at `clear`. */
  limit_mps: Type.Optional(Type.Number({ minimum: 0 })),
  cause: Type.Optional(Cause),
})
export type Decision = Static<typeof Decision>

/** How the vehicle moves: what its fields depend on. */
export const Motion = Type.Object({
  /** Negative when it drives backwards. */
  speed_mps: Type.Number({ minimum: -20, maximum: 20 }),
  /** Positive to the left. */
  steering_deg: Type.Number({ minimum: -90, maximum: 90 }),
  load: Type.Enum(['empty', 'loaded', 'oversize']),
}, { additionalProperties: false })
export type Motion = Static<typeof Motion>

/** Something that the tracking path follows. Its box stands on the ground along its own heading. */
export const TrackedObject = Type.Object({
  id: Type.Integer(),
  class: Type.Enum(['person', 'cyclist', 'vehicle', 'structure', 'unknown']),
  x: Type.Number(), y: Type.Number(), z: Type.Number(),
  /** Metres: along its heading, across, up. */
  length: Type.Number(), width: Type.Number(), height: Type.Number(),
  heading_rad: Type.Number(),
  vx: Type.Number(), vy: Type.Number(),
  /** 0 to 1: how sure it is that something is there. */
  confidence: Type.Number(),
  /** What saw it. */
  seenBy: Type.Array(Type.Enum(['lidar', 'camera'])),
})
export type TrackedObject = Static<typeof TrackedObject>

export const Obstacles = contract('obstacles', 'Looks for what stands in the way, and says whether the vehicle may drive.', {
  decision: property(Decision, 'What the vehicle may do now: the strictest of all sources.'),
  fields: property(Type.String(), 'The field set in use.'),
  sources: property(Type.Record(Type.String(), Type.String()), 'Each source: ok, or why it must not be believed.'),
  /** Milliseconds from a packet's reception to its decision; of all packets since the start. */
  latency: property(Type.Object({ p50_ms: Type.Number(), p99_ms: Type.Number(), max_ms: Type.Number(), count: Type.Integer(), missed: Type.Integer() }), 'From the reception of a packet to the decision that it leads to.'),
  histogram: property(Type.Array(Type.Object({ upTo_ms: Type.Number(), count: Type.Integer() }), { maxItems: latencySteps }), 'How many of these took longer than the step before, and at most so long; renewed every second.'),
  objects: property(Type.Array(TrackedObject, { maxItems: 256 }), 'What is around the vehicle.'),
  camera: property(Type.String(), 'How the camera takes part in it: ok, or why it adds nothing; none where there is no camera.'),
  motion: command({ ...Motion.properties }, 'Says how the vehicle moves; must be repeated before its limit passes.', { role: 'controller' }),
  mounting: command({ source: Type.String({ maxLength: 64 }) }, 'Measures how a lidar is mounted by the floor that it sees, while the vehicle stands on flat, level ground.', {
    role: 'technician',
    result: Type.Object({
      /** The floor as the sensor shows it in the vehicle's frame: all 0 where it is mounted as the profile says. */
      ground: Type.Object({ height_m: Type.Number(), pitch_deg: Type.Number(), roll_deg: Type.Number(), points: Type.Integer() }),
      /** Whether that is as level as it must be. */
      level: Type.Boolean(),
      set: Mount,
      /** What the profile should say; x, y and yaw cannot be seen by a floor and are as set. */
      found: Mount,
    }),
  }),
  stopped: event({ cause: Cause }, 'The vehicle must stop.', { severity: 'alarm' }),
  released: event({ after_ms: Type.Integer() }, 'Nothing is in the way any more.', { severity: 'warning' }),
  source: event({ source: Type.String(), state: Type.String() }, 'A source is believed again, or why it is no longer believed.', { severity: 'warning' }),
  missed: event({ latency_ms: Type.Number(), limit_ms: Type.Number() }, 'A decision came later than its limit.', { severity: 'alarm' }),
})

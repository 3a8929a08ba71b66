/** What a profile says of the obstacle safety path: where the sensors are, what the vehicle is, and its protective fields. */
import { type Static, Type } from '../../base/schema.ts'

const closed = <P extends Parameters<typeof Type.Object>[0]>(properties: P, description: string) =>
  Type.Object(properties, { additionalProperties: false, description })
const number = (least: number, most: number, usual: number, description: string) => Type.Number({ minimum: least, maximum: most, default: usual, description })
const integer = (least: number, most: number, usual: number, description: string) => Type.Integer({ minimum: least, maximum: most, default: usual, description })
const range = (least: number, most: number, description: string) =>
  Type.Array(Type.Number({ minimum: least, maximum: most }), { minItems: 2, maxItems: 2, description })

const Corner = Type.Array(Type.Number({ minimum: -100, maximum: 100 }), { minItems: 2, maxItems: 2 })
export const Polygon = Type.Array(Corner, { minItems: 3, maxItems: 32, description: 'Corners [x, y] in metres in the vehicle\'s frame: x forward, y left.' })
export type Polygon = readonly (readonly [number, number])[]

export const Mount = closed({
  x: number(-20, 20, 0, 'Metres forward of the vehicle\'s reference point.'),
  y: number(-20, 20, 0, 'Metres to its left.'),
  z: number(0, 10, 1, 'Metres above the ground.'),
  roll: number(-180, 180, 0, 'Degrees about x; 180 is upside down.'),
  pitch: number(-90, 90, 0, 'Degrees about y; positive looks down.'),
  yaw: number(-180, 180, 0, 'Degrees about z; positive to the left.'),
}, 'Where the sensor is on the vehicle and where it looks: yaw, then pitch, then roll about its own axes.')
export type Mount = Static<typeof Mount>

export const Source = closed({
  mount: Mount,
  stale_ms: integer(20, 2_000, 200, 'Without points for so long the source stops the vehicle.'),
  range_m: Type.Optional(range(0, 300, 'Nearest and farthest distance that is believed, metres.')),
  reference: Type.Optional(Type.Array(Polygon, { maxItems: 8, description: 'Parts of the vehicle, or fixed marks on it, that this sensor always sees when it is mounted as said and clean (reference contour, IEC 61496-3).' })),
  stopFields: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64, default: [], description: "Fields of the sensor's own evaluation that stop the vehicle when they are not free, by their names." }),
  blind_share: number(0.05, 1, 0.6, 'With less than this share of the beams that usually come back the sensor counts as blinded.'),
}, 'A lidar that the decision is made with.')
export type Source = Static<typeof Source>

export const FieldSet = closed({
  name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$', description: 'For people and facts.' }),
  speed_mps: range(-20, 20, 'From and to which speed the set is used.'),
  steering_deg: range(-90, 90, 'From and to which steering angle.'),
  load: Type.Array(Type.Enum(['empty', 'loaded', 'oversize']), { minItems: 1, uniqueItems: true, default: ['empty', 'loaded', 'oversize'], description: 'With which loads.' }),
  stop: Polygon,
  slow: Type.Optional(Polygon),
  limit_mps: number(0.05, 20, 0.5, 'How fast the vehicle may be with something in the slow field.'),
}, 'Protective fields for some motions; several may apply at once, and then all of them count.')
export type FieldSet = Static<typeof FieldSet>

export const Evidence = Type.Object({
  cell_m: number(0.05, 0.5, 0.1, 'Side of the cells that returns are counted in.'),
  points: integer(1, 50, 3, 'At least so many returns, in neighbouring cells and one turn, are something; more where a leg would give more (docs/obstacles.md).'),
  turns: integer(1, 5, 2, 'So many turns must show fewer returns than `certain` before they count.'),
  certain: integer(2, 500, 8, 'At least so many returns in neighbouring cells count at once, within the turn; more where a leg would give more (docs/obstacles.md).'),
}, { additionalProperties: false, default: {}, description: 'How much must be seen: rain, spray, dust and single reflections do not stop the vehicle, a leg does.' })
export type Evidence = Static<typeof Evidence>

export const Ground = Type.Object({
  slope_deg: number(0, 30, 8, 'How steep the ground may be and still be ground.'),
  step_m: number(0.01, 0.5, 0.06, 'How much higher than the expected ground a return may be and still be ground.'),
}, { additionalProperties: false, default: {}, description: 'What counts as ground.' })
export type Ground = Static<typeof Ground>

export const ObstacleSetup = closed({
  sources: Type.Record(Type.String(), Source, { minProperties: 1, maxProperties: 8, description: 'The lidars, by the names of their parts.' }),
  body: Type.Array(Polygon, { minItems: 1, maxItems: 8, description: 'The outline of the vehicle itself: what is inside is not an obstacle.' }),
  roof_m: number(0.5, 6, 2.2, 'What is higher above the ground than this is no obstacle.'),
  ground: Ground,
  evidence: Evidence,
  fields: Type.Array(FieldSet, { minItems: 1, maxItems: 32, description: 'Protective fields by motion.' }),
  motion_ms: integer(50, 5_000, 300, 'Older than this, the last word about the vehicle\'s motion is no longer believed: all fields count.'),
  release_ms: integer(0, 60_000, 1_000, 'So long nothing may be in the way before a decision becomes less strict.'),
  latency_ms_max: integer(5, 1_000, 50, 'A decision that takes longer is a fault.'),
  camera: Type.Optional(closed({
    use: Type.String({ description: 'The part that is the camera.' }),
    mount: Mount,
    focal_px: number(50, 10_000, 800, 'Focal length in pixels of the picture as the camera sends it.'),
    width: integer(64, 8_192, 1_280, 'Width of the picture, pixels.'),
    height: integer(64, 8_192, 720, 'Height of the picture, pixels.'),
  }, 'A camera whose people and vehicles are joined with the tracked objects.')),
}, 'What is in the way: sensors, vehicle and protective fields.')
export type ObstacleSetup = Static<typeof ObstacleSetup>

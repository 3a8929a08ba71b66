/** What a camera, a barrier, a reader ... must do, whatever the hardware: the capability contracts. */
import type { Instant } from '../base/clock.ts'
import { type Static, Type } from '../base/schema.ts'
import { command, contract, event, property, stream } from './contract.ts'
import type { PointBlock } from './points.ts'

/** One picture as the camera sent it: a whole JPEG (ITU-T T.81). */
export interface Frame {
  /** Counts every frame the camera delivered, kept or not. */
  sequence: number
  taken: Instant
  jpeg: Uint8Array
}

export const Camera = contract('camera', 'Takes pictures.', {
  frames: stream<Frame>('Pictures as they arrive; a slow listener misses some, none is queued.', { personal: true }),
  rate: property(Type.Number(), 'Frames that arrived in the last second.', '1/s'),
  stuck: event({ reason: Type.Enum(['silent', 'frozen']) }, 'No new picture has come for a second.', { severity: 'warning' }),
})

/** A minutiae template in the module's own format, base64. */
const Template = Type.String({ maxLength: 16_384 })

export const FingerprintScanner = contract('fingerprint-scanner', 'Reads fingerprints and compares them on the module.', {
  capacity: property(Type.Integer(), 'How many templates the module can hold.', '1'),
  stored: property(Type.Integer(), 'How many templates the module holds.', '1'),
  /** 1:1: takes a finger and compares it with the given template. */
  verify: command({ template: Template, limit_ms: Type.Integer({ minimum: 100, maximum: 30_000 }) }, 'Takes a finger and compares it with a template.', {
    role: 'controller', personal: true, limit_ms: 40_000,
    result: Type.Object({
      outcome: Type.Enum(['match', 'no-match', 'no-finger', 'poor-image']),
      /** The module's own score; higher is more alike. */
      score: Type.Integer(),
    }),
  }),
  /** Takes the same finger twice and returns its template; stores it when `slot` is given. */
  enrol: command({ slot: Type.Optional(Type.Integer({ minimum: 0 })), limit_ms: Type.Integer({ minimum: 100, maximum: 60_000 }) }, 'Takes a finger twice and makes a template.', {
    role: 'officer', personal: true, limit_ms: 70_000,
    result: Type.Object({ outcome: Type.Enum(['enrolled', 'no-finger', 'poor-image', 'not-same']), template: Type.Optional(Template) }),
  }),
  /** Takes a finger and returns its picture: 8-bit grey, row by row, base64. */
  image: command({ limit_ms: Type.Integer({ minimum: 100, maximum: 30_000 }) }, 'Takes a picture of a finger.', {
    role: 'officer', personal: true, limit_ms: 60_000,
    result: Type.Object({ outcome: Type.Enum(['taken', 'no-finger', 'poor-image']), width: Type.Integer(), height: Type.Integer(), grey: Type.String() }),
  }),
})

export const DocumentReader = contract('document-reader', 'Reads travel documents.', {
  /** The lines of the machine-readable zone as read, unchecked (ICAO 9303-3). */
  read: event({ lines: Type.Array(Type.String({ maxLength: 88 }), { maxItems: 3 }) }, 'A machine-readable zone was read.', { severity: 'info', personal: true }),
  unreadable: event({ reason: Type.Enum(['damaged', 'incomplete', 'too-long']) }, 'Something was presented that could not be read.', { severity: 'info' }),
})

export const CodeReader = contract('code-reader', 'Reads bar codes and QR codes.', {
  read: event({ content: Type.String({ maxLength: 4_296 }), symbology: Type.String() }, 'A code was read.', { severity: 'info', personal: true }),
})

export const BarrierState = Type.Enum(['closed', 'opening', 'open', 'closing', 'blocked', 'unknown'])
export type BarrierState = Static<typeof BarrierState>

export const Barrier = contract('barrier', 'A door, flap or boom that lets one traveller or vehicle through.', {
  state: property(BarrierState, 'Where the barrier is.'),
  passed: property(Type.Integer(), 'Passages that the barrier itself counted.', '1'),
  mode: property(Type.Enum(['normal', 'locked', 'free']), 'Locked lets nobody through, free lets everybody out.'),
  /** Of barriers that have sensors of their own. */
  objects: property(Type.Object({ entry: Type.Boolean(), exit: Type.Boolean() }), 'Whether something stands on its entry and on its exit side.'),
  // For service at the device only: an officer decides on travellers through the gate, which keeps its doors apart.
  /** Closes by itself after `for_ms`, in the device or by its driver. */
  open: command({ for_ms: Type.Integer({ minimum: 100, maximum: 60_000 }) }, 'Opens for one passage.', {
    role: 'engineer', moves: true, held: { release: 'close', time: 'for_ms', shows: 'state' },
  }),
  close: command({}, 'Closes now, unless somebody stands in it.', { role: 'engineer', moves: true }),
  /** Anti-panic: stays open, or becomes free to push, until released. */
  free: command({ on: Type.Boolean() }, 'Lets everybody out until it is switched off.', { role: 'engineer', moves: true, outOfService: true }),
  forced: event({}, 'The barrier was opened by force.', { severity: 'alarm' }),
})

export const PresenceSensor = contract('presence-sensor', 'Sees whether, and how many, people or things stand in a zone.', {
  /** Sensors that know only presence say 0 or 1. */
  count: property(Type.Integer({ minimum: 0, maximum: 99 }), 'How many stand in the zone.', '1'),
})

export const Sign = Type.Enum(['off', 'go', 'stop', 'wait', 'attention'])
export type Sign = Static<typeof Sign>

export const Indicator = contract('indicator', 'Lamps that tell people to go, stop or wait.', {
  sign: property(Sign, 'What the lamps show.'),
  show: command({ sign: Sign }, 'Shows a sign.', { role: 'technician' }),
})

const Levels = Type.Record(Type.String(), Type.Boolean())

export const IoBoard = contract('io-board', 'Digital inputs and outputs by label.', {
  inputs: property(Levels, 'The level of each input line.'),
  outputs: property(Levels, 'The level of each output line.'),
  /** With `for_ms` the line falls back by itself. */
  set: command({ line: Type.String(), on: Type.Boolean(), for_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })) }, 'Sets an output line.', { role: 'engineer', moves: true, outOfService: true }),
})

export const SafetyInput = contract('safety-input', 'A fire alarm, power-fail or emergency-stop contact.', {
  /** Unknown counts as active: a cut wire must not look like safety. */
  active: property(Type.Boolean(), 'Whether the emergency is on.'),
})

/**
 * Why the points of a lidar must not be believed. `reversed`, `upside-down` and `blinded` are found by
 * whoever knows how it is mounted (perception/obstacles); the others by its driver.
 */
export const LidarTrouble = Type.Enum([
  'silent', 'frozen', 'foreign', 'storm', 'clock', 'wrong-sensor', 'damaged', 'lossy', 'late', 'fault', 'reversed', 'upside-down', 'blinded',
])
export type LidarTrouble = Static<typeof LidarTrouble>

export const Lidar = contract('lidar', 'Measures how far everything around it is.', {
  points: stream<PointBlock>('The points of each packet as it arrives; the block is used again after the call.'),
  turns: property(Type.Number(), 'Turns or scans in the last second.', '1/s'),
  rate: property(Type.Integer(), 'Beams in the last second, with a return or without.', '1/s'),
  returns: property(Type.Number({ minimum: 0, maximum: 1 }), 'The share of the beams of the last second that came back.', '1'),
  /** Of sensors that evaluate fields themselves, by the name of the field. */
  fields: property(Type.Record(Type.String(), Type.Enum(['free', 'infringed', 'unknown'])), "What the sensor's own field evaluation says."),
  trouble: event({ reason: LidarTrouble }, 'What the sensor sends must not be believed.', { severity: 'warning' }),
})

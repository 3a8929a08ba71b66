/** What the lidar view's server and page say to each other: the setup and the state as JSON, clouds as bytes. */
import type { Cloud } from '../../perception/obstacles/cloud.ts'
import type { Decision, TrackedObject } from '../../perception/obstacles/contract.ts'
import type { Polygon } from '../../perception/obstacles/setup.ts'

/** What does not change while the page looks. */
export interface ViewSetup {
  kind: 'setup'
  /** The capture or the profile. */
  title: string
  /** `reference`: what each always sees when it is mounted as said. */
  sources: { name: string; x: number; y: number; reference?: Polygon[] }[]
  body: Polygon[]
  fields: { name: string; stop: Polygon; slow?: Polygon }[]
}

/** What does. */
export interface ViewState {
  kind: 'state'
  decision: Decision
  /** The field sets in use, by name. */
  fields: string
  sources: Record<string, string>
  objects: readonly TrackedObject[]
  /** Milliseconds from a packet to its decision; absent for captures, which are not played in time. */
  latency_ms?: { p50: number; p99: number; max: number }
  /** How far a capture has been played, 0 to 1. */
  played?: number
}

/** One turn of one source. */
export interface ShownCloud {
  /** Its place in `ViewSetup.sources`. */
  source: number
  count: number
  /** Centimetres in the vehicle's frame, x y z by point. */
  xyz: Int16Array
  /** One of `pointKinds`. */
  kind: Uint8Array
  /** 0 to 255. */
  intensity: Uint8Array
}

const headerBytes = 8
const bytesPerPoint = 8
/** Of a larger cloud every second point is left out, or three of four, ...: a screen has no more pixels. */
export const pointsShownMax = 65_536
const reach_m = 327

/** A cloud as the page gets it: uint32 source, uint32 count, then 3 x int16, the kinds, the intensities. */
export function encodeCloud(source: number, cloud: Cloud): Uint8Array<ArrayBuffer> {
  const step = Math.max(1, Math.ceil(cloud.count / pointsShownMax))
  const count = Math.floor((cloud.count + step - 1) / step)
  const bytes = new Uint8Array(headerBytes + count * bytesPerPoint)
  new Uint32Array(bytes.buffer, 0, 2).set([source, count])
  const { xyz, kind, intensity } = partsOf(bytes.buffer, count)
  for (let at = 0; at < count; at++) {
    const point = at * step
    xyz[at * 3] = centimetres(cloud.x[point])
    xyz[at * 3 + 1] = centimetres(cloud.y[point])
    xyz[at * 3 + 2] = centimetres(cloud.z[point])
    kind[at] = cloud.kind[point] ?? 0
    intensity[at] = Math.min(255, cloud.intensity[point] ?? 0)
  }
  return bytes
}

/** @returns `undefined` for bytes that are no cloud. */
export function decodeCloud(bytes: ArrayBuffer): ShownCloud | undefined {
  if (bytes.byteLength < headerBytes) return undefined
  const [source = 0, count = 0] = new Uint32Array(bytes, 0, 2)
  if (bytes.byteLength !== headerBytes + count * bytesPerPoint) return undefined
  return { source, count, ...partsOf(bytes, count) }
}

function partsOf(bytes: ArrayBuffer, count: number): Pick<ShownCloud, 'xyz' | 'kind' | 'intensity'> {
  const kinds = headerBytes + count * 6
  return { xyz: new Int16Array(bytes, headerBytes, count * 3), kind: new Uint8Array(bytes, kinds, count), intensity: new Uint8Array(bytes, kinds + count, count) }
}

const centimetres = (metres = 0): number => Math.round(Math.max(-reach_m, Math.min(reach_m, metres)) * 100)


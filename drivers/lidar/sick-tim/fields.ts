/**
 * The fields that a SICK TiM7xx/TiM8xx watches by itself (`sRA field000` to `field047`), and the same
 * watching done here.
 *
 * Every field is, for every beam, the distances from `near` to `far`: a rectangle and a segmented field
 * (whose corners are joined by straight lines) cut each beam in one piece. Something is in the field when
 * a beam ends within it (pixel evaluation: every beam counts), for so many scans in the same place as the
 * response time asks for, and wider than the blanking where one is set (LMS1xx and LMS5xx operating
 * instructions, evaluation cases). All angles are the scan's own, so that no mounting matters.
 */
import { carriedBy, type Payload, Reader } from './cola.ts'

/** A TiM781 has 16 sets of three fields. */
export const fieldsMax = 48
export const fieldsPerSet = 3

/** Millimetres from the sensor, degrees as the sensor counts them. */
export type Shape =
  /** Corners joined by straight lines; `near_mm` 0 reaches to the sensor itself. */
  | { kind: 'segmented'; corners: readonly { angle_deg: number; near_mm: number; far_mm: number }[] }
  /** From its corner `width_mm` to the right hand of somebody looking along 90 degrees less (+x), and `length_mm` forward (+y), turned. */
  | { kind: 'rectangle'; corner: { angle_deg: number; distance_mm: number }; turned_deg: number; width_mm: number; length_mm: number }

export interface Field {
  /** 0 to 47: field `index % 3` of set `index / 3`. */
  index: number
  name: string
  /** None when the field is not configured. */
  shapes: readonly Shape[]
  /** It has a part whose form is not public, and cannot be evaluated here. */
  incomplete: boolean
}

export const isConfigured = ({ shapes, incomplete }: Field): boolean => shapes.length > 0 || incomplete

const cornersMax = 1_081
/** Stands for no inner border. */
const noBorder = 0xffff

interface Scale {
  distance: number
  distanceOffset: number
  angle: number
  angleOffset: number
}

/** The field that a reply `sRA fieldNNN` describes; undefined when it is none or is cut off. */
export function parseField(payload: Payload): Field | undefined {
  const index = fieldIndex(payload)
  if (index === undefined) return undefined
  const reader = new Reader(carriedBy(payload, 'sRA', fieldName(index)) ?? payload.subarray(0, 0))
  const scale: Scale = { distance: reader.f32(), distanceOffset: reader.f32(), angle: reader.u32() / 10_000, angleOffset: reader.i32() / 10_000 }
  if (!Number.isFinite(scale.distance) || !Number.isFinite(scale.distanceOffset)) return undefined
  // The type (0 radial, 1 rectangle, 2 segmented, 3 dynamic) repeats what the flags below say; then the field's own number.
  reader.skip(2)
  const shapes: Shape[] = []
  if (reader.u16() === 1) {
    const segmented = readSegmented(reader, scale)
    if (segmented !== undefined && segmented.corners.length > 0) shapes.push(segmented)
  }
  if (reader.u16() === 1) shapes.push(readRectangle(reader, scale))
  const radial = reader.u16() === 1
  if (!radial && reader.u16() === 1) shapes.push(readDynamic(reader, scale))
  if (!reader.ok) return undefined
  return { index, name: radial ? '' : nameOf(reader), shapes, incomplete: radial }
}

export const fieldName = (index: number): string => `field${String(index).padStart(3, '0')}`

function fieldIndex(payload: Payload): number | undefined {
  const found = /^sRA field(\d{3}) /.exec(Buffer.from(payload.subarray(0, 13)).toString('latin1'))
  return found === null ? undefined : Number(found[1])
}

function readSegmented(reader: Reader, scale: Scale): Extract<Shape, { kind: 'segmented' }> | undefined {
  const count = reader.u16()
  if (count > cornersMax || count * 6 > reader.left) {
    reader.ok = false
    return undefined
  }
  const corners = Array.from({ length: count }, () => {
    const angle_deg = reader.u16() * scale.angle + scale.angleOffset
    const near = reader.u16()
    const far = reader.u16()
    return { angle_deg, near_mm: near === noBorder ? 0 : near * scale.distance + scale.distanceOffset, far_mm: far * scale.distance + scale.distanceOffset }
  })
  return { kind: 'segmented', corners }
}

function readRectangle(reader: Reader, scale: Scale): Extract<Shape, { kind: 'rectangle' }> {
  return {
    kind: 'rectangle',
    corner: { angle_deg: reader.i32() / 10_000 + scale.angleOffset, distance_mm: reader.u16() * scale.distance + scale.distanceOffset },
    turned_deg: reader.i32() / 10_000, width_mm: reader.u32(), length_mm: reader.u32(),
  }
}

/** Its length grows with the speed that the sensor's encoders count; the longest is the strictest. */
function readDynamic(reader: Reader, scale: Scale): Shape {
  const shortest = readRectangle(reader, scale)
  reader.skip(2)
  return { ...shortest, length_mm: Math.max(shortest.length_mm, reader.u32()) }
}

function nameOf(reader: Reader): string {
  return reader.u16() === 1 ? reader.text().replaceAll(/[^\x20-\x7e]/g, '').slice(0, 32) : ''
}

/** The beams of a scan. */
export interface Beams {
  start_deg: number
  step_deg: number
  count: number
}

export interface EvaluationRule {
  /** So many scans in a row must show it at the same beam (the response time). */
  scans: number
  /** What is narrower is not seen; 0 sees every beam. */
  blanking_mm: number
}
export const strictestRule: EvaluationRule = { scans: 1, blanking_mm: 0 }

export type FieldState = 'free' | 'infringed' | 'unknown'

/** Distances are whole millimetres: what is less decides nothing. */
const tolerance_mm = 0.1
const tolerance_m = tolerance_mm / 1_000

interface Border {
  /** Metres for each beam; a beam that misses the field has `far` -1. */
  near: Float32Array
  far: Float32Array
}

interface Watched {
  field: Field
  borders: readonly Border[]
  /** In how many scans in a row each beam ended within. */
  inside: Uint8Array
  state: FieldState
}

/** Watches fields as the sensor does. */
export class FieldEvaluation {
  readonly #watched: readonly Watched[]
  readonly #rule: EvaluationRule
  readonly #beams: Beams

  constructor(fields: readonly Field[], beams: Beams, rule: EvaluationRule = strictestRule) {
    this.#rule = rule
    this.#beams = beams
    this.#watched = fields.map((field) => ({
      field, borders: field.shapes.map((shape) => borderOf(shape, beams)), inside: new Uint8Array(beams.count), state: 'unknown',
    }))
  }

  /** @param distance metres of each beam; 0 where nothing came back. */
  evaluate(distance: Float32Array): void {
    for (const watched of this.#watched) {
      if (watched.borders.length === 0 || watched.field.incomplete) continue
      watched.state = this.#look(watched, distance) ? 'infringed' : 'free'
    }
  }

  /** `unknown` for fields that are not configured, and before the first scan. */
  state(index: number): FieldState {
    return this.#watched.find(({ field }) => field.index === index)?.state ?? 'unknown'
  }

  #look({ borders, inside }: Watched, distance: Float32Array): boolean {
    const { scans, blanking_mm } = this.#rule
    const widthOfBeam = (this.#beams.step_deg * Math.PI) / 180
    let width_m = 0
    let found = false
    for (let beam = 0; beam < this.#beams.count; beam++) {
      const away = distance[beam] as number
      inside[beam] = away > 0 && within(borders, beam, away) ? Math.min(255, (inside[beam] as number) + 1) : 0
      width_m = (inside[beam] as number) >= scans ? width_m + away * widthOfBeam : 0
      if (width_m > 0 && width_m * 1_000 >= blanking_mm) found = true
    }
    return found
  }
}

function within(borders: readonly Border[], beam: number, away: number): boolean {
  for (let at = 0; at < borders.length; at++) {
    const { near, far } = borders[at] as Border
    if (away >= (near[beam] as number) - tolerance_m && away <= (far[beam] as number) + tolerance_m) return true
  }
  return false
}

function borderOf(shape: Shape, beams: Beams): Border {
  const border: Border = { near: new Float32Array(beams.count), far: new Float32Array(beams.count).fill(-1) }
  for (let beam = 0; beam < beams.count; beam++) {
    const angle_deg = beams.start_deg + beam * beams.step_deg
    const cut = shape.kind === 'segmented' ? cutSegmented(shape.corners, angle_deg) : cutRectangle(shape, angle_deg)
    if (cut === undefined) continue
    border.near[beam] = cut.near_mm / 1_000
    border.far[beam] = cut.far_mm / 1_000
  }
  return border
}

interface Cut {
  near_mm: number
  far_mm: number
}

/** Corners and beams count in the same steps; this is less than any step. */
const sameAngle_deg = 1e-4

function cutSegmented(corners: Extract<Shape, { kind: 'segmented' }>['corners'], angle_deg: number): Cut | undefined {
  let cut: Cut | undefined
  for (let at = 0; at + 1 < corners.length; at++) {
    const from = corners[at] as (typeof corners)[number]
    const to = corners[at + 1] as (typeof corners)[number]
    if (angle_deg < from.angle_deg - sameAngle_deg || angle_deg > to.angle_deg + sameAngle_deg) continue
    const near_mm = onLine(from.angle_deg, from.near_mm, to.angle_deg, to.near_mm, angle_deg)
    const far_mm = onLine(from.angle_deg, from.far_mm, to.angle_deg, to.far_mm, angle_deg)
    cut = cut === undefined ? { near_mm, far_mm } : { near_mm: Math.min(cut.near_mm, near_mm), far_mm: Math.max(cut.far_mm, far_mm) }
  }
  return cut
}

/** How far away, at an angle, the straight line between two points is that are given by angle and distance. */
function onLine(angleA_deg: number, a_mm: number, angleB_deg: number, b_mm: number, angle_deg: number): number {
  const fromA = radians(angle_deg - angleA_deg)
  const toB = radians(angleB_deg - angle_deg)
  const whole = radians(angleB_deg - angleA_deg)
  if (whole < radians(sameAngle_deg)) return Math.max(a_mm, b_mm)
  // Two points half a turn apart, or more, have no line between them that a beam between them meets.
  if (whole >= Math.PI) return a_mm + ((b_mm - a_mm) * fromA) / whole
  const divisor = a_mm * Math.sin(fromA) + b_mm * Math.sin(toB)
  return divisor === 0 ? Math.min(a_mm, b_mm) : (a_mm * b_mm * Math.sin(whole)) / divisor
}

/** The beam is looked at from the rectangle: it starts at `start` and runs along `along`. */
function cutRectangle({ corner, turned_deg, width_mm, length_mm }: Extract<Shape, { kind: 'rectangle' }>, angle_deg: number): Cut | undefined {
  const startAngle = radians(corner.angle_deg - turned_deg)
  const alongAngle = radians(angle_deg - turned_deg)
  const across = slab(-corner.distance_mm * Math.cos(startAngle), Math.cos(alongAngle), width_mm)
  const ahead = slab(-corner.distance_mm * Math.sin(startAngle), Math.sin(alongAngle), length_mm)
  const near_mm = Math.max(0, across.near_mm, ahead.near_mm)
  const far_mm = Math.min(across.far_mm, ahead.far_mm)
  return far_mm >= near_mm ? { near_mm, far_mm } : undefined
}

/** From where to where a beam is between 0 and `width`, in one direction; a beam along the border is in it. */
function slab(start: number, along: number, width: number): Cut {
  const parallel = 1e-9
  if (Math.abs(along) < parallel) {
    const isBetween = start >= -tolerance_mm && start <= width + tolerance_mm
    return isBetween ? { near_mm: 0, far_mm: Infinity } : { near_mm: Infinity, far_mm: -1 }
  }
  const first = -start / along
  const second = (width - start) / along
  return { near_mm: Math.min(first, second), far_mm: Math.max(first, second) }
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180

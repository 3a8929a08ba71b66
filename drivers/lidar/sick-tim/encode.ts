/** Telegrams as a TiM sends them: the twin's half of the codec. */
import { type Field, fieldName, type FieldState, type Shape } from './fields.ts'
import { Writer, writeDate } from './cola.ts'

export interface ScanContent {
  serial: number
  /** Low byte of the device status. */
  status: number
  /** Counts every scan; the telegram counter is the same. */
  counter: number
  uptime_us: number
  inputs: number
  outputs: number
  scans_perS: number
  start_deg: number
  step_deg: number
  /** Whole millimetres; less than 16 are reserved values. */
  distances_mm: ArrayLike<number>
  strengths: ArrayLike<number>
  /** The sensor's own date, where it sends it. */
  date_us?: number
}

/** How long a scan is on its way to the interface. */
const transmit_us = 6_300

export function encodeScan(scan: ScanContent): Uint8Array<ArrayBuffer> {
  const count = scan.distances_mm.length
  const writer = new Writer().raw('sSN LMDscandata ').u16(1).u16(1).u32(scan.serial).u8(0).u8(scan.status)
    .u16(scan.counter).u16(scan.counter).u32(scan.uptime_us).u32(scan.uptime_us + transmit_us)
    .u8(0).u8(scan.inputs).u8(0).u8(scan.outputs).u16(0)
    .u32(scan.scans_perS * 100).u32(Math.round((scan.scans_perS * 360) / scan.step_deg / 100)).u16(0).u16(2)
  for (const [name, values] of [['DIST1', scan.distances_mm], ['RSSI1', scan.strengths]] as const) {
    writer.raw(name).f32(1).f32(0).u32(Math.round(scan.start_deg * 10_000)).u16(Math.round(scan.step_deg * 10_000)).u16(count)
    for (let beam = 0; beam < count; beam++) writer.u16(values[beam] ?? 0)
  }
  // No 8-bit channels, position, name or comment.
  writer.u16(0).u16(0).u16(0).u16(0)
  if (scan.date_us === undefined) writer.u16(0)
  else writeDate(writer.u16(1), scan.date_us)
  return writer.u16(0).done()
}

/** Angles of corners are counted in these steps from there. */
const angleStep = 3_333
const angleStart = -450_000
const types = { rectangle: 1, segmented: 2 } as const

/** The reply that describes a field of at most one segmented part and one rectangle. */
export function encodeField(field: Field): Uint8Array<ArrayBuffer> {
  const segmented = field.shapes.find((shape) => shape.kind === 'segmented')
  const rectangle = field.shapes.find((shape) => shape.kind === 'rectangle')
  const writer = new Writer().raw(`sRA ${fieldName(field.index)} `).f32(1).f32(0).u32(angleStep).u32(angleStart)
    .u8(rectangle === undefined ? types.segmented : types.rectangle).u8(field.index + 1)
  writeSegmented(writer, segmented)
  if (rectangle === undefined) writer.u16(0)
  else {
    writer.u16(1).u32(Math.round(rectangle.corner.angle_deg * 10_000) - angleStart).u16(rectangle.corner.distance_mm)
      .u32(Math.round(rectangle.turned_deg * 10_000)).u32(rectangle.width_mm).u32(rectangle.length_mm)
  }
  return writer.u16(0).u16(0).u16(1).text(field.name).u16(0).done()
}

function writeSegmented(writer: Writer, shape: Extract<Shape, { kind: 'segmented' }> | undefined): void {
  const corners = shape?.corners ?? []
  writer.u16(1).u16(corners.length)
  for (const { angle_deg, near_mm, far_mm } of corners) {
    writer.u16(Math.round((angle_deg * 10_000 - angleStart) / angleStep)).u16(near_mm === 0 ? 0xffff : near_mm).u16(far_mm)
  }
}

const stateNumbers: Record<FieldState, number> = { unknown: 0, free: 1, infringed: 2 }

/** @param kind `sSN` when something changed, `sRA` when it was asked for. */
export function encodeResults(results: readonly { place: number; state: FieldState; date_us: number }[], kind: 'sSN' | 'sRA' = 'sSN'): Uint8Array<ArrayBuffer> {
  const writer = new Writer().raw(`${kind} LFErec `).u16(results.length)
  for (const { place, state, date_us } of results) {
    writer.u16(1).u8(place).u32(0).f32(1).f32(0).u32(angleStep).u32(angleStart).u8(stateNumbers[state]).u16(0).u16(0).u16(0)
    if (Number.isNaN(date_us)) writer.u16(0)
    else writeDate(writer.u16(1), date_us)
  }
  return writer.done()
}

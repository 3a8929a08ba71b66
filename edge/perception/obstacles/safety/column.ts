/** The returns of one column of a block in the vehicle's frame, from the lowest beam up: used again for each column. */

export class Column {
  count = 0
  /** Metres in the vehicle's frame. */
  readonly x: Float64Array
  readonly y: Float64Array
  readonly z: Float64Array
  /** Metres from the sensor, seen from above. */
  readonly range: Float64Array
  readonly intensity: Uint16Array
  /** One of `pointKinds`. */
  readonly kind: Uint8Array
  /** Of the field map. */
  readonly zone: Uint16Array

  constructor(rings: number) {
    this.x = new Float64Array(rings)
    this.y = new Float64Array(rings)
    this.z = new Float64Array(rings)
    this.range = new Float64Array(rings)
    this.intensity = new Uint16Array(rings)
    this.kind = new Uint8Array(rings)
    this.zone = new Uint16Array(rings)
  }
}

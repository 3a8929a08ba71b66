/**
 * The points of one turn of one source in the vehicle's frame, handed from the safety path to
 * whoever has more time (tracking, the view) through shared memory: nothing is copied or allocated.
 *
 * A ring of clouds has one writer and any number of readers. The writer never waits: a reader that
 * is slower than a turn of the ring finds that its cloud was overwritten, and takes the newest.
 */

/** What the safety path made of a point. */
export const pointKinds = { obstacle: 0, ground: 1, body: 2, ignored: 3 } as const
export type PointKind = (typeof pointKinds)[keyof typeof pointKinds]

export interface Cloud {
  count: number
  /** Of the source. */
  turn: number
  /** Sensor time of the last point, microseconds. */
  at_us: number
  /** Metres in the vehicle's frame. */
  readonly x: Float32Array
  readonly y: Float32Array
  readonly z: Float32Array
  readonly intensity: Uint16Array
  /** One of `pointKinds`. */
  readonly kind: Uint8Array
}

const slots = 4
const headerBytes = 32
const bytesPerPoint = 4 + 4 + 4 + 2 + 1

const bytesOf = (pointsMax: number): number => headerBytes + Math.ceil((pointsMax * bytesPerPoint) / 8) * 8

class Slot implements Cloud {
  readonly #version: Int32Array
  readonly #times: Float64Array
  readonly x: Float32Array
  readonly y: Float32Array
  readonly z: Float32Array
  readonly intensity: Uint16Array
  readonly kind: Uint8Array

  constructor(memory: SharedArrayBuffer, offset: number, pointsMax: number) {
    this.#version = new Int32Array(memory, offset, 4)
    this.#times = new Float64Array(memory, offset + 16, 2)
    let at = offset + headerBytes
    const next = <T>(make: new (memory: SharedArrayBuffer, at: number, length: number) => T, bytes: number): T => {
      const array = new make(memory, at, pointsMax)
      at += pointsMax * bytes
      return array
    }
    this.x = next(Float32Array, 4)
    this.y = next(Float32Array, 4)
    this.z = next(Float32Array, 4)
    this.intensity = next(Uint16Array, 2)
    this.kind = next(Uint8Array, 1)
  }

  get count(): number {
    return this.#version[1] ?? 0
  }
  set count(count: number) {
    this.#version[1] = count
  }
  get turn(): number {
    return this.#version[2] ?? 0
  }
  set turn(turn: number) {
    this.#version[2] = turn
  }
  get at_us(): number {
    return this.#times[0] ?? 0
  }
  set at_us(at_us: number) {
    this.#times[0] = at_us
  }

  /** Odd while it is written. */
  get version(): number {
    return Atomics.load(this.#version, 0)
  }
  bump(): void {
    Atomics.add(this.#version, 0, 1)
  }
}

export class CloudRing {
  /** Hand this to another thread, which makes a ring of it again. */
  readonly memory: SharedArrayBuffer
  readonly pointsMax: number
  readonly #slots: Slot[]
  /** How many clouds were finished so far. */
  readonly #finished: Int32Array

  /** @param memory of a ring in another thread; a new one without. */
  constructor(pointsMax: number, memory = new SharedArrayBuffer(8 + slots * bytesOf(pointsMax))) {
    this.memory = memory
    this.pointsMax = pointsMax
    this.#finished = new Int32Array(memory, 0, 1)
    this.#slots = Array.from({ length: slots }, (_, slot) => new Slot(memory, 8 + slot * bytesOf(pointsMax), pointsMax))
  }

  /** The writer's: an empty cloud to fill. */
  begin(turn: number): Cloud {
    const slot = this.#slot(Atomics.load(this.#finished, 0))
    if (slot.version % 2 === 0) slot.bump()
    slot.count = 0
    slot.turn = turn
    return slot
  }

  /** The writer's: the cloud that was begun is complete. */
  end(): void {
    this.#slot(Atomics.load(this.#finished, 0)).bump()
    Atomics.add(this.#finished, 0, 1)
  }

  /** How many clouds were finished so far: another number means another newest cloud. */
  get finished(): number {
    return Atomics.load(this.#finished, 0)
  }

  /**
   * The reader's: looks at the newest cloud. False when there is none yet, or when the writer came
   * round while `look` ran: what it found is then worth nothing.
   */
  newest(look: (cloud: Cloud) => void): boolean {
    const finished = this.finished
    if (finished === 0) return false
    const slot = this.#slot(finished - 1)
    const version = slot.version
    if (version % 2 === 1) return false
    look(slot)
    return slot.version === version
  }

  #slot(number: number): Slot {
    const slot = this.#slots[number % slots]
    if (slot === undefined) throw new RangeError('a ring has slots')
    return slot
  }
}

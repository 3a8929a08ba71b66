/** Tells from frame and column numbers which packets are missing, late or twice, and counts the turns. */

/** Frames back in time up to which a packet is late; further back the sensor has begun anew. */
const lateFrames = 20

export class Sequence {
  readonly #frameBits: 16 | 32
  /** Of each packet of a turn: how many of the window come before it, or -1 outside of the window. */
  readonly #places: Int16Array
  readonly #packetsPerTurn: number
  #begun = false
  #frame = 0
  #place = 0
  #lateInARow = 0

  /** Counts turns; the first is 0, and a sensor that begins anew begins another. */
  turn = -1
  /** Missing before the packet that was just accepted. */
  lost = 0
  /** Turns from the packet before to this one. */
  turned = 0
  /** The packet follows none: the first, or the sensor has begun anew. */
  anew = false

  constructor(frameBits: 16 | 32, places: Int16Array) {
    this.#frameBits = frameBits
    this.#places = places
    this.#packetsPerTurn = places.reduce((sum, place) => sum + (place < 0 ? 0 : 1), 0)
  }

  reset(): void {
    this.#begun = false
  }

  /**
   * Whether the packet comes after those before. One turn of nothing but older packets means that the
   * sensor began anew (or sends the same turn again and again, which is not for this place to judge).
   */
  accept(frame: number, packet: number): boolean {
    const place = this.#places[packet]!
    const frames = this.#begun ? this.#framesTo(frame) : 0
    const ahead = frames * this.#packetsPerTurn + place - this.#place
    if (this.#begun && ahead <= 0 && frames >= -lateFrames && this.#lateInARow < this.#packetsPerTurn) {
      this.#lateInARow++
      return false
    }
    this.anew = !this.#begun || ahead <= 0
    this.turned = this.anew ? 1 : frames
    this.lost = this.anew ? 0 : ahead - 1
    this.turn += this.turned
    this.#begun = true
    this.#frame = frame
    this.#place = place
    this.#lateInARow = 0
    return true
  }

  /** The frame number wraps around: the nearer way counts. */
  #framesTo(frame: number): number {
    const difference = frame - this.#frame
    return this.#frameBits === 32 ? difference | 0 : (difference << 16) >> 16
  }
}

/** Of each packet of a turn its place among those that the sensor sends; it leaves out packets of no column in the window. */
export function placesOf(columnsPerFrame: number, columnsPerPacket: number, [first, last]: readonly [number, number]): Int16Array {
  const places = new Int16Array(columnsPerFrame / columnsPerPacket).fill(-1)
  const inWindow = (column: number): boolean => (first <= last ? column >= first && column <= last : column >= first || column <= last)
  let sent = 0
  for (let packet = 0; packet < places.length; packet++) {
    for (let column = 0; column < columnsPerPacket; column++) {
      if (places[packet] === -1 && inWindow(packet * columnsPerPacket + column)) places[packet] = sent++
    }
  }
  return places
}

/** Finds turns that are bit for bit the turn before: a sensor has noise, so what it measures never comes twice. */
import type { PointBlock } from '../../../edge/device/points.ts'

/** Blocks remembered; several times as many as any sensor sends in two turns, so that few displace each other. */
const slots = 4_096
/** Blocks with fewer returns say nothing: so few distances could be the same by chance. */
const tellingReturns = 8
/** With more than this share of its blocks seen in the turn before, a turn is a repeated one. */
const repeatedShare = 0.5
/** FNV-1a over words instead of bytes, with a shift so that high bits reach low ones. */
const hashStart = 0x811c9dc5
const hashPrime = 0x01000193

export class Sameness {
  /** How many turns in a row repeated the one before. */
  repeatedTurns = 0
  /** Whether the last block was one that had come before. */
  repeats = false
  /** Returns in the last block. */
  returns = 0
  readonly #hashes = new Uint32Array(slots)
  readonly #turns = new Float64Array(slots).fill(-1)
  #words: Uint32Array = new Uint32Array(0)
  #of: PointBlock | undefined
  #turn = -1
  #turnHash = hashStart
  #lastTurnHash = 0
  #turnReturns = 0
  #telling = 0
  #repeated = 0

  /** Takes the next block in. One pass over its distances, nothing is kept of the block. */
  block(block: PointBlock): void {
    if (block !== this.#of) {
      this.#of = block
      this.#words = new Uint32Array(block.distance.buffer, block.distance.byteOffset, block.distance.length)
    }
    if (block.turn !== this.#turn) this.#endTurn(block.turn)
    const { columns, rings, turnAt } = block
    const end = columns * rings
    const split = turnAt >= 0 && turnAt < columns ? turnAt * rings : end
    this.returns = 0
    let hash = this.#fold(0, split, hashStart)
    if (split < end) {
      this.#endTurn(block.turn + 1)
      hash = this.#fold(split, end, hash)
    }
    this.#compare(hash >>> 0)
  }

  /** The stream begins anew. */
  reset(): void {
    this.#turns.fill(-1)
    this.#turn = -1
    this.repeatedTurns = 0
    this.repeats = false
    this.#lastTurnHash = 0
    this.#forgetTurn()
  }

  /** Goes on with the hash of the block and of the turn over the distances of some points, and counts their returns. */
  #fold(from: number, to: number, blockHash: number): number {
    const words = this.#words
    let hash = blockHash
    let turnHash = this.#turnHash
    let returns = 0
    for (let index = from; index < to; index++) {
      const word = words[index] as number
      if (word !== 0) returns++
      hash = Math.imul(hash ^ word, hashPrime) ^ (hash >>> 15)
      turnHash = Math.imul(turnHash ^ word, hashPrime) ^ (turnHash >>> 15)
    }
    this.#turnHash = turnHash
    this.#turnReturns += returns
    this.returns += returns
    return hash
  }

  #compare(hash: number): void {
    this.repeats = false
    if (this.returns < tellingReturns) return
    const slot = (hash ^ (hash >>> 12)) & (slots - 1)
    // Two turns ago does not count: a recording that is played in a loop is not a sensor that hangs.
    this.repeats = this.#hashes[slot] === hash && (this.#turns[slot] as number) >= this.#turn - 1
    this.#telling++
    if (this.repeats) this.#repeated++
    this.#hashes[slot] = hash
    this.#turns[slot] = this.#turn
  }

  #endTurn(next: number): void {
    const isSame = this.#turnReturns >= tellingReturns && this.#turnHash === this.#lastTurnHash
    const isRepeated = isSame || (this.#telling > 0 && this.#repeated > this.#telling * repeatedShare)
    this.repeatedTurns = isRepeated ? this.repeatedTurns + 1 : 0
    this.#lastTurnHash = this.#turnHash
    this.#turn = next
    this.#forgetTurn()
  }

  #forgetTurn(): void {
    this.#turnHash = hashStart
    this.#turnReturns = 0
    this.#telling = 0
    this.#repeated = 0
  }
}

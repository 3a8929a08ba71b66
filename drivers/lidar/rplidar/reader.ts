/**
 * From the bytes that an RPLIDAR sends to its replies and measurements, whatever was lost on the way.
 *
 * A measurement of the standard scan has five bytes and only three bits to check it by (4.2: S and its
 * inverse, C), and one byte lost shifts all that follow. So where they do not hold, or an angle is not
 * near the one before, the next measurement counts only with some more behind it that agree.
 */
import { empty } from '../../../edge/base/bytes.ts'
import type { Framer } from '../../kit/framing.ts'
import { descriptor_bytes, descriptorAt, node_bytes, Reply, replyStart } from './codec.ts'

export interface ReplyFrame {
  type: number
  /** Empty for the descriptor of what goes on and on. */
  content: Uint8Array
}

export interface NodeSink {
  /**
   * @param isStart the first measurement of a turn; @param quality 0 to 63
   * @param angle_q6 degrees in 64ths, clockwise seen from above; @param distance_q2 millimetres in quarters, 0 for no return
   */
  node(isStart: boolean, quality: number, angle_q6: number, distance_q2: number): void
}

const buffer_bytes = 4_096
const noFrames: ReplyFrame[] = []
/** So many measurements in a row that agree are no accident. */
const agreeing = 6
const turn_q6 = 360 * 64
/** The angle is that of the echo, not of the shot (recorded: up to 6.2 degrees back and 8.6 forth); slow sampling at full speed takes 3 degrees. */
const backMax_q6 = 15 * 64
const forthMax_q6 = 30 * 64

export class ReplyReader implements Framer<ReplyFrame> {
  /** Measurements handed on; those whose bits did not hold; times that the place was lost and found again. */
  valid = 0
  failed = 0
  resyncs = 0
  /** Bytes that are part of nothing. */
  discarded = 0
  readonly #sink: NodeSink
  readonly #buffer = new Uint8Array(buffer_bytes)
  #at = 0
  #end = 0
  #measuring: boolean
  /** Where the next measurement begins is known. */
  #placed = false
  #begun = false
  #skipped = 0
  #angle_q6 = -1

  /** @param measuring the bytes begin somewhere in the middle of a scan. */
  constructor(sink: NodeSink, measuring = false) {
    this.#sink = sink
    this.#measuring = measuring
  }

  get pending(): number {
    return this.#end - this.#at
  }

  /** Forgets what is unfinished, and the scan: a request goes out, and its reply comes next. */
  reset(): void {
    this.discarded += this.pending
    this.#at = 0
    this.#end = 0
    this.#measuring = false
    this.#begun = false
    this.#lose()
  }

  /** Hands measurements to the sink and gives back the replies; where there are none, nothing is allocated. */
  push(bytes: Uint8Array): ReplyFrame[] {
    let frames = noFrames
    for (let from = 0; from < bytes.length;) {
      const count = Math.min(bytes.length - from, buffer_bytes - this.#end)
      for (let index = 0; index < count; index++) this.#buffer[this.#end + index] = bytes[from + index] as number
      this.#end += count
      from += count
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
        if (frames === noFrames) frames = []
        frames.push(frame)
      }
      this.#buffer.copyWithin(0, this.#at, this.#end)
      this.#end -= this.#at
      this.#at = 0
    }
    return frames
  }

  /** Takes measurements up to the next reply, or until more bytes are needed. */
  #next(): ReplyFrame | undefined {
    for (;;) {
      if (this.#placed) {
        if (this.pending < node_bytes) return undefined
        if (this.#holds(this.#at) && this.#follows(this.#angle_q6, this.#angleAt(this.#at))) this.#take()
        else this.#lose()
        continue
      }
      const descriptor = descriptorAt(this.#buffer, this.#at)
      if (this.pending >= descriptor_bytes && descriptor !== undefined) {
        const length = descriptor_bytes + (descriptor.repeated ? 0 : descriptor.length)
        if (this.pending < length) return undefined
        const content = descriptor.repeated ? empty : this.#buffer.slice(this.#at + descriptor_bytes, this.#at + length)
        this.#at += length
        if (descriptor.type === Reply.nodes) this.#begin()
        return { type: descriptor.type, content }
      }
      if (this.#mayBeDescriptor() || (this.#measuring && this.pending < agreeing * node_bytes)) return undefined
      if (this.pending === 0) return undefined
      if (this.#measuring && this.#agree()) this.#find()
      else this.#skip()
    }
  }

  /** The first bytes of a descriptor are there and the rest is not. */
  #mayBeDescriptor(): boolean {
    if (this.pending >= descriptor_bytes || this.pending === 0) return false
    return this.#buffer[this.#at] === replyStart[0] && (this.pending === 1 || this.#buffer[this.#at + 1] === replyStart[1])
  }

  #begin(): void {
    // What came before a new scan was no measurement, whatever its length.
    this.#skipped = Math.min(1, this.#skipped)
    this.#find()
    this.#measuring = true
  }

  #find(): void {
    if (this.#begun) {
      this.resyncs++
      // Whole measurements were wrong, or bytes are missing from one.
      if (this.#skipped > 0) this.failed += this.#skipped % node_bytes === 0 ? this.#skipped / node_bytes : 1
    }
    this.#begun = true
    this.#placed = true
    this.#angle_q6 = -1
  }

  #lose(): void {
    this.#placed = false
    this.#skipped = 0
    this.#angle_q6 = -1
  }

  #skip(): void {
    this.#at++
    this.#skipped++
    this.discarded++
  }

  #take(): void {
    const first = this.#buffer[this.#at] as number
    const angle_q6 = this.#angleAt(this.#at)
    const distance_q2 = (this.#buffer[this.#at + 3] as number) | ((this.#buffer[this.#at + 4] as number) << 8)
    this.#at += node_bytes
    this.valid++
    this.#angle_q6 = angle_q6
    this.#sink.node((first & 1) === 1, first >> 2, angle_q6 % turn_q6, distance_q2)
  }

  /** S and its inverse differ, C is 1, and the angle is one. */
  #holds(at: number): boolean {
    const first = this.#buffer[at] as number
    return ((first ^ (first >> 1)) & 1) === 1 && ((this.#buffer[at + 1] as number) & 1) === 1 && this.#angleAt(at) <= turn_q6
  }

  #angleAt(at: number): number {
    return ((this.#buffer[at + 1] as number) >> 1) | ((this.#buffer[at + 2] as number) << 7)
  }

  #follows(before_q6: number, angle_q6: number): boolean {
    if (before_q6 < 0) return true
    const step = (angle_q6 - before_q6 + turn_q6 + turn_q6 / 2) % turn_q6 - turn_q6 / 2
    return step >= -backMax_q6 && step <= forthMax_q6
  }

  #agree(): boolean {
    let before_q6 = -1
    for (let count = 0, at = this.#at; count < agreeing; count++, at += node_bytes) {
      if (!this.#holds(at) || !this.#follows(before_q6, this.#angleAt(at))) return false
      before_q6 = this.#angleAt(at)
    }
    return true
  }
}

/** The sending side of ZMODEM (Forsberg, chapters 8 and 9): streams, and goes back where the receiver says. */
import { crc32 } from 'node:zlib'
import { ascii, concat, empty } from '../../../base/bytes.ts'
import { InputError } from '../../../base/error.ts'
import { describeFile } from '../description.ts'
import { cancelledThere, hear, type Outgoing, type Patience, Progress, read, type Script, write } from '../script.ts'
import { Can, Conversion, End, flags, hexHeader, Packer, senderEscapesControls, Type } from './frame.ts'
import { ZmodemReader } from './reader.ts'

export interface ZmodemSendOptions extends Patience {
  /** Lets no control character through as it is: for lines that act on them. */
  escapeControls: boolean
  /** Asks the receiver to go on with what it has of the file. It may not check that it is the same file. */
  resume: boolean
  /** So many bytes may be on their way that the receiver has not yet confirmed. */
  window: number
}

export const zmodemSendDefaults = { escapeControls: false, resume: false, window: 65_536 } as const

const blockMax = 1_024
const blockMin = 128
/** After so many subpackets without an error they may become longer again. */
const goodRun = 32
const crcPiece = 32_768
/** After a greeting that was sent twice, its second answer comes at once if at all. */
const repeated_ms = 300
const farewell_ms = 3_000
const farewells = 3

interface Header {
  type: number
  argument: number
}

type Word = { is: 'position'; at: number } | { is: 'skip' } | { is: 'on' }

/** @returns for each file whether the receiver took it. @throws what `Progress` throws, PC-TRANSFER-CANCELLED. */
export function* sendZmodem(files: readonly Outgoing[], options: ZmodemSendOptions): Script<boolean[]> {
  return yield* new Sender(files, options).run()
}

class Sender {
  readonly #files: readonly Outgoing[]
  readonly #options: ZmodemSendOptions
  readonly #reader = new ZmodemReader()
  readonly #progress: Progress
  #packer = new Packer(false, true)
  /** The receiver can take only so many bytes at a time; 0 when it takes a stream. */
  #receiverBuffer = 0
  #block = blockMax
  #good = 0
  /** Of the file on its way: the first byte that the receiver has not confirmed, and the furthest it ever was. */
  #confirmed = 0
  #furthest = -1
  readonly #asked = new Set<number>()

  constructor(files: readonly Outgoing[], options: ZmodemSendOptions) {
    this.#files = files
    this.#options = options
    this.#progress = new Progress(options)
  }

  *run(): Script<boolean[]> {
    yield* this.#greet()
    const taken: boolean[] = []
    for (const index of this.#files.keys()) taken.push(yield* this.#send(index))
    yield* this.#leave()
    return taken
  }

  *#greet(): Script<void> {
    yield* write(ascii('rz\r'))
    for (;;) {
      yield* write(hexHeader(Type.requestInit))
      const header = yield* this.#await(this.#options.answer_ms, Type.init)
      if (header === undefined) {
        this.#progress.failed()
        continue
      }
      this.#agree(header)
      if (!this.#options.escapeControls || (yield* this.#announceControls())) return
    }
  }

  #agree({ argument }: Header): void {
    const can = argument >>> 24
    this.#receiverBuffer = argument & 0xffff
    const controls = this.#options.escapeControls || (can & Can.escapeControls) !== 0
    this.#packer = new Packer((can & Can.crc32) !== 0, controls)
    this.#progress.made()
  }

  /** ZSINIT, with no attention string: ours is a wire of its own, the receiver needs no interrupt. */
  *#announceControls(): Script<boolean> {
    yield* write(concat([this.#packer.header(Type.senderInit, flags(senderEscapesControls)), this.#packer.subpacket(Uint8Array.of(0), End.frameAck)]))
    if ((yield* this.#await(this.#options.answer_ms, Type.ack)) !== undefined) return true
    this.#progress.failed()
    return false
  }

  *#send(index: number): Script<boolean> {
    let at = yield* this.#offer(index)
    this.#furthest = -1
    this.#asked.clear()
    for (;;) {
      if (at === 'skip') return false
      const end = yield* this.#stream(index, at)
      if (end !== 'end') at = end
      else {
        const verdict = yield* this.#end(index)
        if (verdict === 'taken') return true
        at = verdict
      }
    }
  }

  /** @returns where the receiver wants the file from. */
  *#offer(index: number): Script<number | 'skip'> {
    const file = this.#file(index)
    const description = concat([describeFile(file, this.#files.slice(index)), Uint8Array.of(0)])
    const conversion = flags(this.#options.resume ? Conversion.resume : Conversion.binary)
    for (;;) {
      yield* write(concat([this.#packer.header(Type.file, conversion), this.#packer.subpacket(description, End.frameAck)]))
      const answer = yield* this.#offerAnswer(file, index)
      if (answer !== 'again') return answer
      this.#progress.failed()
    }
  }

  *#offerAnswer(file: Outgoing, index: number): Script<number | 'skip' | 'again'> {
    let limit_ms = this.#options.answer_ms
    for (;;) {
      const header = yield* this.#header(limit_ms)
      if (header === undefined || header.type === Type.nak) return 'again'
      limit_ms = this.#options.answer_ms
      if (header.type === Type.skip) return 'skip'
      if (header.type === Type.position && header.argument <= file.size) return header.argument
      // It asks what the file's first bytes are, to know whether it has them already.
      if (header.type === Type.crc) yield* write(this.#packer.header(Type.crc, yield* this.#crc(index, header.argument)))
      if (header.type === Type.init) limit_ms = repeated_ms
    }
  }

  *#crc(index: number, length: number): Script<number> {
    const { size } = this.#file(index)
    const until = length === 0 ? size : Math.min(length, size)
    let crc = 0
    for (let at = 0; at < until; at += crcPiece) crc = crc32(yield* read(index, at, Math.min(crcPiece, until - at)), crc)
    return crc
  }

  /** Sends from `start` until the end, or until the receiver wants another place. */
  *#stream(index: number, start: number): Script<number | 'skip' | 'end'> {
    const { size, name } = this.#file(index)
    let at = start
    this.#confirm(start)
    for (let framed = false, asked = at, began = at; ;) {
      if (!framed) {
        yield* write(this.#packer.header(Type.data, at))
        began = at
        framed = true
      }
      const data = at < size ? yield* read(index, at, Math.min(this.#blockLength(at - began), size - at)) : empty
      at += data.length
      const end = this.#endOf(at, size, at - began, asked)
      yield* write(this.#packer.subpacket(data, end))
      yield { wish: 'tell', file: name, done: at, of: size }
      if (end === End.frame) return 'end'
      if (end === End.moreAck || end === End.frameAck) {
        asked = at
        this.#asked.add(at)
      }
      framed = end !== End.frameAck
      const word = yield* this.#heed(at, end, size)
      if (word.is === 'skip') return 'skip'
      if (word.is === 'position') {
        // A receiver that still reads this frame must not take the next header for data.
        if (framed) yield* write(this.#packer.subpacket(empty, End.frame))
        return word.at
      }
    }
  }

  #blockLength(inFrame: number): number {
    return this.#receiverBuffer === 0 ? this.#block : Math.max(1, Math.min(this.#block, this.#receiverBuffer - inFrame))
  }

  #endOf(at: number, size: number, inFrame: number, asked: number): End {
    if (at >= size) return End.frame
    if (this.#receiverBuffer > 0 && inFrame >= this.#receiverBuffer) return End.frameAck
    return at - asked >= this.#options.window / 4 ? End.moreAck : End.more
  }

  /** Hears what the receiver has said meanwhile; waits for it where it must confirm before more is sent. */
  *#heed(at: number, end: End, size: number): Script<Word> {
    for (;;) {
      const mustWait = end === End.frameAck ? this.#confirmed < at : at - this.#confirmed > this.#options.window
      const header = yield* this.#header(mustWait ? this.#options.answer_ms : 0)
      if (header === undefined) {
        if (!mustWait) break
        this.#progress.failed()
        return { is: 'position', at: this.#confirmed }
      }
      if (header.type === Type.skip) return { is: 'skip' }
      if (header.type === Type.ack && header.argument > this.#confirmed && header.argument <= at) {
        this.#checkPlace(header.argument)
        this.#confirm(header.argument)
      }
      if (header.type === Type.position && header.argument <= size) {
        this.#shorten()
        return { is: 'position', at: header.argument }
      }
    }
    this.#lengthen()
    return { is: 'on' }
  }

  *#end(index: number): Script<'taken' | 'skip' | number> {
    const { size } = this.#file(index)
    for (;;) {
      yield* write(this.#packer.header(Type.end, size))
      for (;;) {
        const header = yield* this.#header(this.#options.answer_ms)
        if (header === undefined) break
        if (header.type === Type.init) {
          this.#progress.made()
          return 'taken'
        }
        if (header.type === Type.skip) return 'skip'
        if (header.type === Type.position && header.argument <= size) {
          this.#shorten()
          return header.argument
        }
      }
      this.#progress.failed()
    }
  }

  /** The file is whole over there by now: a farewell that is not answered is no error (8.3). */
  *#leave(): Script<void> {
    for (let tries = 0; tries < farewells; tries++) {
      yield* write(hexHeader(Type.finish))
      if ((yield* this.#await(farewell_ms, Type.finish)) === undefined) continue
      yield* write(ascii('OO'))
      return
    }
  }

  /**
   * Subpackets in a stream carry no place: a link that loses whole ones shifts what follows. A receiver
   * that confirms a place where it was not asked to has lost some, and has wrong bytes.
   */
  #checkPlace(at: number): void {
    if (!this.#asked.has(at)) {
      throw new InputError('PC-TRANSFER-MISMATCH', 'The transfer was given up: what came is not what the other side has.')
    }
  }

  /** A place that the receiver has reached; going back is an error, going on is progress. */
  #confirm(at: number): void {
    if (at > this.#furthest) {
      this.#furthest = at
      this.#progress.made()
    }
    this.#confirmed = at
    for (const asked of this.#asked) if (asked <= at) this.#asked.delete(asked)
  }

  #shorten(): void {
    this.#progress.failed()
    this.#block = Math.max(blockMin, this.#block / 2)
    this.#good = 0
  }

  #lengthen(): void {
    if (++this.#good < goodRun) return
    this.#block = Math.min(blockMax, this.#block * 2)
    this.#good = 0
  }

  /** The next header of a type, others ignored. */
  *#await(limit_ms: number, type: number): Script<Header | undefined> {
    for (;;) {
      const header = yield* this.#header(limit_ms)
      if (header === undefined || header.type === type) return header
    }
  }

  /** The next header that came whole. One that is broken is as good as none: the receiver says it again. */
  *#header(limit_ms: number): Script<Header | undefined> {
    for (;;) {
      this.#progress.check()
      const token = yield* hear(this.#reader, limit_ms, this.#options.clock)
      if (token === undefined) return undefined
      if (token.kind === 'cancel') throw cancelledThere()
      if (token.kind !== 'header') continue
      if (token.type === Type.abort || token.type === Type.fileError) throw cancelledThere()
      if (token.type !== Type.challenge) return token
      yield* write(hexHeader(Type.ack, token.argument))
    }
  }

  #file(index: number): Outgoing {
    return this.#files[index] ?? { name: '', size: 0, modified_s: 0 }
  }
}

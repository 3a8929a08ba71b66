/** The receiving side of ZMODEM (Forsberg, chapters 8 and 9). */
import { crc32 } from 'node:zlib'
import { InputError, ResourceError } from '../../../base/error.ts'
import { readDescription } from '../description.ts'
import { accept, cancelledThere, hear, type Offer, type Patience, Progress, type Script, write } from '../script.ts'
import { Can, End, flags, hexHeader, Type } from './frame.ts'
import { type Token, ZmodemReader } from './reader.ts'

export interface ZmodemReceiveOptions extends Patience {
  /** Asks the sender to let no control character through as it is. */
  escapeControls: boolean
  /** Refused when false: the sender then protects with CRC-16. */
  crc32: boolean
  /** Offers, taken or refused, after which the session is ended. */
  offersMax: number
}

export const zmodemReceiveDefaults = { escapeControls: false, crc32: true, offersMax: 256 } as const

/** Without a frame being read: how long until the place is asked for again. */
const position_ms = 3_000
/** A sender that does not know ZCRC does not answer it. */
const crcTries = 2
const crc_ms = 4_000
/** Receptions of the same file that may differ from what the sender says of it. */
const roundsMax = 3
const farewell_ms = 500
/** The answer to a command that somebody sends: it is never carried out (ZCOMPL with a failure, 11.16). */
const refusedCommand = 1

/** Receives until the sender says farewell; the world behind the script has the files. @throws as `sendZmodem`; PC-TRANSFER-LIMIT. */
export function* receiveZmodem(options: ZmodemReceiveOptions): Script<void> {
  yield* new Receiver(options).run()
}

/** What is here of a file. */
interface Here {
  at: number
  crc: number
}

function* restart(here: Here): Script<void> {
  here.at = 0
  here.crc = 0
  yield { wish: 'restart' }
}

class Receiver {
  readonly #options: ZmodemReceiveOptions
  readonly #reader = new ZmodemReader()
  readonly #progress: Progress
  #offers = 0

  constructor(options: ZmodemReceiveOptions) {
    this.#options = options
    this.#progress = new Progress(options)
  }

  *run(): Script<void> {
    const can = Can.duplex | Can.overlapIo | (this.#options.crc32 ? Can.crc32 : 0) | (this.#options.escapeControls ? Can.escapeControls : 0)
    const invitation = hexHeader(Type.init, flags(can))
    yield* write(invitation)
    for (;;) {
      const token = yield* this.#token(this.#options.answer_ms)
      if (token?.kind !== 'header') {
        if (token?.kind === 'data') continue
        this.#progress.failed()
        yield* write(invitation)
        continue
      }
      if (token.type === Type.finish) return yield* this.#leave()
      const invite: boolean = token.type === Type.file ? yield* this.#takeOffer() : yield* this.#wantsInvitation(token.type)
      if (invite) yield* write(invitation)
    }
  }

  /** Answers what has an answer of its own; true when the sender should hear the invitation (again). */
  *#wantsInvitation(type: number): Script<boolean> {
    switch (type) {
      case Type.senderInit:
        yield* this.#answerData(hexHeader(Type.ack))
        return false
      case Type.command:
        yield* this.#answerData(hexHeader(Type.complete, refusedCommand))
        return false
      case Type.freeCount:
        yield* write(hexHeader(Type.ack))
        return false
      // An end again: the sender has not heard that we have the file.
      case Type.requestInit:
      case Type.end:
        return true
      default:
        return false
    }
  }

  *#answerData(answer: Uint8Array): Script<void> {
    const token = yield* this.#token(this.#options.answer_ms)
    yield* write(token?.kind === 'data' ? answer : hexHeader(Type.nak))
  }

  /** @returns whether the file was received. Of one that was not the sender knows already. */
  *#takeOffer(): Script<boolean> {
    const token = yield* this.#token(this.#options.answer_ms)
    const offer = token?.kind === 'data' ? readDescription(token.data) : undefined
    if (offer === undefined) {
      this.#progress.failed()
      yield* write(hexHeader(Type.nak))
      return false
    }
    if (++this.#offers > this.#options.offersMax) {
      throw new ResourceError('PC-TRANSFER-LIMIT', 'The transfer was given up: the other side offers too many files.')
    }
    const acceptance = yield* accept(offer)
    this.#progress.made()
    if (acceptance === 'refused') {
      yield* write(hexHeader(Type.skip))
      return false
    }
    const here = { at: acceptance.at, crc: acceptance.crc32 }
    const due = yield* this.#crcOf(offer.size ?? 0)
    if (here.at > 0 && (due === undefined || (yield* this.#crcOf(here.at)) !== here.crc)) {
      yield* restart(here)
    }
    return yield* this.#receiveChecked(here, offer, due)
  }

  /** What the sender says is the CRC-32 of the first bytes of its file (ZCRC, 11.14); `undefined` when it says nothing. */
  *#crcOf(length: number): Script<number | undefined> {
    if (length === 0) return undefined
    for (let tries = 0; tries < crcTries; tries++) {
      yield* write(hexHeader(Type.crc, length))
      for (;;) {
        const token: Token | undefined = yield* this.#token(Math.min(crc_ms, this.#options.answer_ms))
        if (token === undefined) break
        if (token.kind === 'header' && token.type === Type.crc) return token.argument
      }
    }
    return undefined
  }

  /**
   * Subpackets in a stream carry no place. Where a link loses bytes in lumps (a converter's packet, a full
   * queue) whole ones can be lost without a CRC error, and what follows lands in the wrong place. So
   * the whole file's CRC-32 is compared, and the file is fetched again where it differs. That of a
   * sender that reckons it otherwise never agrees: then two receptions must agree with each other.
   */
  *#receiveChecked(here: Here, offer: Offer, due: number | undefined): Script<boolean> {
    let before: number | undefined
    for (let round = 0; round < roundsMax; round++) {
      if (!(yield* this.#receive(here, offer))) return false
      if (due === undefined || here.crc === due || here.crc === before) {
        yield { wish: 'complete' }
        return true
      }
      before = here.crc
      yield* restart(here)
    }
    throw new InputError('PC-TRANSFER-MISMATCH', 'The transfer was given up: what came is not what the other side has.')
  }

  /** @returns false when the sender went on without having sent it all. */
  *#receive(here: Here, { name, size }: Offer): Script<boolean> {
    let inFrame = false
    yield* write(hexHeader(Type.position, here.at))
    for (;;) {
      const token: Token | undefined = yield* this.#token(inFrame ? this.#options.answer_ms : Math.min(position_ms, this.#options.answer_ms))
      if (token?.kind === 'data') {
        if (!inFrame) continue
        yield* this.#store(here, token.data)
        if (token.end === End.frameAck || token.end === End.moreAck) yield* write(hexHeader(Type.ack, here.at))
        inFrame = token.end === End.more || token.end === End.moreAck
        yield { wish: 'tell', file: name, done: here.at, of: size }
        continue
      }
      if (token?.kind === 'header') {
        if (token.type === Type.end && token.argument === here.at) return true
        if (token.type === Type.skip) return false
        inFrame = token.type === Type.data && token.argument === here.at
        if (inFrame || !this.#wantsPosition(token.type)) continue
      }
      inFrame = false
      this.#progress.failed()
      if (this.#tells(token)) yield* write(hexHeader(Type.position, here.at))
    }
  }

  *#store(here: Here, data: Uint8Array): Script<void> {
    if (data.length === 0) return
    this.#progress.made()
    here.at += data.length
    here.crc = crc32(data, here.crc)
    yield { wish: 'store', bytes: data.slice() }
  }

  /**
   * Data from another place, an offer or a greeting again: the sender has not heard where to go on. An end elsewhere
   * was sent before it heard, so that its data header will follow (8.2).
   */
  #wantsPosition(type: number): boolean {
    return type === Type.data || type === Type.file || type === Type.nak || type === Type.requestInit
  }

  /**
   * Whether something that is wrong says that the sender went wrong. Where controls are escaped, an
   * asterisk before an escaped control looks like a header while old data are passing.
   */
  #tells(token: Token | undefined): boolean {
    return !(this.#options.escapeControls && token?.kind === 'broken' && token.what === 'header')
  }

  /** The sender's two letters O may come or not. */
  *#leave(): Script<void> {
    yield* write(hexHeader(Type.finish))
    yield* hear(this.#reader, farewell_ms, this.#options.clock)
  }

  *#token(limit_ms: number): Script<Token | undefined> {
    this.#progress.check()
    const token = yield* hear(this.#reader, limit_ms, this.#options.clock)
    if (token?.kind === 'cancel') throw cancelledThere()
    if (token?.kind === 'header' && (token.type === Type.abort || token.type === Type.fileError)) throw cancelledThere()
    return token
  }
}

/** The receiving side of YMODEM batch (XMODEM/YMODEM Protocol Reference, chapter 5). */
import { InputError, ResourceError } from '../../../base/error.ts'
import { readDescription } from '../description.ts'
import { accept, cancelledThere, hear, type Offer, type Patience, Progress, purge, type Script, write } from '../script.ts'
import { BlockReader, type BlockToken, Sign } from './block.ts'

/** How long a sender has to begin before it is invited again (chapter 5, 10 s of XMODEM are too slow to start with). */
const invite_ms = 3_000
/** After a broken block the sender must have fallen silent before it can hear us. */
const quiet_ms = 200
const purge_ms = 5_000
const offersMax = 256

/** Receives until the sender says that there is no further file. A file cannot be refused but by cancelling. @throws as `receiveZmodem`. */
export function* receiveYmodem(patience: Patience): Script<void> {
  yield* new Receiver(patience).run()
}

type Data = { number: number; data: Uint8Array } | 'end' | undefined

class Receiver {
  readonly #patience: Patience
  readonly #reader = new BlockReader()
  readonly #progress: Progress

  constructor(patience: Patience) {
    this.#patience = patience
    this.#progress = new Progress(patience)
  }

  *run(): Script<void> {
    for (let offers = 0; offers <= offersMax; offers++) {
      const offer = yield* this.#offer()
      if (offer === undefined) return
      const acceptance = yield* accept(offer)
      if (acceptance === 'refused') throw new ResourceError('PC-TRANSFER-LIMIT', 'The transfer was given up: there is no room for the file.')
      if (acceptance.at > 0) yield { wish: 'restart' }
      yield* this.#receive(offer)
      yield { wish: 'complete' }
    }
    throw new ResourceError('PC-TRANSFER-LIMIT', 'The transfer was given up: the other side offers too many files.')
  }

  /** Invites with C until block 0 comes. @returns `undefined` when it has no name: the batch has ended. */
  *#offer(): Script<Offer | undefined> {
    for (;;) {
      yield* write(Uint8Array.of(Sign.crc))
      const came = yield* this.#data(invite_ms)
      if (came === 'end') yield* write(Uint8Array.of(Sign.ack))
      if (typeof came !== 'object' || came.number !== 0) {
        this.#progress.failed()
        continue
      }
      yield* write(Uint8Array.of(Sign.ack))
      this.#progress.made()
      return readDescription(came.data)
    }
  }

  *#receive({ name, size }: Offer): Script<void> {
    let at = 0
    let number = 1
    let ends = 0
    let reply: number = Sign.crc
    for (;;) {
      yield* write(Uint8Array.of(reply))
      const came = yield* this.#data(at === 0 && number === 1 ? invite_ms : this.#patience.answer_ms)
      if (came === 'end') {
        // One lone byte can be noise: only the second is believed.
        if (++ends === 2 && at >= (size ?? 0)) break
        if (ends > 2) throw new InputError('PC-TRANSFER-SHORT', 'The transfer was given up: the file ended before its size.')
        reply = Sign.nak
        continue
      }
      ends = 0
      if (came === undefined) {
        this.#progress.failed()
        reply = number === 1 ? Sign.crc : Sign.nak
        continue
      }
      reply = Sign.ack
      // Our confirmation was lost: it comes again.
      if (came.number === ((number - 1) & 0xff)) continue
      if (came.number !== (number & 0xff)) throw cancelledThere()
      const data = came.data.subarray(0, size === undefined ? undefined : Math.max(0, size - at))
      yield { wish: 'store', bytes: data }
      at += data.length
      number++
      this.#progress.made()
      yield { wish: 'tell', file: name, done: at, of: size }
    }
    yield* write(Uint8Array.of(Sign.ack))
  }

  /** The next whole block or end; `undefined` for silence and for what was broken, when the line is quiet again. */
  *#data(limit_ms: number): Script<Data> {
    this.#progress.check()
    const token: BlockToken | undefined = yield* hear(this.#reader, limit_ms, this.#patience.clock)
    if (token?.kind === 'block') return token
    if (token?.kind === 'end') return 'end'
    if (token?.kind === 'cancel') throw cancelledThere()
    if (token?.kind === 'broken' || this.#reader.pending > 0) yield* purge(quiet_ms, purge_ms, this.#patience.clock)
    this.#reader.reset()
    return undefined
  }
}

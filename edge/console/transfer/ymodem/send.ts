/** The sending side of YMODEM batch (XMODEM/YMODEM Protocol Reference, chapter 5): one block, one answer. */
import { describeFile } from '../description.ts'
import { cancelledThere, hear, listen, type Outgoing, type Patience, Progress, read, type Script, write } from '../script.ts'
import { block, filler, longLength, shortLength, Sign, SignReader, type SignToken } from './block.ts'

const farewell_ms = 2_000
const farewells = 3

/** @returns true for each file: the protocol has no way not to take one. @throws as `sendZmodem`. */
export function* sendYmodem(files: readonly Outgoing[], patience: Patience): Script<boolean[]> {
  return yield* new Sender(files, patience).run()
}

class Sender {
  readonly #files: readonly Outgoing[]
  readonly #patience: Patience
  readonly #reader = new SignReader()
  readonly #progress: Progress

  constructor(files: readonly Outgoing[], patience: Patience) {
    this.#files = files
    this.#patience = patience
    this.#progress = new Progress(patience)
  }

  *run(): Script<boolean[]> {
    for (const [index, file] of this.#files.entries()) {
      yield* this.#awaitInvitation()
      yield* this.#deliver(block(0, describeFile(file, this.#files.slice(index)), 0))
      yield* this.#awaitInvitation()
      yield* this.#sendData(index, file)
      yield* this.#end()
    }
    yield* this.#leave()
    return this.#files.map(() => true)
  }

  /** Block 0 without a name ends the batch. All files are confirmed by then: a receiver that is gone already is no error. */
  *#leave(): Script<void> {
    yield* this.#word()
    for (let tries = 0; tries < farewells; tries++) {
      yield* write(block(0, new Uint8Array(0), 0))
      if ((yield* this.#word(farewell_ms)) === 'ack') return
    }
  }

  *#sendData(index: number, { name, size }: Outgoing): Script<void> {
    let number = 1
    for (let at = 0; at < size; number++) {
      const left = size - at
      const data = yield* read(index, at, Math.min(left, left > shortLength ? longLength : shortLength))
      yield* this.#deliver(block(number, data, filler))
      at += data.length
      yield { wish: 'tell', file: name, done: at, of: size }
    }
  }

  /** Sends a block until it is confirmed. */
  *#deliver(bytes: Uint8Array): Script<void> {
    for (;;) {
      yield* this.#forget()
      yield* write(bytes)
      const answer = yield* this.#answer()
      if (answer === 'ack') return this.#progress.made()
      this.#progress.failed()
    }
  }

  /** A cautious receiver says NAK to the first end: a lone byte can be noise. */
  *#end(): Script<void> {
    for (;;) {
      yield* write(Uint8Array.of(Sign.end))
      const answer = yield* this.#answer()
      if (answer === 'ack') return this.#progress.made()
      this.#progress.failed()
    }
  }

  /** What was said before a block cannot be its answer: such as an invitation that was given twice. */
  *#forget(): Script<void> {
    while ((yield* listen(0)).length > 0);
    this.#reader.reset()
  }

  *#awaitInvitation(): Script<void> {
    while ((yield* this.#word()) !== 'crc') this.#progress.check()
    this.#progress.made()
  }

  *#answer(): Script<'ack' | 'nak' | undefined> {
    for (;;) {
      const word = yield* this.#word()
      if (word !== 'crc') return word
    }
  }

  *#word(limit_ms = this.#patience.answer_ms): Script<Exclude<SignToken, 'cancel'> | undefined> {
    this.#progress.check()
    const word = yield* hear(this.#reader, limit_ms, this.#patience.clock)
    if (word === 'cancel') throw cancelledThere()
    return word
  }
}

/** Checks a whole journal, hash by hash, while the runtime may go on writing it. Memory stays constant. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CancelledError, DeviceError } from '../base/error.ts'
import { type Break, ChainWalk, erasedKind, genesis, openedKind, prunedKind } from './chain.ts'
import { JournalReader, type Link } from './reader.ts'

export interface Verification {
  ok: boolean
  device: string
  /** Facts that are there and hold. */
  facts: number
  /** Facts that retention took. */
  pruned: number
  /** The sequence numbers checked: all of them up to `last`. */
  last: number
  /** Hash of the last fact, hexadecimal: compare it with what the centre holds. */
  hash: string
  /** Starts of the runtime seen in the facts that are there. */
  epochs: number
  /** UTC days whose personal data was erased, by their receipts. */
  erasedDays: string[]
  firstBroken?: Break
}

export interface VerifyOptions {
  signal?: AbortSignal
  onProgress?(done: number, of: number): void
}

const piece = 1000

/**
 * A damaged file is a result (`ok: false`), not an error.
 * @throws UsageError (PC-JOURNAL-ABSENT), ConfigError (PC-JOURNAL-FORMAT), CancelledError
 */
export async function verifyJournal(file: string, options: VerifyOptions = {}): Promise<Verification> {
  let reader: JournalReader
  try {
    reader = new JournalReader(file)
  } catch (error) {
    if (error instanceof DeviceError) return new Check('', 0).result({ seq: 1, why: 'the file is damaged and cannot be opened' })
    throw error
  }
  const check = new Check(reader.device, reader.base)
  try {
    return check.result(await walk(reader, check, options))
  } catch (error) {
    if (error instanceof DeviceError) return check.result({ seq: check.seq + 1, why: 'the file is damaged and cannot be read' })
    throw error
  } finally {
    reader.close()
  }
}

async function walk(reader: JournalReader, check: Check, { signal, onProgress }: VerifyOptions): Promise<Break | undefined> {
  const last = reader.last
  for (;;) {
    if (signal?.aborted === true) throw new CancelledError()
    let unreceipted: Break | undefined
    const links = reader.links(check.seq, piece, (pruned) => {
      unreceipted = check.end(pruned)
    })
    if (links.length === 0) return unreceipted ?? damageOf(reader, check)
    for (const link of links) {
      const broken = check.link(link)
      if (broken !== undefined) return broken
    }
    onProgress?.(Math.min(check.seq, last), last)
    await nextTurn()
  }
}

function damageOf(reader: JournalReader, check: Check): Break | undefined {
  return reader.structuralDamage() === undefined ? undefined : { seq: check.seq + 1, why: 'the structure of the database is damaged' }
}

/** What a walk over the chain finds out. */
class Check {
  readonly #device: string
  readonly #chain: ChainWalk
  readonly #erasedDays = new Set<string>()
  #facts = 0
  #pruned = 0
  #epochs = 0
  #receipted = 0

  constructor(device: string, base: number) {
    this.#device = device
    this.#chain = new ChainWalk(device, base, genesis)
  }

  get seq(): number {
    return this.#chain.seq
  }

  link(link: Link): Break | undefined {
    if ('gap' in link) {
      const from = this.seq
      const broken = this.#chain.gap(link.gap)
      if (broken === undefined) this.#pruned += this.seq - from
      return broken
    }
    const broken = this.#chain.fact(link.fact)
    if (broken !== undefined) return broken
    this.#facts++
    const { kind, body } = link.fact
    if (kind === openedKind) this.#epochs++
    if (kind === erasedKind) this.#erasedDays.add((JSON.parse(body) as { day: string }).day)
    if (kind === prunedKind) this.#receipted = (JSON.parse(body) as { total: number }).total
    return undefined
  }

  /** Everything that is missing must have been receipted. */
  end(pruned: number): Break | undefined {
    if (pruned === this.#receipted) return undefined
    return { seq: this.seq, why: `${pruned} facts are pruned, but the receipts speak of ${this.#receipted}` }
  }

  result(firstBroken: Break | undefined): Verification {
    return {
      ok: firstBroken === undefined,
      device: this.#device,
      facts: this.#facts,
      pruned: this.#pruned,
      last: this.seq,
      hash: Buffer.from(this.#chain.hash ?? genesis).toString('hex'),
      epochs: this.#epochs,
      erasedDays: [...this.#erasedDays].sort(),
      ...(firstBroken === undefined ? {} : { firstBroken }),
    }
  }
}

/**
 * A piece of the journal to take away: facts as JSON Lines, and apart from them a seal that says what
 * the lines must be. Lines and seal can be verified anywhere, without the database and its keys.
 *
 * Facts that were pruned, or were not asked for, leave a line that carries the chain over them.
 */
import { createHash } from 'node:crypto'
import { canonical } from '../base/canonical.ts'
import { Type, type Static, parse } from '../base/schema.ts'
import { type Break, ChainWalk, type Gap, type Row, toFact, toRow } from './chain.ts'
import type { Fact } from './fact.ts'
import type { JournalReader } from './reader.ts'

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Seq = Type.Integer({ minimum: 0 })

const ExportSeal = Type.Object(
  {
    format: Type.Literal('portcullis-journal-1'),
    device: Type.String(),
    facts: Seq,
    /** Numbers of the first and last fact that the lines account for. */
    first: Seq,
    last: Seq,
    /** Hash before the first, and of the last. */
    prev: Hash,
    hash: Hash,
    /** SHA-256 of all lines. */
    sha256: Hash,
  },
  { additionalProperties: false },
)
export type ExportSeal = Static<typeof ExportSeal>

const FactLine = Type.Object(
  {
    device: Type.String(), epoch: Seq, seq: Seq, wall: Type.Integer(), mono_ms: Type.Integer(), kind: Type.String(),
    class: Type.Enum(['passage', 'safety', 'fault', 'command', 'audit']), body: Type.Unknown(),
    personal: Type.Optional(Type.Object({ day: Type.String(), sealed: Type.String() }, { additionalProperties: false })),
    prev: Hash, hash: Hash,
  },
  { additionalProperties: false },
)

const GapLine = Type.Object(
  { gap: Type.Object({ first: Seq, last: Seq, prev: Hash, hash: Hash }, { additionalProperties: false }) },
  { additionalProperties: false },
)
type GapLine = Static<typeof GapLine>

export interface ExportRange {
  /** First and last sequence number; all by default. */
  from?: number
  to?: number
  /** Only facts of these kinds, such as `gate.step`. */
  kinds?: readonly string[]
}

const piece = 500

/** Yields the lines, each ended by a line feed; returns the seal. */
export function* exportJournal(reader: JournalReader, range: ExportRange = {}): Generator<string, ExportSeal> {
  const to = Math.min(range.to ?? Infinity, reader.last)
  const digest = createHash('sha256')
  const span = new Span()
  let facts = 0
  let position = Math.max(range.from ?? 1, 1) - 1
  let skipped: Gap | undefined
  const line = (value: unknown): string => {
    const text = `${canonical(value)}\n`
    digest.update(text)
    return text
  }
  while (position < to) {
    const links = reader.links(position, piece)
    if (links.length === 0) break
    for (const link of links) {
      const item: Gap = 'gap' in link ? link.gap : { first: link.fact.seq, last: link.fact.seq, prev: link.fact.prev, hash: link.fact.hash }
      position = item.last
      if (item.first > to) break
      span.add(item)
      const wanted = 'fact' in link && (range.kinds === undefined || range.kinds.includes(link.fact.kind))
      if (!wanted) {
        skipped = skipped === undefined ? { ...item } : { ...skipped, last: item.last, hash: item.hash }
        continue
      }
      if (skipped !== undefined) yield line(gapLine(skipped))
      skipped = undefined
      facts++
      yield line(toFact(reader.device, link.fact))
    }
  }
  if (skipped !== undefined) yield line(gapLine(skipped))
  return { format: 'portcullis-journal-1', device: reader.device, facts, ...span.ends, sha256: digest.digest('hex') }
}

export interface ExportVerification {
  ok: boolean
  facts: number
  firstBroken?: Break
}

/** The longest line: a fact's body and its sealed data at their limits, and the fields around them. */
const line_bytes_max = 256 * 1024

/**
 * Checks lines against their seal: nothing changed, nothing missing, nothing added.
 * @throws InputError (PC-JOURNAL-EXPORT) when the seal itself is not one.
 */
export async function verifyExport(lines: Iterable<string> | AsyncIterable<string>, sealed: unknown): Promise<ExportVerification> {
  const seal = parse(ExportSeal, sealed, 'PC-JOURNAL-EXPORT', 'seal of the export')
  const walk = new ChainWalk(seal.device, seal.first - 1, Buffer.from(seal.prev, 'hex'))
  const digest = createHash('sha256')
  let facts = 0
  const broken = (why: string, seq: number = walk.seq + 1): ExportVerification => ({ ok: false, facts, firstBroken: { seq, why } })
  for await (const line of lines) {
    digest.update(`${line}\n`)
    const item = parseLine(line)
    if (item === undefined) return broken('the line is neither a fact nor a gap')
    if ('fact' in item && item.device !== seal.device) return broken('the fact is of another device', item.fact.seq)
    const found = 'gap' in item ? walk.gap(item.gap) : walk.fact(item.fact)
    if (found !== undefined) return broken(found.why, found.seq)
    if ('fact' in item) facts++
  }
  const whole = walk.seq === seal.last && facts === seal.facts && Buffer.from(walk.hash ?? []).toString('hex') === seal.hash
  if (!whole) return broken('the lines end before or beyond what the seal says')
  if (digest.digest('hex') !== seal.sha256) return broken('the lines are not those that were sealed')
  return { ok: true, facts }
}

/** What a line says; `undefined` for anything but a fact or a gap. */
function parseLine(line: string): { gap: Gap } | { fact: Row; device: string } | undefined {
  if (line.length > line_bytes_max) return undefined
  try {
    const value = JSON.parse(line) as object | null
    if (value !== null && 'gap' in value) return { gap: fromGapLine(parse(GapLine, value, 'PC-JOURNAL-EXPORT', 'line of the export')) }
    const fact = parse(FactLine, value, 'PC-JOURNAL-EXPORT', 'line of the export') as Fact
    return { fact: toRow(fact), device: fact.device }
  } catch {
    return undefined
  }
}

function gapLine(gap: Gap): GapLine {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  return { gap: { first: gap.first, last: gap.last, prev: hex(gap.prev), hash: hex(gap.hash) } }
}

function fromGapLine({ gap }: GapLine): Gap {
  return { ...gap, prev: Buffer.from(gap.prev, 'hex'), hash: Buffer.from(gap.hash, 'hex') }
}

/** The two ends of what the lines account for. */
class Span {
  #first: Gap | undefined
  #last: Gap | undefined

  add(item: Gap): void {
    this.#first ??= item
    this.#last = item
  }

  get ends(): Pick<ExportSeal, 'first' | 'last' | 'prev' | 'hash'> {
    const none = '0'.repeat(64)
    return {
      first: this.#first?.first ?? 1,
      last: this.#last?.last ?? 0,
      prev: this.#first === undefined ? none : Buffer.from(this.#first.prev).toString('hex'),
      hash: this.#last === undefined ? none : Buffer.from(this.#last.hash).toString('hex'),
    }
  }
}

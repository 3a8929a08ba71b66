/** Looks through the journal from the newest fact back, in pieces that hold up nothing else. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Fact, FactSource } from '../../journal/fact.ts'
import type { JournalPage, JournalQuery, ShownFact } from './wire.ts'

/** Facts on a page, pieces that are looked through for one, and facts of one piece. */
const found_max = 50
const pieces_max = 80
const piece_facts = 250

/** A page of matching facts, newest first. What is personal is sealed and not even looked at. */
export async function searchJournal(source: FactSource, query: JournalQuery): Promise<JournalPage> {
  const matches = matcher(query)
  const facts: ShownFact[] = []
  let looked = 0
  const oldest = source.after(0, 1)[0]?.seq ?? source.last + 1
  let before = Math.min(query.before ?? Infinity, source.last + 1)
  for (let pieces = 0; before > oldest && pieces < pieces_max; pieces++) {
    const piece = pieceBefore(source, before)
    for (const fact of piece.facts.reverse()) {
      looked++
      before = fact.seq
      if (query.from !== undefined && isWellBefore(fact.wall, query.from)) return { facts, looked }
      if (!matches(fact)) continue
      facts.push(shown(fact))
      if (facts.length === found_max) return { facts, looked, ...(before > oldest ? { next: before } : {}) }
    }
    before = piece.from
    await nextTurn()
  }
  return { facts, looked, ...(before > oldest ? { next: before } : {}) }
}

/** Some are missing where old ones were removed: then the piece is shorter, and may be empty. */
function pieceBefore(source: FactSource, before: number): { facts: Fact[]; from: number } {
  const from = Math.max(1, before - piece_facts)
  const facts: Fact[] = []
  for (let after = from - 1; after < before - 1;) {
    const next = source.after(after, before - 1 - after).filter(({ seq }) => seq < before)
    facts.push(...next)
    const last = next.at(-1)
    if (last === undefined) break
    after = last.seq
  }
  return { facts, from }
}

/** Facts stand in the order in which they were written; the wall clock may have been set back in between, by not more than this. */
const disorder_ms = 3_600_000
const isWellBefore = (wall: number, from: number): boolean => wall < from - disorder_ms

function matcher({ kind, component, text, from = -Infinity, to = Infinity }: JournalQuery): (fact: Fact) => boolean {
  const wanted = text?.toLowerCase()
  return (fact) => {
    if (fact.wall < from || fact.wall > to) return false
    if (kind !== undefined && kind !== '' && fact.kind !== kind && !fact.kind.startsWith(kind.endsWith('.') ? kind : `${kind}.`)) return false
    if (component !== undefined && component !== '' && (fact.body as { component?: unknown } | null)?.component !== component) return false
    return wanted === undefined || wanted === '' || `${fact.kind} ${JSON.stringify(fact.body)}`.toLowerCase().includes(wanted)
  }
}

const shown = ({ seq, wall, kind, class: what, body, personal }: Fact): ShownFact => ({ seq, wall, kind, class: what, body, sealed: personal !== undefined })

/**
 * Retention: facts whose class has had its days give way, and the chain still verifies.
 *
 * A run of pruned facts leaves a gap: its first and last number, the hash before it and the hash at
 * its end, by which the chain goes on. A receipt in the chain says what was taken; the receipts'
 * running total must equal what the gaps hold, so a gap without receipt shows.
 */
import { sha256 } from '../base/canonical.ts'
import { type Gap, type Row, prunedKind } from './chain.ts'
import type { FactClass, NewFact } from './fact.ts'
import type { JournalLimits, Retention } from './limits.ts'
import type { Store } from './store.ts'

const day_ms = 86_400_000
const classes: readonly FactClass[] = ['passage', 'safety', 'fault', 'command', 'audit']

/** The share of `bytes_max` from which facts give way before their time, and to which they do. */
const crowded = 0.9
const relieved = 0.8

export interface Choice {
  rows: Row[]
  /** Of these, facts that had not had their days, and facts that a reader had not yet passed. */
  early: number
  unread: number
}

/** True when the database is so full that the oldest facts must give way. */
export function isCrowded(store: Store, limits: JournalLimits, already: boolean): boolean {
  return store.usedBytes() > limits.bytes_max * (already ? relieved : crowded)
}

/**
 * The facts to take now, at most `limits.prune_max`.
 * @param passed the position of the reader that is furthest behind.
 */
export function choose(store: Store, retention: Retention, limits: JournalLimits, now: number, passed: number, force: boolean): Choice {
  const rows: Row[] = []
  for (const factClass of classes) {
    const most = limits.prune_max - rows.length
    if (most > 0) rows.push(...store.expired(factClass, now - retention[factClass] * day_ms, most).filter((row) => row.seq <= passed))
  }
  if (rows.length > 0 || !force) return { rows, early: 0, unread: 0 }
  const oldest = store.oldest('safety', limits.prune_max)
  return {
    rows: oldest,
    early: oldest.filter((row) => row.wall >= now - retention[row.class] * day_ms).length,
    unread: oldest.filter((row) => row.seq > passed).length,
  }
}

/**
 * What the chain keeps of pruned facts: enough for the centre to say which they were.
 * @param before how many facts were pruned before these.
 */
export function receipt(choice: Choice, before: number): NewFact {
  const rows = inOrder(choice.rows)
  const facts: Partial<Record<FactClass, number>> = {}
  for (const row of rows) facts[row.class] = (facts[row.class] ?? 0) + 1
  const body = {
    facts,
    first: rows[0]?.seq ?? 0,
    last: rows.at(-1)?.seq ?? 0,
    /** SHA-256 over the hashes of the facts taken, in their order. */
    digest: sha256(Buffer.concat(rows.map((row) => row.hash))).toString('hex'),
    early: choice.early,
    unread: choice.unread,
    total: before + rows.length,
  }
  return { kind: prunedKind, class: 'audit', body }
}

/** Takes the facts out and leaves gaps; to be run within the transaction that writes the receipt. */
export function remove(store: Store, rows: readonly Row[]): void {
  for (const run of runs(inOrder(rows))) {
    const left = store.gapsAfter(run.first - 2, 1)[0]
    const joinsLeft = left?.last === run.first - 1
    const right = store.gapsAfter(run.last, 1)[0]
    const joinsRight = right?.first === run.last + 1
    const whole = { ...run }
    if (joinsLeft) {
      store.removeGap(left)
      Object.assign(whole, { first: left.first, prev: left.prev })
    }
    if (joinsRight) {
      store.removeGap(right)
      Object.assign(whole, { last: right.last, hash: right.hash })
    }
    store.addGap(whole)
    for (let seq = run.first; seq <= run.last; seq++) store.remove(seq)
  }
}

/** Days of personal data that have had their time. */
export function expiredDays(days: readonly string[], retention: Retention, now: number): string[] {
  return days.filter((day) => Date.parse(day) + day_ms + retention.personal * day_ms <= now)
}

function inOrder(rows: readonly Row[]): Row[] {
  return [...rows].sort((a, b) => a.seq - b.seq)
}

function runs(rows: readonly Row[]): Gap[] {
  const found: Gap[] = []
  for (const row of rows) {
    const current = found.at(-1)
    if (current !== undefined && current.last === row.seq - 1) Object.assign(current, { last: row.seq, hash: row.hash })
    else found.push({ first: row.seq, last: row.seq, prev: row.prev, hash: row.hash })
  }
  return found
}

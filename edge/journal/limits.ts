/** What the journal holds itself to. Reaching any of these is counted and visible. */
import type { FactClass } from './fact.ts'

export interface JournalLimits {
  /** Appends that may wait for their commit, and the bytes they may hold. */
  pending_max: number
  pending_bytes_max: number
  /** Facts in one transaction: bounds how long one commit holds the event loop. */
  batch_max: number
  /** Canonical JSON of one fact's body, and of its personal data. */
  body_bytes_max: number
  personal_bytes_max: number
  /** Facts, and bytes of their bodies, that one read gives at most. */
  read_max: number
  read_bytes_max: number
  /** Readers with a durable position. */
  readers_max: number
  /** A reader's position may lag this long behind on disk: a lost position only means facts sent twice. */
  cursor_ms_max: number
  /** How far the wall clock may move against the monotonic clock before that is a fact of its own. */
  clockLeap_ms: number
  /** The database may grow to this size; near it, the oldest facts give way even to readers that lag. */
  bytes_max: number
  /** Disk space held back for when the disk is full. */
  reserve_bytes: number
  /** How often the journal looks whether space has returned. */
  spaceCheck_ms: number
  /** Facts that one slice of pruning removes. */
  prune_max: number
  /** Facts whose hashes are checked at each start. */
  startCheck_facts: number
  /** The database's own structure is checked at start up to this size (0.5 s or so on a slow disk). */
  startCheck_bytes_max: number
  /** How long a write waits for another process that holds the database. */
  busy_ms: number
}

const MiB = 1024 * 1024

export const journalLimits: JournalLimits = {
  pending_max: 4096,
  pending_bytes_max: 16 * MiB,
  batch_max: 256,
  body_bytes_max: 64 * 1024,
  personal_bytes_max: 64 * 1024,
  read_max: 1000,
  read_bytes_max: 4 * MiB,
  readers_max: 32,
  cursor_ms_max: 500,
  clockLeap_ms: 2000,
  bytes_max: 2048 * MiB,
  reserve_bytes: 8 * MiB,
  spaceCheck_ms: 5000,
  prune_max: 256,
  startCheck_facts: 1000,
  startCheck_bytes_max: 64 * MiB,
  busy_ms: 250,
}

/** Days a fact is kept, by its class; `personal`: days until a day's key is erased. */
export type Retention = Record<FactClass | 'personal', number>

export const defaultRetention: Retention = { passage: 90, safety: 3650, fault: 365, command: 365, audit: 3650, personal: 30 }

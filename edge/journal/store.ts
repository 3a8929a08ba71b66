/** The journal's tables in SQLite: statements and transactions, no rules. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { type PortcullisError, ConfigError, DeviceError, ResourceError } from '../base/error.ts'
import type { FactClass } from './fact.ts'
import { type Gap, type Row, genesis } from './chain.ts'

/** "PCJ1", so that `file` and a careful reader know what they hold. */
const applicationId = 0x50434a31
const format = 1

const schema = `
  CREATE TABLE chain (device TEXT NOT NULL, base INTEGER NOT NULL) STRICT;
  CREATE TABLE fact (
    seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, wall INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
    kind TEXT NOT NULL, class TEXT NOT NULL, body TEXT NOT NULL, day TEXT, sealed BLOB, prev BLOB NOT NULL, hash BLOB NOT NULL
  ) STRICT;
  CREATE INDEX fact_by_age ON fact (class, wall);
  CREATE INDEX fact_by_day ON fact (day) WHERE day IS NOT NULL;
  CREATE INDEX fact_safety ON fact (kind, seq) WHERE class = 'safety';
  CREATE TABLE gap (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
  CREATE TABLE cursor (reader TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${format};
`

/** The newest end of the chain. */
export interface Head {
  seq: number
  hash: Uint8Array
  epoch: number
  wall: number | undefined
  kind: string | undefined
}

/** Which facts of components somebody wants to see. */
export interface Remembering {
  kinds: readonly string[]
  /** Of all components unless named. */
  component?: string
  /** Wall times, both included. */
  from: number
  to: number
  most: number
  newestFirst: boolean
  /** Only what lies beyond this sequence number, in the order asked for. */
  beyond?: number
}

export interface StoreOptions {
  readOnly?: boolean
  busy_ms: number
  /** Makes the tables in an empty file, for this device, with the first fact after `base`. */
  create?: { device: string; base: number }
}

export class Store {
  readonly device: string
  /** The chain starts after this sequence number. */
  readonly base: number
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** @throws Error of SQLite; ConfigError (PC-JOURNAL-FORMAT) when the file is something else. */
  constructor(file: string, options: StoreOptions) {
    this.#db = openDatabase(file, options)
    try {
      if (options.readOnly !== true) this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
      if (options.create !== undefined && this.#isEmpty()) this.#create(options.create)
      if (this.#pragma('application_id') !== applicationId || this.#pragma('user_version') !== format) {
        throw new ConfigError('PC-JOURNAL-FORMAT', 'The file is not a journal of this version.')
      }
      const chain = this.#get('SELECT device, base FROM chain') as { device: string; base: number }
      this.device = chain.device
      this.base = chain.base
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** Runs `work` in one transaction: once this returns, it would survive a power cut. */
  transaction<T>(work: () => T): T {
    this.#run('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#run('COMMIT')
      return result
    } catch (error) {
      // SQLite has already rolled back by itself after some failures.
      if (this.#db.isTransaction) this.#run('ROLLBACK')
      throw error
    }
  }

  /** One consistent view over several reads, without holding up the writer. */
  snapshot<T>(work: () => T): T {
    this.#run('BEGIN')
    try {
      return work()
    } finally {
      this.#run('COMMIT')
    }
  }

  insert(row: Row): void {
    this.#run(
      'INSERT INTO fact (seq, epoch, wall, mono_ms, kind, class, body, day, sealed, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      row.seq, row.epoch, row.wall, row.mono_ms, row.kind, row.class, row.body, row.day, row.sealed, row.prev, row.hash,
    )
  }

  /** Facts after `seq`, oldest first: at most `most`, and fewer once their bodies exceed `bytes_max`. */
  after(seq: number, most: number, bytes_max: number = Infinity): Row[] {
    const rows: Row[] = []
    let bytes = 0
    for (const row of this.#statement('SELECT * FROM fact WHERE seq > ? ORDER BY seq LIMIT ?').iterate(seq, most) as Iterable<unknown>) {
      rows.push(row as Row)
      bytes += (row as Row).body.length + ((row as Row).sealed?.length ?? 0)
      if (bytes >= bytes_max) break
    }
    return rows
  }

  tail(most: number): Row[] {
    return (this.#all('SELECT * FROM fact ORDER BY seq DESC LIMIT ?', most) as Row[]).reverse()
  }

  /** Facts that components made known, by their wall time. */
  remembered({ kinds, component, from, to, most, newestFirst, beyond }: Remembering): Row[] {
    const { length } = kinds
    const order = newestFirst ? 'DESC' : 'ASC'
    const where = [
      // Named, so that the index by age serves.
      "class IN ('passage', 'safety', 'fault', 'command', 'audit') AND wall BETWEEN ? AND ?",
      `kind IN (${Array.from({ length }, () => '?').join(', ')})`,
      ...(component === undefined ? [] : ["json_extract(body, '$.component') = ?"]),
      ...(beyond === undefined ? [] : [`seq ${newestFirst ? '<' : '>'} ?`]),
    ]
    const given = [from, to, ...kinds, ...(component === undefined ? [] : [component]), ...(beyond === undefined ? [] : [beyond])]
    return this.#all(`SELECT * FROM fact WHERE ${where.join(' AND ')} ORDER BY seq ${order} LIMIT ?`, ...given, most) as Row[]
  }

  newestSafety(kind: string): Row | undefined {
    return this.#get("SELECT * FROM fact WHERE class = 'safety' AND kind = ? ORDER BY seq DESC LIMIT 1", kind) as Row | undefined
  }

  head(): Head {
    const row = this.tail(1)[0]
    if (row !== undefined) return { seq: row.seq, hash: row.hash, epoch: row.epoch, wall: row.wall, kind: row.kind }
    return { seq: this.base, hash: genesis, epoch: 0, wall: undefined, kind: undefined }
  }

  get(seq: number): Row | undefined {
    return this.#get('SELECT * FROM fact WHERE seq = ?', seq) as Row | undefined
  }

  /** Facts whose class has a wall time before `before`, the oldest first. */
  expired(factClass: FactClass, before: number, most: number): Row[] {
    return this.#all('SELECT * FROM fact WHERE class = ? AND wall < ? ORDER BY wall LIMIT ?', factClass, before, most) as Row[]
  }

  /** The oldest facts of any class but `spared`. */
  oldest(spared: FactClass, most: number): Row[] {
    return this.#all('SELECT * FROM fact WHERE class <> ? ORDER BY seq LIMIT ?', spared, most) as Row[]
  }

  remove(seq: number): void {
    this.#run('DELETE FROM fact WHERE seq = ?', seq)
  }

  /** The gaps that end after `seq`, in order. */
  gapsAfter(seq: number, most: number): Gap[] {
    return this.#all('SELECT first, last, prev, hash FROM gap WHERE last > ? ORDER BY last LIMIT ?', seq, most) as Gap[]
  }

  addGap(gap: Gap): void {
    this.#run('INSERT INTO gap (first, last, prev, hash) VALUES (?, ?, ?, ?)', gap.first, gap.last, gap.prev, gap.hash)
  }

  removeGap(gap: Gap): void {
    this.#run('DELETE FROM gap WHERE last = ?', gap.last)
  }

  /** How many facts were pruned since the chain began. */
  pruned(): number {
    return (this.#get('SELECT coalesce(sum(last - first + 1), 0) AS facts FROM gap') as { facts: number }).facts
  }

  factsOfDay(day: string): number {
    return (this.#get('SELECT count(*) AS facts FROM fact WHERE day = ?', day) as { facts: number }).facts
  }

  cursors(): Map<string, number> {
    const rows = this.#all('SELECT reader, seq FROM cursor') as { reader: string; seq: number }[]
    return new Map(rows.map(({ reader, seq }) => [reader, seq]))
  }

  setCursor(reader: string, seq: number): void {
    this.#run('INSERT INTO cursor (reader, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq', reader, seq)
  }

  /** Bytes of the database in use; pages that hold nothing any more do not count. */
  usedBytes(): number {
    return (this.#pragma('page_count') - this.#pragma('freelist_count')) * this.#pragma('page_size')
  }

  allocatedBytes(): number {
    return this.#pragma('page_count') * this.#pragma('page_size')
  }

  /** SQLite reports a full disk rather than let the database grow beyond this. */
  limitBytes(bytes: number): void {
    this.#db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(bytes / this.#pragma('page_size')))}`)
  }

  /** What is wrong with the structure of the database; `undefined` when nothing is. */
  structuralDamage(): string | undefined {
    const { quick_check: finding } = this.#get('PRAGMA quick_check(1)') as { quick_check: string }
    return finding === 'ok' ? undefined : finding
  }

  /** Takes all that is in the write-ahead log over into the database. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  #isEmpty(): boolean {
    return this.#pragma('schema_version') === 0
  }

  #create({ device, base }: { device: string; base: number }): void {
    this.transaction(() => {
      this.#db.exec(schema)
      this.#run('INSERT INTO chain (device, base) VALUES (?, ?)', device, base)
    })
  }

  #pragma(name: string): number {
    return Object.values(this.#get(`PRAGMA ${name}`) as Record<string, number>)[0] ?? 0
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values)
  }

  #get(sql: string, ...values: SQLInputValue[]): unknown {
    return this.#statement(sql).get(...values)
  }

  #all(sql: string, ...values: SQLInputValue[]): unknown[] {
    return this.#statement(sql).all(...values)
  }
}

function openDatabase(file: string, options: StoreOptions): DatabaseSync {
  const readOnly = options.readOnly === true
  return new DatabaseSync(readOnly ? pathToFileURL(file) : file, { readOnly, timeout: options.busy_ms })
}

// Result codes of SQLite (sqlite.org/rescode.html); the low byte is the primary code.
const sqliteCorrupt = 11
const sqliteNotADatabase = 26
const sqliteFull = 13
const sqliteSharedMemorySize = 4874
const sqliteWriteFailed = 778

function resultCode(error: unknown): number {
  const { errcode } = error as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode : 0
}

/** The disk, or the share of it that the journal may use, is full. */
export function isFull(error: unknown): boolean {
  const code = resultCode(error)
  const system = (error as NodeJS.ErrnoException).code
  // A quota and a file size limit reach SQLite as a failed write.
  const full = (code & 0xff) === sqliteFull || code === sqliteSharedMemorySize || code === sqliteWriteFailed
  return full || system === 'ENOSPC' || system === 'EDQUOT' || system === 'EFBIG'
}

/** The file is damaged, as opposed to: cannot be reached just now. */
export function isDamage(error: unknown): boolean {
  const primary = resultCode(error) & 0xff
  return primary === sqliteCorrupt || primary === sqliteNotADatabase
}

/** A failed write as the caller should see it. */
export function writeError(cause: unknown): PortcullisError {
  if (isFull(cause)) return new ResourceError('PC-JOURNAL-DISK-FULL', 'The disk is full: the journal cannot keep this fact.', { cause })
  return new DeviceError('PC-JOURNAL-STORAGE', 'The journal cannot be written: the storage refuses.', { cause })
}

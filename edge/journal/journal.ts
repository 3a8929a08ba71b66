/**
 * The journal: what happened, in order, kept through power cuts, full disks and broken files.
 *
 * Everything that is appended within one turn of the event loop becomes durable together: one
 * transaction, one sync. A promise of `append` resolves when its fact would survive a power cut.
 *
 * Beside `<file>` and SQLite's `-wal` and `-shm` stand `.keys` (day keys: never back these up with the
 * database), `.mark` (highest numbers given), `.reserve` (ballast for a full disk) and `.lock`.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Json } from '../base/canonical.ts'
import type { Cancel, Clock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { DeviceError, ResourceError, UsageError } from '../base/error.ts'
import { Listeners } from '../base/listeners.ts'
import type { Logger } from '../base/log.ts'
import { type Row, closedKind, erasedKind, openedKind, prunedKind, toFact } from './chain.ts'
import { Cursors } from './cursors.ts'
import type { DayKeys, Erased } from './day-keys.ts'
import type { Fact, FactSink, FactSource, NewFact } from './fact.ts'
import { type Files, openFiles } from './files.ts'
import { type JournalLimits, type Retention, defaultRetention, journalLimits } from './limits.ts'
import { Pending } from './pending.ts'
import { choose, expiredDays, isCrowded, receipt, remove } from './prune.ts'
import type { SetAside } from './recover.ts'
import { type JournalState, Reserve } from './reserve.ts'
import type { KeyWrapper } from './seal.ts'
import type { Store } from './store.ts'
import { type Jump, type Moment, WallWatch } from './wall-watch.ts'
import { type Entry, Writer, boundTo, entryOf, ownKinds } from './writer.ts'

export type { JournalState } from './reserve.ts'

export interface JournalOptions {
  file: string
  /** From the profile; a journal belongs to one device for ever. */
  device: string
  clock: Clock
  log: Logger
  /** Wraps the keys of personal data; without it a fact with personal data is refused. */
  keys?: KeyWrapper
  /** Days, by class; what is not given is as in `defaultRetention`. */
  retention?: Partial<Retention>
  limits?: Partial<JournalLimits>
  /** What runs: goes into the fact that begins the epoch. */
  versions?: Record<string, string>
}

export type JournalCount = 'queue_full' | 'too_large' | 'clock_jumps' | 'pruned' | 'pruned_early' | 'pruned_unread' | 'days_erased'

const kindPattern = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$/
const dayPattern = /^\d{4}-\d{2}-\d{2}$/

export class Journal implements FactSource, FactSink {
  readonly device: string
  readonly epoch: number
  /** What became of the journal before this one, when this one had to begin anew. */
  readonly setAside: SetAside | undefined
  readonly #clock: Clock
  readonly #log: Logger
  readonly #limits: JournalLimits
  readonly #retention: Retention
  readonly #files: Files
  readonly #store: Store
  readonly #keys: DayKeys
  readonly #reserve: Reserve
  readonly #writer: Writer
  readonly #watch: WallWatch
  readonly #appended = new Listeners<number>()
  readonly #counters = new Counters<JournalCount>([
    'queue_full', 'too_large', 'clock_jumps', 'pruned', 'pruned_early', 'pruned_unread', 'days_erased',
  ])
  readonly #cursors: Cursors
  readonly #pending: Pending
  #cancelCursors: Cancel | undefined
  #commitPlanned: NodeJS.Immediate | undefined
  #pruning: Promise<number> | undefined
  #closing: Promise<void> | undefined

  /**
   * Opens the journal, or begins it, and writes the fact that opens a new epoch.
   * @throws UsageError (PC-JOURNAL-LOCKED), ConfigError (PC-JOURNAL-DEVICE, -FORMAT, -DEVICE-KEY),
   *   ResourceError (PC-JOURNAL-DISK-FULL), DeviceError (PC-JOURNAL-STORAGE).
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options)
    for (const erased of journal.#keys.owed) await journal.#receiptFor(erased).catch(() => undefined)
    return journal
  }

  private constructor(options: JournalOptions) {
    const { file, device, clock, log } = options
    this.device = device
    this.#clock = clock
    this.#log = log
    this.#limits = { ...journalLimits, ...options.limits }
    this.#retention = { ...defaultRetention, ...options.retention }
    this.#watch = new WallWatch(clock, this.#limits.clockLeap_ms)
    this.#files = openFiles({ file, device, keys: options.keys, wall: clock.wall(), limits: this.#limits })
    const { store, keys, mark, reserveFile, setAside } = this.#files
    this.#store = store
    this.#keys = keys
    this.setAside = setAside
    this.#cursors = new Cursors(store, this.#limits.readers_max)
    this.#pending = new Pending(this.#limits.pending_max, this.#limits.pending_bytes_max)
    const { reserve_bytes, bytes_max, spaceCheck_ms: check_ms } = this.#limits
    this.#reserve = new Reserve({
      file: reserveFile, reserve_bytes, bytes_max, check_ms, clock,
      used: () => store.usedBytes(),
      limit: (bytes) => store.limitBytes(bytes),
      checkpoint: () => store.checkpoint(),
    })
    this.#reserve.onState.add((state) => this.#sayState(state))
    this.epoch = Math.max(store.head().epoch, mark.epoch) + 1
    this.#writer = new Writer(store, keys, mark, this.#reserve, this.epoch)
    this.#begin(options.versions ?? {})
  }

  /** The sequence number of the newest durable fact. */
  get last(): number {
    return this.#writer.last
  }

  /** Whether facts can be written, and on what. A gate that is not `ok` should begin no passage. */
  get state(): JournalState {
    return this.#reserve.state
  }

  /** Hears of every change of `state`; returns what removes the listener. */
  onState(listener: (state: JournalState) => void): () => void {
    return this.#reserve.onState.add(listener)
  }

  onAppend(listener: (last: number) => void): () => void {
    return this.#appended.add(listener)
  }

  /** What was written, refused, pruned and noticed since the start. */
  get counters(): Record<string, number> {
    return { ...this.#writer.counters.snapshot(), ...this.#counters.snapshot() }
  }

  /**
   * @throws UsageError (PC-JOURNAL-KIND, PC-JOURNAL-CLOSED), ConfigError (PC-JOURNAL-NO-KEY),
   *   ResourceError (PC-JOURNAL-FACT-SIZE, PC-JOURNAL-QUEUE-FULL, PC-JOURNAL-DISK-FULL),
   *   DeviceError (PC-JOURNAL-STORAGE). The fact is then not in the journal.
   */
  append(fact: NewFact): Promise<{ seq: number }> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw new UsageError('PC-JOURNAL-CLOSED', 'The journal is closed.')
      if (!kindPattern.test(fact.kind) || fact.kind.startsWith(ownKinds)) {
        throw new UsageError('PC-JOURNAL-KIND', 'The kind of a fact must be a dotted lower-case name, and not one of the journal itself.')
      }
      const done: Entry['done'] = (result) => (result instanceof Error ? reject(result) : resolve(result))
      this.#enqueue(entryOf(fact, this.#moment(), done))
    })
  }

  after(seq: number, most: number): Fact[] {
    const { read_max, read_bytes_max } = this.#limits
    return this.#store.after(seq, Math.min(most, read_max), read_bytes_max).map((row) => this.#toFact(row))
  }

  /** The newest facts, oldest first. */
  tail(most: number): Fact[] {
    return this.#store.tail(Math.min(most, this.#limits.read_max)).map((row) => this.#toFact(row))
  }

  /** The newest fact of a kind that is written in class `safety`: how a start learns of an emergency before it. */
  newestSafety(kind: string): Fact | undefined {
    const row = this.#store.newestSafety(kind)
    return row === undefined ? undefined : this.#toFact(row)
  }

  cursor(reader: string): number {
    return this.#cursors.get(reader)
  }

  /**
   * From the first call on, facts that the reader has not passed are kept for it. Durable within
   * `cursor_ms_max`. @throws UsageError (PC-JOURNAL-CURSOR)
   */
  setCursor(reader: string, seq: number): void {
    this.#cursors.set(reader, seq, this.last)
    this.#cancelCursors ??= this.#clock.after(this.#limits.cursor_ms_max, () => {
      this.#commitAll()
      this.#commit([])
    })
  }

  /** The personal data of a fact; `undefined` when it has none, or its day was erased. */
  reveal(fact: Fact): Json | undefined {
    if (fact.personal === undefined) return undefined
    const text = this.#keys.unseal(fact.personal.day, boundTo(fact.device, fact), Buffer.from(fact.personal.sealed, 'base64'))
    return text === undefined ? undefined : (JSON.parse(text) as Json)
  }

  /** UTC days whose personal data can still be opened, oldest first. */
  get personalDays(): string[] {
    return this.#keys.days
  }

  /**
   * Makes the personal data of a UTC day (`2026-11-21`) unreadable for ever; the facts stay. What is
   * promised and what is not: see day-keys.ts. Resolves when the receipt is durable; should the disk
   * refuse it, the day is erased all the same and the next start writes the receipt.
   * @throws UsageError (PC-JOURNAL-DAY-UNKNOWN) when there is none of that day.
   */
  async eraseDay(day: string): Promise<{ seq: number; facts: number }> {
    if (!dayPattern.test(day)) throw new UsageError('PC-JOURNAL-DAY-UNKNOWN', 'A day is written as year, month and day: 2026-11-21.')
    this.#commitAll()
    return this.#receiptFor(this.#keys.erase(day))
  }

  /**
   * Removes facts that have had their days and erases days of personal data that have had theirs.
   * Works in slices and lets the event loop run between them. Give it a wall clock that can be
   * trusted: what a clock in the far future prunes does not come back. Resolves with how many facts went.
   */
  prune(now: number): Promise<number> {
    this.#pruning ??= this.#pruneSlices(now).finally(() => {
      this.#pruning = undefined
    })
    return this.#pruning
  }

  /** Writes what waits, then the fact that ends the epoch in good order. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#pruning?.catch(() => undefined)
    const moment = this.#moment()
    this.#commitAll()
    this.#commit([entryOf({ kind: closedKind, class: 'audit', body: {} }, moment)])
    this.#cancelCursors?.()
    await this.#reserve.close()
    if (this.state === 'ok') this.#store.checkpoint()
    this.#store.close()
    this.#keys.close()
    this.#files.mark.close()
    this.#files.lock.close()
  }

  /** The first facts of an epoch; they wait in the writer should the disk be full. */
  #begin(versions: Record<string, string>): void {
    const before = this.#store.head()
    const moment = this.#watch.look()
    const previous = before.kind === undefined ? null : { seq: before.seq, hash: Buffer.from(before.hash).toString('hex'), epoch: before.epoch }
    const body = { previous, clean: before.kind === closedKind || (before.kind === undefined && this.setAside === undefined), versions }
    this.#writer.owe(entryOf({ kind: openedKind, class: 'audit', body }, moment))
    if (this.setAside !== undefined) this.#writer.owe(entryOf({ kind: 'journal.set-aside', class: 'fault', body: { ...this.setAside } }, moment))
    if (before.wall !== undefined && moment.wall < before.wall) {
      const jump = { expected: before.wall, actual: moment.wall, by_ms: moment.wall - before.wall }
      this.#writer.owe(entryOf({ kind: 'clock.jumped', class: 'fault', body: jump }, moment))
    }
    this.#commit([])
  }

  /** Now; a jump of the wall clock since the last look becomes a fact. */
  #moment(): Moment {
    const { wall, mono_ms, jump } = this.#watch.look()
    const moment = { wall, mono_ms }
    if (jump !== undefined) {
      this.#counters.add('clock_jumps')
      this.#note({ kind: 'clock.jumped', class: 'fault', body: { ...jump } satisfies Jump }, moment)
    }
    return moment
  }

  /** A fact of the journal's own: it waits for a disk that takes it rather than be refused. */
  #note(fact: NewFact, moment: Moment): void {
    const entry = entryOf(fact, moment, (result) => {
      if (result instanceof Error) this.#writer.owe(entry)
    })
    this.#pending.push(entry)
    this.#planCommit()
  }

  #enqueue(entry: Entry): void {
    const { body_bytes_max, personal_bytes_max } = this.#limits
    if (Buffer.byteLength(entry.body) > body_bytes_max || Buffer.byteLength(entry.personal ?? '') > personal_bytes_max) {
      this.#counters.add('too_large')
      throw new ResourceError('PC-JOURNAL-FACT-SIZE', 'The fact is too large for the journal.')
    }
    if (!this.#pending.hasRoomFor(entry)) {
      this.#counters.add('queue_full')
      throw new ResourceError('PC-JOURNAL-QUEUE-FULL', 'Too many facts wait to be written to the journal.')
    }
    this.#pending.push(entry)
    this.#planCommit()
  }

  #planCommit(): void {
    this.#commitPlanned ??= setImmediate(() => this.#commitPending())
  }

  #commitPending(): void {
    clearImmediate(this.#commitPlanned)
    this.#commitPlanned = undefined
    const group = this.#pending.take(this.#limits.batch_max)
    if (this.#pending.length > 0) this.#planCommit()
    if (group.length > 0) this.#commit(group)
  }

  #commitAll(): void {
    while (this.#pending.length > 0) this.#commitPending()
  }

  #commit(group: readonly Entry[], alongside: () => void = () => undefined): Error | undefined {
    this.#cancelCursors?.()
    this.#cancelCursors = undefined
    if (group.length === 0 && !this.#writer.owes && !this.#cursors.moved) return undefined
    const before = this.last
    const error = this.#writer.write(group, () => {
      this.#cursors.write()
      alongside()
    })
    if (error === undefined) this.#cursors.kept()
    if (this.last > before) this.#appended.emit(this.last)
    return error
  }

  /** Puts the receipt of an erased day into the chain and lets its slot go. */
  async #receiptFor(erased: Erased): Promise<{ seq: number; facts: number }> {
    const facts = this.#store.factsOfDay(erased.day)
    const body = { day: erased.day, facts, key: erased.keyId }
    const { seq } = await new Promise<{ seq: number }>((resolve, reject) => {
      const done: Entry['done'] = (result) => (result instanceof Error ? reject(result) : resolve(result))
      this.#commit([entryOf({ kind: erasedKind, class: 'audit', body }, this.#moment(), done)])
    })
    this.#keys.receipted(erased)
    this.#counters.add('days_erased')
    return { seq, facts }
  }

  async #pruneSlices(now: number): Promise<number> {
    for (const day of expiredDays(this.#keys.days, this.#retention, now)) await this.eraseDay(day)
    const before = this.#store.pruned()
    let pruned = 0
    let crowded = false
    while (this.#closing === undefined) {
      crowded = isCrowded(this.#store, this.#limits, crowded)
      const choice = choose(this.#store, this.#retention, this.#limits, now, this.#cursors.slowest, crowded)
      if (choice.rows.every((row) => row.kind === prunedKind)) break
      this.#commitAll()
      const error = this.#commit([entryOf(receipt(choice, before + pruned), this.#moment())], () => remove(this.#store, choice.rows))
      if (error !== undefined) throw error
      pruned += choice.rows.length
      this.#counters.add('pruned', choice.rows.length)
      this.#counters.add('pruned_early', choice.early)
      this.#counters.add('pruned_unread', choice.unread)
      await nextTurn()
    }
    return pruned
  }

  #sayState(state: JournalState): void {
    if (state !== 'ok') {
      this.#log.warn({ state }, 'the journal cannot be written as usual: it lives on its reserve, or not at all')
      return
    }
    this.#log.info({ state }, 'the journal has space again')
    this.#note({ kind: 'journal.space-returned', class: 'fault', body: { refused: this.#writer.counters.get('refused') } }, this.#moment())
  }

  #toFact(row: Row): Fact {
    try {
      return toFact(this.device, row)
    } catch (cause) {
      throw new DeviceError('PC-JOURNAL-DAMAGED', 'A fact in the journal cannot be read: the file is damaged.', { cause })
    }
  }
}

import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { canonical, sha256 } from '../base/canonical.ts'
import { ManualClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { DayKeys } from './day-keys.ts'
import type { Fact, FactClass } from './fact.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { HighWater } from './mark.ts'
import { JournalReader } from './reader.ts'
import { type KeyWrapper, deviceKey } from './seal.ts'
import { verifyJournal } from './verify.ts'

const day_ms = 86_400_000
const start = Date.UTC(2026, 0, 1, 12)
const keys = deviceKey(Buffer.alloc(32, 7))

type Options = Partial<Omit<JournalOptions, 'file'>> & { clock?: ManualClock }

async function openIn(t: Test, options: Options = {}): Promise<{ journal: Journal; clock: ManualClock; file: string }> {
  const file = join(t.testdir(), 'journal.db')
  const clock = options.clock ?? new ManualClock(start)
  const journal = await reopen(file, clock, options)
  t.teardown(() => journal.close())
  return { journal, clock, file }
}

function reopen(file: string, clock: ManualClock, options: Options = {}): Promise<Journal> {
  return Journal.open({ device: 'bl1-e07', log: silent, keys, ...options, file, clock, limits: { reserve_bytes: 64 * 1024, ...options.limits } })
}

const fact = (n: number, factClass: FactClass = 'passage') => ({ kind: 'test.fact', class: factClass, body: { n } })
/** The two newest facts. */
function newest(journal: Journal): [Fact, Fact] {
  const [first, second] = journal.tail(2)
  if (first === undefined || second === undefined) throw new Error('The journal holds fewer than two facts.')
  return [first, second]
}

const kindsOf = (facts: readonly Fact[]): string[] => facts.map(({ kind }) => kind)

void t.test('facts are numbered without gaps, chained, and hashed over their canonical JSON', async (t) => {
  const { journal, clock, file } = await openIn(t, { versions: { portcullis: '1.2.3' } })
  for (let n = 1; n <= 3; n++) {
    clock.advance(10)
    t.strictSame(await journal.append(fact(n)), { seq: n + 1 })
  }
  const facts = journal.after(0, 100)
  t.strictSame(facts.map(({ seq }) => seq), [1, 2, 3, 4])
  t.strictSame(facts[0]?.body, { previous: null, clean: true, versions: { portcullis: '1.2.3' } })
  let prev = '0'.repeat(64)
  for (const { hash, ...content } of facts) {
    t.equal(content.prev, prev)
    t.equal(hash, sha256(canonical(content)).toString('hex'))
    prev = hash
  }
  t.strictSame(journal.after(2, 1).map(({ seq }) => seq), [3], 'a read gives no more than asked for')
  t.strictSame(journal.tail(2).map(({ seq }) => seq), [3, 4])
  t.match(await verifyJournal(file), { ok: true, facts: 4, last: 4, hash: prev, epochs: 1, pruned: 0 })
})

void t.test('what is appended in one turn of the event loop shares one commit', async (t) => {
  const { journal } = await openIn(t)
  const before = journal.counters['commits'] ?? 0
  const heard: number[] = []
  journal.onAppend((last) => heard.push(last))
  const results = await Promise.all(Array.from({ length: 200 }, (_, n) => journal.append(fact(n))))
  t.equal(journal.counters['commits'], before + 1)
  t.strictSame(results.map(({ seq }) => seq), Array.from({ length: 200 }, (_, n) => n + 2))
  t.strictSame(heard, [201])
  for (let n = 0; n < 5; n++) await journal.append(fact(n))
  t.equal(journal.counters['commits'], before + 6, 'what is awaited one by one does not')
})

void t.test('a fact is there for another process once its promise has resolved, and not before', async (t) => {
  const { journal, file } = await openIn(t)
  const reader = new JournalReader(file)
  t.teardown(() => reader.close())
  const promise = journal.append(fact(1))
  t.equal(reader.last, 1)
  t.equal(journal.last, 1)
  await promise
  t.equal(reader.last, 2)
  t.equal(journal.last, 2)
})

void t.test('appends have limits: size, number that wait, kind', async (t) => {
  const { journal } = await openIn(t, { limits: { pending_max: 3, body_bytes_max: 100, personal_bytes_max: 100 } })
  await t.rejects(journal.append({ ...fact(1), body: 'x'.repeat(99) }), { code: 'PC-JOURNAL-FACT-SIZE' })
  await t.rejects(journal.append({ ...fact(1), personal: 'ñ'.repeat(60) }), { code: 'PC-JOURNAL-FACT-SIZE' }, 'bytes count, not characters')
  await t.rejects(journal.append({ ...fact(1), kind: 'Not A Kind' }), { code: 'PC-JOURNAL-KIND' })
  await t.rejects(journal.append({ ...fact(1), kind: 'journal.pruned' }), { code: 'PC-JOURNAL-KIND' }, 'receipts are the journal’s own')
  await t.rejects(journal.append({ ...fact(1), body: Number.NaN }), { code: 'PC-BASE-CANONICAL' })
  const results = await Promise.allSettled([1, 2, 3, 4].map((n) => journal.append(fact(n))))
  t.strictSame(results.map(({ status }) => status), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  t.match(results[3], { reason: { code: 'PC-JOURNAL-QUEUE-FULL' } })
  t.match(journal.counters, { queue_full: 1, too_large: 2, appended: 4 })
  await journal.close()
  await t.rejects(journal.append(fact(1)), { code: 'PC-JOURNAL-CLOSED' })
})

void t.test('only one writer at a time', async (t) => {
  const { journal, clock, file } = await openIn(t)
  await t.rejects(reopen(file, clock), { code: 'PC-JOURNAL-LOCKED' })
  await journal.close()
  const again = await reopen(file, clock)
  await again.close()
})

void t.test('each start is an epoch and says how the one before ended', async (t) => {
  const { journal, clock, file } = await openIn(t)
  await journal.close()
  const second = await reopen(file, clock)
  const [opened] = second.tail(1)
  t.match(opened, { epoch: 2, seq: 3, kind: 'journal.opened', body: { clean: true, previous: { seq: 2, epoch: 1 } } })
  await second.close()
  await t.rejects(reopen(file, clock, { device: 'another' }), { code: 'PC-JOURNAL-DEVICE' })
  t.match(await verifyJournal(file), { ok: true, epochs: 2, last: 4 })
})

void t.test('a jump of the wall clock is a fact; slewing is none; numbers and monotonic time go on', async (t) => {
  const { journal, clock, file } = await openIn(t)
  await journal.append(fact(1))
  clock.advance(60_000)
  clock.jumpWall(30)
  await journal.append(fact(2))
  t.equal(journal.counters['clock_jumps'], 0)
  clock.jumpWall(-3_600_000)
  await journal.append(fact(3))
  clock.jumpWall(86_400_000)
  await journal.append(fact(4))
  clock.advance(100)
  clock.jumpWall(-101)
  await journal.append(fact(5))
  const jumps = journal.after(0, 100).filter(({ kind }) => kind === 'clock.jumped')
  t.strictSame(jumps.map(({ body }) => (body as { by_ms: number }).by_ms), [-3_600_000, 86_400_000, -101])
  t.equal(journal.counters['clock_jumps'], 3)
  await journal.close()
  clock.jumpWall(-10 * day_ms)
  const again = await reopen(file, clock)
  t.strictSame(kindsOf(again.tail(2)), ['journal.opened', 'clock.jumped'], 'one that happened while it was off shows as well')
  await again.close()
  t.match(await verifyJournal(file), { ok: true })
})

void t.test('a reader goes on where it stopped', async (t) => {
  const { journal, clock, file } = await openIn(t, { limits: { readers_max: 2 } })
  await journal.append(fact(1))
  t.equal(journal.cursor('uplink'), 0)
  journal.setCursor('uplink', 1)
  t.equal(journal.cursor('uplink'), 1)
  t.throws(() => journal.setCursor('uplink', 3), { code: 'PC-JOURNAL-CURSOR' }, 'not beyond the end')
  journal.setCursor('second', 0)
  t.throws(() => journal.setCursor('third', 0), { code: 'PC-JOURNAL-CURSOR' }, 'not more readers than may be')
  clock.advance(500)
  const raw = new DatabaseSync(file, { readOnly: true })
  t.strictSame({ ...raw.prepare(`SELECT seq FROM cursor WHERE reader = 'uplink'`).get() }, { seq: 1 }, 'durable by itself in time')
  raw.close()
  journal.setCursor('uplink', 2)
  await journal.close()
  const again = await reopen(file, clock)
  t.equal(again.cursor('uplink'), 2)
  await again.close()
})

void t.test('personal data opens for the journal alone, bound to its fact', async (t) => {
  const { journal, clock, file } = await openIn(t)
  const secret = { who: 'SECRET-PERSON' }
  await journal.append({ ...fact(1), personal: secret })
  await journal.append({ ...fact(2), personal: secret })
  const [first, second] = newest(journal)
  t.strictSame(journal.reveal(first), secret)
  t.not(first.personal?.sealed, second.personal?.sealed, 'the same data does not look the same')
  t.equal(journal.reveal({ ...second, personal: first.personal ?? { day: '', sealed: '' } }), undefined, 'moved to another fact it stays shut')
  t.equal(journal.reveal({ ...first, personal: { day: '2026-01-01', sealed: 'AAAA' } }), undefined)
  t.strictSame(readdirSync(t.testdirName).filter((name) => readFileSync(join(t.testdirName, name)).includes('SECRET-PERSON')), [])
  await journal.close()
  await t.rejects(reopen(file, clock, { keys: deviceKey(Buffer.alloc(32, 8)) }), { code: 'PC-JOURNAL-DEVICE-KEY' })
  const again = await reopen(file, clock)
  t.strictSame(again.reveal(first), secret)
  await again.close()
  t.throws(() => deviceKey(Buffer.alloc(16)), { code: 'PC-JOURNAL-DEVICE-KEY' })
})

void t.test('without a device key personal data is refused, and nothing else', async (t) => {
  const file = join(t.testdir(), 'journal.db')
  const journal = await Journal.open({ file, device: 'x', clock: new ManualClock(start), log: silent, limits: { reserve_bytes: 1024 } })
  const results = await Promise.allSettled([journal.append(fact(1)), journal.append({ ...fact(2), personal: 'p' }), journal.append(fact(3))])
  t.match(results, [{ value: { seq: 2 } }, { reason: { code: 'PC-JOURNAL-NO-KEY' } }, { value: { seq: 3 } }])
  await journal.close()
  t.match(await verifyJournal(file), { ok: true, facts: 4 })
})

void t.test('an erased day cannot be opened again, its key is nowhere, and the chain still holds', async (t) => {
  const seen: Buffer[] = []
  const real = deviceKey(Buffer.alloc(32, 9))
  const watching: KeyWrapper = {
    wrap(key, bound) {
      const wrapped = real.wrap(key, bound)
      seen.push(Buffer.from(key), Buffer.from(wrapped), Buffer.from(Buffer.from(wrapped).toString('base64')))
      return wrapped
    },
    unwrap: (wrapped, bound) => real.unwrap(wrapped, bound),
  }
  const { journal, clock, file } = await openIn(t, { keys: watching })
  await journal.append({ ...fact(1), personal: 'first day' })
  clock.advance(day_ms)
  await journal.append({ ...fact(2), personal: 'second day' })
  const [first, second] = newest(journal)
  t.strictSame(journal.personalDays, ['2026-01-01', '2026-01-02'])
  const files = (): Buffer[] => readdirSync(t.testdirName).map((name) => readFileSync(join(t.testdirName, name)))
  const found = (): boolean[] => seen.map((secret) => files().some((bytes) => bytes.includes(secret)))
  t.strictSame(found(), [false, false, true, false, false, true], 'keys are stored wrapped, and the search finds them')
  const receipt = await journal.eraseDay('2026-01-01')
  t.equal(receipt.facts, 1)
  t.strictSame(found(), [false, false, false, false, false, true])
  t.match(journal.tail(1), [{ kind: 'journal.day-erased', seq: receipt.seq, body: { day: '2026-01-01', facts: 1, key: sha256(seen[0] ?? '').toString('hex') } }])
  t.equal(journal.reveal(first), undefined)
  t.equal(journal.reveal(second), 'second day')
  await t.rejects(journal.eraseDay('2026-01-01'), { code: 'PC-JOURNAL-DAY-UNKNOWN' })
  await t.rejects(journal.eraseDay('yesterday'), { code: 'PC-JOURNAL-DAY-UNKNOWN' })
  const pending = journal.append({ ...fact(3), personal: 'today, before' })
  await journal.eraseDay('2026-01-02')
  const { seq } = await pending
  await journal.append({ ...fact(4), personal: 'today, after' })
  const [, after] = newest(journal)
  t.strictSame(journal.after(seq - 1, 1).map((before) => journal.reveal(before)), [undefined], 'what waited when the day was erased is erased with it')
  t.equal(journal.reveal(after), 'today, after', 'the day goes on under a new key')
  t.match(await verifyJournal(file), { ok: true, erasedDays: ['2026-01-01', '2026-01-02'] })
  await journal.close()
  t.match(await verifyJournal(file), { ok: true })
})

void t.test('a receipt that a power cut prevented is written at the next start', async (t) => {
  const { journal, clock, file } = await openIn(t)
  await journal.append({ ...fact(1), personal: 'p' })
  await journal.close()
  const dayKeys = new DayKeys(`${file}.keys`, 'bl1-e07', keys)
  const { keyId } = dayKeys.erase('2026-01-01')
  dayKeys.close()
  const again = await reopen(file, clock)
  t.match(again.tail(1), [{ kind: 'journal.day-erased', body: { day: '2026-01-01', facts: 1, key: keyId } }])
  await again.close()
  const third = await reopen(file, clock)
  t.strictSame(kindsOf(third.tail(1)), ['journal.opened'], 'and only once')
  await third.close()
})

void t.test('day keys: many days, their slots used again after erasing', async (t) => {
  const file = join(t.testdir(), 'keys')
  const many = Array.from({ length: 150 }, (_, n) => new Date(start + n * day_ms).toISOString().slice(0, 10))
  const dayKeys = new DayKeys(file, 'd', keys)
  const sealed = many.map((day) => dayKeys.seal(day, day, `data of ${day}`))
  for (const day of many.slice(0, 100)) dayKeys.receipted(dayKeys.erase(day))
  const size = readFileSync(file).length
  for (const day of many.slice(0, 100)) dayKeys.seal(day, day, 'again')
  t.equal(readFileSync(file).length, size)
  dayKeys.close()
  const again = new DayKeys(file, 'd', keys)
  t.strictSame(again.days, many)
  many.forEach((day, n) => t.equal(again.unseal(day, day, sealed[n] ?? Buffer.alloc(0)), n < 100 ? undefined : `data of ${day}`))
  again.close()
})

void t.test('retention takes each class in its time and leaves a chain that verifies', async (t) => {
  const { journal, clock, file } = await openIn(t, { retention: { passage: 10, safety: 100, personal: 5 }, limits: { prune_max: 7 } })
  for (let n = 0; n < 20; n++) await journal.append({ ...fact(n, n % 3 === 0 ? 'safety' : 'passage'), personal: n })
  clock.advance(6 * day_ms)
  t.equal(await journal.prune(clock.wall()), 0)
  t.strictSame(journal.personalDays, [], 'personal data had its days')
  clock.advance(5 * day_ms)
  t.equal(await journal.prune(clock.wall()), 13)
  t.equal(journal.after(0, 100).filter(({ class: of }) => of === 'safety').length, 7)
  t.equal(journal.after(0, 100).filter(({ class: of }) => of === 'passage').length, 0)
  t.match(journal.tail(1), [{ kind: 'journal.pruned', body: { facts: { passage: 6 }, early: 0, unread: 0, total: 13 } }])
  t.match(await verifyJournal(file), { ok: true, pruned: 13, facts: 11 })
  clock.advance(100 * day_ms)
  t.equal(await journal.prune(clock.wall()), 7)
  t.equal(await journal.prune(clock.wall()), 0)
  t.equal(await journal.prune(clock.wall() + 10_000 * day_ms), 5, 'at last all but the newest receipts')
  t.match(await verifyJournal(file), { ok: true, pruned: 25 })
  await journal.close()
  const again = await reopen(file, clock)
  await again.close()
  t.match(await verifyJournal(file), { ok: true, pruned: 25, epochs: 1 })
})

void t.test('retention waits for readers', async (t) => {
  const { journal, clock } = await openIn(t, { retention: { passage: 1 } })
  for (let n = 0; n < 10; n++) await journal.append(fact(n))
  journal.setCursor('uplink', 5)
  clock.advance(2 * day_ms)
  t.equal(await journal.prune(clock.wall()), 4)
  journal.setCursor('uplink', 11)
  t.equal(await journal.prune(clock.wall()), 6)
})

void t.test('a database near its limit lets the oldest facts go, read or not, and says so; safety stays', async (t) => {
  const { journal, clock, file } = await openIn(t, { limits: { bytes_max: 512 * 1024, prune_max: 20 } })
  journal.setCursor('uplink', 0)
  await journal.append(fact(0, 'safety'))
  for (let n = 0; n < 23; n++) await Promise.all(Array.from({ length: 10 }, () => journal.append({ ...fact(n), body: 'x'.repeat(1800) })))
  const pruned = await journal.prune(clock.wall())
  t.ok(pruned > 0 && pruned < 120, `${pruned} of 230`)
  t.match(journal.counters, { pruned, pruned_early: pruned, pruned_unread: pruned })
  t.equal(journal.after(0, 10).some(({ class: of }) => of === 'safety'), true)
  t.match(await verifyJournal(file), { ok: true, pruned })
})

void t.test('a journal can be verified and read while it is written and pruned', async (t) => {
  const { journal, clock, file } = await openIn(t, { retention: { passage: 1 } })
  const write = async (): Promise<void> => {
    for (let n = 0; n < 60; n++) {
      await Promise.all(Array.from({ length: 50 }, () => journal.append(fact(n))))
      if (n % 20 === 10) clock.advance(2 * day_ms)
      if (n % 20 === 12) void journal.prune(clock.wall())
    }
  }
  const writing = write()
  const reader = new JournalReader(file)
  for (let seen = 0; seen < 3000;) {
    const { ok, firstBroken, last } = await verifyJournal(file)
    t.strictSame([ok, firstBroken], [true, undefined])
    t.ok(reader.tail(1).length === 1)
    seen = last
  }
  await writing
  await journal.close()
  t.equal(statSync(`${file}-wal`).size, 0, 'no reader keeps the log from being taken over')
  reader.close()
  t.ok((await verifyJournal(file)).pruned > 0)
})

void t.test('a place that cannot be written gives a coded error', async (t) => {
  const file = join(t.testdir({ occupied: 'a file' }), 'occupied', 'journal.db')
  await t.rejects(reopen(file, new ManualClock(start)), { code: 'PC-JOURNAL-STORAGE' })
})

void t.test('the high-water mark survives a torn write', async (t) => {
  const file = join(t.testdir(), 'mark')
  const mark = new HighWater(file)
  t.equal(mark.known, false)
  mark.reserve(0, 10, 1)
  mark.reserve(10, 5000, 1)
  t.strictSame([mark.durable, mark.epoch], [10, 1])
  t.ok(mark.most >= 5000)
  mark.close()
  const raw = readFileSync(file)
  for (const sector of [0, 1]) {
    const torn = Buffer.from(raw)
    torn.fill(0xff, sector * 512 + 40, sector * 512 + 300)
    const copy = join(t.testdirName, `mark-${sector}`)
    writeFileSync(copy, torn)
    const found = new HighWater(copy)
    t.equal(found.known, true)
    found.close()
  }
})

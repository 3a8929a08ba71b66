/** What tampering and damage look like, and that they do not go unseen. */
import { copyFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ManualClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { Journal } from './journal.ts'
import { deviceKey } from './seal.ts'
import { verifyJournal } from './verify.ts'

const start = Date.UTC(2026, 0, 1, 12)

function openAt(file: string, clock: ManualClock): Promise<Journal> {
  return Journal.open({ file, device: 'd', clock, log: silent, keys: deviceKey(Buffer.alloc(32, 7)), limits: { reserve_bytes: 1024 } })
}

const fact = (n: number, text = '') => ({ kind: 'test.fact', class: 'passage' as const, body: { n, text } })

/** A journal of ten facts, closed. */
async function written(t: Test): Promise<string> {
  const file = join(t.testdir(), 'journal.db')
  const journal = await openAt(file, new ManualClock(start))
  for (let n = 2; n <= 9; n++) await journal.append({ ...fact(n, `marker-${n}-`), personal: n })
  await journal.close()
  return file
}

void t.test('a changed byte anywhere in a fact shows, and verify names the fact', async (t) => {
  const file = await written(t)
  const db = new DatabaseSync(file)
  t.teardown(() => db.close())
  const texts = ['kind', 'class', 'body', 'day', 'sealed', 'prev', 'hash']
  const numbers = ['epoch', 'wall', 'mono_ms']
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 9 }), fc.constantFrom(...texts, ...numbers), fc.nat(), fc.integer({ min: 0, max: 6 }), async (seq, column, place, bit) => {
      const { value } = db.prepare(`SELECT ${column} AS value FROM fact WHERE seq = ?`).get(seq) as { value: string | number | Uint8Array }
      const set = db.prepare(`UPDATE fact SET ${column} = ? WHERE seq = ?`)
      set.run(changed(value, place, bit), seq)
      const { ok, firstBroken } = await verifyJournal(file)
      set.run(value, seq)
      return !ok && firstBroken?.seq === seq
    }),
    { numRuns: 80 },
  )
  t.match(await verifyJournal(file), { ok: true, facts: 10 }, 'put back, it holds again')
})

function changed(value: string | number | Uint8Array, place: number, bit: number): string | number | Uint8Array {
  if (typeof value === 'number') return value ^ (1 << bit)
  const bytes = Buffer.from(value)
  const index = place % bytes.length
  bytes[index] = (bytes[index] ?? 0) ^ (1 << bit)
  return typeof value === 'string' ? bytes.toString() : bytes
}

void t.test('facts taken out, slipped in or renumbered show, also behind a forged gap', async (t) => {
  const file = await written(t)
  const forgeries: [string, number][] = [
    ['DELETE FROM fact WHERE seq = 5', 5],
    ['DELETE FROM fact WHERE seq IN (1, 2)', 1],
    ['UPDATE fact SET seq = 11 WHERE seq = 10', 10],
    ['UPDATE fact SET seq = -seq WHERE seq = 5; UPDATE fact SET seq = 5 WHERE seq = 6; UPDATE fact SET seq = 6 WHERE seq = -5', 5],
    ['INSERT INTO gap SELECT 5, 5, prev, hash FROM fact WHERE seq = 5; DELETE FROM fact WHERE seq = 5', 10],
    ['INSERT INTO gap SELECT 5, 5, prev, prev FROM fact WHERE seq = 5; DELETE FROM fact WHERE seq = 5', 6],
    [`UPDATE chain SET device = 'e'`, 1],
  ]
  for (const [sql, seq] of forgeries) {
    const copy = join(t.testdirName, 'forged.db')
    for (const suffix of ['', '-wal', '-shm']) rmSync(copy + suffix, { force: true })
    copyFileSync(file, copy)
    const db = new DatabaseSync(copy)
    db.exec(sql)
    db.close()
    t.match(await verifyJournal(copy), { ok: false, firstBroken: { seq } }, sql)
  }
})

void t.test('a changed byte in the file itself shows', async (t) => {
  const file = await written(t)
  const bytes = readFileSync(file)
  const place = bytes.indexOf('marker-5-')
  t.ok(place > 0)
  bytes[place + 7] = 0x39
  writeFileSync(file, bytes)
  t.match(await verifyJournal(file), { ok: false, firstBroken: { seq: 5 } })
})

void t.test('a broken, lost or older file is set aside, and no number is given twice', async (t) => {
  const file = await written(t)
  const clock = new ManualClock(start + 1000)
  const older = readFileSync(file)
  const breakIt: Record<string, () => void> = {
    damaged: () => writeFileSync(file, readFileSync(file).fill(0x5a, 4096)),
    missing: () => rmSync(file),
    older: () => writeFileSync(file, older),
  }
  let highest = 10
  for (const [why, damage] of Object.entries(breakIt)) {
    const whole = await openAt(file, clock)
    await whole.append(fact(1))
    await whole.close()
    highest = (await verifyJournal(file)).last
    damage()
    const journal = await openAt(file, clock)
    t.match(journal.setAside, { why, file: why === 'missing' ? null : /^journal\.db\.broken-/ })
    t.equal(readdirSync(t.testdirName).filter((name) => name === journal.setAside?.file).length, why === 'missing' ? 0 : 1, 'the old file is kept')
    t.match(journal.after(0, 2), [{ kind: 'journal.opened', body: { previous: null, clean: false } }, { kind: 'journal.set-aside', class: 'fault', body: { why } }])
    t.ok((journal.after(0, 1)[0]?.seq ?? 0) > highest)
    t.ok(journal.epoch > 1)
    await journal.append(fact(1))
    await journal.close()
    t.match(await verifyJournal(file), { ok: true, facts: 4 })
  }
})

void t.test('a fact damaged on disk is found at the next start', async (t) => {
  const file = await written(t)
  const db = new DatabaseSync(file)
  db.exec(`UPDATE fact SET body = '{"n":77}' WHERE seq = 7`)
  db.close()
  const journal = await openAt(file, new ManualClock(start))
  t.match(journal.setAside, { why: 'damaged' })
  await journal.close()
})

void t.test('a file that is no journal is left alone', async (t) => {
  const file = join(t.testdir(), 'journal.db')
  const db = new DatabaseSync(file)
  db.exec('CREATE TABLE something (a)')
  db.close()
  await t.rejects(openAt(file, new ManualClock(start)), { code: 'PC-JOURNAL-FORMAT' })
  await t.rejects(verifyJournal(file), { code: 'PC-JOURNAL-FORMAT' })
  await t.rejects(verifyJournal(join(t.testdirName, 'absent.db')), { code: 'PC-JOURNAL-ABSENT' })
  writeFileSync(file, Buffer.alloc(10_000, 0x33))
  t.match(await verifyJournal(file), { ok: false, firstBroken: { seq: 1 } })
})

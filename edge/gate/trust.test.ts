import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { ManualClock } from '../base/clock.ts'
import { type DocumentIdentity, enrolmentFile, Enrolments, sealEnrolment } from './enrolment.ts'
import { WallTrust } from './wall-trust.ts'

const minute_ms = 60_000
const authority = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
const key = new Uint8Array(32).fill(5)
const anna: DocumentIdentity = { issuer: 'VNM', documentNumber: 'C7715309', birth: '1987-06-05' }
const record = { photo: Buffer.from('A-PHOTOGRAPH'), fingerTemplate: Buffer.alloc(512, 3) }

void t.test('a clock that runs evenly, or is slewed as NTP does, is trusted', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ for_ms: fc.integer({ min: 1, max: 60 * minute_ms }), ppm: fc.integer({ min: -500, max: 500 }) }), { maxLength: 30 }), async (stretches) => {
    const clock = new ManualClock()
    const trust = new WallTrust(clock)
    return stretches.every(({ for_ms, ppm }) => {
      clock.advance(for_ms)
      clock.jumpWall(Math.round((for_ms * ppm) / 1e6))
      return trust.trusted(0)
    })
  }))
  t.pass()
})

void t.test('after a jump, forth or back, it is not trusted until it has run evenly for ten minutes', async (t) => {
  const jump = fc.integer({ min: 6, max: 60 * 24 * 400 }).chain((minutes) => fc.constantFrom(minutes, -minutes)).map((minutes) => minutes * minute_ms)
  fc.assert(fc.property(jump, fc.integer({ min: 1, max: 30 }), (by_ms, look_s) => {
    const clock = new ManualClock()
    const trust = new WallTrust(clock)
    clock.advance(minute_ms)
    clock.jumpWall(by_ms)
    if (trust.trusted(0)) return false
    for (let run_ms = look_s * 1000; run_ms < 10 * minute_ms; run_ms += look_s * 1000) {
      clock.advance(look_s * 1000)
      if (trust.trusted(0)) return false
    }
    clock.advance(2 * look_s * 1000)
    return trust.trusted(0)
  }))
  t.pass()
})

void t.test('a clock that jumps back to where it was is trusted at once; one that keeps jumping never is', async (t) => {
  const clock = new ManualClock()
  const trust = new WallTrust(clock)
  clock.jumpWall(-86_400_000)
  t.notOk(trust.trusted(0))
  clock.advance(minute_ms)
  clock.jumpWall(86_400_000)
  t.ok(trust.trusted(0))
  for (let jumps = 1; jumps < 50; jumps++) {
    clock.advance(minute_ms)
    clock.jumpWall(jumps % 2 === 0 ? -jumps * 3_600_000 : jumps * 3_600_000)
    t.notOk(trust.trusted(0))
  }
})

void t.test('a time before the newest list was signed is never believed, however long it runs', async (t) => {
  const clock = new ManualClock(Date.UTC(2020, 0, 1))
  const trust = new WallTrust(clock)
  for (let hours = 0; hours < 48; hours++) {
    t.notOk(trust.trusted(Date.UTC(2026, 10, 21)))
    clock.advance(3_600_000)
  }
  t.ok(trust.trusted(Date.UTC(2020, 0, 1)))
})

void t.test('a small step many times over adds up', async (t) => {
  const clock = new ManualClock()
  const trust = new WallTrust(clock)
  let trusted = true
  for (let steps = 0; steps < 20 && trusted; steps++) {
    clock.advance(minute_ms)
    clock.jumpWall(-minute_ms)
    trusted = trust.trusted(0)
  }
  t.notOk(trusted, 'expiry dates cannot be walked back unseen')
})

void t.test('a record opens for its document and nobody else\'s', async (t) => {
  const folder = t.testdir()
  const enrolments = new Enrolments({ folder, key, authority: authority.publicKey })
  const text = sealEnrolment(anna, record, key, authority.privateKey)
  writeFileSync(join(folder, enrolmentFile(anna, key)), text)
  const found = await enrolments.find(anna)
  t.strictSame(found && { photo: Buffer.from(found.photo), fingerTemplate: Buffer.from(found.fingerTemplate ?? []) }, record)
  const others: DocumentIdentity[] = [{ ...anna, issuer: 'CHN' }, { ...anna, documentNumber: 'C7715308' }, { ...anna, birth: '1987-06-06' }, { issuer: '', documentNumber: '', birth: '' }]
  for (const other of others) {
    t.equal(await enrolments.find(other), undefined, 'another document has no record')
    writeFileSync(join(folder, enrolmentFile(other, key)), text)
    await t.rejects(enrolments.find(other), { code: 'PC-GATE-ENROLMENT' }, 'and this one does not open for it')
  }
  t.notMatch(readdirSync(folder).join() + text, /C7715309|1987|A-PHOTOGRAPH/, 'neither name nor content tell whose it is')
  const withoutFinger = sealEnrolment(anna, { photo: record.photo }, key, authority.privateKey)
  writeFileSync(join(folder, enrolmentFile(anna, key)), withoutFinger)
  t.equal((await enrolments.find(anna))?.fingerTemplate, undefined)
})

void t.test('a record with another key, another authority, or changed, is none', async (t) => {
  const folder = t.testdir()
  const place = join(folder, enrolmentFile(anna, key))
  const enrolments = new Enrolments({ folder, key, authority: authority.publicKey })
  const good = sealEnrolment(anna, record, key, authority.privateKey)
  const content = JSON.parse(good) as { sealed: string; signature: string; version: number }
  const other = JSON.parse(sealEnrolment(anna, { photo: Buffer.from('B') }, key, authority.privateKey)) as typeof content
  const wrong = [
    sealEnrolment(anna, record, new Uint8Array(32).fill(6), authority.privateKey), sealEnrolment(anna, record, key, stranger.privateKey),
    JSON.stringify({ ...content, signature: other.signature }), JSON.stringify({ ...content, sealed: other.sealed }), JSON.stringify({ ...content, version: 2 }),
    JSON.stringify({ ...content, more: 1 }), JSON.stringify({ ...content, sealed: '' }), good.slice(0, -1), '', 'null', '[]', '{}', ' '.repeat(1024 * 1024 + 1),
  ]
  for (const text of wrong) {
    writeFileSync(place, text)
    const error = await enrolments.find(anna).then(() => undefined, (error: Error & { code: string }) => error)
    t.equal(error?.code, 'PC-GATE-ENROLMENT')
    t.notMatch(inspect(error), /A-PHOTOGRAPH|C7715309/, 'the error tells nothing')
  }
  await fc.assert(fc.asyncProperty(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 }), async (at, put) => {
    const text = good.slice(0, at) + put + good.slice(at + put.length)
    writeFileSync(place, text)
    const found = await enrolments.find(anna).catch((error: { code: string }) => error.code)
    // Base64 may say the same in two ways; nothing else may open.
    return found === 'PC-GATE-ENROLMENT' || (typeof found === 'object' && Buffer.from(found.photo).equals(record.photo))
  }), { numRuns: 200 })
})

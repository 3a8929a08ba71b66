import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ManualClock } from '../base/clock.ts'
import { type LockKey, LockedError, Lockouts, throttles, waitAfter_ms } from './lockouts.ts'
import { readRecord } from './record.ts'
import { answerTo, codeOf, house, page, secrets, serial } from './rig.ts'
import { SecretHashing } from './secret.ts'

void t.test('waits double up to their limit', async (t) => {
  const waits = (kind: 'person' | 'place', failures: number[]): number[] => failures.map((count) => waitAfter_ms(count, throttles[kind]) / 1000)
  t.strictSame(waits('person', [0, 1, 4, 5, 6, 7, 11, 12, 13, 50]), [0, 0, 0, 5, 10, 20, 320, 640, 900, 900])
  t.strictSame(waits('place', [9, 10, 11, 16, 50]), [0, 5, 10, 300, 300])
})

const keys: LockKey[] = ['person li', 'person nguyen', 'place serial /dev/ttyS0', 'place page 10.0.0.7', 'unknown 17']
type Step = { do: 'fail' | 'pass'; person: number; place: number } | { do: 'wait'; for_ms: number } | { do: 'jump'; by_ms: number } | { do: 'restart' }

void t.test('whatever happens: no attempt inside a wait, no wait beyond the limit, nobody locked for ever', async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('fail' as const, 'pass' as const), person: fc.constantFrom(0, 1, 4), place: fc.constantFrom(2, 3) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), for_ms: fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 2_000_000 })) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), by_ms: fc.integer({ min: -1e12, max: 1e12 }) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const clock = new ManualClock()
    let lockouts = new Lockouts(clock)
    /** When each key may be tried again at the earliest, by what this test counted itself. */
    const allowed = new Map<LockKey, number>()
    for (const step of steps) {
      const before = Object.fromEntries(keys.map((key) => [key, lockouts.wait_ms(key)]))
      if (step.do === 'wait') clock.advance(step.for_ms)
      if (step.do === 'jump') {
        clock.jumpWall(step.by_ms)
        for (const key of keys) if (lockouts.wait_ms(key) !== before[key]) throw new Error('the date moved a wait')
      }
      if (step.do === 'restart') {
        const next = new Lockouts(clock)
        next.restore(JSON.parse(JSON.stringify(lockouts.snapshot())) as Record<string, number>)
        for (const key of keys) if (next.wait_ms(key) < lockouts.wait_ms(key) && lockouts.failures(key) === next.failures(key)) throw new Error('a restart shortened a wait')
        lockouts = next
      }
      if (step.do === 'fail' || step.do === 'pass') {
        const person = keys[step.person]!
        const place = keys[step.place]!
        const waits = lockouts.wait_ms(person) > 0 || lockouts.wait_ms(place) > 0
        try {
          lockouts.attempt([person, place])
          if (waits || clock.now() < (allowed.get(person) ?? 0)) throw new Error('an attempt inside a wait')
          if (step.do === 'pass') {
            lockouts.clear(person)
            lockouts.forgive(place)
            allowed.delete(person)
          } else {
            const wait_ms = lockouts.wait_ms(person)
            if (wait_ms !== waitAfter_ms(lockouts.failures(person), throttles.person)) throw new Error('the wait does not fit the failures')
            allowed.set(person, clock.now() + wait_ms)
          }
        } catch (error) {
          if (!(error instanceof LockedError) || !waits) throw error
        }
      }
      for (const key of keys) {
        const { most_ms } = throttles[key.slice(0, key.indexOf(' ')) as 'person']
        if (lockouts.wait_ms(key) > most_ms) throw new Error('a wait beyond its limit')
      }
    }
    clock.advance(20 * 900_000)
    if (keys.some((key) => lockouts.wait_ms(key) > 0 || lockouts.failures(key) > 0)) throw new Error('somebody is locked for ever')
  }), { numRuns: 200 })
})

void t.test('it does not grow, and those with most failures stay', async (t) => {
  const lockouts = new Lockouts(new ManualClock())
  for (let failures = 0; failures < 11; failures++) {
    try {
      lockouts.attempt(['place page guesser'])
    } catch {
      // It waits already.
    }
  }
  for (let place = 0; place < 500; place++) lockouts.attempt([`place page 10.0.${place}`])
  t.ok(Object.keys(lockouts.snapshot()).length <= 64)
  t.ok(lockouts.failures('place page guesser') >= 10)
})

void t.test('guessing at a login: side by side, under many names, over restarts', async (t) => {
  const it = await house(t)
  let access = await it.open()
  const guesses = await Promise.all(Array.from({ length: 30 }, (_, at) => codeOf(access.login('nguyen', `guess ${at}`, { face: 'page', where: `10.0.0.${at}` }))))
  t.equal(guesses.filter((code) => code === 'PC-ACCESS-REFUSED').length, 5, 'five guesses, however many at a time')
  t.equal(guesses.filter((code) => code === 'PC-ACCESS-LOCKED').length, 25)
  t.match(it.raised('locked').at(-1), { person: 'nguyen', failures: 5, wait_s: 5 })
  t.match(access.component.read('accounts')?.find(({ person }) => person === 'nguyen'), { locked_s: 5 })
  it.clock.advance(4_999)
  const locked = await access.login('nguyen', secrets.nguyen, serial).catch((error: unknown) => error)
  t.match(locked, { code: 'PC-ACCESS-LOCKED', wait_s: 1 }, 'the right secret waits, too')
  t.ok(await access.login('li', secrets.li, page), 'others do not')
  await access.stop()

  access = await it.open()
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, serial)), 'PC-ACCESS-LOCKED', 'a restart ends no wait')
  it.clock.jumpWall(86_400_000)
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, serial)), 'PC-ACCESS-LOCKED', 'nor does a new date')
  it.clock.advance(5_000)
  t.match(access.component.read('accounts')?.find(({ person }) => person === 'nguyen'), { locked_s: 0 }, 'the end of a wait is news')
  t.ok(await access.login('nguyen', secrets.nguyen, page))

  const names = await Promise.all(Array.from({ length: 30 }, (_, at) => codeOf(access.login(`name${at}`, 'guess', serial))))
  t.equal(names.filter((code) => code === 'PC-ACCESS-REFUSED').length, 10, 'ten names at one port')
  t.match(it.raised('locked').at(-1), { person: 'unknown', where: '/dev/ttyS0' })
  t.equal(await codeOf(access.login('li', secrets.li, serial)), 'PC-ACCESS-LOCKED')
  const unknown = await Promise.all(Array.from({ length: 12 }, (_, at) => codeOf(access.login('nobody', 'guess', { face: 'page', where: `10.1.0.${at}` }))))
  t.equal(unknown.filter((code) => code === 'PC-ACCESS-REFUSED').length, 5, 'who does not exist is locked like who does')
  await access.stop()
  t.equal(it.clock.pending, 0)
})

void t.test('strangers keep nobody out whom the authority names', async (t) => {
  const it = await house(t)
  const access = await it.open()
  for (let guess = 0; guess < 8; guess++) await codeOf(access.login('nguyen', `guess ${guess}`, { face: 'page', where: `10.0.0.${guess}` }))
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, serial)), 'PC-ACCESS-LOCKED')
  t.ok(await access.answer('nguyen', answerTo(access.challenge('nguyen', serial)), serial))
  t.ok(await access.login('nguyen', secrets.nguyen, page), 'and what strangers did is forgotten')
  await access.stop()
})

void t.test('a damaged record of failures makes every secret wait, and says so', async (t) => {
  const it = await house(t)
  const record = join(it.folder, 'access-record.json')
  writeFileSync(record, '{"format":"portcullis-access-record/1","failures":{"person li":-1},"sealed":false}')
  const access = await it.open()
  t.match(access.component.health, { status: 'degraded', code: 'PC-ACCESS-RECORD' })
  t.equal(await codeOf(access.login('li', secrets.li, serial)), 'PC-ACCESS-LOCKED')
  t.ok(await access.answer('li', answerTo(access.challenge('li', serial)), serial))
  it.clock.advance(900_000)
  t.ok(await access.login('li', secrets.li, serial))
  t.match(access.component.health, { status: 'ready' })
  t.ok(readRecord(readFileSync(record, 'utf8')))
  await access.stop()
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    t.equal(readRecord(text), undefined)
  }))
})

void t.test('hashing: one at a time, few wait, and nobody can tell who exists by the time it takes', async (t) => {
  const hashing = new SecretHashing({ logN: 12, r: 8, p: 1 })
  const stored = await hashing.hash('correct horse battery')
  t.ok(await hashing.matches('correct horse battery', stored))
  t.notOk(await hashing.matches('correct horse batterY', stored))
  t.notOk(await hashing.matches('correct horse battery', undefined))
  const many = await Promise.allSettled(Array.from({ length: 30 }, () => hashing.matches('guess', undefined)))
  t.equal(many.filter(({ status }) => status === 'fulfilled').length, 13)
  t.match(many.find(({ status }) => status === 'rejected'), { reason: { code: 'PC-ACCESS-BUSY' } })
  t.ok(await hashing.matches('correct horse battery', stored), 'and then it goes on')
})

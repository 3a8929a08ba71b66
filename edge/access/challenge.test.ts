import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { canonical } from '../base/canonical.ts'
import { Lists } from '../gate/lists.ts'
import { authorityKeys, distrust, type Order } from '../uplink/order.ts'
import { fromBase32, toBase32 } from './base32.ts'
import { answerChallenge, isSigned, newNonce, readAnswer, readChallenge, writeChallenge } from './challenge.ts'
import { answerTo, codeOf, house, page, pem, secrets, serial } from './rig.ts'

const stranger = generateKeyPairSync('ed25519').privateKey

void t.test('challenges and answers survive being read out, and nothing else is taken for one', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 9 }), (bytes, group) => {
    const text = toBase32(bytes, group)
    const said = text.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('-', ' ')
    t.strictSame(fromBase32(said, bytes.length), bytes)
    t.equal(fromBase32(`${text}0`, bytes.length), undefined)
    t.equal(fromBase32(`${text.slice(0, -1)}U`, bytes.length), undefined)
  }), { numRuns: 50 })
  const challenge = { device: 'bl1-e07', person: 'nguyen', nonce: Uint8Array.of(1, 2, 3, 250, 0, 255, 128, 9) }
  const text = writeChallenge(challenge)
  t.match(text, /^bl1-e07:nguyen:[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/)
  t.same(readChallenge(`  ${text.toUpperCase()}\r\n`), challenge)
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'X' ? 'Y' : 'X'
    const mistyped = text.slice(0, at) + other + text.slice(at + 1)
    t.notOk(readChallenge(mistyped)?.person === 'nguyen' && readChallenge(mistyped)?.device === 'bl1-e07', mistyped)
  }
  const answer = answerTo(text, 'officer', 90)
  t.match(answer, /^[0-9A-Z]{6}(-[0-9A-Z]{6}){18}$/)
  t.match(readAnswer(answer.replaceAll('-', '\n')), { role: 'officer', for_min: 90 })
  fc.assert(fc.property(fc.integer({ min: 0, max: answer.length - 1 }), fc.constantFrom('Q', 'R', '7'), (at, letter) => {
    const mistyped = answer.slice(0, at) + letter + answer.slice(at + 1)
    const read = mistyped === answer ? undefined : readAnswer(mistyped)
    t.notOk(read !== undefined && isSigned(challenge, read, authorityKeys([pem])), mistyped)
  }), { numRuns: 50 })
  fc.assert(fc.property(fc.string({ maxLength: 600 }), (garbage) => {
    t.equal(readChallenge(garbage), undefined)
    t.equal(readAnswer(garbage), undefined)
  }))
})

void t.test('a signature is good for what it was made for only', async (t) => {
  const challenge = { device: 'bl1-e07', person: 'nguyen', nonce: newNonce() }
  const answer = readAnswer(answerTo(writeChallenge(challenge), 'technician', 480))!
  const keys = authorityKeys([pem])
  t.ok(isSigned(challenge, answer, keys))
  for (const other of [{ ...challenge, device: 'bl1-e08' }, { ...challenge, person: 'li' }, { ...challenge, nonce: newNonce() }]) t.notOk(isSigned(other, answer, keys))
  for (const other of [{ ...answer, role: 'engineer' as const }, { ...answer, for_min: 481 }]) t.notOk(isSigned(challenge, other, keys))
  t.notOk(isSigned(challenge, readAnswer(answerChallenge(challenge, { role: 'viewer', for_min: 1 }, stranger))!, keys))
  t.notOk(isSigned(challenge, answer, []))

  // The same key signs lists and commands: none of them takes the answer's signature.
  const signature = Buffer.from(answer.signature).toString('base64')
  const order = { id: 'a', args: {}, role: 'technician', issuedBy: 'nguyen', issuedAt: 0, expiresAt: 1, signature } as Order
  t.match(distrust('t', order, { keys, acceptUnsigned: false }), { refused: 'PC-UPLINK-SIGNATURE' })
  const lists = new Lists({ key: new Uint8Array(32), signers: new Map([['authority', keys[0]!]]) })
  const body = { format: 'portcullis-access/1', ...challenge, nonce: Buffer.from(challenge.nonce).toString('hex'), role: 'technician', for_min: 480 }
  t.throws(() => lists.take(canonical({ body, signature: { key: 'authority', value: signature } })), { code: 'PC-GATE-LIST-FORMAT' })
})

void t.test("the authority's answer: once, here, now, for whom it was asked", async (t) => {
  const it = await house(t)
  const access = await it.open({ challenge_min: 15, grant_h_max: 4 })
  const ask = (person = 'wang', from: typeof serial | typeof page = serial): string => {
    it.clock.advance(2_000)
    return access.challenge(person, from)
  }
  const good = answerTo(ask())
  const session = await access.answer('wang', good, serial)
  t.match(session, { person: 'wang', role: 'technician' }, 'nobody needs an account whom the authority names')
  t.match(it.book.of('access.session'), [{ person: 'wang', by: 'answer' }])
  t.equal(await codeOf(access.answer('wang', good, serial)), 'PC-ACCESS-REPLAYED')
  t.equal(await codeOf(access.answer('wang', answerTo(ask()).replace(/.$/, ''), serial)), 'PC-ACCESS-ANSWER')
  t.equal(await codeOf(access.answer('wang', 'let me in', serial)), 'PC-ACCESS-ANSWER')
  t.equal(await codeOf(access.answer('li', answerTo(ask()), serial)), 'PC-ACCESS-FOREIGN')
  t.equal(await codeOf(access.answer('wang', answerTo(ask()), page)), 'PC-ACCESS-FOREIGN')
  t.equal(await codeOf(access.answer('wang', answerTo(writeChallenge({ device: 'bl1-e07', person: 'wang', nonce: new Uint8Array(8) })), serial)), 'PC-ACCESS-FOREIGN')
  t.equal(await codeOf(access.answer('wang', answerTo(ask(), 'engineer', 480, stranger), serial)), 'PC-ACCESS-SIGNATURE')
  const elsewhere = readChallenge(ask())!
  t.equal(await codeOf(access.answer('wang', answerTo(writeChallenge({ ...elsewhere, device: 'bl1-e08' })), serial)), 'PC-ACCESS-SIGNATURE', 'signed for another device')
  const older = ask()
  ask()
  t.equal(await codeOf(access.answer('wang', answerTo(older), serial)), 'PC-ACCESS-EXPIRED', 'a newer one was shown here')
  const late = ask()
  it.clock.jumpWall(-86_400_000)
  it.clock.advance(15 * 60_000)
  t.equal(await codeOf(access.answer('wang', answerTo(late), serial)), 'PC-ACCESS-EXPIRED', 'setting the date back does not help')
  t.equal(it.book.of('access.refusal').length, 10)
  t.strictSame([...new Set(it.book.of('access.refusal').map(({ person }) => person))], ['unknown', 'li'])

  const twice = answerTo(ask('wang', page), 'officer', 1_440)
  const both = await Promise.allSettled([access.answer('wang', twice, page), access.answer('wang', twice, page)])
  t.strictSame(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'not even at the same moment')
  const officer = access.component.read('sessions')?.find(({ role }) => role === 'officer')
  t.ok(officer)
  const endings: string[] = []
  access.onEnded(({ why }) => endings.push(why))
  for (let minute = 0; minute < 239; minute++) {
    it.clock.advance(60_000)
    for (const entry of both) if (entry.status === 'fulfilled') access.touch(entry.value)
  }
  t.notOk(endings.includes('expired'))
  it.clock.advance(60_000)
  t.ok(endings.includes('expired'), 'cut to what the profile allows, however busy they are')

  const before = answerTo(ask('wang', page))
  await access.stop()
  await access.start()
  t.equal(await codeOf(access.answer('wang', before, page)), 'none', 'the same program still knows it')
  await access.stop()
  const next = await house(t, {})
  const restarted = await next.open()
  t.equal(await codeOf(restarted.answer('wang', before, page)), 'PC-ACCESS-FOREIGN', 'a new one does not')
  t.equal(await codeOf(() => restarted.challenge('Robert"); DROP', page)), 'PC-ACCESS-PERSON')
  await restarted.stop()
})

void t.test('challenges are bounded, and there are none without an authority', async (t) => {
  const it = await house(t)
  const access = await it.open()
  access.challenge('wang', serial)
  t.equal(await codeOf(() => access.challenge('wang', serial)), 'PC-ACCESS-BUSY')
  for (let place = 1; place < 64; place++) access.challenge('wang', { face: 'page', where: `10.0.0.${place}` })
  t.equal(await codeOf(() => access.challenge('wang', { face: 'page', where: '10.0.1.1' })), 'PC-ACCESS-BUSY')
  it.clock.advance(15 * 60_000)
  t.equal(await codeOf(() => access.challenge('wang', { face: 'page', where: '10.0.1.1' })), 'none', 'those that are over make room')
  await access.stop()
  const alone = await it.open({}, { authorities: [] })
  t.equal(await codeOf(() => alone.challenge('wang', serial)), 'PC-ACCESS-AUTHORITY')
  t.equal(await codeOf(alone.answer('wang', 'x', serial)), 'PC-ACCESS-ANSWER')
  t.ok(await alone.login('li', secrets.li, serial))
  await alone.stop()
  t.equal(await codeOf(it.open({ tamper: 'tamper' }, { authorities: [] })), 'PC-ACCESS-AUTHORITY')
  t.equal(await codeOf(it.open({}, { authorities: ['no key'] })), 'PC-UPLINK-KEY')
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { Journal } from '../journal/journal.ts'
import type { Session } from './contract.ts'
import { until } from '../uplink/rig.ts'
import { answerTo, codeOf, house, page, secrets, serial } from './rig.ts'

const ids = ({ person, role, face, where }: Session) => ({ person, role, face, where })

void t.test('a secret lets its owner in, nothing else does, and all of it is a fact', async (t) => {
  const it = await house(t)
  const access = await it.open()
  t.match(access.component.health, { status: 'ready' })
  const session = await access.login('nguyen', secrets.nguyen, serial)
  t.strictSame(ids(session), { person: 'nguyen', role: 'technician', ...serial })
  t.strictSame(access.component.read('sessions'), [{ person: 'nguyen', role: 'technician', ...serial, since: session.since }])
  t.strictSame(it.book.of('access.session'), [{ session: 1, person: 'nguyen', role: 'technician', ...serial, by: 'secret' }])
  t.notOk(JSON.stringify(it.book.facts).includes(session.id), 'whoever reads facts cannot take over the session')

  t.equal(await codeOf(access.login('nguyen', `${secrets.nguyen} `, page)), 'PC-ACCESS-REFUSED')
  t.equal(await codeOf(access.login('nguyen', 'x'.repeat(5_000), page)), 'PC-ACCESS-REFUSED')
  t.equal(await codeOf(access.login('my-password-by-mistake', 'nguyen', page)), 'PC-ACCESS-REFUSED')
  t.equal(await codeOf(access.login('__proto__', '', { face: 'page', where: '\u001b[2J10.0.0.7' })), 'PC-ACCESS-REFUSED')
  t.strictSame(it.book.of('access.refusal').map(({ person, where }) => [person, where]), [['nguyen', '10.0.0.7'], ['nguyen', '10.0.0.7'], ['unknown', '10.0.0.7'], ['unknown', '?[2J10.0.0.7']])
  const all = JSON.stringify([it.book.facts, it.news, it.lines]) + readFileSync(join(it.folder, 'access-record.json'), 'utf8')
  for (const typed of ['my-password', secrets.nguyen, '__proto__']) t.notOk(all.includes(typed), 'what was typed is nowhere')

  access.end(session, 'logout')
  t.notOk(access.touch(session))
  await access.stop()
  t.strictSame(it.book.of('access.ended'), [{ session: 1, person: 'nguyen', why: 'logout' }])
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, serial)), 'PC-ACCESS-BUSY', 'nobody is let in after the stop')
  t.equal(it.clock.pending, 0)
})

void t.test('commands: asked before begun, told after recorded, with the role of the session', async (t) => {
  const it = await house(t)
  const access = await it.open()
  const nguyen = await access.login('nguyen', secrets.nguyen, serial)
  const li = await access.login('li', secrets.li, page)
  t.strictSame(await access.carryOut(li, { component: 'door', command: 'open', args: {} }), { opened: 3 })
  const asked = { id: '2.1', component: 'door', command: 'open', args: { for: 3 }, person: 'li', role: 'engineer', ...page }
  t.match(it.book.facts.slice(-2), [{ kind: 'access.command', class: 'command', body: asked }, { kind: 'access.result', class: 'command', body: { id: '2.1', status: 'done' } }])

  t.equal(await codeOf(access.carryOut({ ...nguyen, role: 'engineer' }, { component: 'door', command: 'open', args: {} })), 'PC-DEVICE-ROLE', 'the role is not what the caller says')
  t.equal(await codeOf(access.carryOut(li, { component: 'door', command: 'open', args: { for: 'my secret' } })), 'PC-DEVICE-ARGS')
  t.equal(await codeOf(access.carryOut(li, { component: 'door', command: 'open', args: { for: 1n } })), 'PC-DEVICE-ARGS')
  t.equal(await codeOf(access.carryOut(li, { component: 'door', command: 'toString', args: {} })), 'PC-DEVICE-COMMAND')
  t.equal(await codeOf(access.carryOut(li, { component: 'doors', command: 'open', args: {} })), 'PC-DEVICE-UNKNOWN')
  t.strictSame(it.done, ['open 3 by li'])
  t.strictSame(it.book.of('access.refusal').map(({ code, person, command }) => [code, person, command]), [['PC-DEVICE-ROLE', 'nguyen', 'open'], ['PC-DEVICE-ARGS', 'li', 'open'], ['PC-DEVICE-ARGS', 'li', 'open']])
  t.notMatch(JSON.stringify(it.book.facts), /my secret/, 'arguments that nothing vouches for are not written down')

  await access.carryOut(nguyen, { component: 'door', command: 'enrol', args: { finger: 'ridges' } })
  t.match(it.book.facts.at(-2), { kind: 'access.command', body: { command: 'enrol' } })
  t.notMatch(JSON.stringify(it.book.facts), /ridges/, 'nor are personal ones')
  await access.carryOut(nguyen, { component: 'door', command: 'aim', args: { camera: JSON.stringify('rtsp://admin:Ridges@1@10.0.0.12/1?token=ridge') } })
  t.match(it.book.facts.at(-2), { body: { args: { camera: '"rtsp://10.0.0.12/1?[hidden]"' } } }, 'nor what is a secret in an address')
  t.equal(await codeOf(access.carryOut(nguyen, { component: 'door', command: 'break', args: {} })), 'PC-BARRIER-FAULT')
  t.match(it.book.facts.at(-1), { kind: 'access.result', body: { status: 'failed', code: 'PC-BARRIER-FAULT' } })

  const hanging = Array.from({ length: 8 }, () => codeOf(access.carryOut(nguyen, { component: 'door', command: 'hang', args: {} })))
  t.equal(await codeOf(access.carryOut(nguyen, { component: 'door', command: 'look', args: {} })), 'PC-ACCESS-BUSY')
  access.end(nguyen, 'lost')
  t.strictSame(await Promise.all(hanging), hanging.map(() => 'PC-BASE-CANCELLED'), 'who is gone moves nothing any more')
  t.equal(it.book.of('access.result').filter(({ code }) => code === 'PC-BASE-CANCELLED').length, 8)
  t.equal(await codeOf(access.carryOut(nguyen, { component: 'door', command: 'look', args: {} })), 'PC-ACCESS-ENDED')

  it.book.broken = true
  t.equal(await codeOf(access.carryOut(li, { component: 'door', command: 'open', args: {} })), 'PC-ACCESS-JOURNAL')
  t.strictSame(it.done, ['open 3 by li'], 'what cannot be recorded is not done')
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, serial)), 'PC-ACCESS-JOURNAL')
  t.equal(access.component.read('sessions')?.length, 1)
  await access.stop()
})

void t.test('the facts of a command are durable in a real journal when its outcome is told', async (t) => {
  const it = await house(t)
  const journal = await Journal.open({ file: join(it.folder, 'journal.db'), device: 'bl1-e07', clock: systemClock, log: silent })
  const access = await it.open({}, { sink: journal, clock: systemClock })
  const li = await access.login('li', secrets.li, page)
  await access.carryOut(li, { component: 'door', command: 'open', args: { for: 2 } })
  t.strictSame(journal.after(0, 100).map(({ kind }) => kind).filter((kind) => kind.startsWith('access.')), ['access.accounts', 'access.session', 'access.command', 'access.result'])
  await access.stop()
  t.equal(journal.after(0, 100).at(-1)?.kind, 'access.ended')
  await journal.close()
})

void t.test('sessions end: by idleness, replacement, number, time', async (t) => {
  const it = await house(t)
  const access = await it.open({ sessions_max: 2, opcua_sessions_max: 1, idle_s: { serial: 30, terminal: 600, network: 600, page: 600, opcua: 600 } })
  const endings: [string, string][] = []
  access.onEnded(({ session, why }) => endings.push([session.person, why]))
  const first = await access.login('nguyen', secrets.nguyen, serial)
  const second = await access.login('li', secrets.li, page)
  t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-FULL')
  const program = access.admit('wang', 'viewer', { face: 'opcua', where: 'x' })
  t.throws(() => access.admit('wang', 'viewer', { face: 'opcua', where: 'y' }), { code: 'PC-ACCESS-FULL' }, 'programs of OPC UA are counted apart')
  access.end(program, 'logout')
  const third = await access.login('li', secrets.li, serial)
  t.strictSame(endings.splice(0, 1), [['wang', 'logout']])
  t.strictSame(endings, [['nguyen', 'replaced']], 'one port, one person, even when the house is full')
  t.notOk(access.touch(first))
  it.clock.advance(29_000)
  t.ok(access.touch(third))
  it.clock.advance(29_000)
  t.ok(access.touch(third), 'whoever does something stays')
  it.clock.jumpWall(86_400_000)
  const work = codeOf(access.carryOut(third, { component: 'door', command: 'hang', args: {} }))
  await until(() => it.book.of('access.command').length === 1, 'the command')
  it.clock.advance(59_500)
  t.strictSame(endings.slice(1), [], 'nor does anybody go whose command runs')
  it.clock.advance(1_000)
  t.equal(await work, 'PC-DEVICE-TIMEOUT')
  it.clock.advance(40_000)
  t.strictSame(endings.slice(1), [['li', 'idle']])
  t.ok(access.touch(second))
  t.strictSame(ids(access.admit('wang', 'viewer', { face: 'opcua', where: 'scada' })), { person: 'wang', role: 'viewer', face: 'opcua', where: 'scada' })
  await access.stop()
  t.strictSame(endings.slice(2), [['li', 'shutdown'], ['wang', 'shutdown']])
  t.match(it.book.of('access.session').at(-1), { person: 'wang', by: 'certificate' })
  t.equal(it.clock.pending, 0)
})

void t.test('one person does not hold every place', async (t) => {
  const it = await house(t)
  const access = await it.open({ sessions_max: 4, person_sessions_max: 2 })
  const at = (number: number) => ({ face: 'page', where: `10.0.0.${number}` }) as const
  const first = await access.login('nguyen', secrets.nguyen, at(1))
  await access.login('nguyen', secrets.nguyen, serial)
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, at(2))), 'PC-ACCESS-FULL')
  t.equal(await codeOf(access.login('nguyen', 'not the right one', at(2))), 'PC-ACCESS-REFUSED', 'only nguyen learns that')
  const answer = answerTo(access.challenge('nguyen', at(3)))
  t.equal(await codeOf(access.answer('nguyen', answer, at(3))), 'PC-ACCESS-FULL')
  for (let again = 0; again < 8; again++) t.equal(await codeOf(access.answer('nguyen', answer, at(3))), 'PC-ACCESS-FULL', 'nor is it a failure that holds up the place')
  t.throws(() => access.admit('nguyen', 'viewer', at(4)), { code: 'PC-ACCESS-FULL' })
  t.ok(await access.login('li', secrets.li, page), 'somebody else finds a place')
  t.ok(await access.login('nguyen', secrets.nguyen, serial), 'a line that they had anyway')
  access.end(first, 'logout')
  t.ok(await access.answer('nguyen', answer, at(3)), 'an answer that found no room is not used up')
  for (const where of ['x', 'y', 'z']) t.ok(access.admit('wang', 'viewer', { face: 'opcua', where }), 'programs come as often as they like')
  await access.stop()
})

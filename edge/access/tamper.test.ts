import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { House } from './rig.ts'
import { answerTo, codeOf, house, page, secrets, serial } from './rig.ts'

const housing = (it: House, open: boolean): void => {
  it.contact.publish('active', open)
  it.contact.publish('health', { status: 'ready' })
}

const answered = async (it: House, role: 'technician' | 'engineer'): Promise<string> => {
  it.clock.advance(2_000)
  return await codeOf(it.access.answer('wang', answerTo(it.access.challenge('wang', serial), role), serial))
}

void t.test('who opens the housing throws everybody out, until an engineer has looked', async (t) => {
  const it = await house(t)
  housing(it, false)
  let access = await it.open({ tamper: 'tamper' })
  const endings: string[] = []
  access.onEnded(({ why }) => endings.push(why))
  const li = await access.login('li', secrets.li, page)
  const moving = codeOf(access.carryOut(li, { component: 'door', command: 'hang', args: {} }))
  housing(it, true)
  t.strictSame(endings, ['tamper'])
  t.equal(await moving, 'PC-BASE-CANCELLED', 'and what they moved stops')
  t.strictSame(it.raised('tampered'), [{ where: 'tamper' }])
  t.match(access.component.health, { status: 'degraded', code: 'PC-ACCESS-TAMPERED' })
  t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-TAMPERED', 'not even an engineer by secret')
  t.equal(await codeOf(() => access.admit('scada', 'viewer', { face: 'opcua', where: 'x' })), 'PC-ACCESS-TAMPERED')
  t.equal(await answered(it, 'technician'), 'PC-ACCESS-TAMPERED')
  housing(it, false)
  t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-TAMPERED', 'closing it again ends nothing')
  await access.stop()

  access = await it.open({ tamper: 'tamper' })
  t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-TAMPERED', 'nor does a restart')
  housing(it, true)
  t.equal(await answered(it, 'engineer'), 'none', 'who works inside may have it open')
  t.strictSame(it.book.of('access.unsealed'), [{ by: 'wang' }])
  t.ok(await access.login('li', secrets.li, page))
  t.match(access.component.health, { status: 'ready' })
  housing(it, false)
  t.equal(access.component.read('sessions')?.length, 2)
  it.contact.publish('active', true)
  t.equal(access.component.read('sessions')?.length, 0, 'opened once more')
  await access.stop()
  t.equal(it.clock.pending, 0)
})

void t.test('a housing that is opened while an answer is taken lets nobody in, and stays on the record', async (t) => {
  const it = await house(t)
  housing(it, false)
  const access = await it.open({ tamper: 'tamper' })
  const record = join(it.folder, 'access-record.json')
  const answering = answered(it, 'technician')
  // The answer is judged once its attempt is written down; that it was good is written down, too.
  while (!existsSync(record) || !existsSync(`${record}.new`)) await nextTurn()
  it.contact.publish('active', true)
  t.equal(await answering, 'PC-ACCESS-TAMPERED')
  t.strictSame(it.book.of('access.unsealed'), [])
  t.match(access.component.health, { status: 'degraded', code: 'PC-ACCESS-TAMPERED' })
  await access.stop()
})

void t.test('a contact that is lost, or never comes, counts as opened', async (t) => {
  const it = await house(t)
  it.contact.publish('active', true)
  it.contact.publish('health', { status: 'starting' })
  const access = await it.open({ tamper: 'tamper' })
  t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-TAMPERED', 'what is not known is not safe')
  t.strictSame(it.raised('tampered'), [], 'but a board that starts late is no alarm')
  it.clock.advance(10_000)
  housing(it, false)
  t.ok(await access.login('li', secrets.li, page))
  it.contact.publish('active', true)
  it.contact.publish('health', { status: 'failed', code: 'PC-IO-SOURCE' })
  t.equal(it.raised('tampered').length, 1)
  t.equal(access.component.read('sessions')?.length, 0)
  t.equal(await answered(it, 'engineer'), 'none')
  await access.stop()

  const other = await house(t)
  const never = await other.open({ tamper: 'tamper' })
  other.clock.advance(15_000)
  t.equal(other.raised('tampered').length, 1)
  t.equal(await answered(other, 'engineer'), 'none')
  await never.stop()
})

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { describe } from '../base/error.ts'
import type { Session } from './contract.ts'
import { Accounts, readAccounts, writeAccounts } from './accounts.ts'
import { answerTo, codeOf, cost, house, type House, page, secrets, serial } from './rig.ts'
import { SecretHashing, weakness } from './secret.ts'

const asked = (command: string, args: unknown) => ({ component: 'access', command, args })

async function engineer(it: House): Promise<Session> {
  return await it.access.login('li', secrets.li, page)
}

void t.test('engineers make, change and remove accounts, on the record and without the secret', async (t) => {
  const it = await house(t)
  let access = await it.open()
  const li = await engineer(it)
  const wang = { person: 'wang', role: 'viewer', secret: 'purple mountain 77' }
  t.strictSame(await access.carryOut(li, asked('add', wang)), {})
  t.equal(statSync(it.file).mode & 0o777, 0o600)
  const session = await access.login('wang', wang.secret, serial)
  t.equal(session.role, 'viewer')
  t.equal(await codeOf(access.carryOut(session, asked('unlock', { person: 'li' }))), 'PC-DEVICE-ROLE')
  await access.carryOut(li, asked('add', { ...wang, role: 'officer', secret: 'purple mountain 78' }))
  t.notOk(access.touch(session), 'the old role has ended')
  t.equal(await codeOf(access.login('wang', wang.secret, serial)), 'PC-ACCESS-REFUSED')
  t.strictSame(it.book.of('access.account'), [{ change: 'added', person: 'wang', role: 'viewer', by: 'li' }, { change: 'changed', person: 'wang', role: 'officer', by: 'li' }])
  t.notMatch(JSON.stringify([it.book.facts, it.news, it.lines]), /purple/)
  t.notMatch(readFileSync(it.file, 'utf8'), /purple/)

  await access.carryOut(li, asked('add', { person: 'li', role: 'engineer', secret: 'orange mountain 79' }))
  t.ok(access.touch(li), 'who changes their own secret goes on')
  t.equal(await codeOf(access.carryOut(li, asked('add', { person: 'li', role: 'viewer', secret: 'orange mountain 79' }))), 'PC-ACCESS-SELF')
  t.equal(await codeOf(access.carryOut(li, asked('remove', { person: 'li' }))), 'PC-ACCESS-SELF')
  t.equal(await codeOf(access.carryOut(li, asked('remove', { person: 'nobody' }))), 'PC-ACCESS-NOBODY')
  t.equal(await codeOf(access.carryOut(li, asked('add', { ...wang, person: 'unknown' }))), 'PC-ACCESS-PERSON')
  t.equal(await codeOf(access.carryOut(li, asked('add', { ...wang, secret: 'my wang secret' }))), 'PC-ACCESS-WEAK')
  t.equal(await codeOf(access.carryOut(li, asked('add', { ...wang, secret: 'short' }))), 'PC-DEVICE-ARGS')

  for (let guess = 0; guess < 6; guess++) await codeOf(access.login('nguyen', `guess ${guess}`, { face: 'page', where: `10.0.0.${guess}` }))
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, serial)), 'PC-ACCESS-LOCKED')
  await access.carryOut(li, asked('unlock', { person: 'nguyen' }))
  const nguyen = await access.login('nguyen', secrets.nguyen, serial)
  await access.carryOut(li, asked('remove', { person: 'nguyen' }))
  t.notOk(access.touch(nguyen))
  t.equal(await codeOf(access.login('nguyen', secrets.nguyen, serial)), 'PC-ACCESS-REFUSED')
  t.match(await access.carryOut(li, asked('selfTest', {})), { passed: true })
  await access.stop()

  access = await it.open()
  t.strictSame(access.component.read('accounts')?.map(({ person, role }) => `${person} ${role}`).sort(), ['li engineer', 'wang officer'])
  t.ok(await access.login('wang', 'purple mountain 78', serial))
  await access.stop()
})

void t.test('whose account is removed or changed is out at once, whoever did it, and learns why', async (t) => {
  const it = await house(t)
  const access = await it.open()
  const endings: [string, string][] = []
  access.onEnded(({ session, why }) => endings.push([session.person, why]))
  const li = await engineer(it)
  const wang = { person: 'wang', role: 'viewer', secret: 'purple mountain 77' }
  await access.carryOut(li, asked('add', wang))
  await access.login('wang', wang.secret, serial)
  await access.carryOut(li, asked('add', { ...wang, role: 'officer' }))
  await access.login('wang', wang.secret, serial)
  await access.carryOut(li, asked('remove', { person: 'wang' }))
  t.strictSame(endings.splice(0), [['wang', 'changed'], ['wang', 'removed']])

  // At the file, as an operator would: nobody logs in meanwhile.
  const looked = async (holds: () => boolean): Promise<void> => {
    for (let tries = 0; !holds() && tries < 2_000; tries++) {
      it.clock.advance(5_000)
      access.touch(li)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  await access.login('nguyen', secrets.nguyen, serial)
  const whole = readFileSync(it.file, 'utf8')
  writeFileSync(it.file, 'damaged')
  await looked(() => access.component.health.status === 'failed')
  t.strictSame(endings, [], 'a damaged file says nothing of anybody')
  const accounts = [...readAccounts(whole).values()]
  writeFileSync(it.file, writeAccounts(accounts.filter(({ person }) => person !== 'nguyen')))
  await looked(() => endings.length > 0)
  t.strictSame(endings.splice(0), [['nguyen', 'removed']])
  t.match(it.book.of('access.ended').at(-1), { person: 'nguyen', why: 'removed' })
  writeFileSync(it.file, writeAccounts(accounts.map((account) => ({ ...account, role: 'viewer' }))))
  await looked(() => endings.length > 0)
  t.strictSame(endings.splice(0), [['li', 'changed']], 'a role that was taken away counts at once')
  await access.stop()
  t.equal(it.clock.pending, 0)
})

void t.test('weak secrets', async (t) => {
  for (const weak of ['', 'ninechars', 'x'.repeat(129), 'aaaaaaaaaaaa', 'ababababab12', '1234567890', '9876543210', 'abcdefghijkl', 'Nguyen-2026', 'mật khẩu dài', 'tab\ttab-tab-7']) {
    t.type(weakness('nguyen', weak), 'string', weak)
  }
  for (const good of ['correct horse', 'Tr0ub4dor&3', '0912-4457-31']) t.equal(weakness('nguyen', good), undefined, good)
})

void t.test('a damaged file gives nobody an account, ever; an engineer of the authority mends it', async (t) => {
  const it = await house(t)
  const whole = readFileSync(it.file, 'utf8')
  t.match([...readAccounts(whole).keys()], ['nguyen', 'li'])
  const [first] = [...readAccounts(whole).values()]
  const damages = ['', '{}', whole.slice(0, -20), whole.replace('"technician"', '"engineer"'), whole.replace('"technician"', '"controller"'), writeAccounts([first!, first!]), whole.replace(/"digest":"./, '"digest":"x')]
  const access = await it.open()
  for (const damage of damages) {
    writeFileSync(it.file, damage)
    t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-ACCOUNTS', damage.slice(0, 40))
    t.match(access.component.health, { status: 'failed', code: 'PC-ACCESS-ACCOUNTS' })
    t.strictSame(access.component.read('accounts'), [])
  }
  writeFileSync(it.file, whole)
  chmodSync(it.file, 0o644)
  t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-ACCOUNTS', 'others could have written it')
  chmodSync(it.file, 0o600)
  t.ok(await access.login('li', secrets.li, page), 'the right file counts at once')
  t.match(access.component.health, { status: 'ready' })

  writeFileSync(it.file, 'gone')
  const helper = await access.answer('wang', answerTo(access.challenge('wang', serial), 'engineer'), serial)
  await access.carryOut(helper, asked('add', { person: 'nguyen', role: 'technician', secret: 'purple mountain 77' }))
  t.equal(readFileSync(`${it.file}.damaged`, 'utf8'), 'gone')
  t.match(access.component.health, { status: 'ready' })
  t.ok(await access.login('nguyen', 'purple mountain 77', page))
  t.equal(await codeOf(access.login('li', secrets.li, page)), 'PC-ACCESS-REFUSED')
  t.notMatch(JSON.stringify(it.lines), new RegExp(`${first!.secret.hash}|${first!.secret.salt}`))
  await access.stop()
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.nat({ max: whole.length }).map((at) => `${whole.slice(0, at)}#${whole.slice(at + 1)}`)), (text) => {
    try {
      readAccounts(text)
      t.fail(text)
    } catch (error) {
      if (describe(error).code !== 'PC-ACCESS-ACCOUNTS') throw error
    }
  }))
})

void t.test('without a file nobody has an account, and there is no default one', async (t) => {
  const it = await house(t, {})
  const access = await it.open()
  for (const [person, secret] of [['admin', 'admin'], ['root', ''], ['engineer', 'engineer'], ['', '']] as const) {
    t.equal(await codeOf(access.login(person, secret, serial)), 'PC-ACCESS-REFUSED')
  }
  t.notOk(existsSync(it.file))
  await access.stop()
})

void t.test('as many accounts as there is room for', async (t) => {
  const folder = t.testdir()
  const secret = await new SecretHashing(cost).hash('some good secret')
  const account = (person: string) => ({ person, role: 'viewer' as const, secret, createdBy: 'provision', createdAt: 0, changedBy: 'provision', changedAt: 0 })
  writeFileSync(join(folder, 'full.json'), writeAccounts(Array.from({ length: 256 }, (_, at) => account(`p${at}`))), { mode: 0o600 })
  const accounts = new Accounts(join(folder, 'full.json'))
  await accounts.refresh()
  t.equal(accounts.list().length, 256)
  const put = { role: 'viewer' as const, secret, by: 'li', at: 1 }
  t.equal(await codeOf(accounts.put({ person: 'one-more', ...put })), 'PC-ACCESS-ACCOUNTS-FULL')
  t.equal(await codeOf(accounts.put({ person: 'p7', ...put })), 'none')
})

/** Changes accounts as fast as it can, and says how far it has come. */
const writer = (file: string): string => `
import { Accounts } from ${JSON.stringify(fileURLToPath(new URL('./accounts.ts', import.meta.url)))}
const accounts = new Accounts(${JSON.stringify(file)})
await accounts.refresh()
if (accounts.damage) throw accounts.damage
const secret = { cost: { logN: 4, r: 1, p: 1 }, salt: '0'.repeat(64), hash: '0'.repeat(64) }
let at = accounts.get('counter')?.changedAt ?? 0
for (;;) {
  await accounts.put({ person: 'counter', role: 'viewer', secret, by: 'test', at: ++at })
  process.stdout.write(at + '\\n')
}`

/** Kills the writer at a random moment after its first change; the last change that it acknowledged. */
function killedWriter(t: Test, file: string, after_ms: number): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer(file)], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (text: Buffer) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), after_ms)
    said += text.toString()
  })
  return new Promise((resolve) => child.once('close', () => resolve(Number(said.split('\n').slice(0, -1).at(-1) ?? 0))))
}

void t.test('killed at any moment, the file is the old one or the new one, and nothing acknowledged is lost', async (t) => {
  const it = await house(t)
  for (const after_ms of [1, 7, 23, 40]) {
    const acknowledged = await killedWriter(t, it.file, after_ms)
    const accounts = new Accounts(it.file)
    await accounts.refresh()
    t.equal(accounts.damage, undefined)
    t.ok(acknowledged > 0 && (accounts.get('counter')?.changedAt ?? 0) >= acknowledged, `${acknowledged} changes`)
    t.ok(accounts.get('li'))
  }
  writeFileSync(`${it.file}.new`, '{"format":"portcullis-acc')
  const access = await it.open()
  t.ok(await access.login('li', secrets.li, page), 'what was begun and not renamed does not count')
  await access.stop()
})

void t.test('a disk that takes no more keeps nobody out, but says so', async (t) => {
  const it = await house(t)
  const access = await it.open()
  mkdirSync(join(it.folder, 'access-record.json.new'))
  const li = await engineer(it)
  t.ok(li)
  await codeOf(access.login('nguyen', 'guess', serial))
  t.match(access.component.health, { status: 'degraded', code: 'PC-ACCESS-STORAGE' })
  mkdirSync(`${it.file}.new`)
  t.equal(await codeOf(access.carryOut(li, asked('add', { person: 'wang', role: 'viewer', secret: 'purple mountain 77' }))), 'PC-ACCESS-STORAGE')
  t.equal(await codeOf(access.login('wang', 'purple mountain 77', serial)), 'PC-ACCESS-REFUSED', 'what is not durable is not so')
  await access.stop()
})

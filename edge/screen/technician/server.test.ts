import { execFileSync, spawnSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import type { WebSocket } from '@fastify/websocket'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { answerTo, secrets } from '../../access/rig.ts'
import { ManualClock } from '../../base/clock.ts'
import { Counters } from '../../base/counters.ts'
import { silent } from '../../base/log.ts'
import { Component } from '../../device/component.ts'
import { DeviceModel } from '../../device/model.ts'
import { LogBook } from '../../service/log-book.ts'
import { logsComponent } from '../../service/logs.ts'
import { searchJournal } from './journal-search.ts'
import { technicianLimits } from './limits.ts'
import { Live, type LiveCount } from './live.ts'
import { Rates } from './rates.ts'
import { Browser, factsOf, Kettle, rig, sourceOf, until } from './rig.ts'
import { type TechnicianOptions, TechnicianServer } from './server.ts'
import { cookieIn, cookieName } from './visitors.ts'

void t.test('the page is for everybody, the device for who logs in', async (t) => {
  const { port, house, server } = await rig(t)
  const browser = new Browser(port)
  const index = await browser.get('/')
  t.equal(index.status, 200)
  t.match(String(index.headers['content-security-policy']), "default-src 'none'")
  t.notMatch(String(index.headers['content-security-policy']), /unsafe|https?:|\*/)
  t.equal(index.headers['set-cookie'], undefined)
  t.same(JSON.parse((await browser.get('/session')).body), {})
  for (const path of ['/camera/camera', '/bundle/diag-x.tar.gz', '/live']) t.equal((await browser.get(path)).status === 200, false, path)
  for (const path of ['/command', '/journal', '/log']) t.match(await browser.post(path, {}), { status: 401, body: /PC-TECHNICIAN-LOGIN/ })
  const deaf = browser.listen()
  await until(() => deaf.refused !== undefined, 'a socket without a login is refused')
  t.match(deaf.refused, '401')

  t.match(await browser.login('nguyen', 'wrong wrong wrong'), { status: 403, body: /PC-ACCESS-REFUSED/ })
  const entered = await browser.login('nguyen')
  t.match(entered, { status: 200, body: '{"who":{"person":"nguyen","role":"technician"}}' })
  t.match(entered.headers['set-cookie']?.[0], /^technician-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  t.match(JSON.parse((await browser.get('/session')).body), { who: { person: 'nguyen' } })
  t.equal((await browser.get('/session', { cookie: `${browser.cookie}x` })).body, '{}', 'another token leads nowhere')
  t.match(house.book.of('access.session').at(-1), { person: 'nguyen', face: 'page', where: '127.0.0.1', by: 'secret' })
  t.equal(JSON.stringify([...house.lines, ...house.book.facts]).includes('correct horse'), false, 'no secret is kept')

  const before = browser.cookie
  await browser.login('li')
  t.equal((await browser.get('/session', { cookie: before })).body, '{}', 'a second login ends the first')
  await browser.post('/logout', {})
  t.equal((await browser.get('/session')).body, '{}')
  t.match(await server.component.invoke('selfTest', {}), { passed: true })
})

void t.test('without a secret, the authority answers a challenge', async (t) => {
  const { port } = await rig(t)
  const browser = new Browser(port)
  const { challenge } = JSON.parse((await browser.post('/challenge', { person: 'nobody' })).body) as { challenge: string }
  t.match(await browser.post('/answer', { person: 'nobody', answer: 'x'.repeat(40) }), { status: 403, body: /PC-ACCESS-ANSWER/ })
  t.match(await browser.post('/answer', { person: 'nobody', answer: answerTo(challenge) }), { status: 200, body: /"role":"technician"/ })
})

void t.test('nothing comes from another page', async (t) => {
  const { port, count, done } = await rig(t)
  const browser = new Browser(port)
  await browser.login('nguyen')
  const asked = { component: 'kettle', command: 'boil', args: { for: 'tea' } }
  t.equal((await browser.post('/command', asked, { origin: 'http://evil.example' })).status, 403)
  t.equal((await browser.post('/command', asked, { origin: `http://127.0.0.1:${port + 1}` })).status, 403, 'another port is another page')
  t.equal((await browser.post('/command', asked, { origin: 'null' })).status, 403)
  t.equal((await browser.post('/command', asked, { host: 'evil.example' })).status, 403)
  t.equal((await browser.post('/command', JSON.stringify(asked), { 'content-type': 'text/plain' })).status, 415, 'what a form can send is not read')
  const foreign = browser.listen('/live', { origin: 'http://evil.example' })
  await until(() => foreign.refused !== undefined, 'a foreign page may not listen')
  t.strictSame(done, [])
  t.equal(count('requestsForeign'), 5)
  t.equal((await browser.post('/command', asked, { origin: `http://127.0.0.1:${port}` })).status, 200)
  t.strictSame(done, ['boil 95 for tea'])
})

void t.test('a component that nobody has heard of is told in full, and changes at a bounded rate', async (t) => {
  const { port, house, kettle } = await rig(t)
  const browser = new Browser(port)
  await browser.login('nguyen')
  const page = browser.listen()
  await until(() => page.of('values').length > 0, 'the page heard values')
  const [device] = page.of('device')
  t.match(device, { device: 'site/bl1-e07', who: { person: 'nguyen', role: 'technician' }, build: '0123456789abcdef', lidar: false, downloads: true })
  const shown = device?.components.find(({ name }) => name === 'kettle')
  t.match(shown, {
    capability: 'kettle',
    members: {
      temperature: { kind: 'property', unit: 'Cel', says: 'How hot the water is.' },
      boil: { kind: 'command', role: 'technician', args: { properties: { until: { minimum: 30, default: 95 }, for: { enum: ['tea', 'coffee'] } } } },
      tip: { moves: true }, whistled: { kind: 'event', severity: 'warning' },
    },
  })
  for (const member of ['drunk', 'taste', 'refill', 'frames']) t.notOk(Object.hasOwn(shown?.members ?? {}, member), `${member} is nobody's here`)
  t.equal(page.value('kettle', 'temperature'), 21.5)
  const told = page.of('values').length
  for (let at = 0; at < 500; at++) kettle.publish('temperature', at)
  kettle.raise('whistled', { loudness: 7 })
  kettle.raise('drunk', { by: 'LEAK' })
  house.clock.advance(technicianLimits.tell_ms)
  await until(() => page.value('kettle', 'temperature') === 499, 'the newest value was heard')
  t.equal(page.of('values').length, told + 1, 'and only that one')
  t.match(page.of('event'), [{ component: 'kettle', name: 'whistled', severity: 'warning', data: { loudness: 7 } }])
  t.notMatch(JSON.stringify(page.heard), 'LEAK')
  house.clock.advance(technicianLimits.beat_ms)
  await until(() => page.of('values').length === told + 2, 'the page heard a beat')
  t.same(Object.keys(page.of('values').at(-1)?.values ?? {}).filter((name) => name !== 'technician'), [], 'which tells only what changed')
  house.model.add(new Component('pot', Kettle, house.clock, {} as never))
  house.clock.advance(technicianLimits.tell_ms)
  await until(() => page.of('device').at(-1)?.components.some(({ name }) => name === 'pot') === true, 'a component that comes later was heard of')
})

void t.test('commands go through the gatekeeper: role, confirmation, record', async (t) => {
  const { port, done, house } = await rig(t, { people: { nguyen: 'technician', li: 'viewer' } })
  const browser = new Browser(port)
  await browser.login('nguyen')
  t.match(await browser.command('kettle', 'boil', { for: 'coffee', until: 80 }), { status: 200, body: '{"result":{"reached":80}}' })
  t.match(await browser.command('kettle', 'tip'), { status: 409, body: /PC-TECHNICIAN-CONFIRM/ })
  t.equal((await browser.command('kettle', 'tip', {}, true)).status, 200)
  t.match(await browser.command('kettle', 'boil', { for: 'soup' }), { status: 400, body: /PC-DEVICE-ARGS/ })
  t.match(await browser.command('kettle', 'descale'), { status: 403, body: /PC-DEVICE-ROLE/ })
  t.match(await browser.command('kettle', 'refill'), { status: 403, body: /PC-DEVICE-ROLE/ })
  t.match(await browser.command('kettle', 'taste', { tongue: 'LEAK' }), { status: 403, body: /PC-TECHNICIAN-PERSONAL/ })
  t.match(await browser.command('no-such', 'thing'), { status: 409, body: /PC-DEVICE-UNKNOWN/ })
  t.match(await browser.command('kettle', 'constructor'), { status: 409, body: /PC-DEVICE-COMMAND/ })
  t.match(await browser.post('/command', '{"component":"kettle"'), { status: 400, body: /PC-SCREEN-REQUEST/ })
  t.match(await browser.post('/command', { component: 'kettle', command: 'boil', args: { note: 'x'.repeat(70_000) } }), { status: 413 })
  t.match(await browser.post('/command', { component: 'kettle', command: 'boil', args: [] }), { status: 400, body: /PC-TECHNICIAN-INPUT/ })
  t.strictSame(done, ['boil 80 for coffee', 'tip'])
  t.match(house.book.of('access.command').map(({ command }) => command), ['boil', 'tip'])
  const viewer = new Browser(port)
  await viewer.login('li')
  t.match(await viewer.command('kettle', 'boil', { for: 'tea' }), { status: 403 })
  t.match(await viewer.get('/bundle/diag-x.tar.gz'), { status: 403 })
  t.match(await viewer.get('/camera/camera'), { status: 403 })
})

void t.test('an idle session ends, one that does something stays, and its pages hear why', async (t) => {
  const { port, house } = await rig(t)
  const browser = new Browser(port)
  await browser.login('nguyen')
  const page = browser.listen()
  await until(() => page.heard.length > 0, 'the page heard')
  const quick = new Browser(port)
  await quick.login('li')
  house.clock.advance(500_000)
  await quick.post('/journal', {})
  house.clock.advance(200_000)
  t.equal((await browser.get('/session')).body, '{}', 'the idle one is logged out')
  t.match((await quick.get('/session')).body, 'li', 'the other is not')
  await until(() => page.closed !== undefined, 'its page was closed')
  t.match(house.book.of('access.ended').map(({ why }) => why), ['idle'])
})

void t.test('what a page may say', async (t) => {
  const { port, house, count } = await rig(t)
  const browser = new Browser(port)
  await browser.login('nguyen')
  const page = browser.listen()
  await until(() => page.heard.length > 0, 'the page heard')
  house.clock.advance(9_000)
  page.say({ kind: 'active' })
  await until(() => page.socket.bufferedAmount === 0, 'it went out')
  for (const word of ['nonsense', '{"kind":"active","more":1}', '{"kind":"hold"}']) {
    const rude = browser.listen()
    await until(() => rude.heard.length > 0, 'it is open')
    rude.say(word)
    await until(() => rude.closed !== undefined, `${word} is not listened to`)
    t.match(rude.closed, { code: 1008, reason: /^PC-TECHNICIAN-TALK/ })
  }
  const chatty = browser.listen()
  await until(() => chatty.heard.length > 0, 'it is open')
  for (let words = 0; words < 60; words++) chatty.say({ kind: 'active' })
  await until(() => chatty.closed !== undefined, 'too much is too much')
  const huge = browser.listen()
  await until(() => huge.heard.length > 0, 'it is open')
  huge.say('x'.repeat(5_000))
  await until(() => huge.closed?.code === 1009, 'a long word is too long')
  t.ok(count('viewersTalking') >= 4)
})

void t.test('pages are bounded, and a slow one is told less rather than buffered for', async (t) => {
  const { port, house, kettle, count, server } = await rig(t, { limits: { viewersMax: 2, silent_ms: 5_000, value_B_max: 1_000, buffered_B_max: 2_000 } })
  const browser = new Browser(port)
  await browser.login('nguyen')
  const [first, second] = [browser.listen(), browser.listen()]
  await until(() => first.heard.length > 0 && second.heard.length > 0, 'two listen')
  const third = browser.listen()
  await until(() => third.closed !== undefined, 'the third was dismissed')
  t.match(third.closed, { code: 1013, reason: /^PC-TECHNICIAN-FULL/ })
  t.equal(count('viewersRefused'), 1)
  t.equal(server.component.read('viewers'), 2)

  kettle.publish('counters', Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`count${at}`, at])))
  house.clock.advance(technicianLimits.tell_ms)
  await until(() => first.of('values').some(({ values }) => values['kettle']?.['counters']?.length === 3), 'a long value is told by its length')
  t.ok(count('valuesTooLong') > 0)

  second.socket.pause()
  for (let events = 0; events < 300; events++) kettle.raise('whistled', { loudness: events })
  t.equal(count('eventsMissed') > 0, true, 'events beyond the limit give way, counted')
  for (let rounds = 0; rounds < 12; rounds++) {
    const answered = new Promise((resolve) => first.socket.once('ping', resolve))
    house.clock.advance(technicianLimits.beat_ms)
    await answered
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.equal(count('viewersSilent'), 1, 'one that answers no more is gone')
  t.equal(first.closed, undefined)
  second.socket.terminate()
})

void t.test('a page that answers but does not read is cut off', async (t) => {
  const clock = new ManualClock()
  const counters = new Counters<LiveCount>(['viewers', 'viewersRefused', 'viewersSilent', 'viewersBehind', 'viewersTalking', 'eventsMissed', 'valuesTooLong'])
  const live = new Live({ model: new DeviceModel(), clock, limits: { ...technicianLimits, buffered_B_max: 1_000 }, counters, about: () => ({ build: '', device: '', lidar: false, downloads: false }) })
  let isOpen = true
  const socket = Object.assign(new EventEmitter(), {
    OPEN: 1, readyState: 1, bufferedAmount: 0,
    send: ({ length }: string) => void (socket.bufferedAmount += length), ping: () => socket.emit('pong'), terminate: () => void (isOpen = false),
  })
  const viewer = live.add(socket as unknown as WebSocket, { id: '1', person: 'li', role: 'viewer', face: 'page', where: '::1', since: 0 })
  for (let said = 0; isOpen && said < 1_000; said++) {
    viewer?.tell({ kind: 'held', component: 'kettle', code: 'PC-DEVICE-CONTRACT', message: 'It is no barrier.' })
    clock.advance(technicianLimits.tell_ms)
  }
  t.notOk(isOpen)
  t.equal(live.size, 0)
  live.close()
})

void t.test('logins and requests are limited by rate', async (t) => {
  const { port, house } = await rig(t)
  const browser = new Browser(port)
  for (let tries = 0; tries < 10; tries++) await browser.post('/login', { person: 'nobody' })
  t.match(await browser.post('/login', { person: 'nobody', secret: 'x' }), { status: 429, body: /PC-TECHNICIAN-RATE/ })
  house.clock.advance(60_000)
  await browser.login('nguyen')
  const statuses: number[] = []
  for (let asked = 0; asked < 70; asked++) statuses.push((await browser.post('/log', {})).status)
  t.strictSame(statuses.slice(-10), Array.from({ length: 10 }, () => 429))

  const clock = new ManualClock()
  const rates = new Rates(clock, { burst: 2, per_s: 1 })
  t.strictSame([rates.take('a'), rates.take('a'), rates.take('a'), rates.take('b')], [true, true, false, true])
  clock.advance(1_000)
  t.strictSame([rates.take('a'), rates.take('a')], [true, false])
  for (let key = 0; key < 2_000; key++) rates.take(String(key))
  t.equal(rates.take('a'), true, 'who was long gone is forgotten')
})

void t.test('the journal is searched from the newest fact back, and never its personal parts', async (t) => {
  const { port, facts } = await rig(t)
  const browser = new Browser(port)
  await browser.login('nguyen')
  facts.push(...factsOf(Array.from({ length: 700 }, (_, at) => ({ kind: at % 7 === 0 ? 'gate.step' : 'device.health', body: { component: at % 2 === 0 ? 'camera' : 'exit', status: at === 3 ? 'Rare' : 'ready' }, personal: at === 699 }))))
  const search = async (query: object) => JSON.parse((await browser.post('/journal', query)).body) as { facts: { seq: number; body: unknown }[]; next?: number; looked: number }
  const all = await search({})
  t.equal(all.facts.length, 50)
  t.strictSame(all.facts.slice(0, 2).map(({ seq }) => seq), [700, 699])
  t.match(all.facts[0], { sealed: true })
  t.notMatch(JSON.stringify(all), 'SEALED')
  t.equal((await search({ before: all.next })).facts[0]?.seq, 650)
  t.match(await search({ text: 'rARE' }), { facts: [{ seq: 4 }], looked: 700, next: undefined })
  t.equal((await search({ kind: 'gate' })).facts.every(({ seq }) => (seq - 1) % 7 === 0), true)
  t.strictSame((await search({ kind: 'gat' })).facts, [], 'a kind begins at a dot')
  t.equal((await search({ component: 'exit', from: 1_690, to: 1_695 })).facts.length, 3)
  t.match(await browser.post('/journal', { kind: 7 }), { status: 400 })
  t.match(await browser.post('/journal', { sql: 'x' }), { status: 400 })

  // Whatever was removed in between, each page goes on where the last one ended, and it ends.
  await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 900 }), { maxLength: 200 }), fc.integer({ min: 0, max: 3 }), async (kept, which) => {
    const some = factsOf(Array.from({ length: 900 }, (_, at) => ({ kind: 'a.b', body: { text: String(at % 4) } }))).filter(({ seq }) => kept.includes(seq))
    const found: number[] = []
    for (let before: number | undefined = Infinity; before !== undefined;) {
      const page = await searchJournal(sourceOf(some), { text: `"${which}"`, ...(before === Infinity ? {} : { before }) })
      found.push(...page.facts.map(({ seq }) => seq))
      before = page.next
    }
    t.strictSame(found, some.filter(({ body }) => (body as { text: string }).text === String(which)).map(({ seq }) => seq).reverse())
  }), { numRuns: 30 })
})

void t.test('the log and the bundles', async (t) => {
  const { port, house, outbox } = await rig(t)
  const browser = new Browser(port)
  await browser.login('nguyen')
  t.match(await browser.post('/log', { count: 5 }), { status: 404, body: /PC-TECHNICIAN-ABSENT/ })
  const book = new LogBook('info', { write: () => undefined })
  house.model.add(logsComponent(book, house.model, house.clock).component)
  book.log.info({ component: 'camera' }, 'first')
  book.log.info({ component: 'exit' }, 'second')
  const { lines } = JSON.parse((await browser.post('/log', { count: 5 })).body) as { lines: { seq: number; text: string }[] }
  t.match(lines.map(({ text }) => (JSON.parse(text) as { says: string }).says), ['first', 'second'])
  t.match((await browser.post('/log', { count: 5, component: 'exit' })).body, 'second')
  book.log.info({}, 'third')
  t.match(await browser.post('/log', { count: 5, after: lines.at(-1)?.seq }), { body: /third/ })
  t.equal(house.book.of('access.command').length, 0, 'looking is no command')

  await writeFile(join(outbox, 'diag-x-20260101.tar.gz'), 'packed')
  t.match(await browser.get('/bundle/diag-x-20260101.tar.gz'), { status: 200, body: 'packed', headers: { 'content-disposition': 'attachment; filename="diag-x-20260101.tar.gz"' } })
  for (const name of ['diag-no.tar.gz', '..%2faccounts.json', 'diag-..%2f..%2faccounts.json.tar.gz', 'accounts.json', '.staging']) t.equal((await browser.get(`/bundle/${name}`)).status, 404, name)
})

const bare = async (t: Test): Promise<TechnicianOptions> => ({
  model: new DeviceModel(), gatekeeper: { onEnded: () => () => undefined } as never, clock: new ManualClock(), log: silent, device: 'x', port: 0,
  pageDir: t.testdir({ 'build.json': '{"build":"0123456789abcdef"}', 'index.html': 'x' }),
})

void t.test('over the network only with TLS', async (t) => {
  const options = await bare(t)
  t.throws(() => new TechnicianServer({ ...options, host: '0.0.0.0' }), { code: 'PC-SCREEN-TLS' })
  t.throws(() => new TechnicianServer({ ...options, tls: { cert: 'none', key: 'none' } }), { code: 'PC-SCREEN-TLS' })
  t.ok(new TechnicianServer({ ...options, host: '::1' }))
  await t.rejects(new TechnicianServer({ ...options, pageDir: t.testdirName + '/none' }).start(), { code: 'PC-SCREEN-PAGE' })
  const first = new TechnicianServer(options)
  await first.start()
  t.teardown(() => first.stop())
  await t.rejects(new TechnicianServer({ ...options, port: Number(new URL(first.address ?? '').port) }).start(), { code: 'PC-SCREEN-ADDRESS' })
})

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

void t.test('served encrypted', { skip }, async (t) => {
  const folder = t.testdir()
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=gate',
    '-addext', 'subjectAltName=DNS:gate.example,IP:127.0.0.1', '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  const [key, cert] = [await readFile(keyFile, 'utf8'), await readFile(certFile, 'utf8')]
  const { server, port, house } = await rig(t, { tls: { key, cert }, host: '127.0.0.1' })
  t.match(server.address, /^https:/)
  const send = async (headers: Record<string, string>): Promise<{ status: number | undefined; cookie: string | undefined }> => {
    const asked = request({ host: '127.0.0.1', port, path: '/login', method: 'POST', ca: cert, servername: '', headers: { 'content-type': 'application/json', ...headers } })
    asked.end(JSON.stringify({ person: 'nguyen', secret: secrets.nguyen }))
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    response.resume()
    return { status: response.statusCode, cookie: response.headers['set-cookie']?.[0] }
  }
  t.match(await send({ origin: `https://127.0.0.1:${port}` }), { status: 200, cookie: /^__Host-technician-\d+=.*; Secure$/ })
  t.equal((await send({ host: 'gate.example', origin: 'https://gate.example' })).status, 200, 'by a name that its certificate has')
  t.equal((await send({ host: 'other.example' })).status, 403)
  t.equal((await send({ origin: `http://127.0.0.1:${port}` })).status, 403, 'a page that was not encrypted is another')
  t.match((await server.component.invoke('selfTest', {})).checks.at(-1), { name: 'certificate', passed: true, unit: 'd' })
  house.clock.jumpWall(10 * 365 * 86_400_000)
  t.match((await server.component.invoke('selfTest', {})).checks.at(-1), { name: 'certificate', passed: false })
  await t.rejects(new TechnicianServer({ ...(await bare(t)), tls: { cert, key: 'none' } }).start(), { code: 'PC-SCREEN-TLS' })
})

void t.test('cookies', async (t) => {
  t.equal(cookieName('127.0.0.1:8081', false), 'technician-8081')
  t.equal(cookieName('gate.example', true), '__Host-technician-443')
  t.equal(cookieIn('a=1; technician-1=x=y; b=2', 'technician-1'), 'x=y')
  fc.assert(fc.property(fc.string(), fc.string({ minLength: 1 }), (header, name) => {
    const found = cookieIn(header, name)
    return found === undefined || header.includes(found)
  }))
})

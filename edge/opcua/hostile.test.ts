/** Clients that are wrong, old, greedy or no clients at all. */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ClientProcess } from './client-rig.ts'
import { type people, Rig, secretOf, until } from './rig.ts'

const day_ms = 86_400_000
const client = await ClientProcess.start()
t.teardown(() => client.stop())
/** Far more than anything here takes on a busy machine. */
const patience_ms = 120_000
const saysOf = async (work: Promise<unknown>): Promise<string> => work.then(() => 'in', (error: Error) => error.message)

const countOf = (rig: Rig, counter: string): number => Number((rig.service.component.read('counters') ?? {})[counter])
const portOf = (url: string): number => Number(new URL(url.replace('opc.tcp', 'http')).port)

/** A device that knows the client's certificate from the start: somebody put it into its folder. */
async function device(t: Test, section: Record<string, unknown> = {}) {
  const rig = new Rig()
  t.teardown(() => rig.stop())
  const folder = rig.at('clients', 'plant')
  await client.ask('certificate', { folder, uri: 'urn:test:plant', from: Date.now() - day_ms, days: 30 })
  mkdirSync(rig.at('opcua', 'trusted', 'certs'), { recursive: true })
  cpSync(rig.at('clients', 'plant', 'own', 'certs', 'certificate.pem'), rig.at('opcua', 'trusted', 'certs', 'plant.pem'))
  await rig.start(section)
  const as = (person?: keyof typeof people, more: object = {}) => client.ask('connect', { url: rig.url, folder, ...(person === undefined ? {} : { user: { name: person, password: secretOf(person) } }), ...more })
  return { rig, folder, as }
}

/** Everybody's device but where it says otherwise: making one takes long. */
const certificates = new Rig()
t.teardown(() => rmSync(certificates.folder, { recursive: true, force: true }))
const users = Object.fromEntries(await Promise.all((['scada', 'stranger', 'old', 'anonymous'] as const).map(async (name) => {
  const folder = certificates.at('users', name)
  const from = name === 'old' ? Date.now() - 60 * day_ms : Date.now() - day_ms
  return [name, { folder, fingerprint: await client.ask('certificate', { folder, uri: `urn:user:${name}`, from, days: 30, name: name === 'stranger' ? 'scada' : name }) }] as const
})))
const limits = { sessions: 12, subscriptions_per_session: 3, items_per_subscription: 1_000, items: 2_000, event_items: 40, queue: 10, operations: 600, silent_ms: 600_000, message_kB_max: 64 }
const { as, rig } = await device(t, { limits, users: [
  { person: 'scada', role: 'engineer', certificate: users['scada']!.fingerprint }, { person: 'before', role: 'engineer', certificate: users['old']!.fingerprint },
  { person: 'nobody', role: 'engineer', certificate: users['anonymous']!.fingerprint },
] })

interface Heard {
  closed: boolean
  answer: Buffer
  /** Bytes that went out before it was closed. */
  sent: number
}

/** Sends bytes, the rest of them once the first were answered and as fast as they are taken; resolves when the server closed, or gives up. */
function talk(port: number, pieces: readonly Buffer[], { onceAnswered = [] as readonly Buffer[] } = {}): Promise<Heard> {
  return new Promise((resolve) => {
    const answer: Buffer[] = []
    const socket: Socket = connect(port, '127.0.0.1')
    const end = (closed: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ closed, answer: Buffer.concat(answer), sent: socket.bytesWritten })
    }
    const timer = setTimeout(() => end(false), patience_ms)
    const rest = onceAnswered.values()
    const go = (): void => {
      for (const piece of rest) if (!socket.write(piece)) return void socket.once('drain', go)
    }
    socket.once('data', go)
    socket.on('data', (bytes) => answer.push(bytes)).on('error', () => undefined).on('close', () => end(true))
    for (const piece of pieces) socket.write(piece)
  })
}

const framed = (kind: string, length: number, body = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(8)
  head.write(kind, 'latin1')
  head.writeUInt32LE(length, 4)
  return Buffer.concat([head, body])
}
const hello = framed('HELF', 32, Buffer.from([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]))

void t.test('what is no client: noise, lengths that lie, half a connection, yesterday\'s words', async (t) => {
  const port = portOf(rig.url)
  t.match(await talk(port, [Buffer.from('GET / HTTP/1.1\r\n\r\n')]), { closed: true })
  t.match(await talk(port, [Buffer.alloc(100_000, 0x55)]), { closed: true })
  t.match(await talk(port, [framed('HELF', 0xffff_fff0)]), { closed: true }, 'a message of 4 GB')
  // Only once it was heard: a connection that is cut amid unread bytes may lose the answer on its way.
  const megabyte = Buffer.alloc(1_000_000, 1)
  const huge = await talk(port, [hello], { onceAnswered: [framed('OPNF', 0x7fff_ffff), ...Array.from({ length: 256 }, () => megabyte)] })
  t.ok(huge.closed, 'a handshake of 2 GB')
  t.equal(huge.answer.subarray(0, 4).toString('latin1'), 'ACKF')
  t.ok(huge.answer.readUInt32LE(12) <= 64 * 1_024, 'it says how long a piece may be')
  t.ok(huge.sent < 32e6, `${huge.sent} bytes of it stand in the buffers of both ends, none is taken in`)

  // Everything that a good client says is heard, and said again.
  const words: Buffer[] = []
  const ear = createServer((socket) => {
    const onward = connect(port, '127.0.0.1')
    socket.on('data', (bytes) => {
      words.push(bytes)
      onward.write(bytes)
    }).on('error', () => undefined).on('close', () => onward.destroy())
    onward.pipe(socket)
    onward.on('error', () => undefined).on('close', () => socket.destroy())
  })
  await new Promise<void>((resolve) => ear.listen(0, '127.0.0.1', resolve))
  const id = await as('lan', { url: rig.url.replace(String(port), String((ear.address() as { port: number }).port)) })
  await client.ask('read', { id, nodes: ['ns=6;s=gadget.count'] })
  await client.ask('close', { id })
  ear.close()
  await until(() => rig.access.component.read('sessions')?.length === 0, 'the end of the session')
  const logins = (): number => rig.facts('access.session').filter(({ person }) => person === 'lan').length
  const before = logins()
  t.ok(words.length > 3 && before > 0)
  const echo = connect(port, '127.0.0.1').on('error', () => undefined)
  for (const piece of words) echo.write(piece)
  // A good client who came later is in: whatever those words could do, they have done.
  await until(async () => (await saysOf(as('minh').then((back) => client.ask('close', { id: back })))) === 'in', 'a good client, who comes in')
  echo.destroy()
  t.equal(logins(), before, 'nobody comes in with what somebody said before')
  t.equal(rig.service.component.health.status, 'ready')
})

void t.test('a greedy client is bounded, and the others do not notice', async (t) => {
  const { component } = rig.service
  rig.part.publish('health', { status: 'ready' })
  // It has nothing to do but to be there: on a busy machine, too.
  const greedy = (): Promise<number> => as('hoa', { session_ms: 3_600_000 })
  const id = await greedy()
  t.equal(await client.ask('life_ms', { id }), 600_000, 'a session that waits ten minutes for its client, not an hour')
  const node = 'ns=6;s=gadget.total'
  t.match(await client.ask('items', { id, node: 'i=2253', count: 500, fields: ['EventType', '6:times'] }), { results: { Good: 40, BadTooManyMonitoredItems: 460 }, queue: limits.queue }, 'of events')
  t.match(await client.ask('items', { id, node, count: 5_000 }), { results: { Good: 1_000, BadTooManyMonitoredItems: 4_000 }, queue: limits.queue }, 'of one subscription')
  t.match(await client.ask('items', { id, node, count: 4_500 }), { results: { Good: 960, BadTooManyMonitoredItems: 3_540 } }, 'of all together')
  t.match(await saysOf(client.ask('subscribe', { id, publish: false })), /BadTooManySubscriptions/)
  await until(() => component.read('items') === 2_000, 'the count')

  // Nobody fetches any of it: events, and values that change all the time, first good, then not.
  for (let times = 0; times < 2 * limits.queue; times++) rig.part.raise('stumbled', { times })
  let change = 0
  const overflow = async (): Promise<void> => {
    const before = countOf(rig, 'overflows')
    await until(() => {
      rig.part.publish('total', change++)
      return countOf(rig, 'overflows') > before + 10 * limits.items
    }, 'queues that are full')
  }
  await overflow()
  t.equal(component.read('queued'), limits.items * limits.queue, 'of each item the latest, and no more')
  rig.part.publish('health', { status: 'failed', code: 'PC-TEST-BROKEN', says: 'It is broken.' })
  await overflow()
  t.equal(component.read('queued'), limits.items * limits.queue)
  t.equal(component.health.status, 'ready', 'whatever the quality of what gives way')

  const ids: number[] = []
  let refused = 0
  for (let knock = 0; knock < 16; knock++) {
    const said = await greedy().catch((error: Error) => error.message)
    if (typeof said === 'number') ids.push(said)
    else if (/BadTooManySessions|refused|Bad|closed|reject/i.test(said)) refused++
  }
  t.match([ids.length, refused], [11, 5], 'no more than may; one too many is refused')
  t.match(await client.ask('read', { id, nodes: [node] }), [{ status: /^Uncertain/ }], 'whoever is in is served')
  t.match(await saysOf(client.ask('read', { id: ids[0]!, nodes: Array.from({ length: 700 }, () => node) })), /BadTooManyOperations/)
  const { period_ms, life_ms } = await client.ask('subscribe', { id: ids[0]!, publish: false, period_ms: 60_000 })
  t.match([period_ms, life_ms], [60_000, 600_000], 'nor does a subscription outlive its client for long')
  for (const one of [id, ...ids]) await client.ask('close', { id: one })
  await until(() => component.read('items') === 0 && component.read('queued') === 0, 'the end of all items')
  const next = await greedy()
  t.match(await client.ask('items', { id: next, node: 'i=2253', count: 40, fields: ['EventType'] }), { results: { Good: 40 } }, 'what was given up can be had again')
  await client.ask('close', { id: next })
})

void t.test('users: by secret, by certificate, and who is none; a certificate that is over', async (t) => {
  const refused = countOf(rig, 'refused_user')
  t.match(await saysOf(as()), /Anonymous|IdentityToken|Bad/i, 'nobody without a user')
  t.match(await saysOf(as(undefined, { user: { name: 'lan', password: 'a wrong secret here' } })), /BadUserAccessDenied|BadIdentityToken/)
  t.match(await saysOf(as(undefined, { user: { name: 'nobody-here', password: 'a wrong secret here' } })), /BadUserAccessDenied|BadIdentityToken/)
  t.match(await saysOf(as(undefined, { user: { name: 'l'.repeat(1_000), password: 'p'.repeat(1_000) } })), /Bad/)
  t.match(await saysOf(as(undefined, { userCertificate: users['stranger']!.folder })), /BadUserAccessDenied/, 'of the same name, but another')
  t.match(await saysOf(as(undefined, { userCertificate: users['old']!.folder })), /BadIdentityTokenRejected/, 'its days are over')
  await until(() => countOf(rig, 'refused_user') >= refused + 4, 'the count of those refused')

  const id = await as(undefined, { userCertificate: users['scada']!.folder })
  t.match(rig.access.component.read('sessions'), [{ person: 'scada', role: 'engineer', face: 'opcua' }])
  const device6 = await client.ask('browse', { id, node: 'ns=6;s=gadget' })
  const jump = (who: number) => client.ask('call', { id: who, object: device6['MethodSet']!, method: 'ns=6;s=gadget.jump', args: [{ type: 'Boolean', value: true }, { type: 'Double', value: 1 }] })
  t.match(await jump(id), { status: 'Good' })
  t.match(rig.asked, [{ what: 'jump', by: 'scada' }])
  // A name alone gives nothing: the library would call this one anonymous.
  const named = await as(undefined, { userCertificate: users['anonymous']!.folder })
  t.match(await jump(named), { status: 'BadUserAccessDenied' })
  await client.ask('close', { id })
  await client.ask('close', { id: named })

  const folder = rig.at('clients', 'old')
  await client.ask('certificate', { folder, uri: 'urn:test:old', from: Date.now() - 60 * day_ms, days: 30 })
  t.not(await saysOf(as('lan', { folder })), 'in')
})

void t.test('without a user one may look, where the profile says so, and nothing else; not for ever without listening', async (t) => {
  const { as, rig } = await device(t, { anonymous: 'read', limits: { subscriptions_per_session: 1 } })
  // Lets one subscription after the other die, and hears none of it.
  const deaf = as().then(async (id) => {
    for (let subscription = 0; subscription < 2; subscription++) {
      await client.ask('items', { id, node: 'ns=6;s=gadget.count', count: 1, lives: 1 })
      await until(() => rig.service.component.read('subscriptions') === 1, 'the subscription')
      await until(() => rig.service.component.read('subscriptions') === 0, 'its end')
    }
    await until(() => countOf(rig, 'refused_limit') === 1, 'the end of its session')
    await client.ask('close', { id })
    return 'parted with'
  })
  t.match(await saysOf(as(undefined, { mode: 'None', policy: 'None' })), /End ?point|Bad/, 'encrypted all the same')
  const id = await as()
  rig.part.publish('health', { status: 'ready' })
  rig.part.publish('count', 5)
  await until(async () => (await client.ask('read', { id, nodes: ['ns=6;s=gadget.count'] }))[0]?.value === 5, 'the value')
  const device6 = await client.ask('browse', { id, node: 'ns=6;s=gadget' })
  t.match(await client.ask('call', { id, object: device6['MethodSet']!, method: 'ns=6;s=gadget.look', args: [{ type: 'Int32', value: 1 }, { type: 'Int32', value: 1 }, { type: 'String', value: [], list: true }] }), { status: 'BadUserAccessDenied' })
  t.strictSame(rig.asked, [])
  t.match(await client.ask('read', { id, nodes: ['ns=6;s=access.accounts', 'ns=6;s=access.sessions', 'ns=6;s=access.health'] }), [{ status: 'BadUserAccessDenied' }, { status: 'BadUserAccessDenied' }, { status: 'BadUserAccessDenied' }], 'who has no name learns none')
  rig.access.component.raise('locked', { person: 'lan', where: 'x', failures: 9, wait_s: 9 })
  rig.part.raise('stumbled', { times: 7 })
  await until(() => rig.facts('device.event').length === 2, 'the facts')
  const { events } = await client.ask('historyOfEvents', { id, node: 'i=2253', from: Date.now() - day_ms, to: Date.now() + 1_000, fields: ['SourceName', '6:person', '6:times'] })
  t.ok((events as Record<string, unknown>[]).some((event) => Array.isArray(event['6:times'])))
  t.notMatch(JSON.stringify(events), /lan/)
  await client.ask('close', { id })
  t.equal(await deaf, 'parted with')
})

void t.test('a port that is taken, until it is free; a certificate that ends soon; who says nothing is not waited for', async (t) => {
  const other = new Rig()
  t.teardown(() => other.stop())
  const port = portOf(rig.url)
  await client.ask('certificate', { folder: other.at('opcua'), uri: 'urn:portcullis:mong-cai:bl1:e07', from: Date.now() - 3 * day_ms, days: 10 })
  await t.rejects(other.start({ port, limits: { silent_ms: 2_000 } }), { code: 'PC-OPCUA-PORT' })
  t.match(other.service.component.health, { status: 'failed', code: 'PC-OPCUA-PORT' }, 'the device runs on')
  await rig.service.stop()
  await other.service.start()
  t.match(other.service.component.health, { status: 'degraded', code: 'PC-OPCUA-CERTIFICATE' }, 'its certificate ends next week')
  const { checks } = await other.service.component.invoke('selfTest', {}, { id: 'binh', role: 'technician' })
  t.match(checks.find(({ name }) => name === 'certificate'), { passed: false, value: 6, unit: 'd' })
  t.match(await Promise.all([talk(port, []), talk(port, [hello.subarray(0, 5)]), talk(port, [hello])]), [{ closed: true }, { closed: true }, { closed: true }])
})

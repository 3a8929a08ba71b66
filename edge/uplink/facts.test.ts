import { createServer } from 'node:net'
import { Aedes } from 'aedes'
import mqtt from 'mqtt'
import t from 'tap'
import type { Fact } from '../journal/fact.ts'
import { broker, cable, Centre, forever, MemoryJournal, quick, topics, until, uplink } from './rig.ts'

void t.test('every fact arrives once and in order; presence and health are left on the broker; stopping leaves nothing behind', async (t) => {
  const before = process.getActiveResourcesInfo().toSorted()
  const journal = new MemoryJournal()
  journal.add(300)
  const house = await broker()
  const centre = new Centre()
  house.arrivals.add(centre.hear)
  const up = uplink(journal, house.url)
  await up.start(forever)
  await until(() => centre.unique.size === 300, 'the backlog')
  journal.add(5)
  await until(() => centre.unique.size === 305 && up.component.read('lastAcknowledged') === 305, 'new facts')
  t.strictSame(centre.seqs, [...Array(305).keys()].map((index) => index + 1))
  t.match({ sent: up.component.read('sent'), last: up.component.read('lastAcknowledged'), broker: up.component.read('broker'), connected: up.component.read('connected') },
    { sent: 305, last: 305, broker: `127.0.0.1:${house.port}`, connected: true })
  t.equal(journal.cursor('uplink'), 305)
  t.equal((await up.component.invoke('selfTest', {})).passed, true)

  const late = await mqtt.connectAsync(house.url)
  const retained = new Map<string, { value: Record<string, unknown>; retain: boolean }>()
  late.on('message', (topic, payload, { retain }) => retained.set(topic, { value: JSON.parse(payload.toString()) as Record<string, unknown>, retain }))
  await late.subscribeAsync('portcullis/v1/#')
  await until(() => retained.size >= 2, 'retained messages')
  t.match(retained.get(topics.presence), { retain: true, value: { status: 'online', version: '0.1.0', epoch: 1, since: Number } })
  t.match(retained.get(topics.state('uplink', 'health')), { retain: true, value: { status: 'ready' } })
  t.equal(retained.has(topics.facts), false, 'facts are not retained')

  await up.stop()
  await until(() => retained.get(topics.presence)?.value['status'] === 'offline', 'the goodbye')
  t.strictSame(centre.presence, ['online', 'offline'], 'a clean end publishes no last will')
  t.match(up.component.health, { status: 'stopped' })
  await up.stop()
  await late.endAsync(true)
  await house.stop()
  await until(() => process.getActiveResourcesInfo().toSorted().join() === before.join(), 'no timer and no socket is left')
})

void t.test('a broker that dies and comes back in the middle: nothing is lost, nothing is skipped', async (t) => {
  const journal = new MemoryJournal()
  const centre = new Centre()
  journal.onCursor = (seq) => {
    for (let below = seq; below > Math.max(0, seq - 100); below--) if (!centre.unique.has(below)) t.fail(`the cursor passed fact ${below}, which never arrived`)
  }
  let house = await broker()
  const { port } = house
  house.arrivals.add(centre.hear)
  const up = uplink(journal, house.url)
  await up.start(forever)
  for (let death = 1; death <= 5; death++) {
    journal.add(200)
    await until(() => centre.unique.size > death * 200 - 150, 'part of the facts')
    await house.stop()
    journal.add(20)
    house = await broker({ port })
    house.arrivals.add(centre.hear)
    journal.add(1)
  }
  await until(() => centre.unique.size === journal.last && up.component.read('lastAcknowledged') === journal.last, 'all facts')
  t.ok(centre.gapless, 'no fact overtook one that was missing')
  t.match(up.component.read('counters'), { lost: 5, connected: 6, dropped: 0 })
  await up.stop()
  t.equal(journal.cursor('uplink'), journal.last)
  await house.stop()
})

void t.test('a new process resumes where the last one stopped', async (t) => {
  const journal = new MemoryJournal()
  journal.add(100)
  const house = await broker()
  const centre = new Centre()
  house.arrivals.add(centre.hear)
  const first = uplink(journal, house.url)
  await first.start(forever)
  await until(() => centre.unique.size === 100, 'the first hundred')
  await first.stop()
  journal.add(10)
  const second = uplink(journal, house.url)
  const life = new AbortController()
  await second.start(life.signal)
  await until(() => centre.unique.size === 110, 'the rest')
  life.abort()
  await until(() => second.component.health.status === 'stopped', 'the end by signal')
  t.equal(centre.seqs.length, 110, 'nothing was sent twice')
  await second.start(forever)
  journal.add(1)
  await until(() => centre.unique.size === 111, 'facts after a restart of the component')
  await second.stop()
  await house.stop()
})

void t.test('no more facts are under way than allowed, and a broker that never acknowledges is given up', async (t) => {
  const waiting: (() => void)[] = []
  let most = 0
  let seen = 0
  const aedes = await Aedes.createBroker({
    authorizePublish(_client, { topic }, done) {
      if (topic !== topics.facts) return done(null)
      seen++
      waiting.push(() => done(null))
      most = Math.max(most, waiting.length)
    },
  })
  const server = createServer((socket) => void aedes.handle(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const journal = new MemoryJournal()
  journal.add(100)
  const up = uplink(journal, `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`, { limits: { ...quick, inFlight_max: 8, ack_ms_max: 1_500, stop_ms_max: 50 } })
  const lost: unknown[] = []
  up.component.onChange('health', ({ code }) => lost.push(code))
  await up.start(forever)
  await until(() => waiting.length === 8, 'a full window')
  t.equal(up.component.read('lastAcknowledged'), 0)
  for (const acknowledge of waiting.splice(0, 8).toReversed()) acknowledge()
  await until(() => seen >= 16, 'the next window')
  await until(() => lost.includes('PC-UPLINK-ACK'), 'giving up')
  t.equal(most, 8)
  t.match(up.component.read('counters'), { acknowledged: 8 })
  for (const acknowledge of waiting.splice(0)) acknowledge()
  await up.stop()
  t.equal(journal.cursor('uplink'), 8)
  await new Promise<void>((resolve) => aedes.close(resolve))
  server.close()
})

void t.test('a broker that is away costs nothing but journal space', async (t) => {
  const house = await broker()
  const { url, port } = house
  await house.stop()
  const journal = new MemoryJournal()
  const up = uplink(journal, url)
  await up.start(forever)
  await until(() => up.component.health.code === 'PC-UPLINK-AWAY', 'noticing')
  const { reads } = journal
  journal.add(3_000)
  await until(() => up.component.read('pending') === 3_000, 'the figure')
  t.equal(journal.reads, reads, 'no fact is read while nobody can take it')
  t.equal(up.component.read('inFlight'), 0)
  t.equal((await up.component.invoke('selfTest', {})).passed, false)
  const back = await broker({ port })
  const centre = new Centre()
  back.arrivals.add(centre.hear)
  await until(() => centre.unique.size === 3_000, 'the backlog')
  t.ok(centre.gapless)
  await up.stop()
  await back.stop()
})

void t.test('a cut cable makes the broker publish the last will, and the return makes it good', async (t) => {
  const house = await broker()
  const centre = new Centre()
  house.arrivals.add(centre.hear)
  const wire = await cable(house.port)
  const up = uplink(new MemoryJournal(), wire.url)
  await up.start(forever)
  await until(() => centre.presence.join() === 'online', 'the greeting')
  wire.cut()
  await until(() => centre.presence.join() === 'online,lost,online', 'the last will and the return')
  await up.stop()
  t.strictSame(centre.presence, ['online', 'lost', 'online', 'offline'])
  await wire.close()
  await house.stop()
})

void t.test('facts that the journal no longer has are counted; a fact that is too large goes without its body', async (t) => {
  const journal = new MemoryJournal()
  journal.add(10)
  journal.facts.splice(2, 4)
  journal.add(1, { large: 'x'.repeat(2_000) })
  journal.add(1)
  const house = await broker()
  const arrived: Fact[] = []
  house.arrivals.add(({ topic, payload }) => topic === topics.facts && arrived.push(JSON.parse(payload.toString()) as Fact))
  const up = uplink(journal, house.url, { limits: { ...quick, fact_bytes_max: 1_000 } })
  await up.start(forever)
  await until(() => up.component.read('lastAcknowledged') === 12, 'all facts')
  t.strictSame(arrived.map(({ seq }) => seq), [1, 2, 7, 8, 9, 10, 11, 12])
  t.equal(up.component.read('dropped'), 4)
  const large = arrived[6]
  t.match(large, { seq: 11, hash: journal.facts.at(-2)?.hash, omitted_bytes: Number })
  t.equal(large?.body, undefined)
  await up.stop()
  await house.stop()
})

void t.test('a journal whose cursor cannot be written loses no fact', async (t) => {
  const journal = new MemoryJournal()
  journal.add(20)
  let full = true
  journal.onCursor = () => {
    if (full) throw new Error('disk full')
  }
  const house = await broker()
  const up = uplink(journal, house.url)
  await up.start(forever)
  await until(() => up.component.read('sent') === 20, 'sending')
  t.equal(journal.cursor('uplink'), 0)
  full = false
  await until(() => journal.cursor('uplink') === 20, 'the next try')
  await up.stop()
  await house.stop()
})

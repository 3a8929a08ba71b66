import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import mqtt from 'mqtt'
import t from 'tap'
import { type BrokerOptions, deviceGrant } from './broker.ts'
import { broker, cable, Centre, forever, MemoryJournal, topics, until, uplink, where } from './rig.ts'

void t.test('a device may use its own topics and no others; strangers stay out', async (t) => {
  const access: BrokerOptions['access'] = ({ username, password }) =>
    username === where.device && Buffer.from(password ?? []).toString() === 'right' ? deviceGrant(topics) : undefined
  const house = await broker({ access })
  const stranger = uplink(new MemoryJournal(), house.url, { connect: { url: house.url, username: where.device, password: 'wrong' } })
  await stranger.start(forever)
  await until(() => stranger.component.health.code === 'PC-UPLINK-REFUSED', 'the refusal')
  await stranger.stop()

  const journal = new MemoryJournal()
  journal.add(3)
  const up = uplink(journal, house.url, { connect: { url: house.url, username: where.device, password: 'right' } })
  await up.start(forever)
  await until(() => journal.cursor('uplink') === 3, 'facts under the grant')
  await up.stop()
  t.equal(house.counters.get('forbidden'), 0, 'the grant is all that the uplink needs')

  const rogue = await mqtt.connectAsync(house.url, { username: where.device, password: 'right', reconnectPeriod: 0 })
  rogue.on('error', () => undefined)
  const [sub] = await rogue.subscribeAsync('portcullis/v1/#').catch(() => [{ qos: 128 }])
  t.equal(sub?.qos, 128, 'a device may not read the whole site')
  const ended = new Promise((resolve) => rogue.once('close', () => resolve(true)))
  rogue.publish(`${topics.prefix.replace('bl1-e07', 'bl1-e08')}/facts`, '{}')
  t.equal(await ended, true, 'nor write as another')
  t.equal(house.counters.get('forbidden'), 2)
  await rogue.endAsync(true)
  await house.stop()
  await t.rejects(broker({ host: '0.0.0.0' }), { code: 'PC-BROKER-OPEN' })
})

void t.test('the embedded broker limits clients, packets and retained messages', async (t) => {
  const house = await broker({ limits: { clients_max: 2, packet_bytes_max: 2_000, retained_max: 1 } })
  await t.rejects(broker({ port: house.port }), { code: 'PC-BROKER-LISTEN' })
  const client = (): Promise<mqtt.MqttClient> => new Promise((resolve, reject) => {
    const made = mqtt.connect(house.url, { reconnectPeriod: 0 })
    made.on('error', () => undefined).once('connect', () => resolve(made)).once('close', () => reject(new Error('turned away')))
  })
  const closed = (made: mqtt.MqttClient): Promise<unknown> => new Promise((resolve) => made.once('close', () => resolve(true)))
  const [first, second] = await Promise.all([client(), client()])
  await t.rejects(client(), 'the third is one too many')
  t.equal(house.counters.get('tooMany'), 1)
  const firstEnd = closed(first)
  first.publish('a', 'x'.repeat(3_000))
  await firstEnd
  t.equal(house.counters.get('tooLarge'), 1)
  await second.publishAsync('kept', '1', { qos: 1, retain: true })
  await second.publishAsync('kept', '2', { qos: 1, retain: true })
  const secondEnd = closed(second)
  second.publish('another', '1', { qos: 1, retain: true })
  await secondEnd
  t.equal(house.counters.get('tooMany'), 2)
  await house.stop()
})

void t.test('wrong addresses are refused at once; a broker that speaks no MQTT or no TLS is not one', async (t) => {
  for (const url of ['centre:1883', 'http://centre', 'mqtt://user:secret@centre', 'mqtt://', '']) {
    t.throws(() => uplink(new MemoryJournal(), url), { code: 'PC-UPLINK-URL' }, url)
  }
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const plain = uplink(new MemoryJournal(), `mqtt://127.0.0.1:${port}`)
  const secure = uplink(new MemoryJournal(), `mqtts://127.0.0.1:${port}`)
  await plain.start(forever)
  await secure.start(forever)
  await until(() => plain.component.health.status === 'degraded' && secure.component.health.status === 'degraded', 'both notice')
  t.equal(secure.component.health.code, 'PC-UPLINK-TLS')
  await plain.stop()
  await secure.stop()
  server.close()
})

void t.test('over TLS, to a broker whose certificate is trusted, and to no other', { skip: spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-uplink-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')], { stdio: 'ignore' })
  const cert = readFileSync(join(folder, 'cert.pem'), 'utf8')
  const house = await broker()
  const server = createTlsServer({ cert, key: readFileSync(join(folder, 'key.pem')) }, (near) => {
    const far = connect(house.port, '127.0.0.1')
    for (const end of [near, far]) end.on('error', () => undefined).on('close', () => void [near.destroy(), far.destroy()])
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const url = `mqtts://localhost:${(server.address() as { port: number }).port}`
  const journal = new MemoryJournal()
  journal.add(3)
  const trusting = uplink(journal, url, { connect: { url, ca: cert } })
  await trusting.start(forever)
  await until(() => journal.cursor('uplink') === 3, 'facts over TLS')
  await trusting.stop()
  const doubting = uplink(new MemoryJournal(), url)
  await doubting.start(forever)
  await until(() => doubting.component.health.code === 'PC-UPLINK-TLS', 'the doubt')
  await doubting.stop()
  server.close()
  await house.stop()
  t.pass()
})

const mosquitto = ['mosquitto', '/usr/sbin/mosquitto'].find((name) => spawnSync(name, ['-h']).error === undefined)

void t.test('with Mosquitto: killed in the middle, nothing is lost; the last will is published', { skip: mosquitto === undefined ? 'mosquitto is not installed' : false }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-uplink-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  writeFileSync(join(folder, 'broker.conf'), `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n`)
  const launch = async () => {
    const process = spawn(mosquitto ?? '', ['-c', join(folder, 'broker.conf')], { stdio: 'ignore' })
    const centre = mqtt.connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 50 })
    centre.on('error', () => undefined)
    await new Promise<void>((resolve) => centre.once('connect', () => resolve()))
    return { process, centre }
  }
  const heard = new Centre()
  let house = await launch()
  house.centre.on('message', (topic, payload) => heard.hear({ topic, payload }))
  await house.centre.subscribeAsync('portcullis/v1/#', { qos: 1 })
  const wire = await cable(port)
  const journal = new MemoryJournal()
  journal.add(5_000)
  const up = uplink(journal, wire.url)
  await up.start(forever)
  await until(() => heard.unique.size > 200, 'part of the facts')
  wire.whole = false
  house.process.kill('SIGKILL')
  await until(() => up.component.health.code === 'PC-UPLINK-AWAY', 'noticing')
  await house.centre.endAsync(true)
  const atDeath = journal.cursor('uplink')
  house = await launch()
  house.centre.on('message', (topic, payload) => heard.hear({ topic, payload }))
  await house.centre.subscribeAsync('portcullis/v1/#', { qos: 1 })
  wire.whole = true
  await until(() => journal.cursor('uplink') === 5_000, 'all facts')
  t.ok(atDeath < 5_000, 'it died in the middle')
  heard.presence.length = 0
  wire.cut()
  await until(() => heard.presence.join() === 'lost,online', 'the last will and the return')
  await up.stop()
  await until(() => heard.presence.at(-1) === 'offline', 'the goodbye')
  // Mosquitto without persistence loses what it acknowledged and had not delivered when it was killed;
  // all that was sent to the new one arrives.
  await until(() => [...Array(5_000 - atDeath).keys()].every((index) => heard.unique.has(atDeath + index + 1)), 'all facts at the centre')
  await house.centre.endAsync(true)
  house.process.kill()
  await wire.close()
})

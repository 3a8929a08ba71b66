/** The whole: a device with a part that nobody knew before, seen by a client in another process. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import t from 'tap'
import { ClientProcess } from './client-rig.ts'
import { people, Rig, secretOf, until } from './rig.ts'

const rig = new Rig()
const client = await ClientProcess.start()
t.teardown(async () => {
  await client.stop()
  await rig.stop()
})
const day_ms = 86_400_000
const folder = rig.at('clients', 'plant')
const begin = Date.now()
await rig.start()
rig.part.publish('health', { status: 'ready' })
const fingerprint = await client.ask('certificate', { folder, uri: 'urn:test:plant', from: Date.now() - day_ms, days: 30 })
const as = (person: keyof typeof people, more: object = {}) => client.ask('connect', { url: rig.url, folder, user: { name: person, password: secretOf(person) }, ...more })
const ns = 'ns=6'
const at = (name: string): string => `${ns};s=gadget.${name}`
const saysOf = async (work: Promise<unknown>): Promise<string> => work.then(() => 'in', (error: Error) => error.message)

void t.test('a client that nobody trusts is turned away, and kept for the technician', async (t) => {
  t.match(await saysOf(as('lan')), /BadSecurityChecksFailed|disconnected|closed|untrusted|reject/i)
  await until(() => (rig.service.component.read('waiting') ?? []).length === 1, 'the client in the list')
  t.match(rig.service.component.read('waiting'), [{ fingerprint, application: 'urn:test:plant' }])
  await t.rejects(rig.service.component.invoke('trust', { fingerprint: 'ab'.repeat(32) }, { id: 'binh', role: 'technician' }), { code: 'PC-OPCUA-UNKNOWN' })
  await t.rejects(rig.service.component.invoke('trust', { fingerprint }, { id: 'hoa', role: 'viewer' }), { code: 'PC-DEVICE-ROLE' })
  await rig.service.component.invoke('trust', { fingerprint }, { id: 'binh', role: 'technician' })
  const id = await as('lan')
  t.equal(rig.access.component.read('sessions')?.[0]?.person, 'lan')
  await client.ask('close', { id })
  await until(() => rig.access.component.read('sessions')?.length === 0, 'the end of the session')
  t.equal((statSync(rig.at('opcua', 'own', 'private', 'private_key.pem')).mode & 0o777), 0o600, "the key is its owner's")
  t.ok(existsSync(rig.at('opcua', 'own', 'certs', 'certificate.pem')))
})

void t.test('nothing but SignAndEncrypt, with each of the three policies', async (t) => {
  t.match(await saysOf(as('lan', { mode: 'None', policy: 'None' })), /Bad|Cannot|End ?point/i)
  t.match(await saysOf(as('lan', { mode: 'Sign' })), /Bad|Cannot|End ?point/i)
  for (const policy of ['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'] as const) {
    const id = await as('hoa', { policy })
    t.match(await client.ask('read', { id, nodes: [at('count')] }), [{ status: 'BadWaitingForInitialData' }])
    await client.ask('close', { id })
  }
})

void t.test('a made-up part is complete', async (t) => {
  const id = await as('hoa')
  const { part } = rig
  part.publish('identity', { manufacturer: 'Somebody', model: 'G-1', serial: '0815', firmware: '3.1' })
  for (const [name, value] of Object.entries({ level: 12.5, speed: 7, count: 4, total: 2 ** 40, on: true, mood: 'cross', title: 'Gadget', samples: [1.5, 2], place: { row: 3, sunny: true }, table: { a: 1 } })) part.publish(name as 'level', value as never)
  const names = ['level', 'speed', 'count', 'total', 'on', 'mood', 'title', 'samples', 'place', 'place.row', 'place.sunny', 'table']
  await until(async () => (await client.ask('read', { id, nodes: [at('table')] }))[0]?.status === 'Good', 'the values')
  const values = await client.ask('read', { id, nodes: names.map(at) })
  t.strictSame(values.map(({ type, value }) => [type, value]), [
    ['Double', 12.5], ['Double', 7], ['Int32', 4], ['Int64', [256, 0]], ['Boolean', true], ['Int32', 1], ['String', 'Gadget'], ['Double', [1.5, 2]],
    ['String', '{"row":3,"sunny":true}'], ['Int32', 3], ['Boolean', true], ['String', '{"a":1}'],
  ])
  t.ok(values.every(({ status, at: when }) => status === 'Good' && when !== null && when >= begin), 'all are good, with their time')

  t.strictSame(await client.ask('typeOf', { id, node: `${ns};s=gadget` }), ['made-up', 'DeviceType', 'ComponentType', 'TopologyElementType', 'BaseObjectType'])
  const device = await client.ask('browse', { id, node: `${ns};s=gadget` })
  const nameplate = await client.ask('read', { id, nodes: ['Manufacturer', 'Model', 'SerialNumber', 'SoftwareRevision', 'DeviceHealth'].map((name) => device[name]!) })
  t.match(nameplate.map(({ value }) => value), [{ text: 'Somebody' }, { text: 'G-1' }, '0815', '3.1', 0])
  t.strictSame(Object.keys(await client.ask('browse', { id, node: device['ParameterSet']! })).sort(), ['health', 'identity', 'counters', 'level', 'speed', 'count', 'total', 'on', 'mood', 'title', 'samples', 'place', 'table'].sort())
  t.strictSame(Object.keys(await client.ask('browse', { id, node: device['MethodSet']! })).sort(), ['jump', 'look', 'selfTest'], 'neither what is personal nor what only the controller may')
  t.strictSame(Object.keys(await client.ask('browse', { id, node: device['DeviceHealthAlarms']! })).sort(), ['Failure', 'OffSpec', 'fell'], 'no alarm of a personal event')

  const level = await client.ask('browse', { id, node: at('level') })
  const speed = await client.ask('browse', { id, node: at('speed') })
  const samples = await client.ask('browse', { id, node: at('samples') })
  t.match((await client.ask('read', { id, nodes: [level['EngineeringUnits']!, level['EURange']!, speed['EngineeringUnits']!, samples['EngineeringUnits']!] })).map(({ value }) => value), [
    { unitId: 0x5031, displayName: { text: '%' }, namespaceUri: 'http://www.opcfoundation.org/UA/units/un/cefact' }, { low: 0, high: 100 }, { unitId: -1, displayName: { text: 'furlong/fortnight' } }, { displayName: { text: 'ms' } },
  ])
  t.strictSame(await client.ask('typeOf', { id, node: `${ns};s=codes` }).then((types) => types.slice(0, 3)), ['code-reader', 'OpticalReaderDeviceType', 'AutoIdDeviceType'], 'readers are of AutoID')
  const machine = await client.ask('browse', { id, node: `${ns};s=machine.Identification` })
  t.match((await client.ask('read', { id, nodes: ['SerialNumber', 'Location', 'ProductInstanceUri', 'SoftwareRevision'].map((name) => machine[name]!) })).map(({ value }) => value), ['e07', 'mong-cai/bl1', 'urn:portcullis:mong-cai:bl1:e07', '1.2.3'])
  t.ok('gadget' in await client.ask('browse', { id, node: `${ns};s=machine.Components` }))
  t.match(await client.ask('write', { id, node: at('count'), argument: { type: 'Int32', value: 9 } }), /Bad(NotWritable|UserAccessDenied)/)

  part.publish('health', { status: 'failed', code: 'PC-TEST-BROKEN', says: 'It is broken.' })
  await until(async () => (await client.ask('read', { id, nodes: [at('level')] }))[0]?.status === 'UncertainLastUsableValue', 'the doubt')
  t.match(await client.ask('read', { id, nodes: [device['DeviceHealth']!, at('health.code')] }), [{ value: 1 }, { status: 'Good', value: 'PC-TEST-BROKEN' }])
  part.publish('health', { status: 'ready' })
  await until(async () => (await client.ask('read', { id, nodes: [at('level')] }))[0]?.status === 'Good', 'the trust')
  await client.ask('close', { id })
})

void t.test('commands are methods, each for its role, and each a durable fact', async (t) => {
  const object = (await (async () => {
    const id = await as('hoa')
    const device = await client.ask('browse', { id, node: `${ns};s=gadget` })
    await client.ask('close', { id })
    return device
  })())['MethodSet']!
  const call = async (person: keyof typeof people, method: string, args: { type: 'Int32' | 'Boolean' | 'String' | 'Double'; value: unknown; list?: boolean }[]) => {
    const id = await as(person)
    const answer = await client.ask('call', { id, object, method: at(method), args })
    const [able] = await client.ask('read', { id, nodes: [at(method)], attribute: 'UserExecutable' })
    await client.ask('close', { id })
    return { ...answer, able: able?.value }
  }
  const nothing = { type: 'String', value: [], list: true } as const
  const far = [{ type: 'Int32', value: 2 }, { type: 'Int32', value: 1 }] as const
  t.match(await call('hoa', 'look', [...far, nothing]), { status: 'Good', able: true, outputs: [[256, 0], ['a', 'b'], '{"of":"x"}'] })
  t.match(await call('hoa', 'look', [...far, { type: 'String', value: ['a note'], list: true }]), { status: 'Good' })
  t.strictSame(rig.asked.splice(0), [{ what: 'look', args: { depth: 2, how: 'far' }, by: 'hoa' }, { what: 'look', args: { depth: 2, how: 'far', note: 'a note' }, by: 'hoa' }])
  for (const [why, args] of Object.entries({
    'too deep': [{ type: 'Int32', value: 9 }, { type: 'Int32', value: 1 }, nothing], 'no such word': [{ type: 'Int32', value: 2 }, { type: 'Int32', value: 7 }, nothing],
    'too long': [...far, { type: 'String', value: ['x'.repeat(30)], list: true }], 'two of one': [...far, { type: 'String', value: ['a', 'b'], list: true }], 'of the wrong kind': [...far, { type: 'Double', value: 2 }], 'missing': far.slice(0, 1),
  } as Record<string, Parameters<typeof call>[2]>)) t.match(await call('hoa', 'look', args), { status: /^Bad(InvalidArgument|ArgumentsMissing|TypeMismatch|OutOfRange)$/ }, why)

  const height = { type: 'Double', value: 1 } as const
  const yes = { type: 'Boolean', value: true } as const
  for (const person of ['hoa', 'binh', 'minh'] as const) t.match(await call(person, 'jump', [yes, height]), { status: 'BadUserAccessDenied', able: false }, `${people[person]}s do not jump`)
  t.match(await call('lan', 'jump', [{ type: 'Boolean', value: false }, height]), { status: 'BadInvalidArgument' }, 'what moves is confirmed')
  t.strictSame(rig.asked, [], 'nothing of this was carried out')
  t.match(await call('lan', 'jump', [yes, height]), { status: 'Good', able: true })
  t.strictSame(rig.asked.splice(0), [{ what: 'jump', args: { height: 1 }, by: 'lan' }])
  const facts = rig.facts('access.command')
  t.match(facts.at(-1), { person: 'lan', component: 'gadget', command: 'jump' })
  t.equal(facts.length, rig.facts('access.result').length, 'each has its outcome')
})

void t.test('values and events as they happen; personal ones never', async (t) => {
  const id = await as('hoa')
  const news: Record<string, unknown>[] = []
  const remove = client.news.add(({ value }) => news.push(value))
  await client.ask('subscribe', { id })
  await client.ask('watch', { id, node: at('count') })
  await client.ask('watch', { id, node: 'i=2253', fields: ['EventType', 'SourceName', 'Message', 'Severity', 'Time', '6:by', '6:mood', '6:messageValue', '6:times'] })
  rig.part.publish('count', 77)
  rig.part.raise('moved', { by: 2.5, mood: 'cross', message: 'hop' })
  rig.part.raise('recognised', { who: 'NGUYEN VAN A' })
  rig.reader.raise('read', { content: 'secret content', symbology: 'qr' })
  rig.part.raise('stumbled', { times: 3 })
  await until(() => news.some((one) => one['6:times'] !== null && one['6:times'] !== undefined) && news.some((one) => one['value'] === 77), 'value and events')
  t.match(news.find((one) => one['6:by'] === 2.5), { SourceName: 'gadget', Message: { text: 'It moved.' }, Severity: 100, '6:mood': 1, '6:messageValue': 'hop' })
  t.match(news.find((one) => one['6:times'] !== null && one['6:times'] !== undefined), { Severity: 500 })
  t.notMatch(JSON.stringify(news), /NGUYEN|secret content|knows somebody|code was read/)
  remove()
  const reader = await client.ask('browse', { id, node: `${ns};s=codes` })
  t.match((await client.ask('read', { id, nodes: [reader['LastScanTimestamp']!] }))[0], { status: 'Good', type: 'DateTime' }, 'of a scan only that it was')
  await client.ask('close', { id })
})

void t.test('alarms stand until somebody acknowledged them, by name and durably', async (t) => {
  const fields = ['EventType', 'EventId', 'ConditionName', 'SourceName', 'Message', 'Severity', 'ActiveState.Id', 'AckedState.Id', 'Retain', 'ConditionType']
  const id = await as('binh')
  const viewer = await as('hoa')
  const news: Record<string, unknown>[] = []
  const remove = client.news.add(({ value }) => news.push(value))
  await client.ask('subscribe', { id })
  await client.ask('watch', { id, node: `${ns};s=gadget`, fields: fields.slice(0, 9) })
  const of = (name: string) => news.filter((one) => one['ConditionName'] === `gadget ${name}`)
  rig.part.raise('fell', { from: 'wall' })
  rig.part.publish('health', { status: 'failed', code: 'PC-TEST-BROKEN', says: 'It is broken.' })
  await until(() => of('fell').length > 0 && of('Failure').length > 0, 'both alarms')
  t.match(of('fell').at(-1), { SourceName: 'gadget', Severity: 900, 'ActiveState.Id': true, 'AckedState.Id': false, Retain: true })
  t.match(of('Failure').at(-1), { Severity: 900, Message: { text: 'PC-TEST-BROKEN: It is broken.' }, 'ActiveState.Id': true })

  const acknowledge = (who: number, name: string) => client.ask('call', {
    id: who, object: at(`alarm.${name}`), method: 'i=9111', args: [{ type: 'ByteString', value: of(name).at(-1)!['EventId'] }, { type: 'LocalizedText', value: { text: 'I go and see' } }],
  })
  t.match(await acknowledge(viewer, 'fell'), { status: 'BadUserAccessDenied' })
  t.strictSame(rig.facts('opcua.acknowledged'), [])
  t.match(await acknowledge(id, 'fell'), { status: 'Good' })
  t.match(rig.facts('opcua.acknowledged'), [{ component: 'gadget', alarm: 'fell', by: 'binh', comment: 'I go and see' }])
  await until(() => of('fell').at(-1)?.['ActiveState.Id'] === false, 'the end of an event')
  t.match(of('fell').at(-1), { Retain: false, 'AckedState.Id': true })

  t.match(await acknowledge(id, 'Failure'), { status: 'Good' })
  await until(() => of('Failure').some((one) => one['AckedState.Id'] === true && one['Retain'] === true), 'a failure that stays of interest')
  rig.part.publish('health', { status: 'ready' })
  await until(() => of('Failure').at(-1)?.['ActiveState.Id'] === false, 'the end of the failure')
  t.match(of('Failure').at(-1), { Retain: false })
  t.match(await client.ask('call', { id, object: at('alarm.fell'), method: 'i=9028', args: [] }), { status: 'BadUserAccessDenied' }, 'nobody switches an alarm off')
  t.match(await client.ask('call', { id, object: 'i=2253', method: 'i=12886', args: [{ type: 'Int32', value: 0 }] }), { status: /^Bad/ }, 'nor the server')
  remove()
  await client.ask('close', { id })
  await client.ask('close', { id: viewer })
})

void t.test('history comes from the journal: events in pieces, health', async (t) => {
  const id = await as('hoa')
  for (let times = 10; times < 15; times++) rig.part.raise('stumbled', { times })
  await until(() => rig.facts('device.event').filter((fact) => fact['event'] === 'stumbled').length >= 6, 'the facts')
  const fields = ['EventType', 'SourceName', 'Message', 'Time', '6:times', '6:status', '6:code', '6:who']
  const { statuses, events } = await client.ask('historyOfEvents', { id, node: `${ns};s=gadget`, from: begin, to: Date.now() + 1_000, most: 2, fields })
  const stumbles = (events as Record<string, unknown>[]).map((one) => one['6:times']).filter((times) => Array.isArray(times))
  t.strictSame(stumbles.slice(-5), [[0, 10], [0, 11], [0, 12], [0, 13], [0, 14]])
  t.ok(statuses.length >= 4 && statuses.every((status) => status === 'Good' || status === 'GoodNoData'), 'in pieces of two')
  t.ok((events as Record<string, unknown>[]).some((one) => one['6:code'] === 'PC-TEST-BROKEN'), 'health, too')
  t.notMatch(JSON.stringify(events), /NGUYEN/)
  const backwards = await client.ask('historyOfEvents', { id, node: 'i=2253', from: Date.now() + 1_000, to: begin, most: 3, fields })
  const times = (backwards.events as Record<string, number>[]).map((one) => one['Time']!)
  t.strictSame(times, [...times].sort((a, b) => b - a), 'of the whole, backwards')
  const device = await client.ask('browse', { id, node: `${ns};s=gadget` })
  const health = await client.ask('historyOfValue', { id, node: device['DeviceHealth']!, from: begin, to: Date.now() + 1_000 })
  t.ok(health.length >= 4)
  t.ok(health.some(({ value }) => value === 1) && health.some(({ value }) => value === 0), 'failed and well again')
  t.strictSame(await client.ask('historyOfValue', { id, node: device['DeviceHealth']!, from: begin - 3 * day_ms, to: begin - 2 * day_ms }), [], 'a day, no longer')
  await client.ask('close', { id })
})

void t.test('what a restart finds: an alarm that nobody acknowledged stands again', async (t) => {
  rig.part.raise('fell', { from: 'table' })
  await until(() => rig.facts('device.event').filter((fact) => fact['event'] === 'fell').length === 2, 'the fact')
  await rig.service.stop()
  t.equal(rig.service.component.health.status, 'stopped')
  await rig.service.start()
  const id = await as('minh')
  const alarm = await client.ask('browse', { id, node: at('alarm.fell') })
  const active = await client.ask('browse', { id, node: alarm['ActiveState']! })
  t.match(await client.ask('read', { id, nodes: [active['Id']!] }), [{ value: true }])
  await rig.service.component.invoke('acknowledge', { component: 'gadget', alarm: 'fell', comment: '' }, { id: 'minh', role: 'officer' })
  await until(async () => (await client.ask('read', { id, nodes: [active['Id']!] }))[0]?.value === false, 'what another face acknowledged')
  await t.rejects(rig.service.component.invoke('acknowledge', { component: 'gadget', alarm: 'moved', comment: '' }, { id: 'minh', role: 'officer' }), { code: 'PC-OPCUA-ALARM' })
  await client.ask('close', { id })
})

void t.test('whom the gatekeeper throws out is out, and so is whom the technician distrusts', async (t) => {
  await as('lan')
  t.equal(rig.access.component.read('sessions')?.length, 1)
  await rig.access.component.invoke('remove', { person: 'lan' }, { id: 'boss', role: 'engineer' })
  await until(() => rig.access.component.read('sessions')?.length === 0 && rig.service.component.read('sessions') === 0, 'the end of the session')
  await until(() => rig.facts('access.ended').at(-1)?.['person'] === 'lan', 'the fact of its end')
  await rig.service.component.invoke('distrust', { fingerprint }, { id: 'binh', role: 'technician' })
  t.not(await saysOf(as('hoa')), 'in')
  t.ok(readdirSync(rig.at('opcua', 'rejected')).length >= 1)
})

import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import t, { type Test } from 'tap'
import { type Clock, ManualClock, systemClock } from '../base/clock.ts'
import { Counters } from '../base/counters.ts'
import { DeviceError } from '../base/error.ts'
import { createLogger, silent } from '../base/log.ts'
import { Type } from '../base/schema.ts'
import { Component } from '../device/component.ts'
import { command, contract } from '../device/contract.ts'
import { inService } from '../device/in-service.ts'
import { DeviceModel } from '../device/model.ts'
import type { Fact } from '../journal/fact.ts'
import { Journal } from '../journal/journal.ts'
import { Broker } from './broker.ts'
import { type CommandCount, Commands } from './commands.ts'
import { type CommandLimits, commandLimits } from './limits.ts'
import { type Answer, type Order, signOrder } from './order.ts'
import { until } from './rig.ts'
import { topicsOf } from './topics.ts'
import { Uplink } from './uplink.ts'

const where = { site: 'mong-cai', device: 'bl1-e07' }
const topics = topicsOf(where)
const authority = generateKeyPairSync('ed25519')
const authorities = [authority.publicKey.export({ type: 'spki', format: 'pem' }).toString()]

const Door = contract('door', 'A door for these tests.', {
  open: command({ for: Type.Integer({ minimum: 1, maximum: 10 }) }, 'Opens.', { role: 'officer', moves: true, result: Type.Object({ opened: Type.Integer() }) }),
  break: command({}, 'Fails.', { role: 'technician' }),
  hang: command({}, 'Waits until it is cancelled.', { role: 'technician', limit_ms: 60_000 }),
  huge: command({}, 'Says a lot.', { role: 'technician', result: Type.Object({ text: Type.String() }) }),
  inService,
  shove: command({}, 'Pushes it.', { role: 'officer', moves: true, outOfService: true }),
  enrol: command({}, 'Handles a finger.', { role: 'officer', personal: true }),
})

/** A door that writes down what was really done to it. */
function door(clock: Clock): { component: Component<typeof Door.members>; done: string[] } {
  const done: string[] = []
  const component = new Component('door', Door, clock, {
    selfTest: () => Promise.resolve({ passed: true, checks: [] }),
    open: async (args) => {
      done.push(`open ${args.for}`)
      return { opened: args.for }
    },
    break: () => Promise.reject(new DeviceError('PC-BARRIER-FAULT', 'The barrier reports a fault.')),
    hang: (_args, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
    huge: async () => ({ text: 'x'.repeat(70_000) }),
    shove: async () => {
      done.push('shove')
      return {}
    },
    enrol: async () => {
      done.push('enrol')
      return {}
    },
  })
  return { component, done }
}

async function journalIn(t: Test): Promise<{ open: () => Promise<Journal> }> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-uplink-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return { open: () => Journal.open({ file: join(folder, 'journal.db'), device: where.device, clock: systemClock, log: silent }) }
}

const order = (changes: Partial<Order> = {}): Order => {
  const issuedAt = systemClock.wall()
  return { id: randomUUID(), args: {}, role: 'officer', issuedBy: 'ioc-7', issuedAt, expiresAt: issuedAt + 60_000, ...changes }
}

/** The centre's side of one device, over a real connection. */
class Desk {
  readonly answers: Answer[] = []
  readonly client: mqtt.MqttClient

  constructor(client: mqtt.MqttClient) {
    this.client = client
    client.on('message', (_topic, payload) => this.answers.push(JSON.parse(payload.toString()) as Answer))
  }

  static async open(url: string): Promise<Desk> {
    const desk = new Desk(await mqtt.connectAsync(url))
    await desk.client.subscribeAsync(`${topics.prefix}/results/+`, { qos: 1 })
    return desk
  }

  async send(path: string, payload: Order | string | Buffer, options: { sign?: boolean; retain?: boolean } = {}): Promise<void> {
    const topic = `${topics.prefix}/commands/${path}`
    const isOrder = typeof payload === 'object' && !Buffer.isBuffer(payload)
    const sent = isOrder ? JSON.stringify(options.sign === false ? payload : signOrder(topic, payload, authority.privateKey)) : payload
    await this.client.publishAsync(topic, sent, { qos: 1, retain: options.retain ?? false })
  }

  async ask(path: string, asked: Order, options: { sign?: boolean; retain?: boolean } = {}): Promise<Answer> {
    const before = this.answers.length
    await this.send(path, asked, options)
    await until(() => this.answers.slice(before).some(({ id }) => id === asked.id), `the answer to ${path}`)
    return this.answers.slice(before).find(({ id }) => id === asked.id)!
  }
}

void t.test('from the centre to the door and back, over the real journal and a real broker', async (t) => {
  const files = await journalIn(t)
  const journal = await files.open()
  const house = await Broker.start({ log: silent })
  const facts: Fact[] = []
  house.arrivals.add(({ topic, payload }) => topic === topics.facts && facts.push(JSON.parse(payload.toString()) as Fact))
  const { component, done } = door(systemClock)
  const model = new DeviceModel()
  model.add(component)
  const up = new Uplink({
    ...where, version: '0.1.0', epoch: journal.epoch, source: journal, sink: journal, model, clock: systemClock, log: silent, authorities,
    connect: { url: house.url }, limits: { reconnect_ms_min: 20, reconnect_ms_max: 50, tick_ms: 10, packet_bytes_max: 40_000 },
  })
  model.add(up.component)
  await up.start(new AbortController().signal)
  await until(() => up.component.read('connected') === true, 'the connection')
  const desk = await Desk.open(house.url)

  const opening = order({ args: { for: 3 } })
  t.strictSame(await desk.ask('door/open', opening), { id: opening.id, status: 'done', result: { opened: 3 } })
  t.strictSame(done, ['open 3'])
  await until(() => facts.some(({ kind }) => kind === 'uplink.result'), 'the facts')
  const kinds = facts.filter(({ kind }) => kind.startsWith('uplink.'))
  t.strictSame(kinds.map(({ kind }) => kind), ['uplink.command', 'uplink.result'])
  t.match(kinds[0], { class: 'command', body: { id: opening.id, component: 'door', command: 'open', args: { for: 3 }, role: 'officer', issuedBy: 'ioc-7', signed: true } })
  t.match(kinds[1]?.body, { id: opening.id, status: 'done', result: { opened: 3 } })

  t.match(await desk.ask('door/open', opening), { status: 'done', result: { opened: 3 } }, 'the same again is answered')
  t.strictSame(done, ['open 3'], 'and not done again')

  for (const [path, asked, options, expected] of [
    ['door/open', order({ args: { for: 3 }, expiresAt: systemClock.wall() - 1 }), {}, 'PC-UPLINK-EXPIRED'],
    ['door/open', order({ args: { for: 3 }, issuedAt: systemClock.wall() + 40_000, expiresAt: systemClock.wall() + 50_000 }), {}, 'PC-UPLINK-CLOCK'],
    ['door/open', order({ args: { for: 3 }, expiresAt: systemClock.wall() + 700_000 }), {}, 'PC-UPLINK-LIFETIME'],
    ['door/open', order({ args: { for: 3 } }), { sign: false }, 'PC-UPLINK-UNSIGNED'],
    ['door/open', order({ args: { for: 3 }, signature: `${'A'.repeat(86)}==` }), { sign: false }, 'PC-UPLINK-SIGNATURE'],
    ['door/open', order({ args: { for: 3 }, role: 'technician' }), {}, 'PC-DEVICE-ROLE'],
    ['door/open', order({ args: { for: 11 } }), {}, 'PC-DEVICE-ARGS'],
    ['door/open', order({ args: { for: 3, also: 1 } }), {}, 'PC-DEVICE-ARGS'],
    ['door/shove', order(), {}, 'PC-DEVICE-SERVICE'],
    ['door/close', order(), {}, 'PC-UPLINK-UNKNOWN'],
    ['door/health', order(), {}, 'PC-UPLINK-UNKNOWN'],
    ['door/toString', order(), {}, 'PC-UPLINK-UNKNOWN'],
    ['window/open', order({ args: { for: 3 } }), {}, 'PC-UPLINK-UNKNOWN'],
    ['door/enrol', order(), {}, 'PC-UPLINK-PERSONAL'],
  ] as const) {
    t.match(await desk.ask(path, asked, options), { status: 'refused', code: expected, says: String, result: undefined }, `${path} ${expected}`)
  }
  t.match(await desk.ask('door/break', order({ role: 'technician' })), { status: 'failed', code: 'PC-BARRIER-FAULT', says: 'The barrier reports a fault.' })
  t.match(await desk.ask('door/huge', order({ role: 'technician' })), { status: 'done', code: 'PC-UPLINK-RESULT', result: undefined })
  t.match(await desk.ask('uplink/selfTest', order({ role: 'technician' })), { status: 'done', result: { passed: true } }, 'the uplink is a component like any other')
  t.strictSame(done, ['open 3'], 'nothing that was refused was done')

  await desk.send('door/open', 'garbage')
  await desk.send('door/open', Buffer.alloc(20_000, 0x20))
  await desk.send('door/open', JSON.stringify({ id: '../../x' }))
  await until(() => up.component.read('counters')?.['unreadable'] === 3, 'three unreadable commands counted')
  t.match(await desk.ask('door/open', order({ args: { for: 1 } })), { status: 'done' }, 'and life goes on')

  const kept = order({ args: { for: 2 } })
  await up.stop()
  await desk.send('door/open', kept, { retain: true })
  await up.start(new AbortController().signal)
  await until(() => desk.answers.some(({ id }) => id === kept.id), 'the answer to the retained command')
  t.match(desk.answers.find(({ id }) => id === kept.id), { status: 'refused', code: 'PC-UPLINK-RETAINED' })
  await desk.send('door/open', Buffer.alloc(0), { retain: true })

  const losses = up.component.read('counters')?.['lost'] ?? 0
  const codes: unknown[] = []
  up.component.onChange('health', ({ code }) => codes.push(code))
  await desk.send('door/open', Buffer.alloc(50_000))
  await until(() => codes.includes('PC-UPLINK-PACKET'), 'a packet that is too large ends the connection')
  await until(() => up.component.read('connected') === true && up.component.health.status === 'ready', 'and it comes back')
  t.equal(up.component.read('counters')?.['lost'], losses + 1)

  const hanging = order({ role: 'technician' })
  await desk.send('door/hang', hanging)
  await until(() => facts.some(({ body }) => (body as { id?: string }).id === hanging.id), 'the command to begin')
  await up.stop()
  await until(() => desk.answers.some(({ id }) => id === hanging.id), 'the answer to the command that stopping cancelled')
  t.match(desk.answers.find(({ id }) => id === hanging.id), { status: 'failed', code: 'PC-BASE-CANCELLED' })
  t.equal(journal.cursor('uplink'), journal.last, 'the centre has everything, the last result too')
  t.strictSame(done, ['open 3', 'open 1'])
  const verdict = facts.every((fact, index) => index === 0 || fact.prev === facts[index - 1]?.hash)
  t.ok(verdict, 'the chain arrives unbroken')
  await desk.client.endAsync(true)
  await house.stop()
  await journal.close()
})

interface Bench {
  commands: Commands
  done: string[]
  answers: Answer[]
  counters: Counters<CommandCount>
  give(path: string, order: Order): void
}

function bench(journal: Journal, options: { clock?: Clock; limits?: Partial<CommandLimits>; acceptUnsigned?: boolean; sink?: Pick<Journal, 'append'> } = {}): Bench {
  const clock = options.clock ?? systemClock
  const { component, done } = door(clock)
  const model = new DeviceModel()
  model.add(component)
  const answers: Answer[] = []
  const counters = new Counters<CommandCount>(['done', 'failed', 'refused', 'repeated', 'unreadable'])
  const commands = new Commands({
    topics, model, source: journal, sink: options.sink ?? journal, clock, log: silent, keys: [authority.publicKey], acceptUnsigned: options.acceptUnsigned ?? false,
    limits: { ...commandLimits, ...options.limits }, counters, onAnswer: (answer) => answers.push(answer),
  })
  commands.start()
  const give = (path: string, order: Order): void => {
    const topic = `${topics.prefix}/commands/${path}`
    commands.receive({ topic, payload: Buffer.from(JSON.stringify(signOrder(topic, order, authority.privateKey))), retained: false })
  }
  return { commands, done, answers, counters, give }
}

void t.test('a command is done once, restarts included', async (t) => {
  const files = await journalIn(t)
  let journal = await files.open()
  const first = bench(journal)
  const once = order({ args: { for: 5 } })
  const cut = order({ role: 'technician' })
  first.give('door/open', once)
  first.give('door/open', once)
  await until(() => first.answers.length === 1, 'one answer')
  first.give('door/hang', cut)
  await until(() => journal.after(0, 1000).some(({ body }) => (body as { id?: string }).id === cut.id), 'the second command')
  t.strictSame(first.done, ['open 5'])
  await journal.close()

  journal = await files.open()
  const second = bench(journal)
  second.give('door/open', once)
  second.give('door/hang', cut)
  t.match(second.answers, [{ id: once.id, status: 'done', result: { opened: 5 } }, { id: cut.id, status: 'failed', code: 'PC-UPLINK-INTERRUPTED' }])
  t.strictSame(second.done, [])
  await second.commands.stop()

  for (let index = 0; index < 8; index++) await journal.append({ kind: 'test.filler', class: 'audit', body: {} })
  const forgetful = bench(journal, { limits: { recalled_facts_max: 5 } })
  forgetful.give('door/open', once)
  await until(() => forgetful.answers.length === 1, 'an answer')
  t.match(forgetful.answers, [{ status: 'refused', code: 'PC-UPLINK-EXPIRED' }], 'what was issued before the memory begins is not done')
  t.strictSame(forgetful.done, [])
  await first.commands.stop()
  await forgetful.commands.stop()
  await journal.close()
})

void t.test('too many at once, too fast, or too many to remember: refused as busy', async (t) => {
  const files = await journalIn(t)
  const journal = await files.open()
  const slow = bench(journal, { limits: { running_max: 2 } })
  for (let index = 0; index < 3; index++) slow.give('door/hang', order({ role: 'technician' }))
  t.match(slow.answers, [{ status: 'refused', code: 'PC-UPLINK-BUSY' }])
  await slow.commands.stop()

  const clock = new ManualClock(systemClock.wall())
  const fast = bench(journal, { clock, limits: { rate_per_s: 10, burst_max: 4, remembered_max: 8 } })
  const give = (): void => fast.give('door/open', order({ args: { for: 1 }, issuedAt: clock.wall(), expiresAt: clock.wall() + 1_000 }))
  for (let index = 0; index < 6; index++) give()
  t.equal(fast.answers.filter(({ code }) => code === 'PC-UPLINK-BUSY').length, 2, 'four at once')
  await until(() => fast.answers.length === 6, 'the answers')
  clock.advance(200)
  for (let index = 0; index < 3; index++) give()
  await until(() => fast.answers.length === 9, 'the answers')
  t.equal(fast.done.length, 6, 'and two more after a fifth of a second')
  clock.advance(200)
  give()
  await until(() => fast.answers.length === 10, 'the answer')
  t.match(fast.answers.at(-1), { code: 'PC-UPLINK-BUSY' }, 'eight are remembered, two of them from before, and none may be forgotten while it could come again')
  clock.advance(2_000)
  give()
  await until(() => fast.answers.length === 11, 'the answer')
  t.match(fast.answers.at(-1), { status: 'done' })
  await fast.commands.stop()
  await journal.close()
})

void t.test('what cannot be recorded is not done, and what was done without a record is not reported as done', async (t) => {
  const files = await journalIn(t)
  const journal = await files.open()
  let room = 0
  const sink: Pick<Journal, 'append'> = { append: (fact) => (room-- > 0 ? journal.append(fact) : Promise.reject(new Error('disk full'))) }
  const { give, answers, done, commands } = bench(journal, { sink })
  const asked = order({ args: { for: 4 } })
  give('door/open', asked)
  await until(() => answers.length === 1, 'the refusal')
  t.match(answers[0], { status: 'refused', code: 'PC-UPLINK-JOURNAL' })
  t.strictSame(done, [])
  room = 1
  give('door/open', asked)
  await until(() => answers.length === 2, 'the second answer')
  t.strictSame(done, ['open 4'], 'what was refused for want of a record may be asked again')
  t.match(answers[1], { status: 'failed', code: 'PC-UPLINK-JOURNAL' })
  await commands.stop()
  await journal.close()
})

void t.test('unsigned commands are taken only where that is asked for, and loudly', async (t) => {
  const files = await journalIn(t)
  const journal = await files.open()
  const { commands, answers } = bench(journal, { acceptUnsigned: true })
  const topic = `${topics.prefix}/commands/door/open`
  const unsigned = order({ args: { for: 6 } })
  commands.receive({ topic, payload: Buffer.from(JSON.stringify(unsigned)), retained: false })
  await until(() => answers.length === 1, 'the answer')
  t.match(answers[0], { status: 'done' })
  t.match(journal.after(0, 1000).find(({ kind }) => kind === 'uplink.command')?.body, { signed: false })
  const lines: string[] = []
  const model = new DeviceModel()
  const up = new Uplink({
    ...where, version: '0', epoch: 1, source: journal, sink: journal, model, clock: systemClock, log: createLogger('info', { write: (line) => lines.push(line) }),
    connect: { url: 'mqtt://127.0.0.1:1' }, acceptUnsigned: true,
  })
  await up.start(new AbortController().signal)
  t.ok(lines.some((line) => line.includes('UNSIGNED COMMANDS ARE ACCEPTED')))
  await up.stop()
  await commands.stop()
  await journal.close()
})

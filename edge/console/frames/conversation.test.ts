import t, { type Test } from 'tap'
import { systemClock } from '../../base/clock.ts'
import { CancelledError } from '../../base/error.ts'
import { sleep } from '../../base/wait.ts'
import { rig, type Rig, secretOf } from '../rig.ts'
import { type Arrival, FrameReader, framesOf, messageMax } from './framing.ts'
import { Frames } from './service.ts'

type Message = Record<string, unknown> & { id?: number; answer?: Record<string, unknown>; error?: { code: string } }

/** A program at the seat of the rig: it types frames and reads what comes. */
class Program {
  readonly #rig: Rig
  readonly #reader = new FrameReader(messageMax)
  #id = 0
  readonly heard: Message[] = []

  constructor(rig: Rig) {
    this.#rig = rig
  }

  type(message: object): void {
    for (const frame of framesOf(message)) this.#rig.seat.type(frame)
  }

  /** The first message that fits, from those that were not asked for yet. */
  async until(fits: (message: Message) => boolean): Promise<Message> {
    for (let waited_ms = 0; waited_ms < 10_000; waited_ms += 5) {
      const came = Buffer.from(this.#rig.seat.out, 'latin1')
      this.#rig.seat.out = ''
      this.heard.push(...this.#reader.push(came).filter((arrival): arrival is Extract<Arrival, { kind: 'message' }> => arrival.kind === 'message').map(({ value }) => value as Message))
      const at = this.heard.findIndex(fits)
      if (at >= 0) return this.heard.splice(at, 1)[0] ?? {}
      await sleep(systemClock, 5)
    }
    throw new Error(`it did not come; this came: ${JSON.stringify(this.heard)}`)
  }

  async ask(ask: string, rest: object = {}): Promise<Message> {
    const id = ++this.#id
    this.type({ id, ask, ...rest })
    return await this.until((message) => message.id === id)
  }
}

async function begun(t: Test): Promise<Rig & { program: Program }> {
  const frames: { current?: Frames } = {}
  const made = await rig(t, {
    // The rig's model and access are made with it.
    frames: {
      frameMax: 4_096,
      recognises: (frame) => new Frames({} as never).recognises(frame),
      serve: (io, signal) => (frames.current ?? never()).serve(io, signal),
    },
  })
  const { model, access } = made.device
  frames.current = new Frames({ model, gatekeeper: access, clock: systemClock, device: 'mong-cai/bl1-e07', version: '1.2.3' })
  await made.seat.until(/login: $/)
  return { ...made, program: new Program(made) }
}

function never(): never {
  throw new CancelledError()
}

void t.test('a program logs in, reads, calls, and gives the line back', async (t) => {
  const { program, seat, device } = await begun(t)
  t.match((await program.ask('hello')).answer, { protocol: 1, device: 'mong-cai/bl1-e07', version: '1.2.3' })
  for (const [ask, rest] of [['components', {}], ['describe', { component: 'gizmo' }], ['read', { component: 'gizmo' }], ['watch', { components: ['gizmo'] }], ['call', { component: 'gizmo', command: 'pulse', args: {} }]] as const) {
    t.match((await program.ask(ask, rest)).error, { code: 'PC-FRAMES-LOGIN' }, `${ask} needs a login`)
  }
  t.match((await program.ask('login', { person: 'nguyen', secret: 'a wrong long secret' })).error, { code: 'PC-ACCESS-REFUSED' })
  t.match((await program.ask('login', { person: 'nguyen', secret: secretOf('nguyen') })).answer, { person: 'nguyen', role: 'technician' })
  const components = (await program.ask('components')).answer as unknown as { name: string }[]
  t.ok(components.some(({ name }) => name === 'gizmo'), 'what nobody has heard of is there as well')
  const members = (await program.ask('describe', { component: 'gizmo' })).answer?.['members'] as Record<string, { kind: string }>
  t.match(members, { speed: { kind: 'property', unit: 'r/min' }, paint: { kind: 'command', role: 'technician', args: { type: 'object' } }, spin: { moves: true } })
  t.notOk('teach' in members, 'what is personal is not offered')
  t.match((await program.ask('read', { component: 'gizmo', property: 'speed' })).answer, { speed: { value: 12.5 } })
  t.match((await program.ask('call', { component: 'gizmo', command: 'paint', args: { colour: 'blue' } })).answer, { painted: 'blue x 1' })
  t.ok(device.facts.some((fact) => JSON.stringify(fact).includes('paint') && JSON.stringify(fact).includes('nguyen')), 'it is on the record')
  t.match((await program.ask('leave')).answer, {})
  seat.type('\r')
  await seat.until(/login: $/)
  t.equal(device.access.component.read('sessions')?.length, 0)
})

void t.test('rights, confirmation and what is personal are as at the console', async (t) => {
  const { program, device } = await begun(t)
  await program.ask('login', { person: 'li', secret: secretOf('li') })
  const code = async (component: string, command: string, rest: object = {}): Promise<string | undefined> => (await program.ask('call', { component, command, args: {}, ...rest })).error?.code
  t.equal(await code('gizmo', 'spin'), 'PC-FRAMES-CONFIRM')
  t.equal(await code('gizmo', 'spin', { confirmed: true }), undefined)
  t.equal(await code('gizmo', 'teach', { args: { phrase: 'x', kind: 'short' } }), 'PC-FRAMES-PERSONAL')
  t.equal(await code('access', 'add', { args: { person: 'x', role: 'engineer', secret: 'a long long secret' } }), 'PC-FRAMES-PERSONAL')
  t.equal(await code('gizmo', 'paint', { args: { colour: 'mauve' } }), 'PC-DEVICE-ARGS')
  t.equal(await code('gizmo', 'constructor'), 'PC-DEVICE-COMMAND')
  t.equal(await code('nothing', 'paint'), 'PC-DEVICE-UNKNOWN')
  t.match((await program.ask('login', { person: 'vien', secret: secretOf('vien') })).answer, { role: 'viewer' })
  t.equal(device.access.component.read('sessions')?.length, 1, 'who was there before is not any more')
  t.equal(await code('gizmo', 'paint', { args: { colour: 'red' } }), 'PC-DEVICE-ROLE')
  t.strictSame(device.done.filter((what) => what.startsWith('teach')), [])
  const challenge = (await program.ask('challenge', { person: 'tran' })).answer?.['challenge'] as string
  t.match((await program.ask('answer', { person: 'tran', answer: device.answerTo(challenge, 'engineer') })).answer, { role: 'engineer' }, 'without a secret')
})

void t.test('a call can be given up, others go on beside it, and not too many', async (t) => {
  const { program } = await begun(t)
  await program.ask('login', { person: 'nguyen', secret: secretOf('nguyen') })
  for (let id = 100; id < 108; id++) program.type({ id, ask: 'call', component: 'gizmo', command: 'hang', args: {} })
  program.type({ id: 108, ask: 'hello' })
  t.match((await program.until(({ id }) => id === 108)).error, { code: 'PC-FRAMES-BUSY' })
  program.type({ id: 100, ask: 'cancel', call: 101 })
  t.match((await program.until(({ id }) => id === 100)).error, { code: 'PC-FRAMES-REQUEST' }, 'a number that is taken')
  program.type({ id: 109, ask: 'cancel', call: 100 })
  t.match((await program.until(({ id }) => id === 109)).answer, {})
  t.match((await program.until(({ id }) => id === 100)).error, { code: 'PC-BASE-CANCELLED' })
  t.match((await program.ask('hello')).answer, { person: 'nguyen' })
})

void t.test('news come bounded: the newest value, and events with those that were lost', async (t) => {
  const { program, device } = await begun(t)
  await program.ask('login', { person: 'nguyen', secret: secretOf('nguyen') })
  t.match((await program.ask('watch', { components: ['nothing'] })).error, { code: 'PC-DEVICE-UNKNOWN' })
  t.match((await program.ask('watch', { components: ['gizmo'], per_s: 10 })).answer, {})
  const first = await program.until((message) => Array.isArray(message['news']))
  t.match(first, { news: [{ component: 'gizmo' }], lost: 0 })
  const gizmo = device.model.get('gizmo')
  for (let count = 0; count <= 5_000; count++) gizmo.publish('counters', { turns: count })
  const values: unknown[] = []
  while (values.at(-1) !== 5_000) {
    const { news } = await program.until((message) => Array.isArray(message['news']))
    for (const item of news as { property?: string; value?: { turns: number } }[]) if (item.property === 'counters') values.push(item.value?.turns)
  }
  t.ok(values.length <= 3, `${values.length} of 5000 values went over the line`)
  t.match((await program.ask('watch', { components: [] })).answer, {})
  t.match((await program.ask('logout')).answer, {})
})

void t.test('garbage, huge and odd requests are answered or left, and the line stays alive', async (t) => {
  const { program, seat } = await begun(t)
  await program.ask('hello')
  for (const odd of [null, 7, 'x', [], {}, { ask: 'hello' }, { id: -1, ask: 'hello' }, { id: 1, ask: '__proto__' }, { id: 1, ask: 'hello', more: 1 }, { id: 1, ask: 'login', person: 'x' }]) {
    program.type(odd as object)
    t.match((await program.until(({ error }) => error !== undefined)).error, { code: 'PC-FRAMES-REQUEST' }, JSON.stringify(odd))
  }
  seat.type(new Uint8Array(90_000).fill(0x41))
  seat.type(Uint8Array.of(0))
  t.match((await program.until(({ error }) => error !== undefined)), { id: null, error: { code: 'PC-FRAMES-BROKEN' } })
  program.type({ id: 5, ask: 'login', person: 'nguyen', secret: 'x'.repeat(20_000) })
  t.match((await program.until(({ error }) => error !== undefined)).error, { code: 'PC-FRAMES-BROKEN' }, 'longer than a request may be')
  t.match((await program.ask('hello')).answer, { protocol: 1 })
})

void t.test('a session that ends is told, and an unplugged line ends it', async (t) => {
  const { program, device, seat } = await begun(t)
  await program.ask('login', { person: 'nguyen', secret: secretOf('nguyen') })
  await device.access.component.invoke('remove', { person: 'nguyen' })
  t.match(await program.until((message) => 'ended' in message), { ended: /./ })
  t.match((await program.ask('read', { component: 'gizmo' })).error, { code: 'PC-FRAMES-LOGIN' })
  await program.ask('login', { person: 'vien', secret: secretOf('vien') })
  t.equal(device.access.component.read('sessions')?.length, 1)
  seat.unplug()
  for (let waited_ms = 0; device.access.component.read('sessions')?.length !== 0 && waited_ms < 5_000; waited_ms += 10) await sleep(systemClock, 10)
  t.equal(device.access.component.read('sessions')?.length, 0)
})

void t.test('a person who types gets the line of a program that died', async (t) => {
  const { program, device, seat } = await begun(t)
  await program.ask('login', { person: 'nguyen', secret: secretOf('nguyen') })
  seat.type('\r')
  await seat.until(/login: $/)
  t.equal(device.access.component.read('sessions')?.length, 0)
})

import t from 'tap'
import { ManualClock } from '../base/clock.ts'
import { Type } from '../base/schema.ts'
import { Barrier, Camera } from './capabilities.ts'
import { Component, type News } from './component.ts'
import { allows, command, contract, event, property, type Role } from './contract.ts'
import { heldCommand, inHand } from './held.ts'
import { demandOutOfService, inService } from './in-service.ts'
import { Mirror, Originals } from './mirror.ts'
import { DeviceModel } from './model.ts'
import { unitSymbol } from './units.ts'

const Kettle = contract('kettle', 'Boils water.', {
  celsius: property(Type.Number(), 'How warm the water is.', 'Cel'),
  boil: command({ to: Type.Integer({ maximum: 100 }) }, 'Boils.', { role: 'technician', result: Type.Object({ took_ms: Type.Integer() }), limit_ms: 50 }),
  boiled: event({ celsius: Type.Number() }, 'It boils.', { severity: 'info' }),
})

function kettle(clock = new ManualClock()) {
  const component: Component<(typeof Kettle)['members']> = new Component('kettle', Kettle, clock, {
    selfTest: async () => ({ passed: true, checks: [] }),
    boil: async ({ to }, signal) => {
      if (to === 100) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone'))))
      component.publish('celsius', to)
      component.raise('boiled', { celsius: to })
      return { took_ms: 5 }
    },
  })
  return { component, clock }
}

void t.test('a component makes its changes and events known, and the same value is no news', async (t) => {
  const { component } = kettle()
  const model = new DeviceModel()
  model.add(component)
  const news: News[] = []
  const values: number[] = []
  model.news.add((item) => news.push(item))
  const remove = component.onChange('celsius', (value) => values.push(value))
  t.strictSame(await component.invoke('boil', { to: 80 }, { id: 'anh', role: 'technician' }), { took_ms: 5 })
  component.publish('celsius', 80)
  remove()
  component.publish('celsius', 70)
  t.strictSame(values, [80])
  t.strictSame(news.map(({ kind, name }) => `${kind} ${name}`), ['property celsius', 'event boiled', 'property celsius'])
  t.equal(component.read('celsius'), 70)
  t.equal(component.usable, false)
  component.publish('health', { status: 'degraded', code: 'PC-TEST-X' })
  t.equal(component.usable, true)
})

void t.test('a command is for those who may, with the arguments it takes, within its time', async (t) => {
  const { component, clock } = kettle()
  await t.rejects(component.invoke('boil', { to: 80 }, { id: 'x', role: 'viewer' }), { code: 'PC-DEVICE-ROLE', message: 'This command needs the role technician.' })
  await t.rejects(component.invoke('boil', { to: 101 }), { code: 'PC-DEVICE-ARGS' })
  await t.rejects(component.invoke('boil', { to: 80, extra: 1 } as never), { code: 'PC-DEVICE-ARGS' })
  await t.rejects(component.invoke('fry' as 'boil', { to: 1 }), { code: 'PC-DEVICE-COMMAND' })
  await t.rejects(component.invoke('toString' as 'boil', { to: 1 }), { code: 'PC-DEVICE-COMMAND' })
  const slow = component.invoke('boil', { to: 100 })
  clock.advance(50)
  await t.rejects(slow, { code: 'PC-DEVICE-TIMEOUT' })
  t.equal(clock.pending, 0)
})

void t.test('roles: an engineer may do what a technician may, an officer may not', async (t) => {
  const roles: Role[] = ['viewer', 'officer', 'technician', 'engineer', 'controller']
  const table = roles.map((caller) => roles.filter((needed) => allows(caller, needed)).join(' '))
  t.strictSame(table, ['viewer', 'viewer officer', 'viewer technician', 'viewer technician engineer', 'viewer officer technician engineer controller'])
})

void t.test('the model finds components by name and contract', async (t) => {
  const model = new DeviceModel()
  model.add(kettle().component)
  t.throws(() => model.add(kettle().component), { code: 'PC-DEVICE-NAME' })
  t.throws(() => model.get('pot'), { code: 'PC-DEVICE-UNKNOWN' })
  t.throws(() => model.as('kettle', Camera), { code: 'PC-DEVICE-CONTRACT' })
  t.equal(model.as('kettle', Kettle).name, 'kettle')
  t.strictSame(model.list().map(({ name }) => name), ['kettle'])
})

void t.test('every contract has health, identity, counters and a self-test, and says what each member is', async (t) => {
  for (const one of [Barrier, Camera, Kettle]) {
    for (const name of ['health', 'identity', 'counters', 'selfTest']) t.ok(name in one.members)
    for (const member of Object.values(one.members)) t.match(member.says, /^[A-Z1].*\.$/)
  }
  t.equal(Barrier.members.open.moves, true, 'what moves is marked')
})

void t.test('a component of another thread is seen here as if it lived here', async (t) => {
  const { component } = kettle()
  component.publish('celsius', 20)
  component.publish('health', { status: 'ready' })
  const clock = new ManualClock()
  const wire = (value: unknown): never => structuredClone(value) as never
  const mirror: Mirror<(typeof Kettle)['members']> = new Mirror('kettle', Kettle, clock, async (request) => wire(await originals.invoke(wire(request))))
  const originals = new Originals([component], (news) => mirror.apply(wire(news)))
  t.equal(mirror.component.read('celsius'), 20, 'what was known before')
  t.equal(mirror.component.usable, true)
  const boiled: unknown[] = []
  mirror.component.onEvent('boiled', (data) => boiled.push(data))
  t.strictSame(await mirror.component.invoke('boil', { to: 80 }, { id: 'anh', role: 'technician' }), { took_ms: 5 })
  t.equal(mirror.component.read('celsius'), 80)
  t.strictSame(boiled, [{ celsius: 80 }])
  await t.rejects(mirror.component.invoke('boil', { to: 80 }, { id: 'binh', role: 'viewer' }), { code: 'PC-DEVICE-ROLE' })
  await t.rejects(mirror.component.invoke('boil', { to: 101 }, { id: 'anh', role: 'technician' }), { code: 'PC-DEVICE-ARGS' })
  await t.rejects(originals.invoke({ component: 'pot', command: 'boil', args: {}, caller: { id: 'anh', role: 'technician' } }), { code: 'PC-DEVICE-UNKNOWN' })
  mirror.lose({ status: 'failed', code: 'PC-RUN-WORKER-LOST' })
  t.equal(mirror.component.usable, false)
  t.equal(component.usable, true)
})

void t.test('units have the symbols that people read', async (t) => {
  t.strictSame(['Cel', 'deg', 'm/s', 'm/s2', 'By', '%', '1/s', 'ms'].map(unitSymbol), ['°C', '°', 'm/s', 'm/s²', 'B', '%', '/s', 'ms'])
  t.strictSame(['1', '', '{pixel}', undefined].map(unitSymbol), ['', '', '', ''], 'a plain number and a count have none')
  t.strictSame(['{turn}/min', 'r/min', 'constructor'].map(unitSymbol), ['/min', 'r/min', 'constructor'], 'what is not known stays')
})

void t.test('what is held can be let go, ends by itself, and shows what it does', async (t) => {
  const time = Type.Integer({ minimum: 100, maximum: 500 })
  const moved = { role: 'engineer', moves: true } as const
  const held = { release: 'halt', time: 'for_ms', shows: 'speed' }
  const fine = {
    speed: property(Type.Number(), 'How fast it drives.'), halt: command({}, 'Stops.', moved),
    jog: command({ for_ms: time }, 'Drives.', { ...moved, held }),
  }
  const found = heldCommand(new Component('drive', contract('drive', 'Drives.', fine), new ManualClock(), {} as never))
  t.match(found, { name: 'jog', run_ms: 500 }, 'no longer than it can go on by itself')
  t.strictSame(found === undefined ? [] : Object.keys((inHand(found).args as { properties?: object }).properties ?? {}), [], 'nobody says for how long')
  t.equal(heldCommand(kettle().component), undefined)
  const wrong = {
    'nothing lets go': { jog: command({ for_ms: time }, 'Drives.', { ...moved, held: { ...held, release: 'stop' } }) },
    'letting go needs something': { halt: command({ gently: Type.Boolean() }, 'Stops.', moved) },
    'who holds it may not let go': { halt: command({}, 'Stops.', { ...moved, role: 'officer' }) },
    'no end by itself': { jog: command({}, 'Drives.', { ...moved, held }) },
    'a time without a maximum': { jog: command({ for_ms: Type.Integer() }, 'Drives.', { ...moved, held }) },
    'nothing to see': { jog: command({ for_ms: time }, 'Drives.', { ...moved, held: { ...held, shows: 'place' } }) },
    'it moves nothing': { jog: command({ for_ms: time }, 'Drives.', { role: 'engineer', held }) },
    'two of them': { turn: command({ for_ms: time }, 'Turns.', { ...moved, held }) },
  }
  for (const [what, members] of Object.entries(wrong)) t.throws(() => contract('drive', 'Drives.', { ...fine, ...members }), { code: 'PC-BASE-INVARIANT' }, what)
})

void t.test('nothing is moved by hand while anything is in service, or has not said so', async (t) => {
  const model = new DeviceModel()
  t.doesNotThrow(() => demandOutOfService(model), 'what has no controller serves nobody')
  const vehicle = new Component('vehicle', contract('vehicle', 'Carries goods.', { inService }), new ManualClock(), {} as never)
  model.add(vehicle)
  t.throws(() => demandOutOfService(model), { code: 'PC-DEVICE-SERVICE' }, 'not known')
  vehicle.publish('inService', true)
  t.throws(() => demandOutOfService(model), { code: 'PC-DEVICE-SERVICE', message: /^The vehicle is in service/ })
  vehicle.publish('inService', false)
  t.doesNotThrow(() => demandOutOfService(model))
})

import fc from 'fast-check'
import t, { type Test } from 'tap'
import { concat, fromHex, hex } from '../../../edge/base/bytes.ts'
import { systemClock } from '../../../edge/base/clock.ts'
import { mistakes } from '../../../edge/base/schema.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { pseudoTerminalsAvailable } from '../../kit/twin.ts'
import { digitalMessage, messageFramer } from './codec.ts'
import { driver, type FirmataOptions } from './driver.ts'
import { firmataTwin } from './twin.ts'

const lines = {
  outputs: { door: { pin: 7, invert: true, most_ms: 60_000 }, red: { pin: 8 }, green: { pin: 14 } },
  inputs: { closed: { pin: 2, pullup: true, invert: true }, beam: { pin: 9 } },
}
const quick = { reply_ms: 200, reconnect_ms: 20, poll_ms: 40, ...lines }

async function running(t: Test, options: Record<string, unknown> = {}, twin = firmataTwin({}, 'tcp')) {
  const all: Record<string, unknown> = { ...await twin.start(), ...structuredClone(quick), ...options }
  t.strictSame(mistakes(driver.options, all), [])
  const device = driver.create(all as unknown as FirmataOptions, standaloneContext('board'))
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  return { twin, world: twin.device, board: device.component, device, options: all as unknown as FirmataOptions }
}

for (const via of pseudoTerminalsAvailable() ? ['pty', 'tcp'] as const : ['tcp'] as const) {
  void t.test(`the conformance suite over ${via}`, async (t) => {
    conformance(t, {
      driver,
      twin: () => firmataTwin({}, via),
      options: structuredClone(quick),
      exercise: async (component, twin) => {
        const world = twin.device
        await component.invoke('set', { line: 'door', on: true })
        if (!world.energised(7, { invert: true })) throw new Error('the relay is not pulled in')
        await component.invoke('set', { line: 'door', on: false })
        if (world.energised(7, { invert: true })) throw new Error('the relay is still pulled in')
        for (const on of [true, false]) {
          world.drive(9, on)
          await until(() => component.read('inputs')?.['beam'] === on, 'the input follows')
        }
      },
    })
  })
}

void t.test('lines are what they are called, whichever way they are wired', async (t) => {
  const { board, world } = await running(t)
  t.strictSame(board.read('outputs'), { door: false, red: false, green: false })
  t.strictSame(board.read('inputs'), { closed: false, beam: false }, 'an open contact against a pull-up is a high level, inverted')
  world.drive(2, false)
  await until(() => board.read('inputs')?.['closed'] === true, 'the contact is closed')
  await board.invoke('set', { line: 'green', on: true })
  t.equal(world.level(14), true, 'an analog pin serves by its own number')
  t.equal(world.level(7), true, 'an inverted line that is off is high')
  t.equal(world.level(8), false, 'no other line moved')
  t.strictSame(board.read('outputs'), { door: false, red: false, green: true })
  await t.rejects(board.invoke('set', { line: 'beam', on: true }), { code: 'PC-IO-LINE' })
  await t.rejects(board.invoke('set', { line: 'constructor', on: true }), { code: 'PC-IO-LINE' })
})

void t.test('an output falls back after the time asked for, and after its own limit', async (t) => {
  const { board, world } = await running(t, { outputs: { lamp: { pin: 8, most_ms: 150 }, free: { pin: 10 } } })
  await board.invoke('set', { line: 'free', on: true, for_ms: 100 })
  t.equal(world.energised(10), true)
  await board.invoke('set', { line: 'lamp', on: true })
  await until(() => !world.energised(10) && !world.energised(8), 'both fell back')
  await until(() => Object.values(board.read('outputs') ?? {}).every((on) => !on), 'and it is said')
  t.pass()
})

void t.test('a new life releases what an earlier one left on', async (t) => {
  const { board, world, options, device } = await running(t)
  await board.invoke('set', { line: 'door', on: true })
  // A second driver on the same wire stands for the program after it was killed.
  const again = driver.create(options, standaloneContext('board'))
  await again.start(new AbortController().signal)
  t.equal(world.energised(7, { invert: true }), false)
  await again.stop()
  await device.stop()
})

void t.test('a replug releases every output', async (t) => {
  const { board, world, twin } = await running(t)
  await board.invoke('set', { line: 'red', on: true })
  await twin.unplug()
  await until(() => board.health.status === 'failed', 'the loss is noticed')
  t.equal(world.energised(8), true, 'the board itself knows no better')
  await twin.plug()
  await until(() => board.health.status === 'ready', 'it is back')
  t.equal(world.energised(8), false)
  t.equal(board.read('outputs')?.['red'], false)
})

void t.test('a board that was reset is noticed and set up anew', async (t) => {
  const { board, world } = await running(t)
  const seen: string[] = []
  board.onChange('health', (health) => seen.push(health.code ?? health.status))
  world.drive(9, true)
  await board.invoke('set', { line: 'red', on: true })
  world.reset()
  await until(() => seen.includes('PC-IO-READBACK'), 'it is noticed')
  await until(() => board.health.status === 'ready', 'it is back')
  t.strictSame(board.read('outputs'), { door: false, red: false, green: false })
  t.equal(board.read('inputs')?.['beam'], true)
  t.equal(world.level(7), true, 'the inverted line is released')
})

void t.test('with a keep-alive every relay drops out with the program', async (t) => {
  const twin = firmataTwin({ watchdog: { pin: 4, period_ms: 100 } }, 'tcp')
  const { board, world } = await running(t, { outputs: { beat: { pin: 4 }, door: { pin: 7 } }, keepAlive: { line: 'beat', period_ms: 40 } }, twin)
  await until(() => world.level(4), 'it beats')
  await board.invoke('set', { line: 'door', on: true })
  await until(() => world.energised(7), 'the relay is pulled in')
  await sleep(systemClock, 300)
  t.equal(board.health.status, 'ready')
  t.strictSame(board.read('outputs'), { door: true }, 'the beat is no line of its own')
  await t.rejects(board.invoke('set', { line: 'beat', on: true }), { code: 'PC-IO-LINE' })
  twin.device.receive = () => undefined
  await until(() => !world.energised(7), 'the safety relay dropped')
  t.equal(world.level(7), true, 'though the pin is still on')
})

void t.test('a board whose pins cannot serve is not used', async (t) => {
  const { board } = await running(t, { outputs: { door: { pin: 1 } } })
  t.match(board.health, { status: 'failed', code: 'PC-IO-PIN' })
  t.throws(() => driver.create({ port: '/dev/none', ...quick, outputs: { a: { pin: 9 } } } as never, standaloneContext('board')), { code: 'PC-IO-LINE' }, 'two lines on one pin')
  t.throws(() => driver.create({ port: '/dev/none', ...quick, keepAlive: { line: 'none', period_ms: 100 } } as never, standaloneContext('board')), { code: 'PC-IO-LINE' })
})

void t.test('johnny-five leaves nothing behind in the process', async (t) => {
  const { default: five } = await import('johnny-five')
  const before = { boards: five.Board.cache.length, signals: process.listenerCount('SIGINT'), exits: process.listenerCount('exit') }
  const { device, twin } = await running(t)
  for (let round = 0; round < 3; round++) {
    await twin.unplug()
    await until(() => device.component.health.status === 'failed', 'the loss is noticed')
    await twin.plug()
    await until(() => device.component.health.status === 'ready', 'it is back')
  }
  t.equal(five.Board.cache.length, before.boards + 1, 'one board for all connections')
  await device.stop()
  t.strictSame({ boards: five.Board.cache.length, signals: process.listenerCount('SIGINT'), exits: process.listenerCount('exit') }, before)
})

void t.test('messages are found however the bytes are cut, and garbage is passed over', async (t) => {
  t.equal(hex(digitalMessage(1, 0b1000_0001)), '910101')
  const message = fc.constantFrom('f90205', 'f0790205f7', 'f06e070101f7', '900001', 'e07f01')
  const garbage = fc.constantFrom('', '00', '7f7f', 'f4', 'c0', 'f00102', 'ff')
  fc.assert(fc.property(fc.array(fc.tuple(garbage, message), { maxLength: 12 }), fc.integer({ min: 1, max: 7 }), (parts, cut) => {
    const stream = concat(parts.map(([noise, bytes]) => fromHex(noise + bytes)))
    const framer = messageFramer('board')
    const found: string[] = []
    for (let at = 0; at < stream.length; at += cut) found.push(...framer.push(stream.subarray(at, at + cut)).map(hex))
    t.strictSame(found, parts.map(([, bytes]) => bytes))
  }), { numRuns: 60 })
})

void t.test('any bytes neither throw nor grow, in the framer, the twin and the driver', async (t) => {
  const twin = firmataTwin({}, 'tcp')
  const { board } = await running(t, {}, twin)
  const likely = fc.array(fc.oneof(fc.constantFrom(0xf0, 0xf7, 0x6c, 0x6a, 0x6e, 0x79, 0xf9, 0x90, 0xf4, 0xd0), fc.integer({ min: 0, max: 255 })), { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes))
  fc.assert(fc.property(fc.array(likely, { maxLength: 4 }), (chunks) => {
    const framers = [messageFramer('board'), messageFramer('host')]
    for (const framer of framers) for (const chunk of chunks) framer.push(chunk)
    for (const chunk of chunks) twin.device.receive(chunk)
    return framers.every((framer) => framer.pending <= 2_048)
  }))
  for (const garbage of fc.sample(likely, 100)) {
    twin.faults.garbage = garbage
    twin.device.drive(9, garbage.length % 2 === 0)
  }
  twin.faults.garbage = undefined
  twin.device.reset()
  await until(() => board.health.status === 'ready', 'it is ready again')
  await board.invoke('set', { line: 'red', on: true })
  t.equal(twin.device.energised(8), true)
})

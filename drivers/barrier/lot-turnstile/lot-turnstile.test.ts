import t, { type Test } from 'tap'
import fc from 'fast-check'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { pseudoTerminalsAvailable } from '../../kit/twin.ts'
import { driver as presence } from '../../presence/turnstile/driver.ts'
import { advance, timesFor, toMode, toStatus } from './codec.ts'
import { driver } from './driver.ts'
import { credited, firstSight, nextSight, type Sight } from './flap.ts'
import { turnstileTwin } from './twin.ts'

const quick = { reply_ms: 300, reconnect_ms: 20, poll_ms: 30, move_ms: 60, clear_ms: 300 }
const world = { motion_ms: 20, walk_ms: 30, boot_ms: 50 }

async function running(t: Test, options: Record<string, unknown> = {}, twin = turnstileTwin(world, 'tcp')) {
  const found = await twin.start()
  const device = driver.create({ baud: 115_200, unit: 1, direction: 'entry', retries: 2, ...quick, ...found, ...options } as never, standaloneContext('barrier'))
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  await until(() => device.component.read('state') !== 'unknown', 'it was seen')
  return { twin, world: twin.device, barrier: device.component, device, found }
}

for (const via of pseudoTerminalsAvailable() ? ['pty', 'tcp'] as const : ['tcp'] as const) {
  void t.test(`the conformance suite over ${via}`, async (t) => {
    conformance(t, {
      driver,
      twin: () => turnstileTwin(world, via),
      options: quick,
      exercise: async (component, twin) => {
        const before = twin.device.counted.entry
        await component.invoke('open', { for_ms: 5_000 })
        const walked = await twin.device.walk('entry')
        if (walked !== 'passed' || twin.device.counted.entry !== before + 1) throw new Error('nobody could pass')
        await component.invoke('close', {})
        await until(() => twin.device.flap === 'closed', 'it is shut')
      },
    })
  })
}

void t.test('one grant lets one person through, in its own direction', async (t) => {
  const { world, barrier } = await running(t)
  const states: string[] = []
  barrier.onChange('state', (state) => states.push(state))
  await barrier.invoke('open', { for_ms: 8_000 })
  t.equal(await world.walk('exit', { patience_ms: 100 }), 'refused')
  t.equal(await world.walk('entry'), 'passed')
  t.equal(await world.walk('entry', { patience_ms: 100 }), 'refused')
  await until(() => barrier.read('state') === 'closed', 'it is shut')
  t.equal(barrier.read('passed'), 1)
  t.strictSame(states, ['opening', 'open', 'closing', 'closed'].filter((state) => states.includes(state)), 'in this order')
  t.ok(states.includes('closed'))
})

void t.test('the turnstile shuts by itself when nobody tells it to', async (t) => {
  const { world, barrier, twin } = await running(t)
  await barrier.invoke('open', { for_ms: 2_000 })
  await until(() => world.flap === 'open', 'it is open')
  await twin.unplug()
  await until(() => world.flap === 'closed', 'it is shut on its own')
  t.equal(world.left.entry, 0)
  t.equal(barrier.read('state'), 'unknown')
})

void t.test('a passage that an earlier life granted is cancelled on connecting', async (t) => {
  const twin = turnstileTwin(world, 'tcp')
  twin.device.left.exit = 1
  twin.device.left.entry = 0xffff
  const { world: device } = await running(t, {}, twin)
  t.strictSame(device.left, { entry: 0, exit: 0 })
})

void t.test('anti-panic outlives a reboot and a new life, and only a command ends it', async (t) => {
  const { world: turnstile, barrier, device, found } = await running(t, { reply_ms: 100, retries: 0 }, turnstileTwin({ ...world, boot_ms: 400 }, 'tcp'))
  await barrier.invoke('free', { on: true })
  await until(() => turnstile.flap === 'open', 'it is open')
  turnstile.reboot()
  await until(() => barrier.health.status === 'failed', 'the reboot is noticed')
  await until(() => barrier.health.status === 'ready' && barrier.read('state') === 'open', 'it is back, and open')
  t.equal(barrier.read('mode'), 'free')
  t.equal(await turnstile.walk('exit'), 'passed')
  await t.rejects(barrier.invoke('open', { for_ms: 2_000 }), { code: 'PC-BARRIER-MODE' })
  await device.stop()
  t.equal(turnstile.flap, 'open', 'stopping the driver does not lock people in')

  const again = driver.create({ baud: 115_200, unit: 1, direction: 'entry', retries: 2, ...quick, ...found } as never, standaloneContext('barrier'))
  await again.start(new AbortController().signal)
  t.teardown(() => again.stop())
  await until(() => again.component.read('mode') === 'free', 'the mode is read, not assumed')
  await again.component.invoke('free', { on: false })
  await until(() => turnstile.flap === 'closed', 'it is shut')
})

void t.test('force, faults and somebody who stops inside are told apart', async (t) => {
  const { world, barrier } = await running(t)
  let forced = 0
  barrier.onEvent('forced', () => forced++)
  world.force('exit')
  await until(() => forced === 1, 'the force is noticed')
  await barrier.invoke('open', { for_ms: 4_000 })
  void world.walk('entry', { stops: true })
  await until(() => barrier.read('objects')?.exit === true, 'somebody is inside')
  await barrier.invoke('close', {})
  await until(() => barrier.read('state') === 'blocked', 'it is blocked')
  t.not(world.flap, 'closed', 'it does not shut on people')
  world.goOn()
  await until(() => barrier.read('state') === 'closed', 'it is shut')
  t.equal(forced, 1, 'who was let through does not count as force')
  world.fault = 5
  await until(() => barrier.health.status === 'degraded', 'the fault is seen')
  t.match(barrier.health, { code: 'PC-BARRIER-FAULT' })
  t.equal(barrier.read('state'), 'blocked')
  t.equal((await barrier.invoke('selfTest', {})).passed, false)
  world.fault = 0
  await until(() => barrier.health.status === 'ready', 'it is well again')
})

void t.test('the counters wrap around', async (t) => {
  const twin = turnstileTwin(world, 'tcp')
  twin.device.counted.entry = 0xffff_ffff
  const { barrier } = await running(t, {}, twin)
  await until(() => barrier.read('passed') === 0xffff_ffff, 'it was read')
  await barrier.invoke('open', { for_ms: 4_000 })
  await twin.device.walk('entry')
  await until(() => barrier.read('passed') === 0x1_0000_0000, 'it went on')
  t.equal(twin.device.counted.entry, 0)
})

void t.test('a turnstile that does not keep its time limit is not opened', async (t) => {
  const { barrier, twin } = await running(t)
  twin.device.settingsLocked = true
  await t.rejects(barrier.invoke('open', { for_ms: 3_000 }), { code: 'PC-BARRIER-LIMIT' })
  t.equal(twin.device.left.entry, 0)
  t.equal(twin.device.flap, 'closed')
})

void t.test('a close that comes while an open is under way wins', async (t) => {
  const { barrier, world } = await running(t)
  const opened = barrier.invoke('open', { for_ms: 6_000 }).catch((error: { code: string }) => error.code)
  await barrier.invoke('close', {})
  await opened
  t.equal(world.left.entry, 0)
  await until(() => world.flap === 'closed', 'it is shut')
})

void t.test('its sensors serve as a presence sensor', async (t) => {
  const { barrier, world, twin } = await running(t)
  const sensor = presence.create({ barrier: 'barrier', zone: 'entry' }, standaloneContext('queue', undefined, [barrier]))
  await sensor.start(new AbortController().signal)
  await until(() => sensor.component.read('count') === 0, 'nobody is there')
  const walked = world.walk('entry', { patience_ms: 400 })
  await until(() => sensor.component.read('count') === 1, 'somebody waits')
  t.equal(await walked, 'refused')
  await until(() => sensor.component.read('count') === 0, 'they left')
  await twin.unplug()
  await until(() => sensor.component.health.status === 'failed', 'the loss is passed on')
  t.match(sensor.component.health, { code: 'PC-IO-SOURCE' })
  await twin.plug()
  await until(() => sensor.component.health.status === 'ready', 'it is back')
  await sensor.stop()
  t.equal(sensor.component.health.status, 'stopped')
})

void t.test('the registers', async (t) => {
  t.strictSame(toStatus([1, 0xffff, 0, 3, 0x5678, 0x1234, 2, 0, 1]), {
    left: { entry: 1, exit: 0xffff }, objects: { entry: 0, exit: 3 }, counted: { entry: 0x1234_5678, exit: 2 }, error: 1,
  })
  t.equal(toMode(2), 'free')
  t.equal(toMode(7), 'locked', 'what is not known lets nobody through')
  t.equal(advance(0xffff_fffe, 1), 3)
  t.equal(advance(5, 2), 0, 'a counter set back is no passage')
  fc.assert(fc.property(fc.integer({ min: 2_000, max: 60_000 }), (for_ms) => {
    const { start_s, finish_s } = timesFor(for_ms)
    return start_s >= 1 && finish_s >= 1 && (start_s + finish_s) * 1_000 <= for_ms && (start_s + finish_s + 1) * 1_000 > for_ms
  }))
})

void t.test('what the registers say about the flap', async (t) => {
  const sight = (at: number, left = 0, counted = 0, far = 0, mode: Sight['mode'] = 'normal'): Sight =>
    ({ at, mode, status: { left: { entry: left, exit: 0 }, objects: { entry: 0, exit: far }, counted: { entry: counted, exit: 0 }, error: 0 } })
  const limits = { move_ms: 500, clear_ms: 2_000 }
  const closed = firstSight(sight(0), 'entry', limits)
  t.equal(closed.state, 'closed')
  t.equal(nextSight(closed, sight(100, 0, 1), 'entry', limits).forced, true)
  t.equal(nextSight(credited(closed), sight(100, 0, 1), 'entry', limits).forced, false, 'a passage quicker than the polling')
  t.equal(nextSight(closed, sight(100, 0, 1, 0, 'free'), 'entry', limits).forced, false)
  const opening = nextSight(closed, sight(100, 1), 'entry', limits)
  t.equal(opening.state, 'opening')
  t.equal(nextSight(opening, sight(600, 1), 'entry', limits).state, 'open')
  const closing = nextSight(opening, sight(700, 0, 1, 4), 'entry', limits)
  t.strictSame([closing.state, closing.passed, closing.forced], ['closing', 1, false])
  t.equal(nextSight(closing, sight(2_700, 0, 1, 4), 'entry', limits).state, 'blocked')
  t.equal(nextSight(closing, sight(1_200, 0, 1), 'entry', limits).state, 'closed')
  t.equal(firstSight(sight(0, 0, 9, 4), 'entry', limits, closing).passed, 9)
})

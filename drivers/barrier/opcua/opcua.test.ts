import t from 'tap'
import { standaloneContext, until } from '../../kit/conformance.ts'
import { driver } from './driver.ts'
import { running } from './rig.ts'

void t.test('commands, with everything in order', async (t) => {
  for (const by of ['variables', 'methods'] as const) {
    void t.test(`one opening lets one person through, commanded by ${by}`, async (t) => {
      const { world, barrier, forced } = await running(t, {}, { by, motion_ms: 150 })
      const states: string[] = []
      barrier.onChange('state', (state) => states.push(state))
      await barrier.invoke('open', { for_ms: 20_000 })
      t.equal(await world.walk(), 'passed')
      await until(() => barrier.read('state') === 'closed' && barrier.read('passed') === 1, 'it is shut and has counted')
      t.equal(await world.walk({ patience_ms: 50 }), 'refused')
      t.strictSame(states, ['opening', 'open', 'closing', 'closed'].filter((state) => states.includes(state)), 'in this order')
      await barrier.invoke('open', { for_ms: 300 })
      await until(() => world.position === 'closed', 'it shuts by itself when nobody comes')
      t.equal(forced(), 0)
      t.equal((await barrier.invoke('selfTest', {})).passed, true)
    })
  }

  void t.test('everybody gets out until that is ended, whatever happens to link and driver', async (t) => {
    const { twin, world, barrier, device, options, forced, ready } = await running(t)
    await barrier.invoke('free', { on: true })
    t.equal(barrier.read('mode'), 'free')
    await until(() => barrier.read('state') === 'open', 'it is open')
    await t.rejects(barrier.invoke('open', { for_ms: 1_000 }), { code: 'PC-BARRIER-MODE' })
    await t.rejects(barrier.invoke('close', {}), { code: 'PC-BARRIER-MODE' })
    await twin.powerFail()
    await until(() => barrier.health.status === 'failed', 'the power failure is noticed')
    t.equal(world.position, 'open', 'nobody is locked in')
    await twin.powerReturn()
    await ready()
    await until(() => world.mode === 'free', 'it is free again, though the PLC had forgotten')
    await device.stop()
    t.equal(world.mode, 'free', 'stopping the driver does not lock people in')
    const again = driver.create(options, standaloneContext('barrier'))
    t.teardown(() => again.stop())
    await again.start(new AbortController().signal)
    t.equal(again.component.read('mode'), 'free', 'the mode is read, not assumed')
    await again.component.invoke('free', { on: false })
    await until(() => world.position === 'closed', 'it is shut')
    t.equal(forced(), 0)
  })

  void t.test('force, key switches, faults and obstacles are told apart', async (t) => {
    const { world, barrier, forced, failed, ready } = await running(t, { confirm_ms: 800 })
    world.force()
    await until(() => forced() === 1, 'the force is noticed')
    await until(() => barrier.read('state') === 'closed', 'it fell shut')
    world.locked = true
    await until(() => barrier.read('mode') === 'locked', 'the key is seen')
    await t.rejects(barrier.invoke('open', { for_ms: 1_000 }), { code: 'PC-BARRIER-MODE' })
    world.locked = false
    await until(() => barrier.read('mode') === 'normal', 'the key is seen')
    await barrier.invoke('open', { for_ms: 20_000 })
    await until(() => barrier.read('state') === 'open', 'it is open')
    world.block(true)
    await t.rejects(barrier.invoke('close', {}), { code: 'PC-BARRIER-OBSTACLE' })
    t.equal(barrier.read('state'), 'blocked')
    t.equal(world.position, 'blocked', 'it does not shut on people')
    world.block(false)
    await until(() => barrier.read('state') === 'closed', 'it is shut')
    world.fault = 7
    await failed('PC-BARRIER-FAULT')
    t.equal(barrier.health.status, 'degraded')
    t.equal((await barrier.invoke('selfTest', {})).passed, false)
    world.fault = 0
    await ready()
    t.equal(forced(), 1, 'who was let through does not count as force')
  })
})

void t.test('whoever is silent, late or contradictory is not believed', async (t) => {
  void t.test('a command whose feedback does not follow is an error, and what is safe is commanded', async (t) => {
    const { world, barrier } = await running(t, { confirm_ms: 200 })
    world.jammed = true
    await t.rejects(barrier.invoke('open', { for_ms: 20_000 }), { code: 'PC-BARRIER-UNCONFIRMED' })
    world.jammed = false
    t.equal(await world.walk({ patience_ms: 300 }), 'refused', 'it does not open later')
    t.equal(barrier.health.status, 'ready')
  })

  void t.test('bad and uncertain values are unknown, and nothing is opened on them', async (t) => {
    const { twin, barrier, failed, ready } = await running(t)
    for (const quality of ['uncertain', 'bad'] as const) {
      twin.faults.quality = quality
      await failed('PC-PLC-VALUE')
      t.equal(barrier.read('state'), 'unknown')
      await t.rejects(barrier.invoke('open', { for_ms: 1_000 }), { code: 'PC-PLC-VALUE' })
      twin.faults.quality = 'good'
      await ready()
      t.equal(barrier.read('state'), 'closed')
    }
    t.equal(barrier.read('counters')?.['connects'], 1, 'the link was not given up for that')
  })

  void t.test('a program that stands still, late time stamps, silence, gaps and killed sessions end the life of the link', async (t) => {
    const { twin, world, barrier, failed, ready } = await running(t, { beat: { alive_ms: 400 }, stale_ms: 400, reply_ms: 600 })
    world.halted = true
    await failed('PC-PLC-FROZEN')
    t.equal(barrier.read('state'), 'unknown')
    world.halted = false
    await ready()
    twin.faults.clockStopped = true
    await failed('PC-PLC-STALE')
    twin.faults.clockStopped = false
    await ready()
    twin.faults.mute = true
    await until(() => /^PC-(PLC-SILENT|LINK-TIMEOUT|LINK-OPEN)$/.test(barrier.health.code ?? ''), 'the silence is noticed')
    await t.rejects(barrier.invoke('open', { for_ms: 1_000 }), { code: 'PC-LINK-DOWN' })
    twin.faults.mute = false
    await ready()
    twin.loseNotification()
    await until(() => barrier.read('counters')?.['gaps'] === 1, 'the gap is noticed')
    await ready()
    const connects = barrier.read('counters')?.['connects'] ?? 0
    twin.killSessions()
    await until(() => (barrier.read('counters')?.['connects'] ?? 0) > connects, 'a new session is made')
    await ready()
    await barrier.invoke('open', { for_ms: 5_000 })
    t.equal(await world.walk(), 'passed')
  })

  void t.test('the PLC shuts by itself when the driver is gone', async (t) => {
    const { twin, world, barrier, ready } = await running(t, {}, { watchdog_ms: 2_000 })
    await barrier.invoke('open', { for_ms: 60_000 })
    await twin.unplug()
    await until(() => world.position === 'closed', 'it is shut')
    t.ok(world.abandoned > 0, 'by its own watchdog')
    t.equal(barrier.read('state'), 'unknown')
    await twin.plug()
    await ready()
  })

  void t.test('what an earlier life opened is shut on connecting', async (t) => {
    const { twin, world, barrier, ready } = await running(t, {}, { watchdog_ms: 60_000 })
    await barrier.invoke('open', { for_ms: 60_000 })
    await twin.unplug()
    await until(() => barrier.health.status === 'failed', 'the loss is noticed')
    t.equal(world.position, 'open', 'a PLC without a watchdog stays open')
    await twin.plug()
    await ready()
    await until(() => barrier.read('state') === 'closed', 'it is shut')
  })
})

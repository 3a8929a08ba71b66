import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ManualClock, systemClock } from '../base/clock.ts'
import { DeviceError } from '../base/error.ts'
import { silent } from '../base/log.ts'
import { sleep } from '../base/wait.ts'
import { createNotifier } from './notify.ts'
import { RuntimeMonitor } from './runtime.ts'
import { startOrder, Supervisor, type Unit } from './supervisor.ts'

const limits = { start_ms: 2_000, stop_ms: 100, shutdown_ms: 500, retry_ms: 1 }

function unit(name: string, needs: string[], events: string[], behaviour: Partial<Unit> = {}): Unit {
  return {
    name, needs, restart: 'retry',
    start: async () => { events.push(`+${name}`) },
    stop: async () => { events.push(`-${name}`) },
    ...behaviour,
  }
}

void t.test('units start after what they need and stop before it', async (t) => {
  const events: string[] = []
  const supervisor = new Supervisor([unit('gate', ['door', 'journal'], events), unit('door', ['board'], events), unit('board', [], events), unit('journal', [], events)], systemClock, silent, limits)
  await supervisor.start()
  await supervisor.stop()
  t.strictSame(events, ['+board', '+journal', '+door', '+gate', '-gate', '-door', '-board', '-journal'])
})

void t.test('any order of any units without a loop keeps to their needs', async (t) => {
  fc.assert(fc.property(fc.array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 10 }), fc.infiniteStream(fc.nat()), (wishes, random) => {
    const units = wishes.map((needs, index) => ({ name: `u${index}`, needs: index === 0 ? [] : needs.map((need) => `u${need % index}`) }))
    const shuffled = [...units].sort(() => ((random.next().value as number) % 3) - 1)
    const order = startOrder(shuffled).flat().map(({ name }) => name)
    return order.length === units.length && units.every(({ name, needs }) => needs.every((need) => order.indexOf(need) < order.indexOf(name)))
  }))
  t.throws(() => startOrder([{ name: 'a', needs: ['b'] }, { name: 'b', needs: ['a'] }]), { code: 'PC-RUN-LOOP' })
  t.throws(() => startOrder([{ name: 'a', needs: ['b'] }]), { code: 'PC-RUN-NEEDS' })
})

void t.test('a unit that fails is started again; one that the device cannot run without ends the start', async (t) => {
  const events: string[] = []
  let tries = 0
  const flaky = unit('flaky', [], events, { start: async () => {
    if (++tries < 3) throw new DeviceError('PC-TEST-X', 'Not yet.')
    events.push('+flaky')
  } })
  const supervisor = new Supervisor([flaky, unit('other', ['flaky'], events)], systemClock, silent, limits)
  await supervisor.start()
  while (tries < 3) await sleep(systemClock, 5)
  await supervisor.stop()
  t.ok(events.indexOf('+other') < events.indexOf('+flaky'), 'the others started meanwhile')
  t.ok(events.includes('+flaky'))
  const fatal = new Supervisor([unit('journal', [], events, { restart: 'give-up', start: () => Promise.reject(new DeviceError('PC-TEST-X', 'No.')) })], systemClock, silent, limits)
  await t.rejects(fatal.start(), { code: 'PC-TEST-X' })
  await fatal.stop()
})

void t.test('shutdown is bounded, whatever a unit does', async (t) => {
  const events: string[] = []
  const stuck = unit('stuck', [], events, { start: async () => undefined, stop: () => new Promise(() => undefined) })
  const supervisor = new Supervisor([stuck, unit('under', [], events), unit('over', ['stuck', 'under'], events)], systemClock, silent, limits)
  await supervisor.start()
  await supervisor.stop()
  t.strictSame(events, ['+under', '+over', '-over', '-under'])
})

void t.test('what a unit needs works until the unit has stopped', async (t) => {
  const events: string[] = []
  let linked = false
  const door = unit('door', [], events, {
    start: async (signal) => {
      linked = true
      signal.addEventListener('abort', () => { linked = false })
    },
  })
  const gate = unit('gate', ['door'], events, { stop: async () => {
    await sleep(systemClock, 5)
    events.push(linked ? 'door closed' : 'door out of reach')
  } })
  const supervisor = new Supervisor([door, gate], systemClock, silent, limits)
  await supervisor.start()
  await supervisor.stop()
  t.strictSame(events, ['+gate', 'door closed', '-door'])
  t.equal(linked, false, 'its signal ends what it left running')
})

void t.test('a start that never ends is given up and tried again', async (t) => {
  const events: string[] = []
  let tries = 0
  let givenUp: AbortSignal | undefined
  const hanging = unit('hanging', [], events, { start: (signal) => {
    if (++tries > 1) return Promise.resolve()
    givenUp = signal
    return new Promise(() => undefined)
  } })
  const supervisor = new Supervisor([hanging], systemClock, silent, { ...limits, start_ms: 20 })
  await supervisor.start()
  while (tries < 2) await sleep(systemClock, 5)
  t.equal(givenUp?.aborted, true, 'it does not go on beside the next')
  await supervisor.stop()
  t.equal(tries, 2)
})

void t.test('the notifier speaks through systemd-notify while the runtime is alive', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-notify-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const said = join(folder, 'said')
  writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${said}\n`)
  chmodSync(join(folder, 'systemd-notify'), 0o755)
  const clock = new ManualClock()
  let alive = true
  const env = { PATH: `${folder}:${process.env['PATH']}`, NOTIFY_SOCKET: '/run/none', WATCHDOG_USEC: '3000000' }
  const notifier = createNotifier({ clock, log: silent, env, alive: () => alive })
  const lines = (): string[] => (existsSync(said) ? readFileSync(said, 'utf8').trim().split('\n') : [])
  const untilLines = async (count: number): Promise<void> => {
    for (let waited = 0; lines().length < count && waited < 10_000; waited += 10) await sleep(systemClock, 10)
  }
  notifier.ready()
  await untilLines(2)
  t.strictSame([...lines()].sort(), ['--ready', 'WATCHDOG=1'])
  clock.advance(1000)
  await untilLines(3)
  t.equal(lines().length, 3)
  alive = false
  clock.advance(5000)
  notifier.stop()
  notifier.stopping()
  await untilLines(4)
  t.strictSame(lines().slice(3), ['STOPPING=1'], 'no sign of life from a runtime that is not well')
  t.equal(clock.pending, 0)
  createNotifier({ clock, log: silent, env: {}, alive: () => true }).ready()
  t.equal(clock.pending, 0, 'without systemd nothing is sent')
})

void t.test('the runtime watches its own memory and says so', async (t) => {
  const clock = new ManualClock()
  const monitor = new RuntimeMonitor('1.2.3', clock, { lag_ms_max: 1e6, memory_mb_max: 1 })
  const overloads: unknown[] = []
  monitor.component.onEvent('overload', (news) => overloads.push(news))
  monitor.start()
  t.match(monitor.component.health, { status: 'degraded', code: 'PC-RUN-OVERLOAD' })
  clock.advance(20_000)
  t.equal(overloads.length, 1, 'once, not every period')
  t.equal(monitor.alive(), true)
  const report = await monitor.component.invoke('selfTest', {})
  t.equal(report.passed, false)
  monitor.stop()
  t.equal(clock.pending, 0)
})

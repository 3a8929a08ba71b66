/**
 * What every driver must do against its twin, whatever the device: used by each driver's test.
 *
 * A driver passes when it opens, identifies, survives garbage, truncated and corrupt frames, a slow
 * device, an unplug and a replug, and closes without leaving a descriptor or a timer behind.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Test } from 'tap'
import { type Cancel, type Clock, systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { mistakes } from '../../edge/base/schema.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { Component } from '../../edge/device/component.ts'
import type { Common, Contract, Members, SelfTestReport } from '../../edge/device/contract.ts'
import type { Driver, DriverContext } from './driver.ts'
import type { Twin } from './twin.ts'

export interface ConformanceSpec<M extends Members & Common, T extends Twin> {
  driver: Driver<M>
  twin(): T
  /** Options beside those that the twin gives; keep the limits small so that the test is quick. */
  options?: Record<string, unknown>
  /** Uses the device once, for real; called again after every disturbance. Throws when it does not work. */
  exercise(component: Component<M>, twin: T): Promise<void>
  /** The other parts that the driver's options name, made for each test. */
  parts?(twin: T, clock: Clock): readonly Component[]
  /** False for devices that cannot say what they are (a reader that only ever sends). */
  identifies?: boolean
  /** False for devices that only ever send: an answer cannot be late or cut. */
  answers?: boolean
  /** What the self-test must check, each with a figure. */
  figures?: readonly string[]
}

/** Counts timers, so that a leaked one is seen. */
class CountingClock implements Clock {
  pending = 0
  now = systemClock.now
  wall = systemClock.wall

  after(delay_ms: number, action: () => void): Cancel {
    this.pending++
    let counted = true
    const done = (): void => {
      if (counted) this.pending--
      counted = false
    }
    const cancel = systemClock.after(delay_ms, () => {
      done()
      action()
    })
    return () => {
      done()
      cancel()
    }
  }
}

const waitLimit_ms = 15_000

/** Waits until `holds`; the limit is generous because test machines are slow. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > waitLimit_ms) throw new Error(`waited too long until ${what}`)
    await sleep(systemClock, 10)
  }
}

/** Node keeps one open once anything has listened, to be able to refuse a connection when it has no descriptors left. */
const reserve = '/dev/null'

/** Descriptors that a device could have left open: terminals, sockets, files, pipes. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return 'gone'
    }
  }).filter((target) => target !== 'gone' && target !== reserve && !target.startsWith('/proc/') && !target.startsWith('anon_inode'))
}

/** A context for a driver that stands alone. */
export function standaloneContext(name: string, clock: Clock = systemClock, parts: readonly Component[] = []): DriverContext {
  return {
    name, clock, log: silent,
    part: <P extends Members & Common>(wanted: string, contract: Contract<P>) => {
      const found = parts.find((part) => part.name === wanted && part.contract.name === contract.name)
      if (found === undefined) throw new Error(`the test has no ${contract.name} named ${wanted}`)
      return found as unknown as Component<P>
    },
    secret: (reference) => reference.startsWith('file:') ? readFile(reference.slice('file:'.length)) : Promise.reject(new Error('the test has no such secret')),
  }
}

export function conformance<M extends Members & Common, T extends Twin>(t: Test, spec: ConformanceSpec<M, T>): void {
  const { driver, exercise } = spec

  /** Runs `body` with a started twin and driver, and checks that nothing is left behind. */
  const running = (name: string, body: (t: Test, component: Component<M>, twin: T) => Promise<void>, extra: Record<string, unknown> = {}): void => {
    void t.test(`${driver.name}: ${name}`, async (t) => {
      const before = descriptors()
      const clock = new CountingClock()
      const twin = spec.twin()
      const options = { ...await twin.start(), ...spec.options, ...extra }
      t.strictSame(mistakes(driver.options, options), [], 'the options are valid')
      const device = driver.create(options, standaloneContext('device', clock, spec.parts?.(twin, clock)))
      await device.start(new AbortController().signal)
      try {
        await body(t, device.component, twin)
      } finally {
        await device.stop()
        await twin.stop()
      }
      t.equal(device.component.health.status, 'stopped', 'it says that it stopped')
      t.equal(clock.pending, 0, 'no timer is left')
      await until(() => descriptors().length <= before.length, 'its descriptors are closed').catch(() => undefined)
      t.ok(descriptors().length <= before.length, `no descriptor is left (before: ${before.length}, after: ${descriptors().length})`)
    })
  }

  running('opens, identifies itself and works', async (t, component, twin) => {
    await until(() => component.health.status === 'ready', 'it is ready')
    if (spec.identifies !== false) t.ok(component.read('identity' as never), 'it says what it is')
    await exercise(component, twin)
    for (const [name, member] of Object.entries(component.contract.members)) {
      const reading = component.reading(name)
      if (member.kind === 'property' && reading !== undefined) {
        t.strictSame(mistakes(member.schema, structuredClone(reading.value)), [], `${name} keeps its schema`)
      }
    }
    const report = await component.invoke('selfTest' as never, {} as never) as unknown as SelfTestReport
    t.equal(report.passed, true, 'its self-test passes')
    t.not(report.checks.length, 0, 'its self-test checks something')
    const told = new Set(report.checks.filter(({ value }) => Number.isFinite(value)).map(({ name }) => name))
    t.strictSame(spec.figures?.filter((figure) => !told.has(figure)) ?? [], [], 'its self-test tells every figure')
  })

  if (spec.identifies !== false) {
    running('does not use another device than the one expected', async (t, component) => {
      t.match(component.health, { status: 'failed', code: 'PC-LINK-WRONG-DEVICE' })
    }, { expect: { model: 'something else' } })
  }

  running('survives garbage', async (t, component, twin) => {
    await until(() => component.health.status === 'ready', 'it is ready')
    twin.faults.garbage = Uint8Array.from({ length: 23 }, (_, index) => (index * 37 + 11) % 256)
    await exercise(component, twin)
    twin.faults.garbage = undefined
    await exercise(component, twin)
    t.equal(component.usable, true)
  })

  if (spec.answers !== false) {
    running('survives truncated and corrupt frames', async (t, component, twin) => {
      await until(() => component.health.status === 'ready', 'it is ready')
      twin.faults.truncateNext = 1
      await exercise(component, twin)
      twin.faults.corruptNext = 1
      await exercise(component, twin)
      t.equal(component.usable, true)
    })

    running('bears a slow device, names one that does not answer, and recovers', async (t, component, twin) => {
      await until(() => component.health.status === 'ready', 'it is ready')
      twin.faults.delay_ms = 20
      await exercise(component, twin)
      twin.faults.delay_ms = 0
      twin.faults.mute = true
      await t.rejects(exercise(component, twin), { code: /^PC-/ }, 'silence is an error with a code')
      twin.faults.mute = false
      await until(() => component.health.status === 'ready', 'it is ready again')
      await exercise(component, twin)
    })
  }

  running('notices an unplug and comes back after a replug', async (t, component, twin) => {
    await until(() => component.health.status === 'ready', 'it is ready')
    await twin.unplug()
    await until(() => component.health.status === 'failed', 'the loss is noticed')
    t.match(component.health, { code: /^PC-/, says: /.\.$/ }, 'the loss has a code and a sentence')
    await twin.plug()
    await until(() => component.health.status === 'ready', 'it is back')
    await exercise(component, twin)
  })

  void t.test(`${driver.name}: says that it failed when nothing is there, and stops cleanly`, async (t) => {
    const clock = new CountingClock()
    const twin = spec.twin()
    const options = { ...await twin.start(), ...spec.options }
    await twin.unplug()
    const device = driver.create(options, standaloneContext('device', clock, spec.parts?.(twin, clock)))
    await device.start(new AbortController().signal)
    t.equal(device.component.health.status, 'failed')
    await device.stop()
    await twin.stop()
    t.equal(clock.pending, 0, 'no timer is left')
  })

  void t.test(`${driver.name}: refuses an option it does not know`, async (t) => {
    t.not(mistakes(driver.options, { ...spec.options, nonsense: 1 }).length, 0)
  })
}

/** A vehicle's obstacle paths end to end: real packets into the real program, facts at the centre. */
import t from 'tap'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import { IgvSite, patient } from './igv-site.ts'

// Nothing here is about speed.
t.setTimeout(240_000)
const patience_ms = 60_000

interface Said { component?: string; event?: string; status?: string; code?: string; data?: { source?: string; state?: string; cause?: { kind: string; source?: string; trouble?: string; field?: string; x?: number; y?: number } } }

void t.test('a vehicle stops for a person, for a sensor that is gone, and for its own death', async (t) => {
  const site = await IgvSite.make({ folder: t.testdir(), changes: patient })
  t.teardown(() => site.stop())
  const facts: Fact[] = []
  site.centre.facts.add((fact) => facts.push(fact))
  const said = ({ body }: Fact): Said => body as Said
  /** The first fact after `from` that is so. */
  const fact = async (from: number, holds: (said: Said) => boolean, what: string): Promise<Said> => {
    const found = (): Fact | undefined => facts.slice(from).find((each) => holds(said(each)))
    for (let waited_ms = 0; found() === undefined; waited_ms += 50) {
      if (waited_ms > patience_ms) throw new Error(`waited too long until ${what}`)
      await sleep(systemClock, 50)
    }
    return said(found() as Fact)
  }
  const stopped = (from: number, what: string) => fact(from, ({ component, event }) => component === 'obstacles' && event === 'stopped', what)
  const released = (from: number, what: string) => fact(from, ({ component, event }) => component === 'obstacles' && event === 'released', what)

  await site.runtime.start()
  await released(0, 'every lidar is ready and nothing is in the way')
  await t.test('a person steps before it and away again', async (t) => {
    let from = facts.length
    const leave = site.world.person({ x: 2.6, y: 0.2 })
    const stop = await stopped(from, 'it stops')
    t.match(stop.data?.cause, { x: Number, y: Number })
    t.ok(Math.hypot((stop.data?.cause?.x ?? 9) - 2.6, (stop.data?.cause?.y ?? 9) - 0.2) < 0.5, 'it says where')
    from = facts.length
    leave()
    await released(from, 'it is released')
  })
  await t.test('a sensor is unplugged and plugged in again', async (t) => {
    let from = facts.length
    await site.world.rear.unplug()
    const stop = await stopped(from, 'it stops')
    t.match(stop.data?.cause, { source: 'rear', kind: /stale|source/ })
    t.match(await fact(from, ({ component, status }) => component === 'rear' && status === 'failed', 'the sensor is failed'), { code: 'PC-LIDAR-SILENT' })
    from = facts.length
    await site.world.rear.plug()
    await fact(from, ({ component, status }) => component === 'rear' && status === 'ready', 'the sensor is back')
    await released(from, 'it is released')
  })
  await t.test('a sensor that must not be believed, for each reason', async (t) => {
    const { faults } = site.world.front
    const wrongs: { reason: RegExp; wrong: () => void; right: () => void }[] = [
      { reason: /^frozen$/, wrong: () => (faults.frozen = true), right: () => (faults.frozen = false) },
      { reason: /^reversed$/, wrong: () => (faults.reversed = true), right: () => (faults.reversed = false) },
      { reason: /^upside-down$/, wrong: () => (faults.upsideDown = true), right: () => (faults.upsideDown = false) },
      { reason: /^blinded$/, wrong: () => (faults.dirty = 0.8), right: () => (faults.dirty = 0) },
      { reason: /^clock$/, wrong: () => (faults.clockJump_us = 30e6), right: () => undefined },
      { reason: /^storm$/, wrong: () => (faults.storm = 20), right: () => (faults.storm = 0) },
      // Lost packets look lossy before only foreign ones are left.
      { reason: /^foreign$/, wrong: () => Object.assign(faults, { drop: 1, foreign: 1 }), right: () => Object.assign(faults, { drop: 0, foreign: 0 }) },
    ]
    for (const { reason, wrong, right } of wrongs) {
      const from = facts.length
      wrong()
      // Points at wrong places may be in a field before it is understood why.
      await fact(from, ({ component, event }) => component === 'obstacles' && event === 'stopped', `${reason} stops`)
      await fact(from, ({ component, event, data }) => component === 'obstacles' && event === 'source' && data?.source === 'front' && reason.test(data.state ?? ''), `${reason} is understood`)
      right()
      await released(from, `${reason} is over`)
      t.pass(String(reason))
    }
  })
  await t.test('the program is killed, starts again, and stops for what stands there', async (t) => {
    const from = facts.length
    site.world.person({ x: 2.4, y: -0.3 })
    await stopped(from, 'it stops')
    const again = facts.length
    site.runtime.kill()
    await fact(again, ({ component, status }) => component === 'obstacles' && (status === 'ready' || status === 'degraded'), 'it is back')
    t.notOk(facts.slice(again).some((each) => said(each).event === 'released'), 'it did not forget who stands there')
  })
})

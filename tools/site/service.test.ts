/** The whole e-Gate on its twins, served by a technician: traced, tested, bundled, changed and restarted. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Order } from '../../edge/uplink/order.ts'
import { EgateSite } from './egate-site.ts'
import { Observer } from './observer.ts'
import { documentLines } from './people.ts'
import type { Ready } from './runtime-process.ts'
import { readFaces } from './site-state.ts'

t.setTimeout(220_000)

const missing = await readFaces().then(() => false, () => 'the demo faces are not there: run make setup')
const answer_ms_max = 65_000

void t.test('a technician serves an e-Gate', { skip: missing, timeout: 200_000 }, async (t) => {
  const folder = t.testdir()
  const site = await EgateSite.make({ folder, travellers: 4, tempo: 0.2 })
  t.teardown(() => site.stop())
  const seen = new Observer(site)
  await site.start()
  await seen.phase('idle')
  const ask = async (component: string, command: string, args = {}, role: Order['role'] = 'technician'): Promise<unknown> =>
    await site.centre.ask({ component, command }, args, role, answer_ms_max)
  const [somebody] = site.travellers
  if (somebody === undefined) throw new Error('nobody came')

  await t.test('what goes over the wires: the turnstile in full, a document by its length', async (t) => {
    for (const part of ['exitFlap', 'passport']) await ask('traces', 'start', { part, for_s: 60 })
    await t.rejects(ask('traces', 'start', { part: 'camera', for_s: 60 }), { code: 'PC-TRACE-WIRE' })
    await site.world.approach()
    site.world.passport.swipe(documentLines(somebody))
    await site.page.until(({ instruction }) => instruction === 'step-in', 30_000, 'the entry is open')
    const frames = async (part: string) => ((await ask('traces', 'read', { part })) as { frames: { hex: string; bytes: number; direction: string }[] }).frames
    const document = await frames('passport')
    t.ok(document.reduce((sum, { bytes }) => sum + bytes, 0) >= 88, 'as many bytes as a machine-readable zone has')
    t.ok(document.every(({ hex }) => hex === ''), 'and none of them')
    t.ok((await frames('exitFlap')).some(({ hex, direction }) => direction === 'out' && hex.startsWith('0103')), 'Modbus requests')
  })

  await t.test('nothing is restarted while a traveller is in the gate', async (t) => {
    await t.rejects(ask('power', 'restart'), { code: 'PC-POWER-BUSY' })
    await t.rejects(ask('power', 'restart', {}, 'officer'), { code: 'PC-DEVICE-ROLE' })
    await site.centre.decide('release', site.page.view?.passage ?? 0)
    await site.world.clear()
  })

  await t.test('every component is tested', async (t) => {
    const { components } = await ask('diagnosis', 'testAll') as { components: Record<string, { passed: boolean }> }
    for (const name of ['exitFlap', 'finger', 'camera', 'passport', 'gate', 'journal', 'uplink', 'face', 'settings']) t.ok(components[name]?.passed, name)
  })

  await t.test('a bundle tells much, and nothing of people or keys', async (t) => {
    const { file } = await ask('diagnosis', 'bundle') as { file: string }
    const out = join(folder, 'out')
    mkdirSync(out)
    execFileSync('tar', ['-xzf', join(site.state, 'outbox', file), '-C', out])
    const all = readdirSync(out).map((name) => readFileSync(join(out, name), 'latin1')).join('\n')
    for (const part of Object.keys((JSON.parse(readFileSync(join(out, 'profile.json'), 'utf8')) as { parts: object }).parts)) t.ok(all.includes(`"${part}"`), part)
    t.ok(readFileSync(join(out, 'journal.jsonl'), 'utf8').includes('gate.step'))
    const credentials = join(site.state, 'credentials')
    const keys = readdirSync(credentials).filter((name) => name !== 'authority').map((name) => readFileSync(join(credentials, name)))
    t.ok(keys.length >= 2)
    for (const key of keys) for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const) t.notOk(all.includes(key.toString(form)), `no key as ${form}`)
    for (const text of [somebody.document.documentNumber, somebody.document.surname, documentLines(somebody)[1] ?? '']) t.notOk(all.includes(text), 'nothing of the document')
  })

  await t.test('a changed setting holds from the restart on', async (t) => {
    await seen.until(() => site.page.view?.phase === 'idle', 'the gate is free again', 60_000)
    await ask('settings', 'set', { path: 'gate.limits.door_s', value: '6.5' })
    await t.rejects(ask('settings', 'set', { path: 'gate.limits.door_s', value: '0' }), { code: 'PC-SETTINGS-INVALID' })
    const again = new Promise<Ready>((resolve) => {
      const remove = site.runtime.onReady.add((ready) => {
        remove()
        resolve(ready)
      })
    })
    const why: unknown[] = []
    site.runtime.onLine.add(({ says, signal }) => {
      if (says === 'stopping') why.push(signal)
    })
    await ask('power', 'restart')
    await again
    t.strictSame(why, ['restart'], 'it ended as by a signal')
    t.match(await ask('settings', 'get', { path: 'gate.limits.door_s' }), { value: '6.5' })
    t.equal(seen.told('device.power', { what: 'restart', by: 'technician-1' }).length, 1)
    t.equal(seen.told('device.event', { component: 'settings', event: 'changed' }).length, 1)
    t.match(await ask('logs', 'tail', { count: 5 }), { lines: [{ text: /^\{"level":/ }], lost: 0 })
  })
})

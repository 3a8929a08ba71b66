/** What the real program survives: a wrong start, a centre that is away, a kill in the middle, a full disk, and its end. */
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { IgvProfile } from '../../profiles/profile.ts'
import { newAuthority, provision } from '../authority/authority.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from './egate-site.ts'
import { Observer } from './observer.ts'
import { PageWatch } from './page-watch.ts'
import { documentLines, type Traveller } from './people.ts'
import { RuntimeProcess } from './runtime-process.ts'
import { writeSiteProfile } from './site-profile.ts'
import { readFaces } from './site-state.ts'

t.setTimeout(220_000)

const limits = { entering_s: 4, exiting_s: 5, leaving_s: 8, message_s: 1, clear_s: 2, door_s: 4 }
const changes = Object.entries(limits).map(([name, value]) => ({ path: ['gate', 'limits', name], value }))
const missing = await readFaces().then(() => false, () => 'the demo faces are not there: run make setup')
const program = join(root, 'tools/cli/portcullis.ts')

interface Ended {
  code: number | null
  out: string
}

/** Runs the program to its end. */
function portcullis(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => void (out += text.toString()))
    child.once('exit', (code) => resolve({ code, out }))
  })
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function visitorOf(site: EgateSite): Traveller {
  const [visitor] = site.travellers
  if (visitor === undefined) throw new Error('nobody comes')
  return visitor
}

/** A traveller goes in, up to the camera. */
async function goIn(site: EgateSite, seen: Observer): Promise<void> {
  await seen.phase('idle')
  await site.world.approach()
  site.world.passport.swipe(documentLines(visitorOf(site)))
  await site.page.until(({ instruction }) => instruction === 'step-in', 30_000, 'the entry is open')
  await site.world.stepIn(1)
  await seen.phase('face')
}

async function proves(t: Test, state: string): Promise<void> {
  const file = join(state, 'journal.db')
  t.match(await portcullis('journal', 'verify', '--file', file), { code: 0, out: /^ok: \d+ facts/ }, 'the chain holds')
  t.match(await portcullis('journal', 'replay', '--file', file), { code: 0, out: /gate\.step: \d+ steps agree/ }, 'every decision can be taken again')
}

void t.test('a start that cannot work ends at once, with a sentence', async (t) => {
  const folder = t.testdir()
  const profile = join(root, 'profiles/egate.yaml')
  const wrong = join(folder, 'wrong.yaml')
  writeFileSync(wrong, 'device: { kind: egate }\n')
  const starts = await Promise.all([
    portcullis('run', '--profile', wrong, '--state', join(folder, 'a')),
    portcullis('run', '--profile', join(folder, 'nothing.yaml'), '--state', join(folder, 'b')),
    portcullis('run', '--profile', profile, '--state', join(folder, 'c')),
  ])
  t.match(starts[0], { code: 1, out: /wrong\.yaml:1:\d+: .*is missing\. \(PC-PROFILE-INVALID\)/ })
  t.match(starts[1], { code: 1, out: /cannot be read\. \(PC-PROFILE-READ\)/ })
  t.match(starts[2], { code: 1, out: /credential:\w+ is not there: has the device been provisioned\? \(PC-PROFILE-SECRET\)/ })
  for (const { out } of starts) t.notMatch(out, /\n +at /, 'a mistake of people is no crash')

  const half = join(folder, 'half')
  mkdirSync(join(half, 'credentials'), { recursive: true })
  writeFileSync(join(half, 'credentials', 'journal'), Buffer.alloc(32, 5))
  t.match(await portcullis('run', '--profile', profile, '--state', half), { code: 1, out: /PC-PROFILE-SECRET/ }, 'nor does it hang when something was opened by then')
  t.match(await portcullis('run', '--profle', profile), { code: 2 }, 'used wrongly')
})

void t.test('every profile starts without its hardware, stays safe, and stops cleanly', async (t) => {
  const profiles = readdirSync(join(root, 'profiles')).filter((file) => file.endsWith('.yaml'))
  const site = t.testdir()
  await Promise.all(profiles.map(async (name) => {
    const folder = join(site, name.replace('.yaml', ''))
    await provision(folder, { journal: Buffer.alloc(32, 5), lists: Buffer.alloc(32, 6), authority: newAuthority().publicPem })
    const profile = join(folder, name)
    writeSiteProfile({ from: join(root, 'profiles', name), to: profile, places: {}, broker: 'mqtt://127.0.0.1:9', port: 0 })
    const runtime = new RuntimeProcess({ profile, state: folder, log: join(folder, 'runtime.log') })
    t.teardown(() => runtime.stop().catch(() => undefined))
    await runtime.start()
    if (runtime.page === undefined) await staysStopped(t, folder, parse(readFileSync(profile, 'utf8')) as IgvProfile)
    else await letsPeopleOut(t, name, runtime)
    await runtime.stop()
    t.equal(runtime.code, 0, `${name}: stops cleanly`)
    await proves(t, folder)
  }))
})

/** A gate: nobody knows whether there is a fire, so the stricter wins. */
async function letsPeopleOut(t: Test, name: string, runtime: RuntimeProcess): Promise<void> {
  const page = new PageWatch(() => runtime.page)
  t.teardown(() => page.stop())
  t.match(await page.until(({ phase }) => phase === 'emergency', 30_000, 'it lets people out'), { instruction: 'leave-now', reason: 'fire-alarm' }, name)
  page.stop()
}

/** A vehicle: each of its sources is silent, and nothing ever releases it. */
async function staysStopped(t: Test, folder: string, { obstacles }: IgvProfile): Promise<void> {
  const sources = Object.keys(obstacles.sources).length
  const tail = async (): Promise<string> => (await portcullis('journal', 'tail', '-n', '100', '--file', join(folder, 'journal.db'))).out
  const silent = (facts: string): number => facts.match(/"component":"obstacles","data":\{"source":"\w+","state":"silent"\}/g)?.length ?? 0
  let facts = await tail()
  for (const until = systemClock.now() + 30_000; silent(facts) < sources && systemClock.now() < until; facts = await tail()) await sleep(systemClock, 200)
  t.equal(silent(facts), sources, 'every source is known to be silent')
  t.notMatch(facts, /"event":"released"/, 'it is never released')
}

void t.test('an e-Gate over TCP, whose centre goes away and whose program is killed', { skip: missing, timeout: 150_000 }, async (t) => {
  const folder = t.testdir()
  const site = await EgateSite.make({ folder, travellers: 4, tempo: 0.2, via: 'tcp', changes })
  t.teardown(() => site.stop().catch(() => undefined))
  const seen = new Observer(site)
  await site.start()
  await t.rejects(EgateSite.make({ folder, travellers: 1 }), { code: 'PC-SITE-FOLDER' }, 'nobody takes its state from under it')
  t.match((await seen.follow(visitorOf(site))).passage, { outcome: 'granted' })

  await t.test('the broker is away: travellers pass, and nothing is lost', async (t) => {
    await site.centre.goAway()
    const told = seen.facts.length
    const passages = seen.passages.length
    await seen.passBy(visitorOf(site))
    t.equal(seen.facts.length, told, 'the centre hears nothing')
    await site.centre.comeBack()
    await seen.until(() => seen.passages.length > passages, 'it hears what happened')
    t.match(seen.passages.at(-1), { outcome: 'granted' })
    const numbers = seen.facts.map(({ seq }) => seq)
    t.strictSame(numbers, numbers.map((_, index) => (numbers[0] ?? 0) + index), 'without a gap, in order')
    for (const [index, fact] of seen.facts.entries()) {
      const before = seen.facts[index - 1]
      if (before !== undefined && fact.prev !== before.hash) t.fail(`the chain is broken at ${fact.seq}`)
    }
  })

  await t.test('killed with somebody inside: the officer is called, and the gate serves again', async (t) => {
    seen.officerSays = undefined
    await goIn(site, seen)
    const passages = seen.passages.length
    site.runtime.kill()
    await site.page.until(({ reason }) => reason === 'restarted', 60_000, 'it has started again')
    t.match(site.page.view, { phase: 'referred', instruction: 'wait-for-officer', reason: 'restarted' })
    t.notOk(site.world.doors.exit, 'nobody went out')
    await site.centre.decide('refuse', site.page.view?.passage ?? 0)
    await site.page.until(({ instruction }) => instruction === 'go-back', 30_000, 'the way back is open')
    await site.world.stepBack()
    await site.world.clear()
    site.world.showNobody()
    await seen.phase('idle')
    await seen.until(() => seen.passages.length > passages, 'the centre was told')
    t.match(seen.passages.at(-1), { outcome: 'refused', referral: 'restarted', reason: 'officer-refused', officer: 'officer-1' })
    seen.officerSays = 'refuse'
    await seen.until(() => seen.told('device.health', { component: 'face', status: 'ready' }).length > 1, 'it recognises faces again')
    t.match((await seen.follow(visitorOf(site))).passage, { outcome: 'granted' })
  })

  await t.test('SIGTERM amid a passage: doors shut, nothing left, a journal that proves itself', async (t) => {
    await seen.phase('idle')
    await site.world.approach()
    site.world.passport.swipe(documentLines(visitorOf(site)))
    await site.page.until(({ instruction }) => instruction === 'step-in', 30_000, 'the entry is open')
    await seen.until(() => site.world.doors.entry, 'the entry is open')
    const pid = site.runtime.pid ?? 0
    await site.runtime.stop()
    t.notOk(alive(pid), 'the process is gone')
    t.equal(site.runtime.code, 0, 'and says that all went well')
    await seen.until(() => !site.world.doors.entry && !site.world.doors.exit, 'both doors are shut')
    await proves(t, site.state)
  })
})

/** A disk of its own for the state, that can be filled; `undefined` where this user may not have one. */
function smallDisk(): string | undefined {
  const disk = mkdtempSync(join(tmpdir(), 'portcullis-disk-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk], { stdio: 'ignore' }).status === 0) return disk
  rmdirSync(disk)
  return undefined
}

void t.test('the disk is full: nobody passes, an emergency still opens, and with space it serves again', { skip: missing, timeout: 120_000 }, async (t) => {
  const disk = smallDisk()
  if (disk === undefined) return t.plan(0, 'only root can mount a small disk')
  const site = await EgateSite.make({ folder: disk, travellers: 4, tempo: 0.2, changes })
  const seen = new Observer(site)
  t.teardown(async () => {
    await site.stop().catch(() => undefined)
    spawnSync('umount', ['-l', disk])
    rmdirSync(disk)
  })
  await site.start()
  t.match((await seen.follow(visitorOf(site))).passage, { outcome: 'granted' })

  const ballast = join(disk, 'ballast')
  fill(ballast)
  await site.world.approach()
  site.world.passport.swipe(documentLines(visitorOf(site)))
  const closed = await site.page.until(({ reason }) => reason === 'journal-unavailable', 30_000, 'it does not serve')
  t.match(closed, { instruction: 'use-other-gate' })
  t.strictSame(site.world.doors, { entry: false, exit: false })
  // Whatever the reserve gives back is used up, too.
  fill(ballast)
  site.world.passport.swipe(documentLines(visitorOf(site)))
  site.world.alarm(true)
  await seen.phase('emergency')
  await seen.until(() => site.world.doors.exit || site.world.doors.entry, 'a way out is open')
  site.world.alarm(false)
  await site.world.clear()

  rmSync(ballast)
  await seen.until(() => seen.told('journal.space-returned').length > 0, 'the journal is well again', 40_000)
  await seen.until(() => site.page.view?.phase === 'emergency', 'the emergency stays')
  await site.centre.decide('release', site.page.view?.passage ?? 0)
  await seen.phase('idle')
  t.match((await seen.follow(visitorOf(site))).passage, { outcome: 'granted' })
  await site.runtime.stop()
  await proves(t, site.state)
})

/** Writes until the disk takes no more. */
function fill(file: string): void {
  for (const size of [1 << 20, 1 << 16, 1 << 12]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(size, 1))
    } catch {
      // Full for this size.
    }
  }
}

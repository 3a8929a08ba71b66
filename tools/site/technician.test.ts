/** A technician at an e-Gate on its twins: a real terminal program over a serial cable, real file transfer programs, from the bench to the unplugged cable. */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { pseudoTerminalsAvailable } from '../../drivers/kit/twin.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from './egate-site.ts'
import { missingPrograms, Picocom } from './picocom.ts'
import { SerialCable } from './serial-cable.ts'
import { readFaces } from './site-state.ts'

t.setTimeout(280_000)

const absent = missingPrograms('picocom', 'tmux', 'rz', 'sz')
const noFaces = await readFaces().then(() => false as const, () => 'the demo faces are not there: run make setup')
const missing = absent.length > 0 ? `not installed: ${absent.join(', ')}` : !pseudoTerminalsAvailable() ? 'no pseudo-terminals: is socat installed?' : noFaces

const secrets = { nguyen: 'seven lanterns over the bridge', tran: 'nine cranes on a slow river' } as const
type Person = keyof typeof secrets
/** Moves the cursor, wipes the screen and calls the window "owned", to a terminal that believes what a board says. */
const hostileFirmware = 'Firm\u001b[2J\u001b[3;3H\u001b]0;owned\u0007ata'

const cli = (args: readonly string[], input = ''): string => execFileSync(process.execPath, [join(root, 'tools/cli/portcullis.ts'), ...args], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')
const prompt = /bl1-e07> $/

void t.test('a technician commissions an e-Gate over a serial cable', { skip: missing, timeout: 250_000 }, async (t) => {
  // Paths of sockets and terminals are short.
  const folder = mkdtempSync(join(tmpdir(), 'technician-'))
  const cable = new SerialCable(folder)
  await cable.plug()
  const site = await EgateSite.make({
    folder: join(folder, 'site'), travellers: 4, tempo: 0.2, boardFirmware: hostileFirmware,
    changes: [{ path: ['console', 'ports'], value: [{ port: cable.deviceEnd, baud: 115_200 }] }],
  })
  const laptop = new Picocom(folder, cable.technicianEnd)
  t.teardown(async () => {
    laptop.stop()
    await site.stop()
    cable.unplug()
    rmSync(folder, { recursive: true, force: true })
  })
  const key = join(folder, 'authority.key')
  writeFileSync(key, site.authority.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  t.throws(() => cli(['provision', '--state', site.state, '--account', 'nguyen', '--secret', '-'], 'nguyen1234\n'), 'a secret that holds the name is none')
  for (const [person, role] of [['nguyen', 'engineer'], ['tran', 'officer']] as const) {
    t.equal(cli(['provision', '--state', site.state, '--account', person, '--role', role, '--secret', '-'], `${secrets[person]}\n`), `${person} may log in as ${role}\n`)
  }
  await site.start()
  laptop.start()
  await laptop.until(/Terminal ready/)

  /** A line, and what it told. */
  const ask = async (line: string): Promise<string> => {
    laptop.enter(line)
    const told = await laptop.until(prompt)
    return told.slice(told.indexOf('\n') + 1).replace(prompt, '')
  }
  const prove = async (person: Person): Promise<void> => {
    await laptop.until(/challenge\): $/)
    laptop.enter(secrets[person])
    const told = await laptop.until(prompt)
    if (!told.includes(`Welcome, ${person}`)) throw new Error(`${person} was not let in: ${told}`)
  }
  const login = async (person: Person): Promise<void> => {
    laptop.press('Enter')
    await laptop.until(/login: $/)
    laptop.enter(person)
    await prove(person)
  }
  /** The cable is plugged in again. */
  const comeBack = async (): Promise<void> => {
    await cable.plug()
    laptop.start()
    await laptop.until(/Terminal ready/)
    await newLogin(laptop)
    laptop.enter('nguyen')
    await prove('nguyen')
  }
  /** Somebody else takes the line. */
  const handOver = async (person: Person): Promise<void> => {
    laptop.enter(`login ${person}`)
    await prove(person)
  }
  /** A command that is asked about. */
  const confirm = async (line: string, answer: string): Promise<string> => {
    laptop.enter(line)
    await laptop.until(/Type yes to go on: $/)
    return await ask(answer)
  }
  const journal = (): Fact[] => cli(['journal', 'tail', '--file', join(site.state, 'journal.db'), '-n', '4000', '--json']).trim().split('\n').map((line) => JSON.parse(line) as Fact)
  const told = (kind: string): Record<string, unknown>[] => journal().filter((fact) => fact.kind === kind).map(({ body }) => body as Record<string, unknown>)

  await t.test('a wrong secret lets nobody in; the right one does, and is not shown', async (t) => {
    laptop.press('Enter')
    await laptop.until(/login: $/)
    laptop.enter('nguyen')
    await laptop.until(/challenge\): $/)
    laptop.enter('something else')
    t.match(await laptop.until(/login: $/), /wrong\. \(PC-ACCESS-REFUSED\)/)
    await login('nguyen')
    const screen = laptop.screen()
    t.match(screen, 'Welcome, nguyen: you may do what an engineer may.')
    t.notMatch(screen, 'lanterns')
    t.notMatch(screen, 'something else')
  })

  await t.test('looking: help, abbreviations, completion, filters, pages', async (t) => {
    laptop.type('?')
    t.match(await laptop.until(prompt), /show +[^]*test +self-tests[^]*wiggle/)
    t.match(await ask('show status'), /device +mong-cai\/bac-luan-1\/bl1-e07[^]*journal +ok\ngate +idle, checks: full/)
    t.match(await ask('sh st'), /gate +idle/, 'words can be shortened')
    laptop.type('sh exi')
    laptop.press('Tab')
    await laptop.until(/sh exit$/)
    laptop.type('F')
    laptop.press('Tab')
    await laptop.until(/Flap $/)
    t.match(await ask(''), /exitFlap: [^]*state +closed[^]*open for_ms=<integer 100\.\.60000> {2}\(engineer\)/)
    t.match(await ask('show health | grep FLAP'), /^exitFlap +ready\n$/)
    t.match(await ask('frobnicate'), 'PC-CONSOLE-SYNTAX')
    laptop.enter('help')
    await laptop.until(/--More--$/)
    t.ok(laptop.screen().includes('--More--'), 'a page fills the window and waits')
    laptop.type('q')
    await laptop.until(prompt)
  })

  await t.test('a board that sends escape sequences as its name does nothing to the terminal', async (t) => {
    const title = laptop.title()
    laptop.enter('show drivers')
    await laptop.until(/--More--$/)
    t.match(laptop.screen(), /relays +io-board +ready +Firmata Firm.*ata/)
    laptop.type('q')
    await laptop.until(prompt)
    t.equal(laptop.title(), title)
    t.not(title, 'owned')
  })

  await t.test('self-tests, with figures', async (t) => {
    t.match(await ask('test camera'), /component +result +figure +check\ncamera +pass +[\d.]+ 1?\/s +rate: [^]*camera +pass +[\d.]+ +sharpness: [^]*1 passed, 0 failed/)
    laptop.enter('calibrate camera')
    await laptop.until(/sharpness [\d.]+, best [\d.]+ #+/)
    laptop.press('C-c')
    await laptop.until(prompt)
    laptop.enter('test')
    const page = await laptop.until(/--More--$/, 60_000)
    t.match(page, /passport +pass +link: The port is open\./)
    laptop.type('q')
    await laptop.until(prompt)
  })

  await t.test('a setting, and back', async (t) => {
    t.match(await ask('get gate.limits.door_s'), /gate\.limits\.door_s = 7\n[^]*0\.1 to 60, usually 7/)
    t.match(await ask('set gate.limits.door_s 6.5'), /Kept as change (\d+)/)
    t.match(await ask('settings'), /gate\.limits\.door_s +7 +6\.5 +nguyen/)
    t.match(await ask('set gate.limits.door_s 0'), 'PC-SETTINGS-INVALID')
    t.match(await ask('undo 1'), 'Change 1 is taken back')
    t.match(await ask('settings'), 'Nothing was changed at the device.')
  })

  await t.test('the log, and Ctrl-C', async (t) => {
    t.match(await ask('log 5'), /\d\d:\d\d:\d\d\.\d{3} info/)
    laptop.enter('log follow')
    await laptop.until(/info /)
    laptop.press('C-c')
    t.match(await laptop.until(prompt), /\^C\n/)
    t.ok((await ask('trace exitFlap 3 | grep 03')).split('\n').length > 30, 'what goes on by itself does not wait for somebody to turn a page')
    laptop.enter('watch 1 show counters console')
    await laptop.until(/console\.commands +\d+/)
    // What a serial port makes of a break.
    laptop.press('C-Space')
    await laptop.until(/\^C\nbl1-e07> $/)
  })

  await t.test('a barrier moves when the gate is out of service and somebody has said yes', async (t) => {
    t.match(await ask('wiggle exitFlap'), 'PC-DEVICE-SERVICE', 'not while travellers use the gate')
    t.match(await ask('call gate service on=false'), 'PC-CONSOLE-ROLE', 'an engineer is no officer')
    await handOver('tran')
    t.match(await ask('call gate service on=false'), 'Done.')
    t.match(await ask('wiggle exitFlap'), 'PC-CONSOLE-ROLE', 'an officer is no engineer')
    await handOver('nguyen')
    t.match(await confirm('wiggle exitFlap', 'no'), 'PC-CONSOLE-CONFIRM')
    t.match(await confirm('wiggle exitFlap', 'yes'), /exitFlap is open\nexitFlap is closed\n/)
    laptop.enter('service exitFlap')
    await laptop.until(/Type yes to go on: $/)
    laptop.enter('yes')
    await laptop.until(/Hold the space bar: open\. Let go: close\./)
    laptop.type(' ')
    await laptop.until(/exitFlap: open\n[^]*exitFlap: close\n[^]*exitFlap state +closed\n$/)
    laptop.type('q')
    await laptop.until(prompt)
    await handOver('tran')
    t.match(await ask('call gate service on=true'), 'Done.')
    await handOver('nguyen')
  })

  await t.test('files over the line, both ways', async (t) => {
    t.match(await ask('diag'), /diag-bl1-e07-\w+\.tar\.gz: \d+ bytes/)
    const [bundle = ''] = readdirSync(join(site.state, 'outbox'))
    laptop.enter('send diag')
    await laptop.until(/Start receiving with ZMODEM/)
    laptop.press('C-a', 'C-r')
    await laptop.until(/\*\*\* file: $/)
    laptop.press('Enter')
    t.match(await laptop.until(/was sent: \d+ bytes\.\nbl1-e07> $/, 60_000), 'exit status: 0', 'rz is content')
    t.equal(digest(join(folder, bundle)), digest(join(site.state, 'outbox', bundle)))

    const names = ['notes.bin', 'more; $(reboot) notes.bin']
    const notes = randomBytes(40_000)
    for (const name of names) {
      writeFileSync(join(folder, name), notes)
      laptop.enter('receive')
      await laptop.until(/Start sending with ZMODEM/)
      laptop.press('C-a', 'C-s')
      await laptop.until(/\*\*\* file: $/)
      laptop.enter(`"${name}"`)
      t.match(await laptop.until(/was received: 40000 bytes\.\nbl1-e07> $/, 60_000), 'exit status: 0', 'sz is content')
    }
    const received = readdirSync(join(site.state, 'inbox')).filter((file) => file.endsWith('.bin'))
    t.equal(received.length, 2)
    for (const file of received) {
      t.match(file, /^[A-Za-z0-9._+=@,()-]+$/, 'no name from outside is taken as it is')
      t.equal(digest(join(site.state, 'inbox', file)), digest(join(folder, 'notes.bin')))
    }
    t.match(await confirm('files remove notes', 'yes'), 'notes.bin is removed.')
    t.strictSame(received.filter((file) => existsSync(join(site.state, 'inbox', file))).length, 1)
    t.match(await ask('files'), /to send .*diag-bl1-e07-\w+\.tar\.gz\n[^]*received +40000 .*_notes\.bin/)
  })

  await t.test('logged out; in again without an account, by the answer of the authority', async (t) => {
    laptop.enter('logout')
    await laptop.until(/You are logged out\.[^]*login: $/)
    const answer = cli(['sign', 'challenge', await challenge(laptop, 'pham'), '--role', 'viewer', '--for', '30m', '--key', key]).trim()
    laptop.enter(answer)
    t.match(await laptop.until(prompt), 'Welcome, pham: you may do what a viewer may.')
    t.match(await ask('test camera'), /PC-/, 'a viewer may look')
    t.match(await ask('who'), /pham +viewer +serial/)
    laptop.enter('exit')
    await laptop.until(/login: $/)
    await challenge(laptop, 'pham')
    laptop.enter(answer)
    t.match(await laptop.until(/login: $/), /PC-ACCESS-(FOREIGN|REPLAYED|EXPIRED|ANSWER)/, 'the same answer lets nobody in again')
  })

  await t.test('the cable is pulled amid a command, and plugged in again', async (t) => {
    await login('nguyen')
    laptop.enter('watch 1 show counters console')
    await laptop.until(/console\.commands +\d+/)
    laptop.stop()
    cable.unplug()
    await lost(told)
    await comeBack()
    t.match(await ask('show health console'), /console +ready/)
  })

  await t.test('the cable is pulled amid a transfer: half a file is kept out of sight, and gone on with', async (t) => {
    const inbox = join(site.state, 'inbox')
    const unfinished = (): string[] => readdirSync(join(inbox, '.unfinished'))
    const half = (): number => Math.max(0, ...unfinished().map((file) => statSync(join(inbox, '.unfinished', file)).size))
    const large = join(folder, 'large.bin')
    writeFileSync(large, randomBytes(600_000))
    const send = async (): Promise<void> => {
      laptop.enter('receive')
      await laptop.until(/Start sending with ZMODEM/)
      laptop.press('C-a', 'C-s')
      await laptop.until(/\*\*\* file: $/)
      laptop.enter('large.bin')
    }
    const before = told('access.ended').filter(({ why }) => why === 'lost').length
    await send()
    await until(() => half() > 50_000, 'half a file came')
    cable.unplug()
    laptop.stop()
    await lost(told, before + 1)
    const kept = half()
    t.ok(kept >= 50_000 && kept < 600_000, `${kept} bytes are kept`)
    t.notOk(existsSync(join(inbox, 'large.bin')), 'and are no file yet')
    await comeBack()
    await send()
    const resumed = await laptop.until(/was received: 600000 bytes\.\nbl1-e07> $/, 60_000)
    t.match(resumed, 'exit status: 0')
    t.equal(digest(join(inbox, 'large.bin')), digest(large))
    t.strictSame(unfinished(), [])
  })

  await t.test('who was there and what they asked for is on the record', async (t) => {
    onRecord(t, journal())
  })
})

/** Asks for a challenge: they are not given as fast as one can type. */
async function challenge(laptop: Picocom, person: string): Promise<string> {
  for (;;) {
    laptop.enter(person)
    await laptop.until(/challenge\): $/)
    laptop.press('Enter')
    const told = await laptop.until(/answer: $|PC-ACCESS-BUSY[^]*login: $/)
    const given = new RegExp(`bl1-e07:${person}:[\\w-]+`).exec(told)
    if (given !== null) return given[0]
    await sleep(systemClock, 1_000)
  }
}

/** Resolves when the session's end is on the record. */
async function lost(told: (kind: string) => Record<string, unknown>[], times = 1): Promise<void> {
  for (let tries = 0; told('access.ended').filter(({ why }) => why === 'lost').length < times; tries++) {
    if (tries > 30) throw new Error('nobody noticed that the cable was pulled')
    await sleep(systemClock, 300)
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited_ms = 0; !holds(); waited_ms += 10) {
    if (waited_ms > 30_000) throw new Error(`waited too long until ${what}`)
    await sleep(systemClock, 10)
  }
}

/** The device looks for its port every few seconds: whatever is typed before is lost. */
async function newLogin(laptop: Picocom): Promise<void> {
  for (let tries = 0; ; tries++) {
    laptop.press('Enter')
    if (await laptop.until(/login: $/, 1_000).then(() => true, () => false)) return
    if (tries > 30) throw new Error('the port was not opened again')
  }
}

function onRecord(t: Test, facts: readonly Fact[]): void {
  const bodies = (kind: string): Record<string, unknown>[] => facts.filter((fact) => fact.kind === kind).map(({ body }) => body as Record<string, unknown>)
  const sessions = bodies('access.session')
  t.ok(sessions.length >= 7, 'every session')
  for (const [person, role] of [['nguyen', 'engineer'], ['tran', 'officer'], ['pham', 'viewer']]) t.ok(sessions.some((body) => body['person'] === person && body['role'] === role && body['face'] === 'serial'), `${person}'s`)
  t.strictSame(new Set(bodies('access.ended').map(({ why }) => why)), new Set(['replaced', 'logout', 'lost']))
  t.ok(bodies('access.refusal').length >= 2, 'every refusal')
  const commands = bodies('access.command')
  const asked = new Set(commands.map(({ component, command }) => `${String(component)} ${String(command)}`))
  for (const wanted of ['settings set', 'settings undo', 'gate service', 'exitFlap open', 'exitFlap close', 'diagnosis bundle', 'diagnosis testAll', 'console send', 'console receive', 'console remove', 'camera selfTest']) t.ok(asked.has(wanted), wanted)
  t.match(commands.find(({ component, command }) => component === 'settings' && command === 'set'), { person: 'nguyen', args: { path: 'gate.limits.door_s', value: '6.5' } })
  const results = new Map(bodies('access.result').map((body) => [body['id'], body]))
  t.ok(commands.every(({ id }) => results.has(id)), 'each with its outcome')
  for (const secret of Object.values(secrets)) t.notMatch(JSON.stringify(facts), secret)
}

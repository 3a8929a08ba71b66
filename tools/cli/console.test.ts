import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import { rig, secretOf } from '../../edge/console/rig.ts'
import { socketOf } from '../../edge/console/sockets.ts'
import { pseudoTerminalsAvailable } from '../../drivers/kit/twin.ts'
import { transportTo } from '../../drivers/kit/transport.ts'
import { root } from '../house/sources.ts'

t.setTimeout(180_000)

const program = join(root, 'tools/cli/portcullis.ts')
const has = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0
const ptys = pseudoTerminalsAvailable() ? {} : { skip: 'socat is not installed, or there are no pseudo-terminals' }

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited_ms = 0; !holds(); waited_ms += 20) {
    if (waited_ms > 30_000) throw new Error(`it never came to this: ${what}`)
    await sleep(systemClock, 20)
  }
}

/** Collects what a program says, and types to it. */
function typist(child: ChildProcess) {
  let out = ''
  child.stdout?.on('data', (bytes: Buffer) => void (out += bytes.toString('latin1')))
  child.stdin?.on('error', () => undefined)
  return {
    type: (text: string) => void child.stdin?.write(text),
    async see(pattern: RegExp): Promise<string> {
      await until(() => pattern.test(stripVTControlCharacters(out)), `${String(pattern)} in ${JSON.stringify(out.slice(-500))}`)
      const seen = stripVTControlCharacters(out)
      out = ''
      return seen
    },
  }
}

/** The far end of the cable of a serial port at `path`. */
function cable(path: string) {
  const child = spawn('socat', [`PTY,link=${path},rawer`, 'STDIO'], { stdio: ['pipe', 'pipe', 'ignore'] })
  return { ...typist(child), pull: () => child.kill() }
}

void t.test('a session over a pseudo-terminal, the cable pulled in the middle, and again', ptys, async (t) => {
  const path = join(t.testdir(), 'tty')
  const first = cable(path)
  await until(() => existsSync(path), 'a pseudo-terminal')
  const { device, console } = await rig(t, { section: { ports: [{ port: path, baud: 115_200 }] }, openSerial: (port, baud) => transportTo(port, { baud }) })
  await first.see(/login: $/)
  first.type('nguyen\r')
  await first.see(/challenge\): $/)
  first.type(`${secretOf('nguyen')}\r`)
  await first.see(/> $/)
  first.type('show gi\t\r')
  t.match(await first.see(/commands:[^]*> $/), /show gizmo \r\n[^]*speed +12\.5 r\/min/)
  first.type('call gizmo hang\r')
  await until(() => device.facts.some(({ kind }) => kind === 'access.command'), 'the command runs')
  first.pull()
  await until(() => device.facts.some(({ kind }) => kind === 'access.ended'), 'the session has ended')
  t.match(device.facts.findLast(({ kind }) => kind === 'access.ended')?.body, { person: 'nguyen', why: 'lost' })
  t.equal(console.component.health.status, 'degraded')

  const second = cable(path)
  t.teardown(() => second.pull())
  await second.see(/login: $/)
  t.pass('whoever plugs in again must log in again')
})

void t.test('portcullis console: on the device itself, for nobody else, and scripted', async (t) => {
  const { device, console } = await rig(t, { section: { ports: [], local: true } })
  const socket = socketOf(device.folder)
  t.equal(statSync(socket).mode & 0o777, 0o600)
  const child = spawn(process.execPath, [program, 'console', '--state', device.folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const person = typist(child)
  await person.see(/login: $/)
  person.type(`vien\n${secretOf('vien')}\nshow health gizmo --json\nexit\n`)
  const seen = await person.see(/logged out/)
  t.match(seen, '{"name":"gizmo","status":"ready"}')
  t.equal(await ended, 0)
  await console.stop()
  t.notOk(existsSync(socket))
  const away = spawnSync(process.execPath, [program, 'console', '--state', device.folder], { input: '', encoding: 'utf8' })
  t.equal(away.status, 1)
  t.match(away.stderr, 'PC-CONSOLE-AWAY')
})

void t.test('portcullis console leaves the terminal as it was, even when it is ended', ptys, async (t) => {
  const { device } = await rig(t, { section: { ports: [], local: true } })
  const folder = t.testdir()
  const run = `stty -g > ${folder}/before; timeout --foreground -s TERM 4 ${process.execPath} ${program} console --state ${device.folder}; stty -g > ${folder}/after; echo over`
  const child = spawn('socat', ['STDIO', `SYSTEM:"${run.replaceAll(':', '\\:')}",pty,stderr,setsid,ctty`], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => void child.kill())
  const person = typist(child)
  await person.see(/login: $/)
  person.type('\x03')
  await person.see(/\^C\s+login: $/)
  t.pass('the terminal is raw: Ctrl-C goes to the device')
  await person.see(/over/)
  t.equal(readFileSync(join(folder, 'after'), 'utf8'), readFileSync(join(folder, 'before'), 'utf8'))
})

/** Certificates of a test authority, made by openssl. */
function certificates(folder: string) {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const authority = (name: string): void => openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-days', '30', '-keyout', `${name}.key`, '-out', `${name}.pem`)
  const issue = (name: string, by: string, ...validity: string[]): void => {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:device', '-keyout', `${name}.key`, '-out', `${name}.csr`)
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-copy_extensions', 'copy', '-out', `${name}.pem`, ...validity)
  }
  authority('authority')
  authority('stranger')
  for (const name of ['device', 'laptop']) issue(name, 'authority', '-days', '30')
  issue('foreign', 'stranger', '-days', '30')
  // In force for this second.
  issue('expired', 'authority', '-days', '0')
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
  return { read, pair: (name: string) => ({ cert: read(`${name}.pem`), key: read(`${name}.key`) }) }
}

void t.test('over the network only with a certificate of the authority that is in force', has('openssl', 'version') ? {} : { skip: 'openssl is not installed' }, async (t) => {
  const folder = t.testdir()
  const { read, pair } = certificates(folder)
  const ca = read('authority.pem')
  await sleep(systemClock, 2_000)
  const { console, device } = await rig(t, {
    section: { ports: [], network: { host: '127.0.0.1', port: 0, ca: 'file:a', cert: 'file:b', key: 'file:c' } }, tls: { ca, ...pair('device') },
  })
  const port = console.networkPort ?? 0
  const reaches = (mine: { cert?: string; key?: string }): Promise<boolean> => new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: 'device', ...mine })
    socket.once('data', () => resolve(true))
    socket.once('close', () => resolve(false))
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
  })
  t.notOk(await reaches({}), 'none')
  t.notOk(await reaches(pair('foreign')), "another authority's")
  t.notOk(await reaches(pair('expired')), 'an expired one')
  t.ok(await reaches(pair('laptop')))
  await until(() => console.component.read('counters')?.['refused'] === 3, 'three refusals are counted')

  const child = spawn(process.execPath, [program, 'console', '--connect', `127.0.0.1:${port}`, '--server', 'device', '--ca', 'authority.pem', '--cert', 'laptop.pem', '--key', 'laptop.key'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
  const person = typist(child)
  await person.see(/login: $/)
  person.type(`vien\n${secretOf('vien')}\n`)
  await person.see(/Welcome, vien/)
  t.match(device.facts.findLast(({ kind }) => kind === 'access.session')?.body, { face: 'network', where: 'laptop@127.0.0.1' })
  child.kill()
})

import { spawn } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Enrolments } from '../../edge/gate/enrolment.ts'
import { ListFolder } from '../../edge/gate/list-folder.ts'
import { authorityKeys, type Order, signedText } from '../../edge/uplink/order.ts'
import { root } from '../house/sources.ts'
import { version } from './version.ts'

interface Ended {
  code: number | null
  out: string
  err: string
}

/** Runs the program as a shell would. */
function portcullis(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'tools/cli/portcullis.ts'), ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' })
    const said = { out: '', err: '' }
    child.stdout.on('data', (text: Buffer) => void (said.out += text.toString()))
    child.stderr.on('data', (text: Buffer) => void (said.err += text.toString()))
    child.once('exit', (code) => resolve({ code, ...said }))
  })
}

void t.test('every command explains itself with an example', async (t) => {
  const { code, out } = await portcullis('--help')
  t.equal(code, 0)
  const names = [...(out.split('Commands:')[1] ?? '').split('\n\n')[0]?.matchAll(/^ {2}([a-z]+) /gm) ?? []].map(([, name]) => name as string).filter((name) => name !== 'help')
  t.ok(names.length >= 10 && names.includes('run') && names.includes('demo'), names.join())
  const helps = await Promise.all([...names.map((name) => [name]), ['sign', 'keys'], ['sign', 'list'], ['sign', 'command'], ['sign', 'enrolment'], ['sign', 'challenge'], ['journal', 'replay']].map(async (name) => ({ name: name.join(' '), ...await portcullis(...name, '--help') })))
  for (const help of helps) {
    t.equal(help.code, 0, help.name)
    t.match(help.out, new RegExp(`Example:\n +portcullis ${help.name}`), help.name)
  }
})

void t.test('used wrongly is 2, failed is 1, and neither is a crash', async (t) => {
  const folder = t.testdir({ 'wrong.yaml': 'device: {}\n', 'none.key': 'no key', 'short.key': 'short', people: '{"issuer":"VNM","documentNumber":"C1"}\n' })
  const cases: [number, RegExp, string[]][] = [
    [2, /unknown command/, ['fly']],
    [2, /unknown option/, ['check', '--fast', 'profiles']],
    [2, /missing required argument/, ['check']],
    [2, /PC-CLI-FILE/, ['check', join(folder, 'nothing')]],
    [1, /"parts" is missing/, ['check', join(folder, 'wrong.yaml')]],
    [2, /PC-CLI-OPTION/, ['demo', '--pace', 'galloping']],
    [2, /PC-CLI-OPTION/, ['demo', '--travellers', 'many']],
    [2, /PC-CLI-OPTION/, ['demo', '--via', 'pigeon']],
    [2, /PC-SIGN-LIST/, ['sign', 'list', 'wishlist', 'x', '--key', 'x', '--list-key', 'x', '--sequence', '1']],
    [2, /PC-CLI-FILE/, ['sign', 'list', 'revoked', 'nothing', '--key', 'nothing', '--list-key', 'nothing', '--sequence', '1']],
    [2, /PC-SIGN-LIST-KEY/, ['sign', 'list', 'revoked', join(folder, 'people'), '--key', join(folder, 'none.key'), '--list-key', join(folder, 'short.key'), '--sequence', '1']],
    [2, /PC-SIGN-ARGS/, ['sign', 'command', 'gate', 'decide', '--args', '[1]', '--key', 'x', '--site', 'a', '--device', 'b']],
    [1, /PC-SIGN-KEY/, ['sign', 'command', 'gate', 'decide', '--key', join(folder, 'none.key'), '--site', 'a', '--device', 'b']],
    [2, /PC-CLI-FILE/, ['provision', '--state', join(folder, 'state'), '--authority', 'nothing', '--list-key', 'nothing']],
    [2, /PC-JOURNAL-ABSENT/, ['journal', 'verify', '--file', join(folder, 'nothing.db')]],
  ]
  await Promise.all(cases.map(async ([code, says, args]) => {
    const ended = await portcullis(...args)
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.out + ended.err, says, args.join(' '))
    t.notMatch(ended.err, /\n +at /, `${args.join(' ')}: no stack`)
  }))
  t.match(await portcullis('--version'), { code: 0, out: `${version}\n` })
})

void t.test('check: for people, and for programs', async (t) => {
  t.match(await portcullis('check', 'profiles'), { code: 0, out: /egate\.yaml: good\n/ })
  const folder = t.testdir({ 'a.yaml': 'device: {}\n', 'b.yaml': readFileSync(join(root, 'profiles/egate.yaml'), 'utf8'), 'c.txt': 'no profile' })
  const { code, out } = await portcullis('check', '--json', folder)
  t.equal(code, 1)
  const mistakes = out.trim().split('\n').map((line) => JSON.parse(line) as { file: string; line: number; column: number; says: string })
  t.ok(mistakes.length > 3)
  for (const mistake of mistakes) t.match(mistake, { file: join(folder, 'a.yaml'), line: 1, column: Number, says: String })
  t.match(await portcullis('schema', '--check'), { code: 0 })
})

void t.test('what an authority signs, a device takes', async (t) => {
  const folder = t.testdir()
  const at = (name: string): string => join(folder, name)
  t.equal((await portcullis('sign', 'keys', at('authority'))).code, 0)
  t.equal(statSync(at('authority/authority.key')).mode & 0o077, 0, 'nobody else reads the private key')
  t.match(await portcullis('sign', 'keys', at('authority')), { code: 2, err: /PC-SIGN-EXISTS/ }, 'keys are never overwritten')
  const keys = ['--key', at('authority/authority.key'), '--list-key', at('authority/lists.key')]

  const provision = ['provision', '--state', at('state'), '--authority', at('authority/authority.pub'), '--list-key', at('authority/lists.key')]
  t.equal((await portcullis(...provision)).code, 0)
  t.match(await portcullis(...provision), { code: 2, err: /PC-PROVISION-TWICE/ }, 'its journal key would be lost')
  for (const name of readdirSync(at('state/credentials'))) t.equal(statSync(at(`state/credentials/${name}`)).mode & 0o077, 0, name)

  const key = readFileSync(at('state/credentials/lists'))
  const authority = createPublicKey(readFileSync(at('state/credentials/authority')))
  mkdirSync(at('state/lists/enrolments'), { recursive: true })
  writeFileSync(at('people'), '{"issuer":"VNM","documentNumber":"C1234567"}\n\n{"issuer":"VNM","names":"NGUYEN VAN A","birth":"1990-01-01"}\n')
  const list = await portcullis('sign', 'list', 'watchlist', at('people'), ...keys, '--sequence', '7')
  t.equal(list.code, 0)
  t.notMatch(list.out, /C1234567|NGUYEN|1990/, 'a list tells nobody\'s name')
  writeFileSync(at('state/lists/watchlist.json'), list.out)
  const { lists, refused } = await ListFolder.open(at('state/lists'), { key, signers: new Map([['authority', authority]]) })
  t.strictSame(refused, [])
  const person = { issuer: 'VNM', documentNumber: 'C1234567', names: '', birth: '' }
  t.equal(lists.check(person, Date.now()).watchlist, 'hit')
  t.equal(lists.check({ ...person, documentNumber: 'C1234568' }, Date.now()).watchlist, 'clear')
  t.equal(lists.check({ ...person, documentNumber: '', names: 'Nguyễn Văn A', birth: '1990-01-01' }, Date.now()).watchlist, 'hit')
  writeFileSync(at('people'), '{"issuer":"VNM","number":"C1234567"}\n')
  const wrong = await portcullis('sign', 'list', 'watchlist', at('people'), ...keys, '--sequence', '7')
  t.match(wrong, { code: 1, err: /people:1.*PC-SIGN-ENTRY/, out: '' })

  writeFileSync(at('face.jpg'), 'a picture')
  const sealed = await portcullis('sign', 'enrolment', ...keys, '--issuer', 'VNM', '--number', 'C1234567', '--birth', '1990-01-01', '--photo', at('face.jpg'), '--out', at('state/lists/enrolments'))
  t.equal(sealed.code, 0)
  const enrolments = new Enrolments({ folder: at('state/lists/enrolments'), key, authority })
  t.equal(Buffer.from((await enrolments.find({ issuer: 'VNM', documentNumber: 'C1234567', birth: '1990-01-01' }))?.photo ?? []).toString(), 'a picture')

  const command = await portcullis('sign', 'command', 'gate', 'decide', '--args', '{"decision":"release"}', '--key', at('authority/authority.key'), '--site', 'a/b', '--device', 'c')
  const [topic = '', text = '{}'] = command.out.split('\n')
  const order = JSON.parse(text) as Order
  t.match(order, { args: { decision: 'release' }, role: 'officer' })
  const [signer] = authorityKeys([readFileSync(at('state/credentials/authority'), 'utf8')])
  t.ok(signer !== undefined && verify(null, Buffer.from(signedText(topic, order)), signer, Buffer.from(order.signature ?? '', 'base64')))
})

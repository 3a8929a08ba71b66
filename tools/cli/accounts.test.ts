import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Access } from '../../edge/access/access.ts'
import { writeChallenge } from '../../edge/access/challenge.ts'
import { AccessSetup } from '../../edge/access/section.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { parse } from '../../edge/base/schema.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import { newAuthority } from '../authority/authority.ts'
import { root } from '../house/sources.ts'

const program = join(root, 'tools/cli/portcullis.ts')
const secret = 'correct horse battery'

interface Ended {
  code: number | null
  /** Both outputs, as they came. */
  said: string
  out: string
}

/** Runs a program and types each text once the prompt before it has come. */
function typing(command: string, args: readonly string[], dialogue: readonly (readonly [prompt: string, text: string])[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' })
    const rest = [...dialogue]
    let said = ''
    let out = ''
    const answer = (): void => {
      const [prompt, text] = rest[0] ?? []
      if (prompt === undefined || !said.includes(prompt)) return
      rest.shift()
      child.stdin.write(text ?? '')
      if (rest.length === 0 && prompt === '') child.stdin.end()
      answer()
    }
    child.stdout.on('data', (text: Buffer) => {
      out += text.toString()
      said += text.toString()
      answer()
    })
    child.stderr.on('data', (text: Buffer) => {
      said += text.toString()
      answer()
    })
    child.once('close', (code) => resolve({ code, said, out }))
    answer()
  })
}

const portcullis = (args: readonly string[], input?: string): Promise<Ended> => typing(process.execPath, [program, ...args], input === undefined ? [] : [['', input]])

async function device(state: string, authority: string): Promise<Access> {
  const access = new Access({
    clock: systemClock, log: silent, model: new DeviceModel(), sink: { append: async () => ({ seq: 1 }) }, device: 'bl1-e07',
    file: join(state, 'accounts.json'), authorities: [authority], section: parse(AccessSetup, {}, 'PC-TEST-INPUT', 'section'),
  })
  await access.start()
  t.teardown(() => access.stop())
  return access
}

const page = { face: 'page', where: '10.0.0.7' } as const

void t.test('accounts that are made on the bench, and answers of the authority, are good at the device', async (t) => {
  const folder = t.testdir({ secret: `${secret}\n`, 'lists.key': 'x'.repeat(32) })
  const { privateKey, publicPem } = newAuthority()
  const key = join(folder, 'authority.key')
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(join(folder, 'authority.pub'), publicPem)
  const state = join(folder, 'state')
  const account = (person: string, ...more: string[]): string[] => ['provision', '--state', state, '--account', person, ...more]
  const both = [...account('nguyen', '--secret', join(folder, 'secret')), '--authority', join(folder, 'authority.pub'), '--list-key', join(folder, 'lists.key')]

  const made = await portcullis(both)
  t.equal(made.code, 0, made.said)
  t.ok(existsSync(join(state, 'credentials/journal')))
  t.match(await portcullis(account('li', '--role', 'viewer', '--secret', '-'), 'staple magnet river\n'), { code: 0, out: 'li may log in as viewer\n' })
  t.match(await portcullis(account('li', '--secret', join(folder, 'secret'))), { code: 2, said: /PC-PROVISION-ACCOUNT/ })
  t.match(await portcullis(account('wang', '--secret', '-'), 'x'.repeat(10_000)), { code: 2, said: /PC-PROVISION-SECRET/ })
  const file = join(state, 'accounts.json')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.notMatch(made.said + readFileSync(file, 'utf8'), /horse|staple/)

  const access = await device(state, publicPem)
  t.match(await access.login('nguyen', secret, page), { role: 'engineer' })
  t.match(await access.login('li', 'staple magnet river', page), { role: 'viewer' })
  const challenge = access.challenge('wang', page)
  const answer = await portcullis(['sign', 'challenge', challenge, '--role', 'technician', '--for', '8h', '--key', key])
  t.match(answer, { code: 0, said: /This lets wang in on bl1-e07, once, as technician for 480 minutes/ })
  t.match(await access.answer('wang', answer.out, page), { person: 'wang', role: 'technician' })
  writeFileSync(file, 'damaged')
  t.match(await portcullis(account('zhao', '--secret', join(folder, 'secret'))), { code: 1, said: /PC-ACCESS-ACCOUNTS/ })
})

void t.test('what cannot be is said, and nothing is written', async (t) => {
  const folder = t.testdir({ 'none.key': 'no key', short: 'short' })
  const challenge = writeChallenge({ device: 'bl1-e07', person: 'nguyen', nonce: new Uint8Array(8) })
  const state = join(folder, 'state')
  const cases: [number, RegExp, string[]][] = [
    [2, /PC-CLI-OPTION/, ['provision', '--state', state]],
    [2, /PC-CLI-OPTION/, ['provision', '--state', state, '--authority', join(folder, 'none.key')]],
    [2, /PC-CLI-FILE/, ['provision', '--state', state, '--account', 'nguyen']],
    [2, /PC-CLI-OPTION/, ['provision', '--state', folder, '--account', 'nguyen']],
    [1, /PC-ACCESS-PERSON/, ['provision', '--state', folder, '--account', 'Nguyen']],
    [1, /PC-ACCESS-PERSON/, ['provision', '--state', folder, '--account', 'unknown']],
    [1, /PC-ACCESS-WEAK/, ['provision', '--state', folder, '--account', 'nguyen', '--secret', join(folder, 'short')]],
    [2, /PC-SIGN-CHALLENGE/, ['sign', 'challenge', 'a:b:1234', '--key', 'nothing']],
    [2, /PC-SIGN-TIME/, ['sign', 'challenge', challenge, '--for', '25h', '--key', 'nothing']],
    [1, /PC-SIGN-KEY/, ['sign', 'challenge', challenge, '--key', join(folder, 'none.key')]],
  ]
  for (const [code, says, args] of cases) t.match(await portcullis(args, ''), { code, said: says }, args.join(' '))
  t.strictSame(readdirSync(folder).sort(), ['none.key', 'short'])
})

void t.test('a secret is typed without being seen', { skip: existsSync('/usr/bin/script') ? false : 'there is no script(1) here' }, async (t) => {
  const folder = t.testdir()
  const command = [process.execPath, program, 'provision', '--state', folder, '--account', 'nguyen', '--role', 'technician'].join(' ')
  const terminal = (dialogue: readonly (readonly [string, string])[]): Promise<Ended> => typing('/usr/bin/script', ['-qec', command, '/dev/null'], dialogue)
  t.match(await terminal([['New secret: ', `${secret}\r`], ['Once more: ', 'another\r']]), { code: 2, said: /PC-PROVISION-SECRET/ })
  t.match(await terminal([['New secret: ', '\u0003']]), { code: 1, said: /PC-BASE-CANCELLED/ })
  const { code, said } = await terminal([['New secret: ', `${secret}x\u007f\r`], ['Once more: ', `${secret}\r`]])
  t.equal(code, 0, said)
  t.match(said, /nguyen may log in as technician/)
  t.notMatch(said, /horse/)
  const access = await device(folder, newAuthority().publicPem)
  t.match(await access.login('nguyen', secret, page), { role: 'technician' })
})

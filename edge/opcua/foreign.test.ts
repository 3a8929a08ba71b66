/** A client that shares no line with the server: asyncua, in Python. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Rig, secretOf, until } from './rig.ts'

const python = process.env['PORTCULLIS_PYTHON'] ?? 'python3'
const able = spawnSync(python, ['-c', 'import asyncua']).status === 0 && spawnSync('openssl', ['version']).status === 0

void t.test('a client of another make connects, reads, calls, watches and looks back', { skip: able ? false : 'needs openssl, and a Python with asyncua: pip install asyncua, PORTCULLIS_PYTHON' }, async (t) => {
  const rig = await new Rig().start()
  t.teardown(() => rig.stop())
  rig.part.publish('health', { status: 'ready' })
  for (const [name, value] of Object.entries({ mood: 'cross', level: 50, count: 1 })) rig.part.publish(name as 'level', value as never)
  await until(() => rig.facts('device.health').some(({ component }) => component === 'gadget'), 'the fact')
  const [certificate, key] = [rig.at('client.pem'), rig.at('client-key.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '30', '-subj', '/CN=foreign', '-addext', 'subjectAltName=URI:urn:test:foreign,DNS:localhost',
    '-addext', 'keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyCertSign', '-addext', 'extendedKeyUsage=clientAuth'], { stdio: 'ignore' })
  const look = () => {
    const child = spawn(python, [fileURLToPath(new URL('./foreign-client.py', import.meta.url)), rig.url, certificate, key, 'binh', secretOf('binh')], { stdio: ['ignore', 'pipe', 'ignore'] })
    let said = ''
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString()
    })
    const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
    return { code, said: () => said }
  }
  t.not(await look().code, 0, 'nobody trusts it yet')
  await until(() => (rig.service.component.read('waiting') ?? []).length === 1, 'the client in the list')
  const [{ fingerprint, application } = { fingerprint: '', application: '' }] = rig.service.component.read('waiting') ?? []
  t.equal(application, 'urn:test:foreign')
  await rig.service.component.invoke('trust', { fingerprint }, { id: 'binh', role: 'technician' })

  const second = look()
  await until(() => second.said().includes('watching'), 'the subscription', 60_000)
  rig.part.publish('count', 42)
  rig.part.raise('stumbled', { times: 3 })
  t.equal(await second.code, 0)
  const found = JSON.parse(second.said().split('\n').find((line) => line.startsWith('{')) ?? '{}') as Record<string, unknown>
  t.match(found, {
    modes: ['SignAndEncrypt'], policies: ['Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss', 'Basic256Sha256'],
    devices: ['access', 'codes', 'gadget', 'opcua'], mood: 1, words: ['calm', 'cross'], unit: '%', look: [2 ** 40, ['a', 'b'], '{"of":"x"}'], refused: 'BadInvalidArgument',
    events: [{ message: 'It stumbled.', severity: 500, source: 'gadget' }], health: [0],
  })
  t.ok((found['values'] as number[]).includes(42))
  t.match(rig.asked, [{ what: 'look', args: { depth: 2, how: 'far', note: 'seen' }, by: 'binh' }])
})

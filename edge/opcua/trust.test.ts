/** Certificates: the server's own, and whom it trusts. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StatusCodes, UserNameIdentityToken } from 'node-opcua'
import t from 'tap'
import { ManualClock } from '../base/clock.ts'
import { waitingMax } from './contract.ts'
import { complaints, UserCertificates } from './library.ts'
import { fingerprintOf, ownCertificate, Trust } from './trust.ts'

const today = Date.UTC(2026, 10, 21)
const year_ms = 366 * 86_400_000
const uri = 'urn:portcullis:here:e07'
const names = ['e07.plant', '10.0.0.7']

void t.test("the server's own certificate is made once, and checked at every start", async (t) => {
  const folder = join(t.testdir(), 'opcua')
  const own = async (wall: number, wanted = uri) => {
    const trust = new Trust(folder)
    try {
      return await ownCertificate(trust, { uri: wanted, names, clock: new ManualClock(wall) })
    } finally {
      await trust.dispose()
    }
  }
  await t.rejects(own(0), { code: 'PC-OPCUA-CLOCK' }, 'none is made at the beginning of time')
  const first = await own(today)
  t.equal((await own(today + year_ms)).fingerprint, first.fingerprint, 'the same after a year')
  t.equal(statSync(first.key).mode & 0o777, 0o600)
  await t.rejects(own(today - year_ms / 12), { code: 'PC-OPCUA-CLOCK' }, 'before its first day')
  await t.rejects(own(today + 11 * year_ms), { code: 'PC-OPCUA-CERTIFICATE' }, 'after its last')
  await t.rejects(own(today, 'urn:portcullis:here:e08'), { code: 'PC-OPCUA-CERTIFICATE' }, 'of another device')
  const pem = readFileSync(first.file)
  writeFileSync(first.file, pem.subarray(0, 300))
  await t.rejects(own(today), { code: 'PC-OPCUA-CERTIFICATE' }, 'cut off')
  writeFileSync(first.file, pem)
  writeFileSync(first.key, 'no key')
  await t.rejects(own(today), { code: 'PC-OPCUA-CERTIFICATE' }, 'with a damaged key')
})

const openssl = spawnSync('openssl', ['version']).status === 0

void t.test('whoever knocks with ever new certificates fills no disk', { skip: openssl ? false : 'openssl is not installed' }, async (t) => {
  const folder = join(t.testdir(), 'opcua')
  const trust = new Trust(folder)
  t.teardown(() => trust.dispose())
  await ownCertificate(trust, { uri, names, clock: new ManualClock(today) })
  const key = join(folder, 'k.pem')
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key], { stdio: 'ignore' })
  for (let knock = 0; knock < waitingMax + 8; knock++) {
    const file = join(trust.rejectedFolder, `${knock}.pem`)
    execFileSync('openssl', ['req', '-x509', '-key', key, '-subj', `/CN=knock \u001b[31m ${knock}`, '-days', '9', '-out', file], { stdio: 'ignore' })
    utimesSync(file, knock, knock)
  }
  await trust.forgetOldest()
  t.equal(readdirSync(trust.rejectedFolder).length, waitingMax)
  const waiting = await trust.waiting()
  t.match(waiting[0]?.application, new RegExp(`${waitingMax + 7}`), 'the newest first')
  t.ok(waiting.every(({ application }) => /^[\x20-\x7e]*$/.test(application)), 'no words that move a terminal')
})

void t.test('who comes with the authority of an issuer, and whom it revoked', { skip: openssl ? false : 'openssl is not installed' }, async (t) => {
  const folder = join(t.testdir(), 'opcua')
  const trust = new Trust(folder)
  t.teardown(() => trust.dispose())
  await ownCertificate(trust, { uri, names, clock: new ManualClock(today) })
  const ca = join(folder, 'ca')
  mkdirSync(ca)
  writeFileSync(join(ca, 'index'), '')
  writeFileSync(join(ca, 'serial'), '01')
  writeFileSync(join(ca, 'cnf'), `[ca]\ndefault_ca=d\n[d]\ndir=${ca}\ndatabase=${ca}/index\nserial=${ca}/serial\nnew_certs_dir=${ca}\ndefault_md=sha256\ndefault_days=30\ndefault_crl_days=30\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n`
    + '[v3_ca]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n'
    + '[v3]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment\nextendedKeyUsage=clientAuth\nsubjectAltName=URI:urn:plant\n[req]\ndistinguished_name=dn\n[dn]\n')
  const run = (...args: string[]) => execFileSync('openssl', args, { cwd: ca, stdio: 'ignore' })
  run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Plant', '-days', '60', '-config', 'cnf', '-extensions', 'v3_ca')
  const der = (name: string) => {
    run('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, '-config', 'cnf')
    run('ca', '-batch', '-config', 'cnf', '-extensions', 'v3', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-in', `${name}.csr`, '-out', `${name}.pem`, '-notext')
    return Buffer.from(readFileSync(join(ca, `${name}.pem`), 'utf8').replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  }
  const [good, bad] = [der('good'), der('bad')]
  const issuer = Buffer.from(readFileSync(join(ca, 'ca.pem'), 'utf8').replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  const judged = async (certificate: Buffer) => (await (trust.checkCertificate(certificate) as Promise<{ name: string }>)).name
  t.not(await judged(good), 'Good', 'an issuer that nobody put there')
  run('ca', '-batch', '-config', 'cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-revoke', 'bad.pem')
  run('ca', '-gencrl', '-config', 'cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-out', 'crl.pem')
  await trust.addIssuer(issuer, false, true)
  writeFileSync(join(folder, 'issuers', 'crl', 'plant.pem'), readFileSync(join(ca, 'crl.pem')))
  await trust.reloadCertificates()
  await trust.trust(fingerprintOf(good)).catch(() => undefined)
  t.equal(await judged(good), 'Good')
  t.match(await judged(bad), /BadCertificate(Revoked|Untrusted)/)
  await trust.trustCertificate(bad)
  t.equal(await judged(bad), 'BadCertificateRevoked', 'not even when somebody trusts it')
})

void t.test('user certificates: their days, their keys', { skip: openssl ? false : 'openssl is not installed' }, async (t) => {
  const folder = t.testdir()
  const made = (...kind: string[]): Buffer => execFileSync('openssl', ['req', '-x509', ...kind, '-nodes', '-keyout', join(folder, 'key'), '-subj', '/CN=x', '-days', '30', '-outform', 'DER'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const judge = async (der: Buffer, wall: number) => {
    const users = new UserCertificates(join(folder, 'u'), new ManualClock(wall))
    return await new Promise((resolve) => users.checkCertificate(der, (_error: unknown, status: unknown) => resolve(status)))
  }
  const rsa = made('-newkey', 'rsa:2048')
  const now = Date.now()
  t.equal(await judge(rsa, now + 60_000), StatusCodes.Good)
  t.equal(await judge(rsa, now - 86_400_000), StatusCodes.BadCertificateTimeInvalid)
  t.equal(await judge(rsa, now + year_ms), StatusCodes.BadCertificateTimeInvalid)
  t.equal(await judge(made('-newkey', 'rsa:1024'), now + 60_000), StatusCodes.BadCertificatePolicyCheckFailed)
  t.equal(await judge(Buffer.from('no certificate'), now), StatusCodes.BadCertificateInvalid)
})

void t.test('what the library says in the log: no token in full, and not more than can be read', async (t) => {
  const clock = new ManualClock(today)
  const lines: string[] = []
  let counted = 0
  const error = complaints(clock, (_level, says) => lines.push(says), () => counted++)('error')
  error('userTokenPolicy', new UserNameIdentityToken({ userName: 'lan', password: Buffer.from('in the open'), policyId: 'x' }).toString())
  error('\u001b[31mBadCertificateUriInvalid!\u001b[39m\n', 'from 10.0.0.7', 12)
  t.strictSame(lines.splice(0), ['userTokenPolicy', 'BadCertificateUriInvalid! from 10.0.0.7'])
  for (let knock = 0; knock < 100; knock++) error('go away')
  t.equal(lines.splice(0).length, 18)
  clock.advance(10_001)
  error('go away')
  t.equal(lines.length, 1)
  t.equal(counted, 103)
})

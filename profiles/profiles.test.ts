import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { publicKey, readSecret } from './boot/secrets.ts'
import { profileSchema } from './json-schema.ts'
import { checkProfile, loadProfile, type ProfileMistake } from './load.ts'
import type { EgateProfile } from './profile.ts'

const folder = new URL('.', import.meta.url).pathname
const profiles = readdirSync(folder).filter((file) => file.endsWith('.yaml'))
const mantrap = readFileSync(join(folder, 'egate.yaml'), 'utf8')
const single = readFileSync(join(folder, 'egate-single.yaml'), 'utf8')

/** The mistakes of a profile in which `from` was replaced; the text must hold it. */
async function mistakesWith(from: string, to: string, text = mantrap): Promise<ProfileMistake[]> {
  if (!text.includes(from)) throw new Error(`The profile does not hold ${from}.`)
  return (await checkProfile(text.replace(from, to))).mistakes
}

/** Where `part` stands, counted as editors do; `of` narrows to the first line that holds it. */
function placeOf(part: string, of: string, text = mantrap): { line: number; column: number } {
  const lines = text.split('\n')
  const line = lines.findIndex((each) => each.includes(of))
  return { line: line + 1, column: (lines[line] ?? '').indexOf(part) + 1 }
}

void t.test('every profile of the repository is good, and one of them has one door', async (t) => {
  t.strictSame(profiles, ['egate-single.yaml', 'egate.yaml', 'igv.yaml'])
  for (const file of profiles) {
    const { profile, parts } = await loadProfile(join(folder, file))
    t.equal(parts.size, Object.keys(profile.parts).length, file)
    if (profile.device.kind === 'egate') t.equal((profile as EgateProfile).gate.limits.faceTries, 2, 'defaults are filled in')
  }
  const { gate } = (await loadProfile(join(folder, 'egate-single.yaml'))).profile as EgateProfile
  t.equal(gate.layout, 'single')
  t.equal(gate.use.entry, undefined)
})

void t.test('what a profile does not ask for does not run', async (t) => {
  for (const file of profiles) {
    const { profile } = await loadProfile(join(folder, file))
    t.match(Object.keys(profile).filter((section) => ['opcua', 'technician'].includes(section)), [], file)
    t.match(readFileSync(join(folder, file), 'utf8'), /^(?!.*^(opcua|technician):)/ms, `${file} has no such section`)
  }
})

void t.test('the JSON Schema that editors use is up to date', async (t) => {
  t.equal(readFileSync(join(folder, 'profile.schema.json'), 'utf8'), await profileSchema(), 'run: portcullis schema')
})

void t.test('says where and what: a mistake of each kind', async (t) => {
  const cases: { name: string; from: string; to: string; at?: { line: number; column: number }; says: RegExp }[] = [
    { name: 'syntax', from: 'site: mong-cai/bac-luan-1,', to: 'site: [mong-cai,', says: /.\.$/ },
    { name: 'duplicate part', from: '  card: {', to: '  passport: {', at: placeOf('card', '  card: {'), says: /^Map keys must be unique\.$/ },
    { name: 'unknown section', from: 'screen: {', to: 'monitor: {', at: placeOf('screen', 'screen: {'), says: /^monitor: "monitor" is not known here\.$/ },
    { name: 'unknown key', from: 'passage_s: 45', to: 'pasage_s: 45', at: placeOf('passage_s', 'limits: {'), says: /^gate\.limits\.pasage_s: "pasage_s" is not known here\.$/ },
    { name: 'missing key', from: ', port: /dev/ttyS2', to: '', at: placeOf('passport', '  passport: {'), says: /^parts\.passport: "port" is missing\.$/ },
    { name: 'wrong type', from: 'passage_s: 45', to: 'passage_s: soon', at: placeOf('passage_s', 'limits: {'), says: /^gate\.limits\.passage_s: it must be of type number\.$/ },
    { name: 'out of range', from: 'unit: 1', to: 'unit: 99', at: placeOf('unit', 'exitFlap: {'), says: /^parts\.exitFlap\.unit: it must be <= 32\.$/ },
    { name: 'not one of', from: 'layout: mantrap', to: 'layout: maze', at: placeOf('layout', 'layout:'), says: /^gate\.layout: it must be one of mantrap, single\.$/ },
    { name: 'unknown driver', from: 'fingerprint/r30x', to: 'fingerprint/r31x', at: placeOf('use', 'fingerprint/r30x'), says: /^parts\.finger\.use: there is no driver named fingerprint\/r31x; there are barrier\/io, .*\.$/ },
    { name: 'driver of an object\'s own name', from: 'fingerprint/r30x', to: 'constructor', at: placeOf('use', 'fingerprint/r30x'), says: /no driver named constructor/ },
    { name: 'driver option', from: 'baud: 9600', to: 'bauds: 9600', at: placeOf('baud', 'baud: 9600'), says: /^parts\.passport\.bauds: "bauds" is not known here\.$/ },
    { name: 'a part without driver', from: 'use: fingerprint/r30x, ', to: '', at: placeOf('finger', '  finger: {'), says: /^parts\.finger: "use" is missing\.$/ },
    { name: 'a part that is no map', from: '{ use: fingerprint/r30x, port: /dev/ttyUSB0 }', to: 'yes', at: placeOf('finger', '  finger: {'), says: /^parts\.finger: it must be of type object\.$/ },
    { name: 'a part that is not there', from: 'reader: passport', to: 'reader: pasport', at: placeOf('reader', 'reader: passport'), says: /^gate\.use\.reader: there is no part named pasport\.$/ },
    { name: 'a part of the wrong contract', from: 'reader: passport', to: 'reader: camera', at: placeOf('reader', 'reader: passport'), says: /^gate\.use\.reader: camera is of the kind camera, and document-reader is needed\.$/ },
    { name: 'between parts', from: 'board: relays, open', to: 'board: passport, open', at: placeOf('board', 'entryDoor: {'), says: /^parts\.entryDoor\.board: passport is of the kind document-reader, and io-board is needed\.$/ },
    { name: 'a mantrap without entry', from: '    entry: entryDoor\n', to: '', at: { line: placeOf('gate', 'gate:').line + 1, column: 3 }, says: /^gate\.use: "entry" is missing: a mantrap has two doors\.$/ },
    { name: 'a mantrap that is blind inside', from: '    inside: inside\n', to: '', at: { line: placeOf('gate', 'gate:').line + 1, column: 3 }, says: /^gate\.use: "inside" is missing: a mantrap must see who is in it\.$/ },
    { name: 'finger policy without scanner', from: '    finger: finger\n', to: '', at: { line: placeOf('gate', 'gate:').line + 1, column: 3 }, says: /^gate\.use: "finger" is missing: the policy asks for a fingerprint \(when-resident\)\.$/ },
    { name: 'a tamper contact that is none', from: '\nscreen:', to: '\naccess: { tamper: passport }\nscreen:', says: /^access\.tamper: passport is of the kind document-reader, and safety-input is needed\.$/ },
    { name: 'a tamper contact without authority', from: ', authority: credential:authority }\nscreen:', to: ' }\naccess: { tamper: powerFail }\nscreen:', says: /^access: "authority" is missing: once the housing was opened/ },
    { name: 'a secret in the profile', from: 'key: credential:journal', to: 'key: 0123456789abcdef', at: placeOf('key', 'journal: {'), says: /^journal\.key: it must match pattern/ },
    { name: 'a broker with its password', from: 'mqtts://centre:8883', to: 'mqtts://user:word@centre:8883', at: placeOf('broker', 'uplink: {'), says: /^uplink\.broker: it must match pattern/ },
    { name: 'a time zone that is none', from: 'languages: [vi, zh, en]', to: 'timeZone: Asia/Mong_Cai', at: placeOf('languages', 'device: {'), says: /^device\.timeZone: there is no time zone Asia\/Mong_Cai\.$/ },
    { name: 'a bad name for a part', from: '  finger: {', to: '  Finger Scanner: {', at: placeOf('finger', '  finger: {'), says: /^parts\.Finger Scanner: the name of a part begins with a small letter/ },
    { name: 'a part with a name of the runtime', from: '  finger: {', to: '  journal: {', at: placeOf('finger', '  finger: {'), says: /^parts\.journal: a component of the runtime has this name/ },
    { name: 'a part with the name of a prototype', from: '  finger: {', to: '  __proto__: {', at: placeOf('finger', '  finger: {'), says: /^parts\.__proto__: the name of a part/ },
    { name: 'a second document', from: '\nparts:', to: '\n---\nparts:', at: { line: placeOf('parts', 'parts:').line, column: 1 }, says: /^A profile is one document: another one begins here\.$/ },
  ]
  for (const { name, from, to, at, says } of cases) {
    const found = await mistakesWith(from, to)
    const [first] = found
    t.match(first?.says, says, name)
    if (at !== undefined) t.strictSame({ line: first?.line, column: first?.column }, at, `${name}: where`)
    for (const mistake of found) t.match(mistake.says, /^[\s\S]+\.$/, `${name}: sentences`)
  }
})

void t.test('fields that cannot protect are mistakes of the profile, not of the start', async (t) => {
  const vehicle = readFileSync(join(folder, 'igv.yaml'), 'utf8')
  const says = async (from: string, to: string): Promise<string | undefined> => (await mistakesWith(from, to, vehicle))[0]?.says
  t.match(await says('yaw: 45 }, range_m: [0.1, 20]', 'yaw: 45 }, range_m: [20, 0.1]'), /^obstacles\.sources\.bumper\.range_m: the nearest distance comes first.*nothing that this sensor sees counts\.$/)
  t.match(await says('name: fast', 'name: ahead'), /^obstacles\.fields\.3\.name: another set is named ahead already\.$/)
  t.match(await says('[-5.0, -1.2]', '[-100, -100]'), /^obstacles\.fields: The protective fields are too large .*evidence\.cell_m\.$/)
})

void t.test('a one-door gate must see who stands before it, unless it is said to have no sensors', async (t) => {
  const [first] = await mistakesWith('    front: front\n', '', single)
  t.equal(first?.says, 'gate.use: "front" is missing: the gate must see who stands before it.')
  t.strictSame((await checkProfile(single.replace('    front: front\n', '').replace('presence: detects', 'presence: none'))).mistakes, [])
})

void t.test('texts that are no profile at all', async (t) => {
  const noMap = 'A profile is a map with the sections device, parts, journal and those of its kind of device.'
  for (const text of ['', '# nothing\n', '- a\n- b\n', 'hello', 'null', '42']) t.strictSame((await checkProfile(text)).mistakes, [{ line: 1, column: 1, says: noMap }], text)
  t.match((await checkProfile('#'.repeat(256 * 1024 + 1))).mistakes, [{ line: 1, column: 1, says: 'A profile has at most 256 KiB.' }])
  t.match((await checkProfile('parts: *nobody\n')).mistakes, [{ line: 1, column: 8, says: /^An alias \(\*name\) is not defined/ }])
  const missing = new Set((await checkProfile('screen: {}\n')).mistakes.map(({ says }) => says))
  for (const section of ['device', 'parts', 'gate', 'lists', 'face', 'journal']) t.ok(missing.has(`"${section}" is missing.`), section)
})

void t.test('a text made to be expensive is refused at once', async (t) => {
  const names = 'abcdefghij'.split('')
  const bomb = names.map((name, at) => `${name}: &${name} [${Array(10).fill(at === 0 ? 'x' : `*${names[at - 1]}`).join(', ')}]`).join('\n')
  t.match((await checkProfile(bomb)).mistakes, [{ line: 2, says: /aliases are expanded more than 50 times/ }])
  for (const deep of ['['.repeat(50_000), '- '.repeat(50_000), '{a: '.repeat(20_000)]) {
    const { loaded, mistakes } = await checkProfile(deep)
    t.equal(loaded, undefined)
    t.ok(mistakes.length > 0 && mistakes.length <= 50)
  }
})

void t.test('any text gives a profile or mistakes at places that are there, and never throws', async () => {
  const words = fc.constantFrom('device', 'parts', 'gate', 'use', '__proto__', 'constructor', 'toString', ': ', '\n', '\n  ', '- ', '{', '}', '[', ']', '&a ', '*a', '!!binary ', '|', '>', '? ', '"', "'", '\t', '\0', '\u2028', '<<: ', '~', '1e999', 'reader/mrz-serial', '#', '---\n', '%YAML 9\n')
  const changed = fc.record({ at: fc.nat(mantrap.length), cut: fc.nat(40), put: fc.oneof(fc.string({ maxLength: 20 }), words) })
    .map(({ at, cut, put }) => mantrap.slice(0, at) + put + mantrap.slice(at + cut))
  const text = fc.oneof(fc.string({ maxLength: 300, unit: 'grapheme' }), fc.array(words, { maxLength: 60 }).map((parts) => parts.join('')), changed)
  await fc.assert(fc.asyncProperty(text, async (text) => {
    const { loaded, mistakes } = await checkProfile(text)
    if ((loaded === undefined) !== mistakes.length > 0) return false
    const lines = text.split('\n')
    return mistakes.every(({ line, column, says }) =>
      Number.isInteger(line) && line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1] ?? '').length + 1 && says.endsWith('.'))
  }), { numRuns: 400 })
})

void t.test('loading names the file, the place and the first mistake', async (t) => {
  const file = join(t.testdir(), 'wrong.yaml')
  writeFileSync(file, mantrap.replace('unit: 1', 'unit: 99'))
  await t.rejects(loadProfile(file), { code: 'PC-PROFILE-INVALID', message: /wrong\.yaml:\d+:\d+: parts\.exitFlap\.unit: it must be <= 32\.$/ })
  await t.rejects(loadProfile(join(file, 'nothing')), { code: 'PC-PROFILE-READ' })
  await t.rejects(loadProfile(t.testdirName), { code: 'PC-PROFILE-READ' }, 'a folder is no profile')
})

void t.test('finds secrets where the profile says, and nowhere else', async (t) => {
  const credentials = join(t.testdir(), 'credentials')
  mkdirSync(credentials)
  const outside = join(t.testdirName, 'outside')
  writeFileSync(outside, 'OUTSIDE-SECRET\n')
  writeFileSync(join(credentials, 'text'), 'TEXT-SECRET\n')
  writeFileSync(join(credentials, 'binary'), Uint8Array.of(1, 0, 0x0a))
  writeFileSync(join(credentials, 'empty'), '')
  writeFileSync(join(credentials, 'large'), Buffer.alloc(64 * 1024 + 1, 'LARGE-SECRET'))
  const places = { credentials, env: { TOKEN: 'ENV-SECRET', EMPTY: '' } }
  const text = async (reference: string): Promise<string> => Buffer.from(await readSecret(reference, places)).toString('latin1')
  t.equal(await text('credential:text'), 'TEXT-SECRET', 'the line break at the end is the editor\'s')
  t.strictSame(await readSecret('credential:binary', places), Buffer.from([1, 0, 0x0a]), 'bytes are left as they are')
  t.equal(await text(`file:${outside}`), 'OUTSIDE-SECRET')
  t.equal(await text('env:TOKEN'), 'ENV-SECRET')
  const refused = [
    'credential:nothing', 'credential:empty', 'credential:large', 'credential:../outside', `credential:${outside}`, 'credential:.', 'credential:..',
    'credential:text\0', 'credential:', 'credential: text', `file:${credentials}`, `file:${outside}s`, 'file:', 'file:a\0b', 'env:NOTHING', 'env:EMPTY', 'env:__proto__', 'text', 'http://host/secret', '',
  ]
  for (const reference of refused) {
    const error = await readSecret(reference, places).then(() => undefined, (error: Error & { code: string }) => error)
    t.equal(error?.code, 'PC-PROFILE-SECRET', reference)
    t.notMatch(inspect(error), /(OUTSIDE|LARGE|TEXT|ENV)-SECRET/, 'the error does not tell it')
  }
})

void t.test('any reference gives bytes or one coded error', async (t) => {
  const places = { credentials: t.testdir({ name: 'x', outside: 'x' }), env: {} }
  await fc.assert(fc.asyncProperty(fc.oneof(fc.string(), fc.string().map((rest) => `credential:${rest}`), fc.string().map((rest) => `env:${rest}`)), async (reference) => {
    const found = await readSecret(reference, places).catch((error: { code: string }) => error.code)
    return found === 'PC-PROFILE-SECRET' || (found instanceof Uint8Array && /^credential:(name|outside)$/.test(reference))
  }), { numRuns: 300 })
})

void t.test('only a public Ed25519 key in PEM is one, and what is none is not told', async (t) => {
  const pem = (key: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer }): Buffer => Buffer.from(key.export({ type: 'spki', format: 'pem' }))
  t.equal(publicKey(pem(generateKeyPairSync('ed25519').publicKey), 'credential:authority').asymmetricKeyType, 'ed25519')
  const others = [Buffer.from('KEY-SECRET'), Buffer.alloc(0), pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)]
  for (const other of others) {
    t.throws(() => publicKey(other, 'credential:authority'), { code: 'PC-PROFILE-KEY', message: 'credential:authority is not an Ed25519 public key in PEM.' })
  }
})

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { canonical } from '../base/canonical.ts'
import { checkDocument, type DocumentFields } from './document-check.ts'
import { ListFolder } from './list-folder.ts'
import { entryOf, keysOf, type ListBody, Lists, type ListedDocument } from './lists.ts'
import type { ListName } from './policy.ts'
import { setupOf } from './rehearsal.ts'

const office = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
const key = new Uint8Array(32).fill(7)
const signers = new Map<string, KeyObject>([['office-2026', office.publicKey]])
const now = Date.UTC(2026, 10, 21, 12)
const salt = '00112233445566778899aabbccddeeff'

const specimen: DocumentFields = {
  authenticity: 'mrz', documentCode: 'P', issuer: 'UTO', documentNumber: 'L898902C3', names: 'ERIKSSON ANNA MARIA', birth: '1974-08-12', expiry: '2030-04-15',
}
const other: DocumentFields = { ...specimen, documentNumber: 'D23145890', names: 'STEVENSON PETER JOHN', birth: '1934-07-12' }
const byNumber = (document: ListedDocument): ListedDocument => ({ ...document, names: '' })
const byName = (document: ListedDocument): ListedDocument => ({ ...document, documentNumber: '' })

function bodyOf(list: ListName, documents: readonly ListedDocument[], change: Partial<ListBody> = {}): ListBody {
  const entries = documents.flatMap((document) => keysOf(document).map((entry) => entryOf(key, { list, salt }, entry)))
  return { format: 'portcullis-list/1', list, sequence: 5, issued: '2026-11-21T00:00:00Z', expires: '2026-11-22T00:00:00Z', salt, entries, ...change }
}

const signed = (body: ListBody, by = office.privateKey, name = 'office-2026'): string =>
  JSON.stringify({ body, signature: { key: name, value: sign(null, Buffer.from(canonical(body)), by).toString('base64') } })

const listsWith = (...texts: string[]): Lists => {
  const lists = new Lists({ key, signers })
  for (const text of texts) lists.take(text)
  return lists
}

void t.test('looks documents up by number and by person', async (t) => {
  const lists = listsWith(signed(bodyOf('watchlist', [byName(specimen)])), signed(bodyOf('revoked', [byNumber(specimen)])), signed(bodyOf('residents', [byNumber(other)])))
  t.match(lists.check(specimen, now), { watchlist: 'hit', revoked: 'hit', resident: false, freshness: { watchlist: 'fresh', revoked: 'fresh', residents: 'fresh' } })
  t.match(lists.check(other, now), { watchlist: 'clear', revoked: 'clear', resident: true })
  t.equal(lists.check({ ...specimen, issuer: 'VNM' }, now).revoked, 'clear', 'the same number of another state is another document')
  t.equal(lists.check({ ...specimen, birth: '1974-08-13' }, now).watchlist, 'clear')
  t.equal(lists.check({ ...specimen, birth: '1974' }, now).watchlist, 'clear', 'half a birth date finds nobody')
  t.equal(lists.check({ ...specimen, names: 'Anna Maria Eriksson' }, now).watchlist, 'hit', 'whatever the order of the names')
  t.same(lists.loaded.map(({ list, entries }) => `${list} ${entries}`), ['watchlist 1', 'revoked 1', 'residents 1'])
})

void t.test('names as written and as in a machine-readable zone are the same', async (t) => {
  const written: ListedDocument = { issuer: 'VNM', documentNumber: '', names: 'Nguyễn Văn Đức', birth: '1990-01-02' }
  const lists = listsWith(signed(bodyOf('watchlist', [written])))
  t.equal(lists.check({ ...written, names: 'NGUYEN<<VAN<DUC' }, now).watchlist, 'hit')
  t.equal(lists.check({ ...written, names: 'NGUYEN VAN DUNG' }, now).watchlist, 'clear')
})

void t.test('a list holds no plain personal data', async (t) => {
  const text = signed(bodyOf('watchlist', [specimen]))
  for (const secret of ['L898902C3', 'ERIKSSON', '1974-08-12']) t.notOk(text.includes(secret))
  const [entry = ''] = bodyOf('watchlist', [byNumber(specimen)]).entries
  const [first] = keysOf(specimen)
  t.not(first === undefined ? '' : entryOf(new Uint8Array(32).fill(8), { list: 'watchlist', salt }, first), entry, 'without the key nobody can look up')
  t.not(bodyOf('revoked', [byNumber(specimen)]).entries[0], entry, 'the same document has another entry in another list')
})

void t.test('age', async (t) => {
  const lists = listsWith(signed(bodyOf('watchlist', [specimen])), signed(bodyOf('residents', [specimen])))
  const day = 24 * 3600_000
  t.match(lists.check(specimen, now + day), { watchlist: 'hit', resident: 'unknown', freshness: { watchlist: 'stale', residents: 'stale', revoked: 'absent' } }, 'a hit counts, however old')
  t.match(lists.check(other, now + day), { watchlist: 'unknown', resident: 'unknown', revoked: 'unknown' })
  t.equal(lists.freshness('watchlist', now - 2 * day), 'stale', 'a list from the future: the clock is wrong')
  t.equal(lists.freshness('watchlist', Number.NaN), 'stale')
})

void t.test('refuses what is tampered with, foreign, older or malformed', async (t) => {
  const refuses = (text: string, code: string, lists = new Lists({ key, signers })): void => {
    t.throws(() => lists.take(text), { code })
    t.equal(lists.freshness('watchlist', now), lists.loaded.length === 0 ? 'absent' : 'fresh')
  }
  const good = bodyOf('watchlist', [specimen])
  const tampered = JSON.parse(signed(good)) as { body: ListBody }
  tampered.body.entries = []
  refuses(JSON.stringify(tampered), 'PC-GATE-LIST-SIGNATURE')
  refuses(signed(good, stranger.privateKey), 'PC-GATE-LIST-SIGNATURE')
  refuses(signed(good, office.privateKey, 'nobody'), 'PC-GATE-LIST-SIGNATURE')
  refuses(signed({ ...good, expires: 'never' }), 'PC-GATE-LIST-FORMAT')
  refuses(signed({ ...good, entries: ['Anna Maria Eriksson'] }), 'PC-GATE-LIST-FORMAT')
  refuses('{', 'PC-GATE-LIST-FORMAT')
  t.notMatch(caught(() => new Lists({ key, signers }).take(signed({ ...good, entries: ['ERIKSSON'] }))), /ERIKSSON/, 'the error does not repeat what is wrong')

  const lists = listsWith(signed(good))
  t.doesNotThrow(() => lists.take(signed(good)), 'the same again')
  refuses(signed({ ...good, sequence: 4 }), 'PC-GATE-LIST-ROLLBACK', lists)
  refuses(signed({ ...good, entries: [] }), 'PC-GATE-LIST-ROLLBACK', lists)
  t.equal(lists.take(signed({ ...good, sequence: 6 })), 'watchlist')
  t.throws(() => new Lists({ key: key.subarray(0, 16), signers }), { code: 'PC-GATE-LIST-KEY' })
})

const caught = (action: () => void): string => {
  try {
    action()
    return ''
  } catch (error) {
    return String(error)
  }
}

void t.test('any text is taken or refused with a code', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.record({ body: fc.anything(), signature: fc.anything() }).map((value) => JSON.stringify(value))), (text) => {
      return /ConfigError|InputError/.test(caught(() => new Lists({ key, signers }).take(text)))
    }),
  )
})

void t.test('the folder', async (t) => {
  const folder = t.testdir()
  const first = await ListFolder.open(folder, { key, signers })
  t.same([first.refused, first.lists.loaded], [[], []])
  await first.receive(signed(bodyOf('watchlist', [specimen])))
  const old = await readFile(join(folder, 'watchlist.json'), 'utf8')
  await first.receive(signed(bodyOf('watchlist', [specimen, other], { sequence: 6 })))
  await t.rejects(first.receive(old), { code: 'PC-GATE-LIST-ROLLBACK' })

  const second = await ListFolder.open(folder, { key, signers })
  t.match([second.refused, second.lists.loaded], [[], [{ sequence: 6, entries: 4 }]])

  await writeFile(join(folder, 'watchlist.json'), old)
  const rolledBack = await ListFolder.open(folder, { key, signers })
  t.match(rolledBack.refused, [{ list: 'watchlist', code: 'PC-GATE-LIST-ROLLBACK' }], 'an older file is no way around')
  t.equal(rolledBack.lists.freshness('watchlist', now), 'absent')

  await writeFile(join(folder, 'watchlist.json'), signed(bodyOf('revoked', [])))
  t.match((await ListFolder.open(folder, { key, signers })).refused, [{ list: 'watchlist', code: 'PC-GATE-LIST-FORMAT' }])
  await writeFile(join(folder, 'floors.json'), '{"watchlist":{}}')
  await t.rejects(ListFolder.open(folder, { key, signers }), { code: 'PC-GATE-LIST-FLOORS' })
})

void t.test('what a document means', async (t) => {
  const lists = listsWith(signed(bodyOf('watchlist', [byName(other)])), signed(bodyOf('revoked', [])), signed(bodyOf('residents', [byNumber(specimen)])))
  const { policy } = setupOf()
  const check = { lists, policy, today: '2026-11-21', wall: now }
  const onRecord = { photo: true, fingerTemplate: false }
  const result = (change: Partial<DocumentFields>, rules: Partial<typeof policy> = {}, list = lists): string =>
    checkDocument({ ...specimen, ...change }, onRecord, { ...check, lists: list, policy: { ...policy, ...rules } }).result

  t.same(checkDocument(specimen, onRecord, check), { result: 'accepted', resident: true, photo: true, fingerTemplate: false, lists: { watchlist: 'fresh', revoked: 'fresh' } })
  t.equal(result({ expiry: '2026-11-21' }), 'accepted', 'valid on its last day')
  t.equal(result({ expiry: '2026-11-20' }), 'document-expired')
  t.equal(result({ expiry: '' }), 'document-inconsistent')
  t.equal(result({ documentCode: 'V' }), 'document-not-accepted')
  t.equal(result({ documentCode: 'PD' }), 'accepted')
  t.equal(result({}, { documents: { ...policy.documents, issuers: ['VNM'] } }), 'document-not-accepted')
  t.equal(result({ ...other, expiry: '2020-01-01' }), 'watchlist-hit', 'a hit comes before everything else')
  t.equal(result({}, {}, listsWith(signed(bodyOf('revoked', [specimen])))), 'document-revoked')
  t.equal(result({ documentNumber: 'X1' }, { admit: 'residents' }), 'not-resident')
  t.equal(result({}, { admit: 'residents' }), 'accepted')
  t.equal(result({}, { admit: 'residents' }, new Lists({ key, signers })), 'lists-too-old')
  t.match(checkDocument(specimen, onRecord, { ...check, lists: new Lists({ key, signers }) }), { resident: 'unknown', lists: { watchlist: 'absent', revoked: 'absent' } })

  const claim = { authenticity: 'claim', documentCode: '', expiry: '' } as const
  const claims = { documents: { ...policy.documents, claims: 'residents' as const } }
  t.equal(result(claim), 'document-not-accepted', 'anybody can print a claim')
  t.equal(result(claim, claims), 'accepted', 'it may name a registered resident')
  t.equal(result({ ...claim, documentNumber: 'X1' }, claims), 'not-resident')
})

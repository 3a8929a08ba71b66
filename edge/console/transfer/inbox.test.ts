import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { freeName, safeName } from './file-name.ts'
import { FileRoom } from './file-room.ts'
import { Inbox, inboxDefaults, type InboxOptions, Incoming } from './inbox.ts'

const inboxIn = (folder: string, limits: Partial<InboxOptions> = {}): Inbox => new Inbox({ ...inboxDefaults, folder, ...limits })

async function begun(inbox: Inbox, name: string, size: number | undefined, modified_s = 1): Promise<Incoming> {
  const incoming = await inbox.begin({ name, size, modified_s })
  if (typeof incoming === 'string') throw new Error(incoming)
  return incoming
}

void t.test('names from outside are plain ones', async (t) => {
  t.equal(safeName('../../etc/passwd'), 'passwd')
  t.equal(safeName('C:\\Windows\\a b\u001b[31m.txt'), 'a_b_31m.txt')
  t.equal(safeName('.bashrc'), 'bashrc')
  t.equal(safeName('..'), 'unnamed')
  t.equal(safeName('-rf'), 'rf')
  t.equal(safeName('dir/'), 'unnamed')
  t.equal(safeName(`${'x'.repeat(300)}.tar`).length, 96)
  t.match(safeName(`${'x'.repeat(300)}.tar`), /x\.tar$/)
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
    const safe = safeName(name)
    t.match(safe, /^[A-Za-z0-9+=@,()][A-Za-z0-9._+=@,()-]{0,95}$/)
    t.equal(safeName(safe), safe)
  }), { numRuns: 200 })
  t.equal(freeName('a.tar.gz', (name) => name === 'a.tar.gz' || name === 'a.2.tar.gz'), 'a.3.tar.gz')
})

void t.test('a file appears whole, under a free name, with its hash', async (t) => {
  const folder = t.testdir({ 'a.bin': 'mine' })
  const inbox = inboxIn(folder)
  const content = randomBytes(200_000)
  const incoming = await begun(inbox, 'sub/../../a.bin', content.length)
  await incoming.write(content.subarray(0, 1_000))
  t.strictSame(readdirSync(folder), ['.unfinished', 'a.bin'], 'nothing to be seen before it is whole')
  await incoming.write(content.subarray(1_000))
  t.strictSame(await incoming.complete(), { file: 'a.2.bin', bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') })
  t.ok(readFileSync(join(folder, 'a.2.bin')).equals(content))
  t.equal(readFileSync(join(folder, 'a.bin'), 'utf8'), 'mine')
  t.strictSame(readdirSync(join(folder, '.unfinished')), [])
})

void t.test('what is left unfinished is gone on with, when it is the same file', async (t) => {
  const folder = t.testdir()
  const inbox = inboxIn(folder)
  const content = randomBytes(100_000)
  const first = await begun(inbox, 'a.bin', content.length)
  await first.write(content.subarray(0, 70_000))
  await first.leave()
  const other = await begun(inbox, 'a.bin', content.length, 2)
  t.equal(other.length, 0, 'of another time')
  await other.leave()
  const again = await begun(inbox, 'a.bin', content.length)
  t.equal(again.length, 70_000)
  t.equal(again.crc32, crc32(content.subarray(0, 70_000)))
  await again.write(content.subarray(70_000))
  t.equal((await again.complete()).sha256, createHash('sha256').update(content).digest('hex'))
  const restarted = await begun(inbox, 'b.bin', 3)
  await restarted.write(Uint8Array.of(9, 9))
  await restarted.restart()
  await restarted.write(Uint8Array.of(1, 2, 3))
  await restarted.complete()
  t.strictSame([...readFileSync(join(folder, 'b.bin'))], [1, 2, 3])
  t.strictSame(readdirSync(join(folder, '.unfinished')), [], 'of nothing, nothing stays')
})

void t.test('there is a limit to everything', async (t) => {
  const folder = t.testdir()
  const inbox = inboxIn(folder, { bytesMax: 10_000, fileBytesMax: 6_000, filesMax: 2, unfinishedMax: 2 })
  t.equal(await inbox.begin({ name: 'a', size: 6_001, modified_s: 0 }), 'too large')
  const liar = await begun(inbox, 'a', 10)
  await liar.write(new Uint8Array(6_000))
  await t.rejects(liar.write(new Uint8Array(1)), { code: 'PC-TRANSFER-LIMIT' }, 'more than the largest file')
  await liar.leave()
  const second = await begun(inbox, 'b', 5_000)
  t.equal(readdirSync(join(folder, '.unfinished')).length, 1, 'the older unfinished one made room')
  await second.write(new Uint8Array(5_000))
  await second.complete()
  const silent = await begun(inbox, 'c', undefined)
  await t.rejects(silent.write(new Uint8Array(5_001)), { code: 'PC-TRANSFER-LIMIT' }, 'a sender that names no size gets what is left')
  await silent.write(new Uint8Array(5_000))
  await silent.complete()
  t.equal(await inbox.begin({ name: 'd', size: 1, modified_s: 0 }), 'full')
  t.strictSame((await inbox.list()).map(({ name, size }) => [name, size]), [['b', 5_000], ['c', 5_000]])
})

void t.test('a disk that becomes full leaves no file that looks whole', async (t) => {
  const folder = t.testdir()
  // The system takes a part of what crosses the limit of a process's files, as a full disk does.
  const script = `
    process.on('SIGXFSZ', () => undefined)
    import { Inbox, inboxDefaults } from ${JSON.stringify(join(import.meta.dirname, 'inbox.ts'))}
    const file = await new Inbox({ ...inboxDefaults, folder: ${JSON.stringify(folder)} }).begin({ name: 'a', size: 20_000, modified_s: 0 })
    await file.write(new Uint8Array(12_000).fill(7))
    await file.write(new Uint8Array(8_000).fill(7)).catch(({ code }) => console.log(code))
    await file.leave()`
  const said = execFileSync('sh', ['-c', 'ulimit -f 32; exec "$0" --input-type=module -e "$1"', process.execPath, script], { encoding: 'utf8' })
  t.equal(said, 'PC-TRANSFER-STORAGE\n')
  t.strictSame(readdirSync(folder), ['.unfinished'])
})

void t.test('a link in the way is not followed, a folder that cannot be written is said so', async (t) => {
  const folder = t.testdir({ file: 'x', elsewhere: 'mine' })
  await t.rejects(inboxIn(join(folder, 'file')).begin({ name: 'a', size: 1, modified_s: 0 }), { code: 'PC-TRANSFER-STORAGE' })
  const path = join(folder, 'link')
  symlinkSync(join(folder, 'elsewhere'), path)
  await t.rejects(Incoming.open(path, folder, 'a', 10))
  t.equal(readFileSync(join(folder, 'elsewhere'), 'utf8'), 'mine')
})

void t.test('only plain files of the outbox are offered', async (t) => {
  const state = t.testdir({ secret: 'key', outbox: { 'bundle.tar': 'abc', '.hidden': 'x', 'odd name': 'x', folder: {} } })
  symlinkSync(join(state, 'secret'), join(state, 'outbox', 'link.tar'))
  const { outbox, inbox } = new FileRoom(state)
  t.strictSame((await outbox.list()).map(({ name, size }) => [name, size]), [['bundle.tar', 3]])
  for (const name of ['../secret', 'link.tar', 'folder', '.hidden', 'none', '']) {
    await t.rejects(outbox.open(name), { code: 'PC-TRANSFER-FILE' }, name)
  }
  const file = await outbox.open('bundle.tar')
  t.equal(Buffer.from(await file.read(1, 2)).toString(), 'bc')
  await t.rejects(file.read(2, 2), { code: 'PC-TRANSFER-CHANGED' })
  await file.close()
  t.strictSame(await inbox.list(), [])
  t.strictSame(await new FileRoom(join(state, 'nowhere')).outbox.list(), [])
  mkdirSync(join(state, 'inbox'))
  writeFileSync(join(state, 'inbox', 'got'), 'x')
  t.strictSame((await inbox.list()).map(({ name }) => name), ['got'])
})

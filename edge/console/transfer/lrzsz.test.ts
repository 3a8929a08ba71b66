import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { describe } from '../../base/error.ts'
import { missingOf, noise, programLine, type Spoil } from './trial-line.ts'
import { bytesMax, each, folders, never, silently, transferWith } from './trial.ts'

const skip = (() => {
  const missing = missingOf('socat', 'sz', 'rz', 'sb', 'rb')
  return missing === undefined ? false : `${missing} is not installed`
})()
/** Fast enough for a test, slow enough for programs that drop what comes while they look elsewhere. */
const fast = 2_000_000

/** Every control character, those that must be escaped most of all. */
const worst = Buffer.from(Array.from({ length: 60_000 }, (_, index) => [0x18, 0x11, 0x13, 0x10, 0x91, 0x0d, 0x40, 0x8d, 0x2a, 0xff, 0x7f, index & 0x1f][index % 12] ?? 0))
const contents: Record<string, Buffer> = { 'empty.bin': Buffer.alloc(0), 'one.bin': Buffer.from([0x18]), 'random.bin': randomBytes(1_000_000), 'worst.bin': worst }

/** YMODEM waits for an answer to each block. */
const contentsBy = { zmodem: contents, ymodem: { ...contents, 'random.bin': randomBytes(150_000), 'worst.bin': worst.subarray(0, 3_000) } }

for (const [protocol, sender, receiver] of [['zmodem', 'sz', 'rz'], ['ymodem', 'sb', 'rb']] as const) {
  const contents: Record<string, Buffer> = contentsBy[protocol]
  void t.test(`${sender} of Debian sends us any file by ${protocol}`, { skip }, async (t) => {
    const { from, to } = folders(t)
    const names = Object.keys(contents)
    for (const [name, content] of Object.entries(contents)) writeFileSync(join(from, name), content)
    const way = await programLine({ bytes_perS: fast })
    t.teardown(() => way.close())
    const program = way.start(sender, ['-k', ...names], from)
    const seen = new Map<string, number>()
    const received = await transferWith().receive(way.line, to, bytesMax, protocol, never, (file, done) => seen.set(file, done))
    t.equal(await program.ended, 0)
    t.strictSame(received.map(({ file, bytes }) => [file, bytes]), names.map((name) => [name, contents[name]?.length]))
    for (const name of names) t.ok(readFileSync(join(to, name)).equals(contents[name] ?? Buffer.alloc(0)), name)
    t.equal(seen.get('random.bin'), contents['random.bin']?.length)
  })

  void t.test(`${receiver} of Debian takes any file from us by ${protocol}`, { skip }, async (t) => {
    await each(Object.entries(contents), async ([name, content]) => {
      const { from, to } = folders(t, name)
      writeFileSync(join(from, name), content)
      const way = await programLine({ bytes_perS: fast })
      const program = way.start(receiver, [], to)
      t.strictSame(await transferWith().send(way.line, join(from, name), protocol, never, silently), { bytes: content.length })
      t.equal(await program.ended, 0)
      t.ok(readFileSync(join(to, name)).equals(content), name)
      await way.close()
    })
  })
}

void t.test('options of lrzsz: CRC-16, escaped controls, long blocks, a window', { skip }, async (t) => {
  const sending = [[['-o'], {}], [['-e'], {}], [['-8'], {}], [['-w', '4096'], {}], [['-l', '512'], {}], [[], { escape_controls: true }]] as const
  await each(sending, async ([args, settings], name) => {
    const { from, to } = folders(t, `sz-${name}`)
    writeFileSync(join(from, 'worst.bin'), worst)
    const way = await programLine({ bytes_perS: fast })
    const program = way.start('sz', [...args, 'worst.bin'], from)
    await transferWith(settings).receive(way.line, to, bytesMax, 'zmodem', never, silently)
    t.equal(await program.ended, 0)
    t.ok(readFileSync(join(to, 'worst.bin')).equals(worst), `sz ${args.join(' ')}`)
    await way.close()
  })
  const receiving = [[['-e'], {}], [['-w', '2048'], {}], [[], { escape_controls: true, window: 4_096 }]] as const
  await each(receiving, async ([args, settings], name) => {
    const { from, to } = folders(t, `rz-${name}`)
    writeFileSync(join(from, 'worst.bin'), worst)
    const way = await programLine({ bytes_perS: fast })
    const program = way.start('rz', args, to)
    await transferWith(settings).send(way.line, join(from, 'worst.bin'), 'zmodem', never, silently)
    t.equal(await program.ended, 0)
    t.ok(readFileSync(join(to, 'worst.bin')).equals(worst), `rz ${args.join(' ')}`)
    await way.close()
  })
})

/** Receives random.bin from sz. @returns how many bytes came over the line */
async function receivesWhole(t: Test, from: string, to: string, bytes_perS?: number): Promise<number> {
  let came = 0
  const way = await programLine({ ...(bytes_perS === undefined ? {} : { bytes_perS }), spoilIn: (bytes) => {
    came += bytes.length
    return bytes
  } })
  t.teardown(() => way.close())
  const program = way.start('sz', ['random.bin'], from)
  await transferWith().receive(way.line, to, bytesMax, 'zmodem', never, silently)
  t.equal(await program.ended, 0)
  t.ok(readFileSync(join(to, 'random.bin')).equals(readFileSync(join(from, 'random.bin'))))
  return came
}

void t.test('sz waits where we do: nothing is dropped and nothing sent twice on a line without any speed', { skip }, async (t) => {
  const { from, to } = folders(t)
  const content = contents['random.bin'] ?? Buffer.alloc(0)
  writeFileSync(join(from, 'random.bin'), content)
  const came = await receivesWhole(t, from, to)
  t.ok(came < 1_100_000, `${came} bytes came`)
})

/** Lets so many bytes through, then calls. */
function after(bytes: number, act: () => void): Spoil {
  let passed = 0
  return (piece) => {
    if (passed < bytes && passed + piece.length >= bytes) setImmediate(act)
    passed += piece.length
    return piece
  }
}

void t.test('unplugged in the middle, a later transfer from sz goes on where it was', { skip }, async (t) => {
  const { from, to } = folders(t)
  const content = contents['random.bin'] ?? Buffer.alloc(0)
  writeFileSync(join(from, 'random.bin'), content)
  const cut = await programLine({ bytes_perS: fast, spoilIn: after(600_000, () => cut.line.onClosed()) })
  const first = cut.start('sz', ['random.bin'], from)
  await t.rejects(transferWith().receive(cut.line, to, bytesMax, 'zmodem', never, silently), { code: 'PC-CONSOLE-LOST' })
  first.kill()
  await first.ended
  await cut.close()
  t.strictSame(readdirSync(to), ['.unfinished'])
  const came = await receivesWhole(t, from, to, fast)
  t.ok(came < 600_000, `${came} bytes came again`)
})

void t.test('rz goes on with what it has when it is asked to', { skip }, async (t) => {
  const { from, to } = folders(t)
  const content = contents['random.bin'] ?? Buffer.alloc(0)
  writeFileSync(join(from, 'random.bin'), content)
  writeFileSync(join(to, 'random.bin'), content.subarray(0, 700_000))
  let sent = 0
  const way = await programLine({ bytes_perS: fast, spoilOut: (bytes) => {
    sent += bytes.length
    return bytes
  } })
  t.teardown(() => way.close())
  const program = way.start('rz', [], to)
  await transferWith().send(way.line, join(from, 'random.bin'), 'zmodem', never, silently, { resume: true })
  t.equal(await program.ended, 0)
  t.ok(readFileSync(join(to, 'random.bin')).equals(content))
  t.ok(sent < 400_000, `${sent} bytes went`)
})

void t.test('Ctrl-C here ends the program there, and Ctrl-C there ends us', { skip }, async (t) => {
  await each(['sz', 'rz'], async (program) => {
    const { from, to } = folders(t, program)
    writeFileSync(join(from, 'random.bin'), contents['random.bin'] ?? '')
    const cancel = new AbortController()
    const way = await programLine({ bytes_perS: 200_000 })
    const other = way.start(program, program === 'sz' ? ['random.bin'] : [], program === 'sz' ? from : to)
    const progress = (_: string, done: number): void => {
      if (done > 50_000) cancel.abort()
    }
    const ours: Promise<unknown> = program === 'rz'
      ? transferWith().send(way.line, join(from, 'random.bin'), 'zmodem', cancel.signal, progress)
      : transferWith().receive(way.line, to, bytesMax, 'zmodem', cancel.signal, progress)
    await t.rejects(ours, { code: 'PC-BASE-CANCELLED' })
    t.not(await other.ended, 0, `${program} was told`)
    t.notOk(existsSync(join(to, 'random.bin')) && statSync(join(to, 'random.bin')).size === 1_000_000)
    await way.close()
  })
  const { from, to } = folders(t)
  writeFileSync(join(from, 'random.bin'), contents['random.bin'] ?? '')
  const way = await programLine({ bytes_perS: 200_000 })
  t.teardown(() => way.close())
  const other = way.start('sz', ['random.bin'], from)
  const progress = (_: string, done: number): void => {
    if (done > 50_000) other.kill()
  }
  await t.rejects(transferWith({ idle_ms: 3_000, answer_ms: 1_000 }).receive(way.line, to, bytesMax, 'zmodem', never, progress), { code: /PC-TRANSFER-(CANCELLED|SILENT)/ })
})

/** Bits of a million that are flipped: one error in about 2.4 KB, both ways. */
const flips_perMillion = 50

void t.test('with noise in both directions the file arrives as it is, or the transfer fails', { skip }, async (t) => {
  const content = randomBytes(60_000)
  const quick = { answer_ms: 1_500, idle_ms: 15_000 }
  let whole = 0
  await each([[1, 'sz'], [2, 'rz'], [3, 'sz'], [4, 'rz']] as const, async ([seed, program], name) => {
    const { from, to } = folders(t, name)
    writeFileSync(join(from, 'a.bin'), content)
    const way = await programLine({ bytes_perS: fast, spoilIn: noise(flips_perMillion, seed), spoilOut: noise(flips_perMillion, seed + 100) })
    const other = way.start(program, program === 'sz' ? ['a.bin'] : [], program === 'sz' ? from : to)
    const ours: Promise<unknown> = program === 'rz'
      ? transferWith(quick).send(way.line, join(from, 'a.bin'), 'zmodem', never, silently)
      : transferWith(quick).receive(way.line, to, bytesMax, 'zmodem', never, silently)
    const failed = await ours.then(() => undefined, (error: unknown) => describe(error).code)
    const path = join(to, 'a.bin')
    if (failed === undefined) {
      whole++
      t.ok(readFileSync(path).equals(content), `${program} seed ${seed}: as it is`)
    } else {
      t.match(failed, /^PC-TRANSFER-/, `${program} seed ${seed}: ${failed}`)
    }
    other.kill()
    await other.ended
    await way.close()
  })
  t.ok(whole >= 2, `${whole} of 4 arrived`)
})

void t.test('a sender with bad names and too much gets nowhere else', { skip }, async (t) => {
  const { from, to } = folders(t)
  mkdirSync(join(from, 'sub'))
  writeFileSync(join(from, 'sub', '..hidden\u001b[31m'), 'abc')
  writeFileSync(join(from, 'large'), randomBytes(5_000))
  const way = await programLine({ bytes_perS: fast })
  t.teardown(() => way.close())
  const program = way.start('sz', ['-f', 'sub/..hidden\u001b[31m', 'large'], from)
  const received = await transferWith({ file_bytes_max: 4_000 }).receive(way.line, to, bytesMax, 'zmodem', never, silently)
  await program.ended
  t.strictSame(received.map(({ file }) => file), ['hidden_31m'])
  t.strictSame(readdirSync(to), ['.unfinished', 'hidden_31m'])
})

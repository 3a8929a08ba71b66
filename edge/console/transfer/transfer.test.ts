import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lineBetween, noise } from './trial-line.ts'
import { bytesMax, each, folders, never, silently, transferWith } from './trial.ts'

void t.test('two of us understand each other, with noise and without, by both protocols', async (t) => {
  const content = randomBytes(40_000)
  const quick = { answer_ms: 400, idle_ms: 8_000 }
  for (const protocol of ['zmodem', 'ymodem'] as const) {
    await each([0, 1, 2, 3], async (seed) => {
      const { from, to } = folders(t, `${protocol}-${seed}`)
      writeFileSync(join(from, 'a.bin'), content)
      const spoil = seed === 0 ? {} : { spoilIn: noise(20, seed), spoilOut: noise(20, seed + 50) }
      const { here, there, cut } = lineBetween(spoil)
      const sent = transferWith(quick).send(here, join(from, 'a.bin'), protocol, never, silently).then(() => true, () => false)
      const received = await transferWith(quick).receive(there, to, bytesMax, protocol, never, silently).catch(() => [])
      const whole = await sent
      cut()
      for (const { file } of received) t.ok(readFileSync(join(to, file)).equals(content), `${protocol} seed ${seed}`)
      if (seed === 0) t.ok(whole && received.length === 1, `${protocol} without noise`)
    })
  }
})

void t.test('nothing is left open, raw or waiting when it fails', async (t) => {
  const { from, to } = folders(t)
  writeFileSync(join(from, 'a.bin'), 'abc')
  const { here, there } = lineBetween()
  const raw: boolean[] = []
  const setRaw = here.setRaw.bind(here)
  here.setRaw = (on) => {
    raw.push(on)
    setRaw(on)
  }
  await t.rejects(transferWith({ idle_ms: 200, answer_ms: 100 }).send(here, join(from, 'a.bin'), 'zmodem', never, silently), { code: 'PC-TRANSFER-SILENT' })
  t.strictSame(raw, [true, false])
  t.ok(Buffer.from(await there.read(100)).toString('latin1').includes('\x18'.repeat(8)), 'the other side was told')
  await t.rejects(transferWith().send(here, join(from, 'none'), 'zmodem', never, silently), { code: 'PC-TRANSFER-FILE' })
  await t.rejects(transferWith({ total_ms: 100 }).receive(here, to, bytesMax, 'ymodem', never, silently), { code: 'PC-TRANSFER-TIME' })
  await t.rejects(transferWith().receive(here, to, bytesMax, 'zmodem', AbortSignal.abort(), silently), { code: 'PC-BASE-CANCELLED' })
  const stuck = lineBetween()
  stuck.here.attach({ write: () => new Promise(() => undefined), close: silently })
  await t.rejects(transferWith({ idle_ms: 100 }).send(stuck.here, join(from, 'a.bin'), 'zmodem', never, silently), { code: 'PC-TRANSFER-SILENT' })
})

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ManualClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import type { Machine } from '../../edge/base/machine.ts'
import { verifyExport } from '../../edge/journal/export.ts'
import { Journal } from '../../edge/journal/journal.ts'
import { deviceKey } from '../../edge/journal/seal.ts'
import type { RecordedMachines } from '../../edge/journal/steps.ts'
import { journalCommand } from './journal.ts'
import type { Terminal } from './terminal.ts'

type Door = { open: number; until?: number }

/** Counts how often it was opened, and says so. */
const door: Machine<Door, string, { opened: number }> = {
  step: (state, input) => (input === 'open' ? [{ open: state.open + 1 }, [{ opened: state.open + 1 }]] : [state, []]),
  deadline: (state) => state.until,
  timeout: 'timeout',
}
const machines: RecordedMachines = {
  'door.step': { startKind: 'door.start', machine: door, initialFrom: (body) => ({ open: (body as { open: number }).open }) },
}

function openAt(file: string): Promise<Journal> {
  return Journal.open({ file, device: 'd', clock: new ManualClock(Date.UTC(2020, 0, 1, 12)), log: silent, keys: deviceKey(Buffer.alloc(32, 7)), limits: { reserve_bytes: 1024 } })
}

const step = (input: string, effects: { opened: number }[]) => ({ kind: 'door.step', class: 'passage' as const, body: { now: 1, input, effects } })

/** Two runs of the door, and a traveller. */
async function written(t: Test): Promise<string> {
  const file = join(t.testdir(), 'journal.db')
  const journal = await openAt(file)
  for (const open of [0, 5]) {
    await journal.append({ kind: 'door.start', class: 'audit', body: { open } })
    await journal.append(step('open', [{ opened: open + 1 }]))
    await journal.append(step('wait', []))
    await journal.append({ kind: 'door.seen', class: 'passage', body: {}, personal: 'SECRET-PERSON' })
    await journal.append(step('open', [{ opened: open + 2 }]))
  }
  await journal.close()
  return file
}

/** Runs the command as the shell would; presses Ctrl-C once it has printed `until`. */
async function shell(args: string[], { watched = false, until = '' } = {}): Promise<{ out: string; err: string; code: number | undefined }> {
  const said = { out: '', err: '', code: undefined as number | undefined }
  const abort = new AbortController()
  const terminal: Terminal = {
    out: (text) => {
      said.out += text
      if (until !== '' && text.includes(until)) abort.abort()
    },
    err: (text) => void (said.err += text),
    watched,
    signal: () => abort.signal,
    exitCode: (code) => {
      said.code = code
    },
  }
  const command = journalCommand(machines, terminal)
  for (const each of [command, ...command.commands]) each.exitOverride()
  await command.parseAsync(args, { from: 'user' })
  return said
}

void t.test('verify says what it found, and fails on a broken chain', async (t) => {
  const file = await written(t)
  t.match(await shell(['verify', '-f', file]), { code: 0, out: /^ok: 12 facts up to 12, 0 pruned, 1 epochs, 0 days erased/, err: '' })
  const { out } = await shell(['verify', '-f', file, '--json'])
  t.match(JSON.parse(out), { ok: true, facts: 12 })
  t.match((await shell(['verify', '-f', file], { watched: true })).err, /verified 12 of 12/, 'progress for whoever watches')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('{"open":5}') + 8] = 0x36
  writeFileSync(file, bytes)
  t.match(await shell(['verify', '-f', file]), { code: 1, out: /^BROKEN at 7: the content does not match its hash/ })
  await t.rejects(shell(['verify', '-f', join(t.testdirName, 'absent')]), { code: 'PC-JOURNAL-ABSENT' })
})

void t.test('tail prints facts and never personal data; follow goes on until Ctrl-C', async (t) => {
  const file = await written(t)
  const plain = await shell(['tail', '-f', file, '-n', '3'])
  t.match(plain, { code: 0, out: /^10 .* passage door\.seen|door\.seen \{\} \[sealed\]/ })
  t.equal(plain.out.split('\n').length, 4)
  const json = await shell(['tail', '-f', file, '-n', '4', '--json'])
  t.match(JSON.parse(json.out.split('\n')[1] ?? ''), { kind: 'door.seen', personal: '[sealed]' })
  const journal = await openAt(file)
  const following = shell(['tail', '-f', file, '-n', '1', '--follow'], { until: 'door.late' })
  await journal.append({ kind: 'door.late', class: 'audit', body: {} })
  const { out, code } = await following
  t.equal(code ?? 0, 0)
  t.match(out, /journal\.opened[^]*door\.late/)
  t.notMatch(plain.out + json.out + out, /SECRET-PERSON/)
  await journal.close()
  await t.rejects(shell(['tail', '-f', file, '-n', 'many']), { code: 'PC-JOURNAL-COUNT' })
})

void t.test('an export is verified by its seal alone', async (t) => {
  const file = await written(t)
  const out = join(t.testdirName, 'facts.jsonl')
  for (const range of [[], ['--kind', 'door.step'], ['--from', '4', '--to', '9'], ['--from', '3', '--kind', 'door.start'], ['--from', '90']]) {
    t.match(await shell(['export', '-f', file, '-o', out, ...range]), { code: 0, out: /facts of/ })
    t.match(await shell(['verify', '--export', out]), { code: 0, out: /^ok: / }, range.join(' '))
  }
  await shell(['export', '-f', file, '-o', out, '--from', '3', '--kind', 'door.step'])
  const seal = JSON.parse(readFileSync(`${out}.seal`, 'utf8')) as object
  t.match(seal, { device: 'd', facts: 6, first: 3, last: 12 })
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n')
  t.notMatch(lines.join(''), /SECRET-PERSON/)
  t.strictSame(await verifyExport(lines, seal), { ok: true, facts: 6 })
  const changedOf: ((line: number) => string[])[] = [
    (line) => lines.filter((_, index) => index !== line),
    (line) => lines.flatMap((each, index) => (index === line ? [each, each] : [each])),
    (line) => lines.map((each, index) => (index === line ? each.replace(/"seq":\d+/, '"seq":99').replace(/"last":\d+/, '"last":99') : each)),
    (line) => lines.map((each, index) => (index === line ? each.replace('{', '{ ') : each)),
  ]
  for (const changed of changedOf) {
    for (let line = 0; line < lines.length; line++) t.equal((await verifyExport(changed(line), seal)).ok, false)
  }
  t.equal((await verifyExport(lines, { ...seal, device: 'e' })).ok, false)
  await t.rejects(verifyExport(lines, { ...seal, last: 'x' }), { code: 'PC-JOURNAL-EXPORT' })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.string(), fc.json(), fc.constantFrom(...lines)), { maxLength: lines.length - 1 }), async (garbage) => {
      return !(await verifyExport(garbage, seal)).ok
    }),
    { numRuns: 200 },
  )
})

void t.test('replay takes the decisions again, and shows the first that comes out otherwise', async (t) => {
  const file = await written(t)
  t.match(await shell(['replay', '-f', file]), { code: 0, out: 'door.step: 6 steps agree in 2 runs, 0 skipped\n' })
  const journal = await openAt(file)
  await journal.append(step('open', [{ opened: 99 }]))
  await journal.close()
  const { out, code } = await shell(['replay', '-f', file, '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(out), { ok: false, steps: 6, divergence: { seq: 14, recorded: '[{"opened":99}]', replayed: '[{"opened":8}]' } })
  await t.rejects(shell(['replay', '-f', file, '--kind', 'other.step']), { code: 'PC-JOURNAL-NO-MACHINE' })
})

void t.test('erase-day erases when the device stands still', async (t) => {
  const file = await written(t)
  const running = await openAt(file)
  const day = '2020-01-01'
  t.strictSame(running.personalDays, [day])
  await t.rejects(shell(['erase-day', day, '-f', file]), { code: 'PC-JOURNAL-LOCKED' })
  await running.close()
  t.match(await shell(['erase-day', day, '-f', file]), { code: 0, out: `${day}: personal data of 2 facts erased, receipt 16\n` })
  await t.rejects(shell(['erase-day', day, '-f', file]), { code: 'PC-JOURNAL-DAY-UNKNOWN' })
  const journal = await openAt(file)
  const sealed = journal.after(0, 100).filter(({ personal }) => personal !== undefined)
  t.strictSame(sealed.map((fact) => journal.reveal(fact)), [undefined, undefined])
  await journal.close()
  t.match(await shell(['verify', '-f', file]), { code: 0, out: /1 days erased/ })
})

void t.test('help shows an example, and wrong use is told', async (t) => {
  const command = journalCommand(machines)
  t.strictSame(command.commands.map((each) => each.name()), ['verify', 'tail', 'export', 'replay', 'erase-day'])
  for (const each of command.commands) {
    let help = ''
    each.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp()
    t.match(help, new RegExp(`Example:\n {2}portcullis journal ${each.name()}`))
  }
  await t.rejects(shell(['export']), { code: 'commander.missingMandatoryOptionValue' })
  await t.rejects(shell(['verify', '--unknown']), { code: 'commander.unknownOption' })
})

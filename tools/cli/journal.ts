/** `portcullis journal`: looks after the memory of a device. Never prints personal data. */
import { closeSync, createReadStream, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { canonical } from '../../edge/base/canonical.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { CancelledError, InputError, UsageError } from '../../edge/base/error.ts'
import { silent } from '../../edge/base/log.ts'
import { sleep } from '../../edge/base/wait.ts'
import { startKind, stepKind } from '../../edge/gate/controller.ts'
import { gateMachine } from '../../edge/gate/machine.ts'
import { exportJournal, verifyExport } from '../../edge/journal/export.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import { Journal } from '../../edge/journal/journal.ts'
import { JournalReader } from '../../edge/journal/reader.ts'
import { type RecordedMachine, type RecordedMachines, replaySteps } from '../../edge/journal/steps.ts'
import { verifyJournal } from '../../edge/journal/verify.ts'
import { processTerminal, type Terminal } from './terminal.ts'

interface Common {
  file?: string
  json?: boolean
}

const follow_ms = 250

/** Machines whose decisions are in a journal. */
const recorded: RecordedMachines = {
  [stepKind]: {
    startKind, machine: gateMachine as RecordedMachine['machine'],
    initialFrom: (body) => (body as unknown as { state: unknown }).state,
  },
}

export function command(): Command {
  return journalCommand(recorded)
}

/** @param machines whose recorded decisions `replay` can take again. */
export function journalCommand(machines: RecordedMachines, terminal: Terminal = processTerminal): Command {
  const journal = new Command('journal')
    .description('Looks after the journal: verify, read, export, replay, erase personal data.')
    .addHelpText('after', '\nExample:\n  portcullis journal verify --file /var/lib/portcullis/journal.db')
  journal.configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
  const add = (usage: string, description: string, example: string): Command =>
    journal
      .command(usage)
      .description(description)
      .option('-f, --file <journal>', 'the journal; by default journal.db in the folder that PORTCULLIS_STATE names')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  portcullis journal ${example}`)

  add('verify', 'check every hash of a journal, or of an export', 'verify --file /var/lib/portcullis/journal.db')
    .option('--export <lines>', 'check an export and its seal instead of a journal')
    .action((options: Common & { export?: string }) => run(terminal, () => verify(terminal, options)))
  add('tail', 'print the newest facts; personal data shows as [sealed]', 'tail --follow -n 20')
    .option('-n, --facts <count>', 'how many', toCount, 10)
    .option('--follow', 'go on with new facts until Ctrl-C')
    .action((options: Common & { facts: number; follow?: boolean }) => run(terminal, () => tail(terminal, options)))
  add('export', 'write facts as JSON Lines, and a seal by which they can be verified', 'export --out facts.jsonl --kind gate.step')
    .requiredOption('-o, --out <lines>', 'the file to write; its seal goes to the same name and .seal')
    .option('--from <seq>', 'first sequence number', toCount)
    .option('--to <seq>', 'last sequence number', toCount)
    .option('--kind <kind...>', 'only facts of these kinds')
    .action((options: ExportCommand) => run(terminal, () => exportTo(terminal, options)))
  add('replay', 'take every recorded decision again and compare', 'replay --kind gate.step')
    .option('--kind <kind>', 'only the decisions of this kind')
    .action((options: Common & { kind?: string }) => run(terminal, () => replayAll(terminal, machines, options)))
  add('erase-day <day>', 'make the personal data of a UTC day unreadable for ever', 'erase-day 2026-11-21 --file journal.db')
    .action((day: string, options: Common) => run(terminal, () => eraseDay(terminal, day, options)))
  return journal
}

/** Runs a command: its exit code says whether it found everything in order. */
async function run(terminal: Terminal, command: () => Promise<boolean>): Promise<void> {
  try {
    terminal.exitCode((await command()) ? 0 : 1)
  } catch (error) {
    // Ctrl-C is how one leaves `tail --follow`, not a fault.
    if (!(error instanceof CancelledError)) throw error
  }
}

async function verify(terminal: Terminal, options: Common & { export?: string }): Promise<boolean> {
  if (options.export !== undefined) return verifyLines(terminal, options.export, options)
  const result = await verifyJournal(fileOf(options), {
    onProgress: progressOf(terminal, 'verified'),
  })
  clearProgress(terminal)
  if (options.json === true) terminal.out(`${canonical(result)}\n`)
  else if (result.firstBroken !== undefined) terminal.out(`BROKEN at ${result.firstBroken.seq}: ${result.firstBroken.why}\n`)
  else {
    terminal.out(`ok: ${result.facts} facts up to ${result.last}, ${result.pruned} pruned, ${result.epochs} epochs, `)
    terminal.out(`${result.erasedDays.length} days erased\nlast hash ${result.hash}\n`)
  }
  return result.ok
}

async function verifyLines(terminal: Terminal, file: string, { json }: Common): Promise<boolean> {
  if (!existsSync(file) || !existsSync(`${file}.seal`)) {
    throw new UsageError('PC-JOURNAL-ABSENT', 'The export or its seal is not at this place.')
  }
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity })
  const result = await verifyExport(lines, parseSeal(readFileSync(`${file}.seal`, 'utf8')))
  if (json === true) terminal.out(`${canonical(result)}\n`)
  else if (result.firstBroken === undefined) terminal.out(`ok: ${result.facts} facts\n`)
  else terminal.out(`BROKEN at ${result.firstBroken.seq}: ${result.firstBroken.why}\n`)
  return result.ok
}

function parseSeal(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new InputError('PC-JOURNAL-EXPORT', 'The seal of the export is not JSON.', { cause })
  }
}

async function tail(terminal: Terminal, options: Common & { facts: number; follow?: boolean }): Promise<boolean> {
  const reader = new JournalReader(fileOf(options))
  try {
    const signal = options.follow === true ? terminal.signal() : AbortSignal.abort()
    let facts = reader.tail(options.facts)
    let last = 0
    for (;;) {
      for (const fact of facts) terminal.out(options.json === true ? `${canonical(shown(fact))}\n` : lineOf(fact))
      last = facts.at(-1)?.seq ?? last
      if (signal.aborted) return true
      await sleep(systemClock, follow_ms, signal)
      facts = reader.after(last, 1000)
    }
  } finally {
    reader.close()
  }
}

type ExportCommand = Common & { out: string; from?: number; to?: number; kind?: string[] }

async function exportTo(terminal: Terminal, options: ExportCommand): Promise<boolean> {
  const reader = new JournalReader(fileOf(options))
  const unfinished = `${options.out}.part`
  const fd = openSync(unfinished, 'w')
  try {
    const progress = progressOf(terminal, 'exported')
    const lines = exportJournal(reader, {
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.to === undefined ? {} : { to: options.to }),
      ...(options.kind === undefined ? {} : { kinds: options.kind }),
    })
    let count = 0
    let next = lines.next()
    for (; next.done !== true; next = lines.next()) {
      writeSync(fd, next.value)
      if (++count % 1000 === 0) progress?.(count, reader.last)
    }
    fsyncSync(fd)
    renameSync(unfinished, options.out)
    writeFileSync(`${options.out}.seal`, `${canonical(next.value)}\n`)
    clearProgress(terminal)
    const { facts, first, last, hash } = next.value
    terminal.out(options.json === true ? `${canonical(next.value)}\n` : `${facts} facts of ${first} to ${last}\nlast hash ${hash}\n`)
    return true
  } finally {
    closeSync(fd)
    reader.close()
  }
}

async function replayAll(terminal: Terminal, machines: RecordedMachines, options: Common & { kind?: string }): Promise<boolean> {
  const wanted = Object.entries(machines).filter(([kind]) => options.kind === undefined || options.kind === kind)
  if (wanted.length === 0) throw new UsageError('PC-JOURNAL-NO-MACHINE', 'No machine is known whose decisions are of this kind.')
  const reader = new JournalReader(fileOf(options))
  try {
    const results = wanted.map(([kind, machine]) => ({ kind, ...replaySteps(reader, kind, machine) }))
    for (const result of results) {
      if (options.json === true) {
        terminal.out(`${canonical(result)}\n`)
        continue
      }
      const counts = `${result.steps} steps agree in ${result.starts} runs, ${result.skipped} skipped`
      terminal.out(`${result.kind}: ${counts}\n`)
      if (result.divergence === undefined) continue
      terminal.out(`DIFFERS at ${result.divergence.seq}:\n  recorded ${result.divergence.recorded}\n  replayed ${result.divergence.replayed}\n`)
    }
    return results.every((result) => result.ok)
  } finally {
    reader.close()
  }
}

/** For a device that stands still: while the runtime runs, it is the one to ask. */
async function eraseDay(terminal: Terminal, day: string, options: Common): Promise<boolean> {
  const file = fileOf(options)
  const reader = new JournalReader(file)
  const { device } = reader
  reader.close()
  const journal = await Journal.open({ file, device, clock: systemClock, log: silent, versions: { tool: 'portcullis journal erase-day' } })
  try {
    const { seq, facts } = await journal.eraseDay(day)
    terminal.out(options.json === true ? `${canonical({ day, facts, seq })}\n` : `${day}: personal data of ${facts} facts erased, receipt ${seq}\n`)
    return true
  } finally {
    await journal.close()
  }
}

function fileOf({ file }: Common): string {
  const folder = process.env['PORTCULLIS_STATE']
  if (file !== undefined) return file
  if (folder !== undefined) return join(folder, 'journal.db')
  throw new UsageError('PC-JOURNAL-ABSENT', 'Say which journal: --file <journal>, or PORTCULLIS_STATE.')
}

function toCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new UsageError('PC-JOURNAL-COUNT', 'A count or sequence number is a whole number from 1.')
  return count
}

/** A fact as it may be shown. */
function shown(fact: Fact): object {
  return fact.personal === undefined ? fact : { ...fact, personal: '[sealed]' }
}

function lineOf(fact: Fact): string {
  const sealed = fact.personal === undefined ? '' : ' [sealed]'
  return `${fact.seq} ${new Date(fact.wall).toISOString()} ${fact.class} ${fact.kind} ${canonical(fact.body)}${sealed}\n`
}

function progressOf(terminal: Terminal, what: string): ((done: number, of: number) => void) | undefined {
  if (!terminal.watched) return undefined
  return (done, of) => terminal.err(`\r${what} ${done} of ${of}`)
}

function clearProgress(terminal: Terminal): void {
  if (terminal.watched) terminal.err('\r\u001b[K')
}

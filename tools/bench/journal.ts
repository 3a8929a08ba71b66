/** How many facts become durable in a second, and how long the journal holds the event loop for it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import type { NewFact } from '../../edge/journal/fact.ts'
import { Journal } from '../../edge/journal/journal.ts'
import { deviceKey } from '../../edge/journal/seal.ts'

/** About what a step of the gate writes. */
const fact: NewFact = {
  kind: 'gate.step',
  class: 'passage',
  body: {
    now: 123_456,
    input: { kind: 'face', verdict: { score: 0.8123, threshold: 0.72, model: 'a'.repeat(64), attack: 0.03 } },
    effects: [{ kind: 'open', door: 'exit', for_ms: 7000 }, { kind: 'show', phase: 'exiting', instruction: 'go-through' }],
  },
}

const together = 64
const warmUp = 200

/**
 * `journal.append`: 64 writers that each wait for their fact; `journal.append.sequential`: one writer;
 * `journal.append.sealed`: 64 writers with personal data; `journal.block.p99|max`: how late the event
 * loop was meanwhile; `journal.prune`: facts pruned in a second.
 * Set PORTCULLIS_BENCH_DIR to the disk to be measured: by default the folder for temporary files.
 */
export async function benchJournal(): Promise<{ name: string; value: number; unit: string }[]> {
  const folder = mkdtempSync(join(process.env['PORTCULLIS_BENCH_DIR'] ?? tmpdir(), 'portcullis-journal-'))
  const journal = await Journal.open({
    file: join(folder, 'journal.db'), device: 'bench', clock: systemClock, log: silent, keys: deviceKey(Buffer.alloc(32, 1)),
  })
  try {
    await appendAll(journal, fact, warmUp, 1)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const concurrent = await rate(20_000, (count) => appendAll(journal, fact, count, together))
    delay.disable()
    const sequential = await rate(2000, (count) => appendAll(journal, fact, count, 1))
    const sealed = await rate(10_000, (count) => appendAll(journal, { ...fact, personal: { document: 'x'.repeat(200) } }, count, together))
    const pruned = await rate(journal.last, () => journal.prune(systemClock.wall() + 36_500 * 86_400_000))
    return [
      { name: 'journal.append', value: concurrent, unit: 'per_s' },
      { name: 'journal.append.sequential', value: sequential, unit: 'per_s' },
      { name: 'journal.append.sealed', value: sealed, unit: 'per_s' },
      { name: 'journal.prune', value: pruned, unit: 'per_s' },
      { name: 'journal.block.p99', value: delay.percentile(99) / 1e6, unit: 'ms' },
      { name: 'journal.block.max', value: delay.max / 1e6, unit: 'ms' },
    ]
  } finally {
    await journal.close()
    rmSync(folder, { recursive: true })
  }
}

async function appendAll(journal: Journal, fact: NewFact, count: number, writers: number): Promise<void> {
  let left = count
  await Promise.all(Array.from({ length: writers }, async () => {
    while (left-- > 0) await journal.append(fact)
  }))
}

async function rate(count: number, work: (count: number) => Promise<unknown>): Promise<number> {
  const begin = systemClock.now()
  await work(count)
  return (count * 1000) / (systemClock.now() - begin)
}

/** What the tests of transfers share: a transfer with short patience, folders, cases side by side. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../base/clock.ts'
import { parse } from '../../base/schema.ts'
import { FileTransfer, TransferSettings } from './transfer.ts'

export const never = new AbortController().signal
export const silently = (): void => undefined
export const bytesMax = 64 * 1_048_576

export const transferWith = (settings: Partial<TransferSettings> = {}): FileTransfer =>
  new FileTransfer({ clock: systemClock, settings: { ...parse(TransferSettings, {}, 'PC-TEST-INPUT', 'settings'), idle_ms: 20_000, ...settings } })

/** One pair of folders a case. */
export function folders(t: Test, name = 'case'): { from: string; to: string } {
  const dir = join(t.testdirName, name)
  const pair = { from: join(dir, 'from'), to: join(dir, 'to') }
  for (const folder of Object.values(pair)) mkdirSync(folder, { recursive: true })
  t.teardown(() => rmSync(t.testdirName, { recursive: true, force: true }))
  return pair
}

/** Most of a transfer's seconds are spent waiting: the cases run side by side. */
export async function each<Case>(cases: readonly Case[], run: (it: Case, name: string) => Promise<void>): Promise<void> {
  await Promise.all(cases.map((it, index) => run(it, String(index))))
}

/** `portcullis bench transfer`: ZMODEM with Debian's lrzsz at the other end of a pseudo-terminal that passes bytes as a serial line does. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { invariant, UsageError } from '../../edge/base/error.ts'
import { parse } from '../../edge/base/schema.ts'
import { FileTransfer, TransferSettings } from '../../edge/console/transfer/transfer.ts'
import { missingOf, programLine } from '../../edge/console/transfer/trial-line.ts'
import type { Figure } from './figure.ts'

/** 921600 baud: a start bit, eight of data, a stop bit. A pseudo-terminal has no speed of its own. */
const line_bytes_perS = 92_160
/** Long enough that greeting and farewell weigh as little as in a real transfer of a bundle. */
const file_bytes = 2 * 1_048_576

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** @throws UsageError (PC-BENCH-LRZSZ) when lrzsz or socat are missing. */
export async function benchTransfer(): Promise<Figure[]> {
  const missing = missingOf('socat', 'sz', 'rz')
  if (missing !== undefined) throw new UsageError('PC-BENCH-LRZSZ', `${missing} is not installed, so there is nothing to compare with.`)
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-transfer-'))
  try {
    const receive = await rate(folder, 'sz')
    const send = await rate(folder, 'rz')
    const lower = Math.min(send, receive)
    return [
      { name: 'console.zmodem', value: lower / 1000, unit: 'KB/s' },
      { name: 'console.zmodem.share', value: (100 * lower) / line_bytes_perS, unit: '%' },
      { name: 'console.zmodem.send', value: send / 1000, unit: 'KB/s' },
      { name: 'console.zmodem.receive', value: receive / 1000, unit: 'KB/s' },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Bytes of the file a second, from before the greeting until after the farewell. */
async function rate(folder: string, program: 'sz' | 'rz'): Promise<number> {
  const [from, to] = [join(folder, `${program}-from`), join(folder, `${program}-to`)]
  for (const path of [from, to]) mkdirSync(path)
  const content = randomBytes(file_bytes)
  writeFileSync(join(from, 'bundle'), content)
  const way = await programLine({ bytes_perS: line_bytes_perS })
  try {
    const transfer = new FileTransfer({ clock: systemClock, settings: parse(TransferSettings, {}, 'PC-BENCH-LRZSZ', 'settings') })
    const never = new AbortController().signal
    const started = performance.now()
    const other = way.start(program, program === 'sz' ? ['bundle'] : [], program === 'sz' ? from : to)
    const ours: Promise<unknown> = program === 'sz'
      ? transfer.receive(way.line, to, file_bytes * 2, 'zmodem', never, () => undefined)
      : transfer.send(way.line, join(from, 'bundle'), 'zmodem', never, () => undefined)
    await ours
    const took_s = (performance.now() - started) / 1000
    await other.ended
    invariant(hash(readFileSync(join(to, 'bundle'))) === hash(content), 'the file arrived as it was')
    return file_bytes / took_s
  } finally {
    await way.close()
  }
}

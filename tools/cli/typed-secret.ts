/** New secrets, as people or scripts give them: never as an argument, which others on the machine can see. */
import { CancelledError, UsageError } from '../../edge/base/error.ts'
import { readGiven } from './given.ts'

/** A secret is one line; a file that is larger is none. */
const bytes_max = 4_096

/**
 * From a file, from standard input (`-`), or typed twice without echo.
 * @throws UsageError (PC-CLI-FILE, PC-CLI-OPTION, PC-PROVISION-SECRET), CancelledError on Ctrl-C.
 */
export async function newSecret(from: string | undefined): Promise<string> {
  if (from === undefined) return await typedTwice()
  const bytes = from === '-' ? await wholeInput() : readGiven(from)
  if (bytes.length > bytes_max) throw new UsageError('PC-PROVISION-SECRET', 'A secret is one line of text, and no larger file.')
  return bytes.toString('utf8').replace(/\r?\n$/, '')
}

async function wholeInput(): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    parts.push(part)
    bytes += part.length
    if (bytes > bytes_max) break
  }
  return Buffer.concat(parts)
}

async function typedTwice(): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError('PC-CLI-OPTION', 'There is no terminal to type the secret on: give a file with --secret, or - for standard input.')
  process.stdin.setRawMode(true)
  const keys = typed()
  try {
    const first = await line(keys, 'New secret: ')
    const second = await line(keys, 'Once more: ')
    if (first === second) return first
  } finally {
    process.stdin.setRawMode(false)
    process.stdin.destroy()
  }
  throw new UsageError('PC-PROVISION-SECRET', 'The two secrets differ.')
}

async function* typed(): AsyncGenerator<string, undefined> {
  process.stdin.setEncoding('utf8')
  for await (const text of process.stdin as AsyncIterable<string>) yield* text
}

async function line(keys: AsyncGenerator<string, undefined>, prompt: string): Promise<string> {
  process.stderr.write(prompt)
  let text = ''
  try {
    for (;;) {
      const { value: key } = await keys.next()
      if (key === undefined || key === '\u0003' || key === '\u0004') throw new CancelledError()
      if (key === '\r' || key === '\n') return text
      if (key === '\u007f' || key === '\b') text = text.slice(0, -1)
      else if (text.length < bytes_max) text += key
    }
  } finally {
    process.stderr.write('\r\n')
  }
}

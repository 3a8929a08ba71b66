/** The conversation itself: help, repeating, the size of the terminal, and the end. */
import { UsageError } from '../../base/error.ts'
import { sleep } from '../../base/wait.ts'
import { toAscii } from '../ascii.ts'
import { type Command, type Context, type Item } from '../command.ts'
import { RowPainter } from '../painter.ts'
import { timeOf, wrapped } from '../rows.ts'
import { lineFilter } from '../words.ts'

function* help(context: Context, words: readonly (string | undefined)[]): Generator<Item> {
  for (const row of context.describe(words.filter((word) => word !== undefined))) yield { rows: [row] }
}

function* logout(context: Context): Generator<Item> {
  context.logout()
  yield { rows: [] }
}

function* login(context: Context, [name = '']: readonly (string | undefined)[]): Generator<Item> {
  context.logout(name)
  yield { rows: [] }
}

async function* resize(context: Context): AsyncGenerator<Item> {
  const { columns, rows } = await context.terminal.askSize()
  yield { rows: [`${columns} columns, ${rows} rows`], json: { columns, rows } }
}

/** Paints a whole screen again and again, and each time only what differs. */
async function* watch(context: Context, words: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const { terminal, signal, clock, json } = context
  const [first = '', ...rest] = words.filter((word) => word !== undefined)
  const isPeriod = /^\d{1,4}$/.test(first)
  const command = isPeriod ? rest : [first, ...rest]
  const period_s = isPeriod ? Math.max(1, Number(first)) : 2
  if (command.length === 0) throw new UsageError('PC-CONSOLE-SYNTAX', 'Say what to watch: watch 2 show counters')
  const painters = Array.from({ length: terminal.size.rows - 1 }, () => new RowPainter())
  if (!json) await terminal.write('\u001b[H\u001b[2J')
  try {
    for (let isRepeated = false; ; isRepeated = true) {
      if (json) {
        yield* context.look(command, isRepeated)
      } else {
        const rows = await shownRows(context, context.look(command, isRepeated), `every ${period_s} s: ${command.join(' ')}   ${timeOf(clock.wall())}   Ctrl-C ends`)
        for (const [at, painter] of painters.entries()) await paintRow(context, painter, at, rows[at] ?? '')
      }
      await sleep(clock, period_s * 1_000, signal)
    }
  } finally {
    if (!json && !terminal.io.gone.aborted) await terminal.write(`\u001b[${terminal.size.rows};1H\u001b[K`)
  }
}

async function shownRows(context: Context, items: AsyncIterable<Item>, heading: string): Promise<string[]> {
  const { columns, rows } = context.terminal.size
  const keeps = lineFilter(context.filters)
  const shown = [toAscii(heading)]
  for await (const item of items) {
    shown.push(...item.rows.map(toAscii).filter(keeps))
    if (shown.length >= rows) break
  }
  return shown.flatMap((row) => wrapped(row, columns - 1))
}

/** Goes to the row first, but only if it has changed. */
async function paintRow({ terminal }: Context, painter: RowPainter, at: number, row: string): Promise<void> {
  const sent = painter.paint(row, 0)
  if (sent !== '') await terminal.write(`\u001b[${at + 1};1H${sent}`)
}

const group = 'session'

export const sessionCommands: readonly Command[] = [
  {
    words: ['help'], group, says: 'what there is, or how a command is used', example: 'help call', run: help,
    args: [{ name: 'command', says: 'a command, or the beginning of some', optional: true, rest: true }],
  },
  {
    words: ['watch'], group, says: 'shows a command again and again', example: 'watch 2 show counters camera', live: true, run: watch,
    args: [{ name: 'seconds and command', says: 'how often, and what', rest: true }],
  },
  { words: ['resize'], group, says: 'asks the terminal how large it is', example: 'resize', live: true, run: resize },
  { words: ['login'], group, says: 'lets somebody else take this line', example: 'login an.nguyen', live: true, run: login, args: [{ name: 'name', says: 'who' }] },
  { words: ['logout'], group, says: 'ends the session', example: 'logout', live: true, run: logout },
  { words: ['exit'], group, says: 'the same as logout', example: 'exit', live: true, run: logout },
]

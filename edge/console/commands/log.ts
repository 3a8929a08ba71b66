/** The log and the bytes of a part, as they come. */
import { sleep } from '../../base/wait.ts'
import { type Command, componentChoices, type Context, type Item, only } from '../command.ts'

interface Line { seq: number; text: string }
interface Frame { seq: number; at_ms: number; direction: 'in' | 'out'; hex: string; bytes: number }

const follow_ms = 500
const levels = ['trace', 'debug', 'info', 'warn', 'error']

interface Wanted { count: number; component?: string | undefined; after?: number }

async function tail(context: Context, wanted: Wanted, ask: Context['carry'] = context.carry): Promise<{ lines: Line[]; lost: number }> {
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
  return await ask(only(context.model, 'logs').name, 'tail', given) as { lines: Line[]; lost: number }
}

async function* newest(context: Context, args: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const { count, component } = countAndComponent(args)
  const { lines, lost } = await tail(context, { count, component })
  for (const line of lines) yield itemOf(line)
  if (lost > 0) yield { rows: [`(${lost} earlier lines are no longer kept)`] }
}

/** `log 20 camera`, `log camera` and `log 20` are all meant. */
function countAndComponent([first, second]: readonly (string | undefined)[]): { count: number; component: string | undefined } {
  const isCount = first !== undefined && /^\d{1,4}$/.test(first)
  return { count: isCount ? Math.min(Math.max(Number(first), 1), 1_000) : 20, component: isCount ? second : first }
}

async function* follow(context: Context, [component]: readonly (string | undefined)[]): AsyncGenerator<Item> {
  let { lines } = await tail(context, { count: 5, component })
  let after = 0
  for (;;) {
    for (const line of lines) yield itemOf(line)
    after = lines.at(-1)?.seq ?? after
    await sleep(context.clock, follow_ms, context.signal)
    const next = await tail(context, { count: 200, component, after }, context.again)
    if (next.lost > 0) yield { rows: [`(${next.lost} lines were too many to keep)`], json: { lost: next.lost } }
    lines = next.lines
  }
}

/** A line of the log for people: time, level, component, what it says, and the rest as it is. */
function itemOf({ seq, text }: Line): Item {
  try {
    const { level, time, says, component, ...rest } = JSON.parse(text) as Record<string, unknown>
    const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`
    const at = typeof time === 'string' ? time.slice(11, 23) : ''
    return { rows: [`${at} ${String(level).padEnd(5)} ${typeof component === 'string' ? `${component}: ` : ''}${typeof says === 'string' ? says : ''}${more}`], json: { seq, ...JSON.parse(text) as object } }
  } catch {
    return { rows: [text], json: { seq, text } }
  }
}

async function* level(context: Context, [wanted = '', component, seconds]: readonly (string | undefined)[]): AsyncGenerator<Item> {
  await context.carry(only(context.model, 'logs').name, 'setLevel', {
    level: wanted, ...(component === undefined ? {} : { component }), ...(seconds === undefined ? {} : { for_s: Number(seconds) }),
  })
  yield { rows: [`${component ?? 'Everything'} is logged from ${wanted} on, for ${seconds ?? '600'} seconds.`], json: {} }
}

async function* trace(context: Context, [part = '', seconds = '60']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const traces = only(context.model, 'traces').name
  await context.carry(traces, 'start', { part, for_s: Number(seconds) })
  const until = context.clock.now() + Number(seconds) * 1_000
  let after: number | undefined
  try {
    yield { rows: [`The bytes of ${part} for ${seconds} seconds; Ctrl-C ends it.`] }
    while (context.clock.now() < until) {
      const { frames, lost } = await context.again(traces, 'read', { part, ...(after === undefined ? {} : { after }) }) as { frames: Frame[]; lost: number }
      if (lost > 0) yield { rows: [`(${lost} frames were too many to keep)`], json: { lost } }
      for (const frame of frames) yield { rows: [rowOf(frame)], json: frame }
      after = frames.at(-1)?.seq ?? after
      await sleep(context.clock, follow_ms, context.signal)
    }
  } finally {
    await context.carry(traces, 'stop', { part }, new AbortController().signal).catch(() => undefined)
  }
}

/** What may be personal came as its length only. */
function rowOf({ at_ms, direction, hex, bytes }: Frame): string {
  const shown = hex === '' ? `(${bytes} bytes, personal)` : (hex.match(/../g)?.join(' ') ?? hex)
  return `${(at_ms / 1000).toFixed(3).padStart(10)} ${direction === 'in' ? '<' : '>'} ${shown}`
}

const component = { name: 'component', says: 'a component', optional: true, choices: componentChoices }
const group = 'log'

export const logCommands: readonly Command[] = [
  {
    words: ['log'], group, says: 'the newest lines of the log', example: 'log 50 camera', run: newest,
    args: [{ name: 'count or component', says: 'how many lines, or of which component', optional: true, open: true, choices: componentChoices }, component],
  },
  { words: ['log', 'follow'], group, says: 'the log as it is written; Ctrl-C ends', example: 'log follow passport', args: [component], follows: true, run: follow },
  {
    words: ['log', 'level'], group, changes: true, says: 'lets a component, or all, write more for a while', example: 'log level debug passport 120', run: level,
    args: [
      { name: 'level', says: 'the least urgent lines', choices: () => levels.map((word) => ({ word, says: '' })) },
      component, { name: 'seconds', says: 'for how long', optional: true, from: 1, to: 86_400 },
    ],
  },
  {
    words: ['trace'], group, says: 'the raw bytes between this computer and a part', example: 'trace passport 30', follows: true, run: trace,
    args: [{ ...component, name: 'part', optional: false }, { name: 'seconds', says: 'for how long', optional: true, from: 1, to: 3_600 }],
  },
]

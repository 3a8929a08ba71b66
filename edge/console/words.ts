/** What somebody typed, in words: quotes, options for machines, and the filters after `|`. */
import { UsageError } from '../base/error.ts'

export interface Filter {
  kind: FilterKind
  text: string
}

export const filterKinds = {
  grep: 'only lines that contain the text', exclude: 'only lines that do not', begin: 'lines from the first that contains it on',
} as const
export type FilterKind = keyof typeof filterKinds

export interface Asked {
  words: string[]
  filters: Filter[]
  /** For a machine at the other end: one JSON object a line, no paging. */
  json: boolean
  /** With `json` only: what moves something is not asked about again. */
  yes: boolean
}

interface Token {
  text: string
  quoted: boolean
  /** A `|` outside quotes. */
  pipe: boolean
}

/** The words of a line; `open` when a quote is not closed. */
export function tokens(line: string): { found: Token[]; open: boolean } {
  const found: Token[] = []
  let current: Token | undefined
  let quote = ''
  for (const letter of line) {
    if (quote !== '') {
      if (letter === quote) quote = ''
      else if (current !== undefined) current.text += letter
    } else if (letter === ' ' || letter === '|') {
      if (current !== undefined) found.push(current)
      current = undefined
      if (letter === '|') found.push({ text: '|', quoted: false, pipe: true })
    } else {
      current ??= { text: '', quoted: false, pipe: false }
      if (letter === '"' || letter === "'") {
        quote = letter
        current.quoted = true
      } else {
        current.text += letter
      }
    }
  }
  if (current !== undefined) found.push(current)
  return { found, open: quote !== '' }
}

/** @throws UsageError (PC-CONSOLE-SYNTAX). */
export function understand(line: string): Asked {
  const { found, open } = tokens(line)
  if (open) throw new UsageError('PC-CONSOLE-SYNTAX', 'A quotation mark is not closed.')
  const segments: Token[][] = [[]]
  for (const token of found) {
    if (token.pipe) segments.push([])
    else segments.at(-1)?.push(token)
  }
  const [command = [], ...rest] = segments
  const isOption = ({ text, quoted }: Token, name: string): boolean => !quoted && text === name
  return {
    words: command.filter((token) => !isOption(token, '--json') && !isOption(token, '--yes')).map(({ text }) => text),
    json: command.some((token) => isOption(token, '--json')),
    yes: command.some((token) => isOption(token, '--yes')),
    filters: rest.map(filterOf),
  }
}

function filterOf(segment: readonly Token[]): Filter {
  const [name = '', ...words] = segment.map(({ text }) => text)
  const kind = (Object.keys(filterKinds) as FilterKind[]).find((kind) => name !== '' && kind.startsWith(name))
  if (kind === undefined || words.length === 0) {
    throw new UsageError('PC-CONSOLE-SYNTAX', `After | comes one of ${Object.keys(filterKinds).join(', ')} and a text.`)
  }
  return { kind, text: words.join(' ') }
}

/** Says of each line whether it is shown. Capitals make no difference. */
export function lineFilter(filters: readonly Filter[]): (line: string) => boolean {
  const tests = filters.map(({ kind, text }) => {
    const wanted = text.toLowerCase()
    let begun = false
    return (line: string): boolean => {
      const has = line.toLowerCase().includes(wanted)
      if (kind === 'begin') return (begun ||= has)
      return kind === 'grep' ? has : !has
    }
  })
  return (line) => tests.every((test) => test(line))
}

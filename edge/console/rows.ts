/** Values as rows of text, narrow enough for 80 columns where they can be. */
import { unitSymbol } from '../device/units.ts'
import { toAscii } from './ascii.ts'

/** Columns as wide as their widest cell; the last one as it is. Without rows there is no heading either. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const all = [heading, ...rows].map((row) => row.map(toAscii))
  const widths = heading.map((_, column) => Math.min(columnMax, Math.max(...all.map((row) => row[column]?.length ?? 0))))
  return all.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : fitted(cell, widths[column] ?? 0))).join('  ').trimEnd())
}

const columnMax = 34

const fitted = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}~` : text.padEnd(width))

const rowsMax = 500

/** A value under a name: one row where it is simple, else a row for each thing in it. */
export function valueRows(name: string, value: unknown, unit?: string): string[] {
  return flattened(name, value).map(([path, text]) => `${path.padEnd(28)} ${text === '-' ? text : withUnit(text, unit)}`)
}

/** `21.5 °C`; what has no unit as it is. @param unit its UCUM code */
export function withUnit(figure: string, unit?: string): string {
  return `${figure} ${unitSymbol(unit)}`.trimEnd()
}

function flattened(path: string, value: unknown, depth = 0): [string, string][] {
  if (value === undefined || value === null) return [[path, '-']]
  if (typeof value !== 'object') return [[path, typeof value === 'string' ? value : JSON.stringify(value) ?? '-']]
  if (depth > 5) return [[path, JSON.stringify(value).slice(0, 200)]]
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return [[path, value.length === 0 ? 'none' : value.join(', ')]]
  const entries = Object.entries(value)
  if (entries.length === 0) return [[path, 'none']]
  return entries.slice(0, rowsMax).flatMap(([key, item]) => flattened(path === '' ? key : `${path}.${key}`, item, depth + 1))
}

/** `3d 04:05:06` */
export function duration(seconds: number): string {
  const [d, h, m, s] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60]
  return `${d > 0 ? `${d}d ` : ''}${[h, m, s].map((part) => String(part).padStart(2, '0')).join(':')}`
}

/** Universal time to the second; a year that is none stays a number. */
export function timeOf(wall: number): string {
  return Math.abs(wall) < 8.64e15 ? `${new Date(wall).toISOString().slice(0, 19)}Z` : String(wall)
}

/** A number as a person reads it. */
export function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}

/** Words side by side. */
export function columns(words: readonly string[], width: number): string[] {
  const cell = Math.max(...words.map((word) => word.length)) + 2
  const perRow = Math.max(1, Math.floor((width - 1) / cell))
  const rows: string[] = []
  for (let at = 0; at < words.length; at += perRow) rows.push(words.slice(at, at + perRow).map((word) => word.padEnd(cell)).join('').trimEnd())
  return rows
}

/** So much of a row at most stands before its last column; what goes on below is not squeezed into less than the rest. */
const hangShare = 0.6
const hangLeast = 2

/** A row that is too long goes on below its last column. A word breaks only where it is longer than a line, behind a comma if it can. */
export function wrapped(row: string, width: number): string[] {
  const lines: string[] = []
  let rest = row.trimEnd()
  let margin = ''
  while (margin.length + rest.length > width) {
    const end = breakOf(rest, width - margin.length, width - hangLeast)
    lines.push(margin + rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
    if (lines.length === 1) margin = ' '.repeat(hangOf(row, rest, width))
  }
  return [...lines, margin + rest]
}

/** Where the last column of a row begins, or a little more than the row itself is indented, unless a word of what goes on there would not fit. */
function hangOf(row: string, rest: string, width: number): number {
  const last = Array.from(row.matchAll(/ {2,}(?=\S)/g), ({ index, 0: gap }) => gap.length + (index === 0 ? hangLeast : index)).findLast((at) => at <= width * hangShare) ?? hangLeast
  const longest = Math.max(...rest.split(' ').map((word) => word.length))
  return longest <= width - last || longest > width - hangLeast ? last : hangLeast
}

/** Before the word that does not fit; within it when it would fit on no line. */
function breakOf(text: string, room: number, wordMost: number): number {
  const blank = text.lastIndexOf(' ', room)
  const word = text.slice(blank + 1).search(/ |$/)
  const before = text.slice(0, blank + 1).trim() !== ''
  if (before && word <= wordMost) return blank
  const comma = text.lastIndexOf(',', room - 1)
  if (comma > blank) return comma + 1
  return before ? blank : room
}

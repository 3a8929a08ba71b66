/** One line while somebody types it: text, cursor, history, search. Pure; the painter shows it. */
import { unreachable } from '../base/error.ts'
import { RowPainter } from './painter.ts'
import type { Key } from './keys.ts'

/** What the terminal must do beside painting the row again. */
export type Effect = 'none' | 'bell' | 'enter' | 'complete' | 'help' | 'interrupt' | 'eof' | 'redraw'

export interface EditorOptions {
  prompt: string
  /** Columns of the terminal. */
  columns: number
  /** Nothing that is typed is shown: a secret. */
  hidden?: boolean
  /** Oldest first. */
  history?: readonly string[]
}

/** Longer than any command; beyond it nothing is taken, and the line cannot be entered. */
export const lineMax = 4_096
const promptMax = 40

interface Search {
  query: string
  /** Where in the history the match is; -1: there is none. */
  at: number
}

export class LineEditor {
  #text = ''
  #cursor = 0
  #overflowed = false
  #scroll = 0
  #recall: number
  #draft = ''
  #search: Search | undefined
  readonly #prompt: string
  readonly #columns: number
  readonly #hidden: boolean
  readonly #history: readonly string[]
  readonly #painter = new RowPainter()

  constructor(options: EditorOptions) {
    this.#columns = Math.max(options.columns, 8)
    this.#prompt = options.prompt.slice(0, Math.min(promptMax, this.#columns - 6))
    this.#hidden = options.hidden === true
    this.#history = options.history ?? []
    this.#recall = this.#history.length
  }

  get text(): string {
    return this.#text
  }

  get cursor(): number {
    return this.#cursor
  }

  /** More was typed than fits: what there is must not be carried out. */
  get overflowed(): boolean {
    return this.#overflowed
  }

  apply(key: Key): Effect {
    if (this.#search !== undefined && this.#applySearch(this.#search, key)) return 'none'
    switch (key.kind) {
      case 'text': return this.#type(key.text)
      case 'enter': case 'interrupt': case 'redraw': return key.kind
      case 'break': return 'interrupt'
      case 'tab': return this.#hidden ? 'bell' : 'complete'
      case 'eof': return this.#text === '' ? 'eof' : this.#remove(this.#cursor, this.#cursor + 1)
      case 'backspace': return this.#remove(this.#cursor - 1, this.#cursor)
      case 'delete': return this.#remove(this.#cursor, this.#cursor + 1)
      case 'left': return this.#moveTo(this.#cursor - 1)
      case 'right': return this.#moveTo(this.#cursor + 1)
      case 'home': return this.#moveTo(0)
      case 'end': return this.#moveTo(this.#text.length)
      case 'kill-end': return this.#remove(this.#cursor, this.#text.length, 'none')
      case 'kill-start': return this.#remove(0, this.#cursor, 'none')
      case 'kill-word': return this.#remove(this.#text.slice(0, this.#cursor).search(/\S*\s*$/), this.#cursor)
      case 'up': return this.#remember(this.#recall - 1)
      case 'down': return this.#remember(this.#recall + 1)
      case 'search': return this.#beginSearch()
      case 'leave': case 'noise': case 'position': return 'none'
      default: return unreachable(key)
    }
  }

  /** Puts text in at the cursor, as completion does. */
  insert(text: string): Effect {
    const room = lineMax - this.#text.length
    const fits = text.slice(0, Math.max(0, room))
    this.#set(this.#text.slice(0, this.#cursor) + fits + this.#text.slice(this.#cursor), this.#cursor + fits.length)
    if (fits.length === text.length) return 'none'
    const first = !this.#overflowed
    this.#overflowed = true
    return first ? 'bell' : 'none'
  }

  /** The terminal stands on an empty row: everything is to be shown anew. */
  beginRow(): void {
    this.#painter.begin()
  }

  /** What to send so that the terminal shows the line. */
  paint(): string {
    const { row, cursor } = this.view()
    return this.#painter.paint(row, cursor)
  }

  /** The row as it should look; never reaches the last column. */
  view(): { row: string; cursor: number } {
    const search = this.#search
    const prompt = search === undefined ? this.#prompt : `search '${search.query.slice(-20)}': `.slice(0, this.#columns - 6)
    if (this.#hidden) return { row: prompt, cursor: prompt.length }
    const width = this.#columns - 1 - prompt.length
    this.#follow(width)
    const scrolled = this.#scroll > 0
    const shown = this.#text.slice(this.#scroll, this.#scroll + width)
    return { row: prompt + (scrolled ? `<${shown.slice(1)}` : shown), cursor: prompt.length + this.#cursor - this.#scroll }
  }

  /** Scrolls by half the width, so that a long line is not sent again with every key. */
  #follow(width: number): void {
    const least = this.#scroll === 0 ? 0 : this.#scroll + 1
    if (this.#cursor >= least && this.#cursor <= this.#scroll + width) return
    this.#scroll = this.#cursor < width ? 0 : this.#cursor - Math.floor(width / 2)
  }

  #type(text: string): Effect {
    // A lone question mark at the end of what could be a command asks for help; one that came with other text is text.
    if (text === '?' && !this.#hidden && this.#cursor === this.#text.length && !isQuoting(this.#text)) return 'help'
    return this.insert(text)
  }

  #moveTo(cursor: number): Effect {
    if (cursor < 0 || cursor > this.#text.length) return 'bell'
    this.#cursor = cursor
    return 'none'
  }

  #remove(from: number, to: number, nothing: Effect = 'bell'): Effect {
    if (from < 0 || to > this.#text.length || from >= to) return nothing
    this.#set(this.#text.slice(0, from) + this.#text.slice(to), from)
    this.#overflowed = false
    return 'none'
  }

  #set(text: string, cursor: number): void {
    this.#text = text
    this.#cursor = cursor
  }

  #remember(at: number): Effect {
    if (at < 0 || at > this.#history.length) return 'bell'
    if (this.#recall === this.#history.length) this.#draft = this.#text
    this.#recall = at
    const line = this.#history[at] ?? this.#draft
    this.#set(line, line.length)
    this.#overflowed = false
    return 'none'
  }

  #beginSearch(): Effect {
    if (this.#hidden || this.#history.length === 0) return 'bell'
    this.#draft = this.#text
    this.#search = { query: '', at: this.#history.length }
    return 'none'
  }

  /** True when the key was for the search; any other ends it with the match taken. */
  #applySearch(search: Search, key: Key): boolean {
    if (key.kind === 'text') {
      this.#find({ query: (search.query + key.text).slice(0, 80), at: search.at }, search.at)
    } else if (key.kind === 'backspace') {
      this.#find({ query: search.query.slice(0, -1), at: search.at }, this.#history.length - 1)
    } else if (key.kind === 'search') {
      this.#find(search, search.at - 1)
    } else if (key.kind !== 'noise' && key.kind !== 'position') {
      this.#search = undefined
      if (key.kind !== 'leave' && key.kind !== 'interrupt' && key.kind !== 'break') return false
      this.#set(this.#draft, this.#draft.length)
    }
    return true
  }

  #find({ query, at: before }: Search, from: number): void {
    let at = Math.min(from, this.#history.length - 1)
    while (at >= 0 && this.#history[at]?.includes(query) !== true) at--
    this.#search = { query, at: at < 0 ? before : at }
    const line = at < 0 ? undefined : this.#history[at]
    if (line === undefined || query === '') return
    this.#recall = at
    this.#set(line, line.length)
  }
}

const isQuoting = (text: string): boolean => (text.replaceAll(/'[^']*'|"[^"]*"/g, '').match(/['"]/) ?? []).length > 0

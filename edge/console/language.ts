/** Finds the command that somebody means, completes what is begun, and explains what can follow. */
import { UsageError } from '../base/error.ts'
import type { DeviceModel } from '../device/model.ts'
import { type Choice, commonBeginning, listed, pick } from './choices.ts'
import { type Arg, type Command, groups } from './command.ts'
import { columns } from './rows.ts'
import { filterKinds, tokens } from './words.ts'

export interface Found {
  command: Command
  args: (string | undefined)[]
}

/** Where the words before the cursor lead to. */
type Place = { kind: 'words'; commands: readonly Command[]; depth: number } | { kind: 'args'; command: Command; given: string[] }

/** Commands that take a whole command line. */
const wrapping = ['watch', 'help']
const completionsMax = 200

export class Language {
  readonly #commands: readonly Command[]
  readonly #model: DeviceModel

  constructor(commands: readonly Command[], model: DeviceModel) {
    this.#commands = commands
    this.#model = model
  }

  /** @throws UsageError (PC-CONSOLE-SYNTAX). */
  find(words: readonly string[]): Found {
    const place = this.#place(words)
    if (place.kind === 'args') return { command: place.command, args: this.#argsOf(place.command, place.given) }
    const command = place.commands.find((each) => each.words.length === place.depth)
    if (command !== undefined) return { command, args: this.#argsOf(command, []) }
    throw new UsageError('PC-CONSOLE-SYNTAX', `After "${words.join(' ')}" comes one of ${listed(literals(place.commands, place.depth))}.`)
  }

  /** What Tab puts in behind what is typed, or else the rows that it shows. */
  complete(text: string, width: number): { insert: string; rows: readonly string[] } {
    const { partial, choices } = this.#following(text)
    const words = [...new Set(choices.map(({ word }) => word))].slice(0, completionsMax)
    const beginning = commonBeginning(words)
    if (words.length === 0) return { insert: '', rows: [] }
    if (words.length === 1) return { insert: beginning.slice(partial.length) + (beginning.endsWith('=') ? '' : ' '), rows: [] }
    if (beginning.length > partial.length) return { insert: beginning.slice(partial.length), rows: [] }
    return { insert: '', rows: columns(words, width) }
  }

  /** What can follow what is typed, with an explanation for each. */
  help(text: string): string[] {
    const { choices, args, command } = this.#following(text)
    const rows = choices.slice(0, completionsMax).map(({ word, says }) => `  ${word.padEnd(20)} ${says}`)
    for (const arg of args) if (arg.choices === undefined || arg.open === true) rows.push(`  ${`<${arg.name}>`.padEnd(20)} ${arg.says}`)
    if (command !== undefined && args.every(({ optional }) => optional === true)) rows.push(`  ${'<Enter>'.padEnd(20)} ${command.says}`)
    if (command !== undefined) rows.push(`Example: ${command.example}`)
    return rows.length === 0 ? ['Nothing known can follow.'] : rows
  }

  /** All commands, or all that begin with the words, each with an example. */
  *describe(words: readonly string[]): Generator<string> {
    const place = this.#place(words)
    const wanted = place.kind === 'args' ? [place.command] : place.commands
    for (const group of groups) {
      const members = wanted.filter((command) => command.group === group)
      if (members.length > 0 && words.length === 0) yield `${group}:`
      for (const command of members) {
        yield `  ${usage(command).padEnd(38)} ${command.says}`
        if (words.length > 0) yield* explained(command)
      }
    }
    if (words.length === 0) yield* general
  }

  /** What can stand where the cursor is. */
  #following(text: string): { partial: string; choices: readonly Choice[]; args: readonly Arg[]; command: Command | undefined } {
    const nothing = { partial: '', choices: [], args: [], command: undefined }
    const { found } = tokens(text)
    const ended = text === '' || text.endsWith(' ') || text.endsWith('|')
    const partial = ended ? '' : (found.pop()?.text ?? '')
    const begins = ({ word }: Choice): boolean => word.startsWith(partial)
    const pipe = found.findLastIndex((token) => token.pipe)
    if (pipe >= 0) {
      const kinds = Object.entries(filterKinds).map(([word, says]) => ({ word, says }))
      return { ...nothing, partial, choices: pipe === found.length - 1 ? kinds.filter(begins) : [] }
    }
    try {
      const place = this.#place(this.#unwrapped(found.map((token) => token.text)))
      const { choices, args, command } = this.#at(place, partial)
      return { partial, choices: choices.filter(begins), args, command }
    } catch (error) {
      if (error instanceof UsageError) return nothing
      throw error
    }
  }

  #at(place: Place, partial: string): { choices: readonly Choice[]; args: readonly Arg[]; command: Command | undefined } {
    if (place.kind === 'args') {
      const { command, given } = place
      const arg = argAt(command, given.length)
      return { choices: arg?.choices?.(this.#model, given, partial) ?? [], args: arg === undefined ? [] : [arg], command }
    }
    const ended = place.depth === 0 ? undefined : place.commands.find((command) => command.words.length === place.depth)
    const arg = ended === undefined ? undefined : argAt(ended, 0)
    const words = literals(place.commands, place.depth).map((word) => ({ word, says: this.#saysOf(place, word) }))
    const more = arg?.choices?.(this.#model, [], partial).filter(({ word }) => !words.some((each) => each.word === word)) ?? []
    return { choices: [...words, ...more], args: arg === undefined ? [] : [arg], command: ended }
  }

  #saysOf({ commands, depth }: Place & { kind: 'words' }, word: string): string {
    const meant = commands.filter((command) => command.words[depth] === word)
    const exact = meant.find((command) => command.words.length === depth + 1)
    return exact?.says ?? listed(meant.map((command) => command.words.slice(depth + 1).join(' ')))
  }

  #unwrapped(words: readonly string[]): string[] {
    const [first, second, ...rest] = words
    if (first === undefined || !wrapping.some((word) => first.length > 2 && word.startsWith(first))) return [...words]
    return second !== undefined && /^\d+$/.test(second) ? rest : words.slice(1)
  }

  #place(words: readonly string[]): Place {
    let commands: readonly Command[] = this.#commands
    for (const [depth, word] of words.entries()) {
      const next = literals(commands, depth)
      const ended = depth === 0 ? undefined : commands.find((command) => command.words.length === depth)
      const named = ended?.args?.[0]?.choices?.(this.#model, [], word).map((choice) => choice.word) ?? []
      const meant = pick(word, [...literals(commands.filter((command) => command.exact !== true || command.words[depth] === word), depth), ...named])
      if (meant !== undefined && next.includes(meant)) commands = commands.filter((command) => command.words[depth] === meant)
      else if (ended?.args !== undefined) return { kind: 'args', command: ended, given: words.slice(depth) }
      else throw new UsageError('PC-CONSOLE-SYNTAX', depth === 0 ? `There is no command "${word}"; type ? for those there are.` : `After "${words.slice(0, depth).join(' ')}" nothing called "${word}" is known.`)
    }
    return { kind: 'words', commands, depth: words.length }
  }

  #argsOf(command: Command, given: readonly string[]): (string | undefined)[] {
    const args = command.args ?? []
    const missing = args.find((arg, index) => arg.optional !== true && given[index] === undefined)
    if (missing !== undefined) throw new UsageError('PC-CONSOLE-SYNTAX', `It is used like this: ${usage(command)}`)
    if (given.length > args.length && args.at(-1)?.rest !== true) throw new UsageError('PC-CONSOLE-SYNTAX', `These are too many words; it is used like this: ${usage(command)}`)
    const meant: string[] = []
    for (const [index, word] of given.entries()) {
      const arg = argAt(command, index)
      meant.push(arg === undefined ? word : this.#argOf(arg, word, meant))
    }
    return meant
  }

  #argOf(arg: Arg, word: string, before: readonly string[]): string {
    if (arg.from !== undefined || arg.to !== undefined) {
      const [from, to] = [arg.from ?? 0, arg.to ?? Number.MAX_SAFE_INTEGER]
      const number = Number(word)
      if (word.trim() !== '' && Number.isInteger(number) && number >= from && number <= to) return word
      throw new UsageError('PC-CONSOLE-SYNTAX', `<${arg.name}> is a whole number from ${from} to ${to}.`)
    }
    const words = arg.choices?.(this.#model, before, word).map((choice) => choice.word)
    if (words === undefined || arg.rest === true) return word
    const meant = arg.open === true && !words.includes(word) ? undefined : pick(word, words)
    if (meant !== undefined) return meant
    if (arg.open === true) return word
    throw new UsageError('PC-CONSOLE-SYNTAX', `"${word}" is none of ${words.length === 0 ? 'nothing: there is none' : listed(words)}.`)
  }
}

const literals = (commands: readonly Command[], depth: number): string[] => [...new Set(commands.flatMap(({ words }) => words[depth] ?? []))]

function argAt({ args }: Command, index: number): Arg | undefined {
  const last = args?.at(-1)
  return args?.[index] ?? (last?.rest === true ? last : undefined)
}

/** `call <component> <command> [argument=value...]` */
export function usage({ words, args = [] }: Command): string {
  return [...words, ...args.map(({ name, optional, rest }) => {
    const text = rest === true ? `${name}...` : name
    return optional === true ? `[${text}]` : `<${text}>`
  })].join(' ')
}

function* explained({ args = [], example }: Command): Generator<string> {
  for (const { name, says } of args) yield `      ${name.padEnd(14)} ${says}`
  yield `      example: ${example}`
}

const general = [
  '', 'Words can be shortened while they stay clear; Tab completes, ? tells what can follow.',
  '... | grep <text>, | exclude <text>, | begin <text>    only some of the lines',
  '... --json                                            one JSON object a line, for programs',
  'Up, down and Ctrl-R find earlier lines; Ctrl-C ends what runs.',
  'help <command> shows an example.',
]

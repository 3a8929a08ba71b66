/** Words that can be meant, by their beginning: what completion, abbreviation and help are made of. */
import { UsageError } from '../base/error.ts'

export interface Choice {
  word: string
  says: string
}

/** The choice that a word is, or is the only beginning of; `undefined` when none begins so. @throws UsageError (PC-CONSOLE-SYNTAX) when several do. */
export function pick(word: string, choices: readonly string[]): string | undefined {
  if (choices.includes(word)) return word
  const meant = [...new Set(choices.filter((choice) => choice.startsWith(word)))]
  if (meant.length > 1 && word !== '') {
    throw new UsageError('PC-CONSOLE-SYNTAX', `"${word}" can be ${listed(meant)}.`)
  }
  return word === '' ? undefined : meant[0]
}

/** What all words have in common at their beginning. */
export function commonBeginning(words: readonly string[]): string {
  const [first = '', ...rest] = words
  let length = first.length
  for (const word of rest) while (!word.startsWith(first.slice(0, length))) length--
  return first.slice(0, length)
}

const listedMax = 12

export function listed(words: readonly string[]): string {
  const shown = words.slice(0, listedMax).join(', ')
  return words.length > listedMax ? `${shown} and ${words.length - listedMax} more` : shown
}

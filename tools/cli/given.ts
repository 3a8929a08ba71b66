/** What a command was given: files by name, numbers in words. */
import { readFileSync } from 'node:fs'
import { UsageError } from '../../edge/base/error.ts'

/** @throws UsageError (PC-CLI-FILE). */
export function readGiven(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new UsageError('PC-CLI-FILE', `The file ${file} cannot be read.`, { cause })
  }
}

/** @param what a whole sentence on what it must be. @throws UsageError (PC-CLI-OPTION). */
export function numberGiven(text: string, least: number, most: number, what: string): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (!(value >= least && value <= most)) throw new UsageError('PC-CLI-OPTION', what)
  return value
}

/** How many times as fast as recorded: anything slower than a thousandth would never end. */
export function speedGiven(text: string): number {
  return text === 'max' ? Infinity : numberGiven(text, 0.001, 1_000_000, 'The speed is a number such as 1 or 0.5, or max.')
}

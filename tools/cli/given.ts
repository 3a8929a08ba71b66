/** Files that a command was given by name. */
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

/** What people may be called. */
import { InputError } from '../base/error.ts'

export const personPattern = /^[a-z][a-z0-9.-]{0,31}$/

/** Names that stand for something else in facts. */
const taken: ReadonlySet<string> = new Set(['unknown', 'self', 'controller', 'provision'])

/** @throws InputError (PC-ACCESS-PERSON). */
export function demandName(person: string): void {
  if (!personPattern.test(person)) throw new InputError('PC-ACCESS-PERSON', 'A name has up to 32 small letters, digits, dots and hyphens, and begins with a letter.')
  if (taken.has(person)) throw new InputError('PC-ACCESS-PERSON', 'This name stands for something else: take another.')
}

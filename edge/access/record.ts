/** What access must remember over a restart beside the accounts: failed attempts, and that the housing was opened. */
import { readFile, stat } from 'node:fs/promises'
import { writeDurably } from '../base/durable-file.ts'
import { mistakes, type Static, Type } from '../base/schema.ts'

const Remembered = Type.Object({
  format: Type.Literal('portcullis-access-record/1'),
  /** By key of the lock-outs. */
  failures: Type.Record(Type.String({ maxLength: 128 }), Type.Integer({ minimum: 1, maximum: 100 }), { maxProperties: 1_000 }),
  /** The housing was opened, and no engineer has looked since. */
  sealed: Type.Boolean(),
}, { additionalProperties: false })
export type Remembered = Omit<Static<typeof Remembered>, 'format'>

const bytes_max = 256 * 1024

/** `undefined` for what is no such record. Total over all texts. */
export function readRecord(text: string): Remembered | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (mistakes(Remembered, value).length > 0) return undefined
    const { failures, sealed } = value as Static<typeof Remembered>
    return { failures, sealed }
  } catch {
    return undefined
  }
}

export class AccessRecord {
  readonly #file: string
  readonly #now: () => Remembered
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  /** @param now what is to be remembered at the moment of writing */
  constructor(file: string, now: () => Remembered) {
    this.#file = file
    this.#now = now
  }

  /** What an earlier run left; `undefined` when there was none, `damaged` when it cannot be read. */
  async load(): Promise<Remembered | undefined | 'damaged'> {
    try {
      if ((await stat(this.#file)).size > bytes_max) return 'damaged'
      return readRecord(await readFile(this.#file, 'utf8')) ?? 'damaged'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'damaged'
    }
  }

  /** Resolves once what is so now is durable. Those who ask while a write runs share the one after it. */
  save(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    const next = this.#last.then(() => {
      this.#next = undefined
      return writeDurably(this.#file, JSON.stringify({ format: 'portcullis-access-record/1', ...this.#now() }))
    })
    this.#next = next
    this.#last = next.catch(() => undefined)
    return next
  }
}

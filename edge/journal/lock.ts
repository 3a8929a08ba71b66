/**
 * One writer at a time: an exclusive lock on a file beside the database, held as long as the journal
 * is open and let go by the operating system when the process dies, however it dies.
 */
import { DatabaseSync } from 'node:sqlite'
import { UsageError } from '../base/error.ts'

export class WriterLock {
  readonly #db: DatabaseSync

  /** @throws UsageError (PC-JOURNAL-LOCKED) when another process writes this journal. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 0 })
    try {
      this.#db.exec('BEGIN EXCLUSIVE')
    } catch (cause) {
      this.#db.close()
      throw new UsageError('PC-JOURNAL-LOCKED', 'The journal is in use: only one process may write it.', { cause })
    }
  }

  close(): void {
    this.#db.close()
  }
}

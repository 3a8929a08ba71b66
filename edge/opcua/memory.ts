/** The journal as the history of OPC UA reads it: from the server's own thread, in short reads beside the writer. */
import { JournalReader } from '../journal/reader.ts'
import type { Remember, Remembered } from './space/history.ts'

/** Facts of one read: the write-ahead log is never held up for longer. */
const page = 500

/** Opens the journal for each question, so that one that was set aside is not read for ever. */
export function journalMemory(file: string): Remember {
  return (wanted) => {
    const reader = new JournalReader(file)
    try {
      const found: Remembered[] = []
      for (let { beyond } = wanted; found.length < wanted.most;) {
        const most = Math.min(page, wanted.most - found.length)
        const facts = reader.remembered({ ...wanted, most, ...(beyond === undefined ? {} : { beyond }) })
        found.push(...facts.map(({ seq, wall, kind, body }) => ({ seq, at: wall, kind, body: body as Record<string, unknown> })))
        if (facts.length < most) break
        beyond = facts.at(-1)?.seq
      }
      return found
    } finally {
      reader.close()
    }
  }
}

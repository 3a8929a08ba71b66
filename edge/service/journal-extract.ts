/** The newest facts of every class, for somebody far away: rare ones are not pushed out by frequent ones. */
import type { Fact, FactClass, FactSource } from '../journal/fact.ts'

/** Facts of a class, and how many are looked at to find them. */
const perClass_max = 500
const looked_max = 20_000
const piece = 500

/** JSON Lines, oldest first; personal parts are left out, sealed as they are. */
export async function extractJournal(source: FactSource, bytes_max: number): Promise<string> {
  const found = new Map<FactClass, number>()
  const lines: string[] = []
  let bytes = 0
  for (let before = source.last; before > Math.max(0, source.last - looked_max) && bytes < bytes_max; before -= piece) {
    for (const fact of read(source, Math.max(0, before - piece), before).reverse()) {
      const count = (found.get(fact.class) ?? 0) + 1
      if (count > perClass_max) continue
      found.set(fact.class, count)
      const { personal, ...open } = fact
      const line = JSON.stringify(personal === undefined ? open : { ...open, personal: '[sealed]' })
      bytes += line.length + 1
      if (bytes > bytes_max) break
      lines.push(line)
    }
    // The gate goes on meanwhile.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return `${lines.reverse().join('\n')}\n`
}

/** One read gives a bounded number of bytes: it is read on until the piece is whole. */
function read(source: FactSource, from: number, to: number): Fact[] {
  const facts: Fact[] = []
  for (let last = from; last < to;) {
    const more = source.after(last, to - last).filter(({ seq }) => seq <= to)
    if (more.length === 0) break
    facts.push(...more)
    last = more.at(-1)?.seq ?? to
  }
  return facts
}

/**
 * Shows one row on a terminal with as few bytes as it takes: at 9600 baud each costs a millisecond.
 *
 * Knows what the row shows and where the cursor is; only BS, CR, printing, and CUF, CUB and EL of a
 * VT100 are used. The last column is never printed to: terminals differ in where the cursor is then.
 */
export class RowPainter {
  #shown = ''
  #at = 0

  /** The terminal now stands at the beginning of an empty row. */
  begin(): void {
    this.#shown = ''
    this.#at = 0
  }

  /** What to send so that the terminal shows `row` and its cursor stands before `cursor`. */
  paint(row: string, cursor: number): string {
    const shown = this.#shown
    let first = 0
    while (first < row.length && row[first] === shown[first]) first++
    let sent = ''
    if (first < row.length || shown.length > row.length) sent = this.#moveTo(first, shown) + this.#change(row, first)
    this.#shown = row
    return sent + this.#moveTo(cursor, row)
  }

  /** Prints what differs from `first` on, and wipes what is left of a longer row. */
  #change(row: string, first: number): string {
    const before = this.#shown
    let end = row.length
    if (before.length === row.length) while (end > first && before[end - 1] === row[end - 1]) end--
    this.#at = end
    if (before.length <= row.length) return row.slice(first, end)
    if (before.length > row.length + 1) return `${row.slice(first)}\u001b[K`
    this.#at++
    return `${row.slice(first)} `
  }

  /** @param row what the terminal shows up to `target` */
  #moveTo(target: number, row: string): string {
    const by = target - this.#at
    this.#at = target
    if (by === 0) return ''
    if (by > 0) return by <= 4 ? row.slice(target - by, target) : `\u001b[${by}C`
    if (target === 0) return '\r'
    return by >= -4 ? '\b'.repeat(-by) : `\u001b[${-by}D`
  }
}

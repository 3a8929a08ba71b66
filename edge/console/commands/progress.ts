/** How far something is, on one row that is painted again. */
import { toAscii } from '../ascii.ts'
import type { Context } from '../command.ts'
import { RowPainter } from '../painter.ts'

interface Progress { what?: string; file?: string; done: number; of: number }

/** Shows a component's property `progress` while `work` runs; nothing for programs. */
export async function withProgress<T>(context: Context, component: string, work: () => Promise<T>): Promise<T> {
  if (context.json) return await work()
  const { terminal, model } = context
  const painter = new RowPainter()
  // One row at a time: on a slow line the newest replaces what waits.
  let waiting: string | undefined
  let painting: Promise<void> | undefined
  const paintAll = async (): Promise<void> => {
    for (let row = waiting; row !== undefined; row = waiting) {
      waiting = undefined
      await terminal.write(painter.paint(row, row.length)).catch(() => undefined)
    }
    painting = undefined
  }
  const show = (row: string): void => {
    waiting = row.slice(0, terminal.size.columns - 1)
    painting ??= paintAll()
  }
  const forget = model.get(component).onChange('progress' as never, (value: unknown) => {
    const { what, file, done, of } = value as Progress
    show(toAscii(`${done}${of > 0 ? ` of ${of}` : ''} ${what ?? file ?? ''}`))
  })
  try {
    return await work()
  } finally {
    forget()
    show('')
    await painting
  }
}

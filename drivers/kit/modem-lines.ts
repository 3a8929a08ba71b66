/** Whether somebody is at the other end of an RS-232 cable, as far as its modem lines tell. */
import type { Cancel, Clock } from '../../edge/base/clock.ts'

/** As serialport tells them; the other end raises them, crossed over, by its DTR (ITU-T V.24, circuits 107 and 109). */
interface ModemLines {
  get(callback: (error: Error | null, lines?: { dsr: boolean; dcd: boolean }) => void): void
}

const look_ms = 250

/**
 * Calls `onGone` when the other end drops what it once raised: the cable was pulled, or the terminal
 * program ended. A cable of three wires, and a pseudo-terminal, raise nothing and drop nothing.
 */
export function watchPeer(port: ModemLines, clock: Clock, onGone: () => void): Cancel {
  let isOver = false
  let wasThere = false
  let cancel: Cancel = () => undefined
  const look = (): void => port.get((error, lines) => {
    // A pseudo-terminal has no modem lines; a port that was closed says so elsewhere.
    if (isOver || error !== null || lines === undefined) return
    const isThere = lines.dsr || lines.dcd
    if (wasThere && !isThere) return onGone()
    wasThere ||= isThere
    cancel = clock.after(look_ms, look)
  })
  look()
  return () => {
    isOver = true
    cancel()
  }
}

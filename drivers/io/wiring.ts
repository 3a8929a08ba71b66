/** What the twins of boards let the emulated world around them see and touch. */
import type { Listeners } from '../../edge/base/listeners.ts'

export interface Wiring {
  /** Something about a line may have changed. */
  readonly changed: Listeners<void>
  /** Whether the relay on this line is pulled in. */
  energised(line: number, options?: { invert?: boolean }): boolean
  /** A contact, button or beam drives an input. */
  drive(line: number, level: boolean): void
}

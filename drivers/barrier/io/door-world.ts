/** An emulated door that a board twin's relay moves, and whose contact and beam drive its inputs. */
import { type Cancel, type Clock, systemClock } from '../../../edge/base/clock.ts'
import type { Wiring } from '../../io/wiring.ts'

export interface DoorWorldOptions {
  /** The line of the relay that opens it. */
  relay: number
  /** The relay is pulled in by a low level. */
  invert?: boolean
  /** The contact of the shut door, and the level it gives then. */
  contact?: { line: number; level: boolean }
  /** The light beam across it, and the level it gives when something is in it. */
  beam?: { line: number; level: boolean }
  motion_ms?: number
  clock?: Clock
}

export class DoorWorld {
  position: 'closed' | 'opening' | 'open' | 'closing' = 'closed'
  /** A jammed door does not move. */
  jammed = false
  readonly #board: Wiring
  readonly #options: DoorWorldOptions
  readonly #clock: Clock
  readonly #stopListening: () => void
  #occupied = false
  #cancelMotion: Cancel = () => undefined

  constructor(board: Wiring, options: DoorWorldOptions) {
    this.#board = board
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#stopListening = board.changed.add(() => this.#settle())
    this.#wire()
  }

  get isClosed(): boolean {
    return this.position === 'closed'
  }

  /** Something comes into the beam, or leaves it. A door does not shut on it. */
  occupy(occupied: boolean): void {
    this.#occupied = occupied
    this.#wire()
    this.#settle()
  }

  /** Somebody pushes it open; it falls shut again by itself. */
  push(): void {
    this.#cancelMotion()
    this.position = 'open'
    this.#wire()
    this.#cancelMotion = this.#clock.after(this.#motion_ms, () => this.#settle())
  }

  /** It lets go of the board and of its timer. */
  stop(): void {
    this.#stopListening()
    this.#cancelMotion()
  }

  get #motion_ms(): number {
    return this.#options.motion_ms ?? 300
  }

  #settle(): void {
    const { relay, invert = false } = this.#options
    if (this.jammed) return
    const open = this.#board.energised(relay, { invert }) || (this.#occupied && !this.isClosed)
    if (open && (this.position === 'closed' || this.position === 'closing')) this.#move('opening', 'open')
    if (!open && (this.position === 'open' || this.position === 'opening')) this.#move('closing', 'closed')
  }

  #move(moving: 'opening' | 'closing', reached: 'open' | 'closed'): void {
    this.position = moving
    this.#wire()
    this.#cancelMotion()
    this.#cancelMotion = this.#clock.after(this.#motion_ms, () => {
      this.position = reached
      this.#wire()
      this.#settle()
    })
  }

  #wire(): void {
    const { contact, beam } = this.#options
    if (contact !== undefined) this.#board.drive(contact.line, this.isClosed === contact.level)
    if (beam !== undefined) this.#board.drive(beam.line, this.#occupied === beam.level)
  }
}

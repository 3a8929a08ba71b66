/** Lets a program use the technician's line: what the console hands the line to when a frame comes. */
import type { FrameService, TerminalIo } from '../io.ts'
import { Conversation } from './conversation.ts'
import { frameMax, isFrame } from './framing.ts'
import type { VisitOptions } from './visit.ts'

export class Frames implements FrameService {
  readonly frameMax = frameMax
  readonly #options: VisitOptions

  constructor(options: VisitOptions) {
    this.#options = options
  }

  recognises(frame: Uint8Array): boolean {
    return isFrame(frame)
  }

  async serve(io: TerminalIo, signal: AbortSignal): Promise<void> {
    await new Conversation(io, this.#options, signal).run()
  }
}

/** A piece of the page that asks the device for one thing at a time, and says what became of it. */
import type { PropertyDeclarations } from 'lit'
import { said } from './ask.ts'
import { DeviceView } from './device.ts'

export class ActingView extends DeviceView {
  static override properties: PropertyDeclarations = { busy: { state: true }, done: { state: true }, error: { state: true } }

  declare busy: boolean
  declare done: string
  declare error: string

  constructor() {
    super()
    this.busy = false
    this.done = ''
    this.error = ''
  }

  protected async act(work: () => Promise<void>): Promise<void> {
    this.busy = true
    this.done = ''
    this.error = ''
    await work().catch((error: unknown) => {
      this.error = said(error)
    })
    this.busy = false
  }
}

/** A button that lets a barrier be open while it is held, by pointer or by key. The server shuts it when no word comes. */
import { html, nothing, type TemplateResult } from 'lit'
import type { ShownCommand } from '../wire.ts'
import { device, DeviceView } from './device.ts'
import { line } from './page-line.ts'
import { texts } from './texts.ts'

/** Well within the silence that the server takes for a release. */
const repeat_ms = 200

export class HoldButton extends DeviceView {
  static override properties = { component: { type: String }, holding: { state: true } }

  declare component: string
  declare holding: boolean
  #repeat: ReturnType<typeof setInterval> | undefined
  readonly #release = (): void => this.#letGo()

  constructor() {
    super()
    this.holding = false
  }

  override connectedCallback(): void {
    super.connectedCallback()
    addEventListener('blur', this.#release)
    document.addEventListener('visibilitychange', this.#release)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    removeEventListener('blur', this.#release)
    document.removeEventListener('visibilitychange', this.#release)
    this.#letGo()
  }

  override render(): TemplateResult {
    const open = device.component(this.component)?.members['open'] as ShownCommand | undefined
    const may = open !== undefined && device.may(open.role)
    const refused = device.held?.component === this.component ? device.held : undefined
    // The server refused, or the barrier did: the button is not held any more.
    if (refused !== undefined && this.holding) queueMicrotask(this.#release)
    return html`<div class="card">
      <p class="summary" role="status">${texts.calibrate.wiggle.state} <strong>${device.value(this.component, 'state') ?? texts.component.unknown}</strong></p>
      <button class="hold" aria-pressed=${this.holding} ?disabled=${!may}
        @pointerdown=${(event: PointerEvent) => this.#press(event)} @pointerup=${this.#release} @pointercancel=${this.#release} @lostpointercapture=${this.#release}
        @keydown=${(event: KeyboardEvent) => this.#key(event)} @keyup=${this.#release} @blur=${this.#release} @contextmenu=${(event: Event) => event.preventDefault()}>
        ${this.holding ? texts.calibrate.wiggle.held : texts.calibrate.wiggle.hold}</button>
      ${may || open === undefined ? nothing : html`<p class="soft">${texts.command.needs(open.role)}</p>`}
      <p role="alert" class="bad">${refused === undefined ? nothing : `${refused.message} (${refused.code})`}</p>
    </div>`
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0) return
    ;(event.target as Element).setPointerCapture(event.pointerId)
    this.#hold()
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== ' ' && event.key !== 'Enter') return
    event.preventDefault()
    if (!event.repeat) this.#hold()
  }

  #hold(): void {
    if (this.holding) return
    device.held = undefined
    this.holding = true
    const say = (): void => line.say({ kind: 'hold', component: this.component })
    say()
    this.#repeat = setInterval(say, repeat_ms)
  }

  #letGo(): void {
    if (!this.holding) return
    this.holding = false
    clearInterval(this.#repeat)
    line.say({ kind: 'release', component: this.component })
  }
}

customElements.define('hold-button', HoldButton)

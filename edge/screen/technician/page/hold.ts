/** A button that moves something while it is held, by pointer or by key. The server lets go when no word comes. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Schema, ShownCommand } from '../wire.ts'
import { device, DeviceView } from './device.ts'
import { fields, filledIn } from './fields.ts'
import { liveValue } from './figures.ts'
import { line } from './page-line.ts'
import { texts } from './texts.ts'

/** Well within the silence that the server takes for a release. */
const repeat_ms = 200

const { move } = texts.calibrate

/** How long it goes on by itself is not theirs to say: that is as long as they hold it. */
function inHand({ args, held }: ShownCommand): Schema {
  return { ...args, properties: Object.fromEntries(Object.entries(args.properties ?? {}).filter(([name]) => name !== held?.time)) }
}

export class HoldButton extends DeviceView {
  static override properties = { component: { type: String }, holding: { state: true }, wrong: { state: true } }

  declare component: string
  declare holding: boolean
  /** What was filled in wrongly. */
  declare wrong: string
  #repeat: ReturnType<typeof setInterval> | undefined
  readonly #release = (): void => this.#letGo()

  constructor() {
    super()
    this.holding = false
    this.wrong = ''
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
    const command = device.heldCommand(this.component)
    if (command === undefined) return html`<p>${texts.component.absent}</p>`
    const { name, role, held, says } = command
    const may = device.may(role)
    const refused = device.held?.component === this.component ? device.held : undefined
    // The server refused, or the component did: the button is not held any more.
    if (refused !== undefined && this.holding) queueMicrotask(this.#release)
    const shown = device.component(this.component)?.members[held.shows]
    return html`<form class="card command" aria-label="${this.component} ${name}" @submit=${(event: Event) => event.preventDefault()}>
      <p class="says">${says}</p>
      <fieldset class="fields" ?disabled=${this.holding}>${fields(inHand(command))}</fieldset>
      <p class="summary" role="status">${this.component} ${held.shows}: <strong>${shown?.kind === 'property' ? liveValue(this.component, held.shows, shown) : nothing}</strong></p>
      <button type="button" class="hold" aria-pressed=${this.holding} ?disabled=${!may}
        @pointerdown=${(event: PointerEvent) => this.#press(event)} @pointerup=${this.#release} @pointercancel=${this.#release} @lostpointercapture=${this.#release}
        @keydown=${(event: KeyboardEvent) => this.#key(event)} @keyup=${this.#release} @blur=${this.#release} @contextmenu=${(event: Event) => event.preventDefault()}>
        ${this.holding ? move.held(held.release) : move.hold(name)}</button>
      ${may ? nothing : html`<p class="soft">${texts.command.needs(role)}</p>`}
      <p role="alert" class="bad">${refused === undefined ? this.wrong : `${refused.message} (${refused.code})`}</p>
    </form>`
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
    const command = device.heldCommand(this.component)
    const form = this.querySelector('form')
    if (this.holding || command === undefined || form === null) return
    const found = filledIn(form, inHand(command))
    this.wrong = 'wrong' in found ? found.wrong : ''
    if ('wrong' in found) return
    device.held = undefined
    this.holding = true
    line.say({ kind: 'hold', component: this.component, args: found.args })
    this.#repeat = setInterval(() => line.say({ kind: 'holding', component: this.component }), repeat_ms)
  }

  #letGo(): void {
    if (!this.holding) return
    this.holding = false
    clearInterval(this.#repeat)
    line.say({ kind: 'release', component: this.component })
  }
}

customElements.define('hold-button', HoldButton)

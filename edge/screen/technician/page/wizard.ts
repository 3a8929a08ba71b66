/** A wizard: one step after the other, each with a picture and a sentence, and what its owner adds below. */
import { html, LitElement, type TemplateResult } from 'lit'
import { type Drawing, drawn } from './pictures.ts'
import { texts } from './texts.ts'

export class WizardSteps extends LitElement {
  static override properties = { heading: { type: String }, steps: { attribute: false }, pictures: { attribute: false }, at: { state: true } }

  declare heading: string
  declare steps: readonly string[]
  declare pictures: readonly Drawing[]
  declare at: number

  constructor() {
    super()
    this.at = 0
  }

  protected override createRenderRoot(): HTMLElement {
    return this
  }

  override render(): TemplateResult {
    const last = this.steps.length - 1
    return html`<section class="card wizard" aria-label=${this.heading}>
      <ol class="dots" aria-hidden="true">${this.steps.map((_, at) => html`<li data-now=${at === this.at}></li>`)}</ol>
      ${drawn(this.pictures[this.at] ?? 'clear')}
      <p role="status" class="step">${this.at + 1} / ${this.steps.length}: ${this.steps[this.at]}</p>
      <p class="buttons"><button ?disabled=${this.at === 0} @click=${() => this.at--}>${texts.calibrate.before}</button>
        <button class="primary" ?disabled=${this.at === last} @click=${() => this.at++}>${texts.calibrate.next}</button></p>
    </section>`
  }
}

customElements.define('wizard-steps', WizardSteps)

/** A command as a form that is made from its argument schema; what moves something is confirmed first. */
import { html, LitElement, nothing, type TemplateResult } from 'lit'
import type { ShownCommand } from '../wire.ts'
import { command, said } from './ask.ts'
import { device } from './device.ts'
import { fields, filledIn } from './fields.ts'
import { shownValue } from './figures.ts'
import { texts } from './texts.ts'

export class CommandForm extends LitElement {
  static override properties = { component: { type: String }, name: { type: String }, spec: { attribute: false }, busy: { state: true }, outcome: { state: true }, error: { state: true } }

  declare component: string
  declare name: string
  declare spec: ShownCommand
  declare busy: boolean
  declare outcome: TemplateResult | undefined
  declare error: string

  constructor() {
    super()
    this.busy = false
    this.outcome = undefined
    this.error = ''
  }

  protected override createRenderRoot(): HTMLElement {
    return this
  }

  override render(): TemplateResult {
    const { says, role, moves, args } = this.spec
    const may = device.may(role)
    return html`<form class="card command" aria-label="${this.component} ${this.name}" @submit=${(event: SubmitEvent) => this.#submit(event)}>
      <h3>${this.name} ${moves ? html`<span class="badge" data-status="degraded">${texts.command.moves}</span>` : nothing}</h3>
      <p class="says">${says}</p>
      ${fields(args)}
      <button type="submit" class="primary" ?disabled=${this.busy || !may}>${this.busy ? texts.command.running : texts.command.run}</button>
      ${may ? nothing : html`<span class="soft">${texts.command.needs(role)}</span>`}
      <div role="status">${this.outcome}</div><p role="alert" class="bad">${this.error}</p>
      ${moves ? this.#dialog() : nothing}
    </form>`
  }

  #dialog(): TemplateResult {
    return html`<dialog aria-labelledby="confirm-${this.name}">
      <h3 id="confirm-${this.name}">${texts.command.confirmHeading}: ${this.component} ${this.name}</h3><p>${texts.command.confirm}</p>
      <button type="button" class="danger" @click=${() => this.#confirmed()}>${texts.command.yes}</button>
      <button type="button" @click=${() => this.querySelector('dialog')?.close()}>${texts.command.no}</button>
    </dialog>`
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault()
    if (this.spec.moves) this.querySelector('dialog')?.showModal()
    else void this.#run(false)
  }

  #confirmed(): void {
    this.querySelector('dialog')?.close()
    void this.#run(true)
  }

  async #run(confirmed: boolean): Promise<void> {
    const form = this.querySelector('form')
    if (form === null) return
    const found = filledIn(form, this.spec.args)
    this.outcome = undefined
    this.error = 'wrong' in found ? found.wrong : ''
    if ('wrong' in found) return
    this.busy = true
    try {
      const result = await command(this.component, this.name, found.args, confirmed)
      const isEmpty = result === null || typeof result !== 'object' || Object.keys(result).length === 0
      this.outcome = html`<p>${texts.command.done}</p>${isEmpty ? nothing : shownValue(result)}`
      this.dispatchEvent(new CustomEvent('carried-out', { detail: result }))
    } catch (error) {
      this.error = said(error)
    } finally {
      this.busy = false
    }
  }
}

customElements.define('command-form', CommandForm)

/** A command as a form that is made from its argument schema; what moves something is confirmed first. */
import { html, LitElement, nothing, type TemplateResult } from 'lit'
import type { Schema, ShownCommand } from '../wire.ts'
import { argumentsOf, isNumber, isOptional } from './arguments.ts'
import { command, said } from './ask.ts'
import { device } from './device.ts'
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
      ${Object.entries(args.properties ?? {}).map(([name, schema]) => this.#field(name, schema))}
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

  #field(name: string, schema: Schema): TemplateResult {
    const optional = isOptional(this.spec.args, name, schema)
    const label = html`${name}${optional ? html` <span class="soft">(${texts.command.optional})</span>` : nothing}${schema.description === undefined ? nothing : html`<span class="says">${schema.description}</span>`}`
    if (schema.type === 'boolean') return html`<label class="check"><input type="checkbox" name=${name} ?checked=${schema.default === true}> ${label}</label>`
    return html`<label>${label}${this.#input(name, schema, optional)}</label>`
  }

  #input(name: string, schema: Schema, optional: boolean): TemplateResult {
    const usual = schema.default === undefined ? '' : typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)
    const choices = schema.enum ?? (/^(component|part|camera)$/.test(name) ? device.components.map((each) => each.name) : undefined)
    if (choices !== undefined) {
      return html`<select name=${name} ?required=${!optional}><option value="">${optional ? '' : texts.command.choose}</option>
        ${choices.map((choice) => html`<option value=${String(choice)} ?selected=${choice === schema.default}>${String(choice)}</option>`)}</select>`
    }
    if (isNumber(schema)) {
      return html`<input type="number" name=${name} value=${usual} min=${schema.minimum ?? nothing} max=${schema.maximum ?? nothing} step=${schema.type === 'integer' ? 1 : 'any'} ?required=${!optional}>`
    }
    if (schema.type === 'string') return html`<input name=${name} value=${usual} maxlength=${schema.maxLength ?? nothing} ?required=${!optional} autocapitalize="none" spellcheck="false">`
    return html`<textarea name=${name} rows="3" ?required=${!optional} spellcheck="false" placeholder="JSON">${usual}</textarea>`
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
    const found = argumentsOf(this.spec.args, (name) => {
      const field = form.elements.namedItem(name)
      return field instanceof HTMLInputElement && field.type === 'checkbox' ? field.checked : (field as HTMLInputElement).value
    })
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

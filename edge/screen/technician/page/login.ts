/** Lets somebody in: by a secret, or by an answer of the authority to a challenge that is shown large. */
import { html, LitElement, nothing, type TemplateResult } from 'lit'
import type { Who } from '../wire.ts'
import { ask, said } from './ask.ts'
import { texts } from './texts.ts'

export class TechnicianLogin extends LitElement {
  static override properties = { notice: { type: String }, byAnswer: { state: true }, challenge: { state: true }, error: { state: true }, busy: { state: true } }

  /** Why the last session ended. */
  declare notice: string
  declare byAnswer: boolean
  declare challenge: string
  declare error: string
  declare busy: boolean

  constructor() {
    super()
    this.notice = ''
    this.byAnswer = false
    this.challenge = ''
    this.error = ''
    this.busy = false
  }

  protected override createRenderRoot(): HTMLElement {
    return this
  }

  override render(): TemplateResult {
    const { login } = texts
    return html`<form class="card login" @submit=${(event: SubmitEvent) => void this.#submit(event)}>
      <h1>${login.heading}</h1>
      <p role="status">${this.notice}</p>
      <label>${login.person}<input name="person" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64"></label>
      ${this.byAnswer ? this.#answer() : html`<label>${login.secret}<input name="secret" type="password" autocomplete="current-password" required maxlength="256"></label>`}
      <button type="submit" class="primary" ?disabled=${this.busy}>${this.byAnswer && this.challenge === '' ? login.ask : login.enter}</button>
      <p role="alert" class="bad">${this.error}</p>
      <button type="button" class="plain" @click=${() => this.#change()}>${this.byAnswer ? login.bySecret : login.byAnswer}</button>
    </form>`
  }

  #answer(): TemplateResult | typeof nothing {
    if (this.challenge === '') return nothing
    return html`<p>${texts.login.challenge}</p><output class="challenge">${this.challenge.split(/(?<=:)/).map((part) => html`<span>${part}</span>`)}</output>
      <label>${texts.login.answer}<textarea name="answer" rows="4" autocapitalize="none" spellcheck="false" required maxlength="1024"></textarea></label>
      <button type="button" class="plain" @click=${() => (this.challenge = '')}>${texts.login.again}</button>`
  }

  #change(): void {
    this.byAnswer = !this.byAnswer
    this.challenge = ''
    this.error = ''
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const given = Object.fromEntries(new FormData(form)) as Record<string, string>
    this.busy = true
    this.error = ''
    try {
      if (this.byAnswer && this.challenge === '') {
        this.challenge = (await ask<{ challenge: string }>('/challenge', { person: given['person'] })).challenge
      } else {
        const { who } = await ask<{ who: Who }>(this.byAnswer ? '/answer' : '/login', given)
        form.reset()
        this.dispatchEvent(new CustomEvent('entered', { detail: who }))
      }
    } catch (error) {
      this.error = said(error)
    } finally {
      this.busy = false
    }
  }
}

customElements.define('technician-login', TechnicianLogin)

/** Looks for facts in the journal: by kind, component, text and time. */
import { html, nothing, type TemplateResult } from 'lit'
import type { JournalPage, JournalQuery, ShownFact } from '../wire.ts'
import { ask, said } from './ask.ts'
import { device, DeviceView } from './device.ts'
import { timeOf } from './figures.ts'
import { texts } from './texts.ts'

export class DeviceJournal extends DeviceView {
  static override properties = { facts: { state: true }, next: { state: true }, looked: { state: true }, busy: { state: true }, error: { state: true } }

  declare facts: ShownFact[] | undefined
  declare next: number | undefined
  declare looked: number
  declare busy: boolean
  declare error: string

  constructor() {
    super()
    this.facts = undefined
    this.next = undefined
    this.looked = 0
    this.busy = false
    this.error = ''
  }

  override firstUpdated(): void {
    void this.#search()
  }

  override render(): TemplateResult {
    const { journal } = texts
    return html`<h1>${journal.heading}</h1>
      <form class="card grid" @submit=${(event: SubmitEvent) => {
        event.preventDefault()
        void this.#search()
      }}>
        <label>${journal.kind}<input name="kind" maxlength="64" autocapitalize="none" spellcheck="false" placeholder="gate.step"></label>
        <label>${journal.component}<select name="component"><option value="">${journal.any}</option>${device.components.map(({ name }) => html`<option>${name}</option>`)}</select></label>
        <label>${journal.text}<input name="text" maxlength="128" type="search" autocapitalize="none" spellcheck="false"></label>
        <label>${journal.from}<input name="from" type="datetime-local" step="1"></label>
        <label>${journal.to}<input name="to" type="datetime-local" step="1"></label>
        <button type="submit" class="primary" ?disabled=${this.busy}>${journal.search}</button>
      </form>
      <p role="alert" class="bad">${this.error}</p>
      <p role="status" class="soft">${this.facts === undefined ? nothing : `${this.facts.length === 0 ? `${journal.none} ` : ''}${journal.looked(this.looked)}`}</p>
      <ol class="facts">${(this.facts ?? []).map(fact)}</ol>
      ${this.next === undefined ? nothing : html`<button ?disabled=${this.busy} @click=${() => void this.#search(this.next)}>${journal.more}</button>`}`
  }

  async #search(before?: number): Promise<void> {
    this.busy = true
    this.error = ''
    try {
      const page = await ask<JournalPage>('/journal', { ...this.#query(), ...(before === undefined ? {} : { before }) })
      this.facts = before === undefined ? page.facts : [...this.facts ?? [], ...page.facts]
      this.looked = page.looked
      this.next = page.next
    } catch (error) {
      this.error = said(error)
    } finally {
      this.busy = false
    }
  }

  #query(): JournalQuery {
    const form = this.querySelector('form')
    const { kind = '', component = '', text = '', from = '', to = '' } = Object.fromEntries(form === null ? [] : new FormData(form)) as Record<string, string>
    return { kind: kind.trim(), component, text: text.trim(), ...(from === '' ? {} : { from: new Date(from).getTime() }), ...(to === '' ? {} : { to: new Date(to).getTime() }) }
  }
}

const fact = ({ seq, wall, kind, body, sealed }: ShownFact): TemplateResult => html`<li value=${seq}>
  <span class="seq">${seq}</span> <time>${timeOf(wall)}</time> <strong>${kind}</strong> ${sealed ? html`<span class="badge">${texts.journal.sealed}</span>` : nothing}<code>${JSON.stringify(body)}</code></li>`

customElements.define('device-journal', DeviceJournal)

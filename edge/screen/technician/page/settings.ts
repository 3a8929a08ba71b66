/** Values of the profile: seen, changed within their limits, and taken back. */
import { html, nothing, type TemplateResult } from 'lit'
import { ActingView } from './acting-view.ts'
import { command } from './ask.ts'
import { device } from './device.ts'
import { shownValue, timeOf } from './figures.ts'
import { texts } from './texts.ts'

interface Setting {
  path: string
  value: string
  says: string
  limits: string
}

interface Change {
  id: number
  path: string
  before: string
  value: string
  by: string
  at: number
  active: boolean
}

export class DeviceSettings extends ActingView {
  static override properties = { setting: { state: true } }

  declare setting: Setting | undefined

  constructor() {
    super()
    this.setting = undefined
  }

  get #name(): string {
    return device.of('settings')[0]?.name ?? 'settings'
  }

  override firstUpdated(): void {
    void this.#get('')
  }

  override render(): TemplateResult {
    const { settings } = texts
    return html`<h1>${settings.heading}</h1>
      <form class="card" @submit=${(event: SubmitEvent) => {
        event.preventDefault()
        void this.#get(this.#field('path'))
      }}>
        <label>${settings.path}<input name="path" maxlength="256" autocapitalize="none" spellcheck="false"></label>
        <button type="submit" class="primary" ?disabled=${this.busy}>${settings.get}</button>
      </form>
      <p role="status">${this.done}</p><p role="alert" class="bad">${this.error}</p>
      ${this.setting === undefined ? nothing : this.#setting(this.setting)}
      <h2>${settings.changes}</h2>${this.#changes()}`
  }

  #setting({ path, value, says, limits }: Setting): TemplateResult {
    const { settings } = texts
    const found: unknown = value === '' ? undefined : JSON.parse(value)
    const isGroup = found !== null && typeof found === 'object' && !Array.isArray(found)
    return html`<section class="card"><h2>${path}</h2><p>${says}</p>
      ${isGroup ? html`<ul class="plain-list">${Object.entries(found).map(([name, item]) => html`<li><button class="plain" @click=${() => void this.#get(path === '' ? name : `${path}.${name}`)}>${name}</button> ${item !== null && typeof item === 'object' ? nothing : shownValue(item)}</li>`)}</ul>` : html`<p>${shownValue(found)}</p>`}
      ${path === '' ? nothing : html`<p class="soft">${settings.limits}: ${limits}</p>`}
      ${isGroup || !device.may('technician') ? nothing : html`<form @submit=${(event: SubmitEvent) => {
        event.preventDefault()
        void this.#set(path, this.#field('value'))
      }}><label>${settings.value}<input name="value" .value=${value} maxlength="4096" autocapitalize="none" spellcheck="false" required></label><button type="submit" ?disabled=${this.busy}>${settings.set}</button></form>`}
    </section>`
  }

  #changes(): TemplateResult {
    const { settings } = texts
    const changes = (device.value(this.#name, 'changes') as Change[] | undefined) ?? []
    if (changes.length === 0) return html`<p class="soft">${settings.none}</p>`
    return html`<ul class="plain-list">${changes.map(({ id, path, before, value, by, at, active }) => html`<li class="card"><strong>${path}</strong>: <code>${before}</code> → <code>${value}</code>
      <span class="soft">${by}, ${timeOf(at)}, ${active ? settings.active : settings.waiting}</span>
      <button ?disabled=${this.busy || !device.may('technician')} @click=${() => void this.act(async () => {
        await command(this.#name, 'undo', { id })
        this.done = settings.undone
      })}>${settings.undo}</button></li>`)}</ul>`
  }

  #get(path: string): Promise<void> {
    // At once: by the time that the answer comes, somebody may have typed another.
    const field = this.querySelector<HTMLInputElement>('[name=path]')
    if (field !== null) field.value = path
    return this.act(async () => {
      this.setting = { path, ...await command<Omit<Setting, 'path'>>(this.#name, 'get', { path }) }
    })
  }

  #set(path: string, value: string): Promise<void> {
    return this.act(async () => {
      await command(this.#name, 'set', { path, value })
      this.done = texts.settings.kept
    })
  }

  #field(name: string): string {
    return this.querySelector<HTMLInputElement>(`[name=${name}]`)?.value.trim() ?? ''
  }
}

customElements.define('device-settings', DeviceSettings)

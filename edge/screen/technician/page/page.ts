/** The technician's page: the login, or the device in its views. */
import { html, nothing, type TemplateResult } from 'lit'
import { endings, texts } from './texts.ts'
import type { Who } from '../wire.ts'
import { unreachable } from '../../../base/error.ts'
import { ask } from './ask.ts'
import './calibrate.ts'
import './camera.ts'
import './component.ts'
import { device, DeviceView } from './device.ts'
import './journal.ts'
import './lidar.ts'
import './log.ts'
import './login.ts'
import './overview.ts'
import { line, listenTo } from './page-line.ts'
import './settings.ts'
import './test.ts'

type ViewName = keyof typeof texts.views

export class TechnicianPage extends DeviceView {
  static override properties = { who: { state: true }, view: { state: true }, detail: { state: true }, notice: { state: true } }

  /** `null` until it is known whether somebody is logged in. */
  declare who: Who | undefined | null
  declare view: ViewName | 'component'
  declare detail: string
  declare notice: string
  readonly #turned = (): void => this.#turn()

  constructor() {
    super()
    this.who = null
    this.notice = ''
    this.#turn()
    listenTo({
      ended: (why) => this.#leave(endings[why]),
      lost: () => void this.#recognise(),
    })
  }

  override connectedCallback(): void {
    super.connectedCallback()
    addEventListener('hashchange', this.#turned)
    void this.#recognise()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    removeEventListener('hashchange', this.#turned)
    line.close()
  }

  override render(): TemplateResult {
    if (this.who === null) return html`<p class="card">${texts.loading}</p>`
    if (this.who === undefined) return html`<main><technician-login .notice=${this.notice} @entered=${({ detail }: CustomEvent<Who>) => this.#enter(detail)}></technician-login></main>`
    return html`<a class="skip" href="#content" @click=${(event: Event) => {
      event.preventDefault()
      this.querySelector<HTMLElement>('#content')?.focus()
    }}>${texts.skip}</a>
      <header><strong>${texts.title}</strong> <span class="soft">${this.who.person}, ${this.who.role}</span> <button @click=${() => void this.#logout()}>${texts.logout}</button></header>
      <nav aria-label=${texts.title}><ul>${this.#views().map((view) => html`<li><a href="#/${view}" aria-current=${this.view === view || (view === 'device' && this.view === 'component') ? 'page' : nothing}>${texts.views[view]}</a></li>`)}</ul></nav>
      <p role="alert" class="lost" ?hidden=${device.live || device.about === undefined}>${device.live ? nothing : texts.lost}</p>
      <main id="content" tabindex="-1">${device.about === undefined ? html`<p>${texts.loading}</p>` : this.#content()}</main>`
  }

  #views(): ViewName[] {
    const absent: Partial<Record<ViewName, boolean>> = { lidar: device.about?.lidar !== true, camera: device.of('camera').length === 0, settings: device.of('settings').length === 0, log: device.of('logs').length === 0 }
    return (Object.keys(texts.views) as ViewName[]).filter((view) => absent[view] !== true)
  }

  #content(): TemplateResult {
    const { view } = this
    switch (view) {
      case 'device': return html`<device-overview></device-overview>`
      case 'component': return html`<device-component .name=${this.detail}></device-component>`
      case 'test': return html`<device-test></device-test>`
      case 'journal': return html`<device-journal></device-journal>`
      case 'log': return html`<device-log></device-log>`
      case 'settings': return html`<device-settings></device-settings>`
      case 'camera': return html`<device-camera></device-camera>`
      case 'lidar': return html`<h1>${texts.lidar.heading}</h1><device-lidar></device-lidar>`
      case 'calibrate': return html`<device-calibrate .wizard=${this.detail}></device-calibrate>`
    }
    return unreachable(view)
  }

  #turn(): void {
    const [, view = '', detail = ''] = location.hash.split('/')
    this.view = view === 'component' ? view : Object.hasOwn(texts.views, view) ? view as ViewName : 'device'
    this.detail = decoded(detail)
    document.title = `Portcullis: ${this.view === 'component' ? this.detail : texts.views[this.view]}`
  }

  /** Whether the cookie still leads to a session: after loading, and whenever the line is cut. */
  async #recognise(): Promise<void> {
    const found = await ask<{ who?: Who }>('/session').catch(() => undefined)
    // A device that does not answer says nothing about the session.
    if (found === undefined) return
    if (found.who === undefined) this.#leave(this.notice)
    else if (this.who === null || this.who === undefined) this.#enter(found.who)
  }

  #enter(who: Who): void {
    this.who = who
    this.notice = ''
    line.open()
  }

  #leave(notice: string): void {
    line.close()
    device.forget()
    this.who = undefined
    this.notice = notice
  }

  async #logout(): Promise<void> {
    await ask('/logout', {}).catch(() => undefined)
    this.#leave(endings.logout)
    // Whoever comes next begins at the beginning.
    location.hash = ''
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

customElements.define('technician-page', TechnicianPage)

/** The tail of the log, followed while somebody looks. */
import { html, nothing, type TemplateResult } from 'lit'
import { ask, said } from './ask.ts'
import './command.ts'
import { device, DeviceView } from './device.ts'
import { clockOf } from './figures.ts'
import { texts } from './texts.ts'

const period_ms = 1_000
const first = 100
const lines_max = 500
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

interface Line {
  seq: number
  text: string
}

export class DeviceLog extends DeviceView {
  static override properties = { lines: { state: true }, follow: { state: true }, component: { state: true }, least: { state: true }, lost: { state: true }, error: { state: true } }

  declare lines: Line[]
  declare follow: boolean
  declare component: string
  declare least: string
  declare lost: number
  declare error: string
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Counts what was chosen: an answer to an older choice is not shown. */
  #choice = 0

  constructor() {
    super()
    this.lines = []
    this.follow = true
    this.component = ''
    this.least = 'trace'
    this.lost = 0
    this.error = ''
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#begin()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#choice++
    clearTimeout(this.#timer)
  }

  override render(): TemplateResult {
    const { log } = texts
    const [logs] = device.of('logs')
    const setLevel = logs?.members['setLevel']
    const least = levels.indexOf(this.least as 'info')
    const lines = this.lines.map((line) => ({ line, read: read(line.text) })).filter(({ read }) => levels.indexOf(read.level as 'info') >= least)
    return html`<h1>${log.heading}</h1>
      <div class="card grid">
        <label>${log.component}<select @change=${(event: Event) => this.#choose((event.target as HTMLSelectElement).value)}><option value="">${log.all}</option>${device.components.map(({ name }) => html`<option>${name}</option>`)}</select></label>
        <label>${log.level}<select @change=${(event: Event) => (this.least = (event.target as HTMLSelectElement).value)}>${levels.map((level) => html`<option ?selected=${level === this.least}>${level}</option>`)}</select></label>
        <label class="check"><input type="checkbox" ?checked=${this.follow} @change=${(event: Event) => this.#setFollow((event.target as HTMLInputElement).checked)}> ${log.follow}</label>
      </div>
      <p role="alert" class="bad">${this.error}</p>
      ${this.lost > 0 ? html`<p class="bad">${log.lost(this.lost)}</p>` : nothing}
      <ol class="log" tabindex="0" aria-label=${log.heading}>${lines.length === 0 ? html`<li class="soft">${log.none}</li>` : lines.map(({ read: { at, level, component, says, rest } }) => html`<li data-level=${level}><time>${at}</time> <strong>${level}</strong> <span class="of">${component}</span> ${says} <code>${rest}</code></li>`)}</ol>
      ${setLevel?.kind !== 'command' || logs === undefined ? nothing : html`<h2>${log.louder}</h2><command-form .component=${logs.name} .name=${'setLevel'} .spec=${setLevel}></command-form>`}`
  }

  /** Whoever looks at the end stays there. */
  override updated(): void {
    const list = this.querySelector('.log')
    if (this.follow && list !== null) list.scrollTop = list.scrollHeight
  }

  #choose(component: string): void {
    this.component = component
    this.#begin()
  }

  #setFollow(follow: boolean): void {
    this.follow = follow
    if (follow) this.#later(this.#choice)
    else clearTimeout(this.#timer)
  }

  #begin(): void {
    this.lines = []
    this.lost = 0
    void this.#fetch(++this.#choice)
  }

  async #fetch(choice: number): Promise<void> {
    try {
      const after = this.lines.at(-1)?.seq
      const { lines, lost } = await ask<{ lines: Line[]; lost: number }>('/log', { count: first, ...(this.component === '' ? {} : { component: this.component }), ...(after === undefined ? {} : { after }) })
      if (choice !== this.#choice) return
      this.error = ''
      this.lost += lost
      if (lines.length > 0) this.lines = [...this.lines, ...lines].slice(-lines_max)
    } catch (error) {
      if (choice === this.#choice) this.error = said(error)
    }
    if (choice === this.#choice && this.follow) this.#later(choice)
  }

  #later(choice: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#fetch(choice), period_ms)
  }
}

/** A line is JSON as the log writes it; what is none is shown as it is. */
function read(text: string): { at: string; level: string; component: string; says: string; rest: string } {
  try {
    const { time, level, component, unit, says, ...rest } = JSON.parse(text) as Record<string, string>
    const more = Object.keys(rest).length === 0 ? '' : JSON.stringify(rest)
    return { at: time === undefined ? '' : clockOf(new Date(time).getTime()), level: level ?? 'info', component: component ?? unit ?? '', says: says ?? '', rest: more }
  } catch {
    return { at: '', level: 'info', component: '', says: text, rest: '' }
  }
}

customElements.define('device-log', DeviceLog)
